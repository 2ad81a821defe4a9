//! What a Terraform module calls its values: `local.x`, `var.x`.

use super::finder::Finder;
use super::pattern::Pattern;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Returns the text or the object that a local is, where `node` names one of this file and does nothing else; else `node`.
pub(super) fn text_of(finder: &Finder<'_, '_>, root: NodeId, node: NodeId) -> NodeId {
    let tree = finder.tree;
    let name = tree.text_of(node).filter(|_| &*finder.format == "terraform" && finder.is_computed(node));
    let Some(name) = name.and_then(whole_name).and_then(|name| name.strip_prefix("local.")) else {
        return node;
    };
    let name = name.replace('.', "/");
    let found = [format!("/locals/{name}"), format!("/locals/[]/{name}")].into_iter();
    match found.flat_map(|path| nodes(tree, root, &path)).collect::<Vec<_>>().as_slice() {
        [text] if !finder.is_computed(*text) => *text,
        _ => node,
    }
}

/// Returns whether a whole document is given from elsewhere, by a name or in an encoding: an expression that says nothing of an
/// image.
pub(super) fn is_given(finder: &Finder<'_, '_>, node: NodeId) -> bool {
    const ENCODERS: [&str; 2] = ["yamlencode(", "jsonencode("];
    let Some(text) = finder.tree.text_of(node) else { return false };
    let inner = ENCODERS.iter().find_map(|encoder| text.strip_prefix(encoder)?.strip_suffix(')'));
    let text = inner.unwrap_or(text);
    // A key of a local is what the module was called with, as often as not.
    let (name, is_key) =
        text.split_once("[\"").map_or((text, false), |(name, rest)| (name, rest.ends_with("\"]")));
    let is_name = |name: &str| {
        name.starts_with("each.") || name.starts_with("var.") || is_key && name.starts_with("local.")
    };
    &*finder.format == "terraform" && finder.is_computed(node) && whole_name(name).is_some_and(is_name)
}

pub(super) fn nodes(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Vec<NodeId> {
    Pattern::parse(path).map(|path| path.find(tree, root)).unwrap_or_default()
}

/// Returns what a text names, where it does nothing else: `local.x`, `"${var.x}"`, `docker_image.x.image_id`.
pub(super) fn whole_name(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(text).trim();
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(is_letter);
    (inner.contains('.') && inner.split('.').all(is_name)).then_some(inner)
}

pub(super) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
