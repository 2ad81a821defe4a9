//! The nodes of a tree: how they join it, and what each of them is. What stands in the text as it is is kept nowhere else.

use std::borrow::Cow;
use std::ops::Range;

use super::tree::{NO_PARENT, Node, NodeForm, NodeId, NodeKind, ScalarStyle, SyntaxTree, TreeSize, small};

/// A node that joins a tree.
pub(super) struct NewNode<'a> {
    pub(super) span: Range<usize>,
    pub(super) parent: Option<NodeId>,
    pub(super) index: usize,
    pub(super) kind: NewKind<'a>,
    pub(super) anchored: bool,
    /// The tag; empty where none is written.
    pub(super) tag: Cow<'static, str>,
}

/// What a node that joins a tree is; what stands in a collection may be said later.
pub(super) enum NewKind<'a> {
    Scalar { value: Cow<'a, str>, style: ScalarStyle },
    Sequence { items: Vec<NodeId>, flow: bool },
    Mapping { entries: Vec<(NodeId, NodeId)>, flow: bool },
    Alias(NodeId),
}

/// Where an empty collection is: nowhere.
const NOTHING: u32 = u32::MAX;

impl<'a> SyntaxTree<'a> {
    /// Adds a node and returns its number. What stands in a collection comes after it.
    pub(super) fn push(&mut self, node: NewNode<'a>) -> NodeId {
        let NewNode { span, parent, index, kind, anchored, tag } = node;
        let id = self.nodes.len();
        let (start, end) = (small(span.start), small(span.end));
        let (parent, index, tagged) = (parent.map_or(NO_PARENT, small), small(index), !tag.is_empty());
        let form = NodeForm::Alias;
        self.nodes.push(Node { start, end, parent, index, at: 0, form, anchored, tagged });
        if tagged {
            self.tags.push((id, tag));
        }
        let (form, at) = match kind {
            NewKind::Scalar { value, style } => self.scalar(span, value, style),
            NewKind::Sequence { items, flow } => {
                let at = self.add_items(&items);
                (NodeForm::Sequence { flow }, at)
            }
            NewKind::Mapping { entries, flow } => {
                let at = self.add_entries(entries.into_iter());
                (NodeForm::Mapping { flow }, at)
            }
            NewKind::Alias(target) => (NodeForm::Alias, small(target)),
        };
        (self.nodes[id].form, self.nodes[id].at) = (form, at);
        id
    }

    /// Returns the form of a scalar: most stand in the text as they are.
    fn scalar(&mut self, span: Range<usize>, value: Cow<'a, str>, style: ScalarStyle) -> (NodeForm, u32) {
        let source = self.text.get(span).unwrap_or_default();
        if *source == *value {
            return (NodeForm::Written(style), 0);
        }
        let inside = (source.len() >= 2).then(|| source.get(1..source.len() - 1)).flatten();
        if inside == Some(&*value) {
            return (NodeForm::Quoted(style), 0);
        }
        self.texts.push(value);
        (NodeForm::Decoded(style), small(self.texts.len() - 1))
    }

    /// Says what stands in a collection: of a mapping, keys and values take turns.
    pub(super) fn fill(&mut self, id: NodeId, children: &[NodeId]) {
        self.nodes[id].at = match self.nodes[id].form {
            NodeForm::Sequence { .. } => self.add_items(children),
            NodeForm::Mapping { .. } => {
                self.add_entries(children.chunks_exact(2).map(|pair| (pair[0], pair[1])))
            }
            NodeForm::Written(_) | NodeForm::Quoted(_) | NodeForm::Decoded(_) | NodeForm::Alias => return,
        };
    }

    fn add_items(&mut self, items: &[NodeId]) -> u32 {
        let first = self.items.len();
        self.items.extend_from_slice(items);
        self.add_collection(first, items.len())
    }

    fn add_entries(&mut self, entries: impl Iterator<Item = (NodeId, NodeId)>) -> u32 {
        let first = self.entries.len();
        self.entries.extend(entries);
        self.add_collection(first, self.entries.len() - first)
    }

    /// Returns the number of a collection.
    fn add_collection(&mut self, first: usize, length: usize) -> u32 {
        if length == 0 {
            return NOTHING;
        }
        self.collections.push((small(first), small(length)));
        small(self.collections.len() - 1)
    }

    #[inline]
    fn children(&self, at: u32) -> Range<usize> {
        let (first, length) = self.collections.get(at as usize).copied().unwrap_or_default();
        first as usize..first as usize + length as usize
    }

    #[inline]
    pub(super) fn items_at(&self, at: u32) -> &[NodeId] {
        &self.items[self.children(at)]
    }

    #[inline]
    pub(super) fn entries_at(&self, at: u32) -> &[(NodeId, NodeId)] {
        &self.entries[self.children(at)]
    }

    /// Returns what a node is.
    #[inline]
    pub fn kind(&self, id: NodeId) -> NodeKind<'_> {
        let node = &self.nodes[id];
        match node.form {
            NodeForm::Written(style) => {
                NodeKind::Scalar { value: self.text.get(node.span()).unwrap_or_default(), style }
            }
            NodeForm::Quoted(style) => {
                NodeKind::Scalar { value: self.text.get(node.inside()).unwrap_or_default(), style }
            }
            NodeForm::Decoded(style) => NodeKind::Scalar { value: &self.texts[node.at as usize], style },
            NodeForm::Sequence { flow } => NodeKind::Sequence { items: self.items_at(node.at), flow },
            NodeForm::Mapping { flow } => NodeKind::Mapping { entries: self.entries_at(node.at), flow },
            NodeForm::Alias => NodeKind::Alias(node.at as usize),
        }
    }

    /// Returns the text of a scalar for longer than the tree is borrowed.
    pub(super) fn key(&self, id: NodeId) -> Option<Cow<'a, str>> {
        let node = &self.nodes[id];
        let (text, at) = (self.text, node.at as usize);
        match node.form {
            NodeForm::Written(_) => text.get(node.span()).map(Cow::Borrowed),
            NodeForm::Quoted(_) => text.get(node.inside()).map(Cow::Borrowed),
            NodeForm::Decoded(_) => Some(self.texts[at].clone()),
            NodeForm::Sequence { .. } | NodeForm::Mapping { .. } | NodeForm::Alias => None,
        }
    }

    /// Returns whether a node is a scalar itself.
    #[inline]
    pub fn is_scalar(&self, id: NodeId) -> bool {
        let form = self.nodes[id].form;
        matches!(form, NodeForm::Written(_) | NodeForm::Quoted(_) | NodeForm::Decoded(_))
    }

    /// Returns the local or shorthand tag of a node, resolved; empty where none is written.
    pub fn tag(&self, id: NodeId) -> &str {
        if !self.nodes[id].tagged {
            return "";
        }
        let found = self.tags.binary_search_by_key(&id, |(node, _)| *node);
        found.map_or("", |at| &self.tags[at].1)
    }

    pub(super) fn size(&self) -> TreeSize {
        TreeSize {
            nodes: self.nodes.len(),
            texts: self.texts.len(),
            tags: self.tags.len(),
            collections: self.collections.len(),
            items: self.items.len(),
            entries: self.entries.len(),
        }
    }

    /// Forgets the nodes that came since the tree was so large.
    pub(super) fn shrink_to(&mut self, size: &TreeSize) {
        self.nodes.truncate(size.nodes);
        self.texts.truncate(size.texts);
        self.tags.truncate(size.tags);
        self.collections.truncate(size.collections);
        self.items.truncate(size.items);
        self.entries.truncate(size.entries);
    }
}
