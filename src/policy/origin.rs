//! Where a setting was written.

use crate::manifest::SourceRange;

/// A place in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingOrigin {
    /// The file, as messages name it.
    pub file: String,
    /// The file below the root of the git work tree, where it lies there.
    pub root_path: String,
    /// Where the entry starts, and its first line ends.
    pub place: SourceRange,
}
