//! What the registries say of the images: what the online rules look at.

use jiff::Timestamp;

use super::tag_history::{self, TagHistory};
use crate::manifest::inventory::Inventory;
use crate::plan::{Outcome, Reason, Verdict};
use crate::platform::Platform;
use crate::policy::Settings;
use crate::reference::Digest;
use crate::registry::ResolveError;
use crate::source::git::{Log, LogError};

/// The answers about the sites of an inventory.
#[derive(Clone, Debug, Default)]
pub struct RegistryFacts {
    /// One for each site, in the order of [`Inventory::sites`].
    pub(super) sites: Vec<SiteFacts>,
}

/// What the registries say of one site.
#[derive(Clone, Debug)]
pub(super) struct SiteFacts {
    /// What `pin` would do with it.
    pub(super) verdict: Verdict,
    /// Whether the registry no longer has its digest.
    pub(super) is_gone: bool,
    /// Whether its digest is what the tag is, so that only policy asks for another.
    pub(super) is_as_tag: bool,
    /// Whether its digest is one platform's manifest where the tag is an index.
    pub(super) is_single: bool,
    /// The platforms that are needed and that the pinned index lacks.
    pub(super) missing: Vec<Platform>,
    /// The mirrors that have another digest for the tag than the registry.
    pub(super) stale: Vec<Stale>,
    /// What the ledger knows of the tag, where the digest was never behind it as far as that goes.
    pub(super) stranger: Option<TagHistory>,
    /// What could not be checked: the first of it.
    unchecked: Option<(Reason, String)>,
}

/// A mirror that has another digest for a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stale {
    /// Its name, `host[:port]/repository`.
    pub(super) mirror: String,
    /// What it says.
    pub(super) there: Digest,
    /// What the registry says.
    pub(super) now: Digest,
}

/// A site that no registry gave an answer about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedSite {
    /// Its index in [`Inventory::sites`].
    pub reference: usize,
    /// Why.
    pub reason: Reason,
    /// What the registry said.
    pub detail: String,
}

impl SiteFacts {
    pub(super) fn new(verdict: Verdict) -> Self {
        // What an index lacks is the finding of a rule.
        let failed = verdict.outcome == Outcome::Failed && verdict.reason != Some(Reason::NoSuchPlatform);
        let unchecked = verdict.reason.filter(|_| failed);
        Self {
            unchecked: unchecked.map(|reason| (reason, verdict.detail.clone().unwrap_or_default())),
            verdict,
            is_gone: false,
            is_as_tag: false,
            is_single: false,
            missing: Vec::new(),
            stale: Vec::new(),
            stranger: None,
        }
    }

    /// Notes that a registry gave no answer, unless something could not be checked before.
    pub(super) fn leave_unchecked(&mut self, error: &ResolveError, detail: impl Into<String>) {
        self.unchecked.get_or_insert_with(|| (error.into(), detail.into()));
    }
}

impl RegistryFacts {
    /// Returns what could not be checked: neither wrong nor fine.
    pub fn unchecked(&self) -> Vec<UncheckedSite> {
        let unchecked = self.sites.iter().enumerate().filter_map(|(reference, facts)| {
            let (reason, detail) = facts.unchecked.clone()?;
            Some(UncheckedSite { reference, reason, detail })
        });
        unchecked.collect()
    }

    /// Returns whether the history of the repository is needed to tell which digests were never behind their tags.
    pub fn needs_history(&self) -> bool {
        self.sites.iter().any(|facts| facts.stranger.is_some())
    }

    /// Forgets the strangers that a commit of the history `log` had with their tag before it was what it is now, and all where
    /// there is no history, or a part of it. What is not committed was written just now.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn forget_older(
        &mut self,
        log: Option<&Log>,
        settings: &Settings,
        now: Timestamp,
        inventory: &Inventory,
    ) -> Result<(), LogError> {
        if !self.needs_history() {
            return Ok(());
        }
        let declared = match log {
            Some(log) => tag_history::first_declared(log, settings)?,
            None => None,
        };
        for (facts, (_, located)) in self.sites.iter_mut().zip(inventory.sites()) {
            let is_older = |stranger: &mut TagHistory| {
                let (Some(declared), Some(reference)) = (&declared, &located.site.reference) else {
                    return false;
                };
                stranger.since < declared.of(reference).unwrap_or(now)
            };
            facts.stranger.take_if(|stranger| !is_older(stranger));
        }
        Ok(())
    }
}
