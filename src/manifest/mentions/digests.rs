//! Where a file has digests, and which of them are gone: whatever the place is called, what runs there may be anything since.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::holdings::Holdings;
use super::names;
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

/// What holds workloads by their names: one that goes takes its image along.
const WORKLOADS: [&str; 6] =
    ["services", "containers", "initContainers", "ephemeralContainers", "steps", "sidecars"];

/// What kustomize finds by a name in what it builds on, and by that alone.
const SELECTING: [&str; 5] = ["components", "images", "patches", "patchesJson6902", "patchesStrategicMerge"];

/// What names whole objects: they go with their digests.
const WHOLE: [&str; 5] = ["bases", "crds", "dependsOn", "include", "resources"];

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

/// The longest list whose order is looked at.
const ORDERED_MAX: usize = 50;

/// An object of a file, and the keys that lead to a value in it; items of lists by their names.
type DigestPlace = (String, Vec<String>);

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

    fn behind(&self, word: &str) -> Vec<String> {
        self.held.map(|held| held.digests(self.path, word)).unwrap_or_default()
    }
}

/// What a text has where.
#[derive(Default)]
struct Outline<'n> {
    names: Names<'n>,
    /// Every value and collection, where they are asked for.
    places: HashMap<PlaceHash, Range<usize>>,
    has_places: bool,
    /// The words with a digest, or the names of what has one.
    digests: BTreeMap<DigestPlace, Vec<String>>,
    objects: HashSet<String>,
    /// How many words with a digest were found.
    count: usize,
}

/// A digest that is gone: the text that had it, where that stood, and what stands there now.
pub(super) struct LostDigest {
    pub(super) text: String,
    /// The images that it is for, where kustomize finds these by their names or by those of objects: it counts where one of
    /// them floats, or stands elsewhere.
    pub(super) only_for: Option<Vec<String>>,
    pub(super) path: String,
    pub(super) span: Range<usize>,
}

/// Returns the words with a digest in a text, and the names of the items that they stand in.
pub(super) fn all(path: &str, text: &str) -> HashSet<String> {
    let outline = Outline::of(path, text, Names::default(), false);
    let all =
        outline.digests.into_iter().flat_map(|((_, keys), texts)| texts.into_iter().chain(item_of(&keys)));
    all.collect()
}

/// Returns the name of the item that a place is in.
fn item_of(keys: &[String]) -> Option<String> {
    let item = keys.iter().rev().find_map(|key| key.strip_prefix('[')?.strip_suffix(']'));
    item.filter(|item| !item.is_empty()).map(str::to_owned)
}

/// Returns the digests that the text of before has and the one of now does not have at the same place, where the object is still
/// there and neither the digest nor the workload that had it was moved or taken away as a whole.
pub(super) fn lost(path: &str, before: (&str, Names<'_>), now: (&str, Names<'_>)) -> Vec<LostDigest> {
    let ((text, names), before) = (now, Outline::of(path, before.0, before.1, false));
    let mut now = Outline::of(path, text, names, false);
    let is_less = |now: &Outline<'_>, at: &DigestPlace, texts: &[String]| {
        texts.len() > now.digests.get(at).map(Vec::len).unwrap_or_default()
    };
    if !before.digests.iter().any(|(at, texts)| is_less(&now, at, texts)) {
        return Vec::new();
    }
    now = Outline::of(path, text, names, true);
    let (counts_before, counts_now) = (before.counts(), now.counts());
    let mut found = Vec::new();
    for (at, texts) in before.digests.iter().filter(|(at, texts)| is_less(&now, at, texts)) {
        let (object, keys) = at;
        let here = now.place(object, keys);
        let count = |counts: &HashMap<(&str, &str), usize>| {
            let key = keys.last().map(String::as_str).unwrap_or_default();
            texts
                .iter()
                .map(|text| counts.get(&(key, text.as_str())).copied().unwrap_or_default())
                .sum::<usize>()
        };
        // The same value stands under the same key elsewhere.
        let is_moved = here.is_none() && count(&counts_now) >= count(&counts_before);
        if let Some(order) = keys.last().and_then(|key| key.strip_prefix(ORDER)) {
            let other = order.split_once(' ').map_or(order, |(_, other)| other);
            let list = &keys[..keys.len() - 1];
            let item = |name: &str| now.place(object, &[list, &[format!("{ITEM}{name}")]].concat());
            if item(other).is_some() && texts.iter().all(|text| item(text).is_some()) {
                let (path, span) =
                    (format!("/{}", list.join("/")), now.place(object, list).unwrap_or_default());
                let text = format!("{} {order}", texts.join(", "));
                found.push(LostDigest { text, only_for: None, path, span });
            }
            continue;
        }
        let is_selecting = keys.iter().take(4).any(|key| SELECTING.contains(&key.as_str()));
        let is_of_another = !now.objects.contains(object);
        let selects = is_moved && (is_selecting || is_of_another);
        let is_elsewhere = (is_moved || is_of_another) && !selects;
        let is_behind = texts.iter().all(|text| now.has_behind_new(&before, text));
        if is_elsewhere || is_behind || here.is_some() && now.is_another_part(&before, at) {
            continue;
        }
        let depth = (0..keys.len()).rev().find(|depth| now.place(object, &keys[..*depth]).is_some());
        let above = depth.unwrap_or_default();
        if here.is_none() && !selects && is_workload(&keys[..=above.min(keys.len().saturating_sub(1))], keys)
        {
            continue;
        }
        let span = here.or_else(|| now.place(object, &keys[..above]));
        let left = now.digests.get(at).map(Vec::as_slice).unwrap_or_default();
        let gone = texts.iter().find(|text| !left.contains(text)).or(texts.first());
        let text = gone.cloned().unwrap_or_default();
        let (path, span) = (format!("/{}", keys.join("/")), span.unwrap_or_default());
        let is_name = !text.contains("sha256:") && !text.contains("sha512:");
        let images = || match is_name {
            true => before.names.behind(&text),
            false => item_of(keys).into_iter().chain([text.clone()]).collect(),
        };
        let only_for = (selects || is_selecting && is_name).then(images);
        found.push(LostDigest { text, only_for, path, span });
    }
    found
}

