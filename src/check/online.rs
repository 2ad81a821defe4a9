//! What the registries say of the images: the answers that the online rules look at.
//!
//! Each tag is asked once, as `pin` does it, and each pinned digest once more where no answer has shown it,
//! or where its platforms matter. What a registry
//! does not say is in [`RegistryFacts::unchecked`]: neither wrong nor fine.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};

use super::tag_history::TagHistory;
use crate::history::ledger::{LedgerView, TagObservation};
use crate::manifest::inventory::Inventory;
use crate::manifest::site::{ObjectOwner, State};
use crate::plan::{BY_PROMOTION, Outcome, Verdict, pin};
use crate::platform::Platform;
use crate::policy::Settings;
use crate::reference::{Digest, Reference};
use crate::registry::{
    Answers, DigestLevel, ManifestContent, MirrorComparison, Probe, Probed, Registry, ResolveError, TagRef,
};
use crate::source::tree::{Tree, TreeError};

/// How many digests are looked for at once.
const AT_ONCE: usize = 32;

/// The answers about the sites of an inventory.
#[derive(Clone, Debug, Default)]
pub struct RegistryFacts {
    /// What `pin` would do with each site, in the order of [`Inventory::sites`].
    pub verdicts: Vec<Verdict>,
    /// The sites whose digest the registry no longer has, by their index.
    pub gone: BTreeSet<usize>,
    /// The sites whose digest is one platform's manifest where the tag is an index, by their index.
    pub single: BTreeSet<usize>,
    /// The platforms that are needed and that the pinned index lacks, by the sites' index.
    pub missing: BTreeMap<usize, Vec<Platform>>,
    /// The mirrors that have another digest for the tag than the registry, by the sites' index.
    pub stale: BTreeMap<usize, Vec<Stale>>,
    /// The sites whose digest was never behind their tag, as far as the ledger knows, by their index.
    pub strangers: BTreeMap<usize, TagHistory>,
    /// What could not be checked.
    pub unchecked: Vec<UncheckedSite>,
}

/// A mirror that has another digest for a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Its name, `host[:port]/repository`.
    pub mirror: String,
    /// What it says.
    pub there: Digest,
    /// What the registry says.
    pub now: Digest,
}

/// A site that no registry gave an answer about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedSite {
    /// Its index in [`Inventory::sites`].
    pub reference: usize,
    /// Why: [`ResolveError::reason`].
    pub reason: &'static str,
    /// What the registry said.
    pub detail: String,
}

