//! What is taken for an image in an object of which the catalogue does not know it: by the key, by the shape and by the
//! value. Measured on the fields of the world's custom resources, see `tests/it/catalogue_fields.rs`.

use super::finder::Finder;
use super::helm_values;
use super::image_keys::{is_image_key, names_registry};
use super::object;
use crate::manifest::syntax::tree::{NodeId, NodeKind};

/// Below these an image is what something makes.
const MADE: [&str; 2] = ["output", "outputs"];

/// Keys of a mapping under an image's key that hold a whole reference: an image volume's (KEP-4639), and others'.
const WHOLE_KEYS: [&str; 4] = ["reference", "name", "repository", "repo"];

/// Adds what is an image for all that can be told, below the `spec` of an object, or anywhere in one that has none and is
/// not of the core (configurations of controllers):
///
/// - a reference with a tag or a digest under a key that ends in `image`;
/// - the same under a key of the catalogue's list (`imageName`, `imageURI`), where it names its registry;
/// - a mapping under such a key that splits the reference into repository and tag, or holds it whole.
pub(super) fn find(finder: &mut Finder<'_, '_>, object: NodeId) {
    let tree = finder.tree;
    let specs = tree.all(object, "spec");
    if specs.is_empty() && finder.object.group.as_ref().is_some_and(|group| group.contains('.')) {
        entries(finder, object);
    }
    for spec in specs {
        walk(finder, spec);
    }
}

/// Adds the same in what is written below `node`. What an alias leads to is looked at where it stands, but for images.
pub(super) fn walk(finder: &mut Finder<'_, '_>, node: NodeId) {
    if finder.ignored.contains(&node) {
        return;
    }
    let tree = finder.tree;
    match tree.kind(node) {
        NodeKind::Sequence { items, .. } => items.iter().for_each(|item| walk(finder, *item)),
        // An object inside an object is one of its own.
        NodeKind::Mapping { .. } if !object::is_object(tree, node) => entries(finder, node),
        _ => {}
    }
}

fn entries(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    for (key, value) in tree.entries(node) {
        let Some(key) = tree.text_of(*key) else { continue };
        // What the containers of a pod spec run is known already.
        let is_known = object::NOT_PULLED.contains(&key) || object::CONTAINER_LISTS.contains(&key);
        if is_known || MADE.contains(&key) {
            continue;
        }
        let image = tree.resolve(*value);
        let sure = is_image_key(key);
        if sure || finder.catalogue.is_image_key(key) {
            match tree.kind(image) {
                NodeKind::Scalar { .. } if sure || names_registry(tree, image) => {
                    finder.add_tagged_image(image);
                }
                NodeKind::Mapping { .. } => mapping(finder, image),
                _ => {}
            }
        }
        walk(finder, *value);
    }
}

/// Adds the image that a mapping under an image's key is. `{name, version}` may be a disk's, and a name and a tag without
/// more leave open which registry has it.
fn mapping(finder: &mut Finder<'_, '_>, image: NodeId) {
    let tree = finder.tree;
    if finder.is_ignored(image) {
        return;
    }
    let has = |keys: &[&str]| keys.iter().any(|key| tree.get(image, key).is_some());
    if has(&["repository", "repo"])
        && has(&["tag", "digest"])
        && let Some(fields) = helm_values::fields(tree, image, true)
    {
        finder.add_fields(fields, true);
        return;
    }
    for whole in WHOLE_KEYS.iter().filter_map(|key| tree.get(image, key)) {
        if tree.key_of(whole) == Some("reference") || names_registry(tree, whole) {
            finder.add_tagged_image(whole);
        }
    }
}
