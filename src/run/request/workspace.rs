//! The repository that a request is done in.

use super::RequestError;
use crate::policy::Settings;
use crate::policy::target::{Target, is_in};
use crate::source::tree::Tree;

/// Reads a file of a repository, by its path below the root.
pub type ReadFile<'r> = dyn Fn(&str) -> std::io::Result<String> + 'r;

/// The repository that a request is done in.
#[derive(Clone, Copy)]
pub struct Workspace<'p, T> {
    /// Its files.
    pub tree: &'p T,
    /// Its settings.
    pub settings: &'p Settings,
    /// The directory below the root from which a person names paths; empty for the root.
    pub seen_from: &'p str,
    /// The repository's own settings, below the root, where they are or belong.
    pub own_file: &'p str,
    /// Reads a file below the root; the text is empty where there is none.
    pub read: &'p ReadFile<'p>,
}

impl<T: Tree> Workspace<'_, T> {
    /// Returns the part of the repository that `text` names.
    ///
    /// # Errors
    /// Nothing has that name, or the files cannot be listed.
    pub fn target(&self, text: &str) -> Result<Target, RequestError> {
        let entries = self.tree.entries()?;
        let is_path = |path: &str| entries.iter().any(|entry| is_in(&self.tree.root_path(&entry.path), path));
        Ok(Target::parse(text, self.settings, self.seen_from, is_path)?)
    }

    pub(super) fn text(&self, file: &str) -> Result<String, RequestError> {
        (self.read)(file).map_err(|error| RequestError::File(file.to_owned(), error))
    }
}
