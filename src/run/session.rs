//! What the repositories of one run share: how many pull requests may still be opened, and how fast the forge is written to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::Config;
use crate::forge::WriteLimit;

/// One run over any number of repositories.
#[derive(Debug)]
pub struct RunSession {
    /// How many pull requests may still be opened.
    openings: AtomicUsize,
    pub(super) writes: Arc<WriteLimit>,
}

impl RunSession {
    /// Returns a run in which nothing was opened yet.
    pub fn new(config: &Config) -> Self {
        let openings = match config.proposals.max_new {
            0 => usize::MAX,
            limit => limit,
        };
        let limits = config.forge.kind.profile().write_limits;
        Self { openings: AtomicUsize::new(openings), writes: Arc::new(WriteLimit::new(limits)) }
    }

    /// Returns this run after another one of the same process: a forge counts the writes of both.
    #[must_use]
    pub fn after(self, earlier: &Self) -> Self {
        Self { writes: Arc::clone(&earlier.writes), ..self }
    }

    /// Takes one of the pull requests that may be opened; false where there is none left.
    pub(super) fn take_opening(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.openings.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Gives one back that was not needed.
    pub(super) fn return_opening(&self) {
        self.openings.fetch_add(1, Ordering::Relaxed);
    }
}
