//! JSON patches in YAML (RFC 6902), as kustomize and Flux take them: a list of `{op, path, value}`.

use super::finder::Finder;
use super::{helm_values, kubernetes};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

pub(super) fn is_patch(tree: &SyntaxTree<'_>, root: NodeId) -> bool {
    let items = tree.items(root);
    !items.is_empty()
        && items.iter().all(|item| {
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
        let Some(value) = tree.get(*operation, "value") else { continue };
        let path = tree.get_str(*operation, "path").unwrap_or_default();
        if tree.get_str(*operation, "op") == Some("test") {
            continue;
        }
        if tree.text_of(value).is_some() {
            if path.rsplit('/').next().is_some_and(helm_values::is_image_key) {
                finder.add_tagged_image(value);
            }
        } else {
            kubernetes::find_in_part(finder, value, path);
        }
    }
}
