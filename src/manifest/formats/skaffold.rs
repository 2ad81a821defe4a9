//! Skaffold: which images it builds, in its own words (`build.artifacts`, also of profiles).

use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Returns the names of the images that the configuration at `root` builds; none where it is something else.
pub(in crate::manifest) fn artifacts(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<String> {
    if !tree.get_str(root, "apiVersion").is_some_and(|version| version.starts_with("skaffold/")) {
        return Vec::new();
    }
    let profiles = tree.get(root, "profiles").map(|profiles| tree.items(profiles)).unwrap_or_default();
    let builds = std::iter::once(&root).chain(profiles).filter_map(|part| tree.get(*part, "build"));
    let artifacts = builds.filter_map(|build| tree.get(build, "artifacts")).flat_map(|list| tree.items(list));
    artifacts.filter_map(|artifact| tree.get_str(*artifact, "image")).map(str::to_owned).collect()
}
