//! What git would commit of a directory on disk.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::TreeError;

/// A git work tree around a directory: what of it git would commit.
pub(super) struct WorkTree {
    /// It is asked by several threads.
    git: Mutex<git2::Repository>,
    /// The canonical path.
    pub(super) root: Arc<Path>,
    /// What the index has, and every directory on the way there, relative to the root.
    tracked: HashSet<PathBuf>,
    /// Relative to the root.
    pub(super) submodules: HashSet<PathBuf>,
}

impl WorkTree {
    /// Returns the one that a canonical `directory` is in, if any.
    pub(super) fn around(directory: &Path) -> Result<Option<Self>, TreeError> {
        let git_error = |error: git2::Error| TreeError::Git {
            path: directory.display().to_string(),
            message: error.message().to_owned(),
        };
        let none: [&Path; 0] = [];
        let git = match git2::Repository::open_ext(directory, git2::RepositoryOpenFlags::empty(), none) {
            Ok(git) => git,
            Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(git_error(error)),
        };
        let Some(root) = git.workdir().and_then(|root| fs_err::canonicalize(root).ok()) else {
            return Ok(None);
        };
        // A configured work tree may be anywhere.
        if !directory.starts_with(&root) || directory.starts_with(git.path()) {
            return Ok(None);
        }
        let (mut tracked, mut submodules) = (HashSet::new(), HashSet::new());
        for entry in git.index().map_err(git_error)?.iter() {
            // A name that is not UTF-8 is reported when it is met on disk, tracked or not.
            let Ok(path) = str::from_utf8(&entry.path) else { continue };
            let path = PathBuf::from(path);
            if entry.mode == 0o160_000 {
                submodules.insert(path);
                continue;
            }
            let mut directory = path.parent();
            while let Some(parent) = directory
                && tracked.insert(parent.to_owned())
            {
                directory = parent.parent();
            }
            tracked.insert(path);
        }
        Ok(Some(Self { git: Mutex::new(git), root: root.into(), tracked, submodules }))
    }

    /// Returns whether git ignores the directory `location` or one above it, and tracks nothing in it.
    pub(super) fn ignores(&self, location: &Path) -> bool {
        location
            .strip_prefix(&self.root)
            .is_ok_and(|path| path != Path::new("") && !self.tracked.contains(path) && self.is_ignored(path))
    }

    /// Returns whether what is at `location` is not part of the work tree: ignored and not tracked, or another
    /// repository.
    pub(super) fn leaves_out(&self, location: &Path, is_directory: bool) -> bool {
        let Ok(path) = location.strip_prefix(&self.root) else { return false };
        if self.tracked.contains(path) {
            return false;
        }
        let is_repository =
            is_directory && (self.submodules.contains(path) || location.join(".git").exists());
        is_repository || self.is_ignored(path)
    }

    fn is_ignored(&self, path: &Path) -> bool {
        let git = self.git.lock().unwrap_or_else(PoisonError::into_inner);
        git.is_path_ignored(path).unwrap_or(false)
    }
}
