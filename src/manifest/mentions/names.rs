//! Which words may name a file, an object or a key of its data.

use super::commands::{self, BELOW, LENGTH_MAX, LENGTH_MIN, is_version};
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::path_from;

/// Keys that say which files something else is about.
const ABOUT: [&str; 5] = ["exclude", "ignore", "only", "paths-ignore", "paths_ignore"];

/// Keys above the paths for which a pipeline starts.
const STARTS: [&str; 8] = ["changes", "filter", "filters", "on", "pull_request", "push", "rules", "trigger"];

/// Keys of what the paths beside them are seen from.
const BASES: [&str; 2] = ["path", "chart"];

/// Returns the words of a scalar by which something else in the tree may be meant: as it stands there, and as it is seen from
/// the directory that is named beside it.
pub(super) fn words(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Vec<String> {
    let Some(word) = word(tree, node, value) else { return Vec::new() };
    let bases = above(tree, node).take(4).flat_map(|mapping| BASES.map(|key| tree.get_str(mapping, key)));
    let below = |base: &str| path_from(base.trim_start_matches('/'), word);
    let based = bases.flatten().filter(|base| *base != value && !base.contains(':')).filter_map(below);
    let directory = is_of_deployer(tree, node).then(|| commands::directory_given(word)).flatten();
    let inside = directory.map(|directory| format!("{directory}{BELOW}"));
    std::iter::once(word.to_owned()).chain(based.filter(|_| word.contains('.'))).chain(inside).collect()
}

/// Returns whether a value is a directory from which a deployer takes objects that Terraform makes or is: an application of Argo CD, Flux
/// itself, a kustomization.
fn is_of_deployer(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    const KINDS: [&str; 5] = [
        "argocd_application",
        "argocd_application_set",
        "flux_bootstrap_git",
        "kustomization_build",
        "kustomization_overlay",
    ];
    tree.language == Language::Terraform
        && keys_above(tree, node).next().is_some_and(|key| matches!(key, "path" | "resources"))
        && keys_above(tree, node).any(|key| KINDS.contains(&key))
}

/// Returns the word that a scalar is, where that may name something.
pub(super) fn word<'v>(tree: &SyntaxTree<'_>, node: NodeId, value: &'v str) -> Option<&'v str> {
    // As kustomize names what a file becomes.
    let named = value.rsplit_once('=').filter(|(name, _)| !name.contains(char::is_whitespace));
    let word = named.map_or(value, |(_, file)| file);
    let is_short = !word.is_empty() && word.len() <= LENGTH_MAX;
    // Images, addresses and versions are no names; a whole tree is looked through for these.
    if !is_short || word.contains(|c: char| c.is_whitespace() || matches!(c, ':' | '@' | '(' | '"')) {
        return None;
    }
    // What is asked for by its kind may be called anything.
    let is_word = word.len() >= LENGTH_MIN && !is_version(word) || is_reference(tree, node);
    (is_word && !is_about_others(tree, node)).then_some(word)
}

/// Returns whether a scalar is the name in a reference to another object.
fn is_reference(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let mut keys = keys_above(tree, node);
    let is_name = keys.next().is_some_and(|key| key == "name" || key.ends_with("Name"));
    let is_held = keys.next().is_some_and(|holder| holder.ends_with("Ref") || holder.ends_with("From"));
    let has_kind = || above(tree, node).next().is_some_and(|mapping| tree.get(mapping, "kind").is_some());
    is_name && (is_held || has_kind())
}

/// Returns whether a scalar says what something else is about, or is the name of its own object.
pub(super) fn is_about_others(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let mut keys = keys_above(tree, node);
    let (key, holder) = (keys.next().unwrap_or_default(), keys.next());
    // Its own name.
    if key == "name" && holder == Some("metadata") && keys.next().is_none() {
        return true;
    }
    let starts = || key == "paths" && keys_above(tree, node).any(|key| STARTS.contains(&key));
    ABOUT.contains(&key) || starts()
}

/// Words in the names of actions that only look at the files that they are given, or keep them.
const LOOKING: [&str; 14] = [
    "artifact",
    "cache",
    "check",
    "checkov",
    "conftest",
    "datree",
    "kube-score",
    "kubeconform",
    "kubeval",
    "lint",
    "scan",
    "trivy",
    "upload",
    "valid",
];

/// Stands for names that are said to what only looks at files.
pub(super) const LOOKED_AT: &str = "(looked at)";

/// Returns what tells a name that is said to an action that only looks at files from others.
pub(super) fn looked_at(tree: &SyntaxTree<'_>, node: NodeId) -> &'static str {
    let mut mappings = above(tree, node).skip(1);
    let action = mappings
        .find_map(|mapping| tree.get_str(mapping, "uses"))
        .filter(|_| keys_above(tree, node).nth(1) == Some("with"));
    let looks =
        |action: &str| LOOKING.iter().any(|word| action.split('@').next().unwrap_or(action).contains(word));
    if action.is_some_and(looks) { LOOKED_AT } else { "" }
}

/// Returns the nearest key above a node.
pub(super) fn key_of<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> Option<&'t str> {
    keys_above(tree, node).next()
}

/// Returns the keys above a node, the nearest first.
pub(super) fn keys_above<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> impl Iterator<Item = &'t str> {
    let nodes = std::iter::once(node).chain(above(tree, node));
    nodes.filter_map(|node| {
        let (parent, index) = (tree.nodes[node].parent()?, tree.nodes[node].index());
        tree.text_of(tree.entries(parent).get(index)?.0)
    })
}

/// Returns the nodes above one, the nearest first.
pub(super) fn above(tree: &SyntaxTree<'_>, node: NodeId) -> impl Iterator<Item = NodeId> {
    std::iter::successors(tree.nodes[node].parent(), |node| tree.nodes[*node].parent())
}

/// Returns the variable of a module or a job that a variable of the environment gives a value (Terraform, "Environment Variables";
/// Nomad, "Variables").
pub(super) fn given_by_environment(name: &str) -> Option<&str> {
    const PREFIXES: [&str; 3] = ["TF_VAR_", "NOMAD_VAR_", "PKR_VAR_"];
    PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))
}

/// Returns whether a text may be the name of a variable or a file.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Returns whether a key is a variable of a deployer and nothing else.
pub(super) fn is_variable(key: &str) -> bool {
    key.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(|name| !name.contains('}'))
}
