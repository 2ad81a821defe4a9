//! The objects of a stream, and what they say of where they come from.

use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Kinds whose controllers render and apply something else, which is not in the stream.
const DEPLOYERS: [(&str, &str); 9] = [
    ("argoproj.io", "Application"),
    ("argoproj.io", "ApplicationSet"),
    ("fleet.cattle.io", "Bundle"),
    ("fleet.cattle.io", "GitRepo"),
    ("helm.cattle.io", "HelmChart"),
    ("helm.cattle.io", "HelmChartConfig"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("kapp.k14s.io", "App"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
];

/// The longest title, in characters: two names of an object at their longest (RFC 1123), and a kind.
const TITLE_MAX: usize = 600;

/// A Kubernetes object of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedObject {
    /// The kind.
    pub kind: String,
    /// The namespace, where it is written there.
    pub namespace: Option<String>,
    /// The name; a pod that is only created may have none.
    pub name: Option<String>,
    /// What it says of where it comes from.
    pub provenance: DeclaredOrigin,
    /// Whether its controller deploys something else, which is not in the stream.
    pub deploys: bool,
    /// Whether nothing in it is pulled, as far as the catalogue knows.
    pub is_not_pulled: bool,
}

/// What labels, annotations and the comment before an object say of where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredOrigin {
    /// `helm.sh/chart`, or what old charts have in its place.
    pub chart: Option<String>,
    /// The template of `# Source: …`, as `helm template` writes it.
    pub template: Option<String>,
    /// `app.kubernetes.io/managed-by`
    pub managed_by: Option<String>,
    /// The release of `meta.helm.sh/release-name`.
    pub release: Option<String>,
    /// The fields of `config.kubernetes.io/origin`, as kustomize writes it: `path`, `repo`, `ref` and others.
    pub origin: Vec<(String, String)>,
}

impl RenderedObject {
    fn new(tree: &SyntaxTree<'_>, object: NodeId, template: Option<&str>, catalogue: &Catalogue) -> Self {
        let text = |node: NodeId, key: &str| tree.get_str(node, key).map(str::to_owned);
        let (version, kind) = (text(object, "apiVersion").unwrap_or_default(), text(object, "kind"));
        let kind = kind.unwrap_or_default();
        let group = version.rsplit_once('/').map_or("", |(group, _)| group);
        let metadata = tree.get(object, "metadata");
        let of = |key: &str| metadata.and_then(|metadata| text(metadata, key));
        let below = |key: &str, name: &str| tree.get(metadata?, key).and_then(|node| text(node, name));
        let provenance = DeclaredOrigin {
            chart: below("labels", "helm.sh/chart").or_else(|| below("labels", "chart")),
            template: template.map(str::to_owned),
            managed_by: below("labels", "app.kubernetes.io/managed-by"),
            release: below("annotations", "meta.helm.sh/release-name"),
            origin: below("annotations", "config.kubernetes.io/origin")
                .map(|it| fields(&it))
                .unwrap_or_default(),
        };
        Self {
            namespace: of("namespace"),
            name: of("name").or_else(|| of("generateName")),
            provenance,
            deploys: DEPLOYERS.contains(&(group, kind.as_str())),
            is_not_pulled: catalogue.is_not_pulled(&version, &kind),
            kind,
        }
    }

    /// Returns the kind and the name, as people say it: `Deployment prod/api`.
    pub fn title(&self) -> String {
        let name = self.name.as_deref().unwrap_or("without a name");
        let title = match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{name}", self.kind),
            None => format!("{} {name}", self.kind),
        };
        // Names are short, unless somebody wants to hide behind one.
        title.chars().take(TITLE_MAX).collect()
    }
}

/// Returns the `key: value` lines of an annotation.
fn fields(text: &str) -> Vec<(String, String)> {
    let fields = text.lines().filter_map(|line| line.split_once(": "));
    fields.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

/// The objects of a document: each with the JSON pointer that leads to it.
#[derive(Debug, Default)]
pub(super) struct DocumentObjects {
    pub(super) objects: Vec<(String, RenderedObject)>,
    /// Why something in the document is not an object.
    pub(super) problem: Option<String>,
}

impl DocumentObjects {
    /// Returns the objects of the document at `root`; the items of lists are objects of their own, as `kubectl` has it.
    pub(super) fn of(
        tree: &SyntaxTree<'_>,
        root: NodeId,
        template: Option<&str>,
        catalogue: &Catalogue,
    ) -> Self {
        let mut found = Self::default();
        // Lists may stand in lists: as deep as the text is nested.
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            let is_object =
                tree.get_str(node, "apiVersion").is_some() && tree.get_str(node, "kind").is_some();
            if !is_object && node == root && tree.is_sequence(node) {
                open.extend(tree.items(node));
                continue;
            }
            if !is_object {
                let at = tree.pointer(node);
                let place = if at.is_empty() { "it".to_owned() } else { format!("`{at}`") };
                found.problem = Some(format!("{place} has no `apiVersion` and `kind`"));
                continue;
            }
            let object = RenderedObject::new(tree, node, template, catalogue);
            match tree.get(node, "items").filter(|items| tree.is_sequence(*items)) {
                // Whoever applies it applies the items, whatever the group is.
                Some(_) if object.is_not_pulled => {
                    let title = object.title();
                    found.problem =
                        Some(format!("{title} has `items`, and tagpin does not look into its kind"));
                }
                Some(items) if object.kind.ends_with("List") => open.extend(tree.items(items)),
                _ => {}
            }
            found.objects.push((tree.pointer(node), object));
        }
        found
    }
}
