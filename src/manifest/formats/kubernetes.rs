//! Kubernetes objects: pod specs at any depth, and the catalogue's paths for custom resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Finder, Form, platform};
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::site::ObjectOwner;
use crate::manifest::syntax::tree::{NodeId, NodeKind, Yaml};
use crate::reference::Digest;

/// Lists of containers in a pod spec (Kubernetes API, PodSpec v1 core).
const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Subtrees that describe and do not pull: what the cluster reports back, free-form metadata, schemas.
pub(super) const NOT_PULLED: [&str; 3] = ["status", "metadata", "openAPIV3Schema"];

/// The fields under which the kinds of the core API keep their pod template.
const POD_TEMPLATES: [&str; 3] = ["/spec/template", "/spec/jobTemplate/spec/template", "/template"];

/// Tells whether `node` is an object: `apiVersion` and `kind` are text.
pub(super) fn is_object(yaml: &Yaml<'_>, node: NodeId) -> bool {
    yaml.get_str(node, "apiVersion").is_some() && yaml.get_str(node, "kind").is_some()
}

/// Adds the sites of an object, and of the objects inside it.
pub(super) fn find(finder: &mut Finder<'_, '_>, object: NodeId) {
    let outer = (finder.kind.take(), finder.name.take(), finder.owner.take());
    let api_version = finder.yaml.get_str(object, "apiVersion").unwrap_or_default().to_owned();
    let kind = finder.yaml.get_str(object, "kind").unwrap_or_default().to_owned();
    let catalogue = finder.catalogue;
    let mut entries = catalogue.kubernetes(&api_version, &kind);
    let not_pulled = catalogue.is_not_pulled(&api_version, &kind);
    // What is known of such an object in particular still counts.
    entries.retain(|entry| !not_pulled || entry.group.is_some());
    finder.kind = Some(kind);
    let metadata = finder.yaml.get(object, "metadata");
    finder.name = metadata.and_then(|it| finder.yaml.get_str(it, "name")).map(str::to_owned);
    finder.set_aside(&entries, object);
    if !not_pulled {
        // In a template, what stands beside the name is not known.
        let complete = finder.yaml.masked.is_empty() && !finder.is_patch;
        let annotatable = complete && owns_pod_template(finder.yaml, object);
        let digests = Arc::new(if annotatable { digests(finder.yaml, object) } else { BTreeMap::new() });
        let metadata = finder.yaml.get(object, "metadata");
        let name = metadata.and_then(|metadata| finder.yaml.get_str(metadata, "name")).map(str::to_owned);
        finder.owner = Some(ObjectOwner { node: object, name, container: None, annotatable, digests });
        // Pod specs first: they know the container's name.
        for (_, value) in finder.yaml.entries(object).to_vec() {
            walk(finder, value);
        }
    }
    finder.add_locations(&entries, object, |yaml, node| !in_nested_object(yaml, node, object));
    (finder.kind, finder.name, finder.owner) = outer;
}

/// A nested object has its own entries in the catalogue.
fn in_nested_object(yaml: &Yaml<'_>, node: NodeId, object: NodeId) -> bool {
    let mut at = yaml.nodes[node].parent;
    while let Some(parent) = at {
        if parent == object {
            return false;
        }
        if is_object(yaml, parent) {
            return true;
        }
        at = yaml.nodes[parent].parent;
    }
    false
}

fn owns_pod_template(yaml: &Yaml<'_>, object: NodeId) -> bool {
    let named = yaml.get(object, "metadata").is_some_and(|metadata| yaml.get(metadata, "name").is_some());
    named
        && POD_TEMPLATES.iter().any(|path| {
            let template = path.split('/').skip(1).try_fold(object, |node, key| yaml.get(node, key));
            template
                .and_then(|template| yaml.get(template, "spec"))
                .is_some_and(|spec| yaml.get(spec, "containers").is_some())
        })
}

