//! What a deployer takes from an address, or from a plug-in: nobody judges that.

use super::finder::Finder;
use crate::manifest::content;
use crate::manifest::inputs::Needs;
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::syntax::tree::NodeId;

/// Says where an object of Argo CD or Fleet takes values of a chart from an address, or objects from a plug-in.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let version = tree.get_str(root, "apiVersion").unwrap_or_default();
    let is_fleet = tree.get(root, "helm").is_some() && tree.get(root, "kind").is_none();
    if !version.starts_with("argoproj.io/") && !is_fleet {
        return;
    }
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        for key in ["valueFiles", "valuesFiles"] {
            let files = tree.get(node, key).map(|files| tree.items(files)).unwrap_or_default();
            for file in files {
                if let Some(text) = tree.string_of(*file).filter(|text| text.contains("://")) {
                    finder.look_away(LookAwayReason::RemoteBase, *file, text);
                }
            }
        }
        // What a plug-in is given may be an image, and what it makes is its own.
        if let Some(plugin) = tree.get(node, "plugin").filter(|plugin| tree.is_mapping(*plugin)) {
            let name = tree.get_str(plugin, "name").unwrap_or("plugin").to_owned();
            finder.look_away(LookAwayReason::DeployerPlugin, plugin, name);
            finder.depends_on(content::of_node(tree, plugin), Needs::default());
        }
        let below =
            tree.entries(node).iter().map(|(_, value)| *value).chain(tree.items(node).iter().copied());
        // What an alias leads to stands in the tree by itself.
        open.extend(below.filter(|node| tree.resolve(*node) == *node));
    }
}
