//! The digests that annotations of objects record, whoever wrote them: what `check` compares with the images.

use std::collections::HashSet;
use std::ops::Range;

use super::site::Site;
use super::syntax::tree::{NodeId, Yaml};
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

/// Returns the annotations of the objects that own `sites`.
pub(super) fn find<'s>(yaml: &Yaml<'_>, sites: impl Iterator<Item = &'s Site>) -> Vec<FoundDigest> {
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for site in sites {
        let Some(owner) = site.owner.as_ref().filter(|owner| owner.annotatable) else { continue };
        if !seen.insert(owner.node) {
            continue;
        }
        let annotations =
            yaml.get(owner.node, "metadata").and_then(|metadata| yaml.get(metadata, "annotations"));
        let Some(annotations) = annotations else { continue };
        for (key, value) in yaml.entries(annotations) {
            let (Some(key), Some(digest)) = (yaml.text_of(*key), yaml.text_of(*value)) else { continue };
            let Some(digest) = Digest::parse(digest) else { continue };
            let value = yaml.resolve(*value);
            found.push(FoundDigest {
                object: owner.node,
                document: site.document,
                path: yaml.pointer(value),
                key: key.to_owned(),
                digest,
                span: yaml.nodes[value].span.clone(),
            });
        }
    }
    found.sort_by_key(|found| found.span.start);
    found
}
