//! Drivers of NVIDIA's operators: behind the tag these put the system of each node (gpu-operator, `resolveDriverTag`), so that
//! no registry has the image that stands here. What is named by its digest they take for all systems alike.

use super::finder::Finder;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::NodeId;

/// Skips the drivers of an object of this group and kind.
pub(super) fn skip(finder: &mut Finder<'_, '_>, object: NodeId, group: &str, kind: &str) {
    let tree = finder.tree;
    let keys: &[&str] = match (group, kind) {
        ("nvidia.com", "NVIDIADriver") => &["", "gds", "gdrcopy"],
        ("nvidia.com", "ClusterPolicy") => &["driver", "vgpuManager", "gds", "gdrcopy"],
        ("mellanox.com", "NicClusterPolicy") => &["ofedDriver"],
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
