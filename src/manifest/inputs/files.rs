//! The files of a tree by what others call them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use super::needs::texts;
use crate::manifest::content;
use crate::manifest::scan::is_candidate;
use crate::manifest::syntax::source::text_of;
use crate::manifest::syntax::yaml;
use crate::source::tree::{EntryKind, Tree, TreeEntry, directory_of, path_from};

/// The largest file that is compared, in bytes; of a larger one only the size is.
const SIZE_MAX: u64 = 64 * 1024 * 1024;

/// How many files one look-away names at most. What names more is never known to be what it was.
const NAMED_MAX: usize = 5_000;

/// How many links are followed, one to another: Linux's limit.
const LINKS_MAX: usize = 40;

/// What is asked of a tree about a file of it.
type AskTree<'t, T> = Box<dyn Fn(&TreeEntry) -> T + 't>;

/// The files of a tree by their paths below the root.
pub(super) struct Files<'t> {
    read: AskTree<'t, Vec<u8>>,
    link: AskTree<'t, Option<String>>,
    /// Of a file that differs on disk there are two.
    entries: BTreeMap<&'t str, Vec<&'t TreeEntry>>,
    known: Mutex<HashMap<String, (String, Vec<String>)>>,
}

impl<'t> Files<'t> {
    pub(super) fn new<T: Tree>(tree: &'t T, all: &'t [(TreeEntry, String)]) -> Self {
        let mut entries: BTreeMap<&str, Vec<&TreeEntry>> = BTreeMap::new();
        for (entry, root_path) in all {
            entries.entry(root_path).or_default().push(entry);
        }
        let read = |entry: &TreeEntry| {
            let unread = || format!("{} bytes", entry.size).into_bytes();
            tree.read(&entry.path, SIZE_MAX).unwrap_or_else(|_| unread())
        };
        let link = |entry: &TreeEntry| tree.link_target(&entry.path);
        Self { read: Box::new(read), link: Box::new(link), entries, known: Mutex::default() }
    }

    /// Returns the files, with what stands for their content, that some texts of a file in `directory` name, and what these
    /// name in turn.
    pub(super) fn named(&self, directory: &str, names: &[String]) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut open: Vec<(String, Vec<String>)> = vec![(directory.to_owned(), names.to_vec())];
        while let Some((from, names)) = open.pop() {
            let words: BTreeSet<&str> = names.iter().flat_map(|text| words(text)).collect();
            let seen_from: BTreeSet<&str> = [from.as_str(), directory].into();
            let all = seen_from.iter().flat_map(|from| words.iter().map(move |word| (*from, *word)));
            let files: BTreeSet<String> = all.flat_map(|(from, word)| self.at(from, word)).collect();
            for file in files {
                if found.contains_key(&file) {
                    continue;
                }
                if found.len() >= NAMED_MAX {
                    // Nothing is equal to it.
                    found.insert(file, String::new());
                    return found;
                }
                let (content, names) = self.content(&file);
                open.push((directory_of(&file).to_owned(), names));
                found.insert(file, content);
            }
        }
        found
    }

    /// Returns the files that `name` is, seen from `directory`: one, or those in a directory. Links are followed; those on
    /// the way are files as well.
    pub(super) fn at(&self, directory: &str, name: &str) -> Vec<String> {
        // A word of a sentence is seldom a path, and a directory of that name is not meant by it.
        let Some(mut path) = path_from(directory, name).filter(|path| !path.is_empty()) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for _ in 0..LINKS_MAX {
            let above = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            let link = above.into_iter().find_map(|at| {
                let entry =
                    self.entries.get(&path[..at])?.iter().find(|entry| entry.kind == EntryKind::Symlink)?;
                Some((at, (self.link)(entry)))
            });
            let Some((at, target)) = link else { break };
            found.push(path[..at].to_owned());
            let target = target.and_then(|target| path_from(directory_of(&path[..at]), &target));
            let Some(target) = target else { return found };
            path = target + &path[at..];
        }
        if self.entries.contains_key(path.as_str()) {
            found.push(path);
        } else {
            found.extend(self.below(&path).map(str::to_owned));
        }
        found
    }

    /// Returns the files in a directory, however deep.
    pub(super) fn below<'s>(&'s self, directory: &str) -> impl Iterator<Item = &'s str> + use<'s, 't> {
        let prefix = format!("{directory}/");
        let below = self.entries.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        below.map(|(path, _)| *path).take_while(move |path| path.starts_with(&prefix))
    }

    /// Returns the bytes of a file, or where a link leads.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let entries = self.entries.get(path)?.iter();
        let bytes = entries.map(|entry| match entry.kind {
            EntryKind::Symlink => (self.link)(entry).unwrap_or_default().into_bytes(),
            EntryKind::File => (self.read)(entry),
        });
        Some(bytes.collect::<Vec<_>>().concat())
    }

    /// Returns what stands for the content of a file, and the texts in it.
    fn content(&self, path: &str) -> (String, Vec<String>) {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(path) {
            return known.clone();
        }
        let bytes = self.bytes(path).unwrap_or_default();
        let found = match text_of(&bytes) {
            Ok(text) => {
                let tree = yaml::parse(text);
                let roots = tree.documents.iter().filter_map(|document| document.root);
                let names = roots.flat_map(|root| texts(&tree, root)).collect();
                let content =
                    if is_candidate(path) { content::of_yaml(text) } else { content::of_bytes(&bytes) };
                (content, names)
            }
            Err(_) => (content::of_bytes(&bytes), Vec::new()),
        };
        known().insert(path.to_owned(), found.clone());
        found
    }
}

/// Returns what may be a path in a text: the text, and its words.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| {
        c.is_whitespace() || matches!(c, '=' | ',' | ';' | ':' | '"' | '\'' | '[' | ']' | '{' | '}')
    };
    std::iter::once(text).chain(text.split(ends)).filter(|word| !word.is_empty() && word.len() < 1024)
}
