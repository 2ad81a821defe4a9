//! Directories of cases.

use std::path::{Path, PathBuf};

/// Returns what stands in `directory`, sorted.
pub(crate) fn sorted(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Copies directories and files, so that a test may change them; no links, and no `.git`.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for path in sorted(from) {
        let (kind, target) = (fs_err::symlink_metadata(&path).unwrap(), to.join(path.file_name().unwrap()));
        if kind.is_dir() && !path.ends_with(".git") {
            copy(&path, &target);
        } else if kind.is_file() {
            fs_err::copy(&path, target).unwrap();
        }
    }
}
