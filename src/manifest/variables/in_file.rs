//! An image that a variable of the same file stands for.

use std::ops::Range;

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

/// Returns what the variable is that stands at `place` of a file and nothing else with it, where all that this file says it is has a
/// digest; the first of these values.
pub(in crate::manifest) fn pinned_value(path: &str, text: &str, place: Range<usize>) -> Option<String> {
    let written = text.get(place).unwrap_or_default();
    let (name, holder) = variable(written)?;
    let source = SourceText::new(text, path);
    let tree = source.parse();
    let values: Vec<&str> = tree
        .documents
        .iter()
        .filter_map(|it| it.root)
        .flat_map(|root| {
            let mut values = Vec::new();
            said(&tree, root, &name, holder, false, &mut values);
            values
        })
        .collect();
    values
        .iter()
        .all(|value| ends_in_digest(value))
        .then(|| values.first().map(|value| (*value).to_owned()))?
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

/// Adds what is said of a variable below `node`; what is no text counts as one without a digest.
fn said<'t>(
    tree: &'t SyntaxTree<'_>,
    node: NodeId,
    name: &str,
    holder: &str,
    is_held: bool,
    values: &mut Vec<&'t str>,
) {
    match tree.kind(node) {
        NodeKind::Mapping { entries, .. } => {
            for (key, value) in entries {
                let key = tree.text_of(*key).unwrap_or_default();
                match is_held && key == name {
                    true => add(tree, *value, values),
                    false => said(tree, *value, name, holder, is_held || key == holder, values),
                }
            }
        }
        NodeKind::Sequence { items, .. } => {
            for item in items {
                // As Azure names them.
                match is_held && tree.get_str(*item, "name") == Some(name) {
                    true => add(tree, *item, values),
                    false => said(tree, *item, name, holder, is_held, values),
                }
            }
        }
        // What it leads to may be more of them.
        NodeKind::Alias(_) if is_held => values.push(""),
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
    }
}

/// Adds the values of a variable: one, a list of them, or what it is where nobody says.
fn add<'t>(tree: &'t SyntaxTree<'_>, value: NodeId, values: &mut Vec<&'t str>) {
    let items = tree.items(value);
    let given = ["default", "value"].iter().find_map(|key| tree.get(value, key));
    match given {
        Some(given) => values.push(tree.text_of(given).unwrap_or_default()),
        None if !items.is_empty() => {
            values.extend(items.iter().map(|item| tree.text_of(*item).unwrap_or_default()));
        }
        None => values.push(tree.text_of(value).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
