//! JSON patches in YAML (RFC 6902), as kustomize and Flux take them: a list of `{op, path, value}`.

use super::finder::Finder;
use super::image_keys::is_image_key;
pub(in crate::manifest) use super::patch_target::is_patch;
use super::{helm_values, kubernetes, kustomization, object};
use crate::manifest::content;
use crate::manifest::inputs::{FieldSource, Needs};
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Adds the images that the operations write: at a path that ends in `image`, or in containers that they add. Says where
/// one may write an image, or a part of one, that is not understood.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    if finder.format.is_empty() {
        finder.format = "json-patch".into();
    }
    let tree = finder.tree;
    for operation in tree.items(root) {
        let path = tree.get_str(*operation, "path").unwrap_or_default();
        let keys: Vec<&str> = path.split('/').skip(1).filter(|key| !is_position(key)).collect();
        match tree.get_str(*operation, "op").unwrap_or_default() {
            "test" => {}
            "copy" | "move" if names_an_image(&keys) => {
                let from = tree.get_str(*operation, "from").unwrap_or_default();
                let needs = Needs { fields: vec![FieldSource::of_pointer(from)], ..Needs::default() };
                finder.look_away(LookAwayReason::PatchCopies, *operation, path);
                finder.depends_on(content::of_node(tree, *operation), needs);
            }
            "remove" if keys.last().is_some_and(|key| is_pin(key)) => {
                part(finder, *operation, path);
            }
            "remove" => {}
            _ => {
                let Some(value) = tree.get(*operation, "value") else { continue };
                let known = finder.sites.len();
                written(finder, value, path, &keys);
                if finder.sites.len() == known && may_write_a_part(tree, value, &keys) {
                    part(finder, *operation, path);
                }
            }
        }
    }
}

/// Says that an operation writes a part of an image.
fn part(finder: &mut Finder<'_, '_>, operation: NodeId, path: &str) {
    finder.look_away(LookAwayReason::PatchPart, operation, path);
    finder.depends_on(content::of_node(finder.tree, operation), Needs::default());
}

/// Adds the images of a value that is written at `path`, whose keys without positions are `keys`.
fn written(finder: &mut Finder<'_, '_>, value: NodeId, path: &str, keys: &[&str]) {
    let tree = finder.tree;
    match keys {
        [.., "images"] => {
            let entries = if tree.is_sequence(value) { tree.items(value).to_vec() } else { vec![value] };
            for entry in entries {
                if tree.is_mapping(entry) {
                    kustomization::entry(finder, entry);
                } else {
                    kustomization::string_entry(finder, entry);
                }
            }
        }
        [.., "volumes", "image", "reference"] | [.., "image"]
            if tree.text_of(value).is_some() && is_run(keys) =>
        {
            finder.add_image(value);
        }
        [.., "volumes", "image"] => kubernetes::find_in_volumes(finder, &[], Some(value)),
        [.., "volumes"] => {
            let volumes = if tree.is_sequence(value) { tree.items(value).to_vec() } else { vec![value] };
            kubernetes::find_in_volumes(finder, &volumes, None);
        }
        [.., last] if tree.text_of(value).is_some() => {
            if is_image_key(last) {
                finder.add_tagged_image(value);
            }
        }
        _ if keys.iter().any(|key| matches!(*key, "values" | "valuesObject")) => {
            helm_values::find(finder, value);
        }
        _ => kubernetes::find_in_part(finder, value, path),
    }
}

/// Returns whether a text at `keys` is what is run, tag or not.
fn is_run(keys: &[&str]) -> bool {
    let above = [
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
        // Argo and Tekton
        "container",
        "script",
        "sidecars",
        "steps",
        "stepTemplate",
    ];
    keys.iter().any(|key| above.contains(key))
}

fn is_position(key: &str) -> bool {
    key == "-" || key.parse::<usize>().is_ok()
}

/// Returns whether a key holds what keeps an image what it is.
fn is_pin(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.ends_with("digest") || key.ends_with("tag")
}

/// Returns whether a key, or a text with names of keys in it, may be about an image.
fn is_about_images(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("image")
        || text.contains("digest")
        || text == "tag"
        || text.contains(".tag")
        || text.contains("tag:")
}

/// Returns whether a value that holds no image as it stands may be a part of one.
fn may_write_a_part(tree: &SyntaxTree<'_>, value: NodeId, keys: &[&str]) -> bool {
    if keys.iter().any(|key| object::NOT_PULLED.contains(key)) {
        return false;
    }
    let is_in_values = || {
        keys.iter().any(|key| matches!(*key, "values" | "valuesObject" | "parameters" | "helm" | "kustomize"))
    };
    match tree.string_of(value) {
        Some(text) if text.contains("@sha256:") || text.starts_with("sha256:") => false,
        Some(text) => {
            keys.last().is_some_and(|key| is_pin(key) || is_image_key(key))
                || keys.ends_with(&["image", "reference"])
                || (is_in_values() && (keys.contains(&"parameters") || is_about_images(text)))
        }
        None => is_in_values() && mentions_images(tree, value),
    }
}

fn mentions_images(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let is_text = |node| tree.text_of(node).is_some_and(is_about_images);
    is_text(node)
        || tree.items(node).iter().any(|item| mentions_images(tree, *item))
        || tree.entries(node).iter().any(|(key, value)| is_text(*key) || mentions_images(tree, *value))
}

/// Returns whether an image, or a part of one, comes along with what is written at a path.
fn names_an_image(keys: &[&str]) -> bool {
    keys.last().is_none_or(|key| {
        is_image_key(key)
            || is_pin(key)
            || key.ends_with("ontainers")
            || matches!(
                *key,
                "spec" | "template" | "reference" | "images" | "volumes" | "values" | "parameters"
            )
    })
}
