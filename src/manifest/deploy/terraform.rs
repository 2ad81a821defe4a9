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

    fn is_image(&mut self, at: &str, path: &str) -> bool {
        let found = self.use_of(at, path, CALLS_MAX);
        found.is_image && !found.is_other
    }

    /// Returns whether what a file in `at` hands to a module is an image there.
    fn takes_image(&mut self, at: &str, to: &ModuleArgument) -> bool {
        joined(at, &to.source).is_some_and(|module| self.is_image(&module, &format!("var.{}", to.name)))
    }

    fn use_of(&mut self, at: &str, path: &str, calls: usize) -> NameUse {
        let key = (at.to_owned(), path.to_owned());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let unknown = NameUse { is_image: false, is_other: true };
        let (Some(module), Some(calls)) = (self.modules.get(at), calls.checked_sub(1)) else {
            return unknown;
        };
        let mut found =
            NameUse { is_image: module.images.meets(path), is_other: module.others.meets_above(path) };
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
            let there = module.map_or(unknown, |module| self.use_of(&module, &path, calls));
            found.is_image |= there.is_image;
            found.is_other |= there.is_other;
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
        files.iter_mut().map(|(path, scan)| (directory_of(path), std::mem::take(&mut scan.module))).collect();
    let mut modules = Modules::of(&names);
    for ((_, scan), (at, names)) in files.iter_mut().zip(&names) {
        let mut decided: HashMap<&str, bool> = HashMap::new();
        for (path, pointer) in &names.definitions {
            decided.insert(pointer, modules.is_image(at, path));
        }
        for (to, pointer) in &names.arguments {
            decided.insert(pointer, modules.takes_image(at, to));
        }
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            match (decided.get(site.path.as_str()), &site.awaits) {
                (Some(true), Some(_)) if site.state == State::Skipped(Skip::UnknownLocation) => {
                    site.confirm();
                }
                // A comment leaves it alone.
                (Some(true), Some(_)) => site.awaits = None,
                (Some(false), None) => site.skip(Skip::UnknownLocation),
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
