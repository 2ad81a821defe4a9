//! Asks the registries what the online rules want to know.
//!
//! Each tag is asked once, as `pin` does it, and each pinned digest once more where no answer has shown it, or where its
//! platforms matter. What a registry does not say is in [`RegistryFacts::unchecked`]: neither wrong nor fine.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _};

use super::facts::{RegistryFacts, SiteFacts, Stale};
use super::finding::{SiteOf, sites};
use super::tag_history::TagHistory;
use crate::history::ledger::{LedgerView, TagObservation};
use crate::manifest::inventory::Inventory;
use crate::manifest::site::State;
use crate::plan::{Outcome, Reason, pin};
use crate::platform::Platform;
use crate::policy::{Policy, Settings};
use crate::reference::{Digest, Reference};
use crate::registry::{
    Answers, DigestLevel, ManifestContent, MirrorComparison, Probe, Probed, Registry, ResolveError, TagRef,
};

/// How many digests are looked for at once.
const AT_ONCE: usize = 32;

/// Asks about the sites of `inventory` whose index is `wanted`.
pub async fn ask<R: Registry>(
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    inventory: &Inventory,
    wanted: impl Fn(usize) -> bool,
    progress: impl Fn(usize, usize),
) -> RegistryFacts {
    let (verdicts, answers) = pin::decide(settings, past, registry, inventory, &wanted, progress).await;
    let mut facts = RegistryFacts { sites: verdicts.into_iter().map(SiteFacts::new).collect() };
    let past = past.with(&TagObservation::all(&answers));
    let known = Known { policy: &settings.policy, past: &past, answers: &answers };
    let mut probes: BTreeMap<(String, String, Probe), (TagRef, Vec<Open>)> = BTreeMap::new();
    let sites = || sites(inventory).filter(|site| wanted(site.reference));
    for site in sites() {
        let Some(about) = facts.sites.get_mut(site.reference) else { continue };
        if let Some((question, probe, open)) = known.examine(site, about) {
            let key = (question.registry.clone(), question.repository.clone(), probe);
            probes.entry(key).or_insert_with(|| (question, Vec::new())).1.push(open);
        }
    }
    let probed: Vec<_> = stream::iter(probes)
        .map(async |((_, _, probe), (question, open))| (open, registry.look(&question, &probe).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (open, probed) in probed {
        for open in open {
            if let Some(about) = facts.sites.get_mut(open.reference) {
                open.close(&probed, about);
            }
        }
    }
    compare_mirrors(registry, sites(), &answers, &mut facts).await;
    facts
}

/// What is known before the pinned digests are looked for.
struct Known<'k> {
    policy: &'k Policy,
    past: &'k LedgerView,
    answers: &'k Answers,
}

/// A site whose digest is still to be looked for.
struct Open {
    /// Its index.
    reference: usize,
    /// The platforms that the index must have.
    needed: Vec<Platform>,
    /// Whether the tag is an index, and another digest.
    is_moved: bool,
}

impl Known<'_> {
    /// Puts what the answers say of a site into its facts, and returns what is to be looked for beside that.
    fn examine(&self, site: SiteOf<'_>, facts: &mut SiteFacts) -> Option<(TagRef, Probe, Open)> {
        let SiteOf { reference: index, file, located } = site;
        let site = &located.site;
        let reference = site.reference.as_ref().filter(|_| site.state == State::Pinned)?;
        let (question, digest) = (TagRef::new(reference), reference.digest()?);
        facts.is_as_tag =
            matches!(self.answers.get(&question), Some(Ok(answer)) if answer.resolution.digest == *digest);
        let is_there = match pinned_status(reference, &question, digest, self.answers) {
            // Nothing is known of the repository: that the tag could not be asked is said already.
            PinnedStatus::Nothing => return None,
            PinnedStatus::Gone => {
                facts.is_gone = true;
                return None;
            }
            PinnedStatus::There => true,
            // What is as it should be was seen in the index of the tag.
            PinnedStatus::Unknown => {
                facts.verdict.outcome == Outcome::Unchanged
                    && facts.verdict.reason != Some(Reason::ByPromotion)
            }
        };
        let decision = self.policy.decide(&file.root_path, reference, site.platform.as_deref());
        let mut is_moved = false;
        if decision.level == DigestLevel::Index {
            is_moved = is_moved_index(&question, digest, self.answers);
            facts.stranger = TagHistory::of(reference, self.past).filter(|_| reference.tag().is_some());
        }
        let (probe, needed) = if facts.verdict.change.is_none() && !decision.needed.is_empty() {
            (Probe::Body(digest.clone()), decision.needed)
        } else if is_there && facts.stranger.is_none() {
            return None;
        } else {
            (Probe::Head(digest.clone()), Vec::new())
        };
        Some((question, probe, Open { reference: index, needed, is_moved }))
    }
}

