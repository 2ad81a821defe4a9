//! What earlier runs saw, and what follows from it for one image now.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Event, Ledger, Moves, Sighting, image_of, whole_seconds};
use crate::duration::spelled;
use crate::policy::{Ages, UnknownAge};
use crate::reference::Digest;
use crate::registry::Question;

/// The reason of a verdict on an image whose digest is not known for long enough.
pub const TOO_NEW: &str = "too-new";

/// The reason of a verdict on an image whose tag has moved not long ago.
pub const UNSETTLED: &str = "unsettled";

/// The reason of a verdict on an image of which nothing tells how old its digest is.
pub const UNKNOWN_AGE: &str = "unknown-age";

/// What there is of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Known {
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
pub struct Past {
    known: Known,
    now: Timestamp,
}

impl Default for Past {
    /// Returns the past of which nothing is known.
    fn default() -> Self {
        Self { known: Known::Nothing, now: Timestamp::MIN }
    }
}

/// Why an image has to wait: a verdict without its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// One of [`TOO_NEW`], [`UNSETTLED`] and [`UNKNOWN_AGE`].
    pub reason: &'static str,
    /// Since when something is known, and when it will do.
    pub detail: String,
}

impl Past {
    /// Returns what is `known` at the time `now`.
    pub fn new(known: Known, now: Timestamp) -> Self {
        Self { known, now: whole_seconds(now) }
    }

    /// Returns the ledger, where one was read.
    pub fn ledger(&self) -> Option<&Ledger> {
        match &self.known {
            Known::Read(ledger) => Some(ledger),
            Known::Nothing | Known::Unreadable(_) => None,
        }
    }

    /// Returns the time by which everything is judged.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns this past with what was seen just now.
    #[must_use]
    pub fn with(&self, sightings: &[Sighting]) -> Self {
        let Known::Read(ledger) = &self.known else { return self.clone() };
        let news = ledger.news(self.now, sightings);
        if news.is_empty() {
            return self.clone();
        }
        let mut ledger = (**ledger).clone();
        ledger.add(news);
        Self { known: Known::Read(Arc::new(ledger)), now: self.now }
    }

    /// Returns why `digest`, which the tag is now, has to wait; `None` where it need not.
    pub fn wait(&self, question: &Question, digest: &Digest, ages: Ages) -> Option<Wait> {
        if ages.min_age.is_zero() && ages.settle.is_zero() {
            return None;
        }
        let unknown = |detail: String| Some(Wait { reason: UNKNOWN_AGE, detail });
        let cannot_read = |why: &str| {
            unknown(format!(
                "how long the digest is known cannot be told: the ledger of tags cannot be read: {why}"
            ))
        };
        let ledger = match (&self.known, ages.unknown) {
            (Known::Unreadable(why), _) => return cannot_read(why),
            (Known::Nothing, UnknownAge::Accept) => return None,
            (Known::Nothing, UnknownAge::Wait) => {
                return unknown(
                    "no ledger of tags is here, so nothing tells how long the digest is known".to_owned(),
                );
            }
            (Known::Read(ledger), _) => ledger,
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
            Wait { reason: TOO_NEW, detail }
        } else {
            let what = if record.has_moved() { "moved at" } else { "is known since" };
            let detail = format!(
                "the tag {what} {since}, and is proposed from {settled} on, unless it moves until then (`settle = \"{}\"`)",
                spelled(ages.settle)
            );
            Wait { reason: UNSETTLED, detail }
        })
    }

    /// Returns what a tag last was that is `digest` now, where it was something else before.
    pub fn other_than(&self, question: &Question, digest: &Digest) -> Option<Event> {
        self.ledger()?.record(question, self.now).other_than(digest).cloned()
    }

    /// Returns how a tag moved; `None` where nobody saw it move.
    pub fn moves(&self, question: &Question) -> Option<Moves> {
        self.ledger()?.record(question, self.now).moves()
    }
}
