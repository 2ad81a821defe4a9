//! Digests that a person, a list or another environment names, in the place of what a tag is now: from the named digest to
//! proven edits.
//!
//! A digest is confirmed by the registry before it is written, wherever its name comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::Pinned;
use crate::history::ledger::LedgerView;
use crate::manifest::inventory::Inventory;
use crate::manifest::site::Skip;
use crate::plan::verify::vouch;
use crate::plan::{self, Change, Outcome, Verdict, pin};
use crate::platform::Platform;
use crate::policy::Settings;
use crate::policy::hold::ON_HOLD;
use crate::reference::{Digest, Reference};
use crate::registry::{DigestCheck, Registry, TagRef, Unconfirmed, confirm};
use crate::source::tree::{Tree, TreeError};

/// What a site is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// Nobody asked for anything: what is pinned is unchanged, the rest skipped.
    Leave,
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
    StopsAll,
    /// They go on.
    StopsOne,
}

/// The reason of a verdict on a site that could be changed, beside one that is refused.
pub const OTHERS_REFUSED: &str = "others-refused";

/// What is said of it.
pub const HALVES: &str = "another image is refused, and nothing is done by halves";

/// Confirms what `aims` name, one aim for each site of `inventory`, and edits the files in memory. Nothing is written.
///
/// # Errors
/// The tree itself cannot be read. What goes wrong with one site is in its verdict.
pub async fn assign<T: Tree, R: Registry>(
    tree: &T,
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    inventory: Inventory,
    aims: Vec<Assignment>,
    refusal: Atomicity,
) -> Result<Pinned, TreeError> {
    let charts = pin::charts(tree, &inventory)?;
    let rules = plan::Rules::new(settings, past, &charts);
    let mut verdicts = Vec::new();
    let mut claims: BTreeMap<DigestCheck, Vec<usize>> = BTreeMap::new();
    for ((file, located), aim) in inventory.sites().zip(aims) {
        let named = match aim {
            Assignment::Leave => {
                verdicts.push(plan::left_alone(file, rules, located));
                continue;
            }
            Assignment::Decided(verdict) => {
                verdicts.push(verdict);
                continue;
            }
            Assignment::Set(named) => named,
        };
        let site = &located.site;
        let style = plan::style_of(file, rules, located);
        let (style, reference) = match (style, &site.reference) {
            (Ok(style), Some(reference)) => (style, reference),
            // Somebody names a digest for it: not to write it is no success.
            (Err(verdict), _) if verdict.reason == Some(Skip::DigestOnly.reason()) => {
                let detail = "it has a digest and no tag: write its tag beside the digest first".to_owned();
                verdicts.push(Verdict::because(Outcome::Held, Skip::DigestOnly.reason(), Some(detail)));
                continue;
            }
            (Err(verdict), _) => {
                verdicts.push(*verdict);
                continue;
            }
            (Ok(_), None) => {
                verdicts.push(Verdict::because(Outcome::Skipped, "not-a-reference", None));
                continue;
            }
        };
        let AssignedDigest { digest, tag, platforms } = named;
        let tag = tag.filter(|tag| reference.tag() != Some(tag));
        if site.digest() == Some(&digest) && tag.is_none() {
            verdicts.push(Verdict::unchanged());
            continue;
        }
        let tagged = tag.as_deref().map(|tag| reference.tagged(tag));
        // A ban may name the tag that stands here, or the one that comes.
        let against = |reference: &Reference| rules.holds.against(&file.root_path, reference, &digest);
        if let Some(hold) = against(reference).or_else(|| against(tagged.as_ref()?)) {
            let detail = format!("`{digest}` is on hold: {hold}");
            verdicts.push(Verdict::because(Outcome::Held, ON_HOLD, Some(detail)));
            continue;
        }
        let question = TagRef::new(tagged.as_ref().unwrap_or(reference));
        let claim = DigestCheck { question, digest: digest.clone(), platforms };
        claims.entry(claim).or_default().push(verdicts.len());
        let outcome = if site.digest().is_some() { Outcome::Updated } else { Outcome::Pinned };
        let change =
            Change { digest, tag, style, covers: String::new(), proofs: BTreeSet::new(), moves: None };
        verdicts.push(Verdict { outcome, change: Some(change), ..Verdict::unchanged() });
    }
    let wanted: BTreeSet<DigestCheck> = claims.keys().cloned().collect();
    for (claim, confirmed) in confirm(registry, wanted).await {
        for index in claims.remove(&claim).unwrap_or_default() {
            let Some(verdict) = verdicts.get_mut(index) else { continue };
            match &confirmed {
                Ok(covers) => {
                    if let Some(change) = &mut verdict.change {
                        (*covers).clone_into(&mut change.covers);
                    }
                }
                Err(refused) => *verdict = told(refused),
            }
        }
    }
    vouch(registry, &settings.policy, &inventory, &mut verdicts).await;
    // A hold is somebody's decision about this one image, and says nothing of the others.
    let is_refused = |verdict: &Verdict| {
        matches!(verdict.outcome, Outcome::Held | Outcome::Failed) && verdict.reason != Some(ON_HOLD)
    };
    if refusal == Atomicity::StopsAll && verdicts.iter().any(is_refused) {
        hold_all(&mut verdicts);
    }
    let (mut files, notes) = pin::edit(tree, settings, &inventory, &mut verdicts);
    // An edit that could not be proven is a refusal too.
    if refusal == Atomicity::StopsAll && verdicts.iter().any(is_refused) {
        hold_all(&mut verdicts);
        files.clear();
    }
    Ok(Pinned { inventory, verdicts, files, notes, ..Pinned::default() })
}

fn hold_all(verdicts: &mut [Verdict]) {
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.change.is_some()) {
        *verdict = Verdict::because(Outcome::Held, OTHERS_REFUSED, Some(HALVES.to_owned()));
    }
}

fn told(refused: &Unconfirmed) -> Verdict {
    let detail = Some(refused.to_string());
    match refused {
        Unconfirmed::Gone(_) => Verdict::because(Outcome::Held, "digest-gone", detail),
        Unconfirmed::Lacking { .. } => Verdict::because(Outcome::Held, "platform-missing", detail),
        Unconfirmed::Unknown(error) => Verdict::because(Outcome::Failed, error.reason(), detail),
    }
}
