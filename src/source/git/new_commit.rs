//! Commits that tagpin makes, from blobs: nothing is checked out.

use std::collections::BTreeSet;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{ErrorClass, FileMode};
use jiff::Timestamp;

use super::{BareClone, GitError, Identity, Oid, trailer};

/// What a commit will be, before it is made: here, or by the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The tree with the changes.
    pub tree: Oid,
    /// The tree of the base.
    pub base_tree: Oid,
    /// The whole message, the trailers of [`trailer`] included.
    pub message: String,
    /// The files among the changed ones that are executable.
    pub executables: BTreeSet<String>,
}

/// A tree in which files were changed.
pub(super) struct ChangedTree {
    pub(super) tree: Oid,
    base_tree: Oid,
    executables: BTreeSet<String>,
}

impl BareClone {
    /// Returns what a commit on top of `base` is in which `files`, paths and new contents, are changed; everything else, file
    /// modes included, is as in `base`. The trailers of [`trailer`] are added to `message`.
    ///
    /// # Errors
    /// [`GitError::NotAFile`] for a path that is not a regular file in `base`: nothing is added but files in the root, and no
    /// symbolic link is replaced. [`GitError::NothingToCommit`] where the contents are those of `base`.
    pub fn prepare(
        &self,
        base: Oid,
        files: &[(String, Vec<u8>)],
        message: &str,
    ) -> Result<Prepared, GitError> {
        let ChangedTree { tree, base_tree, executables } = self.changed(base, files)?;
        let message = trailer::append(message, tree, &trailer::changes_hash(files));
        Ok(Prepared { tree, base_tree, message, executables })
    }

    /// Returns the tree of `base` with `files` changed; errors as for [`BareClone::prepare`].
    pub(super) fn changed(&self, base: Oid, files: &[(String, Vec<u8>)]) -> Result<ChangedTree, GitError> {
        let base = self.git.find_commit(base).map_err(|error| self.damaged(&error))?;
        let tree = base.tree().map_err(|error| self.damaged(&error))?;
        let mut update = TreeUpdateBuilder::new();
        let mut executables = BTreeSet::new();
        for (path, content) in files {
            let mode = match tree.get_path(Path::new(path)) {
                Ok(entry) => Some(entry.filemode()),
                // The root is not a symbolic link that a new file would take the place of.
                Err(_) if !path.contains('/') => Some(i32::from(FileMode::Blob)),
                Err(_) => None,
            };
            let mode = [FileMode::Blob, FileMode::BlobExecutable]
                .into_iter()
                .find(|known| mode == Some(i32::from(*known)))
                .ok_or_else(|| GitError::NotAFile { path: path.clone() })?;
            if mode == FileMode::BlobExecutable {
                executables.insert(path.clone());
            }
            update.upsert(path.as_str(), self.git.blob(content)?, mode);
        }
        let changed = update.create_updated(&self.git, &tree).map_err(|error| match error.class() {
            // What it puts together stands in the clone, and one of them does not any more.
            ErrorClass::Tree => self.damaged(&error),
            _ => error.into(),
        })?;
        if changed == tree.id() {
            return Err(GitError::NothingToCommit);
        }
        Ok(ChangedTree { tree: changed, base_tree: tree.id(), executables })
    }

    /// Makes the commit that [`BareClone::prepare`] describes. Equal arguments give the same commit.
    ///
    /// The commit stands in the clone only, until it is pushed.
    ///
    /// # Errors
    /// Those of [`BareClone::prepare`].
    pub fn commit(
        &self,
        base: Oid,
        files: &[(String, Vec<u8>)],
        message: &str,
        author: &Identity,
        when: Timestamp,
    ) -> Result<Oid, GitError> {
        let prepared = self.prepare(base, files, message)?;
        let base = self.git.find_commit(base).map_err(|error| self.damaged(&error))?;
        let author = author.signature(when)?;
        let tree = self.git.find_tree(prepared.tree)?;
        Ok(self.git.commit(None, &author, &author, &prepared.message, &tree, &[&base])?)
    }

    /// Makes a commit on top of `parent` in which `files`, paths and new contents, are added or replaced; without a parent it
    /// is the first of a history of its own. For branches that hold nothing but what tagpin writes.
    ///
    /// The commit stands in the clone only, until it is pushed.
    ///
    /// # Errors
    /// The clone is damaged.
    pub fn record(
        &self,
        parent: Option<Oid>,
        files: &[(String, Vec<u8>)],
        message: &str,
        author: &Identity,
        when: Timestamp,
    ) -> Result<Oid, GitError> {
        let parent = parent.map(|id| self.git.find_commit(id)).transpose();
        let parent = parent.map_err(|error| self.damaged(&error))?;
        let before = match &parent {
            Some(parent) => parent.tree().map_err(|error| self.damaged(&error))?,
            None => self.git.find_tree(self.git.treebuilder(None)?.write()?)?,
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            update.upsert(path.as_str(), self.git.blob(content)?, FileMode::Blob);
        }
        let tree = self.git.find_tree(update.create_updated(&self.git, &before)?)?;
        let author = author.signature(when)?;
        let parents: Vec<_> = parent.iter().collect();
        Ok(self.git.commit(None, &author, &author, message, &tree, &parents)?)
    }
}