/// Returns whether what is gone, with the keys `gone`, is a workload whose image is at `keys`: its own, as a whole.
fn is_workload(gone: &[String], keys: &[String]) -> bool {
    let is_image = keys.last().is_some_and(|key| key == "image") && !gone.is_empty();
    let in_workloads = |keys: &[String]| keys.last().is_some_and(|key| WORKLOADS.contains(&key.as_str()));
    let (item, list) = (gone.len() + 1 == keys.len(), gone.len() + 2 == keys.len());
    is_image && (item && in_workloads(&gone[..gone.len() - 1]) || list && in_workloads(gone))
}

impl<'n> Outline<'n> {
    fn of(path: &str, text: &str, names: Names<'n>, has_places: bool) -> Self {
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
        outline
    }

    /// Returns whether a digest stands behind a name that was not there before.
    fn has_behind_new(&self, before: &Self, text: &str) -> bool {
        let names = |outline: &Self| -> HashSet<String> {
            let words = outline.digests.values().flatten().filter(|word| !word.contains("sha256:"));
            words.cloned().collect()
        };
        self.names.held.is_some() && text.contains("sha256:") && {
            let new = &names(self) - &names(before);
            new.iter().any(|name| self.names.behind(name).iter().any(|behind| behind == text))
        }
    }

    fn place(&self, object: &str, keys: &[String]) -> Option<Range<usize>> {
        self.places.get(&hash_of(object, keys)).cloned()
    }

