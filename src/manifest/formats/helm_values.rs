//! Helm values: split fields in the spellings that charts use, and whole references under `*image` keys.

use std::collections::BTreeMap;

use super::catalogue::{RUNNERS, TextForm};
use super::fields::Fields;
use super::finder::Finder;
use super::image_keys::{
    NOT_BESIDE, NOT_BESIDE_IMAGE, folded, has_host, has_tag_or_digest, is_host, is_image_key,
    is_image_name_key, is_images_key, is_name, is_namespace, is_selection, is_source_key, is_tag,
    is_untagged_image, looks_like_version, may_name_image, names_registry,
};
use super::object::CONTAINER_LISTS;
use super::{container_keys, driver_images, partial_images, registry_elsewhere};
use crate::manifest::site::{Skip, State, unresolvable};
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};
use crate::reference::Reference;

/// Keys that hold a repository when a tag or digest stands beside them.
const REPOSITORY_KEYS: [&str; 6] = ["baseImage", "repository", "name", "image", "repo", "path"];
/// Keys that hold a tag, and nothing but one.
const TAG_KEYS: [&str; 3] = ["tag", "imageTag", "image_tag"];
const REGISTRY_KEYS: [&str; 3] = ["registry", "hub", "imageRegistry"];
const DIGEST_KEYS: [(&str, bool); 4] =
    [("digest", false), ("imageDigest", false), ("sha", true), ("sha256", true)];

