//! What Flux substitutes in the files below a path (Flux, Kustomization, `postBuild`), and the objects that it takes values
//! from.

use std::collections::BTreeMap;

use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::yaml;

/// A `Kustomization` of Flux with variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Substitution {
    /// The file that has it.
    pub(super) file: String,
    /// The directory below the root that it builds.
    pub(super) path: String,
    pub(super) values: BTreeMap<String, String>,
    /// The objects whose data count below that, the last one most.
    pub(super) from: Vec<String>,
}

/// A `ConfigMap`, or a `Secret` in plain text; also one that a kustomization makes.
#[derive(Clone, Debug, Default)]
pub(super) struct DataObject {
    pub(super) name: String,
    pub(super) data: BTreeMap<String, String>,
    /// Files with variables, relative to the file.
    pub(super) files: Vec<String>,
}

/// What a file says of variables.
#[derive(Clone, Debug, Default)]
pub(super) struct VariableSources {
    pub(super) substitutions: Vec<Substitution>,
    pub(super) objects: Vec<DataObject>,
    /// What the generators of each `ApplicationSet` may give to its template, one after the other.
    pub(super) generated: Vec<BTreeMap<String, String>>,
}

/// Returns whether something in the text may be a part of [`VariableSources`].
pub(super) fn may_say(text: &str) -> bool {
    ["substitute", "ConfigMap", "Secret", "Generator"].iter().any(|word| text.contains(word))
        || text.contains('\\')
}

/// Returns what the YAML of the file at `path` says of variables.
pub(super) fn read(path: &str, text: &str) -> VariableSources {
    let tree = yaml::parse(text);
    let mut said = VariableSources::default();
    for root in tree.documents.iter().filter_map(|document| document.root) {
        let items = tree.get(root, "items").map(|items| tree.items(items)).unwrap_or_default();
        for object in std::iter::once(&root).chain(items) {
            add(&tree, *object, path, &mut said);
        }
    }
    said
}

fn add(tree: &SyntaxTree<'_>, object: NodeId, path: &str, said: &mut VariableSources) {
    let version = tree.get_str(object, "apiVersion").unwrap_or_default();
    let kind = tree.get_str(object, "kind").unwrap_or_default();
    let list = |node: Option<NodeId>| node.map(|node| tree.items(node)).unwrap_or_default();
    if version.starts_with("kustomize.toolkit.fluxcd.io/") {
        let Some(spec) = tree.get(object, "spec") else { return };
        let Some(build) = tree.get(spec, "postBuild") else { return };
        let from = list(tree.get(build, "substituteFrom")).iter();
        said.substitutions.push(Substitution {
            file: path.to_owned(),
            path: normal(tree.get_str(spec, "path").unwrap_or_default()),
            values: tree.get(build, "substitute").map(|node| texts(tree, node)).unwrap_or_default(),
            from: from.filter_map(|from| tree.get_str(*from, "name").map(str::to_owned)).collect(),
        });
        return;
    }
    if kind == "ApplicationSet" {
        let generators = tree.get(object, "spec").and_then(|spec| tree.get(spec, "generators"));
        let mut open: Vec<NodeId> = generators.into_iter().collect();
        while let Some(node) = open.pop() {
            let values = texts(tree, node);
            said.generated.extend((!values.is_empty()).then_some(values));
            let below = tree.entries(node).iter().map(|(_, value)| value).chain(tree.items(node));
            // What an alias leads to stands in the tree by itself.
            open.extend(below.filter(|node| tree.resolve(**node) == **node));
        }
        return;
    }
    if matches!(kind, "ConfigMap" | "Secret") {
        let name = tree.get(object, "metadata").and_then(|metadata| tree.get_str(metadata, "name"));
        let data = ["data", "stringData"].iter().filter_map(|key| tree.get(object, key));
        let data = data.flat_map(|node| texts(tree, node)).collect();
        said.objects.extend(name.map(|name| DataObject { name: name.to_owned(), data, files: Vec::new() }));
    }
    for generator in
        ["configMapGenerator", "secretGenerator"].iter().flat_map(|key| list(tree.get(object, key)))
    {
        let Some(name) = tree.get_str(*generator, "name") else { continue };
        let literals = list(tree.get(*generator, "literals")).iter().filter_map(|it| tree.string_of(*it));
        let data = literals.filter_map(|text| text.split_once('='));
        let data =
            data.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())).collect();
        let files = list(tree.get(*generator, "envs")).iter().filter_map(|it| tree.string_of(*it));
        let files = files.chain(tree.get_str(*generator, "env")).map(str::to_owned).collect();
        said.objects.push(DataObject { name: name.to_owned(), data, files });
    }
}

fn texts(tree: &SyntaxTree<'_>, mapping: NodeId) -> BTreeMap<String, String> {
    let entry = |(key, value): &(NodeId, NodeId)| {
        let (key, value) = (tree.text_of(*key)?, tree.text_of(*value)?);
        // Whole files are no variables.
        (!value.contains('\n')).then(|| (key.to_owned(), value.to_owned()))
    };
    tree.entries(mapping).iter().filter_map(entry).collect()
}

/// Returns a path below the root without what says nothing.
pub(super) fn normal(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}
