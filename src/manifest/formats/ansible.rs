//! Ansible: objects of Kubernetes that a task deploys.

use super::finder::Finder;
use super::module_texts::nodes;
use super::{kubernetes, object};
use crate::manifest::syntax::tree::NodeId;

/// Where tasks have objects (kubernetes.core.k8s, `definition`).
const DEFINITIONS: [&str; 4] = [
    "/[]/**/k8s/definition",
    "/[]/**/k8s/resource_definition",
    "/[]/**/kubernetes.core.k8s/definition",
    "/[]/**/kubernetes.core.k8s/resource_definition",
];

/// Adds the images of objects that tasks of a file deploy, alone or in a list.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    // Nothing is added to an object here.
    let whole = std::mem::replace(&mut finder.is_patch, true);
    for definition in DEFINITIONS.into_iter().flat_map(|path| nodes(tree, root, path)) {
        let objects = [definition].into_iter().chain(tree.items(definition).iter().copied());
        for object in objects.filter(|node| object::is_object(tree, *node)) {
            kubernetes::find(finder, object);
        }
    }
    finder.is_patch = whole;
}