/// Asks about the sites of `inventory` whose index is `wanted`.
///
/// # Errors
/// The tree itself cannot be read.
pub async fn ask<T: Tree, R: Registry>(
    tree: &T,
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    inventory: &Inventory,
    wanted: impl Fn(usize) -> bool,
    progress: impl Fn(usize, usize),
) -> Result<RegistryFacts, TreeError> {
    let (verdicts, answers) =
        pin::decide(tree, settings, past, registry, inventory, &wanted, progress).await?;
    let mut online = RegistryFacts { verdicts, ..RegistryFacts::default() };
    for (reference, verdict) in online.verdicts.iter().enumerate() {
        // What an index lacks is the finding of a rule.
        if verdict.outcome == Outcome::Failed && verdict.reason != Some(PLATFORM_MISSING) {
            let reason = verdict.reason.unwrap_or_default();
            let detail = verdict.detail.clone().unwrap_or_default();
            online.unchecked.push(UncheckedSite { reference, reason, detail });
        }
    }
    let mut looks: BTreeMap<(String, String, Probe), (TagRef, Vec<usize>)> = BTreeMap::new();
    let mut needed: BTreeMap<usize, Vec<Platform>> = BTreeMap::new();
    let mut moved: BTreeSet<usize> = BTreeSet::new();
    let past = past.with(&TagObservation::all(&answers));
    for (index, (file, located)) in inventory.sites().enumerate().filter(|(index, _)| wanted(*index)) {
        let site = &located.site;
        let (State::Pinned, Some(reference)) = (site.state, &site.reference) else { continue };
        let (question, Some(digest)) = (TagRef::new(reference), reference.digest()) else { continue };
        let known = match known(reference, &question, digest, &answers) {
            // Nothing is known of the repository: that the tag could not be asked is said already.
            PinnedStatus::Nothing => continue,
            PinnedStatus::Gone => {
                online.gone.insert(index);
                continue;
            }
            PinnedStatus::There => true,
            // What is as it should be was seen in the index of the tag.
            PinnedStatus::Unknown => online.verdicts.get(index).is_some_and(|verdict| {
                verdict.outcome == Outcome::Unchanged && verdict.reason != Some(BY_PROMOTION)
            }),
        };
        let decision = settings.policy.decide(&file.root_path, reference.name(), site.platform.as_ref());
        let stays = online.verdicts.get(index).is_some_and(|verdict| verdict.change.is_none());
        // A digest that tagpin wrote is what the tag was, whatever it has become.
        let is_recorded = |owner: &ObjectOwner| owner.digests.values().any(|text| text == digest.as_str());
        if decision.level == DigestLevel::Index && !site.owner.as_ref().is_some_and(is_recorded) {
            if is_moved_index(&question, digest, &answers) {
                moved.insert(index);
            }
            if let Some(stranger) = TagHistory::of(reference, &past).filter(|_| reference.tag().is_some()) {
                online.strangers.insert(index, stranger);
            }
        }
        let look = if stays && !decision.needed.is_empty() {
            needed.insert(index, decision.needed);
            Probe::Body(digest.clone())
        } else if known && !online.strangers.contains_key(&index) {
            continue;
        } else {
            Probe::Head(digest.clone())
        };
        let key = (question.registry.clone(), question.repository.clone(), look);
        looks.entry(key).or_insert_with(|| (question, Vec::new())).1.push(index);
    }
    let seen: Vec<_> = stream::iter(looks)
        .map(async |((_, _, look), (question, sites))| (sites, registry.look(&question, &look).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (sites, seen) in seen {
        for reference in sites {
            // One platform's manifest is never what such a tag is, and all the same in it.
            if !seen.as_ref().is_ok_and(|seen| is_index(seen) || !moved.contains(&reference)) {
                online.strangers.remove(&reference);
            }
            match &seen {
                Ok(Probed::Content(index @ ManifestContent::Index(_))) => {
                    let mut needed = needed.remove(&reference).unwrap_or_default();
                    needed.retain(|platform| index.entry(platform).is_none());
                    if !needed.is_empty() {
                        online.missing.insert(reference, needed);
                    }
                }
                Ok(seen) if is_image(seen) && moved.contains(&reference) => {
                    online.single.insert(reference);
                }
                Ok(_) => {}
                Err(ResolveError::NotFound(_)) => {
                    online.gone.insert(reference);
                }
                Err(error) => {
                    let (reason, detail) = (error.reason(), error.to_string());
                    online.unchecked.push(UncheckedSite { reference, reason, detail });
                }
            }
        }
    }
    compare(registry, inventory, &wanted, &answers, &mut online).await;
    online.unchecked.sort_by_key(|unchecked| unchecked.reference);
    online.unchecked.dedup_by_key(|unchecked| unchecked.reference);
    Ok(online)
}

/// Compares the mirrors of each tag that was answered with the registry.
async fn compare<R: Registry>(
    registry: &R,
    inventory: &Inventory,
    wanted: &impl Fn(usize) -> bool,
    answers: &Answers,
    online: &mut RegistryFacts,
) {
    let mut asked: BTreeMap<TagRef, Vec<usize>> = BTreeMap::new();
    for (index, (_, located)) in inventory.sites().enumerate().filter(|(index, _)| wanted(*index)) {
        let reference = located.site.reference.as_ref();
        // A digest without a tag is the same everywhere.
        let tagged = reference.filter(|reference| reference.tag().is_some() || reference.digest().is_none());
        if let Some(reference) = tagged {
            asked.entry(TagRef::new(reference)).or_default().push(index);
        }
    }
    let answered = asked.into_iter().filter_map(|(question, sites)| match answers.get(&question) {
        Some(Ok(answer)) => Some((question, sites, answer.resolution.digest.clone())),
        _ => None,
    });
    let compared: Vec<_> = stream::iter(answered)
        .map(async |(question, sites, digest)| (sites, digest, registry.compare(&question).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (sites, digest, MirrorComparison { origin, mirrors }) in compared {
        let now = match origin {
            None => Ok(digest),
            Some(origin) => origin,
        };
        for (mirror, there) in mirrors {
            for reference in &sites {
                match (&now, &there) {
                    (Ok(now), Ok(there)) if now != there => {
                        let (mirror, there, now) = (mirror.clone(), there.clone(), now.clone());
                        online.stale.entry(*reference).or_default().push(Stale { mirror, there, now });
                    }
                    // A cache that has not been asked for it yet.
                    (Ok(_), Ok(_) | Err(ResolveError::NotFound(_))) => {}
                    (Err(error), _) | (Ok(_), Err(error)) => {
                        let detail = format!("the mirror `{mirror}` cannot be compared: {error}");
                        online.unchecked.push(UncheckedSite {
                            reference: *reference,
                            reason: error.reason(),
                            detail,
                        });
                    }
                }
            }
        }
    }
}

/// The reason of a verdict where an index lacks a platform that is needed.
pub(super) const PLATFORM_MISSING: &str = "no-such-platform";

/// What the answer about a tag says of the digest that is pinned.
enum PinnedStatus {
    There,
    Gone,
    /// It says nothing of this digest.
    Unknown,
    /// There is no answer.
    Nothing,
}

fn known(reference: &Reference, question: &TagRef, digest: &Digest, answers: &Answers) -> PinnedStatus {
    if reference.tag().is_none() {
        return PinnedStatus::Unknown;
    }
    let Some(Ok(answer)) = answers.get(question) else { return PinnedStatus::Nothing };
    if answer.resolution.digest == *digest {
        return PinnedStatus::There;
    }
    let looks = [Probe::Head(digest.clone()), Probe::Body(digest.clone())];
    match looks.iter().find_map(|look| answer.seen.get(look)) {
        Some(Err(ResolveError::NotFound(_))) => PinnedStatus::Gone,
        Some(Ok(_)) => PinnedStatus::There,
        Some(Err(_)) | None => PinnedStatus::Unknown,
    }
}

/// Tells whether the tag is an index and not this digest.
fn is_moved_index(question: &TagRef, digest: &Digest, answers: &Answers) -> bool {
    let Some(Ok(answer)) = answers.get(question) else { return false };
    answer.resolution.is_index() && answer.resolution.digest != *digest
}

/// Tells whether an index was seen.
fn is_index(seen: &Probed) -> bool {
    match seen {
        Probed::Content(content) => matches!(content, ManifestContent::Index(_)),
        Probed::MediaType(media_type) => {
            media_type.contains("image.index") || media_type.contains("manifest.list")
        }
        Probed::Platform(_) | Probed::Config(_) => false,
    }
}

/// Tells whether a manifest was seen that is no index.
fn is_image(seen: &Probed) -> bool {
    match seen {
        Probed::Content(content) => matches!(content, ManifestContent::Image { .. }),
        // `…image.manifest.v1+json` and `…distribution.manifest.v2+json`, and not `…manifest.list.v2+json`.
        Probed::MediaType(media_type) => media_type.contains("manifest.v"),
        Probed::Platform(_) | Probed::Config(_) => false,
    }
}
