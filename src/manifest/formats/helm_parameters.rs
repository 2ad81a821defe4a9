//! Parameters that a chart is given one by one, as `helm --set` takes them: `{name: image.tag, value: "1.8"}`.

use std::collections::BTreeMap;

use super::fields::Fields;
use super::finder::{Finder, ScalarTag};
use super::helm_values::{fields_of, flat_fields_of};
use super::image_keys::{is_image_key, is_images_key};
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// The keys of the values that a parameter writes.
type KeyPath = Vec<String>;

/// Adds the images that a list of parameters puts together, or a mapping of them, with what the values of the same source
/// say beside it; the images of these values are replaced by that. Returns the scalars that are parts of them.
pub(super) fn find(finder: &mut Finder<'_, '_>, list: NodeId) -> Vec<NodeId> {
    let tree = finder.tree;
    let beside = tree.nodes[list].parent().and_then(|source| tree.get(source, "valuesObject"));
    let mut groups: BTreeMap<KeyPath, BTreeMap<String, NodeId>> = BTreeMap::new();
    for (mut keys, value) in parameters(tree, list) {
        if let Some(last) = keys.pop() {
            groups.entry(keys).or_default().insert(last, value);
        }
    }
    let mut known = Vec::new();
    for (keys, given) in groups {
        let mapping = beside.and_then(|values| keys.iter().try_fold(values, |at, key| tree.get(at, key)));
        known.extend(add(finder, &keys, &given, mapping));
    }
    known
}

/// Returns the scalars of a list of parameters, or of a mapping of them, with the keys that each writes; of two that write
/// the same the last counts.
pub(in crate::manifest) fn parameters(tree: &SyntaxTree<'_>, list: NodeId) -> Vec<(KeyPath, NodeId)> {
    let item = |item: &NodeId| Some((tree.get_str(*item, "name")?, tree.get(*item, "value")?));
    let items = tree.items(list).iter().filter_map(item);
    let entries = tree.entries(list).iter().filter_map(|(key, value)| Some((tree.text_of(*key)?, *value)));
    let known = items.chain(entries).filter(|(_, value)| tree.text_of(*value).is_some());
    known.map(|(name, value)| (keys(name), tree.resolve(value))).collect()
}

/// Returns the keys in the name of a parameter: `a\.b.c[0].d` (Helm, `pkg/strvals`).
pub(super) fn keys(name: &str) -> KeyPath {
    let (mut keys, mut key, mut is_escaped) = (Vec::new(), String::new(), false);
    for c in name.chars() {
        match c {
            _ if is_escaped => {
                key.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '.' | '[' | ']' => {
                if !key.is_empty() {
                    keys.push(std::mem::take(&mut key));
                }
            }
            _ => key.push(c),
        }
    }
    if !key.is_empty() {
        keys.push(key);
    }
    keys
}

/// Adds the images under `keys`, of which parameters give some parts and the `mapping` of the values there the others; returns
/// the scalars of these parts.
fn add(
    finder: &mut Finder<'_, '_>,
    keys: &[String],
    given: &BTreeMap<String, NodeId>,
    mapping: Option<NodeId>,
) -> Vec<NodeId> {
    let tree = finder.tree;
    let get = |key: &str| given.get(key).copied().or_else(|| tree.get(mapping?, key));
    let name = keys.last().map(String::as_str);
    let is_in_images = keys.len() > 1 && is_images_key(&keys[keys.len() - 2]);
    let is_sure = name.is_some_and(is_image_key) || is_in_images;
    let of_values = mapping.map(|mapping| tree.entries(mapping)).unwrap_or_default();
    let of_values = of_values.iter().filter_map(|(key, value)| Some((tree.text_of(*key)?, *value)));
    let of_values = of_values.filter(|(key, _)| !given.contains_key(*key));
    let all = given.iter().map(|(key, node)| (key.as_str(), *node)).chain(of_values);
    let found = fields_of(tree, name, &get, is_sure).into_iter().chain(flat_fields_of(tree, all, &get));
    let found: Vec<Fields> =
        found.filter(|fields| fields.nodes().any(|node| given.values().any(|it| *it == node))).collect();
    let mut known = Vec::new();
    for fields in &found {
        replace(finder, fields);
        let before = finder.sites.len();
        finder.add_fields(*fields, true);
        if finder.sites[before..].iter().any(|site| site.state != State::Skipped(Skip::Empty)) {
            known.extend(fields.nodes());
        }
    }
    let repositories: Vec<NodeId> = found.iter().filter_map(|fields| fields.repository).collect();
    for (key, node) in given.iter().filter(|(_, node)| !repositories.contains(node)) {
        if is_image_key(key) || name.is_some_and(is_images_key) {
            if let Some(node) = mapping.and_then(|mapping| tree.get(mapping, key)) {
                skip(finder, node);
            }
            let before = finder.sites.len();
            // Of one that is put together the name, at least, stands here.
            if is_image_key(key) && finder.tag(*node) == ScalarTag::Computed(Skip::Template) {
                finder.add_scalar(*node, "");
            } else {
                finder.add_tagged_image(*node);
            }
            known.extend((finder.sites.len() > before).then_some(*node));
        }
    }
    known
}

/// Skips the image of the values that `fields` take the place of: it shares the name or the tag. One that shares both is the
/// same.
fn replace(finder: &mut Finder<'_, '_>, fields: &Fields) {
    finder.take_back(fields);
    let nodes = [fields.repository, fields.tag];
    nodes.into_iter().flatten().for_each(|node| skip(finder, node));
}

/// Skips the images of the values that `node` is a part of.
fn skip(finder: &mut Finder<'_, '_>, node: NodeId) {
    let span = finder.tree.nodes[node].span();
    for site in &mut finder.sites {
        if site.main == node || site.fields.get("repository") == Some(&span) {
            site.skip(Skip::Replaced);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parameters_are_keys() {
        for (name, expected) in [
            ("image.tag", vec!["image", "tag"]),
            ("a\\.b.image", vec!["a.b", "image"]),
            ("jobs[0].image.tag", vec!["jobs", "0", "image", "tag"]),
            ("jobs.[0]", vec!["jobs", "0"]),
            ("tag", vec!["tag"]),
            ("", vec![]),
        ] {
            assert_eq!(keys(name), expected, "{name}");
        }
    }
}
