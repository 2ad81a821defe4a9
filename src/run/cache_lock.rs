//! The lock on the cache directory: two runs that share one would meet in its clones.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The lock's file.
const NAME: &str = "tagpin.lock";

/// A cache directory that this process has for itself, until this is dropped or the process ends, by a crash too.
#[derive(Debug)]
pub struct CacheLock {
    _file: File,
}

/// Why the cache directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("another tagpin is running with the cache directory `{}`", _0.display())]
    Held(PathBuf),
    /// It cannot be made or written.
    #[error("the cache directory `{}` cannot be used", directory.display())]
    Io {
        /// The directory.
        directory: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl CacheLock {
    /// Takes the lock of `directory`, which is made where it is missing; waits for nobody.
    ///
    /// # Errors
    /// Another process has it, or the directory cannot be used.
    pub fn take(directory: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let path = directory.join(NAME);
        let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(directory.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_directory_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("a/b");
        let first = CacheLock::take(&cache).unwrap();
        assert!(matches!(CacheLock::take(&cache), Err(LockError::Held(held)) if held == cache));
        drop(first);
        CacheLock::take(&cache).unwrap();
        fs_err::write(directory.path().join("file"), "").unwrap();
        let error = CacheLock::take(&directory.path().join("file")).unwrap_err();
        assert!(matches!(error, LockError::Io { .. }), "{error}");
    }
}