    /// Returns how often each text with a digest stands under each key.
    fn counts(&self) -> HashMap<(&str, &str), usize> {
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
                let ends = |c: char| c.is_whitespace() || "\"',{}".contains(c);
                let mut found: Vec<String> = value
                    .split(ends)
                    .filter(|word| word.contains("sha256:") || word.contains("sha512:"))
                    .map(str::to_owned)
                    .collect();
                let is_named = keys.last().is_some_and(|key| PARTS.contains(&key.as_str()));
                if found.is_empty() && is_named && ends_in_digest(value) {
                    found.push(value.to_owned());
                }
                if found.is_empty() && !keys.iter().any(|key| WHOLE.contains(&key.as_str())) {
                    let mut words = names::words(tree, node, value).into_iter();
                    if let Some(word) = words.find(|word| self.names.has_digest(word)) {
                        // Which of a list's names it is does not matter.
                        let is_item = keys.last().is_some_and(|key| key.starts_with('['));
                        let keys = keys[..keys.len() - usize::from(is_item)].to_vec();
                        self.digests.entry((object.to_owned(), keys)).or_default().push(word);
                        self.count += 1;
                    }
                }
                if !found.is_empty() {
                    self.count += found.len();
                    self.digests.entry((object.to_owned(), keys.clone())).or_default().extend(found);
                }
            }
            NodeKind::Sequence { items, .. } => {
                let is_ordered = is_ordered(tree, node);
                let mut earlier: Vec<(String, bool)> = Vec::new();
                for item in items {
                    let count = self.count;
                    keys.push(name_of(tree, *item));
                    self.walk(tree, *item, (object, keys), outer, depth);
                    keys.pop();
                    if !is_ordered {
                        continue;
                    }
                    let name = identity(tree, *item);
                    let has_digest = self.count > count;
                    for (other, other_has_digest) in &earlier {
                        for (one, other) in [(&name, other), (other, &name)] {
                            let has_digest = if *one == name { has_digest } else { *other_has_digest };
                            let relation = if *one == name { "after" } else { "before" };
                            if has_digest {
                                let at = [keys.as_slice(), &[format!("{ORDER}{relation} {other}")]].concat();
                                self.digests.entry((object.to_owned(), at)).or_default().push(one.clone());
                            }
                        }
                    }
                    if self.has_places {
                        let at = [keys.as_slice(), &[format!("{ITEM}{name}")]].concat();
                        self.places.insert(hash_of(object, &at), span.clone());
                    }
                    earlier.push((name, has_digest));
                }
            }
            NodeKind::Mapping { entries, .. } => {
                for (key, value) in entries {
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
    fn is_another_part(&self, before: &Self, (object, keys): &DigestPlace) -> bool {
        let Some((last, above)) = keys.split_last() else { return false };
        let is_part = |key: &str| PARTS.contains(&key);
        is_part(last)
            && PARTS.iter().filter(|part| *part != last).any(|part| {
                let at = (object.clone(), [above, &[(*part).to_owned()]].concat());
                self.digests.contains_key(&at) && !before.digests.contains_key(&at)
            })
    }
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
const ORDER: &str = "(order)";
const ITEM: &str = "(item)";

/// Returns whether the order of a list decides which of its items counts.
fn is_ordered(tree: &SyntaxTree<'_>, list: NodeId) -> bool {
    let key = names::key_of(tree, list);
    key.is_some_and(|key| ORDERED.contains(&key)) && (2..=ORDERED_MAX).contains(&tree.items(list).len())
}

/// Returns what an item of a list whose order counts is called.
fn identity(tree: &SyntaxTree<'_>, item: NodeId) -> String {
    tree.text_of(item).map_or_else(|| name_of(tree, item), str::to_owned)
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

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    use super::*;

    fn lost(path: &str, before: &str, now: &str) -> Vec<LostDigest> {
        super::lost(path, (before, Names::default()), (now, Names::default()))
            .into_iter()
            .filter(|lost| lost.only_for.is_none())
            .collect()
    }

    const DIGEST: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";

    fn paths(before: &str, now: &str) -> Vec<String> {
        let put = |text: &str| text.replace('@', &format!("@{DIGEST}"));
        lost("a.yaml", &put(before), &put(now)).into_iter().map(|lost| lost.path).collect()
    }

    #[test]
    fn a_digest_that_goes_is_missed() {
        for (before, now) in [
            ("a: {ver: 1@}\n", "a: {ver: 1}\n"),
            ("a: {ver: 1@}\n", "a: {}\n"),
            ("a: {ver: 1@}\nb: 1\n", "b: 1\n"),
            ("a: {ver: 1@, other: x}\n", "a: {ver: x, other: 1@}\n"),
            ("p: [{name: image.tag, value: 1@}, {name: b, value: x}]\n", "p: [{name: b, value: x}]\n"),
            ("args: [--sidecar=nginx:1@]\n", "args: [--sidecar=nginx:1]\n"),
            ("values: |\n  web: {ver: 1@}\n", "values: |\n  web: {ver: 1}\n"),
            ("list: [x, 1@]\n", "list: [x, 1]\n"),
            (
                "v: |\n  a: {{ .a }}\n  b: {{ printf \"%s\" \"1@\" }}\n",
                "v: |\n  a: {{ .a }}\n  b: {{ printf \"%s\" \"1\" }}\n",
            ),
            (
                "run: |\n  docker run a:1@\n  docker run b:1@\n",
                "run: |\n  docker run a:1@\n  docker run b:1\n",
            ),
        ] {
            assert_eq!(paths(before, now).len(), 1, "{before} -> {now}");
        }
    }

    #[test]
    fn bare_digits_and_encoded_texts_have_digests_too() {
        let hex = DIGEST.strip_prefix("sha256:").unwrap();
        let bare = |rest: &str| format!("image: {{repository: a{rest}}}\n");
        assert_eq!(lost("a.yaml", &bare(&format!(", sha: {hex}")), &bare("")).len(), 1);
        let secret = |values: &str| format!("data: {{v: {}}}\n", BASE64_STANDARD.encode(values));
        let pinned = secret(&format!("some: x\ntag: 1@{DIGEST}\n"));
        assert_eq!(lost("a.yaml", &pinned, &secret("some: x\ntag: 1\n")).len(), 1);
    }

    #[test]
    fn what_goes_as_a_whole_and_what_moves_is_not() {
        let pod = |containers: &str| {
            format!("kind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{containers}]}}\n")
        };
        for (before, now) in [
            (pod("{name: a, image: a:1@}, {name: b, image: b:1@}"), pod("{name: a, image: a:2@}")),
            (pod("{name: a, image: a:1@}"), "kind: Pod\nmetadata: {name: b}\n".to_owned()),
            (
                "services: {a: {image: a:1@}, b: {image: b:1@}}\n".to_owned(),
                "services: {a: {image: a:1@}}\n".to_owned(),
            ),
            ("image: {tag: 1@}\n".to_owned(), format!("image: {{tag: 1, digest: \"{DIGEST}\"}}\n")),
            ("image: {tag: 1@}\n".to_owned(), "web: {image: {tag: 1@}}\n".to_owned()),
        ] {
            assert!(paths(&before, &now).is_empty(), "{before} -> {now}");
        }
    }
}
