//! Changes become edited bytes, file by file, each proven before anybody may write it. Pure.

use std::collections::BTreeSet;

use crate::manifest::annotate::{self, Annotations};
use crate::manifest::edit::Plan;
use crate::manifest::proof;
use crate::manifest::{Located, Source, text_of};
use crate::plan::{Outcome, Verdict};
use crate::policy::Style;

/// An edited file: proven, not written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The bytes after.
    pub after: Vec<u8>,
    /// How many spans differ.
    pub spans: usize,
    /// Annotations that could not be written, with the reason: the pin happened all the same.
    pub notes: Vec<String>,
}

/// Edits one file; `verdicts` are those of its `sites`, in order, and learn of what could not be done.
///
/// Returns `None` where nothing changes.
pub fn edit(
    before: &[u8],
    sites: &[Located],
    verdicts: &mut [Verdict],
    annotations: &Annotations<'_>,
) -> Option<Edited> {
    if verdicts.iter().all(|verdict| verdict.change.is_none()) {
        return None;
    }
    let Ok(text) = text_of(before) else {
        fail_all(verdicts, "file-changed", "the file is no longer UTF-8");
        return None;
    };
    let source = Source::new(text);
    let mut yaml = source.parse();
    let blocks: BTreeSet<_> = sites.iter().filter_map(|located| located.site.inside).collect();
    for block in blocks {
        // Where the file has changed, its sites no longer match either.
        let _ = yaml.embed(block);
    }
    let mut plan = Plan::default();
    for (located, verdict) in sites.iter().zip(verdicts.iter_mut()) {
        let site = &located.site;
        let Some(change) = verdict.change.as_ref() else { continue };
        // The file was read twice; in between somebody may have written it.
        let still_there = yaml.nodes.get(site.main).is_some_and(|node| node.span == site.span);
        let (Some(write), Some(reference), true) = (&site.write, &site.reference, still_there) else {
            *verdict = Verdict::because(
                Outcome::Failed,
                "file-changed",
                Some("the file changed while tagpin read it".into()),
            );
            continue;
        };
        let done = match change.style {
            Style::TagDigest => plan.pin(&yaml, write, reference, &change.digest),
            Style::Digest => plan.pin_with_comment(&yaml, write, reference, &change.digest),
        };
        if let Err(error) = done {
            *verdict = Verdict::because(Outcome::Held, error.reason(), Some(error.to_string()));
        }
    }
    if plan.splices.is_empty() {
        return None;
    }
    // A pin counts more than its annotation: where both together cannot be proven, the pin goes alone.
    let mut annotated = plan.clone();
    let mut notes = annotate::annotate(&yaml, &mut annotated, sites, verdicts, annotations);
    let proven = |plan: &Plan| -> Result<String, proof::ProofError> {
        let plan = &yaml.with_embedded(plan);
        let after = plan.apply(yaml.text).ok_or(proof::ProofError::Bytes)?;
        proof::prove(&yaml, &after, plan)?;
        if yaml.masked.is_empty() {
            return Ok(after);
        }
        // What was proven is the masked template: the same splices go into the template itself.
        let after = plan.apply(text).ok_or(proof::ProofError::Bytes)?;
        proof::prove_template(&yaml, &after, plan)?;
        Ok(after)
    };
    let (after, plan) = match proven(&annotated) {
        Ok(after) => (after, annotated),
        Err(error) => match proven(&plan) {
            Ok(after) => {
                notes.push(format!("no annotations: {error}"));
                (after, plan)
            }
            Err(error) => {
                fail_all(verdicts, "not-proven", &error.to_string());
                return None;
            }
        },
    };
    let mark = &before[..before.len() - text.len()];
    Some(Edited { after: [mark, after.as_bytes()].concat(), spans: plan.splices.len(), notes })
}

/// The file stays as it is, so every site in it that was to change has failed.
fn fail_all(verdicts: &mut [Verdict], reason: &'static str, detail: &str) {
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.change.is_some()) {
        *verdict = Verdict::because(Outcome::Failed, reason, Some(detail.to_owned()));
    }
}
