//! JSON patches in YAML (RFC 6902), as kustomize and Flux take them: a list of `{op, path, value}`.

use super::finder::Finder;
use super::{helm_values, kubernetes};
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

pub(super) fn is_patch(tree: &SyntaxTree<'_>, root: NodeId) -> bool {
    let items = tree.items(root);
    // One operation that is odd does not make the others less of a patch.
    items.iter().any(|item| {
        tree.get_str(*item, "op").is_some()
            && tree.get_str(*item, "path").is_some_and(|path| path.starts_with('/'))
    })
}

/// Adds the images that the operations write: at a path that ends in `image`, or in containers that they add.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    if finder.format.is_empty() {
        "json-patch".clone_into(&mut finder.format);
    }
    let tree = finder.tree;
    for operation in tree.items(root) {
        let path = tree.get_str(*operation, "path").unwrap_or_default();
        if matches!(tree.get_str(*operation, "op"), Some("copy" | "move")) && names_an_image(path) {
            finder.look_away(LookAwayReason::PatchCopies, *operation, path);
        }
        let Some(value) = tree.get(*operation, "value") else { continue };
        if tree.get_str(*operation, "op") == Some("test") {
            continue;
        }
        if tree.text_of(value).is_some() {
            if is_container_image(path) {
                finder.add_image(value);
            } else if path.rsplit('/').next().is_some_and(helm_values::is_image_key) {
                finder.add_tagged_image(value);
            }
        } else {
            kubernetes::find_in_part(finder, value, path);
        }
    }
}

/// Returns whether `path` is that of a container's image, tag or not.
fn is_container_image(path: &str) -> bool {
    let mut keys = path.rsplit('/');
    keys.next() == Some("image")
        && keys.next().is_some()
        && keys
            .next()
            .is_some_and(|list| matches!(list, "containers" | "initContainers" | "ephemeralContainers"))
}

/// Returns whether an image comes along with what is written at `path`.
fn names_an_image(path: &str) -> bool {
    let keys = || path.rsplit('/').filter(|key| *key != "-" && key.parse::<usize>().is_err());
    keys().next().is_some_and(|key| {
        helm_values::is_image_key(key) || key.ends_with("ontainers") || key == "spec" || key == "template"
    })
}
