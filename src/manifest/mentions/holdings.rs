//! What is meant by the names that a change takes or drops: files, objects, keys of their data; whether these have a digest, and
//! what floats in them.

use std::collections::{HashMap, HashSet};

use aho_corasick::AhoCorasick;

use super::digests;
use super::mention::Mentioned;
use super::reader::{Reader, Text, floating};
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::source::{SourceText, text_of};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::{directory_of, path_from};

/// Kinds whose images run where another object names them, and not by themselves.
const ASKED_FOR: [&str; 14] = [
    "ClusterTask",
    "ClusterWorkflowTemplate",
    "ConfigMap",
    "HelmChart",
    "OCIRepository",
    "Pipeline",
    "PodTemplate",
    "Secret",
    "SealedSecret",
    "StepAction",
    "Task",
    "Template",
    "VirtualMachineInstancetype",
    "WorkflowTemplate",
];

/// The names that are looked for.
pub struct WantedNames {
    names: HashSet<String>,
    search: Option<AhoCorasick>,
}

impl WantedNames {
    /// Returns the words that the files of `named` say, and the paths that they may mean by them.
    pub fn new<'n>(named: impl Iterator<Item = (&'n str, &'n str)>) -> Self {
        let names: HashSet<String> = named.flat_map(|(path, word)| meanings(path, word)).collect();
        let search = AhoCorasick::new(&names).ok().filter(|_| !names.is_empty());
        Self { names, search }
    }

    /// Returns whether the file at `path` may be meant, or have something that is.
    pub fn may_be_in(&self, path: &str) -> bool {
        self.names.contains(path) || is_known(path)
    }

    /// Returns whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// What stands behind names in a tree.
#[derive(Default)]
pub struct Holdings {
    digests: HashSet<String>,
    floating: HashMap<String, Vec<Mentioned>>,
}

impl Holdings {
    /// Adds what the file at `path` has of what is wanted.
    pub fn add(&mut self, wanted: &WantedNames, path: &str, bytes: &[u8], catalogue: &Catalogue) {
        let is_named = wanted.names.contains(path);
        let is_known = is_known(path);
        let says_one = || wanted.search.as_ref().is_some_and(|search| search.is_match(bytes));
        if !is_named && !(is_known && says_one()) {
            return;
        }
        let Ok(text) = text_of(bytes) else { return };
        if is_named {
            self.hold(path, path, text, catalogue);
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
            if !ASKED_FOR.contains(&kind) {
                continue;
            }
            if let Some(name) = name.filter(|name| wanted.names.contains(*name)) {
                self.hold(name, "object.yaml", tree.source_of(document), catalogue);
            }
            for (key, value) in data(&tree, root).filter(|(key, _)| wanted.names.contains(*key)) {
                self.hold(key, "values.yaml", value, catalogue);
            }
        }
    }

    fn hold(&mut self, name: &str, path: &str, text: &str, catalogue: &Catalogue) {
        if digests::has_any(path, text) {
            self.digests.insert(name.to_owned());
        }
        let all = self.floating.entry(name.to_owned()).or_default();
        let mut take = |what: Mentioned, _: &Text<'_>, _: String, _| {
            if matches!(what, Mentioned::Image(_) | Mentioned::Perhaps(_) | Mentioned::Value { .. }) {
                all.push(what);
            }
        };
        Reader::new(path, catalogue, &mut take).inside().read(text);
        all.extend(floating(path, text, catalogue).into_iter().map(Mentioned::Image));
    }

    /// Returns whether what the file at `path` means by a word has a digest.
    pub fn has_digest(&self, path: &str, word: &str) -> bool {
        meanings(path, word).any(|name| self.digests.contains(&name))
    }

    /// Returns what floats in what the file at `path` means by a word.
    pub fn floating(&self, path: &str, word: &str) -> Vec<&Mentioned> {
        meanings(path, word).filter_map(|name| self.floating.get(&name)).flatten().collect()
    }
}

fn is_known(path: &str) -> bool {
    Language::of(path) == Some(Language::Yaml)
}

/// Returns what a file may mean by a word: a file as seen from its directory or from the root, or something of that name.
fn meanings(path: &str, word: &str) -> impl Iterator<Item = String> {
    // As Argo CD names another source.
    let below = word.split_once('/').filter(|(source, _)| source.starts_with('$')).map(|(_, below)| below);
    let at_root = path_from("", below.unwrap_or(word).trim_start_matches('/'));
    let paths = [path_from(directory_of(path), word), at_root].into_iter().flatten();
    paths.chain(std::iter::once(word.to_owned())).filter(|name| !name.is_empty())
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
        held.add(&wanted, "apps/cm.yaml", CONFIG_MAP.as_bytes(), &BUILT_IN);
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
            assert_eq!(floating.iter().any(|what| is_image(what)), floats, "{word}: {floating:?}");
        }
    }
}
