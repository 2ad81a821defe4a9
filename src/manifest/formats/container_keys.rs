//! What stands beside the image of a container, whatever describes it: Kubernetes, Compose, Nomad, and what was made after them.

use super::image_keys::folded;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Keys that only a container has.
const OWN: [&str; 15] = [
    "imagepullpolicy",
    "pullpolicy",
    "imagepullsecrets",
    "containername",
    "containerport",
    "containerports",
    "createoptions",
    "entrypoint",
    "volumemounts",
    "livenessprobe",
    "readinessprobe",
    "startupprobe",
    "healthcheck",
    "replicas",
    "restartpolicy",
];

/// Keys that other things have, too: two of them tell a container.
const SHARED: [&str; 16] = [
    "args",
    "command",
    "commands",
    "cpu",
    "dependson",
    "env",
    "environment",
    "envfrom",
    "expose",
    "memory",
    "port",
    "ports",
    "resources",
    "restart",
    "script",
    "volumes",
];

/// Returns whether a mapping with an `image` is a container, for all that its other keys tell.
pub(super) fn are_of_container(tree: &SyntaxTree<'_>, mapping: NodeId) -> bool {
    let keys = tree.entries(mapping).iter().filter_map(|(key, _)| tree.text_of(*key)).map(folded);
    let mut shared = 0;
    for key in keys {
        if OWN.contains(&key.as_str()) {
            return true;
        }
        shared += usize::from(SHARED.contains(&key.as_str()));
    }
    shared >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::syntax::yaml;

    #[test]
    fn keys_beside_an_image_tell_a_container() {
        for (text, expected) in [
            ("{image: nginx, imagePullPolicy: Always}", true),
            ("{image: nginx, container_name: web}", true),
            ("{image: nginx, ports: [80], env: {}}", true),
            ("{image: nginx, command: x}", false),
            ("{image: ubuntu-22-04-x64, region: fra1, size: small}", false),
            ("{image: cover, name: x, url: y}", false),
        ] {
            let tree = yaml::parse(text);
            assert_eq!(are_of_container(&tree, tree.documents[0].root.unwrap()), expected, "{text}");
        }
    }
}
