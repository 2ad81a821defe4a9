//! kustomization `images`: `newTag` is kept, `digest` set or added, `name` is a match key and never edited.

use std::collections::BTreeMap;

use super::finder::{Fields, Finder};
use crate::manifest::site::{Skip, State, Write, classify};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What kustomizations do to other files: an object that they change does not say itself what is deployed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kustomize {
    /// The image names that they override.
    pub overridden: Vec<String>,
    /// The files that they apply as patches, below the tree's root.
    pub patches: Vec<String>,
    /// The tags that they set without a digest.
    pub retagged: Vec<Retagged>,
    /// The files and directories below the tree's root whose images they override.
    pub bases: Vec<String>,
}

/// An entry of a kustomization's `images` that sets a tag and no digest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Retagged {
    /// The image name that it matches.
    pub name: String,
    /// Where the tag starts, in bytes of the text: its site's span starts there.
    pub start: usize,
}

/// Returns whether `root` is a kustomization or a component, by content first and file name second.
pub(super) fn is_kustomization(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> bool {
    let kind = tree.get_str(root, "kind");
    let ours = tree
        .get_str(root, "apiVersion")
        .is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"));
    match kind {
        Some("Kustomization" | "Component") if ours => true,
        Some(_) => false,
        // Both fields may be left out in a file of this name.
        None => {
            let name = path.rsplit('/').next().unwrap_or(path);
            matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
                && tree.is_mapping(root)
        }
    }
}

/// Adds what the document at `root` of the file at `path` does to other files, if it is a kustomization.
pub(in crate::manifest) fn kustomize(tree: &SyntaxTree<'_>, root: NodeId, path: &str, into: &mut Kustomize) {
    if is_kustomization(tree, root, path) {
        add_facts(tree, root, path, into);
    }
}

fn add_facts(tree: &SyntaxTree<'_>, root: NodeId, path: &str, into: &mut Kustomize) {
    let list = |key: &str| tree.get(root, key).map(|list| tree.items(list)).unwrap_or_default();
    into.overridden
        .extend(list("images").iter().filter_map(|entry| tree.get_str(*entry, "name")).map(str::to_owned));
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let patches = list("patches").iter().filter_map(|patch| tree.get_str(*patch, "path"));
    let patches =
        patches.chain(list("patchesStrategicMerge").iter().filter_map(|patch| tree.string_of(*patch)));
    into.patches.extend(patches.filter(|patch| !patch.contains('\n')).map(|patch| below(directory, patch)));
    let retagged = list("images").iter().filter_map(|entry| {
        let get = |key| tree.get(*entry, key);
        let tag =
            get("newTag").filter(|_| get("digest").is_none_or(|digest| tree.written(digest).is_empty()))?;
        let name = tree.get_str(*entry, "name")?.to_owned();
        Some(Retagged { name, start: tree.nodes[tree.resolve(tag)].span.start })
    });
    let known = into.retagged.len();
    into.retagged.extend(retagged);
    // Only with images do the prefilter's words make sure that every such document is read.
    if into.retagged.len() > known {
        let bases = ["resources", "components", "bases"].into_iter().flat_map(list);
        let bases = bases.filter_map(|base| tree.string_of(*base)).filter(|base| !is_remote(base));
        into.bases.extend(bases.map(|base| below(directory, base)));
    }
}

fn is_remote(resource: &str) -> bool {
    resource.contains("://") || resource.contains('?') || resource.contains('@') || resource.contains('\n')
}

/// Returns `path`, which is relative to `directory`, below the tree's root.
fn below(directory: &str, path: &str) -> String {
    let mut segments: Vec<&str> = directory.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    segments.join("/")
}

/// Adds one entry `{name, newName, newTag, digest}`.
pub(super) fn entry(finder: &mut Finder<'_, '_>, entry: NodeId) {
    let get = |key| finder.tree.get(entry, key);
    let (name, new_name, new_tag, digest) = (get("name"), get("newName"), get("newTag"), get("digest"));
    let Some(repository) = new_name.or(name) else { return };
    let fields = Fields { registry: None, repository: Some(repository), tag: new_tag, digest, bare: false };
    if digest.is_some()
        || new_tag.is_none_or(|tag| finder.tree.string_of(tag).is_none_or(|tag| tag.contains('@')))
    {
        finder.add_fields(fields, false);
        return;
    }
    // No digest field yet: kustomize defines one, so it is added below `newTag`.
    let (Some(tag), Some(name)) = (new_tag, finder.tree.string_of(repository)) else { return };
    let Some(tag_text) = finder.tree.string_of(tag) else { return };
    let image = format!("{name}:{tag_text}");
    let (mut state, reference) = classify(&image);
    // The field can only be added to a mapping that holds `newTag` itself, not through a merge key.
    let own = finder.tree.own_entry(finder.tree.resolve(entry), "newTag");
    let write = own.map(|(_, value)| Write::AddDigest { mapping: finder.tree.resolve(entry), after: value });
    if write.is_none() && !matches!(state, State::Skipped(_)) {
        state = State::Skipped(Skip::TagElsewhere);
    }
    let spans = finder.spans(&[
        ("name", name_node(finder.tree, entry)),
        ("repository", Some(repository)),
        ("tag", Some(tag)),
    ]);
    finder.push(finder.tree.resolve(tag), spans, image, reference, state, write);
}

fn name_node(tree: &SyntaxTree<'_>, entry: NodeId) -> Option<NodeId> {
    tree.get(entry, "newName").and_then(|_| tree.get(entry, "name"))
}

/// Adds one entry `[name=]newname[:tag][@digest]` (Argo CD, `kustomize edit set image`).
pub(super) fn string_entry(finder: &mut Finder<'_, '_>, node: NodeId) {
    let Some(text) = finder.tree.string_of(node) else { return };
    let text = text.trim_end_matches(['\n', '\r']);
    let prefix = text.find('=').map_or("", |at| &text[..=at]).to_owned();
    let new_name = &text[prefix.len()..];
    let tagged = new_name.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    if tagged {
        finder.add_scalar(node, &prefix);
    } else {
        let node = finder.tree.resolve(node);
        let state = match classify(new_name).0 {
            State::Skipped(skip) => State::Skipped(skip),
            _ => State::Skipped(Skip::TagElsewhere),
        };
        finder.push(node, BTreeMap::new(), new_name.to_owned(), None, state, None);
    }
}
