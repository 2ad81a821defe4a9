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
    format!("{} on {nodes}{is}", count(containers.len(), "container"))
}

/// Returns a container, and what its pod asks for where that is not `image`: something else by now, or still.
pub(crate) fn asking(container: &Container, image: &LiveImage) -> String {
    let asked = container.image.split('@').next().unwrap_or_default();
    let other = if asked == image.name { String::new() } else { format!(" as {}", one_line(asked)) };
    format!("{}{other}", place(container))
}

/// Returns what a node says of an image that no registry knows.
pub fn unknown(id: &str) -> String {
    format!("the node has `{}`, which is not a digest of a registry", one_line(id))
}

/// Returns a container, by its pod and its name.
pub fn place(container: &Container) -> String {
    let Container { namespace, pod, name, .. } = container;
    one_line(&format!("{namespace}/{pod} ({name})"))
}
