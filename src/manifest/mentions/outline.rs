//! Where a text has digests, and the names of what has one: by their keys and their objects, and not by their lines.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::holdings::Holdings;
use super::names;
use super::steps;
use super::unpacked::{Unpacked, unpacked};
use crate::manifest::content;
use crate::manifest::partial_image::ends_in_digest;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::source::SourceText;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// How deep texts inside of texts are read.
const DEPTH_MAX: usize = 3;

/// Keys of one reference: a digest may go from one of them to another.
const PARTS: [&str; 14] = [
    "digest",
    "hash",
    "image",
    "imageDigest",
    "imageTag",
    "name",
    "newName",
    "newTag",
    "ref",
    "reference",
    "repository",
    "sha",
    "sha256",
    "tag",
];

/// What names whole objects: they go with their digests.
const WHOLE: [&str; 5] = ["bases", "crds", "dependsOn", "include", "resources"];

/// Keys of the commit that a deployer takes of a source.
const REVISIONS: [&str; 3] = ["commit", "revision", "targetRevision"];

/// What of a kustomization says where images stand.
const FINDERS: [&str; 3] = ["configurations", "openapi", "transformers"];

/// Lists whose later items win over earlier ones, or whose first one does.
const ORDERED: [&str; 14] = [
    "env_file",
    "envs",
    "files",
    "path",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "secrets",
    "setFiles",
    "targetCustomizations",
    "valueFiles",
    "values",
    "valuesFiles",
    "valuesFrom",
];

/// The longest item without a name that is told from others, in bytes.
const WRITTEN_MAX: usize = 200;

/// The longest list whose order is looked at.
const ORDERED_MAX: usize = 50;

/// An object of a file, and the keys that lead to a value in it; items of lists by their names.
pub(super) type DigestPlace = (String, Vec<String>);

/// What stands for a [`DigestPlace`]: a large file has millions of places.
type PlaceHash = u64;

/// What is meant by the words of a file.
#[derive(Clone, Copy, Default)]
pub struct Names<'n> {
    /// The file's path below the root.
    pub path: &'n str,
    /// What stands behind them.
    pub held: Option<&'n Holdings>,
}

impl Names<'_> {
    fn has_digest(&self, word: &str) -> bool {
        self.held.is_some_and(|held| held.has_digest(self.path, word))
    }

    pub(super) fn behind(&self, word: &str) -> Vec<String> {
        self.held.map(|held| held.digests(self.path, word)).unwrap_or_default()
    }
}

/// Where a text has which digests.
#[derive(Default)]
pub(super) struct Outline<'n> {
    pub(super) names: Names<'n>,
    /// Every value and collection, where they are asked for.
    places: HashMap<PlaceHash, Range<usize>>,
    /// How many items of lists are at a place, where places are asked for.
    items: HashMap<PlaceHash, usize>,
    has_places: bool,
    /// The words with a digest, or the names of what has one.
    pub(super) digests: BTreeMap<DigestPlace, Vec<String>>,
    pub(super) objects: HashSet<String>,
    /// How many words with a digest were found.
    count: usize,
}

impl<'n> Outline<'n> {
    pub(super) fn of(path: &str, text: &str, names: Names<'n>, has_places: bool) -> Self {
        let mut outline = Self { names, has_places, ..Self::default() };
        let name = if Language::of(path).is_some() { path } else { "values.yaml" };
        let source = SourceText::new(text, name);
        let tree = source.parse();
        for (document, parsed) in tree.documents.iter().enumerate() {
            if let Some(root) = parsed.root {
                let object = object(&tree, root).unwrap_or_else(|| document.to_string());
                outline.objects.insert(object.clone());
                outline.walk(&tree, root, (&object, &mut Vec::new()), None, 0);
            }
        }
        // A script may read like a text of YAML.
        let is_mapping = |root: Option<NodeId>| root.is_some_and(|root| tree.is_mapping(root));
        if Language::of(path).is_none()
            && !tree.documents.iter().all(|it| it.error.is_none() && is_mapping(it.root))
        {
            outline.lines(text);
        }
        outline
    }

