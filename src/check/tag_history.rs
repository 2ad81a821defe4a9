//! Digests that never were behind the tag that they are written with, as far as the ledger of tags knows. Pure, but for
//! reading git's history.
//!
//! A ledger has samples: what a tag was when a run looked. So it tells only where the tag is the same since before the
//! digest was written, and that it was written then is for git to say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::history;
use crate::history::ledger::{LedgerView, image_of};
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

/// When each digest was first declared with its tag, anywhere in the repository.
pub(super) struct FirstDeclared(BTreeMap<DeclaredDigest, Timestamp>);

/// Image, tag and digest.
type DeclaredDigest = (String, String, String);

impl FirstDeclared {
    /// Returns when the digest of `reference` was first declared with its tag; `None` where no commit has it.
    pub(super) fn of(&self, reference: &Reference) -> Option<Timestamp> {
        self.0.get(&key(reference)).copied()
    }
}

fn key(reference: &Reference) -> DeclaredDigest {
    let digest = reference.digest().map(ToString::to_string).unwrap_or_default();
    (image_of(&TagRef::new(reference)), reference.tag().unwrap_or(LATEST).to_owned(), digest)
}

/// Returns when each digest was first declared with its tag; `None` where a part of the history is not here.
///
/// # Errors
/// The history cannot be read.
pub(super) fn first_declared(log: &Log, settings: &Settings) -> Result<Option<FirstDeclared>, LogError> {
    let history = history::of(log, settings, &Target::everything())?;
    if history.cut_at.is_some() {
        return Ok(None);
    }
    let mut first: BTreeMap<DeclaredDigest, Timestamp> = BTreeMap::new();
    for event in &history.events {
        let sides: BTreeSet<&Reference> = event.before.iter().chain(&event.after).collect();
        for reference in sides {
            let when = first.entry(key(reference)).or_insert(event.when);
            *when = (*when).min(event.when);
        }
    }
    Ok(Some(FirstDeclared(first)))
}
