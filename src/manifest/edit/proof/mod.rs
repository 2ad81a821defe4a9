//! The proof: an edited text differs from the original at the planned places and nowhere else.
//!
//! Three checks, each of which fails on its own: the bytes outside the splices are equal; the span parser sees the same
//! nodes but for the planned ones; a second reader of another lineage (libyaml, or code of our own that shares nothing with
//! the parser) sees the same but for them.

mod hcl;
mod unit;

use serde::Deserialize;
use serde::de::{Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::splice::{Added, Plan, Splice};
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};

const LINE_ENDS: [char; 2] = ['\n', '\r'];

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

/// Proves that `after` is `before` with `plan` done and nothing else.
///
/// # Errors
/// Says which check failed, and where.
pub fn prove(before: &SyntaxTree<'_>, after: &str, plan: &Plan) -> Result<(), ProofError> {
    bytes_outside_are_equal(before.text, after, plan)?;
    let new = before.language.parse(after);
    let comparison = Comparison { old: before, new: &new, plan };
    comparison.streams()?;
    match before.language {
        Language::Yaml => SecondComparison { tree: before, plan }.streams(&new)?,
        Language::Hcl => hcl::compare(before, after, plan)?,
        Language::Unit => unit::compare(before, after, plan)?,
    }
    // The text inside a block is proven like a file of its own.
    for embedded in &before.embedded {
        if let (Some(old), Some(new)) = (before.text_of(embedded.scalar), plan.set.get(&embedded.scalar)) {
            let (old, new) = (SyntaxTree::parse(old), SyntaxTree::parse(new));
            let plan = embedded.inner_plan(plan);
            Comparison { old: &old, new: &new, plan: &plan }.streams()?;
            SecondComparison { tree: &old, plan: &plan }.streams(&new)?;
        }
    }
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
    plan: &'c Plan,
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
        if old.anchored != new.anchored || old.tag != new.tag {
            return Err(differs());
        }
        if let Some(entries) = self.plan.filled.get(&old_id) {
            let filled = self.old.is_null(old_id) && self.is_filled(new_id, entries);
            return if filled { Ok(()) } else { Err(differs()) };
        }
        match (&old.kind, &new.kind) {
            (
                NodeKind::Scalar { value: old, style: old_style },
                NodeKind::Scalar { value: new, style: new_style },
            ) => {
                let equal = match self.plan.set.get(&old_id) {
                    Some(planned) => is_planned(old, *old_style, new, *new_style, planned),
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
                for step in planned_entries(self.plan, old_id, old.len()) {
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
                if self.old.pointer(*old) == self.new.pointer(*new) =>
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

    /// Tells whether a node is a mapping with these entries.
    fn is_filled(&self, node: NodeId, entries: &[(String, String)]) -> bool {
        let NodeKind::Mapping { entries: found, .. } = &self.new.nodes[node].kind else { return false };
        found.len() == entries.len()
            && found
                .iter()
                .zip(entries)
                .all(|((key, value), (name, text))| self.is_bare(*key, name) && self.is_bare(*value, text))
    }

    /// Tells whether a node is this text and nothing more: no alias, anchor or tag.
    fn is_bare(&self, node: NodeId, text: &str) -> bool {
        let node = &self.new.nodes[node];
        !node.anchored
            && node.tag.is_empty()
            && matches!(&node.kind, NodeKind::Scalar { value, .. } if value == text)
    }
}

/// Tells whether a scalar became what was planned, in the style that it had: only a plain scalar may gain quotes, and a
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

/// What a mapping's entries are after the plan, in order.
enum ExpectedEntry<'p> {
    Old(usize),
    Added(&'p str, &'p Added),
}

fn planned_entries(plan: &Plan, mapping: NodeId, length: usize) -> impl Iterator<Item = ExpectedEntry<'_>> {
    let added = plan.added.get(&mapping).map(Vec::as_slice).unwrap_or_default();
    let removed = plan.removed.get(&mapping).map(Vec::as_slice).unwrap_or_default();
    (0..=length).flat_map(move |index| {
        let new = added
            .iter()
            .filter(move |(at, ..)| *at == index)
            .map(|(_, key, value)| ExpectedEntry::Added(key, value));
        let old = (index < length && !removed.contains(&index)).then_some(ExpectedEntry::Old(index));
        new.chain(old)
    })
}

/// A value as libyaml reads it: typed, aliases expanded, duplicate keys kept.
#[derive(Clone, Debug, PartialEq)]
enum ProofTree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Sequence(Vec<Self>),
    Mapping(Vec<(Self, Self)>),
    Tagged(String, Box<Self>),
}

/// Compares the second parser's trees, guided by the span parser's nodes, in which planned nodes are known.
struct SecondComparison<'c, 'a> {
    tree: &'c SyntaxTree<'a>,
    plan: &'c Plan,
}

impl SecondComparison<'_, '_> {
    fn streams(&self, after: &SyntaxTree<'_>) -> Result<(), ProofError> {
        let documents = &self.tree.documents;
        if documents.iter().all(|document| document.error.is_none()) {
            let roots: Vec<NodeId> = documents.iter().filter_map(|document| document.root).collect();
            return self.texts(&roots, self.tree.text, after.text);
        }
        // A document that nobody can read does not keep the others from being proven, each by itself.
        for (index, document) in documents.iter().enumerate() {
            if let Some(root) = document.root {
                self.texts(&[root], self.tree.source_of(index), after.source_of(index))?;
            }
        }
        Ok(())
    }

    fn texts(&self, roots: &[NodeId], before: &str, after: &str) -> Result<(), ProofError> {
        let (old, new) = (second_parse(before)?, second_parse(after)?);
        if old.len() != new.len() || old.len() != roots.len() {
            return Err(ProofError::SecondTree("/".to_owned()));
        }
        roots.iter().zip(old.iter().zip(&new)).try_for_each(|(root, (old, new))| self.nodes(*root, old, new))
    }

    fn nodes(&self, id: NodeId, old: &ProofTree, new: &ProofTree) -> Result<(), ProofError> {
        let id = self.tree.resolve(id);
        let differs = || ProofError::SecondTree(self.tree.pointer(id));
        if let Some(planned) = self.plan.set.get(&id) {
            // The old value must be the one that the plan is about, the new one the planned one.
            let (old, new) = (old.untagged(), new.untagged());
            let known = self.tree.text_of(id).unwrap_or_default();
            let same_place = match old {
                ProofTree::Text(text) => {
                    text.trim_end_matches(LINE_ENDS) == known.trim_end_matches(LINE_ENDS)
                }
                ProofTree::Null | ProofTree::Bool(_) | ProofTree::Number(_) => true,
                _ => false,
            };
            return match new {
                ProofTree::Text(text) if same_place && text.trim_end_matches(LINE_ENDS) == planned => Ok(()),
                _ => Err(differs()),
            };
        }
        if let Some(entries) = self.plan.filled.get(&id) {
            let filled = *old == ProofTree::Null && is_filled(new, entries);
            return if filled { Ok(()) } else { Err(differs()) };
        }
        match (old, new) {
            (ProofTree::Tagged(old_tag, old), ProofTree::Tagged(new_tag, new)) if old_tag == new_tag => {
                self.nodes(id, old, new)
            }
            (ProofTree::Sequence(old), ProofTree::Sequence(new)) => {
                let items = self.tree.items(id);
                if items.len() != old.len() || old.len() != new.len() {
                    return Err(differs());
                }
                items
                    .iter()
                    .zip(old.iter().zip(new))
                    .try_for_each(|(item, (old, new))| self.nodes(*item, old, new))
            }
            (ProofTree::Mapping(old), ProofTree::Mapping(new)) => {
                let entries = self.tree.entries(id);
                if entries.len() != old.len() {
                    return Err(differs());
                }
                let mut rest = new.iter();
                for step in planned_entries(self.plan, id, old.len()) {
                    let (key, value) = rest.next().ok_or_else(differs)?;
                    match step {
                        ExpectedEntry::Old(index) if old[index].0 == *key => {
                            self.nodes(entries[index].1, &old[index].1, value)?;
                        }
                        ExpectedEntry::Added(name, added)
                            if *key == ProofTree::Text(name.to_owned()) && is_added(value, added) => {}
                        _ => return Err(differs()),
                    }
                }
                if rest.next().is_none() { Ok(()) } else { Err(differs()) }
            }
            (old, new) if old == new => Ok(()),
            _ => Err(differs()),
        }
    }
}

impl ProofTree {
    fn untagged(&self) -> &Self {
        match self {
            Self::Tagged(_, inner) => inner.untagged(),
            other => other,
        }
    }
}

fn is_added(tree: &ProofTree, added: &Added) -> bool {
    match added {
        Added::Text(text) => matches!(tree, ProofTree::Text(found) if found == text),
        Added::Mapping(entries) => is_filled(tree, entries),
    }
}

fn is_filled(tree: &ProofTree, entries: &[(String, String)]) -> bool {
    let ProofTree::Mapping(found) = tree else { return false };
    found.len() == entries.len()
        && found.iter().zip(entries).all(|((key, value), (name, text))| {
            *key == ProofTree::Text(name.clone()) && *value == ProofTree::Text(text.clone())
        })
}

fn second_parse(text: &str) -> Result<Vec<ProofTree>, ProofError> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            ProofTree::deserialize(document).map_err(|error| ProofError::Unverifiable(error.to_string()))
        })
        .collect()
}

impl<'de> Deserialize<'de> for ProofTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = ProofTree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<ProofTree, E> {
        Ok(ProofTree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<ProofTree, E> {
        Ok(ProofTree::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<ProofTree, E> {
        Ok(ProofTree::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<ProofTree, E> {
        Ok(ProofTree::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<ProofTree, E> {
        Ok(ProofTree::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<ProofTree, E> {
        // NaN equals itself here: it is compared with what it was before.
        Ok(ProofTree::Number(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<ProofTree, E> {
        Ok(ProofTree::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<ProofTree, E> {
        Ok(ProofTree::Null)
    }

    fn visit_none<E>(self) -> Result<ProofTree, E> {
        Ok(ProofTree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<ProofTree, D::Error> {
        ProofTree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<ProofTree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(ProofTree::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ProofTree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(ProofTree::Mapping(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<ProofTree, A::Error> {
        let (tag, variant) = data.variant::<String>()?;
        Ok(ProofTree::Tagged(tag, Box::new(variant.newtype_variant::<ProofTree>()?)))
    }
}

#[cfg(test)]
mod tests;
