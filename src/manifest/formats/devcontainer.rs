//! Development containers: features are installed into the image when it is built, and their references are keys.

use std::collections::BTreeMap;

use super::finder::Finder;
use crate::manifest::site::{Skip, State, classify};
use crate::manifest::syntax::tree::NodeId;

/// Adds the features that come from registries. Each takes a tag or a digest, and not both (devcontainers/cli#825): a
/// digest would take the tag's place, so nothing is written.
pub(super) fn features(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let Some(features) = tree.get(root, "features") else { return };
    let format = std::mem::replace(&mut finder.format, "devcontainer-feature".into());
    for (key, _) in tree.entries(features) {
        let Some(name) = tree.text_of(*key).filter(|name| name.contains('/') && !name.contains("://")) else {
            continue;
        };
        let is_path = name.starts_with("./") || name.starts_with("../");
        if let (State::Floating | State::Pinned, _) = classify(name)
            && !is_path
        {
            finder.push(
                *key,
                BTreeMap::new(),
                name.to_owned(),
                None,
                State::Skipped(Skip::NotEditable),
                None,
            );
        }
    }
    finder.format = format;
}
