//! Whether a commit that somebody else may have made is what tagpin would make: trees are compared, and nothing is believed.

use std::path::Path;

use git2::{ErrorCode, FileMode};

use super::{BareClone, GitError, Oid};

/// How far back in the base a branch may stand, in first parents: the history that tells what was taken back is as long.
const BASE_DEPTH: u16 = 200;

/// A file that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// The path in the repository.
    pub path: String,
    /// The content before; empty where there is none.
    pub before: Vec<u8>,
    /// The content after.
    pub after: Vec<u8>,
}

impl BareClone {
    /// Returns whether `commit` is the head of `branch` or below it. What of the history is missing is fetched, and what is
    /// further back than that counts as not there.
    ///
    /// # Errors
    /// The remote does not answer, or has no such branch any more.
    pub fn is_in_history(&self, branch: &str, head: Oid, commit: Oid) -> Result<bool, GitError> {
        if commit == head {
            return Ok(true);
        }
        let git = self.with_history(branch, head, BASE_DEPTH)?;
        Ok(git.graph_descendant_of(head, commit).unwrap_or(false))
    }

    /// Returns whether `tree` is the tree of `base` with `files` changed and nothing else, modes included. Each of `files`
    /// has to be in `base` what it was before.
    ///
    /// # Errors
    /// The clone is damaged.
    pub fn is_built(&self, tree: Oid, base: Oid, files: &[ChangedFile]) -> Result<bool, GitError> {
        let whole = self.git.find_commit(base).and_then(|commit| commit.tree());
        let whole = whole.map_err(|error| self.damaged(&error))?;
        for ChangedFile { path, before, .. } in files {
            let is_same = match whole.get_path(Path::new(path)) {
                Ok(entry) => {
                    let is_file = [FileMode::Blob, FileMode::BlobExecutable]
                        .iter()
                        .any(|mode| i32::from(*mode) == entry.filemode());
                    is_file && git2::Oid::hash_object(git2::ObjectType::Blob, before)? == entry.id()
                }
                Err(error) if error.code() == ErrorCode::NotFound => before.is_empty(),
                Err(error) => return Err(self.damaged(&error)),
            };
            if !is_same {
                return Ok(false);
            }
        }
        let changes: Vec<_> = files.iter().map(|file| (file.path.clone(), file.after.clone())).collect();
        match self.changed(base, &changes) {
            Ok(changed) => Ok(changed.tree == tree),
            Err(GitError::NotAFile { .. } | GitError::NothingToCommit) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
