//! From a path to the file that defines what it names, through every re-export on the way.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Module, ModulePath, Modules};

/// What a path leads to.
enum Target<'a> {
    Module(ModulePath),
    Definition(&'a Module),
    /// Something of another crate, or a name that is not a module's.
    Elsewhere,
}

/// Which files each file takes something from.
pub(super) type Arrows = BTreeMap<String, BTreeSet<String>>;

impl Modules {
    /// Returns the arrows between files, and the paths into this crate that lead nowhere.
    pub(super) fn arrows(&self, name: &str) -> (Arrows, Vec<String>) {
        let (mut arrows, mut lost) = (Arrows::new(), Vec::new());
        for (path, module) in &self.0 {
            let from = arrows.entry(module.file.clone()).or_default();
            for written in &module.paths {
                match self.resolve(path, written, name, 0) {
                    Some(Target::Definition(to)) if to.file != module.file => {
                        from.insert(to.file.clone());
                    }
                    None => lost.push(format!("{}: {}", module.file, written.join("::"))),
                    // A module alone is not used yet: what is taken from it is written as a path.
                    _ => {}
                }
            }
        }
        (arrows, lost)
    }

    fn resolve(&self, from: &[String], path: &[String], name: &str, depth: usize) -> Option<Target<'_>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(Vec::new(), rest, name, depth),
            first if first == name => self.walk(Vec::new(), rest, name, depth),
            "self" => self.walk(from.to_vec(), rest, name, depth),
            "super" => {
                let mut parent = from.to_vec();
                parent.pop()?;
                let mut rest = rest;
                while let Some(more) = rest.strip_prefix(&["super".to_owned()]) {
                    parent.pop()?;
                    rest = more;
                }
                self.walk(parent, rest, name, depth)
            }
            _ => self.walk(from.to_vec(), path, name, depth).or(Some(Target::Elsewhere)),
        }
    }

    fn walk(&self, at: ModulePath, path: &[String], name: &str, depth: usize) -> Option<Target<'_>> {
        // Two imports that name each other.
        if depth > 32 {
            return None;
        }
        let Some((first, rest)) = path.split_first() else { return Some(Target::Module(at)) };
        let module = self.0.get(&at)?;
        let is_child = module.children.contains(first);
        if module.definitions.contains(first) && (!is_child || rest.is_empty()) {
            return Some(Target::Definition(module));
        }
        if let Some(import) = module.imports.get(first).filter(|_| !is_child || rest.is_empty()) {
            return match self.resolve(&at, import, name, depth + 1)? {
                Target::Module(next) => self.walk(next, rest, name, depth + 1),
                other => Some(other),
            };
        }
        is_child
            .then(|| [&at[..], std::slice::from_ref(first)].concat())
            .and_then(|child| self.walk(child, rest, name, depth))
    }
}
