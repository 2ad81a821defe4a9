//! Annotations that say which image a webhook adds to the pod.

use super::finder::Finder;
use super::image_keys::has_tag_or_digest;
use crate::manifest::syntax::tree::NodeId;

/// Adds the images in the annotations of `metadata`, by the catalogue's list of them. One without a slash may be the name
/// of an image in the injector's own registry, and stays unknown.
pub(super) fn find(finder: &mut Finder<'_, '_>, metadata: NodeId) {
    let tree = finder.tree;
    let Some(annotations) = tree.get(metadata, "annotations") else { return };
    for (key, value) in tree.entries(annotations) {
        let Some(key) = tree.text_of(*key) else { continue };
        if !finder.catalogue.is_image_annotation(key) {
            continue;
        }
        if tree.string_of(*value).is_some_and(|text| text.contains('/')) {
            finder.add_image(*value);
        } else if has_tag_or_digest(tree, *value) {
            finder.add_unknown(*value);
        }
    }
}
