//! What the repositories of one run share: how many pull requests may still be opened, and how fast the forge is written to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::forge::WriteLimit;

/// One run over any number of repositories.
#[derive(Debug)]
pub struct RunSession {
    /// How many pull requests may still be opened.
    openings: AtomicUsize,
    pub(super) writes: Arc<WriteLimit>,
    /// The hash of all settings but for the list of repositories, which does not matter to any one of them.
    pub(super) settings_hash: String,
}

impl RunSession {
    /// Returns a run in which nothing was opened yet.
    pub fn new(config: &Config) -> Self {
        let openings = match config.proposals.max_new {
            0 => usize::MAX,
            limit => limit,
        };
        let limits = config.forge.kind.profile().write_limits;
        let mut settings = config.clone();
        (settings.repositories, settings.discover) = (Arc::default(), Arc::default());
        Self {
            openings: AtomicUsize::new(openings),
            writes: Arc::new(WriteLimit::new(limits)),
            settings_hash: hex::encode(Sha256::digest(settings.to_toml())),
        }
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
