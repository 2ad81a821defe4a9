//! Drivers of NVIDIA's operators: behind the tag these put the system of each node (gpu-operator, `resolveDriverTag`), so that
//! no registry has the image that stands here. What is named by its digest they take for all systems alike.

use super::finder::Finder;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// The drivers in the `spec` of a `ClusterPolicy`, and among the values of its operator.
const CLUSTER_POLICY: [&str; 4] = ["driver", "vgpuManager", "gds", "gdrcopy"];

/// The driver of the network operator.
const OFED: &str = "ofedDriver";

/// Returns whether a mapping of values is such a driver: the charts of the operators hand it to their policies as it is.
pub(super) fn is_one(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let is_driver = |key: &str| CLUSTER_POLICY.contains(&key) || key == OFED;
    tree.key_of(node).is_some_and(is_driver)
        && ["repository", "image", "version"].iter().all(|key| tree.get_str(node, key).is_some())
}

/// Skips the drivers of an object of this group and kind.
pub(super) fn skip(finder: &mut Finder<'_, '_>, object: NodeId, group: &str, kind: &str) {
    let tree = finder.tree;
    let keys: &[&str] = match (group, kind) {
        ("nvidia.com", "NVIDIADriver") => &["", "gds", "gdrcopy"],
        ("nvidia.com", "ClusterPolicy") => &CLUSTER_POLICY,
        ("mellanox.com", "NicClusterPolicy") => &[OFED],
        _ => return,
    };
    let Some(spec) = tree.get(object, "spec") else { return };
    let driver = |key: &&str| if key.is_empty() { Some(spec) } else { tree.get(spec, key) };
    let drivers: Vec<NodeId> = keys.iter().filter_map(driver).map(|node| tree.resolve(node)).collect();
    for site in finder.sites.iter_mut().filter(|site| site.state == State::Floating) {
        if tree.nodes[site.main].parent().is_some_and(|above| drivers.contains(&above)) {
            site.skip(Skip::TagElsewhere);
        }
    }
}
