//! What is not read though it reads like an image: what the settings say is none, and what only asks about images.

use std::collections::HashSet;

use super::{commands, names};
use crate::manifest::formats::catalogue::{BUILT_IN, Catalogue};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Keys of a suite of helm-unittest (DOCUMENT.md, "Test Suite").
const SUITE: [&str; 16] = [
    "capabilities",
    "chart",
    "documentIndex",
    "documentSelector",
    "excludeTemplates",
    "kubernetesProvider",
    "minimumVersion",
    "postRenderer",
    "release",
    "set",
    "skip",
    "suite",
    "template",
    "templates",
    "tests",
    "values",
];

/// Returns whether a document is a suite that compares what a chart makes, and nothing else.
fn is_suite(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> bool {
    let stem = path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml")).unwrap_or(path);
    let mut tests = tree.get(root, "tests").map(|tests| tree.items(tests)).unwrap_or_default().iter();
    let is_of_suite = |key: NodeId| tree.text_of(key).is_some_and(|key| SUITE.contains(&key));
    stem.ends_with("_test")
        && tests.any(|test| tree.get(*test, "asserts").is_some())
        && tree.entries(root).iter().all(|(key, _)| is_of_suite(*key))
}

/// Returns what is not an image in a document: what a test of a chart is given and expects, and what the operator's own locations say.
pub(super) fn set_aside(
    catalogue: &Catalogue,
    tree: &SyntaxTree<'_>,
    root: NodeId,
    path: &str,
) -> HashSet<NodeId> {
    if is_suite(tree, root, path) {
        return ["set", "tests"].iter().filter_map(|key| tree.get(root, key)).collect();
    }
    if catalogue.locations().len() == BUILT_IN.locations().len() {
        return HashSet::new();
    }
    let kinds = tree.get_str(root, "apiVersion").zip(tree.get_str(root, "kind"));
    let kinds = kinds.map(|(version, kind)| catalogue.kubernetes(version, kind)).unwrap_or_default();
    let all = kinds.into_iter().chain(catalogue.format(tree, root, path).all());
    let own = all.filter(|location| !location.is_built_in());
    own.flat_map(|location| &location.ignore).flat_map(|pattern| pattern.find(tree, root)).collect()
}

/// Returns whether a scalar asks for metrics or logs, as `up{image="nginx:1.27"}` does.
pub(super) fn is_query(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> bool {
    let is_named = names::key_of(tree, node).is_some_and(|key| matches!(key, "expr" | "query"));
    let is_one_line = !value.trim().contains('\n') && !value.contains(';');
    let is_command = || commands::commands(value).iter().any(|words| commands::is_run(words));
    is_named && is_one_line && value.contains('{') && value.contains("=\"") && !is_command()
}

/// Returns whether a text is for people: several words, of which none begins a command that runs an image, or a manifest.
pub(super) fn is_prose(text: &str) -> bool {
    let is_manifest = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ");
        ["image:", "kind:", "{"].iter().any(|start| line.starts_with(start))
    };
    text.trim().contains(char::is_whitespace)
        && !text.lines().any(is_manifest)
        && !commands::commands(text).iter().any(|words| commands::is_run(words))
}
