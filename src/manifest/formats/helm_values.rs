//! Helm values: split fields in the spellings that charts use, and whole references under `*image` keys.

use super::{Fields, Finder, Form};
use crate::manifest::yaml::{Kind, NodeId, Yaml};
use crate::reference::Reference;

/// Keys that hold a repository when a tag or digest stands beside them.
const REPOSITORY_KEYS: [&str; 5] = ["repository", "name", "image", "repo", "path"];
const REGISTRY_KEYS: [&str; 3] = ["registry", "hub", "imageRegistry"];
const TAG_KEYS: [&str; 3] = ["tag", "version", "imageTag"];
const DIGEST_KEYS: [(&str, bool); 4] =
    [("digest", false), ("imageDigest", false), ("sha", true), ("sha256", true)];

/// Tells whether `root` is a values file: by its name, or because a mapping splits an image into repository and tag.
pub(super) fn is_values(yaml: &Yaml<'_>, root: NodeId, path: &str) -> bool {
    if !yaml.is_mapping(root) || yaml.get(root, "apiVersion").is_some() {
        return false;
    }
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let named = name.starts_with("values") || name.contains("-values.") || name.contains(".values.");
    let in_directory = lower.split('/').rev().skip(1).any(|directory| directory == "values");
    named || in_directory || splits_an_image(yaml, root)
}

fn splits_an_image(yaml: &Yaml<'_>, node: NodeId) -> bool {
    match &yaml.nodes[node].kind {
        Kind::Mapping { entries, .. } => {
            let split = yaml.get_str(node, "repository").is_some() && yaml.get(node, "tag").is_some();
            (split && fields(yaml, node, false).is_some())
                || entries.iter().any(|(_, value)| splits_an_image(yaml, *value))
        }
        Kind::Sequence { items, .. } => items.iter().any(|item| splits_an_image(yaml, *item)),
        _ => false,
    }
}

/// Adds the sites below `values`.
pub(super) fn find(finder: &mut Finder<'_, '_>, values: NodeId) {
    let chart_wide = global_registry(finder.yaml, values);
    walk(finder, values, chart_wide);
}

/// `global.imageRegistry` and `global.image.registry` override the registry of every image of many charts.
fn global_registry(yaml: &Yaml<'_>, values: NodeId) -> Option<NodeId> {
    let global = yaml.get(values, "global")?;
    let registry = yaml
        .get(global, "imageRegistry")
        .or_else(|| yaml.get(global, "image").and_then(|image| yaml.get(image, "registry")))?;
    yaml.string_of(registry).filter(|text| !text.is_empty()).map(|_| registry)
}

fn walk(finder: &mut Finder<'_, '_>, node: NodeId, global: Option<NodeId>) {
    match &finder.yaml.nodes[node].kind {
        Kind::Sequence { items, .. } => {
            for item in items.clone() {
                walk(finder, item, global);
            }
        }
        Kind::Mapping { entries, .. } => {
            let under_image = finder.yaml.key_of(node).is_some_and(is_image_key);
            let split = fields(finder.yaml, node, under_image);
            if let Some(mut fields) = split {
                if global.is_some() && fields.registry.is_some() {
                    fields.registry = global;
                }
                finder.add_fields(fields, true);
            }
            for (key, value) in entries.clone() {
                let is_scalar =
                    matches!(finder.yaml.nodes[finder.yaml.resolve(value)].kind, Kind::Scalar { .. });
                let image = is_scalar && finder.yaml.text_of(key).is_some_and(is_image_key);
                if image && split.is_none_or(|fields| fields.repository != Some(finder.yaml.resolve(value))) {
                    whole(finder, value);
                }
                walk(finder, value, global);
            }
        }
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
}

/// Tells whether values under this key are images: `image`, `sidecarImage`, `proxy_image`.
fn is_image_key(key: &str) -> bool {
    key.len() >= 5
        && key.is_char_boundary(key.len() - 5)
        && key[key.len() - 5..].eq_ignore_ascii_case("image")
}

/// Adds a scalar under an image key where it is a reference with a tag or digest, or stands in a list of containers.
fn whole(finder: &mut Finder<'_, '_>, node: NodeId) {
    let Some(text) = finder.yaml.string_of(node) else { return };
    let reference = Reference::parse(text.trim_end());
    let complete = reference.is_ok_and(|reference| reference.tag().is_some() || reference.digest().is_some());
    let in_list = finder.yaml.nodes[node].parent.and_then(|parent| finder.yaml.nodes[parent].parent);
    let in_list = in_list.is_some_and(|list| finder.yaml.is_sequence(list));
    if complete || (in_list && !text.is_empty()) {
        finder.add(node, Form::Image);
    }
}

/// Returns the split fields of a mapping, if it is one; `sure` where its key says that it is an image.
pub(super) fn fields(yaml: &Yaml<'_>, mapping: NodeId, sure: bool) -> Option<Fields> {
    if !yaml.is_mapping(mapping) {
        return None;
    }
    let scalar = |key: &str| yaml.get(mapping, key).filter(|node| yaml.text_of(*node).is_some());
    let tag = TAG_KEYS.iter().find_map(|key| scalar(key));
    let digest = DIGEST_KEYS.iter().find_map(|(key, bare)| scalar(key).map(|node| (node, *bare)));
    // `registry` + `repository` is an image wherever it stands; a bare `name` + `version` may be anything.
    let (key, repository) = REPOSITORY_KEYS.iter().find_map(|key| scalar(key).map(|node| (*key, node)))?;
    let named_tag = yaml.get(mapping, "tag").is_some() || yaml.get(mapping, "imageTag").is_some();
    let certain = match key {
        "repository" => sure || named_tag || digest.is_some(),
        "image" => named_tag || (sure && (tag.is_some() || digest.is_some())),
        _ => sure && (tag.is_some() || digest.is_some()),
    };
    let text = yaml.string_of(repository).unwrap_or_default();
    // `image: repo:tag` beside a `version:` is a whole reference.
    let whole = Reference::parse(text)
        .is_ok_and(|reference| reference.tag().is_some() || reference.digest().is_some());
    if !certain || whole || text.contains("://") || text.contains(' ') {
        return None;
    }
    let registry = REGISTRY_KEYS.iter().find_map(|key| scalar(key));
    Some(Fields {
        registry,
        repository: Some(repository),
        tag,
        digest: digest.map(|(node, _)| node),
        bare: digest
            .is_some_and(|(node, bare)| bare && !yaml.string_of(node).unwrap_or_default().contains(':')),
    })
}
