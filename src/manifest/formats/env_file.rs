//! A `.env`: a value is an image, or its tag, where a Compose file beside it makes one of it.

use std::collections::BTreeMap;

use super::finder::{Finder, ScalarTag};
use crate::manifest::site::{Awaited, Skip, State};
use crate::manifest::syntax::tree::NodeId;

/// Adds the values of a `.env`; they count where a Compose file uses them in images.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    for (key, value) in tree.entries(root) {
        let (Some(name), Some(text)) = (tree.text_of(*key), tree.text_of(*value)) else { continue };
        // Of several the last one counts.
        if text.is_empty() || tree.get(root, name) != Some(*value) {
            continue;
        }
        let skip = match finder.tag(*value) {
            ScalarTag::Text => Skip::UnknownLocation,
            _ => Skip::Variable,
        };
        finder.push(*value, BTreeMap::new(), text.to_owned(), None, State::Skipped(skip), None);
        if let Some(site) = finder.sites.last_mut().filter(|site| site.main == *value) {
            site.awaits = Some(Box::new(Awaited::Variable(name.to_owned())));
        }
    }
}
