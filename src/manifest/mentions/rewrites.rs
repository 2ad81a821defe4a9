//! Which texts have a tool write images while they run: an admission policy, an override for a cluster, an event's parameters.

use super::names::{self, key_of, keys_above};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Keys whose paths are only read, and those that are judged where they stand.
const OTHERS: [&str; 6] = ["dataKey", "fieldPath", "fieldPaths", "fromFieldPath", "list", "sourcePath"];

/// Returns whether the text of a scalar says where an image is written, or is what writes it, and the digest is not beside it.
pub(super) fn is_one(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> bool {
    let is_there = is_path_of_image(value) && !is_judged(tree, node);
    let is_made = || value.to_ascii_lowercase().contains("image") || key_of(tree, node) == Some("image");
    let is_mutation = || {
        let has_expression = value.contains("{{") || value.contains("Object") || value.contains("JSONPatch");
        has_expression && is_made() && keys_above(tree, node).any(|key| key.starts_with("mutat"))
    };
    (is_there || is_mutation()) && !has_digest(tree, node) || is_override(tree, node, value)
}

/// Returns whether a scalar is the tag of an image whose digest is not beside it, as charts take it.
pub(super) fn is_tag_of_image(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let mut keys = keys_above(tree, node).map(str::to_ascii_lowercase);
    let is_tag = match keys.next().as_deref() {
        Some("tag") => keys.next().is_some_and(|above| above.contains("image")),
        Some(key) => key.ends_with("imagetag"),
        None => false,
    };
    is_tag && !has_digest(tree, node)
}

/// Returns whether a scalar writes a part of an image by the name of that part, as Karmada does, and no part beside it has a
/// digest.
fn is_override(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> bool {
    let Some(mapping) = tree.nodes[node].parent() else { return false };
    let is_part = match (tree.get_str(mapping, "component"), key_of(tree, node)) {
        (Some("Tag" | "Registry" | "Repository"), Some("value")) => true,
        (Some("Digest"), Some("operator")) => value == "remove",
        _ => false,
    };
    let all = tree.nodes[mapping].parent().unwrap_or(mapping);
    is_part && tree.original.get(tree.nodes[all].span()).is_some_and(|text| !text.contains("sha256:"))
}

/// Returns whether a text is a path, in any of the usual spellings, that leads to an image of a container or of an object.
fn is_path_of_image(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['"', '\'', ']']);
    let Some(above) = text.strip_suffix("image").filter(|above| above.ends_with(['.', '/', '"', '\'']))
    else {
        return false;
    };
    let is_spec = above.trim_start_matches(['$', '.', '/']).starts_with("spec");
    let is_path = !above.contains(char::is_whitespace) && (!above.contains(':') || above.contains("[name:"));
    is_path && (is_spec || above.contains("ontainers"))
}

/// Returns whether the path stands where nothing is written by it, or where another rule judges what is.
fn is_judged(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let is_patch = tree.nodes[node].parent().is_some_and(|parent| tree.get(parent, "op").is_some());
    is_patch || key_of(tree, node).is_some_and(|key| OTHERS.contains(&key))
}

/// Returns whether a digest stands in what says the path: in the mapping, or in the text itself.
fn has_digest(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let mapping = names::above(tree, node).find(|above| tree.is_mapping(*above)).unwrap_or(node);
    tree.original.get(tree.nodes[mapping].span()).is_some_and(|text| text.contains("sha256:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_to_images_are_told() {
        for path in [
            "spec.containers[name:*].image",
            "/spec/template/spec/containers/0/image",
            "spec.containers.0.image",
            ".spec.template.spec.containers[].image",
            "$.spec.template.spec.initContainers[0]['image']",
            "spec.image",
        ] {
            assert!(is_path_of_image(path), "{path}");
        }
        for other in [
            "image",
            "body.image",
            "docker.io/library/image",
            "spec.images",
            "a containers.image",
            "nginx/image",
        ] {
            assert!(!is_path_of_image(other), "{other}");
        }
    }
}
