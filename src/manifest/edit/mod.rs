//! Changes become edited bytes, file by file, each proven before anybody may write it. Pure.

pub mod annotations;
pub(crate) mod embedded;
pub mod proof;
pub(crate) mod shared;
pub mod splice;
mod style;

use std::collections::BTreeSet;

pub use style::Style;

use crate::manifest::edit::annotations::AnnotationPlan;
use crate::manifest::edit::proof::ProofError;
use crate::manifest::edit::splice::Plan;
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::source::{SourceText, text_of};
use crate::manifest::syntax::tree::Yaml;
use crate::manifest::{Located, scan_whole};
use crate::plan::{Outcome, Verdict};

/// An edited file: proven, not written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedFile {
    /// The bytes after.
    pub after: Vec<u8>,
    /// How many spans differ.
    pub spans: usize,
    /// Annotations that could not be written, with the reason: the pin happened all the same.
    pub notes: Vec<String>,
}

/// Edits the file at `path`; `verdicts` are those of its `sites`, in order, and learn of what could not be done.
///
/// Returns `None` where nothing changes.
pub fn edit(
    path: &str,
    before: &[u8],
    catalogue: &Catalogue,
    sites: &[Located],
    verdicts: &mut [Verdict],
    annotations: &AnnotationPlan<'_>,
) -> Option<EditedFile> {
    if verdicts.iter().all(|verdict| verdict.change.is_none()) {
        return None;
    }
    let Ok(text) = text_of(before) else {
        fail_all(verdicts, "file-changed", "the file is no longer UTF-8");
        return None;
    };
    // The file is read again, every document of it; in between somebody may have written it.
    let whole = scan_whole(path, before, catalogue).sites;
    let same = |(now, then): (&Located, &Located)| {
        now.site.span == then.site.span && now.site.image == then.site.image
    };
    if whole.len() != sites.len() || !whole.iter().zip(sites).all(same) {
        fail_all(verdicts, "file-changed", "the file changed while tagpin read it");
        return None;
    }
    let sites = &whole[..];
    let source = SourceText::new(text, Language::of(path).unwrap_or_default());
    let mut yaml = source.parse();
    let blocks: BTreeSet<_> = sites.iter().filter_map(|located| located.site.inside).collect();
    for block in blocks {
        // Where the file has changed, its sites no longer match either.
        let _ = yaml.embed(block);
    }
    shared::hold(&yaml, sites, verdicts);
    let plan = plan_sites(&yaml, sites, verdicts);
    if plan.splices.is_empty() {
        return None;
    }
    let mut annotated = plan.clone();
    let mut notes = annotations::annotate(&yaml, &mut annotated, sites, verdicts, annotations);
    let (after, plan) = match prove(&yaml, &annotated) {
        Ok(after) => (after, annotated),
        // A pin counts more than its annotation: where both together cannot be proven, the pin goes alone.
        Err(error) => {
            notes = vec![format!("no annotations: {error}")];
            prove_without(&yaml, plan, sites, verdicts)?
        }
    };
    let mark = &before[..before.len() - text.len()];
    Some(EditedFile { after: [mark, after.as_bytes()].concat(), spans: plan.splices.len(), notes })
}

/// Plans the changes of all sites; a site that cannot be edited learns why.
fn plan_sites(yaml: &Yaml<'_>, sites: &[Located], verdicts: &mut [Verdict]) -> Plan {
    let mut plan = Plan::default();
    for (located, verdict) in sites.iter().zip(verdicts.iter_mut()) {
        let site = &located.site;
        let Some(change) = verdict.change.as_ref() else { continue };
        let (Some(write), Some(reference)) = (&site.write, &site.reference) else {
            let detail = "the file changed while tagpin read it".to_owned();
            *verdict = Verdict::because(Outcome::Failed, "file-changed", Some(detail));
            continue;
        };
        let reference = &change.applied_to(reference);
        let done = plan.retag(yaml, site, change.tag.as_deref()).and_then(|()| match change.style {
            Style::TagDigest => plan.pin(yaml, write, reference, &change.digest),
            Style::Digest => plan.pin_with_comment(yaml, write, reference, &change.digest),
        });
        if let Err(error) = done {
            *verdict = Verdict::because(Outcome::Held, error.reason(), Some(error.to_string()));
        }
    }
    plan
}

/// Returns the text with `plan` done, proven.
fn prove(yaml: &Yaml<'_>, plan: &Plan) -> Result<String, ProofError> {
    let plan = &yaml.with_embedded(plan);
    let after = plan.apply(yaml.text).ok_or(ProofError::Bytes)?;
    proof::prove(yaml, &after, plan)?;
    if yaml.masked.is_empty() {
        return Ok(after);
    }
    // What was proven is the masked template: the same splices go into the template itself.
    let after = plan.apply(yaml.original).ok_or(ProofError::Bytes)?;
    proof::prove_template(yaml, &after, plan)?;
    Ok(after)
}

/// Returns the text with `plan` done, or with what can be proven of it, and the plan that it is.
///
/// Where all edits together cannot be proven, the sites that cannot be proven alone fail, so that one of them does not
/// stop the others. Many sites in a large file are not tried one by one.
fn prove_without(
    yaml: &Yaml<'_>,
    plan: Plan,
    sites: &[Located],
    verdicts: &mut [Verdict],
) -> Option<(String, Plan)> {
    if let Ok(after) = prove(yaml, &plan) {
        return Some((after, plan));
    }
    let changes = verdicts.iter().filter(|verdict| verdict.change.is_some()).count();
    if changes.saturating_mul(yaml.text.len()) <= PROOF_WORK_MAX {
        for (site, verdict) in sites.iter().zip(verdicts.iter_mut()) {
            if verdict.change.is_none() {
                continue;
            }
            let plan = plan_sites(yaml, std::slice::from_ref(site), std::slice::from_mut(verdict));
            if let Err(error) = prove(yaml, &plan) {
                *verdict = Verdict::because(Outcome::Failed, "not-proven", Some(error.to_string()));
            }
        }
    }
    let plan = plan_sites(yaml, sites, verdicts);
    if plan.splices.is_empty() {
        return None;
    }
    match prove(yaml, &plan) {
        Ok(after) => Some((after, plan)),
        Err(error) => {
            fail_all(verdicts, "not-proven", &error.to_string());
            None
        }
    }
}

/// How many bytes are proven at most to find the one edit that cannot be: some seconds.
const PROOF_WORK_MAX: usize = 64 * 1024 * 1024;

/// The file stays as it is, so every site in it that was to change has failed.
fn fail_all(verdicts: &mut [Verdict], reason: &'static str, detail: &str) {
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.change.is_some()) {
        *verdict = Verdict::because(Outcome::Failed, reason, Some(detail.to_owned()));
    }
}