/// Returns whether `root` is a values file: by its name, or because a mapping splits an image into repository and tag. JSON that is not
/// called so is what tools write of charts.
pub(super) fn is_values(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> bool {
    if !tree.is_mapping(root) || tree.get(root, "apiVersion").is_some() {
        return false;
    }
    has_name(path) || !path.ends_with(".json") && splits_an_image(tree, root)
}

/// Returns whether the file at `path` is called like one of values, or lies among such.
pub(in crate::manifest) fn has_name(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let named = name.starts_with("values") || name.contains("-values.") || name.contains(".values.");
    named || lower.split('/').rev().skip(1).any(|directory| directory == "values")
}

/// A mapping of repository and tag counts where its key says image, or its other keys are those of an image.
fn splits_an_image(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    match tree.kind(node) {
        NodeKind::Mapping { entries, .. } => {
            let split = tree.get_str(node, "repository").is_some() && tree.get(node, "tag").is_some();
            let of_an_image = || {
                tree.key_of(node).is_some_and(is_image_key)
                    || ["registry", "pullPolicy", "digest", "sha"]
                        .iter()
                        .any(|key| tree.get(node, key).is_some())
            };
            (split && of_an_image() && fields(tree, node, false).is_some())
                || entries.iter().any(|(_, value)| splits_an_image(tree, *value))
        }
        NodeKind::Sequence { items, .. } => items.iter().any(|item| splits_an_image(tree, *item)),
        _ => false,
    }
}

pub(super) fn find(finder: &mut Finder<'_, '_>, values: NodeId) {
    let chart_wide = global_registry(finder.tree, values);
    finder.values_root = finder.tree.pointer(finder.tree.resolve(values));
    let known = finder.sites.len();
    walk(finder, values, chart_wide);
    registry_elsewhere::skip(finder, values, chart_wide, known);
    finder.values_root.clear();
}

/// `global.imageRegistry` and `global.image.registry` override the registry of every image of many charts.
fn global_registry(tree: &SyntaxTree<'_>, values: NodeId) -> Option<NodeId> {
    let global = tree.get(values, "global")?;
    let registry = tree
        .get(global, "imageRegistry")
        .or_else(|| tree.get(global, "image").and_then(|image| tree.get(image, "registry")))?;
    tree.string_of(registry).filter(|text| !text.is_empty()).map(|_| registry)
}

fn walk(finder: &mut Finder<'_, '_>, node: NodeId, global: Option<NodeId>) {
    let tree = finder.tree;
    if finder.ignored.contains(&node) {
        return;
    }
    match tree.kind(node) {
        NodeKind::Sequence { items, .. } => {
            let images = tree.key_of(node).is_some_and(is_images_key) && !is_selection(tree, node);
            for item in items {
                if images {
                    finder.add_tagged_image(*item);
                }
                text(finder, *item);
                walk(finder, *item, global);
            }
        }
        NodeKind::Mapping { entries, .. } => {
            let under_image = tree.key_of(node).is_some_and(is_image_key) || is_in_images(tree, node);
            let split = fields(tree, node, under_image);
            let flat = flat_fields(tree, node);
            let repositories: Vec<NodeId> =
                split.iter().chain(&flat).filter_map(|fields| fields.repository).collect();
            if split.is_none() && under_image && tree.get_str(node, "tag").is_none_or(str::is_empty) {
                // `image: {repository: acme/api:1}`: the whole reference in one field.
                for value in ["repository", "name"].iter().filter_map(|key| tree.get(node, key)) {
                    finder.add_tagged_image(value);
                }
            }
            let known: Vec<NodeId> = split.iter().chain(&flat).flat_map(Fields::nodes).collect();
            let of_others = finder.sites.len();
            for mut fields in split.into_iter().chain(flat) {
                // A `hub`, or a repository before an image, is more than a registry.
                let registry = ["registry", "imageRegistry"].iter().find_map(|key| tree.get(node, key));
                // It takes the place of the image's own; `global.image.registry` stands for one that has none, too (ingress-nginx).
                let takes_global = match fields.registry {
                    Some(_) => fields.registry == registry,
                    None => {
                        global.is_some_and(|global| tree.key_of(global) == Some("registry"))
                            && !fields.repository.is_some_and(|name| has_host(tree.written(name)))
                    }
                };
                if global.is_some() && takes_global {
                    fields.registry = global;
                }
                finder.add_fields(fields, true);
                if fields.repository.is_some_and(|repository| is_default(tree, repository)) {
                    finder.skip_last(Skip::SharedTag);
                }
                if driver_images::is_one(tree, node) {
                    finder.skip_last(Skip::TagElsewhere);
                }
            }
            let is_named =
                finder.sites[of_others..].iter().any(|site| site.state != State::Skipped(Skip::Empty));
            if !(under_image && is_named) {
                let known = if is_named { known.as_slice() } else { &[] };
                partial_images::of_mapping(finder, node, under_image, known);
            }
            if !is_named && under_image {
                name_in_registry(finder, node);
            }
            let images = tree.key_of(node).is_some_and(is_images_key);
            let below_images = !images && is_below_images(tree, node);
            for (key, value) in entries {
                let resolved = tree.resolve(*value);
                let is_image = tree.text_of(*key).is_some_and(is_image_key);
                if tree.is_scalar(resolved) {
                    text(finder, *value);
                    let is_whole = is_image && !repositories.contains(&resolved) && whole(finder, *value);
                    let is_open = !repositories.contains(&resolved) && !is_whole && !under_image;
                    if is_open && is_image {
                        partial_images::of_scalar(finder, *value);
                    }
                    if is_open {
                        without_tag(finder, *value);
                    }
                    // `actionsRunnerRepositoryAndTag: acme/runner:1`
                    let is_told =
                        || tree.text_of(*key).is_some_and(|key| finder.catalogue.ends_in_image_key(key));
                    if !is_image && (images || (!repositories.contains(&resolved) && is_told())) {
                        finder.add_tagged_image(*value);
                    }
                    if below_images && !is_image {
                        image_below(finder, *value);
                    }
                } else {
                    // What an alias leads to is an image only here.
                    if is_image && resolved != *value {
                        match fields(tree, resolved, true) {
                            Some(fields) => finder.add_fields(fields, true),
                            None => partial_images::of_mapping(finder, *value, true, &[]),
                        }
                    }
                    walk(finder, *value, global);
                }
            }
        }
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
    }
}

/// Returns whether a mapping stands somewhere below `images`, in mappings alone.
fn is_below_images(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let above = std::iter::successors(tree.nodes[node].parent(), |at| tree.nodes[*at].parent());
    let mut keys = above.take_while(|at| tree.is_mapping(*at)).map(|at| tree.key_of(at));
    keys.any(|key| key.is_some_and(is_images_key))
}

/// Adds a scalar further down below `images`, among which anything may stand: what names its registry, or has a digest.
fn image_below(finder: &mut Finder<'_, '_>, node: NodeId) {
    let (tree, known) = (finder.tree, finder.sites.len());
    if names_registry(tree, node) {
        finder.add_tagged_image(node);
        return;
    }
    let named = Reference::parse(tree.string_of(node).unwrap_or_default());
    if named.is_ok_and(|image| image.tag().is_some() && image.digest().is_some()) {
        finder.add_tagged_image(node);
        // Another value has its registry.
        if finder.sites.len() > known && !tree.written(node).contains('/') {
            finder.skip_last(Skip::RegistryElsewhere);
        }
    }
}

/// Says which images a text of JSON names.
fn json_text(finder: &mut Finder<'_, '_>, node: NodeId, text: &str) {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else { return };
    let (mut open, mut found) = (vec![&json], Vec::new());
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Array(items) => open.extend(items.iter().rev()),
            serde_json::Value::Object(entries) => {
                found.extend(entries.get("image").and_then(|image| image.as_str()));
                open.extend(entries.values().rev());
            }
            _ => {}
        }
    }
    let is_named = |image: &&str| {
        Reference::parse(image).is_ok_and(|image| image.tag().is_some() || image.digest().is_some())
    };
    for image in found.into_iter().filter(is_named) {
        finder.add_in_other_language(node, "", image);
    }
}

