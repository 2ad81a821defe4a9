//! What looks like an image and stands where the catalogue knows of none: reported, so that a new field cannot hide,
//! and never edited.

use std::collections::BTreeMap;

use super::finder::{Finder, has_tag_or_digest};
use super::helm_values::{self, is_image_key, is_source_key};
use super::kubernetes;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::{NodeId, NodeKind};

/// Adds the scalars below `root` that nothing else has found: their key ends in `image` or is in the catalogue's list,
/// and their value is a reference with a tag or a digest.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    if finder.format.is_empty() {
        "unknown".clone_into(&mut finder.format);
    }
    walk(finder, root);
}

fn walk(finder: &mut Finder<'_, '_>, node: NodeId) {
    if finder.ignored.contains(&node) {
        return;
    }
    let tree = finder.tree;
    match &tree.nodes[node].kind {
        NodeKind::Sequence { items, .. } => items.iter().for_each(|item| walk(finder, *item)),
        NodeKind::Mapping { entries, .. } => {
            if kubernetes::is_object(tree, node) && kubernetes::is_not_pulled(tree, finder.catalogue, node) {
                return;
            }
            if tree.key_of(node).is_some_and(|key| is_image_key(key) || is_source_key(key))
                && !is_replacement(finder, node)
                && let Some(fields) = helm_values::fields(tree, node, true)
            {
                let known = finder.sites.len();
                finder.add_fields(fields, true);
                match finder.sites.get_mut(known) {
                    Some(site) if matches!(site.state, State::Skipped(_)) => finder.sites.truncate(known),
                    Some(site) => site.skip(Skip::UnknownLocation),
                    None => {}
                }
            }
            for (key, value) in entries {
                let Some(key) = tree.text_of(*key) else { continue };
                if kubernetes::NOT_PULLED.contains(&key) {
                    continue;
                }
                let known =
                    || finder.catalogue.image_keys().iter().any(|known| known.eq_ignore_ascii_case(key));
                if matches!(tree.nodes[*value].kind, NodeKind::Scalar { .. }) {
                    if is_image_key(key) || known() {
                        report(finder, *value);
                    }
                } else {
                    walk(finder, *value);
                }
            }
        }
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
    }
}

/// Returns whether this is where a kustomize replacement takes its value from.
fn is_replacement(finder: &Finder<'_, '_>, node: NodeId) -> bool {
    let tree = finder.tree;
    tree.nodes[node].parent.is_some_and(|parent| tree.get(parent, "targets").is_some())
}

fn report(finder: &mut Finder<'_, '_>, node: NodeId) {
    if finder.ignored.contains(&node) || !has_tag_or_digest(finder.tree, node) {
        return;
    }
    let image = finder.tree.written(node).to_owned();
    finder.push(node, BTreeMap::new(), image, None, State::Skipped(Skip::UnknownLocation), None);
}
