//! Looks for what is meant by the names that a change takes or drops: files, directories, objects, keys of their data; whether these
//! have a digest, and what floats in them.

use std::collections::{HashMap, HashSet};

use aho_corasick::AhoCorasick;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::digests;
use super::holdings::{Holdings, meanings};
use super::mention::{Mentioned, object_name};
use super::patch_targets::{self, Patched};
use super::reader::{Reader, Text, floating};
use super::sections;
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::source::{SourceText, text_of};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::{directory_of, path_from};

/// How kinds end whose images run where another object names them, and not by themselves.
const ASKED_FOR: [&str; 21] = [
    "Action",
    "Blueprint",
    "Catalog",
    "Chart",
    "Class",
    "Composition",
    "Config",
    "Definition",
    "Instancetype",
    "Instrumentation",
    "Map",
    "Pipeline",
    "Profile",
    "Proxy",
    "Runtime",
    "Secret",
    "Strategy",
    "Task",
    "Template",
    "Version",
    "Workspace",
];

/// The names that are looked for.
pub struct WantedNames {
    names: HashSet<String>,
    /// The paths of directories that words with a slash may mean.
    directories: HashSet<String>,
    /// The names that stand for many files, some at a time: together they are read sooner, and all at once they may be too much.
    globs: Vec<(Vec<String>, GlobSet)>,
    /// The parts that are looked for, by the file or the object that they are of.
    parts: HashMap<String, HashSet<String>>,
    /// The objects whose patches are looked for, by the names that stand for them.
    objects: Vec<(String, Patched)>,
    search: Option<AhoCorasick>,
}

/// How many names with wildcards are read together.
const TOGETHER: usize = 100;

/// Returns those names that are patterns of files, and the patterns.
fn globs(names: &[&String]) -> Vec<(Vec<String>, GlobSet)> {
    let (mut read, mut set) = (Vec::new(), GlobSetBuilder::new());
    for name in names {
        if let Ok(glob) = GlobBuilder::new(name).literal_separator(true).build() {
            set.add(glob);
            read.push((*name).clone());
        }
    }
    match (set.build(), names.split_at(names.len() / 2)) {
        (Ok(set), _) => vec![(read, set)],
        (Err(_), ([], _)) => Vec::new(),
        // One of them is too much for all.
        (Err(_), (first, second)) => [globs(first), globs(second)].concat(),
    }
}

impl WantedNames {
    /// Returns the words that the files of `named` say, and the paths that they may mean by them.
    pub fn new<'n>(named: impl Iterator<Item = (&'n str, &'n str)>) -> Self {
        let (mut names, mut directories, mut words) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut parts: HashMap<String, HashSet<String>> = HashMap::new();
        let mut objects = HashMap::new();
        for (path, word) in named {
            if let Some(object) = Patched::of_name(word) {
                words.insert("target".to_owned());
                objects.insert(word.to_owned(), object);
                continue;
            }
            for name in meanings(path, word) {
                let owner = name.split_once('#').map(|(owner, part)| (owner.to_owned(), part.to_owned()));
                let said = |part: &String| part.rsplit('=').next().unwrap_or(part).to_owned();
                words.insert(owner.as_ref().map_or_else(|| name.clone(), |(_, part)| said(part)));
                if let Some((owner, part)) = owner {
                    parts.entry(owner).or_default().insert(part);
                } else if word.contains('/') {
                    directories.insert(name.clone());
                }
                names.insert(name);
            }
        }
        let many: Vec<&String> = names.iter().filter(|name| name.contains('*')).collect();
        let globs = many.chunks(TOGETHER).flat_map(globs).collect();
        let search = AhoCorasick::new(&words).ok().filter(|_| !words.is_empty());
        let objects = objects.into_iter().collect();
        Self { names, directories, globs, parts, objects, search }
    }

    /// Returns whether the file at `path` may be meant, or have something that is.
    pub fn may_be_in(&self, path: &str) -> bool {
        self.names.contains(path) || is_known(path) || self.around(path).next().is_some()
    }

    /// Returns the names by which the file at `path` is meant together with others.
    fn around<'s>(&'s self, path: &'s str) -> impl Iterator<Item = &'s str> {
        let directory = Some(directory_of(path)).filter(|it| !it.is_empty() && self.names.contains(*it));
        let above = directory_of(path).match_indices('/').map(|(end, _)| &path[..end]);
        let above = above.filter(|directory| self.directories.contains(*directory));
        let globs = self.globs.iter().flat_map(move |(names, set)| {
            set.matches(path).into_iter().filter_map(|at| names.get(at)).map(String::as_str)
        });
        directory.into_iter().chain(above).chain(globs)
    }

    /// Returns whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.objects.is_empty()
    }

    /// Adds what the file at `path` has of what is looked for; `bytes` is `None` where it cannot be read.
    pub fn look_into(&self, path: &str, bytes: Option<&[u8]>, catalogue: &Catalogue, into: &mut Holdings) {
        let (is_named, is_known) = (self.names.contains(path), is_known(path));
        let Some(bytes) = bytes else {
            for name in self.around(path).chain(Some(path).filter(|_| is_named)) {
                let unread = Mentioned::Unread(path.to_owned());
                into.floating.entry(name.to_owned()).or_default().push(unread);
            }
            return;
        };
        let says_one = || self.search.as_ref().is_some_and(|search| search.is_match(bytes));
        if !(is_named || self.around(path).next().is_some() || is_known && says_one()) {
            return;
        }
        let Ok(text) = text_of(bytes) else { return };
        for name in self.around(path) {
            match name.contains('*') {
                true => hold(into, name, path, text, catalogue),
                false => {
                    into.digests.entry(name.to_owned()).or_default().extend(digests::all(path, text));
                }
            }
        }
        if is_named {
            hold(into, path, path, text, catalogue);
        }
        if !is_known {
            return;
        }
        let source = SourceText::new(text, path);
        let tree = source.parse();
        for (document, root) in tree.documents.iter().enumerate().filter_map(|(at, it)| Some((at, it.root?)))
        {
            let kind = tree.get_str(root, "kind").unwrap_or_default();
            let name = tree.get(root, "metadata").and_then(|metadata| tree.get_str(metadata, "name"));
            let mut take = |name: &str, text: &str| hold(into, name, "object.yaml", text, catalogue);
            for owner in [Some(path), name].into_iter().flatten() {
                let Some(parts) = self.parts.get(owner) else { continue };
                sections::find(&tree, root, parts, &mut |part, text| take(&format!("{owner}#{part}"), text));
            }
            let called = [object_name(kind, name.unwrap_or_default())].into_iter();
            for name in called.chain(sections::defined(&tree, root)).filter(|name| self.names.contains(name))
            {
                take(&name, tree.source_of(document));
            }
            self.look_for_patches(path, (&tree, root), catalogue, into);
            if !ASKED_FOR.iter().any(|end| kind.ends_with(end)) {
                continue;
            }
            if let Some(name) = name.filter(|name| self.names.contains(*name)) {
                hold(into, name, "object.yaml", tree.source_of(document), catalogue);
            }
            for (key, value) in data(&tree, root).filter(|(key, _)| self.names.contains(*key)) {
                hold(into, key, "values.yaml", value, catalogue);
            }
        }
    }
}

