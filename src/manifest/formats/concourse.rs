//! Concourse: images that are resources, split over the `source` and the pinned `version` (Concourse, "Resources";
//! registry-image-resource, "Source Configuration").

use std::collections::HashSet;

use super::fields::Fields;
use super::finder::Finder;
use super::module_texts::nodes;
use crate::manifest::site::{Skip, State, classify};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// The types of resources that are images.
const IMAGE_TYPES: [&str; 2] = ["registry-image", "docker-image"];

/// What chooses another tag than the one that is written, or than `latest`.
const CHOOSERS: [&str; 4] = ["semver_constraint", "tag_regex", "tag_file", "variant"];

/// Adds the images of resources, of types of resources, and those that tasks run in. What a job puts is made there.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let made = made(tree, root);
    for resource in nodes(tree, root, "/resources/[]") {
        let is_made = tree.get_str(resource, "name").is_some_and(|name| made.contains(name));
        add(finder, resource, is_made);
    }
    for path in ["/resource_types/[]", "/**/image_resource"] {
        nodes(tree, root, path).into_iter().for_each(|resource| add(finder, resource, false));
    }
}

/// Returns the names of the resources that jobs put something into.
fn made<'t>(tree: &'t SyntaxTree<'_>, root: NodeId) -> HashSet<&'t str> {
    let steps = nodes(tree, root, "/jobs/**/put").into_iter().filter_map(|put| {
        let step = tree.nodes[put].parent()?;
        tree.get_str(step, "resource").or_else(|| tree.string_of(put))
    });
    steps.collect()
}

fn add(finder: &mut Finder<'_, '_>, resource: NodeId, is_made: bool) {
    let tree = finder.tree;
    if !tree.get_str(resource, "type").is_some_and(|kind| IMAGE_TYPES.contains(&kind)) {
        // A repository of sources or charts has tags, too.
        finder.ignored.insert(tree.resolve(resource));
        return;
    }
    let Some(source) = tree.get(resource, "source") else { return };
    let scalar = |holder, key: &str| {
        let found =
            tree.get(holder, key).filter(|node| tree.text_of(*node).is_some_and(|text| !text.is_empty()));
        found.map(|node| tree.resolve(node))
    };
    let Some(repository) = scalar(source, "repository").filter(|node| !finder.is_ignored(*node)) else {
        return;
    };
    let tag = scalar(source, "tag");
    let digest = tree.get(resource, "version").and_then(|version| scalar(version, "digest"));
    if digest.is_some() && !is_made {
        finder.add_fields(Fields { repository: Some(repository), tag, digest, ..Fields::default() }, false);
        return;
    }
    let name = tree.written(repository);
    let image = tag.map_or_else(|| name.to_owned(), |tag| format!("{name}:{}", tree.written(tag)));
    let is_chosen = tag.is_none() && CHOOSERS.iter().any(|key| tree.get(source, key).is_some());
    let skip = match classify(&image).0 {
        State::Skipped(skip) => skip,
        _ if is_made => Skip::BuildOutput,
        _ if is_chosen => Skip::TagElsewhere,
        // Its digest would stand in a `version`, which is not there.
        _ => Skip::NotEditable,
    };
    let spans = finder.spans(&[("repository", Some(repository)), ("tag", tag)]);
    finder.push(tag.unwrap_or(repository), spans, image, None, State::Skipped(skip), None);
}
