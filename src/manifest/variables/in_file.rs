//! An image that a variable of the same file stands for.

use std::collections::{HashMap, HashSet};

use crate::manifest::partial_image::ends_in_digest;
use crate::manifest::syntax::source::SourceText;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// What stands before the name of a variable, and the key below which a file says what it is: a matrix of GitHub, local values and
/// variables of Terraform, parameters of CircleCI. Those of GitLab and Azure have nothing before them.
const KINDS: [(&str, &str); 6] = [
    ("pipeline.parameters.", "parameters"),
    ("matrix.", "matrix"),
    ("local.", "locals"),
    ("var.", "variable"),
    ("parameters.", "parameters"),
    ("", "variables"),
];

/// What a variable stands in.
const QUOTES: [(&str, &str); 5] = [("${{", "}}"), ("<<", ">>"), ("${", "}"), ("$(", ")"), ("$", "")];

/// What a file says its own variables are.
#[derive(Default)]
pub(in crate::manifest) struct OwnVariables {
    /// By the key that they are below, and their names; what is no text counts as an empty one.
    values: HashMap<(&'static str, String), Vec<String>>,
    /// The keys below which an alias or an expression leads to more of them.
    open: HashSet<&'static str>,
}

impl OwnVariables {
    pub(in crate::manifest) fn of(path: &str, text: &str) -> Self {
        let source = SourceText::new(text, path);
        let tree = source.parse();
        let mut found = Self::default();
        for root in tree.documents.iter().filter_map(|document| document.root) {
            found.read(&tree, root, &mut Vec::new());
        }
        found
    }

    /// Returns what a variable is that stands alone in a text, where all that the file says it is has a digest; the first of these
    /// values.
    pub(in crate::manifest) fn pinned(&self, written: &str) -> Option<&str> {
        let (name, holder) = variable(written)?;
        let values = self.values.get(&(holder, name)).filter(|_| !self.open.contains(holder))?;
        values.iter().all(|value| ends_in_digest(value)).then(|| values.first().map(String::as_str))?
    }

    /// Reads what is said below `node`, which is below the keys `holders`.
    fn read(&mut self, tree: &SyntaxTree<'_>, node: NodeId, holders: &mut Vec<&'static str>) {
        match tree.kind(node) {
            NodeKind::Mapping { entries, .. } => {
                for (key, value) in entries {
                    let key = tree.text_of(*key).unwrap_or_default();
                    self.add(tree, (key, *value), holders);
                    let holder = KINDS.iter().map(|(_, holder)| *holder).find(|holder| *holder == key);
                    let depth = holders.len();
                    holders.extend(holder.filter(|holder| !holders.contains(holder)));
                    self.read(tree, *value, holders);
                    holders.truncate(depth);
                }
            }
            NodeKind::Sequence { items, .. } => {
                for item in items {
                    // As Azure names them.
                    if let Some(name) = tree.get_str(*item, "name") {
                        self.add(tree, (name, *item), holders);
                    }
                    self.read(tree, *item, holders);
                }
            }
            // What is computed where variables are said may be more of them.
            NodeKind::Scalar { value, .. } if value.contains("${{") && is_whole(tree, node) => {
                self.open.extend(holders.iter());
            }
            NodeKind::Alias(_) => self.open.extend(holders.iter()),
            NodeKind::Scalar { .. } => {}
        }
    }

    /// Adds the values of a variable: one, a list of them, or what it is where nobody says.
    fn add(&mut self, tree: &SyntaxTree<'_>, (name, value): (&str, NodeId), holders: &[&'static str]) {
        let text = |node: NodeId| tree.text_of(node).unwrap_or_default().to_owned();
        let given = ["default", "value"].iter().find_map(|key| tree.get(value, key));
        let items = tree.items(value);
        let values: Vec<String> = match given {
            Some(given) => vec![text(given)],
            None if !items.is_empty() => items.iter().map(|item| text(*item)).collect(),
            None => vec![text(value)],
        };
        for holder in holders {
            self.values.entry((*holder, name.to_owned())).or_default().extend(values.iter().cloned());
        }
    }
}

