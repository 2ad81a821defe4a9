//! A text with commands: what counts for each of them, looked up once.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::super::image_like::words_of;
use super::addresses;
use super::programs::{ProgramRole, has_role};

/// A text with commands.
pub(in super::super) struct Script<'t> {
    written: &'t str,
    /// The words of its lines that run something.
    run: OnceCell<HashSet<&'t str>>,
    fetched: OnceCell<Option<&'t str>>,
}

impl<'t> Script<'t> {
    pub(in super::super) fn new(written: &'t str) -> Self {
        Self { written, run: OnceCell::new(), fetched: OnceCell::new() }
    }

    /// Returns whether one of its lines is read for this image: of one line all is, of several what runs something.
    pub(in super::super) fn is_read_for(&self, image: &str) -> bool {
        let lines = || self.written.lines().filter(|line| runs_by_name(line));
        !self.written.contains('\n')
            || self.run.get_or_init(|| lines().flat_map(words_of).collect()).contains(image)
    }

    /// Returns the address of manifests that one of its lines fetches and gives to what applies them.
    pub(in super::super) fn fetched(&self) -> Option<&'t str> {
        *self.fetched.get_or_init(|| addresses::fetched(self.written))
    }
}

/// Returns whether a line has a command that may run an image by its name alone.
pub(in super::super) fn runs_by_name(line: &str) -> bool {
    line.split_whitespace()
        .any(|word| has_role(word.trim_matches(['"', '\'', '`', '(']), ProgramRole::ByName))
}
