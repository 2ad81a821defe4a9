//! Artifacts that are no images, by their address and a reference of its own: what Flux takes manifests and charts from.

use super::finder::Finder;
use crate::manifest::site::{Skip, State, Write, classify};
use crate::manifest::syntax::tree::NodeId;

/// Adds what `source` names: `url` is an `oci://` address, `ref` has `tag`, `semver` and `digest`, of which the last one
/// wins (source.toolkit.fluxcd.io, `OCIRepositoryRef`).
pub(super) fn find(finder: &mut Finder<'_, '_>, source: NodeId) {
    let tree = finder.tree;
    let Some(url) = tree.get(source, "url") else { return };
    let Some(name) = tree.written(url).strip_prefix("oci://") else { return };
    let reference = tree.get(source, "ref");
    let part =
        |key| reference.and_then(|it| tree.get(it, key)).filter(|node| !tree.written(*node).is_empty());
    let (tag, digest, range) = (part("tag"), part("digest"), part("semver"));
    let spelled = |mark: &str, node: Option<NodeId>| {
        node.map(|node| format!("{mark}{}", tree.written(node))).unwrap_or_default()
    };
    // A range goes before a tag, and what it means is decided when it is asked for.
    let named = if range.is_some() { String::new() } else { spelled(":", tag) };
    let image = format!("{name}{named}{}", spelled("@", digest));
    let (mut state, parsed) = classify(&image);
    let write = match (digest, tag, reference) {
        (Some(node), ..) => Some(Write::Digest { node: tree.resolve(node), bare: false }),
        (None, Some(after), Some(mapping)) => {
            let (mapping, key) = (tree.resolve(mapping), "digest".to_owned());
            Some(Write::AddDigest { mapping, after, key, bare: false })
        }
        _ => None,
    };
    if state == State::Floating && range.is_some() {
        state = State::Skipped(Skip::TagElsewhere);
    } else if state == State::Floating && write.is_none() {
        state = State::Skipped(Skip::NotEditable);
    }
    let main = tree.resolve(tag.or(digest).unwrap_or(url));
    let fields = finder.spans(&[("repository", Some(url)), ("tag", tag), ("digest", digest)]);
    finder.push(main, fields, image, parsed, state, write);
}