    /// Takes the digests of a text that is in no language, such as a unit of systemd or a script: by what their lines start with.
    fn lines(&mut self, text: &str) {
        self.objects.insert(String::new());
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let span = start..start + line.trim_end().len();
            start += line.len();
            let mut found = digest_words(line);
            let mut words = line.split_whitespace();
            if words.next().is_some_and(|first| TAKING.contains(&first)) {
                found.extend(words.flat_map(|file| self.names.behind(file)));
            }
            let name = line.split(['=', ':', ' ']).next().unwrap_or_default().trim();
            let at = (String::new(), vec![format!("{LINE}{name}")]);
            if self.has_places && !name.is_empty() {
                self.places.entry(hash_of(&at.0, &at.1)).or_insert(span);
            }
            if !found.is_empty() {
                self.count += found.len();
                self.digests.entry(at).or_default().extend(found);
            }
        }
    }

    /// Returns the words with a digest that stand behind names which were not there before.
    pub(super) fn behind_new(&self, before: &Self) -> HashSet<String> {
        let names = |outline: &Self| -> HashSet<String> {
            let words = outline.digests.values().flatten().filter(|word| !word.contains("sha256:"));
            words.cloned().collect()
        };
        let new = &names(self) - &names(before);
        new.iter().flat_map(|name| self.names.behind(name)).collect()
    }

    pub(super) fn place(&self, object: &str, keys: &[String]) -> Option<Range<usize>> {
        self.places.get(&hash_of(object, keys)).cloned()
    }

    /// Returns how many items of a list are at a place.
    pub(super) fn items(&self, object: &str, keys: &[String]) -> usize {
        self.items.get(&hash_of(object, keys)).copied().unwrap_or_default()
    }

    /// Returns how often each text with a digest stands under each key.
    pub(super) fn counts(&self) -> HashMap<(&str, &str), usize> {
        let mut counts = HashMap::new();
        for ((_, keys), texts) in &self.digests {
            let key = keys.last().map(String::as_str).unwrap_or_default();
            texts.iter().for_each(|text| *counts.entry((key, text.as_str())).or_default() += 1);
        }
        counts
    }

    fn walk(
        &mut self,
        tree: &SyntaxTree<'_>,
        node: NodeId,
        (object, keys): (&str, &mut Vec<String>),
        outer: Option<&Range<usize>>,
        depth: usize,
    ) {
        let span = outer.cloned().unwrap_or_else(|| tree.nodes[node].span());
        if self.has_places {
            self.places.insert(hash_of(object, keys), span.clone());
            if keys.last().is_some_and(|key| key.starts_with('[')) {
                *self.items.entry(hash_of(object, keys)).or_default() += 1;
            }
        }
        match tree.kind(node) {
            NodeKind::Scalar { value, .. } => {
                let is_text = value.contains('\n') || value.trim_start().starts_with(['{', '[']);
                let is_masked = tree.is_masked(node);
                let is_inner =
                    is_text && depth < DEPTH_MAX && self.inner(value, (object, keys), &span, depth);
                if is_inner && !is_masked {
                    return;
                }
                if let Unpacked::Text(inner) = unpacked(value)
                    && depth < DEPTH_MAX
                    && self.inner(&inner, (object, keys), &span, depth)
                {
                    return;
                }
                // What is written in an action of a template counts, too.
                let value = match tree.original.get(tree.nodes[node].span()) {
                    Some(written) if is_masked => written,
                    _ => value,
                };
                let is_record = keys.iter().rev().nth(1).is_some_and(|key| key == "annotations");
                let mut found = digest_words(value);
                // A record of what runs is not what runs.
                found.retain(|word| !(is_record && word.starts_with("sha")));
                let is_named = keys.last().is_some_and(|key| PARTS.contains(&key.as_str()));
                if found.is_empty() && is_named && ends_in_digest(value) {
                    found.push(value.to_owned());
                }
                let is_whole = || names::key_of(tree, node).is_some_and(|key| WHOLE.contains(&key));
                if found.is_empty() && !is_whole() {
                    let mut words = names::words(tree, node, value).into_iter();
                    if let Some(word) = words.find(|word| self.names.has_digest(word)) {
                        // Which of a list's names it is does not matter.
                        let is_item = keys.last().is_some_and(|key| key.starts_with('['));
                        let keys = keys[..keys.len() - usize::from(is_item)].to_vec();
                        self.digests.entry((object.to_owned(), keys)).or_default().push(word);
                        self.count += 1;
                    }
                    for together in steps::paths(tree, node, value) {
                        let known = together.files.into_iter().map(|word| {
                            let has_digest = self.names.has_digest(&word);
                            (word, has_digest)
                        });
                        let paths: Vec<(String, bool)> = known.collect();
                        for (word, _) in paths.iter().filter(|(_, has_digest)| *has_digest) {
                            let at = (object.to_owned(), keys.clone());
                            self.digests.entry(at).or_default().push(word.clone());
                            self.count += 1;
                        }
                        if paths.len() <= ORDERED_MAX {
                            self.ordered((object, keys), &paths, &span);
                        }
                    }
                }
                let is_commit = value.len() == 40 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_commit && keys.last().is_some_and(|key| REVISIONS.contains(&key.as_str())) {
                    found.push(value.to_owned());
                }
                // What says where kustomize finds images has its digests get there.
                let is_finder = keys.first().is_some_and(|key| FINDERS.contains(&key.as_str()));
                if found.is_empty() && is_finder && keys.len() == 2 && tree.original.contains("sha256:") {
                    found.push(value.to_owned());
                }
                if !found.is_empty() {
                    self.count += found.len();
                    self.digests.entry((object.to_owned(), keys.clone())).or_default().extend(found);
                }
            }
            NodeKind::Sequence { items, .. } => {
                let is_ordered = is_ordered(tree, node);
                let mut in_order: Vec<(String, bool)> = Vec::new();
                for item in items {
                    let count = self.count;
                    keys.push(name_of(tree, *item));
                    self.walk(tree, *item, (object, keys), outer, depth);
                    keys.pop();
                    if is_ordered {
                        in_order.push((identity(tree, *item), self.count > count));
                    }
                }
                self.ordered((object, keys), &in_order, &span);
            }
            NodeKind::Mapping { entries, .. } => {
                for (key, value) in entries {
                    // Argo CD takes the one and not the other.
                    if tree.text_of(*key) == Some("values") && tree.get(node, "valuesObject").is_some() {
                        continue;
                    }
                    // As an action of a template reads where it is taken for YAML.
                    if tree.text_of(*key).is_none_or(|key| key.contains("sha256:")) {
                        keys.push("(key)".to_owned());
                        self.walk(tree, *key, (object, keys), outer, depth);
                        keys.pop();
                    }
                    keys.push(tree.text_of(*key).unwrap_or_default().to_owned());
                    self.walk(tree, *value, (object, keys), outer, depth);
                    keys.pop();
                }
            }
            // What it leads to stands elsewhere.
            NodeKind::Alias(_) => {}
        }
    }

    /// Adds which of the items of a list have a digest and come before or after which others.
    fn ordered(&mut self, (object, keys): (&str, &[String]), items: &[(String, bool)], span: &Range<usize>) {
        for (index, (name, has_digest)) in items.iter().enumerate() {
            for (at, (other, _)) in items.iter().enumerate().filter(|(at, _)| *at != index && *has_digest) {
                let relation = if at < index { "after" } else { "before" };
                let at = [keys, &[format!("{ORDER}{relation} {other}")]].concat();
                self.digests.entry((object.to_owned(), at)).or_default().push(name.clone());
            }
            if self.has_places {
                let at = [keys, &[format!("{ITEM}{name}")]].concat();
                self.places.insert(hash_of(object, &at), span.clone());
            }
        }
    }

    /// Reads a text inside of another one; returns whether it has collections.
    fn inner(&mut self, text: &str, at: (&str, &mut Vec<String>), span: &Range<usize>, depth: usize) -> bool {
        let source = SourceText::new(text, "inner.yaml");
        let tree = source.parse();
        let is_read = |document: &crate::manifest::syntax::tree::Document| {
            document.root.is_none_or(|root| tree.is_mapping(root) || tree.is_sequence(root))
                && document.error.is_none()
        };
        if !tree.documents.iter().all(is_read) {
            return false;
        }
        let (above, keys) = at;
        for (document, root) in tree.documents.iter().enumerate().filter_map(|(at, it)| Some((at, it.root?)))
        {
            let object = object(&tree, root).unwrap_or_default();
            keys.push(format!("({document}{object})"));
            self.walk(&tree, root, (above, keys), Some(span), depth + 1);
            keys.pop();
        }
        // What is written in actions of templates counts, too.
        !tree.has_actions()
    }

    /// Returns whether another part of the same reference has a digest now that had none before.
    pub(super) fn is_another_part(&self, before: &Self, (object, keys): &DigestPlace) -> bool {
        let Some((last, above)) = keys.split_last() else { return false };
        let is_part = |key: &str| PARTS.contains(&key);
        is_part(last)
            && PARTS.iter().filter(|part| *part != last).any(|part| {
                let at = (object.clone(), [above, &[(*part).to_owned()]].concat());
                self.digests.contains_key(&at) && !before.digests.contains_key(&at)
            })
    }
}