/// Adds a text of several lines that may have containers in it: what a template puts into a pod as it is, objects beside it,
/// or the configuration of something that starts pods.
pub(super) fn text(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    if let Some(value) = tree.string_of(node).map(str::trim_start)
        && value.starts_with(['[', '{'])
        && value.contains("\"image\"")
        && finder.inside.is_none()
        && !finder.is_ignored(node)
    {
        json_text(finder, node, value);
        return;
    }
    let NodeKind::Scalar { value, style: ScalarStyle::Block } = tree.kind(node) else { return };
    if value.contains("image:") && !value.contains(RUNNERS) && !finder.is_ignored(node) {
        finder.add_text(node, TextForm::Pods, true);
    }
}

/// Adds the name of an image whose tag does not stand beside it: the chart has it, or other values.
fn without_tag(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    let is_named = |text: &str| {
        // `image: nginx` among what a container has
        let holder = || tree.nodes[tree.resolve(node)].parent().filter(|_| may_name_image(text));
        is_untagged_image(text)
            || (tree.key_of(node) == Some("image")
                && holder().is_some_and(|holder| container_keys::are_of_container(tree, holder)))
    };
    let is_one = tree.key_of(node).is_some_and(is_image_name_key)
        && tree.string_of(node).is_some_and(is_named)
        && !finder.is_ignored(node);
    if is_one {
        let (node, image) = (tree.resolve(node), tree.written(node).to_owned());
        finder.push(node, BTreeMap::new(), image, None, State::Skipped(Skip::TagElsewhere), None);
    }
}

/// Adds what `image: {registry: ghcr.io/acme/driver, tag: v1}` is, of which only the chart tells whether it puts a name behind
/// the registry.
fn name_in_registry(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    let scalar = |key: &str| tree.get(node, key).filter(|node| !tree.written(*node).is_empty());
    let (Some(registry), Some(tag)) = (scalar("registry"), scalar("tag")) else { return };
    let is_name = |text: &str| has_host(text) && is_untagged_image(text);
    let has_name = REPOSITORY_KEYS.iter().any(|key| scalar(key).is_some());
    if !has_name && tree.string_of(registry).is_some_and(is_name) {
        let fields = Fields { repository: Some(registry), tag: Some(tag), ..Fields::default() };
        finder.add_fields(fields, true);
        finder.skip_last(Skip::UnknownLocation);
    }
}

/// `images: {api: {repository: …}}`, `images: [{name: …}]`
pub(super) fn is_in_images(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let parent = tree.nodes[node].parent();
    parent.and_then(|parent| tree.key_of(parent)).is_some_and(is_images_key)
}

pub(super) fn flat_fields(tree: &SyntaxTree<'_>, mapping: NodeId) -> Vec<Fields> {
    let entries = tree.entries(mapping).iter().filter_map(|(key, value)| Some((tree.text_of(*key)?, *value)));
    flat_fields_of(tree, entries, &|key| tree.get(mapping, key))
}

