//! On which platform a workload runs, where its own manifest leaves no choice.

use super::Finder;
use crate::manifest::syntax::tree::{NodeId, Yaml};
use crate::platform::Platform;

/// The labels of a node that say its architecture; the second until Kubernetes 1.14.
const ARCHITECTURE: [&str; 2] = ["kubernetes.io/arch", "beta.kubernetes.io/arch"];

/// The labels of a node that say its operating system.
const OS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

/// The operating system where none is asked for.
const LINUX: &str = "linux";

/// The architecture whose nodes differ in what they can run: the label does not say which variant they are.
const ARM: &str = "arm";

impl Finder<'_, '_> {
    /// Notes the platform that a workload asks for beside the image at `node`. An image that several workloads share
    /// through an anchor has none unless all ask for the same.
    pub(super) fn runs_on(&mut self, node: NodeId, platform: Option<Platform>) {
        let node = self.yaml.resolve(node);
        let known = self.platforms.entry(node).or_insert_with(|| platform.clone());
        if *known != platform {
            *known = None;
        }
    }

    /// Tells the sites what was noted.
    pub(super) fn set_platforms(&mut self) {
        for site in &mut self.sites {
            site.platform = self.platforms.get(&site.main).cloned().flatten();
        }
    }
}

/// Returns the platform of the nodes that the pod spec at `spec` can run on, by its `nodeSelector` and its required node
/// affinity (Kubernetes API, PodSpec v1 core). `None` where there is none, several, or one whose image cannot be told by
/// its name: Windows images are for one build of Windows, 32-bit ARM has variants.
pub(super) fn of_pod(yaml: &Yaml<'_>, spec: NodeId) -> Option<Platform> {
    let architecture = label(yaml, spec, &ARCHITECTURE)?;
    let linux = match label(yaml, spec, &OS) {
        Some(os) => os == LINUX,
        // Nothing is said of it, or something that is no single one.
        None => !names(yaml, spec, &OS),
    };
    if !linux || architecture == ARM {
        return None;
    }
    Platform::parse(&format!("{LINUX}/{architecture}")).filter(Platform::is_known)
}

/// Returns the one value that the nodes' label must have, under whichever of its names.
fn label<'y>(yaml: &'y Yaml<'_>, spec: NodeId, names: &[&str]) -> Option<&'y str> {
    let selected = selected(yaml, spec, names);
    let terms = terms(yaml, spec);
    // The terms are alternatives: each must want the same.
    let required = terms.iter().map(|term| required(yaml, *term, names));
    one(selected.into_iter().chain(agreed(required)))
}

/// Tells whether the label is spoken of at all.
fn names(yaml: &Yaml<'_>, spec: NodeId, names: &[&str]) -> bool {
    let expressed = |term: &NodeId| {
        expressions(yaml, *term).any(|expression| names.iter().any(|name| is_key(yaml, expression, name)))
    };
    !selected(yaml, spec, names).is_empty() || terms(yaml, spec).iter().any(expressed)
}

/// Returns what `nodeSelector` wants of the label.
fn selected<'y>(yaml: &'y Yaml<'_>, spec: NodeId, names: &[&str]) -> Vec<Option<&'y str>> {
    let Some(selector) = yaml.get(spec, "nodeSelector") else { return Vec::new() };
    names.iter().filter_map(|name| yaml.get(selector, name)).map(|value| known(yaml, value)).collect()
}

/// Returns the terms of the required node affinity.
fn terms<'y>(yaml: &'y Yaml<'_>, spec: NodeId) -> &'y [NodeId] {
    let path =
        ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
    let terms = path.iter().try_fold(spec, |node, key| yaml.get(node, key));
    terms.map(|terms| yaml.items(terms)).unwrap_or_default()
}

fn expressions<'y>(yaml: &'y Yaml<'_>, term: NodeId) -> impl Iterator<Item = NodeId> + 'y {
    yaml.get(term, "matchExpressions").map(|list| yaml.items(list)).unwrap_or_default().iter().copied()
}

fn is_key(yaml: &Yaml<'_>, expression: NodeId, name: &str) -> bool {
    yaml.get_str(expression, "key") == Some(name)
}

/// Returns the one value that a term's `In` expressions want of the label.
fn required<'y>(yaml: &'y Yaml<'_>, term: NodeId, names: &[&str]) -> Option<&'y str> {
    let ours = expressions(yaml, term).filter(|expression| {
        yaml.get_str(*expression, "operator") == Some("In")
            && names.iter().any(|name| is_key(yaml, *expression, name))
    });
    one(ours.map(|expression| {
        match yaml.get(expression, "values").map(|values| yaml.items(values)).unwrap_or_default() {
            [value] => known(yaml, *value),
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
fn known<'y>(yaml: &'y Yaml<'_>, value: NodeId) -> Option<&'y str> {
    yaml.string_of(value).filter(|_| !yaml.is_masked(value))
}
