//! What one file of a Terraform module uses the module's names for. A module is all files of a directory.

use std::collections::{BTreeMap, BTreeSet};

/// The names `local.x` and `var.x` in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleNames {
    /// Those that are images wherever they are used, or are passed on to a module.
    pub images: BTreeSet<String>,
    /// Those that are used for something else, or for more.
    pub others: BTreeSet<String>,
    /// Those that are passed on, and to what.
    pub passed: Vec<(String, ModuleArgument)>,
    /// The JSON pointers of the images that names have as their values.
    pub definitions: BTreeMap<String, String>,
    /// The JSON pointers of what modules get that may be an image.
    pub arguments: Vec<(ModuleArgument, String)>,
}

/// A variable of a module of the same tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleArgument {
    /// Where the module lies, seen from the directory of the file.
    pub source: String,
    /// What the variable is called.
    pub name: String,
}

impl ModuleNames {
    /// Adds the names of another document of the file.
    pub(super) fn add(&mut self, other: Self) {
        self.images.extend(other.images);
        self.others.extend(other.others);
        self.passed.extend(other.passed);
        self.definitions.extend(other.definitions);
        self.arguments.extend(other.arguments);
    }
}
