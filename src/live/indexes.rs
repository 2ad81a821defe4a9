//! Asks the registry which manifests an index lists.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};

use super::compare::{Comparison, Fit, Indexes};
use super::declared::Name;
use crate::reference::Digest;
use crate::registry::{ManifestContent, Probe, Probed, Registry, TagRef};

/// How many indexes are read at once.
const AT_ONCE: usize = 32;

/// Asks the registry for what lies between the digests that run and those that are declared, where they differ.
pub async fn indexes<R: Registry>(registry: &R, compared: &Comparison) -> Indexes {
    let mut wanted: BTreeMap<(Name, Digest), TagRef> = BTreeMap::new();
    for image in &compared.images {
        let Some(first) = image.declared.first() else { continue };
        let others = image.running.iter().filter(|running| running.fit == Fit::Other);
        let others: Vec<&Digest> = others.map(|running| &running.digest).collect();
        if others.is_empty() {
            continue;
        }
        let expected = image.declared.iter().flat_map(|declared| &declared.digests);
        for digest in expected.chain(others) {
            let Name { registry, repository } = first.name.clone();
            let question = TagRef { registry, repository, tag: first.tag.clone() };
            wanted.insert((first.name.clone(), digest.clone()), question);
        }
    }
    stream::iter(wanted)
        .map(async |(key, question)| {
            let look = Probe::Body(key.1.clone());
            let listed = registry.look(&question, &look).await.map(|seen| match seen {
                Probed::Content(ManifestContent::Index(entries)) => {
                    entries.into_iter().filter_map(|entry| entry.digest).collect()
                }
                _ => BTreeSet::new(),
            });
            (key, listed)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}
