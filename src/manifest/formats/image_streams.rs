//! OpenShift's ImageStreams: by their names a cluster finds images of its own, in the registry that it has inside.

use std::sync::Arc;

use serde_json::Value;

use super::finder::Finder;
use super::module_texts::nodes;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Which fields follow an ImageStream, as JSON (OpenShift, "Triggering updates on image stream changes").
const TRIGGERS: &str = "image.openshift.io/triggers";

/// Asks for names to be looked up among the ImageStreams of the namespace (OpenShift, "Using image streams with Kubernetes
/// resources").
const RESOLVE_NAMES: &str = "alpha.image.policy.openshift.io/resolve-names";

/// An ImageStream, as far as a document tells of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageStream {
    /// Its name.
    pub name: String,
    /// Its namespace, where it is written there.
    pub namespace: Option<String>,
    /// Its tags that are written there.
    pub tags: Vec<String>,
    /// Whether every object of its namespace finds it by its name (`lookupPolicy.local`).
    pub is_local: bool,
    /// Whether a build writes into it.
    pub is_built: bool,
}

/// Returns the ImageStreams that the document at `root` defines, or has a build write into; alone, or in a list or a template.
pub(in crate::manifest) fn image_streams(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<ImageStream> {
    let lists = ["items", "objects"].iter().filter_map(|key| tree.get(root, key));
    let objects = std::iter::once(&root).chain(lists.flat_map(|list| tree.items(list)));
    objects.filter_map(|object| image_stream(tree, *object)).collect()
}

fn image_stream(tree: &SyntaxTree<'_>, object: NodeId) -> Option<ImageStream> {
    let version = tree.get_str(object, "apiVersion")?;
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let (metadata, spec) = (tree.get(object, "metadata")?, tree.get(object, "spec"));
    let namespace = || tree.get_str(metadata, "namespace").map(str::to_owned);
    match (group, tree.get_str(object, "kind")?) {
        ("image.openshift.io" | "", "ImageStream") => {
            let policy = spec.and_then(|spec| tree.get(spec, "lookupPolicy"));
            let tags = spec.and_then(|spec| tree.get(spec, "tags")).map(|tags| tree.items(tags));
            let tags = tags.unwrap_or_default().iter().filter_map(|tag| tree.get_str(*tag, "name"));
            Some(ImageStream {
                name: tree.get_str(metadata, "name")?.to_owned(),
                namespace: namespace(),
                tags: tags.map(str::to_owned).collect(),
                is_local: policy.is_some_and(|policy| tree.get_str(policy, "local") == Some("true")),
                is_built: false,
            })
        }
        ("build.openshift.io" | "", "BuildConfig") => {
            let to = tree.get(tree.get(spec?, "output")?, "to")?;
            let name =
                tree.get_str(to, "name").filter(|_| tree.get_str(to, "kind") == Some("ImageStreamTag"));
            let (name, tag) = name?.split_once(':')?;
            let other = tree.get_str(to, "namespace").map(str::to_owned);
            Some(ImageStream {
                name: name.to_owned(),
                namespace: other.or_else(namespace),
                tags: vec![tag.to_owned()],
                is_local: false,
                is_built: true,
            })
        }
        _ => None,
    }
}

/// Returns the namespace of an object, where it is written there, and whether its names are looked up among ImageStreams.
pub(super) fn lookup_of(tree: &SyntaxTree<'_>, object: NodeId) -> (Option<Arc<str>>, bool) {
    let metadata = tree.get(object, "metadata");
    let namespace = metadata.and_then(|metadata| tree.get_str(metadata, "namespace")).map(Arc::from);
    let template = tree.get(object, "spec").and_then(|spec| tree.get(spec, "template"));
    let template = template.and_then(|template| tree.get(template, "metadata"));
    let asks = |metadata: NodeId| {
        let annotations = tree.get(metadata, "annotations")?;
        Some(matches!(tree.get_str(annotations, RESOLVE_NAMES)?, "*" | "Local"))
    };
    (namespace, metadata.and_then(asks).or_else(|| template.and_then(asks)).unwrap_or_default())
}

/// Skips the containers of `object` among the sites from `known` on that OpenShift gives the image of an ImageStream, whatever
/// stands there: by a trigger of a DeploymentConfig, or by the annotation for other workloads.
pub(super) fn skip_triggered(finder: &mut Finder<'_, '_>, object: NodeId, known: usize) {
    if known == finder.sites.len() {
        return;
    }
    let tree = finder.tree;
    let mut names: Vec<String> = Vec::new();
    if tree.get_str(object, "kind") == Some("DeploymentConfig") {
        let params = nodes(tree, object, "/spec/triggers/[type=ImageChange]/imageChangeParams").into_iter();
        let params = params.filter(|params| {
            tree.get(*params, "from").is_some_and(|from| tree.get_str(from, "kind") == Some("ImageStreamTag"))
        });
        let lists = params.filter_map(|params| tree.get(params, "containerNames"));
        let found = lists.flat_map(|list| tree.items(list)).filter_map(|name| tree.string_of(*name));
        names.extend(found.map(str::to_owned));
    }
    let annotations = tree.get(object, "metadata").and_then(|metadata| tree.get(metadata, "annotations"));
    if let Some(text) = annotations.and_then(|annotations| tree.get_str(annotations, TRIGGERS)) {
        names.extend(triggered(text));
    }
    for site in finder.sites.iter_mut().skip(known).filter(|_| !names.is_empty()) {
        let owner = site.owner.as_ref().filter(|owner| owner.node == object);
        let container = owner.and_then(|owner| owner.container.as_ref());
        let is_open = matches!(site.state, State::Floating | State::Pinned);
        if is_open && container.is_some_and(|container| names.contains(container)) {
            site.skip(Skip::ImageStream);
        }
    }
}

/// Returns the names of the containers whose images follow an ImageStream.
fn triggered(text: &str) -> Vec<String> {
    let triggers: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let is_paused = |trigger: &Value| match &trigger["paused"] {
        Value::Bool(is) => *is,
        value => value.as_str() == Some("true"),
    };
    let follows = |trigger: &&Value| trigger["from"]["kind"] == "ImageStreamTag" && !is_paused(trigger);
    let paths = triggers.iter().filter(follows).filter_map(|trigger| trigger["fieldPath"].as_str());
    paths.filter_map(container_in).map(str::to_owned).collect()
}

/// Returns the name in `spec.template.spec.containers[?(@.name=="web")].image`.
fn container_in(path: &str) -> Option<&str> {
    let rest = path.split_once("@.name==")?.1;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    rest[1..].split_once(quote).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_names_a_container() {
        let trigger = |path: &str, more: &str| {
            let path = path.replace('"', "\\\"");
            triggered(&format!(
                r#"[{{"from":{{"kind":"ImageStreamTag","name":"web:1"}},"fieldPath":"{path}"{more}}}]"#
            ))
        };
        let path = r#"spec.template.spec.containers[?(@.name=="web")].image"#;
        assert_eq!(trigger(path, ""), ["web"]);
        assert_eq!(trigger(&path.replace('"', "'"), r#","paused":"false""#), ["web"]);
        assert!(trigger(path, r#","paused":"true""#).is_empty());
        assert!(trigger("spec.template.spec.containers[0].image", "").is_empty());
        assert!(triggered("[").is_empty());
    }
}