/// Returns the object's annotations whose values start with a digest.
fn digests(yaml: &Yaml<'_>, object: NodeId) -> BTreeMap<String, String> {
    let metadata = yaml.get(object, "metadata");
    let Some(annotations) = metadata.and_then(|metadata| yaml.get(metadata, "annotations")) else {
        return BTreeMap::new();
    };
    let entry = |(key, value): &(NodeId, NodeId)| {
        let (key, value) = (yaml.text_of(*key)?, yaml.text_of(*value)?);
        let is_digest = Digest::parse(value.split(' ').next()?).is_some();
        is_digest.then(|| (key.to_owned(), value.to_owned()))
    };
    yaml.entries(annotations).iter().filter_map(entry).collect()
}

/// Tells whether `object` names images without pulling them.
pub(super) fn is_not_pulled(yaml: &Yaml<'_>, catalogue: &Catalogue, object: NodeId) -> bool {
    let text = |key| yaml.get_str(object, key).unwrap_or_default();
    catalogue.is_not_pulled(text("apiVersion"), text("kind"))
}

/// Adds the sites in a part of an object that stands at `path` in it, as a patch has it.
pub(super) fn find_in_part(finder: &mut Finder<'_, '_>, part: NodeId, path: &str) {
    let mut keys = path.rsplit('/').filter(|key| *key != "-" && key.parse::<usize>().is_err());
    if keys.next().is_some_and(|key| CONTAINER_LISTS.contains(&key)) {
        // One container, or the list of them.
        let yaml = finder.yaml;
        let containers = if yaml.is_sequence(part) { yaml.items(part).to_vec() } else { vec![part] };
        for image in containers.into_iter().filter_map(|container| yaml.get(container, "image")) {
            finder.add(image, Form::Image);
        }
    }
    walk(finder, part);
}

/// Walks what is written below `node`. Aliases are not followed: what they point to is walked where it stands.
fn walk(finder: &mut Finder<'_, '_>, node: NodeId) {
    if finder.ignored.contains(&node) {
        return;
    }
    match &finder.yaml.nodes[node].kind {
        NodeKind::Sequence { items, .. } => {
            for item in items.clone() {
                walk(finder, item);
            }
        }
        NodeKind::Mapping { entries, .. } => {
            if is_object(finder.yaml, node) {
                find(finder, node);
                return;
            }
            pod_spec(finder, node);
            for (key, value) in entries.clone() {
                let described = finder.yaml.text_of(key).is_some_and(|key| NOT_PULLED.contains(&key));
                if !described {
                    walk(finder, value);
                }
            }
        }
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
    }
}

/// Adds the containers and image volumes of a mapping that has them.
fn pod_spec(finder: &mut Finder<'_, '_>, spec: NodeId) {
    let yaml = finder.yaml;
    let lists = CONTAINER_LISTS.iter().flat_map(|list| yaml.all(spec, list));
    // A strategic merge patch may take a container away.
    let kept = |container: &&NodeId| yaml.get_str(**container, "$patch") != Some("delete");
    let containers: Vec<&NodeId> = lists.flat_map(|list| yaml.items(list)).filter(kept).collect();
    // A patch inside another file does not have the selector that counts.
    let asks = !finder.is_patch && !containers.is_empty();
    let platform = if asks { platform::of_pod(yaml, spec) } else { None };
    for container in containers {
        if let Some(owner) = &mut finder.owner {
            owner.container = yaml.get_str(*container, "name").map(str::to_owned);
        }
        for image in yaml.all(*container, "image") {
            finder.runs_on(image, platform.clone());
            finder.add(image, Form::Image);
        }
    }
    if let Some(owner) = &mut finder.owner {
        owner.container = None;
    }
    // Image volumes (KEP-4639).
    let Some(volumes) = finder.yaml.get(spec, "volumes") else { return };
    for volume in finder.yaml.items(volumes).to_vec() {
        let image = finder.yaml.get(volume, "image");
        if let Some(reference) = image.and_then(|image| finder.yaml.get(image, "reference")) {
            finder.add(reference, Form::Image);
        }
    }
}
