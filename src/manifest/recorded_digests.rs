//! The digests that annotations of objects record, whoever wrote them: what `check` compares with the images.

use std::collections::HashSet;
use std::ops::Range;

use super::site::Site;
use super::syntax::tree::{NodeId, SyntaxTree};
use crate::reference::Digest;

/// An annotation with a digest in it, on an object that owns a pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundDigest {
    pub(super) object: NodeId,
    pub(super) document: usize,
    pub(super) path: String,
    pub(super) key: String,
    pub(super) digest: Digest,
    pub(super) span: Range<usize>,
}

pub(super) fn find(tree: &SyntaxTree<'_>, sites: &[Site]) -> Vec<FoundDigest> {
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for site in sites {
        let Some(owner) = site.owner.as_ref().filter(|owner| owner.annotatable) else { continue };
        if !seen.insert(owner.node) {
            continue;
        }
        let annotations =
            tree.get(owner.node, "metadata").and_then(|metadata| tree.get(metadata, "annotations"));
        let Some(annotations) = annotations else { continue };
        for (key, value) in tree.entries(annotations) {
            let (Some(key), Some(digest)) = (tree.text_of(*key), tree.text_of(*value)) else { continue };
            let Some(digest) = Digest::parse(digest) else { continue };
            let value = tree.resolve(*value);
            found.push(FoundDigest {
                object: owner.node,
                document: site.document,
                path: tree.pointer(value),
                key: key.to_owned(),
                digest,
                span: tree.nodes[value].span.clone(),
            });
        }
    }
    found.sort_by_key(|found| found.span.start);
    found
}
