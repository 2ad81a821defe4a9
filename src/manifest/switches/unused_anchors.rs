//! Parts of a pipeline that are there to be taken by an alias, and that no alias takes.

use std::collections::HashSet;

use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// Returns the JSON pointers of what stands for aliases below a key that no tool runs by itself, `definitions` of Bitbucket, `x-…` of
/// Compose and others, and is not taken.
pub(super) fn of_root(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<String> {
    let is_for_aliases = |key: &str| key == "definitions" || key.starts_with("x-");
    let parts = tree.entries(root).iter().filter(|(key, _)| tree.text_of(*key).is_some_and(is_for_aliases));
    let parts: Vec<NodeId> = parts.map(|(_, value)| *value).collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let is_below = |mut node: NodeId| loop {
        match tree.nodes[node].parent() {
            _ if parts.contains(&node) => return true,
            Some(parent) => node = parent,
            None => return false,
        }
    };
    let all = 0..tree.nodes.len();
    let aliases = all.clone().filter(|node| matches!(tree.kind(*node), NodeKind::Alias(_)));
    // One inside of them takes something where it is taken itself, which is not followed.
    let taken: HashSet<NodeId> = aliases.map(|alias| tree.resolve(alias)).collect();
    let anchored = all.filter(|node| tree.nodes[*node].is_anchored() && is_below(*node));
    let unused = anchored.filter(|node| !taken.contains(node));
    unused.map(|node| tree.pointer(node)).collect()
}