/// Returns whether a scalar is all that is said below a key of variables, or one of those that are added to them.
fn is_whole(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let list = tree.nodes[node].parent().filter(|list| tree.is_sequence(*list));
    let key = tree.key_of(list.unwrap_or(node));
    key.is_some_and(|key| key == "include" || KINDS.iter().any(|(_, holder)| *holder == key))
}

/// Returns whether a text is a variable alone, of the kinds that files say themselves.
pub(in crate::manifest) fn is_own_variable(written: &str) -> bool {
    variable(written).is_some()
}

/// Returns the name of a variable, and the key below which it is said what it is.
fn variable(written: &str) -> Option<(String, &'static str)> {
    let bare: String = written.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).collect();
    let inner = QUOTES.iter().find_map(|(open, close)| bare.strip_prefix(open)?.strip_suffix(close));
    let (prefix, holder) = KINDS.iter().find(|(prefix, _)| inner.unwrap_or(&bare).starts_with(prefix))?;
    let name = inner.unwrap_or(&bare).strip_prefix(prefix)?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // Outside of Terraform, a word is itself.
    let is_variable = inner.is_some() || prefix.ends_with('.');
    (is_name && is_variable).then(|| (name.to_owned(), *holder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_file_says_counts() {
        let digest = format!("a:1@sha256:{}", "a".repeat(64));
        let pinned = |text: &str, written: &str| {
            OwnVariables::of("a.yaml", &text.replace('@', &digest)).pinned(written).is_some()
        };
        for text in [
            "variables: {A: '@'}\n",
            "variables: {A: {value: '@', description: b}}\n",
            "variables: [{name: A, value: '@'}]\n",
            "variables: {A: '@', B: x}\nj: {variables: {A: '@'}}\n",
        ] {
            assert!(pinned(text, "$A"), "{text}");
        }
        for text in [
            "A: '@'\n",
            "variables: {B: '@'}\n",
            "variables: {A: '@'}\nj: {variables: {A: a}}\n",
            "variables: {A: '@'}\nx: &x {A: a}\nj: {variables: {<<: *x}}\n",
            "variables: {A: {b: '@'}}\n",
            "variables: {A: '@'}\nj: {variables: '${{ x }}'}\n",
        ] {
            assert!(!pinned(text, "$A"), "{text}");
        }
        assert!(pinned("matrix: {i: ['@', '@']}\n", "${{ matrix.i }}"));
        for more in ["a", "'@'], include: ['${{ x }}'", "'@'], include: '${{ x }}', o: ['@'"] {
            let matrix = format!("matrix: {{i: ['@', {more}]}}\n");
            assert!(!pinned(&matrix, "${{ matrix.i }}"), "{matrix}");
        }
        assert!(pinned("matrix: {i: ['@'], o: '${{ x }}'}\n", "${{ matrix.i }}"));
    }

    #[test]
    fn a_variable_stands_alone_and_its_kind_says_where_to_look() {
        for (written, expected) in [
            ("$NODE", Some(("NODE", "variables"))),
            ("\"${NODE}\"", Some(("NODE", "variables"))),
            ("$(node)", Some(("node", "variables"))),
            ("${{ matrix.image }}", Some(("image", "matrix"))),
            ("\"${local.web}\"", Some(("web", "locals"))),
            ("var.web", Some(("web", "variable"))),
            ("<< parameters.image >>", Some(("image", "parameters"))),
            ("<< pipeline.parameters.image >>", Some(("image", "parameters"))),
            ("web", None),
            ("acme/$NODE", None),
            ("${NODE:-a}", None),
            ("${{ inputs.image }}", None),
            ("local.a.b", None),
            ("", None),
        ] {
            let found = variable(written);
            let found = found.as_ref().map(|(name, holder)| (name.as_str(), *holder));
            assert_eq!(found, expected, "{written}");
        }
    }
}
