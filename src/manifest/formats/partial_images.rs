//! Parts of images among Helm values, and in the parameters that deployers set beside them: what says neither name nor
//! digest of an image, and decides what runs all the same.

use std::collections::{BTreeMap, HashSet};

use super::finder::Finder;
use super::helm_parameters;
use super::image_keys::{
    NOT_BESIDE, folded, is_image_key, is_images_key, is_name, is_source_key, is_tag, looks_like_version,
};
use crate::manifest::partial_image::{FoundPartialImage, ImageParts};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::reference::Digest;

/// What a key says of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ImagePart {
    Registry,
    Repository,
    Tag,
    Digest,
}

/// The keys of a mapping that is an image by its own key.
const KEYS: [(&str, ImagePart); 17] = [
    ("registry", ImagePart::Registry),
    ("imageregistry", ImagePart::Registry),
    ("hub", ImagePart::Registry),
    ("repository", ImagePart::Repository),
    ("repo", ImagePart::Repository),
    ("name", ImagePart::Repository),
    ("image", ImagePart::Repository),
    ("baseimage", ImagePart::Repository),
    ("imagename", ImagePart::Repository),
    ("tag", ImagePart::Tag),
    ("imagetag", ImagePart::Tag),
    ("version", ImagePart::Tag),
    ("digest", ImagePart::Digest),
    ("imagedigest", ImagePart::Digest),
    ("sha", ImagePart::Digest),
    ("sha256", ImagePart::Digest),
    ("imagesha", ImagePart::Digest),
];

/// How a key ends that says something of an image without standing in one.
const ENDS: [(&str, ImagePart); 8] = [
    ("imageregistry", ImagePart::Registry),
    ("imagerepository", ImagePart::Repository),
    ("imagerepo", ImagePart::Repository),
    ("imagetag", ImagePart::Tag),
    ("imageversion", ImagePart::Tag),
    ("imagedigest", ImagePart::Digest),
    ("imagesha256", ImagePart::Digest),
    ("imagesha", ImagePart::Digest),
];

/// Returns what a key of an image says.
fn part_of_image(key: &str) -> Option<ImagePart> {
    let key = folded(key);
    KEYS.iter().find(|(known, _)| *known == key).map(|(_, part)| *part)
}

/// Returns what a key says of an image whose parts stand side by side with other things, and the stem that its siblings
/// share.
fn part_by_end(key: &str, text: &str) -> Option<(ImagePart, String)> {
    let folded = folded(key);
    if let Some((end, part)) = ENDS.iter().find(|(end, _)| folded.ends_with(end)) {
        let stem = folded[..folded.len() - end.len()].to_owned();
        let is_one = *part != ImagePart::Repository || text.is_empty() || is_name(text);
        return is_one.then(|| (*part, format!("{stem}image")));
    }
    if folded == "tag" || (folded.ends_with("tag") && looks_like_version(text)) {
        // Anything may have a tag: a log, a source.
        let stem = folded.strip_suffix("tag").unwrap_or_default();
        return (text.is_empty() || is_tag(text)).then(|| (ImagePart::Tag, stem.to_owned()));
    }
    let is_digest = || text.is_empty() || Digest::parse(text).is_some();
    (folded == "digest" && is_digest()).then(|| (ImagePart::Digest, String::new()))
}

