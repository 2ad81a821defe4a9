//! The digests that annotations of objects record, whoever wrote them: what `check` compares with the images.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::located::{Located, RecordedDigest, Scan};
use super::site::{Site, State};
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
                span: tree.nodes[value].span(),
            });
        }
    }
    found.sort_by_key(|found| found.span.start);
    found
}

/// The containers of an object.
#[derive(Default)]
struct ObjectContainers<'s> {
    count: usize,
    by_name: BTreeMap<&'s str, &'s Located>,
}

/// Returns the annotations of `scan` under `key`, or with the name of a container behind it, that do not say what their image
/// is, each with that; `None` where its container is not here. What has no digest, and what a kustomization changes, is not
/// what they are compared with.
pub fn stale<'s>(scan: &'s Scan, key: &str) -> Vec<(&'s RecordedDigest, Option<&'s Located>)> {
    if scan.recorded.is_empty() {
        return Vec::new();
    }
    let mut objects: BTreeMap<NodeId, ObjectContainers<'_>> = BTreeMap::new();
    for located in &scan.sites {
        let owner = located.site.owner.as_ref();
        if let Some((node, name)) = owner.and_then(|owner| Some((owner.node, owner.container.as_deref()?))) {
            let object = objects.entry(node).or_default();
            object.count += 1;
            object.by_name.entry(name).or_insert(located);
        }
    }
    let stale = scan.recorded.iter().filter_map(|recorded| {
        let containers = objects.get(&recorded.object)?;
        let rest = recorded.key.strip_prefix(key)?;
        let located = match rest.strip_prefix('.') {
            Some(name) => containers.by_name.get(name).copied(),
            None if !rest.is_empty() => return None,
            None if containers.count == 1 => containers.by_name.values().next().copied(),
            // It does not say which.
            None => None,
        };
        let is_stale = located.is_none_or(|located| {
            let is_compared = located.site.state == State::Pinned && !located.is_overridden();
            is_compared && located.site.digest() != Some(&recorded.digest)
        });
        is_stale.then_some((recorded, located))
    });
    stale.collect()
}
