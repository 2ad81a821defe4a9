//! Words for what runs.

use std::collections::BTreeSet;

use super::compare::{Fit, LiveImage, RunningDigest};
use super::pods::Container;
use crate::text::{count, one_line};

/// Returns how many containers run a digest, on which nodes, and whether that is what is declared.
pub fn running_digest(running: &RunningDigest) -> String {
    let RunningDigest { fit, containers, .. } = running;
    let nodes: BTreeSet<&str> = containers.iter().map(|container| container.node.as_str()).collect();
    let nodes = nodes.into_iter().map(one_line).collect::<Vec<_>>().join(", ");
    let is = match fit {
        Fit::Declared => ", as declared".to_owned(),
        Fit::Platform => ", a platform of what is declared".to_owned(),
        Fit::Index => ", the index of what is declared".to_owned(),
        Fit::NoDigest | Fit::Other => String::new(),
        Fit::Unchecked(error) => format!(", not checked: {}", one_line(error)),
    };
    let on = if nodes.is_empty() { String::new() } else { format!(" on {nodes}") };
    format!("{}{on}{is}", count(containers.len(), "container"))
}

/// Returns that several containers run one digest, where they do.
pub(crate) fn agreement(image: &LiveImage) -> Option<String> {
    let all: usize = image.running.iter().map(|running| running.containers.len()).sum();
    let which = if all == 2 { "both".to_owned() } else { format!("all {all}") };
    (image.running.len() == 1 && all > 1).then(|| format!("{which} containers run the same digest"))
}

/// Returns a container, and what its pod asks for where that is not `image`: something else by now, or still.
pub(crate) fn asking(container: &Container, image: &LiveImage) -> String {
    let asked = container.image.split('@').next().unwrap_or_default();
    let other = if asked == image.name { String::new() } else { format!(" as {}", one_line(asked)) };
    let old = match &container.replica_set {
        Some(set) if set.is_old => format!(", of the old ReplicaSet {}", one_line(&set.name)),
        _ => String::new(),
    };
    format!("{}{other}{old}", place(container))
}

/// Returns what a node says of an image that no registry knows.
pub fn unknown(id: &str) -> String {
    if id.is_empty() {
        return "nothing says which digest was pulled".to_owned();
    }
    format!("the node has `{}`, which is not a digest of a registry", one_line(id))
}

/// Returns a container, by its pod and its name.
pub fn place(container: &Container) -> String {
    let Container { namespace, pod, name, .. } = container;
    let above = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
    let part = if name == pod { String::new() } else { format!(" ({name})") };
    one_line(&format!("{above}{pod}{part}"))
}