/// Adds what the mapping at `node` says of images: of the one that it is (`is_image`), or of those whose parts stand among
/// its keys. `known` has the scalars of the images that are known already.
pub(super) fn of_mapping(finder: &mut Finder<'_, '_>, node: NodeId, is_image: bool, known: &[NodeId]) {
    let tree = finder.tree;
    let pointer = tree.pointer(node);
    if is_image {
        let mut parts = ImageParts::default();
        let mut main = None;
        for (key, value) in all_entries(tree, node) {
            let Some(text) = scalar(tree, value).filter(|_| !known.contains(&tree.resolve(value))) else {
                continue;
            };
            let Some(part) = part_of_image(key) else { continue };
            main.get_or_insert(value);
            put(&mut parts, part, text);
        }
        push(finder, parts, main, &pointer);
        return;
    }
    let mut groups: BTreeMap<String, (ImageParts, Option<NodeId>)> = BTreeMap::new();
    let is_source = tree.key_of(node).is_some_and(is_source_key)
        || NOT_BESIDE.iter().chain(&["url", "repoURL"]).any(|key| tree.get(node, key).is_some());
    for (key, value) in all_entries(tree, node) {
        let Some(text) = scalar(tree, value).filter(|_| !known.contains(&tree.resolve(value))) else {
            continue;
        };
        let Some((part, stem)) = part_by_end(key, &text) else { continue };
        // A service goes by its name alone, here and there.
        let is_other = is_source || (tree.key_of(node) == Some("service") && !looks_like_version(&text));
        if is_other && !stem.ends_with("image") {
            continue;
        }
        let (parts, main) = groups.entry(stem).or_default();
        main.get_or_insert(value);
        put(parts, part, text);
    }
    for (stem, (parts, main)) in groups {
        let pointer = if stem.is_empty() { pointer.clone() } else { format!("{pointer}/{stem}") };
        push(finder, parts, main, &pointer);
    }
}

/// Adds the parts of images in a document that nothing else is known of: it may be values by any name. Only what its keys
/// call an image counts.
pub(super) fn of_unknown(finder: &mut Finder<'_, '_>, root: NodeId) {
    const SAID: [&str; 6] = ["tag", "imageTag", "digest", "repository", "registry", "imageRegistry"];
    let tree = finder.tree;
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        if tree.resolve(node) != node || finder.ignored.contains(&node) {
            continue;
        }
        if tree.key_of(node).is_some_and(is_image_key) && SAID.iter().any(|key| tree.get(node, key).is_some())
        {
            of_mapping(finder, node, true, &[]);
        }
        open.extend(tree.entries(node).iter().map(|(_, value)| *value));
        open.extend(tree.items(node));
    }
}

/// Adds a scalar where an image may stand, that names none.
pub(super) fn of_scalar(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    let text = scalar(tree, node).unwrap_or_default();
    let is_word = matches!(text.as_str(), "true" | "false" | "yes" | "no" | "on" | "off");
    if is_word || !(text.is_empty() || is_name(&text)) {
        return;
    }
    let pointer = tree.pointer(node);
    push(finder, ImageParts { whole: Some(text), ..ImageParts::default() }, Some(node), &pointer);
}

fn put(parts: &mut ImageParts, part: ImagePart, text: String) {
    let field = match part {
        ImagePart::Registry => &mut parts.registry,
        ImagePart::Repository => &mut parts.repository,
        ImagePart::Tag => &mut parts.tag,
        ImagePart::Digest => &mut parts.digest,
    };
    // The first key counts, as it does for whole images.
    field.get_or_insert(text);
}

fn push(finder: &mut Finder<'_, '_>, parts: ImageParts, main: Option<NodeId>, pointer: &str) {
    let Some(main) = main else { return };
    // An empty registry leaves the one of the chart, or none.
    let says_nothing =
        parts.registry.as_deref() == Some("") && ImageParts { registry: None, ..parts.clone() }.is_empty();
    if parts.is_empty() || says_nothing {
        return;
    }
    let tree = finder.tree;
    let key = pointer.strip_prefix(finder.values_root.as_str()).unwrap_or(pointer).to_owned();
    finder.partials.push(FoundPartialImage {
        document: finder.document,
        path: pointer.to_owned(),
        kind: finder.object.kind.as_deref().map(str::to_owned),
        name: finder.object.name.as_deref().map(str::to_owned),
        key,
        parts,
        span: tree.nodes[main].span(),
    });
}

/// Returns what a scalar says, nothing for null; `None` where it is none.
fn scalar(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
    tree.text_of(node).map(|_| tree.written(node).to_owned())
}

/// Returns the entries of a mapping with those that merge keys bring in.
fn all_entries<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> Vec<(&'t str, NodeId)> {
    let (mut entries, mut seen, mut open) = (Vec::new(), HashSet::new(), vec![node]);
    while let Some(mapping) = open.pop() {
        if !seen.insert(tree.resolve(mapping)) {
            continue;
        }
        for (key, value) in tree.entries(mapping) {
            match tree.text_of(*key) {
                Some("<<") if tree.is_mapping(*value) => open.push(*value),
                Some("<<") => open.extend(tree.items(*value).iter().rev()),
                Some(key) if !entries.iter().any(|(known, _)| *known == key) => entries.push((key, *value)),
                _ => {}
            }
        }
    }
    entries
}