/// Returns the words of a text that have a digest in them.
fn digest_words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || "\"',{}".contains(c));
    words.filter(|word| word.contains("sha256:") || word.contains("sha512:")).map(str::to_owned).collect()
}

fn hash_of(object: &str, keys: &[String]) -> PlaceHash {
    let mut hasher = DefaultHasher::new();
    (object, keys).hash(&mut hasher);
    hasher.finish()
}

/// Returns the kind, the namespace and the name of a Kubernetes object.
fn object(tree: &SyntaxTree<'_>, root: NodeId) -> Option<String> {
    let metadata = tree.get(root, "metadata")?;
    let text = |node, key| tree.get_str(node, key).unwrap_or_default();
    Some([text(root, "kind"), text(metadata, "namespace"), text(metadata, "name")].join("/"))
}

/// Stands before what an item comes after or before, and before the name of an item.
pub(super) const ORDER: &str = "(order)";
pub(super) const ITEM: &str = "(item)";

/// Stands before what a line of a text in no language starts with.
pub(super) const LINE: &str = "(line)";

/// How a line begins that takes another file in: of shells and of make.
const TAKING: [&str; 4] = [".", "source", "include", "-include"];

/// Returns whether the order of a list decides which of its items counts.
fn is_ordered(tree: &SyntaxTree<'_>, list: NodeId) -> bool {
    let key = names::key_of(tree, list);
    key.is_some_and(|key| ORDERED.contains(&key)) && (2..=ORDERED_MAX).contains(&tree.items(list).len())
}

