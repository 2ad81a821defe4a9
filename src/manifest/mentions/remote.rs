//! What a deployer is told to take from elsewhere, so that nothing in the tree says what runs.

use super::names::{above, key_of};
use crate::manifest::syntax::source::{SourceText, text_of};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Returns the other revision that a scalar has Argo CD take of what this tree may have itself. A chart from a registry has a
/// version, and no path.
pub(super) fn revision(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Option<String> {
    let mapping = above(tree, node).find(|node| tree.is_mapping(*node))?;
    let path = tree.get_str(mapping, "path")?;
    let home = tree.get_str(mapping, "repoURL").unwrap_or_default();
    match key_of(tree, node)? {
        "targetRevision" => Some(format!("{path} of {value}{AT}{home}")),
        // Without one it is the branch that a repository is read at.
        "repoURL" if tree.get(mapping, "targetRevision").is_none() => {
            Some(format!("{path} of HEAD{AT}{home}"))
        }
        _ => None,
    }
}

/// Returns what a scalar has Flux fetch for those who deploy it: the address of a source, what of it, which part.
pub(super) fn source(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Option<String> {
    const KEYS: [&str; 9] =
        ["branch", "bucketName", "commit", "ignore", "name", "prefix", "semver", "tag", "url"];
    let root = above(tree, node).last()?;
    let is_source = tree.get_str(root, "apiVersion")?.starts_with("source.toolkit.fluxcd.io/")
        && matches!(tree.get_str(root, "kind")?, "Bucket" | "GitRepository");
    let spec = tree.get(root, "spec").filter(|_| is_source)?;
    let holder = above(tree, node).find(|node| tree.is_mapping(*node))?;
    let key = key_of(tree, node).filter(|key| KEYS.contains(key))?;
    let home = tree.get_str(spec, "url").unwrap_or_default();
    match key {
        // Where one is written, what is fetched is said there.
        "url" if holder == spec && tree.get(spec, "ref").is_none() => Some(format!(". of HEAD{AT}{value}")),
        "ignore" | "prefix" if holder == spec => Some(format!("{key}: {value}")),
        "bucketName" if holder == spec => {
            let endpoint = tree.get_str(spec, "endpoint").unwrap_or_default();
            Some(format!("the bucket {value}{AT}{endpoint}"))
        }
        _ if tree.get(spec, "ref") == Some(holder) => {
            let revision = value.strip_prefix("refs/heads/").unwrap_or(value);
            Some(format!(". of {revision}{AT}{home}"))
        }
        "name" if above(tree, holder).any(|above| tree.get(spec, "include") == Some(above)) => {
            Some(format!("include {value}"))
        }
        _ => None,
    }
}

/// Returns the name of the source and the path of it that a scalar has Flux deploy.
pub(super) fn deployed_source(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Option<String> {
    let (name, path, at) = source_of(tree, above(tree, node).last()?)?;
    (at == node && name == value).then(|| format!("{path}{OF_SOURCE}{name}"))
}

/// Returns the name of the source of a Flux `Kustomization`, the path of it, and where the name stands.
fn source_of<'t>(tree: &'t SyntaxTree<'_>, root: NodeId) -> Option<(&'t str, &'t str, NodeId)> {
    let is_kustomization = tree.get_str(root, "kind")? == "Kustomization"
        && tree.get_str(root, "apiVersion")?.starts_with("kustomize.toolkit.fluxcd.io/");
    let spec = tree.get(root, "spec").filter(|_| is_kustomization)?;
    let source =
        tree.get(spec, "sourceRef").filter(|it| tree.get_str(*it, "kind") == Some("GitRepository"))?;
    let name = tree.get(source, "name")?;
    Some((tree.string_of(name)?, tree.get_str(spec, "path").unwrap_or("./"), name))
}

/// Stands between a path and the source of Flux that it is of.
const OF_SOURCE: &str = " of the source ";

/// Returns the path and the source of Flux of what is told to be deployed from one.
pub fn of_source(told: &str) -> Option<(&str, &str)> {
    told.rsplit_once(OF_SOURCE)
}

/// Returns the names of the sources, and the paths of them, that Flux deploys by a file.
pub fn sources_in(path: &str, bytes: &[u8]) -> Vec<(String, String)> {
    let Ok(text) = text_of(bytes) else { return Vec::new() };
    let source = SourceText::new(text, path);
    let tree = source.parse();
    let roots = tree.documents.iter().filter_map(|document| document.root);
    let found = roots.filter_map(|root| source_of(&tree, root));
    found.map(|(name, path, _)| (name.to_owned(), path.to_owned())).collect()
}

/// Stands between a revision and the repository that it is of.
const AT: &str = " at ";

/// Returns the path and the repository of what [`revision`] tells, where it is of the branch that a repository is read at unless
/// somebody says another.
pub fn of_default_branch(told: &str) -> Option<(&str, &str)> {
    let (rest, home) = told.rsplit_once(AT)?;
    let (path, revision) = rest.rsplit_once(" of ")?;
    matches!(revision, "HEAD" | "main" | "master").then_some((path, home))
}
