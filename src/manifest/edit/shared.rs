//! Text that anchors share, or that two images of one mapping read: an edit there is an edit everywhere it is read, so
//! every reader must want the same.
//!
//! libyaml keeps merge keys as they are, so the proof does not see what they bring in: this is the only guard.

use std::collections::{HashMap, HashSet};

use super::site_edit::{Attempt, is_open};
use super::splice::SpliceError;
use crate::manifest::located::Located;
use crate::manifest::site::{Site, Write};
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// Keys that make another image of a mapping that is merged.
const SPLIT_KEYS: [&str; 22] = [
    "registry",
    "hub",
    "imageRegistry",
    "repository",
    "name",
    "image",
    "repo",
    "path",
    "tag",
    "version",
    "imageTag",
    "imageVersion",
    "imageName",
    "digest",
    "imageDigest",
    "sha",
    "sha256",
    "newName",
    "newTag",
    "baseImage",
    "imageRepository",
    "url",
];

/// Keys whose aliases read a whole reference as an image.
const IMAGE_KEYS: [&str; 5] = ["imageName", "reference", "uses", "container", "source"];

/// Holds the sites whose text is read by something that cannot have the new one.
pub(super) fn hold(tree: &SyntaxTree<'_>, sites: &[Located], attempts: &mut [Attempt]) {
    let readers = Readers::of(tree);
    let digest = |index: usize| attempts[index].as_ref().ok().and_then(|edit| edit.wanted(&sites[index]));
    // Several images may share a field: they must all get the same digest.
    let mut users: HashMap<NodeId, Vec<usize>> = HashMap::new();
    for (index, located) in sites.iter().enumerate() {
        if let Some(field) = located.site.write.as_ref().and_then(Write::field) {
            users.entry(field).or_default().push(index);
        }
    }
    let held: HashSet<usize> = (0..sites.len())
        .filter(|index| is_open(&attempts[*index]))
        .filter(|index| {
            let site = &sites[*index].site;
            let users = site.write.as_ref().and_then(Write::field).and_then(|field| users.get(&field));
            let disagree =
                users.is_some_and(|users| users.iter().any(|user| digest(*user) != digest(*index)));
            disagree || readers.others_read(tree, site, users.map_or(1, Vec::len))
        })
        .collect();
    for index in held {
        attempts[index] = Err(SpliceError::Shared.into());
    }
}

struct Readers {
    /// The aliases, by what they point to.
    aliases: HashMap<NodeId, Vec<NodeId>>,
    /// The mappings that merge another one in, by that one.
    merges: HashMap<NodeId, Vec<NodeId>>,
}

impl Readers {
    fn of(tree: &SyntaxTree<'_>) -> Self {
        let mut readers = Self { aliases: HashMap::new(), merges: HashMap::new() };
        for (id, node) in tree.nodes.iter().enumerate() {
            let NodeKind::Alias(target) = tree.kind(id) else { continue };
            readers.aliases.entry(target).or_default().push(id);
            let list = node.parent().filter(|parent| tree.is_sequence(*parent));
            let value = list.unwrap_or(id);
            if tree.key_of(value) == Some("<<")
                && let Some(holder) = tree.nodes[value].parent()
            {
                readers.merges.entry(target).or_default().push(holder);
            }
        }
        readers
    }

    fn others_read(&self, tree: &SyntaxTree<'_>, site: &Site, users: usize) -> bool {
        let aliases = |node: &NodeId| self.aliases.get(node).map_or(&[][..], Vec::as_slice);
        let merged_into = |node: NodeId| self.merges.get(&node).map_or(&[][..], Vec::as_slice);
        match &site.write {
            None => false,
            Some(Write::Whole { node, .. }) => {
                let aliases = aliases(node);
                // A name, a label or an argument that reads the same text is not an image.
                let all_images =
                    is_definition(tree, *node) && aliases.iter().all(|alias| is_image_place(tree, *alias));
                !aliases.is_empty() && !all_images
            }
            // The definition reads the field too.
            Some(Write::Digest { node, .. } | Write::Tag { node }) => {
                let other_image =
                    |holder: &NodeId| SPLIT_KEYS.iter().any(|key| tree.own_entry(*holder, key).is_some());
                let merged = tree.nodes[*node].parent().map_or(&[][..], merged_into);
                (!aliases(node).is_empty() && aliases(node).len() + 1 > users)
                    || merged.iter().any(other_image)
            }
            Some(Write::AddDigest { mapping, .. }) => !merged_into(*mapping).is_empty(),
        }
    }
}

fn is_image_key(key: &str) -> bool {
    key.to_ascii_lowercase().ends_with("image") || IMAGE_KEYS.contains(&key)
}

fn is_image_place(tree: &SyntaxTree<'_>, id: NodeId) -> bool {
    match tree.key_of(id) {
        Some(key) => is_image_key(key),
        None => tree.nodes[id]
            .parent()
            .and_then(|list| tree.key_of(list))
            .is_some_and(|key| matches!(key, "images" | "imageTags")),
    }
}

/// Returns whether an anchored scalar is an image itself, or stands where things are only defined: `x-image: &image …`.
fn is_definition(tree: &SyntaxTree<'_>, id: NodeId) -> bool {
    let only_defines = |key: &str| {
        let lower = key.to_ascii_lowercase();
        key.starts_with("x-")
            || key.starts_with(['.', '_'])
            || ["anchor", "alias", "defin", "image", "common", "shared"]
                .iter()
                .any(|word| lower.contains(word))
    };
    is_image_place(tree, id)
        || std::iter::successors(Some(id), |at| tree.nodes[*at].parent())
            .filter_map(|at| tree.key_of(at))
            .any(only_defines)
}
