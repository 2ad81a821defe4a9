//! Kubernetes objects: pod specs at any depth, and the catalogue's paths for custom resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::group_of;
use super::finder::Finder;
use super::object::{CONTAINER_LISTS, NOT_PULLED, is_object, other_container_lists};
use super::{
    argo_workflow, driver_images, helm_values, image_annotations, image_streams, locations,
    openshift_template, platform, tekton, uncatalogued, upgrade_plan,
};
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::site::{ObjectOwner, Skip, State, classify};
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};
use crate::reference::Digest;

/// The fields under which the kinds of the core API keep their pod template.
const POD_TEMPLATES: [&str; 3] = ["/spec/template", "/spec/jobTemplate/spec/template", "/template"];

pub(super) fn find(finder: &mut Finder<'_, '_>, object: NodeId) {
    let outer = finder.enter(object);
    let owner = finder.owner.take();
    let api_version = finder.tree.get_str(object, "apiVersion").unwrap_or_default().to_owned();
    let kind = finder.tree.get_str(object, "kind").unwrap_or_default().to_owned();
    let catalogue = finder.catalogue;
    let mut entries = catalogue.kubernetes(&api_version, &kind);
    let not_pulled = catalogue.is_not_pulled(&api_version, &kind);
    let of_others = finder.sites.len();
    // What is known of such an object in particular still counts.
    entries.retain(|entry| !not_pulled || entry.group.is_some());
    finder.set_aside(&entries, object);
    if !not_pulled {
        // In a template, what stands beside the name is not known.
        let complete = finder.tree.masked.is_empty() && !finder.is_patch;
        let annotatable = complete && owns_pod_template(finder.tree, object);
        let digests = Arc::new(if annotatable { digests(finder.tree, object) } else { BTreeMap::new() });
        let name = finder.object.name.clone();
        let (namespace, resolves_names) = image_streams::lookup_of(finder.tree, object);
        let (node, container, known) = (object, None, finder.sites.len());
        let owner = ObjectOwner { node, name, namespace, container, annotatable, digests, resolves_names };
        finder.owner = Some(owner);
        // Pod specs first: they know the container's name.
        pod_spec(finder, object);
        if let Some(metadata) = finder.tree.get(object, "metadata") {
            image_annotations::find(finder, metadata);
        }
        for (_, value) in finder.tree.entries(object) {
            walk(finder, *value);
        }
        image_streams::skip_triggered(finder, object, known);
    }
    if not_pulled {
        described(finder, object);
    }
    // Nobody else looks into the objects of one that describes them.
    let is_own = |tree: &SyntaxTree<'_>, node| not_pulled || !in_nested_object(tree, node, object);
    locations::find(finder, &entries, object, is_own);
    driver_images::skip(finder, object, group_of(&api_version), &kind);
    match group_of(&api_version) {
        "argoproj.io" => argo_workflow::find(finder, object),
        "tekton.dev" => tekton::find(finder, object),
        upgrade_plan::GROUP => upgrade_plan::find(finder, object),
        _ => {}
    }
    if !not_pulled {
        uncatalogued::find(finder, object);
    }
    if openshift_template::is_one(group_of(&api_version), &kind) {
        openshift_template::find(finder, object, of_others);
    }
    (finder.object, finder.owner) = (outer, owner);
}

