//! What stands behind the names of a tree.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::mention::Mentioned;
use crate::source::tree::{directory_of, path_from};

/// What stands behind names in a tree.
#[derive(Default)]
pub struct Holdings {
    /// The words with a digest, and the names of the items that they stand in.
    pub(super) digests: HashMap<String, HashSet<String>>,
    pub(super) floating: HashMap<String, Vec<Mentioned>>,
    /// The names of objects that are patched, and the files of the patches.
    pub(super) patch_files: BTreeSet<(String, String)>,
}

impl Holdings {
    /// Returns whether what the file at `path` means by a word has a digest.
    pub fn has_digest(&self, path: &str, word: &str) -> bool {
        meanings(path, word).any(|name| self.digests.get(&name).is_some_and(|found| !found.is_empty()))
    }

    /// Returns the digests that what the file at `path` means by a word has, and the images that they are for.
    pub(super) fn digests(&self, path: &str, word: &str) -> Vec<String> {
        meanings(path, word).filter_map(|name| self.digests.get(&name)).flatten().cloned().collect()
    }

    /// Returns the names of objects that are patched, each with the path of a patch, below the root.
    pub fn patch_files(&self) -> Vec<(String, String)> {
        self.patch_files.iter().cloned().collect()
    }

    /// Returns what floats in what the file at `path` means by a word.
    pub fn floating(&self, path: &str, word: &str) -> Vec<&Mentioned> {
        meanings(path, word).filter_map(|name| self.floating.get(&name)).flatten().collect()
    }
}

/// Returns what a file may mean by a word: a file as seen from its directory or from the root, or something of that name.
pub fn meanings(path: &str, word: &str) -> impl Iterator<Item = String> {
    // A part of the file itself, of another one, or of an object.
    let (word, part) = word.split_once('#').map_or((word, None), |(word, part)| (word, Some(part)));
    let itself = part.filter(|_| word.is_empty()).map(|_| path.to_owned());
    // As Argo CD names another source.
    let below = word.split_once('/').filter(|(source, _)| source.starts_with('$')).map(|(_, below)| below);
    let at_root = path_from("", below.unwrap_or(word).trim_start_matches('/'));
    // As a deployer sees it from a directory that it builds.
    let above = path_from("", word.trim_start_matches("../")).filter(|_| word.starts_with("../"));
    // As the tasks of a role see what lies in it.
    let role = ["/tasks/", "/handlers/"].iter().find_map(|below| Some(path.rsplit_once(below)?.0));
    let in_role = ["", "files", "templates"].map(|kind| path_from(&format!("{}/{kind}", role?), word));
    let own = [path_from(directory_of(path), word), at_root, above].into_iter().flatten();
    let paths = own.chain(in_role.into_iter().flatten());
    let names = paths.chain(std::iter::once(word.to_owned())).filter(|name| !name.is_empty()).chain(itself);
    names.map(move |name| part.map_or(name.clone(), |part| format!("{name}#{part}")))
}
