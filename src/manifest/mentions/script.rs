//! A text with commands: what counts for each of them, looked up once.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::image_like::words_of;
use super::remote;

/// Commands that run images by their names alone, or charts.
pub(super) const RUNS: [&str; 6] = ["docker ", "helm ", "kubectl ", "nerdctl ", "oc ", "podman "];

/// A text with commands.
pub(super) struct Script<'t> {
    written: &'t str,
    /// The words of its lines that run something.
    run: OnceCell<HashSet<&'t str>>,
    fetched: OnceCell<Option<&'t str>>,
}

impl<'t> Script<'t> {
    pub(super) fn new(written: &'t str) -> Self {
        Self { written, run: OnceCell::new(), fetched: OnceCell::new() }
    }

    /// Returns whether one of its lines is read for this image: of one line all is, of several what runs something.
    pub(super) fn is_read_for(&self, image: &str) -> bool {
        let lines = || self.written.lines().filter(|line| RUNS.iter().any(|run| line.contains(run)));
        !self.written.contains('\n')
            || self.run.get_or_init(|| lines().flat_map(words_of).collect()).contains(image)
    }

    /// Returns the address of manifests that one of its lines fetches and gives to what applies them.
    pub(super) fn fetched(&self) -> Option<&'t str> {
        *self.fetched.get_or_init(|| remote::fetched(self.written))
    }
}
