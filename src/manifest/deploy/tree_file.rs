//! What is looked at.

use crate::manifest::located::Scan;

/// A file of the tree: its path below the root, and what it holds.
pub(in crate::manifest) type TreeFile<'f> = (&'f str, &'f mut Scan);