/// Returns references that are split over keys with a common stem: `imageRepository` and `imageTag`, `initImage` and
/// `initImageTag` or `initImageVersion`, `proxy_image` and `proxy_image_tag`; an address (`image_location`) may have a plain
/// `tag` beside it. `get` returns what stands under a key beside the `entries`.
pub(super) fn flat_fields_of<'k>(
    tree: &SyntaxTree<'_>,
    entries: impl Iterator<Item = (&'k str, NodeId)>,
    get: &dyn Fn(&str) -> Option<NodeId>,
) -> Vec<Fields> {
    let scalar = |key: &str| get(key).filter(|node| tree.text_of(*node).is_some());
    let mut found = Vec::new();
    for (key, value) in entries {
        let Some(text) = tree.string_of(value) else { continue };
        const NAMES: [&str; 6] = ["Repository", "Repo", "Name", "_repository", "_repo", "_name"];
        const ADDRESSES: [&str; 6] = ["Location", "Path", "Address", "_location", "_path", "_address"];
        let without = |ends: &[&str]| ends.iter().find_map(|end| key.strip_suffix(end));
        let address = without(&ADDRESSES).filter(|_| has_host(text));
        let stem = address.or_else(|| without(&NAMES)).unwrap_or(key);
        // `image` and its siblings without a stem are `fields`.
        if !is_image_key(stem) || key == "image" || text.is_empty() || !is_name(text) {
            continue;
        }
        let sibling = |ends: &[&str]| ends.iter().find_map(|end| scalar(&format!("{stem}{end}")));
        let shorter = |image: &str| stem.strip_suffix(image).filter(|short| !short.is_empty());
        let beside = |image: &str, end: &str| scalar(&format!("{}{end}", shorter(image)?));
        let named_tag = sibling(&["Tag", "_tag"])
            .or_else(|| beside("Image", "Tag"))
            .or_else(|| beside("_image", "_tag"))
            .or_else(|| address.and_then(|_| scalar("tag")));
        // `{image_name: httpd, version: "2.4"}`
        let plain = || scalar("version").filter(|tag| looks_like_version(tree.written(*tag)));
        let is_image_name = || folded(key) == "imagename";
        let tag = named_tag
            .or_else(|| sibling(&["Version", "_version"]))
            .or_else(|| beside("_image", "_version").filter(|tag| looks_like_version(tree.written(*tag))))
            .or_else(|| plain().filter(|_| is_image_name()));
        let digest = sibling(&["Digest", "_digest"]);
        if tag.is_some() || digest.is_some() {
            let registry = sibling(&["Registry", "_registry"]);
            let repository = Some(tree.resolve(value));
            found.push(Fields {
                registry,
                repository,
                tag,
                digest,
                bare: false,
                has_version: named_tag.is_none(),
            });
        }
    }
    found
}

/// Returns whether a repository is what others build on: `defaultImageRepository` beside `defaultImageTag`, whose tag many
/// images share.
fn is_default(tree: &SyntaxTree<'_>, repository: NodeId) -> bool {
    tree.key_of(repository)
        .is_some_and(|key| key.starts_with("defaultImageRepo") || key.starts_with("defaultImage_repo"))
}

/// Adds a scalar under an image key where it is a reference with a tag or digest, comes from a template or a variable,
/// or stands in a list of containers. Returns whether it is one.
fn whole(finder: &mut Finder<'_, '_>, node: NodeId) -> bool {
    let tree = finder.tree;
    let Some(text) = tree.string_of(node) else { return false };
    let in_list = tree.nodes[node].parent().and_then(|parent| tree.nodes[parent].parent());
    let in_list = in_list.is_some_and(|list| {
        tree.is_sequence(list) || tree.key_of(list).is_some_and(|key| CONTAINER_LISTS.contains(&key))
    });
    let made_elsewhere = matches!(unresolvable(tree.written(node)), Some(Skip::Template | Skip::Variable));
    // Behind an image, a template may take the rest for a comment or for the next line.
    let first = text.split_whitespace().next().unwrap_or_default();
    let starts_as_image = || Reference::parse(first).is_ok_and(|first| first.tag().is_some());
    let is_one =
        has_tag_or_digest(tree, node) || made_elsewhere || starts_as_image() || (in_list && !text.is_empty());
    if is_one {
        finder.add_image(node);
    }
    is_one
}

