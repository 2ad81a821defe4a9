//! Some files of a tree: those that a command line names.

use std::collections::HashSet;

use super::{Tree, TreeEntry, TreeError};

/// The files of a tree that are one of some paths, or stand in one.
pub struct Selection<T> {
    tree: T,
    paths: HashSet<String>,
}

impl<T: Tree> Selection<T> {
    /// Returns the files of `tree` at or below `paths`; the empty path has all of them. A file that is itself one of the
    /// paths is named.
    pub fn new(tree: T, paths: impl IntoIterator<Item = String>) -> Self {
        Self { tree, paths: paths.into_iter().collect() }
    }

    fn has(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        above.chain(["", path]).any(|path| self.paths.contains(path))
    }
}

impl<T: Tree> Tree for Selection<T> {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let mut entries = self.tree.entries()?;
        entries.retain(|entry| self.has(&entry.path));
        Ok(entries)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.tree.read(path, limit)
    }

    fn link_target(&self, path: &str) -> Option<String> {
        self.tree.link_target(path)
    }

    fn is_named(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}
