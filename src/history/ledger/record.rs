//! What is known of one tag.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::event::TagEvent;
use crate::reference::Digest;

/// How far back moves are counted for people.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a tag was, in order of time; each differs from the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRecord<'l> {
    sights: Vec<&'l TagEvent>,
}

/// How a tag moved, for people. It stays the same until the tag moves again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moves {
    /// When it moved last.
    pub last: Timestamp,
    /// How often it moved in the seven days that ended then.
    pub lately: usize,
    /// When it had left the digest that it is now, where it was that one before.
    pub back: Option<Timestamp>,
}

impl<'l> TagRecord<'l> {
    /// Returns the record of these lines, which are of one tag and in order of time.
    pub(super) fn new(events: impl Iterator<Item = &'l TagEvent>) -> Self {
        let mut sights: Vec<&TagEvent> = Vec::new();
        for event in events {
            // Two runs at once may both have written it.
            if sights.last().is_none_or(|last| last.digest != event.digest) {
                sights.push(event);
            }
        }
        Self { sights }
    }

    /// Returns the lines, from the first sight to the last move.
    pub fn sights(&self) -> &[&'l TagEvent] {
        &self.sights
    }

    /// Returns what the tag was last; `None` where it was never seen.
    pub fn now(&self) -> Option<&'l Digest> {
        self.sights.last().map(|event| &event.digest)
    }

    /// Returns since when the tag is what it was last: its last move, or its first sight.
    pub fn since(&self) -> Option<Timestamp> {
        self.sights.last().map(|event| event.when)
    }

    /// Returns whether it was ever seen to move.
    pub fn has_moved(&self) -> bool {
        self.sights.len() > 1
    }

    /// Returns whether the tag ever was `digest`.
    pub fn has(&self, digest: &Digest) -> bool {
        self.sights.iter().any(|event| event.digest == *digest)
    }

    /// Returns what the tag was last before it became `digest`, where it was something else.
    pub fn other_than(&self, digest: &Digest) -> Option<&'l TagEvent> {
        self.sights.iter().rev().find(|event| event.digest != *digest).copied()
    }

    /// Returns how often the tag moved within `span` until `end`, included.
    pub fn moves_within(&self, span: SignedDuration, end: Timestamp) -> usize {
        let moves = self.sights.iter().skip(1).map(|event| event.when);
        moves.filter(|when| *when <= end && end.duration_since(*when) <= span).count()
    }

    /// Returns how the tag moved; `None` where it never did.
    pub fn moves(&self) -> Option<Moves> {
        let last = self.sights.last().filter(|_| self.has_moved())?;
        let mut left = self.sights.windows(2).filter_map(|pair| match pair {
            [before, after] if before.digest == last.digest => Some(after.when),
            _ => None,
        });
        let lately = self.moves_within(LATELY, last.when);
        Some(Moves { last: last.when, lately, back: left.next_back() })
    }

    /// Returns how many digests the tag had.
    pub fn digests(&self) -> usize {
        self.sights.iter().map(|event| &event.digest).collect::<BTreeSet<_>>().len()
    }
}
