//! What a mapping says of an image as a whole, and none of its values by itself.

use super::image_like::{is_called_open, is_known, is_path, says_image};
use crate::manifest::partial_image::ends_in_digest;
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};
use crate::reference::Reference;

/// Keys that a patch may take away with a digest below them.
const TAKEN_AWAY: [&str; 14] = [
    "digest",
    "helm",
    "image",
    "images",
    "kustomize",
    "parameters",
    "postRenderers",
    "ref",
    "substitute",
    "substituteFrom",
    "tag",
    "values",
    "valuesFrom",
    "valuesObject",
];

/// Returns the images without a digest that a mapping says, and where: what an operation of a JSON patch or a merge takes away, an
/// image in its parts, what Compose pulls after all.
pub(super) fn images(tree: &SyntaxTree<'_>, node: NodeId, in_object: bool) -> Vec<(NodeId, String)> {
    let mut found: Vec<(NodeId, String)> = Vec::new();
    if let Some(path) = taken_by_operation(tree, node) {
        found.push((node, format!("{path}: (nothing)")));
    }
    let has_digest = || tree.original.get(tree.nodes[node].span()).is_some_and(|it| it.contains("sha256:"));
    if let (Some(registry), Some(name)) = (tree.get_str(node, "registry"), tree.get_str(node, "name"))
        && registry.contains('.')
        && is_called_open(&format!("{registry}/{name}"))
        && tree.get(node, "tag").is_none()
        && !has_digest()
    {
        found.push((node, format!("{registry}/{name}")));
    }
    if let (Some(hub), Some(tag)) = (tree.get_str(node, "hub"), tree.get_str(node, "tag"))
        && is_path(hub)
        && !ends_in_digest(tag)
    {
        // As Istio names those of its parts.
        found.push((tree.get(node, "tag").unwrap_or(node), format!("{hub}/…:{tag}")));
    }
    found.extend(beside_pinned(tree, node));
    if let Some(build) = tree.get(node, "build").filter(|build| tree.tag(*build).ends_with("reset")) {
        // Compose then pulls what it built.
        found.push((build, "build: !reset".to_owned()));
    }
    let is_written_over =
        |profiles: &NodeId| ["reset", "override"].iter().any(|it| tree.tag(*profiles).ends_with(it));
    if let Some(profiles) = tree.get(node, "profiles").filter(is_written_over) {
        // Compose then starts what it only started with a profile.
        found.push((profiles, format!("profiles: {}", tree.tag(profiles))));
    }
    let policy = tree.get_str(node, "pull_policy").filter(|policy| !matches!(*policy, "build" | "never"));
    if policy.is_some() && tree.get(node, "image").is_none() {
        // Compose pulls what it built elsewhere.
        let policy = tree.get(node, "pull_policy").unwrap_or(node);
        found.push((policy, format!("pull_policy: {}", tree.written(policy))));
    }
    for (key, value) in tree.entries(node) {
        let said = tree.text_of(*value).filter(|said| is_known(said) && is_called_open(said));
        if let Some(said) = said.filter(|_| tree.text_of(*key).is_none() || tree.tag(*key) == EXPRESSION) {
            // A key that is not known may be that of an image.
            found.push((*value, said.to_owned()));
        }
        let Some(key) = tree.text_of(*key) else { continue };
        if let Some(image) = joined(tree, *value).filter(|_| says_image(key)) {
            found.push((*value, image));
        }
        let takes_away = tree.is_null(*value) && TAKEN_AWAY.contains(&key)
            || key == "$patch" && tree.string_of(*value) == Some("replace")
            || TAKEN_AWAY.contains(&key) && tree.get_str(*value, "$patch").is_some();
        if in_object && takes_away {
            found.push((*value, format!("{key}: {}", tree.written(*value))));
        }
    }
    found
}

/// Returns the values of a mapping whose other values are all images with a digest, where these may be images without one.
fn beside_pinned(tree: &SyntaxTree<'_>, node: NodeId) -> Vec<(NodeId, String)> {
    let entries = tree.entries(node);
    // Beside an image that is called one stands what is none.
    if entries.iter().any(|(key, _)| tree.text_of(*key).is_none_or(says_image)) {
        return Vec::new();
    }
    let is_pinned = |value: &NodeId| tree.text_of(*value).is_some_and(|text| text.contains("@sha256:"));
    if entries.is_empty() || !entries.iter().any(|(_, value)| is_pinned(value)) {
        return Vec::new();
    }
    let others = entries.iter().map(|(_, value)| value).filter(|value| !is_pinned(value));
    let said = others.map(|value| Some((*value, tree.string_of(*value).filter(|it| is_called_open(it))?)));
    let all: Option<Vec<(NodeId, &str)>> = said.collect();
    all.unwrap_or_default().into_iter().map(|(value, said)| (value, said.to_owned())).collect()
}

/// Returns where an operation of a JSON patch takes an image or what holds one away.
fn taken_by_operation<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> Option<&'t str> {
    let (operation, path) = (tree.get_str(node, "op")?, tree.get_str(node, "path")?);
    let last =
        |key: &str| tree.get_str(node, key).and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let is_empty = |value: NodeId| match tree.kind(value) {
        NodeKind::Mapping { entries, .. } => entries.is_empty(),
        NodeKind::Sequence { items, .. } => items.is_empty(),
        _ => tree.is_null(value) || tree.text_of(value) == Some(""),
    };
    let taken = match operation {
        "remove" => last("path"),
        "move" => last("from"),
        "replace" | "add" if tree.get(node, "value").is_none_or(is_empty) => last("path"),
        _ => "",
    };
    TAKEN_AWAY.contains(&taken).then_some(path)
}

/// Returns the image that CloudFormation joins of its parts, where these are written there and none has a digest:
/// `!Join [":", [nginx, "1.27"]]`, `{"Fn::Join": …}`.
fn joined(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
    let list = match tree.tag(node).ends_with("Join") {
        true => node,
        false => tree.get(node, "Fn::Join")?,
    };
    let [between, parts] = tree.items(list) else { return None };
    let parts: Vec<&str> = tree.items(*parts).iter().filter_map(|part| tree.text_of(*part)).collect();
    let image = parts.join(tree.text_of(*between)?);
    let is_open = |image: &String| is_path(image.split(':').next().unwrap_or(image));
    let floats = Reference::parse(&image).is_ok_and(|image| image.digest().is_none());
    Some(image).filter(|image| floats && is_open(image))
}
