//! What a pull request proposes, from what was pinned. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::ledger::Moves;
use crate::manifest::site::Site;
use crate::plan::{Outcome, Pinned, Reason, Verdict};
use crate::pull_request::{ImageChange, ObjectRef, Occasion, Omitted, Proposal};
use crate::reference::{Digest, LATEST};
use crate::registry::verify::Proof;

#[derive(Default)]
struct Used<'p> {
    files: BTreeSet<&'p str>,
    objects: BTreeSet<ObjectRef>,
    proofs: BTreeSet<&'p Proof>,
    moves: Option<&'p Moves>,
    unconfirmed: Option<Reason>,
}

/// Returns the proposal for the files that change, as the commit `head`. `unconfirmed` has the verdicts on the sites whose
/// change this run could not confirm.
pub fn proposal(
    pinned: &Pinned,
    unconfirmed: &BTreeMap<usize, Verdict>,
    occasion: Occasion,
    head: String,
) -> Proposal {
    type UsedKey<'p> = (&'p str, &'p str, Option<&'p Digest>, &'p Digest, &'p str, Option<&'p Digest>);
    let mut images: BTreeMap<UsedKey<'_>, Used<'_>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for (index, ((file, located), verdict)) in pinned.inventory.sites().zip(&pinned.verdicts).enumerate() {
        let site = &located.site;
        if let (Some(change), Some(reference)) = (&verdict.change, &site.reference) {
            let tag = change.tag.as_deref().or(reference.tag()).unwrap_or(LATEST);
            let behind = verdict.behind.as_ref().map(|behind| &behind.index);
            let (old, covers) = (reference.digest(), change.covers.as_str());
            let key = (reference.name(), tag, old, &change.digest, covers, behind);
            let used = images.entry(key).or_default();
            let doubt = unconfirmed.get(&index).and_then(|verdict| verdict.reason);
            used.unconfirmed = used.unconfirmed.or(doubt);
            used.moves = used.moves.or(change.moves.as_deref());
            used.proofs.extend(&change.proofs);
            used.files.insert(&file.path);
            used.objects.extend(object(&file.path, site));
        } else if matches!(verdict.outcome, Outcome::Failed | Outcome::Held) {
            left_out.push(Omitted {
                image: site.image.clone(),
                file: file.path.clone(),
                line: located.line,
                outcome: verdict.outcome.as_str().to_owned(),
                reason: verdict.reason.map_or("", Reason::as_str).to_owned(),
                detail: verdict.detail.clone().filter(|_| !is_fleeting(verdict.reason)),
            });
        }
    }
    let images = images.into_iter().map(|((name, tag, old, new, covers, index), used)| ImageChange {
        name: name.to_owned(),
        tag: tag.to_owned(),
        old: old.cloned(),
        new: new.clone(),
        platforms: covers.to_owned(),
        index: index.cloned(),
        files: used.files.into_iter().map(str::to_owned).collect(),
        objects: used.objects.into_iter().collect(),
        proofs: used.proofs.into_iter().cloned().collect(),
        details: None,
        moves: used.moves.cloned(),
        unconfirmed: used.unconfirmed.map(|reason| reason.as_str().to_owned()),
    });
    Proposal {
        occasion,
        images: images.collect(),
        left_out,
        spans: pinned.files.iter().map(|file| file.spans).sum(),
        files: pinned.files.len(),
        head,
        requests: BTreeMap::new(),
        environments: BTreeMap::new(),
    }
}

fn object(file: &str, site: &Site) -> Option<ObjectRef> {
    let (kind, owner) = (site.kind.as_deref()?, site.owner.as_ref()?);
    Some(ObjectRef {
        file: file.to_owned(),
        kind: kind.to_owned(),
        name: owner.name.as_deref().map(str::to_owned),
    })
}

/// Returns whether what a registry said changes from one run to the next, such as how long to wait: each time the pull
/// request would be edited, although nothing new can be done about it.
fn is_fleeting(reason: Option<Reason>) -> bool {
    matches!(reason, Some(Reason::RateLimited | Reason::Unavailable | Reason::InvalidAnswer))
}
