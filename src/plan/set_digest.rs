//! Digests that a person, a list or another environment names, in the place of what a tag is now: from the named digest to
//! proven edits.
//!
//! A digest is confirmed by the registry before it is written, wherever its name comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Rules, left_alone, style_of};
use super::describe;
use super::edits::Pinned;
use super::pin::edit;
use super::reason::Reason;
use super::verdict::{Change, Outcome, Verdict};
use super::verify::verify;
use crate::history::ledger::LedgerView;
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::Skip;
use crate::platform::Platform;
use crate::policy::Settings;
use crate::reference::{Digest, Reference};
use crate::registry::{DigestCheck, Registry, TagRef, Unconfirmed, confirm};
use crate::source::tree::{Tree, TreeError};

/// What a site is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// Nobody asked for anything: what is pinned is unchanged, the rest skipped.
    Keep,
    /// It is decided already.
    Decided(Verdict),
    /// It gets this digest.
    Set(AssignedDigest),
}

/// A digest that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedDigest {
    /// The digest.
    pub digest: Digest,
    /// The tag that is written with it; `None` keeps the site's.
    pub tag: Option<String>,
    /// The platforms that it must have; empty where nothing is demanded.
    pub platforms: Vec<Platform>,
}

/// What happens to the others where one site is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomicity {
    /// Nothing is written.
    AllOrNothing,
    /// They go on.
    PerImage,
}

/// Confirms the digests that `assignments` name, one assignment for each site of `inventory`, and edits the files in memory.
/// Nothing is written.
///
/// # Errors
/// The tree itself cannot be read. What goes wrong with one site is in its verdict.
pub async fn assign<T: Tree, R: Registry>(
    tree: &T,
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    inventory: Inventory,
    assignments: Vec<Assignment>,
    atomicity: Atomicity,
) -> Result<Pinned, TreeError> {
    let rules = Rules::new(settings, past);
    let wishes = inventory.sites().zip(assignments).map(|((file, located), assignment)| match assignment {
        Assignment::Keep => (left_alone(file, rules, located), None),
        Assignment::Decided(verdict) => (verdict, None),
        Assignment::Set(assigned) => match set(file, rules, located, assigned) {
            Ok((change, check)) => (Verdict::changed(located, change), Some(check)),
            Err(verdict) => (*verdict, None),
        },
    });
    let (mut verdicts, checks): (Vec<Verdict>, Vec<Option<DigestCheck>>) = wishes.unzip();
    confirm_changes(registry, checks, &mut verdicts).await;
    verify(registry, &settings.policy, &inventory, &mut verdicts).await;
    hold_together(&mut verdicts, atomicity);
    let (mut files, notes) = edit(tree, settings, &inventory, &mut verdicts, &BTreeSet::new());
    // An edit that could not be proven is a refusal too.
    if hold_together(&mut verdicts, atomicity) {
        files.clear();
    }
    Ok(Pinned { inventory: inventory.into(), verdicts, files, notes, ..Pinned::default() })
}

/// Returns the verdict where a hold keeps the assigned digest from being written; no registry is asked for that.
pub fn on_hold(
    file: &FileScan,
    rules: Rules<'_>,
    located: &Located,
    assigned: &AssignedDigest,
) -> Option<Box<Verdict>> {
    let refused = set(file, rules, located, assigned.clone()).err();
    refused.filter(|verdict| verdict.reason == Some(Reason::OnHold))
}

/// Returns the change that writes the assigned digest, and what the registry has to confirm first; the verdict where there
/// is nothing to write, or nothing may be written.
fn set(
    file: &FileScan,
    rules: Rules<'_>,
    located: &Located,
    assigned: AssignedDigest,
) -> Result<(Change, DigestCheck), Box<Verdict>> {
    const DIGEST_ONLY: Reason = Reason::Skip(Skip::DigestOnly);
    let style = style_of(file, rules, located).map_err(|verdict| match verdict.reason {
        Some(DIGEST_ONLY) => Box::new(Verdict::held(DIGEST_ONLY, describe::DIGEST_ONLY)),
        _ => verdict,
    })?;
    let not_a_reference = || Verdict::because(Outcome::Skipped, Reason::Skip(Skip::NotAReference), None);
    let reference = located.site.reference.as_ref().ok_or_else(not_a_reference)?;
    let AssignedDigest { digest, tag, platforms } = assigned;
    let tag = tag.filter(|tag| reference.tag() != Some(tag));
    if located.site.digest() == Some(&digest) && tag.is_none() {
        return Err(Box::new(Verdict::unchanged()));
    }
    let tagged = tag.as_deref().map(|tag| reference.tagged(tag));
    // A ban may name the tag that stands here, or the one that comes.
    let against = |reference: &Reference| rules.holds.against(&file.root_path, reference, &digest);
    if let Some(hold) = against(reference).or_else(|| against(tagged.as_ref()?)) {
        return Err(Box::new(Verdict::held(Reason::OnHold, describe::digest_on_hold(&digest, hold))));
    }
    let question = TagRef::new(tagged.as_ref().unwrap_or(reference));
    let check = DigestCheck { question, digest: digest.clone(), platforms };
    let change = Change::unconfirmed(digest, tag, style);
    Ok((change, check))
}

/// Asks the registry for each digest once; the verdict on a site whose digest it does not confirm becomes why.
async fn confirm_changes<R: Registry>(
    registry: &R,
    checks: Vec<Option<DigestCheck>>,
    verdicts: &mut [Verdict],
) {
    let mut sites: BTreeMap<DigestCheck, Vec<usize>> = BTreeMap::new();
    for (index, check) in checks.into_iter().enumerate() {
        if let Some(check) = check {
            sites.entry(check).or_default().push(index);
        }
    }
    for (check, confirmed) in confirm(registry, sites.keys().cloned().collect()).await {
        for index in sites.remove(&check).unwrap_or_default() {
            let Some(verdict) = verdicts.get_mut(index) else { continue };
            match (&confirmed, &mut verdict.change) {
                (Ok(covers), Some(change)) => (*covers).clone_into(&mut change.covers),
                (Ok(_), None) => {}
                (Err(refused), _) => *verdict = refusal_verdict(refused),
            }
        }
    }
}

/// Holds every change where all or none are to be written and one is refused. Returns whether that is so.
fn hold_together(verdicts: &mut [Verdict], atomicity: Atomicity) -> bool {
    let is_refused = atomicity == Atomicity::AllOrNothing && verdicts.iter().any(Verdict::is_refused);
    if is_refused {
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.change.is_some()) {
            *verdict = Verdict::held(Reason::OthersRefused, describe::OTHERS_REFUSED);
        }
    }
    is_refused
}

fn refusal_verdict(refused: &Unconfirmed) -> Verdict {
    match refused {
        Unconfirmed::Gone(_) => Verdict::held(Reason::DigestGone, refused.to_string()),
        Unconfirmed::Lacking { .. } => Verdict::held(Reason::PlatformMissing, refused.to_string()),
        Unconfirmed::Unknown(error) => Verdict::unresolved(error),
    }
}
