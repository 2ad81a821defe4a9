//! CircleCI: the values of parameters that jobs and executors take for their images.

use super::finder::Finder;
use super::module_texts::nodes;
use super::parameters::Parameters;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What has parameters of its own, here and in an orb that is written here.
const SCOPES: [&str; 6] =
    ["/jobs/*", "/executors/*", "/commands/*", "/orbs/*/jobs/*", "/orbs/*/executors/*", "/orbs/*/commands/*"];

/// Adds what parameters are by default, and what workflows give to those of jobs, where they are images wherever they are used, and
/// nothing else (CircleCI, "Reusable configuration reference"). Who takes a job may give it another value, so that what uses them stays a
/// placeholder.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let mut parameters = Parameters::default();
    let scopes: Vec<NodeId> = SCOPES.iter().flat_map(|path| nodes(tree, root, path)).collect();
    for scope in [root].iter().chain(&scopes) {
        for (name, declared) in named(tree, tree.get(*scope, "parameters")) {
            let parameter = parameters.declare(*scope, name);
            if let Some(default) = tree.get(declared, "default") {
                parameters.give(parameter, default);
            }
        }
    }
    if parameters.is_empty() {
        return;
    }
    for call in nodes(tree, root, "/workflows/*/jobs/[]/*") {
        let job = tree.key_of(call).and_then(|name| tree.get(tree.get(root, "jobs")?, name));
        let Some(job) = job.map(|job| tree.resolve(job)) else { continue };
        for (name, value) in named(tree, Some(call)) {
            if let Some(parameter) = parameters.of(job, name) {
                parameters.give(parameter, value);
            }
        }
    }
    uses(tree, root, &scopes, &mut parameters);
    parameters.add_images(finder);
}

/// Returns the entries of a mapping, by their keys.
fn named<'t>(tree: &'t SyntaxTree<'_>, mapping: Option<NodeId>) -> impl Iterator<Item = (&'t str, NodeId)> {
    let entries = mapping.map(|mapping| tree.entries(mapping)).unwrap_or_default();
    entries.iter().filter_map(|(key, value)| Some((tree.text_of(*key)?, *value)))
}

/// Adds how parameters are used in the texts below `root`.
fn uses(tree: &SyntaxTree<'_>, root: NodeId, scopes: &[NodeId], parameters: &mut Parameters<'_>) {
    let mut open = vec![(root, root)];
    while let Some((node, mut scope)) = open.pop() {
        if scopes.contains(&node) {
            scope = node;
        }
        let entries = tree.entries(node).iter().map(|(_, value)| value);
        open.extend(tree.items(node).iter().chain(entries).map(|below| (*below, scope)));
        let Some(text) = tree.text_of(node).filter(|text| text.contains("<<")) else { continue };
        let inners = text.split("<<").skip(1).filter_map(|rest| rest.split(">>").next());
        for inner in inners {
            let name = inner.trim();
            let used = match name.strip_prefix("pipeline.parameters.") {
                Some(name) => parameters.of(root, name),
                None => name.strip_prefix("parameters.").and_then(|name| parameters.of(scope, name)),
            };
            match used {
                Some(used) if text.len() == inner.len() + "<<>>".len() && is_image(tree, node) => {
                    parameters.is_image(used);
                }
                Some(used) => parameters.is_other(used),
                None => {}
            }
        }
    }
}

/// Returns whether a value is the image of a container: that of a machine is a disk.
fn is_image(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let list = tree.nodes[node].parent().and_then(|container| tree.nodes[container].parent());
    tree.key_of(node) == Some("image") && list.and_then(|list| tree.key_of(list)) == Some("docker")
}
