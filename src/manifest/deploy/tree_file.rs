//! What is looked at.

use crate::manifest::located::Scan;

/// A file of the tree: its path below the root, and what it holds.
pub(in crate::manifest) type TreeFile<'f> = (&'f str, &'f mut Scan);

/// Returns the directory of the file at `path`, empty for the root.
pub(super) fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
