//! What an edit should make of a tree, and nothing else: what the tree before is compared with the one after by.

use std::collections::BTreeMap;
use std::ops::Range;

use super::tree::{NodeId, SyntaxTree};

/// The planned differences between two trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeEdit {
    /// Scalars that get another value.
    pub set: BTreeMap<NodeId, String>,
    /// Entries that mappings get, by mapping: after how many of its own entries, key, value.
    pub added: BTreeMap<NodeId, Vec<(usize, String, Added)>>,
    /// Entries that mappings lose, by mapping: which of its own entries.
    pub removed: BTreeMap<NodeId, Vec<usize>>,
    /// Nulls that become mappings of scalars.
    pub filled: BTreeMap<NodeId, Vec<(String, String)>>,
}

/// The value of an entry that is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// A scalar.
    Text(String),
    /// A mapping of scalars.
    Mapping(Vec<(String, String)>),
}

pub(in crate::manifest) enum ExpectedEntry<'p> {
    Old(usize),
    Added(&'p str, &'p Added),
}

impl TreeEdit {
    pub(super) fn only_sets(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Returns the scalars of `tree` that get another value: where they stand, what they say, what they will.
    pub(super) fn planned_texts<'t>(&'t self, tree: &'t SyntaxTree<'_>) -> Vec<(String, &'t str, &'t str)> {
        let planned = |(node, value): (&NodeId, &'t String)| {
            (tree.pointer(*node), tree.text_of(*node).unwrap_or_default(), value.as_str())
        };
        self.set.iter().map(planned).collect()
    }

    /// Returns the entries of `mapping`, which has `length` of its own, after the edit, in order.
    pub(in crate::manifest) fn expected_entries(
        &self,
        mapping: NodeId,
        length: usize,
    ) -> impl Iterator<Item = ExpectedEntry<'_>> {
        let added = self.added.get(&mapping).map(Vec::as_slice).unwrap_or_default();
        let removed = self.removed.get(&mapping).map(Vec::as_slice).unwrap_or_default();
        (0..=length).flat_map(move |index| {
            let new = added
                .iter()
                .filter(move |(at, ..)| *at == index)
                .map(|(_, key, value)| ExpectedEntry::Added(key, value));
            let old = (index < length && !removed.contains(&index)).then_some(ExpectedEntry::Old(index));
            new.chain(old)
        })
    }

    /// Returns the part that is about `nodes`, numbered from 0: a text inside the text, parsed by itself.
    pub(in crate::manifest) fn inside(&self, nodes: &Range<NodeId>) -> Self {
        fn part<T: Clone>(of: &BTreeMap<NodeId, T>, nodes: &Range<NodeId>) -> BTreeMap<NodeId, T> {
            of.range(nodes.clone()).map(|(id, value)| (id - nodes.start, value.clone())).collect()
        }
        Self {
            set: part(&self.set, nodes),
            added: part(&self.added, nodes),
            removed: part(&self.removed, nodes),
            filled: part(&self.filled, nodes),
        }
    }
}