impl WantedNames {
    /// Adds what the patches of a file have, under the objects that they change.
    fn look_for_patches(
        &self,
        path: &str,
        (tree, root): (&SyntaxTree<'_>, NodeId),
        catalogue: &Catalogue,
        into: &mut Holdings,
    ) {
        if self.objects.is_empty() {
            return;
        }
        for patch in patch_targets::patches(tree, root) {
            let objects = self.objects.iter().filter(|(_, object)| patch.changes(object));
            for (name, _) in objects {
                match patch.what {
                    Ok(text) => hold(into, name, "patch.yaml", text, catalogue),
                    // What is in it, whoever asks reads.
                    Err(file) => {
                        let Some(file) = path_from(directory_of(path), file) else { continue };
                        into.digests.entry(name.clone()).or_default().insert(file.clone());
                        into.patch_files.insert((name.clone(), file));
                    }
                }
            }
        }
    }
}

/// Adds what floats in the file of a patch, under the name of an object that it changes.
pub fn hold_patch(into: &mut Holdings, name: &str, bytes: &[u8], catalogue: &Catalogue) {
    let mut held = Holdings::default();
    hold(&mut held, name, "patch.yaml", text_of(bytes).unwrap_or_default(), catalogue);
    into.floating.entry(name.to_owned()).or_default().extend(held.floating.into_values().flatten());
}

/// Adds what a text has, under a name.
fn hold(into: &mut Holdings, name: &str, path: &str, text: &str, catalogue: &Catalogue) {
    into.digests.entry(name.to_owned()).or_default().extend(digests::all(path, text));
    let all = into.floating.entry(name.to_owned()).or_default();
    let mut take = |what: Mentioned, _: &Text<'_>, _: String, _| {
        if matches!(what, Mentioned::Image(_) | Mentioned::Perhaps(_) | Mentioned::Value { .. }) {
            all.push(what);
        }
    };
    Reader::new(path, catalogue, &mut take).inside().read(text);
    all.extend(floating(path, text, catalogue).into_iter().map(Mentioned::Image));
}

fn is_known(path: &str) -> bool {
    Language::of(path) == Some(Language::Yaml)
}

/// Returns the data of a `ConfigMap` or a `Secret`.
fn data<'t>(tree: &'t SyntaxTree<'_>, root: NodeId) -> impl Iterator<Item = (&'t str, &'t str)> {
    let maps = ["data", "stringData"].into_iter().filter_map(move |key| tree.get(root, key));
    let entries = maps.flat_map(|map| tree.entries(map));
    entries.filter_map(|(key, value)| Some((tree.text_of(*key)?, tree.text_of(*value)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::formats::catalogue::BUILT_IN;

    const CONFIG_MAP: &str = "kind: ConfigMap\nmetadata: {name: v}\ndata:\n  good.yaml: |\n    image: {tag: '1.27', digest: 'sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd'}\n  old.yaml: |\n    image: {tag: '1.27'}\n";

    fn held(words: &[&str]) -> Holdings {
        let wanted = WantedNames::new(words.iter().map(|word| ("apps/a.yaml", *word)));
        let mut held = Holdings::default();
        wanted.look_into("apps/cm.yaml", Some(CONFIG_MAP.as_bytes()), &BUILT_IN, &mut held);
        held
    }

    #[test]
    fn files_objects_and_keys_of_data_are_meant() {
        for (word, has_digest, floats) in [
            ("v", true, true),
            ("cm.yaml", true, true),
            ("good.yaml", true, false),
            ("old.yaml", false, true),
            ("other", false, false),
        ] {
            let held = held(&[word]);
            assert_eq!(held.has_digest("apps/a.yaml", word), has_digest, "{word}");
            let floating = held.floating("apps/a.yaml", word);
            let is_image = |what: &&Mentioned| matches!(what, Mentioned::Image(_));
            assert_eq!(floating.iter().any(is_image), floats, "{word}: {floating:?}");
        }
    }
}
