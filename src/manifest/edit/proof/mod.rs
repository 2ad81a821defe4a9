//! The proof: an edited text differs from the original at the planned places and nowhere else.
//!
//! Three checks, each of which fails on its own: the bytes outside the splices are equal; the span parser sees the same
//! nodes but for the planned ones; a second reader of another lineage (libyaml, or code of our own that shares nothing with
//! the parser) sees the same but for them.

use super::splice::{Plan, Splice};
use crate::manifest::syntax::definition::Difference;
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};
use crate::manifest::syntax::tree_edit::{Added, ExpectedEntry, TreeEdit};

/// Which check an edited text did not pass. The file is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Bytes outside the planned spans differ.
    #[error("bytes outside the planned spans would change")]
    Bytes,
    /// The span parser reads another tree, or none.
    #[error("the edited text would read differently at `{0}`")]
    Tree(String),
    /// The second parser cannot read the text, before or after.
    #[error("a second parser cannot read the file: {0}")]
    Unverifiable(String),
    /// The second parser reads another tree.
    #[error("a second parser would read the edited text differently at `{0}`")]
    SecondTree(String),
}

impl From<Difference> for ProofError {
    fn from(difference: Difference) -> Self {
        match difference {
            Difference::Unreadable(message) => Self::Unverifiable(message),
            Difference::At(place) => Self::SecondTree(place),
        }
    }
}

/// Proves that `after` is `before` with `plan` done and nothing else.
///
/// # Errors
/// Says which check failed, and where.
pub fn prove(before: &SyntaxTree<'_>, after: &str, plan: &Plan) -> Result<(), ProofError> {
    bytes_outside_are_equal(before.text, after, plan)?;
    compare_trees(before, after, &plan.tree)?;
    // The text inside a block is proven like a file of its own.
    for embedded in &before.embedded {
        if let (Some(old), Some(new)) = (before.text_of(embedded.scalar), plan.tree.set.get(&embedded.scalar))
        {
            // What is planned is said without the last line end, which is a word of some languages.
            let masked = |text: &str| {
                let text = text.trim_end_matches('\n').to_owned() + "\n";
                before.mask_inner(&text).map_or(text, |masked| masked.text)
            };
            let parse = embedded.language.syntax().parse;
            compare_trees(&parse(&masked(old)), &masked(new), &plan.tree.inside(&embedded.nodes))?;
        }
    }
    Ok(())
}

fn compare_trees(old: &SyntaxTree<'_>, after: &str, edit: &TreeEdit) -> Result<(), ProofError> {
    let syntax = old.language.syntax();
    let new = &(syntax.parse)(after);
    Comparison { old, new, edit }.streams()?;
    (syntax.compare)(old, new, edit)?;
    Ok(())
}

/// Proves that `after` is the template `before` with `plan` done, and that no action was touched; the masked text is
/// proven by [`prove`].
///
/// # Errors
/// Says that bytes differ that should not.
pub fn prove_template(before: &SyntaxTree<'_>, after: &str, plan: &Plan) -> Result<(), ProofError> {
    // Neither the actions nor the splices overlap among themselves.
    let touched = |splice: &Splice| {
        let next = before.masked.partition_point(|action| action.end <= splice.span.start);
        before.masked.get(next).is_some_and(|action| action.start < splice.span.end)
    };
    if plan.splices.iter().any(touched) {
        return Err(ProofError::Bytes);
    }
    bytes_outside_are_equal(before.original, after, plan)
}

fn bytes_outside_are_equal(before: &str, after: &str, plan: &Plan) -> Result<(), ProofError> {
    let (mut old, mut new) = (0, 0);
    for splice in plan.sorted() {
        let length = splice.span.start.checked_sub(old).ok_or(ProofError::Bytes)?;
        let same = before.as_bytes().get(old..old + length) == after.as_bytes().get(new..new + length);
        let text = after.as_bytes().get(new + length..new + length + splice.text.len());
        if !same || text != Some(splice.text.as_bytes()) {
            return Err(ProofError::Bytes);
        }
        (old, new) = (splice.span.end, new + length + splice.text.len());
    }
    if before.as_bytes().get(old..) == after.as_bytes().get(new..) { Ok(()) } else { Err(ProofError::Bytes) }
}

/// Compares the span parser's trees, node by node; aliases must point to the same node.
struct Comparison<'c, 'a> {
    old: &'c SyntaxTree<'a>,
    new: &'c SyntaxTree<'c>,
    edit: &'c TreeEdit,
}

