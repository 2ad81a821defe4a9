//! Digests that never were behind the tag that they are written with, as far as the ledger of tags knows. Pure, but for
//! reading git's history.
//!
//! A ledger has samples: what a tag was when a run looked. So it tells only where the tag is the same since before the
//! digest was written, and that it was written then is for git to say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::online::RegistryFacts;
use crate::history;
use crate::history::ledger::{LedgerView, image_of};
use crate::manifest::inventory::Inventory;
use crate::policy::Settings;
use crate::policy::target::Target;
use crate::reference::{LATEST, Reference};
use crate::registry::TagRef;
use crate::source::git::{Log, LogError};

/// A digest that is not known under its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagHistory {
    /// Since when the tag is what it is.
    pub since: Timestamp,
    /// A tag under which the digest is known.
    pub other: Option<String>,
}

impl TagHistory {
    /// Returns what the past says of the digest of `reference`, which is not what its tag is now: `None` where the tag had
    /// it, is not known, or moved just now.
    pub(super) fn of(reference: &Reference, past: &LedgerView) -> Option<Self> {
        let (digest, question) = (reference.digest()?, TagRef::new(reference));
        let (ledger, now) = (past.ledger()?, past.now());
        let record = ledger.record(&question, now);
        let since = record.since().filter(|since| *since < now && !record.has(digest))?;
        let mut events = ledger.events(&image_of(&question)).filter(|event| event.when <= now);
        let other = events.find(|event| event.digest == *digest).map(|event| event.tag.clone());
        Some(Self { since, other })
    }
}

impl RegistryFacts {
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
        if self.strangers.is_empty() {
            return Ok(());
        }
        let Some(log) = log else {
            self.strangers.clear();
            return Ok(());
        };
        let history = history::of(log, settings, &Target::everything())?;
        if history.cut_at.is_some() {
            self.strangers.clear();
            return Ok(());
        }
        let declared = first_declared(&history);
        let sites: Vec<_> = inventory.sites().collect();
        self.strangers.retain(|index, stranger| {
            let reference = sites.get(*index).and_then(|(_, located)| located.site.reference.as_ref());
            reference.is_some_and(|it| stranger.since < declared.get(&key(it)).copied().unwrap_or(now))
        });
        Ok(())
    }
}

type DeclaredDigests = (String, String, String);

/// Returns what a declaration is about: image, tag and digest.
fn key(reference: &Reference) -> DeclaredDigests {
    let digest = reference.digest().map(ToString::to_string).unwrap_or_default();
    (image_of(&TagRef::new(reference)), reference.tag().unwrap_or(LATEST).to_owned(), digest)
}

/// Returns when each digest was first declared with its tag, anywhere in the repository.
fn first_declared(history: &history::History) -> BTreeMap<DeclaredDigests, Timestamp> {
    let mut first: BTreeMap<DeclaredDigests, Timestamp> = BTreeMap::new();
    for event in &history.events {
        let sides: BTreeSet<&Reference> = event.before.iter().chain(&event.after).collect();
        for reference in sides {
            let when = first.entry(key(reference)).or_insert(event.when);
            *when = (*when).min(event.when);
        }
    }
    first
}
