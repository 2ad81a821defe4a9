//! What a text says, however it is written: indentation, comments, quotes of another kind and empty lines aside.

use std::collections::HashMap;

use super::strict;
use super::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};
use super::syntax::yaml;
use crate::reference::Digest;

/// Returns what stands for the content of a node: the same for the same content.
pub(super) fn of_node(tree: &SyntaxTree<'_>, node: NodeId) -> String {
    if tree.masked.is_empty() {
        Contents { tree, known: HashMap::new() }.of(node)
    } else {
        of_bytes(tree.original.as_bytes())
    }
}

/// Returns what stands for the content of a text that is read as YAML, where every reader sees the same in it; otherwise of
/// its bytes.
pub(super) fn of_yaml(text: &str) -> String {
    let tree = yaml::parse(text);
    let roots: Vec<NodeId> = tree.documents.iter().filter_map(|document| document.root).collect();
    if roots.len() < tree.documents.len() || strict::reads_differ(text) {
        return of_bytes(text.as_bytes());
    }
    let mut contents = Contents { tree: &tree, known: HashMap::new() };
    let all: Vec<String> = roots.into_iter().map(|root| contents.of(root)).collect();
    of_bytes(all.join("\n").as_bytes())
}

/// Returns what stands for bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    Digest::sha256(bytes).hex().to_owned()
}

/// Returns what stands for a text that is no YAML: lines before the first and behind the last that says something are left
/// out, which are empty, or comments of nothing but words.
pub(super) fn of_template(text: &str) -> String {
    let says_nothing = |line: &str| {
        let words = |c: char| c.is_ascii_alphanumeric() || " \t.,;-_/()'".contains(c);
        let line = line.trim_matches([' ', '\t', '\r']);
        let comment = line.strip_prefix('#').filter(|comment| comment.chars().all(words));
        // Ansible takes settings from such a line.
        line.is_empty() || comment.is_some_and(|comment| !comment.contains("jinja"))
    };
    let lines: Vec<&str> = text.split('\n').collect();
    let first = lines.iter().position(|line| !says_nothing(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !says_nothing(line)).map_or(first, |last| last + 1);
    of_bytes(lines[first..last].join("\n").as_bytes())
}

struct Contents<'t, 'a> {
    tree: &'t SyntaxTree<'a>,
    /// What aliases lead to may be there many times.
    known: HashMap<NodeId, String>,
}

impl Contents<'_, '_> {
    fn of(&mut self, node: NodeId) -> String {
        let node = self.tree.resolve(node);
        if let Some(known) = self.known.get(&node) {
            return known.clone();
        }
        let mut text = format!("{}\0", self.tree.tag(node));
        match self.tree.kind(node) {
            NodeKind::Scalar { value, style } => {
                // `1` is a number, and `"1"` a text.
                text.push(if style == ScalarStyle::Plain { 'p' } else { 'q' });
                text.push_str(value);
            }
            NodeKind::Sequence { items, .. } => {
                text.push('s');
                let items: Vec<String> = items.iter().map(|item| self.of(*item)).collect();
                text.push_str(&items.concat());
            }
            NodeKind::Mapping { entries, .. } => {
                text.push('m');
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| self.of(*key) + &self.of(*value)).collect();
                text.push_str(&entries.concat());
            }
            NodeKind::Alias(_) => text.push('a'),
        }
        let content = of_bytes(text.as_bytes());
        self.known.insert(node, content.clone());
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_the_same_is_the_same() {
        let text = "a: {b: [1, \"2\"]}\n";
        for same in ["# x\na:\n  b: # y\n  - 1\n\n  - '2'\n", "\na: {\"b\": [1, \"2\"]}\n"] {
            // A key in quotes is a text either way, and told apart all the same.
            assert_eq!(of_yaml(text) == of_yaml(same), !same.contains("\"b\""), "{same}");
        }
        for other in
            ["a: {b: [1, 2]}\n", "a: {b: [1, \"2\", 3]}\n", "a: {b: [1, !!str \"2\"]}\n", "a: [\n", ""]
        {
            assert_ne!(of_yaml(text), of_yaml(other), "{other}");
        }
        assert_ne!(of_yaml("a: 1 # x\u{85}b: 2\n"), of_yaml("a: 1\n"));
    }
}