/// Looks into an object of a kind that describes images. What has `items` is a list to `kubectl`, whatever its kind says
/// (k8s.io/apimachinery, `UnstructuredJSONScheme`); a container below may be one that something makes of it.
fn described(finder: &mut Finder<'_, '_>, object: NodeId) {
    let tree = finder.tree;
    let items = tree.get(object, "items").filter(|items| tree.is_sequence(*items));
    if items.is_some() {
        pod_spec(finder, object);
    }
    for item in items.map(|items| tree.items(items)).unwrap_or_default() {
        walk(finder, tree.resolve(*item));
    }
    let mut open: Vec<NodeId> = tree.entries(object).iter().rev().map(|(_, value)| *value).collect();
    // What is called a list and has no items is an object like any other.
    open.extend(items.is_none().then_some(object));
    while let Some(node) = open.pop() {
        if Some(node) == items || finder.ignored.contains(&node) {
            continue;
        }
        open.extend(tree.items(node).iter().rev().filter(|_| is_written(tree, node)));
        if !is_written(tree, node) {
            continue;
        }
        let lists = CONTAINER_LISTS.iter().flat_map(|list| tree.all(node, list));
        for container in lists.flat_map(|list| tree.items(list)) {
            let Some(image) = tree.get(*container, "image") else { continue };
            match classify(tree.written(image)) {
                (State::Floating, Some(reference)) => {
                    finder.look_away(LookAwayReason::Describes, image, reference.name().to_string());
                }
                // What is put together where it is used has a name before its tag, and no pattern in it.
                (State::Skipped(Skip::Template | Skip::Variable), _) if is_made(tree.written(image)) => {
                    finder.look_away(LookAwayReason::Describes, image, tree.written(image));
                }
                _ => {}
            }
        }
        if node == object {
            continue;
        }
        let is_free = |key: NodeId| tree.text_of(key).is_some_and(|key| NOT_PULLED.contains(&key));
        open.extend(
            tree.entries(node).iter().rev().filter(|(key, _)| !is_free(*key)).map(|(_, value)| *value),
        );
    }
}

/// Returns whether a text makes an image out of a variable: a pattern only asks for one.
fn is_made(text: &str) -> bool {
    (text.contains("{{") || text.contains('$')) && !text.contains(['*', '?', '|', '!', '<', '>', '&'])
}

/// Returns whether a node stands where it is written: what an alias leads to is looked at there.
fn is_written(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    tree.resolve(node) == node
}

/// A nested object has its own entries in the catalogue.
fn in_nested_object(tree: &SyntaxTree<'_>, node: NodeId, object: NodeId) -> bool {
    let mut at = tree.nodes[node].parent();
    while let Some(parent) = at {
        if parent == object {
            return false;
        }
        if is_object(tree, parent) {
            return true;
        }
        at = tree.nodes[parent].parent();
    }
    false
}

fn owns_pod_template(tree: &SyntaxTree<'_>, object: NodeId) -> bool {
    let named = tree.get(object, "metadata").is_some_and(|metadata| tree.get(metadata, "name").is_some());
    named
        && is_object(tree, object)
        && POD_TEMPLATES.iter().any(|path| {
            let template = path.split('/').skip(1).try_fold(object, |node, key| tree.get(node, key));
            template
                .and_then(|template| tree.get(template, "spec"))
                .is_some_and(|spec| tree.get(spec, "containers").is_some())
        })
}

fn digests(tree: &SyntaxTree<'_>, object: NodeId) -> BTreeMap<String, String> {
    let metadata = tree.get(object, "metadata");
    let Some(annotations) = metadata.and_then(|metadata| tree.get(metadata, "annotations")) else {
        return BTreeMap::new();
    };
    let entry = |(key, value): &(NodeId, NodeId)| {
        let (key, value) = (tree.text_of(*key)?, tree.text_of(*value)?);
        let is_digest = Digest::parse(value.split(' ').next()?).is_some();
        is_digest.then(|| (key.to_owned(), value.to_owned()))
    };
    tree.entries(annotations).iter().filter_map(entry).collect()
}

pub(super) fn find_in_part(finder: &mut Finder<'_, '_>, part: NodeId, path: &str) {
    let mut keys = path.rsplit('/').filter(|key| *key != "-" && key.parse::<usize>().is_err());
    if keys.next().is_some_and(|key| CONTAINER_LISTS.contains(&key)) {
        // One container, or the list of them.
        let tree = finder.tree;
        let containers = if tree.is_sequence(part) { tree.items(part).to_vec() } else { vec![part] };
        for image in containers.into_iter().filter_map(|container| tree.get(container, "image")) {
            finder.add_image(image);
        }
    }
    walk(finder, part);
    // Of a patch nobody says which kind it is for.
    let is_data =
        |key: &str| NOT_PULLED.contains(&key) || matches!(key, "data" | "stringData" | "binaryData");
    if !path.split('/').nth(1).is_some_and(is_data) {
        uncatalogued::walk(finder, part);
    }
}