impl Comparison<'_, '_> {
    fn streams(&self) -> Result<(), ProofError> {
        let differs = || ProofError::Tree("/".to_owned());
        if self.old.documents.len() != self.new.documents.len() {
            return Err(differs());
        }
        for (old, new) in self.old.documents.iter().zip(&self.new.documents) {
            match (old.root, new.root) {
                (Some(old), Some(new)) => self.nodes(old, new)?,
                (None, None) if old.error.is_some() == new.error.is_some() => {}
                _ => return Err(differs()),
            }
        }
        Ok(())
    }

    fn nodes(&self, old_id: NodeId, new_id: NodeId) -> Result<(), ProofError> {
        let differs = || ProofError::Tree(self.old.pointer(old_id));
        let (old, new) = (&self.old.nodes[old_id], &self.new.nodes[new_id]);
        if old.is_anchored() != new.is_anchored() || self.old.tag(old_id) != self.new.tag(new_id) {
            return Err(differs());
        }
        if let Some(entries) = self.edit.filled.get(&old_id) {
            let filled = self.old.is_null(old_id) && self.is_filled(new_id, entries);
            return if filled { Ok(()) } else { Err(differs()) };
        }
        match (self.old.kind(old_id), self.new.kind(new_id)) {
            (
                NodeKind::Scalar { value: old, style: old_style },
                NodeKind::Scalar { value: new, style: new_style },
            ) => {
                let equal = match self.edit.set.get(&old_id) {
                    Some(planned) => is_planned(old, old_style, new, new_style, planned),
                    None => old == new && old_style == new_style,
                };
                if equal { Ok(()) } else { Err(differs()) }
            }
            (NodeKind::Sequence { items: old, flow: a }, NodeKind::Sequence { items: new, flow: b }) => {
                if a != b || old.len() != new.len() {
                    return Err(differs());
                }
                old.iter().zip(new).try_for_each(|(old, new)| self.nodes(*old, *new))
            }
            (NodeKind::Mapping { entries: old, flow: a }, NodeKind::Mapping { entries: new, flow: b }) => {
                if a != b {
                    return Err(differs());
                }
                let mut rest = new.iter();
                for step in self.edit.expected_entries(old_id, old.len()) {
                    let (key, value) = rest.next().ok_or_else(differs)?;
                    match step {
                        ExpectedEntry::Old(index) => {
                            self.nodes(old[index].0, *key)?;
                            self.nodes(old[index].1, *value)?;
                        }
                        ExpectedEntry::Added(name, added) => {
                            if !self.is_bare(*key, name) || !self.is_added(*value, added) {
                                return Err(differs());
                            }
                        }
                    }
                }
                if rest.next().is_none() { Ok(()) } else { Err(differs()) }
            }
            // Node numbers shift where entries are added, so alias targets are compared by their path.
            (NodeKind::Alias(old), NodeKind::Alias(new))
                if self.old.pointer(old) == self.new.pointer(new) =>
            {
                Ok(())
            }
            _ => Err(differs()),
        }
    }

    fn is_added(&self, node: NodeId, added: &Added) -> bool {
        match added {
            Added::Text(text) => self.is_bare(node, text),
            Added::Mapping(entries) => self.is_filled(node, entries),
        }
    }

    fn is_filled(&self, node: NodeId, entries: &[(String, String)]) -> bool {
        let NodeKind::Mapping { entries: found, .. } = self.new.kind(node) else { return false };
        found.len() == entries.len()
            && found
                .iter()
                .zip(entries)
                .all(|((key, value), (name, text))| self.is_bare(*key, name) && self.is_bare(*value, text))
    }

    /// Returns whether a node is this text and nothing more: no alias, anchor or tag.
    fn is_bare(&self, node: NodeId, text: &str) -> bool {
        !self.new.nodes[node].is_anchored()
            && self.new.tag(node).is_empty()
            && matches!(self.new.kind(node), NodeKind::Scalar { value, .. } if value == text)
    }
}

/// Returns whether a scalar became what was planned, in the style that it had: only a plain scalar may gain quotes, and a
/// block scalar keeps the line ends after its text.
fn is_planned(old: &str, old_style: ScalarStyle, new: &str, new_style: ScalarStyle, planned: &str) -> bool {
    match (old_style, new_style) {
        (ScalarStyle::Block, ScalarStyle::Block) => {
            let line_ends = &old[old.trim_end_matches(['\n', '\r']).len()..];
            new.strip_prefix(planned) == Some(line_ends)
        }
        (ScalarStyle::Plain, ScalarStyle::Plain | ScalarStyle::Double)
        | (ScalarStyle::Single, ScalarStyle::Single)
        | (ScalarStyle::Double, ScalarStyle::Double) => new == planned,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
