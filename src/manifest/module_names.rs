//! What one file of a Terraform module uses the module's names for. A module is all files of a directory.

use std::collections::{BTreeMap, BTreeSet};

/// The names `local.x` and `var.x` in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModuleNames {
    /// Those that are images wherever they are used.
    pub images: BTreeSet<String>,
    /// Those that are used for something else, or for more.
    pub others: BTreeSet<String>,
    /// The JSON pointers of the images that names have as their values.
    pub definitions: BTreeMap<String, String>,
}

impl ModuleNames {
    /// Adds the names of another document of the file.
    pub(super) fn add(&mut self, other: Self) {
        self.images.extend(other.images);
        self.others.extend(other.others);
        self.definitions.extend(other.definitions);
    }
}
