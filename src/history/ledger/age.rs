//! What earlier runs saw, and what follows from it for one image now.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::event::{TagEvent, TagObservation, image_of, whole_seconds};
use super::images::Ledger;
use super::record::Moves;
use crate::duration::spelled;
use crate::policy::{Ages, UnknownAge};
use crate::reference::Digest;
use crate::registry::TagRef;

/// What there is of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerState {
    /// There is none here.
    #[default]
    Nothing,
    /// There is one that cannot be read: why.
    Unreadable(String),
    /// Everything that it says.
    Read(Arc<Ledger>),
}

/// What earlier runs saw, and the time by which it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerView {
    known: LedgerState,
    now: Timestamp,
}

impl Default for LedgerView {
    /// Returns the past of which nothing is known.
    fn default() -> Self {
        Self { known: LedgerState::Nothing, now: Timestamp::MIN }
    }
}

/// Why an image has to wait, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayReason {
    /// Its digest is not known for long enough.
    TooNew,
    /// Its tag has moved not long ago.
    Unsettled,
    /// Nothing says how old its digest is.
    UnknownAge,
}

impl DelayReason {
    /// Returns the kebab-case word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooNew => "too-new",
            Self::Unsettled => "unsettled",
            Self::UnknownAge => "unknown-age",
        }
    }
}

/// Why an image has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// In a word.
    pub reason: DelayReason,
    /// Since when something is known, and when it will do.
    pub detail: String,
}

impl LedgerView {
    /// Returns what is `known` at the time `now`.
    pub fn new(known: LedgerState, now: Timestamp) -> Self {
        Self { known, now: whole_seconds(now) }
    }

    /// Returns the view of somebody who has no ledger.
    pub fn unknown(now: Timestamp) -> Self {
        Self::new(LedgerState::Nothing, now)
    }

    /// Returns the ledger, where one was read.
    pub fn ledger(&self) -> Option<&Ledger> {
        match &self.known {
            LedgerState::Read(ledger) => Some(ledger),
            LedgerState::Nothing | LedgerState::Unreadable(_) => None,
        }
    }

    /// Returns the time by which everything is judged.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns this past with what was seen just now.
    #[must_use]
    pub fn with(&self, sightings: &[TagObservation]) -> Self {
        let LedgerState::Read(ledger) = &self.known else { return self.clone() };
        let news = ledger.news(self.now, sightings);
        if news.is_empty() {
            return self.clone();
        }
        let mut ledger = (**ledger).clone();
        ledger.add(news);
        Self { known: LedgerState::Read(Arc::new(ledger)), now: self.now }
    }

    /// Returns why `digest`, which the tag is now, has to wait; `None` where it need not.
    pub fn wait(&self, question: &TagRef, digest: &Digest, ages: Ages) -> Option<Delay> {
        if ages.min_age.is_zero() && ages.settle.is_zero() {
            return None;
        }
        let unknown = |detail: String| Some(Delay { reason: DelayReason::UnknownAge, detail });
        let cannot_read = |why: &str| {
            unknown(format!(
                "how long the digest is known cannot be told: the ledger of tags cannot be read: {why}"
            ))
        };
        let ledger = match (&self.known, ages.unknown) {
            (LedgerState::Unreadable(why), _) => return cannot_read(why),
            (LedgerState::Nothing, UnknownAge::Accept) => return None,
            (LedgerState::Nothing, UnknownAge::Wait) => {
                return unknown(
                    "no ledger of tags is here, so nothing tells how long the digest is known".to_owned(),
                );
            }
            (LedgerState::Read(ledger), _) => ledger,
        };
        let image = image_of(question);
        if let Some(why) = ledger.broken.get(&image) {
            return cannot_read(why);
        }
        let record = ledger.record(question, self.now);
        // It was this digest when somebody looked for the first time: it may be of any age.
        if !record.has_moved() && ages.unknown == UnknownAge::Accept {
            return None;
        }
        let seen = ledger.first_seen(&image, digest, self.now).unwrap_or(self.now);
        let since = record.since().unwrap_or(self.now);
        let ready =
            |since: Timestamp, time: SignedDuration| since.checked_add(time).unwrap_or(Timestamp::MAX);
        let (old, settled) = (ready(seen, ages.min_age), ready(since, ages.settle));
        if old.max(settled) <= self.now {
            return None;
        }
        Some(if old >= settled {
            let detail = format!(
                "`{digest}` is known since {seen}, and is proposed from {old} on (`min-age = \"{}\"`)",
                spelled(ages.min_age)
            );
            Delay { reason: DelayReason::TooNew, detail }
        } else {
            let what = if record.has_moved() { "moved at" } else { "is known since" };
            let detail = format!(
                "the tag {what} {since}, and is proposed from {settled} on, unless it moves until then (`settle = \"{}\"`)",
                spelled(ages.settle)
            );
            Delay { reason: DelayReason::Unsettled, detail }
        })
    }

    /// Returns what a tag last was that is `digest` now, where it was something else before.
    pub fn other_than(&self, question: &TagRef, digest: &Digest) -> Option<TagEvent> {
        self.ledger()?.record(question, self.now).other_than(digest).cloned()
    }

    /// Returns how a tag moved; `None` where nobody saw it move.
    pub fn moves(&self, question: &TagRef) -> Option<Moves> {
        self.ledger()?.record(question, self.now).moves()
    }
}
