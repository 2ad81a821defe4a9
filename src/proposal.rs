//! What a pull request proposes, from what was pinned. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::pin::{FileEdit, Pinned};
use crate::plan::Outcome;
use crate::pull_request::{ImageChange, LeftOut, Proposal};
use crate::reference::{Digest, LATEST};

/// The directory whose files a token may lack the permission to change.
pub const WORKFLOWS: &str = ".github/workflows/";

/// Returns the proposal for the files in `files`, a part of `pinned`, as the commit `head`.
///
/// Files of `pinned` that are not in `files` are held: the token may not change workflows.
pub fn proposal(pinned: &Pinned, files: &[&FileEdit], head: String) -> Proposal {
    type Key<'p> = (&'p str, &'p str, Option<&'p Digest>, &'p Digest, &'p str);
    let proposed: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut images: BTreeMap<Key<'_>, BTreeSet<&str>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for ((file, located), verdict) in pinned.inventory.sites().zip(&pinned.verdicts) {
        let site = &located.site;
        let mut leave_out = |outcome: Outcome, reason: &str, detail: Option<String>| {
            left_out.push(LeftOut {
                image: site.image.clone(),
                file: file.path.clone(),
                line: located.line,
                outcome: outcome.as_str().to_owned(),
                reason: reason.to_owned(),
                detail,
            });
        };
        match (&verdict.change, &site.reference) {
            (Some(change), Some(reference)) if proposed.contains(file.path.as_str()) => {
                let tag = reference.tag().unwrap_or(LATEST);
                let key = (reference.name(), tag, reference.digest(), &change.digest, change.covers.as_str());
                images.entry(key).or_default().insert(&file.path);
            }
            (Some(_), _) => {
                let detail =
                    "the token may not change workflows; give it the `workflows` permission".to_owned();
                leave_out(Outcome::Held, "workflow-permission", Some(detail));
            }
            (None, _) if matches!(verdict.outcome, Outcome::Failed | Outcome::Held) => {
                leave_out(verdict.outcome, verdict.reason.unwrap_or_default(), verdict.detail.clone());
            }
            _ => {}
        }
    }
    let images = images.into_iter().map(|((name, tag, old, new, covers), files)| ImageChange {
        name: name.to_owned(),
        tag: tag.to_owned(),
        old: old.cloned(),
        new: new.clone(),
        platforms: covers.to_owned(),
        files: files.into_iter().map(str::to_owned).collect(),
    });
    Proposal {
        images: images.collect(),
        left_out,
        spans: files.iter().map(|file| file.spans).sum(),
        files: files.len(),
        head,
    }
}
