//! Terraform: an image that is the value of a name, or is handed to a module, counts only where that name is used as an image
//! and nothing else in all files of its module.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::TreeFile;
use crate::manifest::inventory::directory;
use crate::manifest::module_names::ModuleArgument;
use crate::manifest::site::{Skip, State};

/// How often a name is handed on before nobody follows it.
const CALLS_MAX: usize = 16;

/// The modules of a tree, by their directories.
#[derive(Default)]
struct Modules {
    images: HashMap<String, BTreeSet<String>>,
    /// What is no image, by directory and name.
    others: HashSet<(String, String)>,
}

impl Modules {
    fn of(files: &[TreeFile<'_>]) -> Self {
        let (mut modules, mut passed) = (Self::default(), Vec::new());
        for (path, scan) in files {
            let at = directory(path);
            let names = &scan.module;
            modules.images.entry(at.to_owned()).or_default().extend(names.images.iter().cloned());
            modules.others.extend(names.others.iter().map(|name| (at.to_owned(), name.clone())));
            passed.extend(names.passed.iter().map(|(name, to)| (at, name, to)));
        }
        for call in 0..=CALLS_MAX {
            let is_lost = |(at, _, to): &(&str, &String, &ModuleArgument)| {
                call == CALLS_MAX || !modules.takes_image(at, to)
            };
            let (lost, rest): (Vec<_>, Vec<_>) = passed.into_iter().partition(is_lost);
            passed = rest;
            if lost.is_empty() {
                break;
            }
            modules.others.extend(lost.into_iter().map(|(at, name, _)| (at.to_owned(), name.clone())));
        }
        modules
    }

    fn is_image(&self, at: &str, name: &str) -> bool {
        self.images.get(at).is_some_and(|images| images.contains(name))
            && !self.others.contains(&(at.to_owned(), name.to_owned()))
    }

    /// Returns whether what a file in `at` hands to a module is an image there.
    fn takes_image(&self, at: &str, to: &ModuleArgument) -> bool {
        joined(at, &to.source).is_some_and(|module| self.is_image(&module, &format!("var.{}", to.name)))
    }
}

/// Leaves the definitions and arguments alone that are used for more than an image, and those that nobody uses as one. What
/// files say of names is taken out of them.
pub(super) fn settle(files: &mut [TreeFile<'_>]) {
    let modules = Modules::of(files);
    for (path, scan) in files.iter_mut() {
        let at = directory(path);
        let names = std::mem::take(&mut scan.module);
        let definitions = names.definitions.into_iter();
        let definitions = definitions.map(|(name, pointer)| (pointer, modules.is_image(at, &name)));
        let arguments = names.arguments.into_iter();
        let arguments = arguments.map(|(to, pointer)| (pointer, modules.takes_image(at, &to)));
        let decided: HashMap<String, bool> = definitions.chain(arguments).collect();
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            match (decided.get(&site.path), &site.awaits) {
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
