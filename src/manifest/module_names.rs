//! What one file of a Terraform module uses the module's names for. A module is all files of a directory.
//!
//! A path is a name with the keys below it: `local.image`, `var.services.web.image`. A key that is not known is `*`.

use std::collections::{BTreeSet, HashSet};

use super::rare::Blank;

/// How many keys below a name are told apart.
pub(super) const KEYS_MAX: usize = 4;

/// The names `local.x` and `var.x` in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleNames {
    /// The paths that are images.
    pub images: BTreeSet<String>,
    /// Those that are used for something else, with everything below them.
    pub others: BTreeSet<String>,
    /// Those that are passed on, and to what.
    pub passed: Vec<(String, ModuleArgument)>,
    /// The paths that may be images, each with the JSON pointer of its value.
    pub definitions: Vec<(String, String)>,
    /// The JSON pointers of what modules get that may be an image.
    pub arguments: Vec<(ModuleArgument, String)>,
}

impl Blank for ModuleNames {
    const BLANK: &'static Self = &Self {
        images: BTreeSet::new(),
        others: BTreeSet::new(),
        passed: Vec::new(),
        definitions: Vec::new(),
        arguments: Vec::new(),
    };
}

/// A variable of a module of the same tree, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleArgument {
    /// Where the module lies, seen from the directory of the file; empty for a name of the same module.
    pub source: String,
    /// What the variable is called, with the keys below it; of the same module its whole path.
    pub name: String,
}

impl ModuleNames {
    /// Returns whether nothing is said of any name.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the names of another document of the file.
    pub(super) fn add(&mut self, other: Self) {
        self.images.extend(other.images);
        self.others.extend(other.others);
        self.passed.extend(other.passed);
        self.definitions.extend(other.definitions);
        self.arguments.extend(other.arguments);
    }
}

/// A set of paths, in which one is found though a key of either is not known.
#[derive(Clone, Debug, Default)]
pub(super) struct NamePaths {
    known: HashSet<String>,
    /// The same with any of their keys not known.
    wide: HashSet<String>,
}

impl NamePaths {
    pub(super) fn insert(&mut self, path: &str) {
        if self.known.insert(path.to_owned()) {
            self.wide.extend(spellings(path));
        }
    }

    /// Returns whether one of the set may be `path`.
    pub(super) fn meets(&self, path: &str) -> bool {
        self.wide.contains(path) || spellings(path).any(|path| self.known.contains(&path))
    }

    /// Returns whether one of the set may be `path`, or hold it.
    pub(super) fn meets_above(&self, path: &str) -> bool {
        !self.known.is_empty() && at_and_above(path).any(|above| self.meets(above))
    }
}

/// Returns a path and those of what it stands in, down to the name.
pub(super) fn at_and_above(path: &str) -> impl Iterator<Item = &str> {
    let name = path.find('.').map_or(path.len(), |at| at + 1);
    let above = path[name..].match_indices('.').map(move |(at, _)| &path[..name + at]);
    above.chain([path])
}

/// Returns a path with any of its keys not known, first as it is.
pub(super) fn spellings(path: &str) -> impl Iterator<Item = String> + use<'_> {
    let parts: Vec<&str> = path.split('.').collect();
    let keys = parts.len().saturating_sub(2).min(KEYS_MAX);
    (0..1_usize << keys).map(move |unknown| {
        let part = |(at, part): (usize, &&'_ str)| match at.checked_sub(2) {
            Some(key) if key < KEYS_MAX && unknown >> key & 1 == 1 => "*".to_owned(),
            _ => (*part).to_owned(),
        };
        parts.iter().enumerate().map(part).collect::<Vec<_>>().join(".")
    })
}

/// Returns a key as a part of a path.
pub(super) fn part_of_key(key: &str) -> String {
    key.replace('~', "~0").replace('.', "~1").replace('*', "~2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_known_may_be_any() {
        let mut paths = NamePaths::default();
        for path in ["local.images.web", "var.services.*.image", "local.a.b.c"] {
            paths.insert(path);
        }
        for (path, meets, above) in [
            ("local.images.web", true, true),
            ("local.images.*", true, true),
            ("local.images.db", false, false),
            ("local.images", false, false),
            ("var.services.web.image", true, true),
            ("var.services.*.image", true, true),
            ("var.services.web.version", false, false),
            ("local.images.web.tag", false, true),
            ("local.a.*.c", true, true),
            ("local.imagesx.web", false, false),
            ("local", false, false),
        ] {
            assert_eq!((paths.meets(path), paths.meets_above(path)), (meets, above), "{path}");
        }
    }
}
