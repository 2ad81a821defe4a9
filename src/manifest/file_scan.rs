//! A file of a tree and what it holds.

use super::located::Scan;

/// What one file holds.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct FileScan {
    /// The path that reports name.
    pub path: String,
    /// The path below the repository's root, for policies and kustomizations.
    pub root_path: String,
    /// Sites, and what could not be read.
    pub scan: Scan,
}