/// Adds the containers in a text that may be anything: a list of them, pod specs and objects at any depth.
pub(super) fn find_in_text(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let is_container = |item: &&NodeId| tree.get_str(**item, "name").is_some();
    for image in tree.items(root).iter().filter(is_container).filter_map(|item| tree.get(*item, "image")) {
        finder.add_image(image);
    }
    walk(finder, root);
    let mut open = vec![root];
    while let Some(node) = open.pop().filter(|_| finder.inside.is_some()) {
        helm_values::text(finder, node);
        open.extend(tree.items(node));
        open.extend(tree.entries(node).iter().map(|(_, value)| *value).filter(|_| !is_object(tree, node)));
    }
}

/// Walks what is written below `node`. Aliases are not followed: what they point to is walked where it stands.
fn walk(finder: &mut Finder<'_, '_>, node: NodeId) {
    if finder.ignored.contains(&node) {
        return;
    }
    match finder.tree.kind(node) {
        NodeKind::Sequence { items, .. } => {
            for item in items {
                walk(finder, *item);
            }
        }
        NodeKind::Mapping { entries, .. } => {
            if is_object(finder.tree, node) {
                find(finder, node);
                return;
            }
            pod_spec(finder, node);
            for (key, value) in entries {
                match finder.tree.text_of(*key) {
                    Some("metadata") => image_annotations::find(finder, *value),
                    Some(key) if NOT_PULLED.contains(&key) => {}
                    _ => walk(finder, *value),
                }
            }
        }
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
    }
}

/// Returns whether Istio fills in `image: auto` (gateway injection): the container is its proxy, or the pod says that it
/// wants to be injected.
fn is_injected(tree: &SyntaxTree<'_>, spec: NodeId, container: NodeId) -> bool {
    const SIGNS: [(&str, &str); 4] = [
        ("labels", "sidecar.istio.io/inject"),
        ("labels", "istio.io/rev"),
        ("annotations", "sidecar.istio.io/inject"),
        ("annotations", "inject.istio.io/templates"),
    ];
    let metadata = tree.nodes[tree.resolve(spec)].parent().and_then(|pod| tree.get(pod, "metadata"));
    let is_there = |(map, key): &(&str, &str)| {
        let value = metadata.and_then(|metadata| tree.get_str(tree.get(metadata, map)?, key));
        value.is_some_and(|value| value != "false")
    };
    tree.get_str(container, "name") == Some("istio-proxy") || SIGNS.iter().any(is_there)
}

fn pod_spec(finder: &mut Finder<'_, '_>, spec: NodeId) {
    let tree = finder.tree;
    let lists = CONTAINER_LISTS.iter().flat_map(|list| tree.all(spec, list));
    let lists = lists.chain(other_container_lists(tree, spec));
    // A strategic merge patch may take a container away.
    let kept = |container: &&NodeId| tree.get_str(**container, "$patch") != Some("delete");
    let containers: Vec<&NodeId> = lists.flat_map(|list| tree.items(list)).filter(kept).collect();
    // A patch inside another file does not have the selector that counts.
    let asks = !finder.is_patch && !containers.is_empty();
    let platform = if asks { platform::of_pod(tree, spec) } else { None };
    for container in containers {
        if let Some(owner) = &mut finder.owner {
            owner.container = tree.get_str(*container, "name").map(str::to_owned);
        }
        for image in tree.all(*container, "image") {
            finder.runs_on(image, platform.clone());
            finder.add_image(image);
            if tree.string_of(image) == Some("auto") && is_injected(tree, spec, *container) {
                finder.skip_last(Skip::Placeholder);
            }
        }
    }
    if let Some(owner) = &mut finder.owner {
        owner.container = None;
    }
    let Some(volumes) = finder.tree.get(spec, "volumes") else { return };
    find_in_volumes(finder, finder.tree.items(volumes), None);
}

/// Adds the images of image volumes (KEP-4639), and of `image`, which is that of one.
pub(super) fn find_in_volumes(finder: &mut Finder<'_, '_>, volumes: &[NodeId], image: Option<NodeId>) {
    let tree = finder.tree;
    let images = volumes.iter().filter_map(|volume| tree.get(*volume, "image")).chain(image);
    for reference in images.filter_map(|image| tree.get(image, "reference")).collect::<Vec<_>>() {
        finder.add_image(reference);
    }
}
