//! Images, counted by state.

use serde::Serialize;

/// How many images have each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    pub(super) images: usize,
    pub(super) pinned: usize,
    pub(super) floating: usize,
    pub(super) skipped: usize,
    /// The pinned ones among those that are pinned or floating, in percent, rounded down: 100 is all of them.
    pub(super) share: usize,
}

impl Count {
    /// Counts images by their states.
    pub(super) fn of_states<'s>(states: impl Iterator<Item = &'s str>) -> Self {
        let (mut pinned, mut floating, mut skipped) = (0, 0, 0);
        for state in states {
            match state {
                "pinned" => pinned += 1,
                "floating" => floating += 1,
                _ => skipped += 1,
            }
        }
        Self::new(pinned, floating, skipped)
    }

    pub(super) fn new(pinned: usize, floating: usize, skipped: usize) -> Self {
        let share = (pinned * 100).checked_div(pinned + floating).unwrap_or(100);
        Self { images: pinned + floating + skipped, pinned, floating, skipped, share }
    }
}