/// Returns the split fields of a mapping, if it is one; `sure` where its key says that it is an image.
pub(super) fn fields(tree: &SyntaxTree<'_>, mapping: NodeId, sure: bool) -> Option<Fields> {
    tree.is_mapping(mapping)
        .then(|| fields_of(tree, tree.key_of(mapping), &|key| tree.get(mapping, key), sure))
        .flatten()
}

/// Does what [`fields`] does for what stands under `name`, of which `get` returns what stands under a key.
pub(super) fn fields_of(
    tree: &SyntaxTree<'_>,
    name: Option<&str>,
    get: &dyn Fn(&str) -> Option<NodeId>,
    sure: bool,
) -> Option<Fields> {
    let scalar = |key: &str| get(key).filter(|node| tree.text_of(*node).is_some());
    // Most mappings have none of these. A bare `name` may be anything.
    let may_be = |key: &&&str| sure || ["baseImage", "repository", "image"].contains(*key);
    let (key, mut repository) =
        REPOSITORY_KEYS.iter().filter(may_be).find_map(|key| scalar(key).map(|node| (*key, node)))?;
    let is_image = sure && name.is_some_and(is_image_key);
    let others = if is_image { NOT_BESIDE_IMAGE.as_slice() } else { NOT_BESIDE.as_slice() };
    if others.iter().any(|key| get(key).is_some()) {
        return None;
    }
    let digest = DIGEST_KEYS.iter().find_map(|(key, bare)| scalar(key).map(|node| (node, *bare)));
    let own_tag = TAG_KEYS.iter().find_map(|key| scalar(key));
    let named_tag = own_tag.or_else(|| ["imageVersion", "image_version"].iter().find_map(|key| scalar(key)));
    let mut tag = named_tag.or_else(|| scalar("version"));
    let mut registry = REGISTRY_KEYS.iter().find_map(|key| scalar(key));
    let certain = match key {
        "repository" => {
            let of_sources = name.is_some_and(is_source_key);
            let of_images = registry.is_some() || get("pullPolicy").is_some();
            let told = named_tag.is_some() && (!of_sources || of_images);
            sure || told || digest.is_some() || scalar("image").is_some()
        }
        "image" => {
            let name = tree.string_of(repository).unwrap_or_default();
            let has_version = || tag.is_some_and(|tag| is_tag(tree.written(tag))) && may_name_image(name);
            named_tag.is_some() || (sure && (tag.is_some() || digest.is_some())) || has_version()
        }
        // Prometheus' operator reads its `version` as the tag, and as more than the tag.
        "baseImage" => {
            tag = named_tag;
            sure
        }
        _ => sure && (tag.is_some() || digest.is_some()),
    };
    // `{repository: nvcr.io/nvidia, image: driver, version: …}`: the name is both.
    if key == "repository"
        && let Some(image) = scalar("image").filter(|image| tree.string_of(*image).is_some_and(is_name))
    {
        if registry.is_some() {
            return None;
        }
        (registry, repository) = (Some(repository), image);
    }
    // `{repository: registry.example.com, name: api, tag: …}`
    if key == "repository"
        && registry.is_none()
        && sure
        && tree.string_of(repository).is_some_and(is_namespace)
        && let Some(image) = scalar("name").filter(|image| tree.string_of(*image).is_some_and(is_name))
    {
        (registry, repository) = (Some(repository), image);
    }
    let text = tree.string_of(repository).unwrap_or_default();
    // `image: repo:tag` beside a `version:` is a whole reference.
    // A template may make an image of any text at an image's `repository`.
    let is_text = text.contains(' ') && !(sure && key == "repository");
    // `repository: registry.example.com`: the names stand elsewhere.
    let is_registry = key == "repository" && registry.is_none() && is_host(text);
    if !certain || has_tag_or_digest(tree, repository) || text.contains("://") || is_text || is_registry {
        return None;
    }
    let (digest, bare) = match digest {
        Some((node, bare)) => (Some(node), bare && !tree.string_of(node).unwrap_or_default().contains(':')),
        None => (None, false),
    };
    let has_version = !sure && key == "image" && own_tag.is_none();
    Some(Fields { registry, repository: Some(repository), tag, digest, bare, has_version })
}
