//! Which words may name a file, an object or a key of its data.

use super::rewrites::key_of;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// The longest path that is looked for, in bytes.
const LENGTH_MAX: usize = 250;

/// Keys that say which files something else is about.
const ABOUT: [&str; 7] = ["exclude", "ignore", "only", "paths", "paths-ignore", "paths_ignore", "x-paths"];

/// Returns the word of a scalar by which something else in the tree may be meant.
pub(super) fn word<'v>(tree: &SyntaxTree<'_>, node: NodeId, value: &'v str) -> Option<&'v str> {
    // As kustomize names what a file becomes.
    let word = value.rsplit_once('=').map_or(value, |(_, file)| file);
    let is_short = !word.is_empty() && word.len() <= LENGTH_MAX;
    if !is_short || word.contains(char::is_whitespace) || word.contains("://") || word.contains('@') {
        return None;
    }
    let key = key_of(tree, node).unwrap_or_default();
    let is_path = word.contains(['.', '/']);
    let is_named = ["name", "key", "ref"].iter().any(|end| key.to_ascii_lowercase().ends_with(end));
    ((is_path || is_named) && !ABOUT.contains(&key)).then_some(word)
}
