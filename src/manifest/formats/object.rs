//! What a Kubernetes object is, and which of its parts are pod specs or describe.

use super::catalogue::Catalogue;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Lists of containers in a pod spec (Kubernetes API, PodSpec v1 core).
pub(super) const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Subtrees that describe and do not pull: what the cluster reports back, free-form metadata, schemas.
pub(super) const NOT_PULLED: [&str; 3] = ["status", "metadata", "openAPIV3Schema"];

pub(super) fn is_object(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    tree.get_str(node, "apiVersion").is_some() && tree.get_str(node, "kind").is_some()
}

pub(super) fn is_not_pulled(tree: &SyntaxTree<'_>, catalogue: &Catalogue, object: NodeId) -> bool {
    let text = |key| tree.get_str(object, key).unwrap_or_default();
    catalogue.is_not_pulled(text("apiVersion"), text("kind"))
}

/// Returns the lists of containers that custom resources have beside those of a pod spec: `sidecars`, `extraContainers`,
/// where every item has a name and an image.
pub(super) fn other_container_lists<'y>(
    tree: &'y SyntaxTree<'_>,
    spec: NodeId,
) -> impl Iterator<Item = NodeId> + 'y {
    let is_list = |key: &str| {
        !CONTAINER_LISTS.contains(&key)
            && ["ontainers", "idecars", "ideCars"].iter().any(|end| key.ends_with(end))
    };
    let is_container = |item: &NodeId| ["name", "image"].iter().all(|key| tree.get_str(*item, key).is_some());
    let lists = tree.entries(spec).iter().filter(move |(key, _)| tree.text_of(*key).is_some_and(is_list));
    lists.map(|(_, list)| tree.resolve(*list)).filter(move |list| tree.items(*list).iter().all(is_container))
}