impl Open {
    /// Puts what was seen of the digest into the facts of its site.
    fn close(mut self, probed: &Result<Probed, ResolveError>, facts: &mut SiteFacts) {
        // One platform's manifest is never what such a tag is, and all the same in it.
        if !probed.as_ref().is_ok_and(|probed| is_index(probed) || !self.is_moved) {
            facts.stranger = None;
        }
        match probed {
            Ok(Probed::Content(index @ ManifestContent::Index(_))) => {
                self.needed.retain(|platform| index.entry(platform).is_none());
                facts.missing = self.needed;
            }
            Ok(probed) => facts.is_single = self.is_moved && is_image(probed),
            Err(ResolveError::NotFound(_)) => facts.is_gone = true,
            Err(error) => facts.leave_unchecked(error, error.to_string()),
        }
    }
}

/// Compares the mirrors of each tag that was answered with the registry.
async fn compare_mirrors<R: Registry>(
    registry: &R,
    sites: impl Iterator<Item = SiteOf<'_>>,
    answers: &Answers,
    facts: &mut RegistryFacts,
) {
    let mut asked: BTreeMap<TagRef, Vec<usize>> = BTreeMap::new();
    for site in sites {
        let reference = site.located.site.reference.as_ref();
        // A digest without a tag is the same everywhere.
        let tagged = reference.filter(|reference| reference.tag().is_some() || reference.digest().is_none());
        if let Some(reference) = tagged {
            asked.entry(TagRef::new(reference)).or_default().push(site.reference);
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
        let now = origin.unwrap_or(Ok(digest));
        for reference in sites {
            let Some(about) = facts.sites.get_mut(reference) else { continue };
            for (mirror, there) in &mirrors {
                note_mirror(about, mirror, there, &now);
            }
        }
    }
}

/// Puts what a mirror says, where the registry says `now`, into the facts of a site.
fn note_mirror(
    facts: &mut SiteFacts,
    mirror: &str,
    there: &Result<Digest, ResolveError>,
    now: &Result<Digest, ResolveError>,
) {
    match (now, there) {
        (Ok(now), Ok(there)) if now != there => {
            facts.stale.push(Stale { mirror: mirror.to_owned(), there: there.clone(), now: now.clone() });
        }
        // A cache that has not been asked for it yet.
        (Ok(_), Ok(_) | Err(ResolveError::NotFound(_))) => {}
        (Err(error), _) | (Ok(_), Err(error)) => {
            facts.leave_unchecked(error, format!("the mirror `{mirror}` cannot be compared: {error}"));
        }
    }
}

/// What the answer about a tag says of the digest that is pinned.
enum PinnedStatus {
    There,
    Gone,
    /// It says nothing of this digest.
    Unknown,
    /// There is no answer.
    Nothing,
}

/// Returns what the answers say of the digest of `reference`.
fn pinned_status(
    reference: &Reference,
    question: &TagRef,
    digest: &Digest,
    answers: &Answers,
) -> PinnedStatus {
    if reference.tag().is_none() {
        return PinnedStatus::Unknown;
    }
    let answer = match answers.get(question) {
        Some(Ok(answer)) => answer,
        Some(Err(_)) => return PinnedStatus::Nothing,
        // Nobody had to ask: a hold keeps it, whatever the tag is.
        None => return PinnedStatus::Unknown,
    };
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

/// Returns whether the tag is an index and not this digest.
fn is_moved_index(question: &TagRef, digest: &Digest, answers: &Answers) -> bool {
    let Some(Ok(answer)) = answers.get(question) else { return false };
    answer.resolution.is_index() && answer.resolution.digest != *digest
}

/// Returns whether an index was seen.
fn is_index(seen: &Probed) -> bool {
    match seen {
        Probed::Content(content) => matches!(content, ManifestContent::Index(_)),
        Probed::MediaType(media_type) => {
            media_type.contains("image.index") || media_type.contains("manifest.list")
        }
        Probed::Platform(_) | Probed::Config(_) => false,
    }
}

/// Returns whether a manifest was seen that is not an index.
fn is_image(seen: &Probed) -> bool {
    match seen {
        Probed::Content(content) => matches!(content, ManifestContent::Image { .. }),
        // `…image.manifest.v1+json` and `…distribution.manifest.v2+json`, and not `…manifest.list.v2+json`.
        Probed::MediaType(media_type) => media_type.contains("manifest.v"),
        Probed::Platform(_) | Probed::Config(_) => false,
    }
}
