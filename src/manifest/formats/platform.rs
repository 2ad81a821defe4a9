//! On which platform a workload runs, where its own manifest leaves no choice.

use super::finder::Finder;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::platform::Platform;

/// The labels of a node that say its architecture; the second until Kubernetes 1.14.
const ARCHITECTURE: [&str; 2] = ["kubernetes.io/arch", "beta.kubernetes.io/arch"];

const OS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

/// The operating system where none is asked for.
const LINUX: &str = "linux";

/// The architecture whose nodes differ in what they can run: the label does not say which variant they are.
const ARM: &str = "arm";

impl Finder<'_, '_> {
    /// Notes the platform that a workload asks for beside the image at `node`. An image that several workloads share
    /// through an anchor has none unless all ask for the same.
    pub(super) fn runs_on(&mut self, node: NodeId, platform: Option<Platform>) {
        let node = self.tree.resolve(node);
        let known = self.platforms.entry(node).or_insert_with(|| platform.clone());
        if *known != platform {
            *known = None;
        }
    }

    pub(super) fn set_platforms(&mut self) {
        for site in &mut self.sites {
            site.platform = self.platforms.get(&site.main).cloned().flatten().map(Box::new);
        }
    }
}

/// Returns the platform of the nodes that the pod spec at `spec` can run on, by its `nodeSelector` and its required node
/// affinity (Kubernetes API, PodSpec v1 core). `None` where there is none, several, or one whose image cannot be told by
/// its name: Windows images are for one build of Windows, 32-bit ARM has variants.
pub(super) fn of_pod(tree: &SyntaxTree<'_>, spec: NodeId) -> Option<Platform> {
    let architecture = label(tree, spec, &ARCHITECTURE)?;
    let linux = match label(tree, spec, &OS) {
        Some(os) => os == LINUX,
        // Nothing is said of it, or something that is not a single one.
        None => !names(tree, spec, &OS),
    };
    if !linux || architecture == ARM {
        return None;
    }
    Platform::parse(&format!("{LINUX}/{architecture}")).filter(Platform::is_known)
}

fn label<'y>(tree: &'y SyntaxTree<'_>, spec: NodeId, names: &[&str]) -> Option<&'y str> {
    let selected = selected(tree, spec, names);
    let terms = terms(tree, spec);
    // The terms are alternatives: each must want the same.
    let required = terms.iter().map(|term| required(tree, *term, names));
    one(selected.into_iter().chain(agreed(required)))
}

fn names(tree: &SyntaxTree<'_>, spec: NodeId, names: &[&str]) -> bool {
    let expressed = |term: &NodeId| {
        expressions(tree, *term).any(|expression| names.iter().any(|name| is_key(tree, expression, name)))
    };
    !selected(tree, spec, names).is_empty() || terms(tree, spec).iter().any(expressed)
}

fn selected<'y>(tree: &'y SyntaxTree<'_>, spec: NodeId, names: &[&str]) -> Vec<Option<&'y str>> {
    let Some(selector) = tree.get(spec, "nodeSelector") else { return Vec::new() };
    names.iter().filter_map(|name| tree.get(selector, name)).map(|value| known(tree, value)).collect()
}

fn terms<'y>(tree: &'y SyntaxTree<'_>, spec: NodeId) -> &'y [NodeId] {
    let path =
        ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
    let terms = path.iter().try_fold(spec, |node, key| tree.get(node, key));
    terms.map(|terms| tree.items(terms)).unwrap_or_default()
}

fn expressions<'y>(tree: &'y SyntaxTree<'_>, term: NodeId) -> impl Iterator<Item = NodeId> + 'y {
    tree.get(term, "matchExpressions").map(|list| tree.items(list)).unwrap_or_default().iter().copied()
}

fn is_key(tree: &SyntaxTree<'_>, expression: NodeId, name: &str) -> bool {
    tree.get_str(expression, "key") == Some(name)
}

fn required<'y>(tree: &'y SyntaxTree<'_>, term: NodeId, names: &[&str]) -> Option<&'y str> {
    let ours = expressions(tree, term).filter(|expression| {
        tree.get_str(*expression, "operator") == Some("In")
            && names.iter().any(|name| is_key(tree, *expression, name))
    });
    one(ours.map(|expression| {
        match tree.get(expression, "values").map(|values| tree.items(values)).unwrap_or_default() {
            [value] => known(tree, *value),
            _ => None,
        }
    }))
}

/// Returns the value that all alternatives want; nothing where one of them leaves it open.
fn agreed<'y>(mut wanted: impl Iterator<Item = Option<&'y str>>) -> Option<Option<&'y str>> {
    let first = wanted.next()??;
    wanted.all(|other| other == Some(first)).then_some(Some(first))
}

/// Returns the value that all conditions want; `None` where there are none, or they contradict each other.
fn one<'y>(mut wanted: impl Iterator<Item = Option<&'y str>>) -> Option<&'y str> {
    let first = wanted.next()??;
    wanted.all(|other| other == Some(first)).then_some(first)
}

/// Returns a value that is written here, not made by a template.
fn known<'y>(tree: &'y SyntaxTree<'_>, value: NodeId) -> Option<&'y str> {
    tree.string_of(value).filter(|_| !tree.is_masked(value))
}
