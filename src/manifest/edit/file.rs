//! One file: its edits planned together, and proven together where they can be.

use std::collections::BTreeMap;

use super::annotations::{self, AnnotationPlan};
use super::embedded::with_blocks;
use super::proof::{self, ProofError};
use super::shared;
use super::site_edit::{Attempt, EditError, SiteEdit, is_open};
use super::splice::Plan;
use super::style::Style;
use crate::manifest::deploy;
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::located::{Located, Scan};
use crate::manifest::scan::scan_whole;
use crate::manifest::site::Site;
use crate::manifest::syntax::source::{SourceText, text_of};
use crate::manifest::syntax::tree::SyntaxTree;

/// How many bytes are proven at most to find the one edit that cannot be: some seconds.
const PROOF_WORK_MAX: usize = 64 * 1024 * 1024;

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

/// Edits the file at `path`; `edits` are those of its `sites`, in order.
///
/// Returns the file, `None` where nothing changes, and for each site whether what it asks for is done.
pub fn edit(
    path: &str,
    before: &[u8],
    catalogue: &Catalogue,
    sites: &[Located],
    edits: Vec<SiteEdit>,
    annotations: &AnnotationPlan<'_>,
) -> (Option<EditedFile>, Vec<Result<(), EditError>>) {
    let mut attempts: Vec<Attempt> = edits.into_iter().map(Ok).collect();
    let edited = (annotations.mends || attempts.iter().any(is_open))
        .then(|| edit_sites(path, before, catalogue, sites, &mut attempts, annotations))
        .flatten();
    (edited, attempts.into_iter().map(|attempt| attempt.map(drop)).collect())
}

fn edit_sites(
    path: &str,
    before: &[u8],
    catalogue: &Catalogue,
    sites: &[Located],
    attempts: &mut [Attempt],
    annotations: &AnnotationPlan<'_>,
) -> Option<EditedFile> {
    let Ok(text) = text_of(before) else {
        fail_all(attempts, &EditError::NotUtf8);
        return None;
    };
    // The file is read again, every document of it; in between somebody may have written it.
    let Scan { sites: mut whole, unread, .. } = scan_whole(path, before, catalogue);
    // What the rest of the tree says of them does not stand in the file.
    deploy::keep_known(&mut whole, sites);
    for (now, then) in whole.iter_mut().zip(sites) {
        deploy::adopt(now, then);
    }
    let same = |(now, then): (&Located, &Located)| {
        now.site.span == then.site.span && now.site.image == then.site.image
    };
    if whole.len() != sites.len() || !whole.iter().zip(sites).all(same) {
        // A document that is broken, as by a quote that is never closed, may hide the images of those behind it.
        let broken = unread.into_iter().find_map(|unread| unread.detail);
        let error = broken.map_or(EditError::FileChanged, |said| ProofError::Unverifiable(said).into());
        fail_all(attempts, &error);
        return None;
    }
    let sites = &whole[..];
    let source = SourceText::new(text, path);
    let mut tree = source.parse();
    let inside =
        sites.iter().filter_map(|located| Some((located.site.inside?, located.site.inner_language())));
    let blocks: BTreeMap<_, _> = inside.collect();
    for (block, language) in blocks {
        // Where the file has changed, its sites no longer match either.
        let _ = tree.embed(block, language);
    }
    shared::hold(&tree, sites, attempts);
    let plan = plan_sites(&tree, sites, attempts);
    if plan.splices.is_empty() && !annotations.mends {
        return None;
    }
    let mut annotated = plan.clone();
    let mut notes = annotations::annotate(&tree, &mut annotated, sites, attempts, annotations);
    if annotated.splices.is_empty() {
        return None;
    }
    if plan.splices.is_empty() {
        notes.push("its annotations say again what its images are".to_owned());
    }
    let (after, plan) = match prove(&tree, &annotated) {
        Err(_) if plan.splices.is_empty() => return None,
        Ok(after) => (after, annotated),
        // A pin counts more than its annotation: where both together cannot be proven, the pin goes alone.
        Err(error) => {
            notes = vec![format!("no annotations: {error}")];
            prove_without(&tree, plan, sites, attempts)?
        }
    };
    let mark = &before[..before.len() - text.len()];
    Some(EditedFile { after: [mark, after.as_bytes()].concat(), spans: plan.splices.len(), notes })
}

