//! Terraform: an image that is the value of a name, or is handed to a module, counts only where that name is used as an image
//! and nothing else in all files of its module.

use std::collections::HashMap;

use super::TreeFile;
use crate::manifest::module_names::{ModuleArgument, ModuleNames, NamePaths, at_and_above, spellings};
use crate::manifest::site::{Skip, State};
use crate::source::tree::directory_of;

/// How often a name is handed on before nobody follows it.
const CALLS_MAX: usize = 16;

/// What all files of a directory say of the names in it.
#[derive(Default)]
struct Module<'f> {
    images: NamePaths,
    /// What is no image.
    others: NamePaths,
    passed: HashMap<&'f str, Vec<&'f ModuleArgument>>,
}

/// What a name is used for, in its own module and in those that get it.
#[derive(Clone, Copy, Default)]
struct NameUse {
    is_image: bool,
    is_other: bool,
    /// A container of some object gets it as its image, whatever becomes of that.
    is_in_container: bool,
}

impl NameUse {
    /// Returns whether it is an image and nothing else.
    fn is_image_alone(self) -> bool {
        self.is_image && !self.is_other
    }
}

/// Returns whether a path is that of the image of a container: `local.parameters.containers.*.image`.
fn is_of_container(path: &str) -> bool {
    let mut keys = path.rsplit('.');
    keys.next() == Some("image") && keys.any(|key| key.to_ascii_lowercase().ends_with("containers"))
}

/// The modules of a tree, by their directories.
struct Modules<'f> {
    modules: HashMap<&'f str, Module<'f>>,
    /// What is known by now, by directory and path.
    known: HashMap<(String, String), NameUse>,
}

impl<'f> Modules<'f> {
    fn of(files: &'f [(&'f str, ModuleNames)]) -> Self {
        let mut modules: HashMap<&str, Module<'_>> = HashMap::new();
        for (at, names) in files {
            let module = modules.entry(*at).or_default();
            names.images.iter().for_each(|path| module.images.insert(path));
            names.others.iter().for_each(|path| module.others.insert(path));
            for (path, to) in &names.passed {
                module.passed.entry(path).or_default().push(to);
            }
        }
        Self { modules, known: HashMap::new() }
    }

    /// Returns what a module does with what a file in `at` hands to it.
    fn use_in(&mut self, at: &str, to: &ModuleArgument) -> NameUse {
        let module = joined(at, &to.source);
        module.map_or_else(NameUse::default, |module| {
            self.use_of(&module, &format!("var.{}", to.name), CALLS_MAX)
        })
    }

    fn use_of(&mut self, at: &str, path: &str, calls: usize) -> NameUse {
        let key = (at.to_owned(), path.to_owned());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let unknown = NameUse { is_other: true, ..NameUse::default() };
        let (Some(module), Some(calls)) = (self.modules.get(at), calls.checked_sub(1)) else {
            return unknown;
        };
        let mut found = NameUse {
            is_image: module.images.meets(path),
            is_other: module.others.meets_above(path),
            ..NameUse::default()
        };
        let mut passed = Vec::new();
        for above in at_and_above(path) {
            for to in spellings(above).filter_map(|above| module.passed.get(above.as_str())).flatten() {
                let below = &path[above.len()..];
                passed.push(match to.source.as_str() {
                    "" => (Some(at.to_owned()), format!("{}{below}", to.name)),
                    source => (joined(at, source), format!("var.{}{below}", to.name)),
                });
            }
        }
        // A circle of calls says nothing.
        self.known.insert(key.clone(), NameUse::default());
        for (module, path) in passed {
            found.is_in_container |= is_of_container(&path);
            let there = module.map_or(unknown, |module| self.use_of(&module, &path, calls));
            found.is_image |= there.is_image;
            found.is_other |= there.is_other;
            found.is_in_container |= there.is_in_container;
        }
        self.known.insert(key, found);
        found
    }
}

/// Leaves the definitions and arguments alone that are used for more than an image, and those that nobody uses as one. What
/// files say of names is taken out of them.
pub(super) fn settle(files: &mut [TreeFile<'_>]) {
    if files.iter().all(|(_, scan)| scan.module.is_empty()) {
        return;
    }
    let names: Vec<(&str, ModuleNames)> =
        files.iter_mut().map(|(path, scan)| (directory_of(path), scan.module.take())).collect();
    let mut modules = Modules::of(&names);
    for ((_, scan), (at, names)) in files.iter_mut().zip(&names) {
        let mut decided: HashMap<&str, NameUse> = HashMap::new();
        for (path, pointer) in &names.definitions {
            decided.insert(pointer, modules.use_of(at, path, CALLS_MAX));
        }
        for (to, pointer) in &names.arguments {
            decided.insert(pointer, modules.use_in(at, to));
        }
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            let Some(found) = decided.get(site.path.as_str()) else { continue };
            match (found.is_image_alone(), &site.awaits) {
                (true, Some(_)) if site.state == State::Skipped(Skip::UnknownLocation) => {
                    site.confirm();
                }
                // A comment leaves it alone.
                (true, Some(_)) => site.awaits = None,
                (false, Some(_)) if found.is_in_container => site.awaits = None,
                (false, None) => site.skip(Skip::UnknownLocation),
                _ => {}
            }
        }
    }
}

/// Returns the directory at `source` as seen from `at`; `None` where it is not in the tree.
fn joined(at: &str, source: &str) -> Option<String> {
    let mut parts: Vec<&str> = at.split('/').filter(|part| !part.is_empty()).collect();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