/// Adds the images, and parts of images, that a list of `{name, value}`, or a mapping of names, sets among a chart's values.
/// `known` has the scalars of the images that are known already.
pub(super) fn of_parameters(finder: &mut Finder<'_, '_>, node: NodeId, known: &[NodeId]) {
    let tree = finder.tree;
    let pointer = tree.pointer(tree.resolve(node));
    let mut set: Vec<(String, NodeId, Option<String>)> = Vec::new();
    for item in tree.items(node) {
        // A release takes a value from an object, and tells which by its kind.
        if tree.get(*item, "kind").is_some() {
            let key = tree.get_str(*item, "valuesKey").unwrap_or("values.yaml");
            if let (Some(path), Some(object)) = (tree.get(*item, "targetPath"), tree.get_str(*item, "name")) {
                let name = tree.written(path).to_owned();
                set.push((name, path, Some(format!("$({object}.{key})"))));
            }
            continue;
        }
        let Some(name) = tree.get_str(*item, "name") else { continue };
        let value = tree.get(*item, "value");
        if value.is_some_and(|value| known.contains(&tree.resolve(value))) {
            continue;
        }
        let main = value.or_else(|| tree.get(*item, "name")).unwrap_or(*item);
        set.push((name.to_owned(), main, value.and_then(|value| scalar(tree, value))));
    }
    for (name, value) in tree.entries(node) {
        if let Some(name) = tree.text_of(*name).filter(|_| !known.contains(&tree.resolve(*value))) {
            set.push((name.to_owned(), *value, scalar(tree, *value)));
        }
    }
    let mut groups: BTreeMap<String, (ImageParts, NodeId)> = BTreeMap::new();
    for (name, main, text) in set {
        // What a file holds is not known.
        let text = text.unwrap_or_else(|| "$FILE".to_owned());
        let keys = helm_parameters::keys(&name);
        let Some((last, above)) = keys.split_last() else { continue };
        let is_image = above.last().is_some_and(|key| is_image_key(key))
            || above.iter().rev().nth(1).is_some_and(|key| is_images_key(key));
        let above: String = above.iter().map(|key| format!("/{key}")).collect();
        let (key, part) = match part_of_image(last).filter(|_| is_image) {
            Some(part) => (above, Some(part)),
            None if is_image_key(last) => (format!("{above}/{last}"), None),
            None => match part_by_end(last, &text) {
                Some((part, stem)) if stem.is_empty() => (above, Some(part)),
                Some((part, stem)) => (format!("{above}/{stem}"), Some(part)),
                None => continue,
            },
        };
        let (parts, _) = groups.entry(key).or_insert_with(|| (ImageParts::default(), main));
        match part {
            Some(part) => put(parts, part, text),
            None => parts.whole = Some(text),
        }
    }
    let outer = std::mem::replace(&mut finder.values_root, pointer.clone());
    for (key, (parts, main)) in groups {
        push(finder, parts, Some(main), &format!("{pointer}{key}"));
    }
    finder.values_root = outer;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_what_it_says_of_an_image() {
        for (key, text, expected) in [
            ("imageTag", "8", Some((ImagePart::Tag, "image"))),
            ("web_image_tag", "8", Some((ImagePart::Tag, "webimage"))),
            ("appTag", "v8", Some((ImagePart::Tag, "app"))),
            ("appTag", "blue", None),
            ("tag", "kube.*", None),
            ("tag", "", Some((ImagePart::Tag, ""))),
            ("webImageDigest", "", Some((ImagePart::Digest, "webimage"))),
            ("imageRepository", "redis:8", None),
            ("imagePullPolicy", "Always", None),
            ("vantage", "8", None),
        ] {
            let found = part_by_end(key, text);
            assert_eq!(found.as_ref().map(|(part, stem)| (*part, stem.as_str())), expected, "{key}: {text}");
        }
    }
}