fn plan_sites(tree: &SyntaxTree<'_>, sites: &[Located], attempts: &mut [Attempt]) -> Plan {
    let mut plan = Plan::default();
    for (located, attempt) in sites.iter().zip(attempts) {
        if let Ok(edit) = attempt
            && let Err(error) = plan_site(&mut plan, tree, &located.site, edit)
        {
            *attempt = Err(error);
        }
    }
    plan
}

fn plan_site(plan: &mut Plan, tree: &SyntaxTree<'_>, site: &Site, edit: &SiteEdit) -> Result<(), EditError> {
    let SiteEdit::Write { digest, tag, style, .. } = edit else { return Ok(()) };
    // A site that is skipped now has neither.
    let (Some(write), Some(reference)) = (&site.write, &site.reference) else {
        return Err(EditError::FileChanged);
    };
    let tagged = tag.as_deref().map(|tag| reference.tagged(tag));
    let reference = tagged.as_ref().unwrap_or(reference);
    plan.retag(tree, site, tag.as_deref())?;
    match style {
        Style::TagDigest => plan.pin(tree, write, reference, digest)?,
        Style::Digest => plan.pin_with_comment(tree, write, reference, digest)?,
    }
    Ok(())
}

fn prove(tree: &SyntaxTree<'_>, plan: &Plan) -> Result<String, ProofError> {
    let plan = &with_blocks(tree, plan);
    let after = plan.apply(tree.text).ok_or(ProofError::Bytes)?;
    proof::prove(tree, &after, plan)?;
    if tree.masked.is_empty() {
        return Ok(after);
    }
    // What was proven is the masked template: the same splices go into the template itself.
    let after = plan.apply(tree.original).ok_or(ProofError::Bytes)?;
    proof::prove_template(tree, &after, plan)?;
    Ok(after)
}

/// Returns the text with `plan` done, or with what can be proven of it, and the plan that it is.
///
/// Where all edits together cannot be proven, the sites that cannot be proven alone fail, so that one of them does not
/// stop the others. Many sites in a large file are not tried one by one.
fn prove_without(
    tree: &SyntaxTree<'_>,
    plan: Plan,
    sites: &[Located],
    attempts: &mut [Attempt],
) -> Option<(String, Plan)> {
    if let Ok(after) = prove(tree, &plan) {
        return Some((after, plan));
    }
    let changes = attempts.iter().filter(|attempt| is_open(attempt)).count();
    if changes.saturating_mul(tree.text.len()) <= PROOF_WORK_MAX {
        for (site, attempt) in sites.iter().zip(attempts.iter_mut()).filter(|(_, attempt)| is_open(attempt)) {
            let plan = plan_sites(tree, std::slice::from_ref(site), std::slice::from_mut(attempt));
            if let Err(error) = prove(tree, &plan) {
                *attempt = Err(error.into());
            }
        }
    }
    let plan = plan_sites(tree, sites, attempts);
    if plan.splices.is_empty() {
        return None;
    }
    match prove(tree, &plan) {
        Ok(after) => Some((after, plan)),
        Err(error) => {
            fail_all(attempts, &error.into());
            None
        }
    }
}

/// The file stays as it is, so every site in it that was to change has failed.
fn fail_all(attempts: &mut [Attempt], error: &EditError) {
    for attempt in attempts.iter_mut().filter(|attempt| is_open(attempt)) {
        *attempt = Err(error.clone());
    }
}