/// Returns what an item of a list whose order counts is called.
fn identity(tree: &SyntaxTree<'_>, item: NodeId) -> String {
    let name = name_of(tree, item);
    let written = || tree.original.get(tree.nodes[item].span()).filter(|text| text.len() <= WRITTEN_MAX);
    match tree.text_of(item) {
        Some(text) => text.to_owned(),
        // As calls of functions have none.
        None if name == "[]" => written().unwrap_or_default().to_owned(),
        None => name,
    }
}

/// Returns what stands for the items that come before a node in the lists around it whose order counts.
pub(super) fn before(tree: &SyntaxTree<'_>, node: NodeId) -> String {
    let mut found = String::new();
    let mut at = node;
    while let Some(parent) = tree.nodes[at].parent() {
        if is_ordered(tree, parent) {
            let items = tree.items(parent).iter().take(tree.nodes[at].index());
            found.extend(items.map(|item| identity(tree, *item) + "/"));
        }
        at = parent;
    }
    found
}

/// Returns what tells an item of a list from others.
fn name_of(tree: &SyntaxTree<'_>, item: NodeId) -> String {
    let named = ["name", "key", "id", "path"].iter().find_map(|key| tree.get_str(item, key));
    let flag = || tree.string_of(item).and_then(|text| Some(text.split_once('=')?.0));
    let target = tree.get(item, "target").map(|target| content::of_node(tree, target)).unwrap_or_default();
    format!("[{}{target}]", named.or_else(flag).unwrap_or_default())
}
