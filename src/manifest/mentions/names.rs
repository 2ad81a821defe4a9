//! Which words may name a file, an object or a key of its data.

use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::path_from;

/// The longest path that is looked for, in bytes.
const LENGTH_MAX: usize = 250;

/// The shortest word that is looked for, in bytes.
const LENGTH_MIN: usize = 3;

/// Keys that say which files something else is about.
const ABOUT: [&str; 5] = ["exclude", "ignore", "only", "paths-ignore", "paths_ignore"];

/// Keys above the paths for which a pipeline starts.
const STARTS: [&str; 8] = ["changes", "filter", "filters", "on", "pull_request", "push", "rules", "trigger"];

/// Keys of what the paths beside them are seen from.
const BASES: [&str; 2] = ["path", "chart"];

/// Returns the words of a scalar by which something else in the tree may be meant: as it stands there, and as it is seen from
/// the directory that is named beside it.
pub(super) fn words(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Vec<String> {
    let Some(word) = word(tree, node, value) else { return Vec::new() };
    let bases = above(tree, node).take(4).flat_map(|mapping| BASES.map(|key| tree.get_str(mapping, key)));
    let below = |base: &str| path_from(base.trim_start_matches('/'), word);
    let based = bases.flatten().filter(|base| *base != value && !base.contains(':')).filter_map(below);
    std::iter::once(word.to_owned()).chain(based.filter(|_| word.contains('.'))).collect()
}

fn word<'v>(tree: &SyntaxTree<'_>, node: NodeId, value: &'v str) -> Option<&'v str> {
    // As kustomize names what a file becomes.
    let word = value.rsplit_once('=').map_or(value, |(_, file)| file);
    let is_short = !word.is_empty() && word.len() <= LENGTH_MAX;
    // Images, addresses and versions are no names; a whole tree is looked through for these.
    if !is_short || word.contains(|c: char| c.is_whitespace() || matches!(c, ':' | '@')) {
        return None;
    }
    let key = key_of(tree, node).unwrap_or_default();
    let is_version = word.trim_start_matches('v').chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_word = word.len() >= LENGTH_MIN && !is_version;
    let starts = || key == "paths" && keys_above(tree, node).any(|key| STARTS.contains(&key));
    (is_word && !ABOUT.contains(&key) && !starts()).then_some(word)
}

/// Returns the nearest key above a node.
pub(super) fn key_of<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> Option<&'t str> {
    keys_above(tree, node).next()
}

/// Returns the keys above a node, the nearest first.
pub(super) fn keys_above<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> impl Iterator<Item = &'t str> {
    let nodes = std::iter::once(node).chain(above(tree, node));
    nodes.filter_map(|node| {
        let (parent, index) = (tree.nodes[node].parent()?, tree.nodes[node].index());
        tree.text_of(tree.entries(parent).get(index)?.0)
    })
}

/// Returns the nodes above one, the nearest first.
pub(super) fn above(tree: &SyntaxTree<'_>, node: NodeId) -> impl Iterator<Item = NodeId> {
    std::iter::successors(tree.nodes[node].parent(), |node| tree.nodes[*node].parent())
}
