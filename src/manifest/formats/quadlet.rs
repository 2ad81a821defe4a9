//! Podman Quadlet: an image may be the name of another unit, which builds it or says what is pulled.

use std::collections::BTreeMap;

use super::finder::Finder;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::NodeId;

/// Adds the images that are names of `.build` and `.image` units (podman-container.unit(5), podman-volume.unit(5)).
pub(super) fn other_units(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    for section in ["Container", "Volume"] {
        let image = tree.get(root, section).and_then(|section| tree.get(section, "Image"));
        let Some((node, name)) = image.and_then(|node| Some((node, tree.string_of(node)?))) else { continue };
        let skip = match name.rsplit_once('.') {
            Some((_, "build")) => Skip::BuildOutput,
            Some((_, "image")) => Skip::TagElsewhere,
            _ => continue,
        };
        finder.push(node, BTreeMap::new(), name.to_owned(), None, State::Skipped(skip), None);
    }
}
