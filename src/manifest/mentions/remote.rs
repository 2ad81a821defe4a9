//! What a deployer is told to take from elsewhere, so that nothing in the tree says what runs.

use super::names::{above, key_of};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Returns the address of the manifests that a command applies.
pub(super) fn applied(line: &str) -> Option<&str> {
    let is_applied = ["apply", "create", "replace"].iter().any(|word| line.contains(word));
    let mut words = line.split(|c: char| c.is_whitespace() || "\"'`=,;()<>".contains(c));
    let is_client = words.clone().any(|word| matches!(word, "kubectl" | "oc"));
    let address = words.find(|word| is_address(word) || word.starts_with("github.com/"));
    address.filter(|_| is_client && is_applied)
}

/// Returns the other revision that a scalar has Argo CD take of what this tree may have itself. A chart from a registry has a
/// version, and no path.
pub(super) fn revision(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Option<String> {
    let mapping = above(tree, node).find(|node| tree.is_mapping(*node))?;
    let path = tree.get_str(mapping, "path").filter(|_| key_of(tree, node) == Some("targetRevision"))?;
    let home = tree.get_str(mapping, "repoURL").unwrap_or_default();
    Some(format!("{path} of {value}{AT}{home}"))
}

/// Stands between a revision and the repository that it is of.
const AT: &str = " at ";

/// Returns the path and the repository of what [`revision`] tells, where it is of the branch that a repository is read at unless
/// somebody says another.
pub fn of_default_branch(told: &str) -> Option<(&str, &str)> {
    let (rest, home) = told.rsplit_once(AT)?;
    let (path, revision) = rest.rsplit_once(" of ")?;
    matches!(revision, "HEAD" | "main" | "master").then_some((path, home))
}

fn is_address(word: &str) -> bool {
    word.starts_with("https://") || word.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_applies_from_elsewhere_is_told() {
        let address = "https://example.com/main/d.yaml";
        for line in [
            format!("kubectl apply -f {address}"),
            format!("kubectl --context a create --filename={address}"),
            format!("curl -s {address} | kubectl apply -f -"),
        ] {
            assert_eq!(applied(&line), Some(address), "{line}");
        }
        for line in ["kubectl apply -f d.yaml", "curl -fsS https://example.com/ready", "kubectl get pods"] {
            assert_eq!(applied(line), None, "{line}");
        }
    }
}
