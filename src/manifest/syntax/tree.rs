//! A text as a tree of nodes with byte spans. Every language is read into the same tree, so that whatever finds, edits and
//! proves need not know it; how the tree is asked is in [`super::query`].
//!
//! Nodes keep their source span, style and parent, so that a scalar can be replaced in place and named by its path.
//! Aliases stay aliases: nothing is expanded, so a "billion laughs" document is as small as its text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::language::Language;

/// A node's place in [`SyntaxTree::nodes`]. The same bytes always give the same numbers.
pub type NodeId = usize;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// A block scalar, `|` or `>`; its span starts at the content, not at the indicator.
    Block,
}

/// One node. A manifest has one in some ten bytes, so that each byte of it counts: what a node is and has is said by the
/// tree, [`SyntaxTree::kind`] and [`SyntaxTree::tag`].
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) start: u32,
    pub(super) end: u32,
    /// [`NO_PARENT`] for the root of a document.
    pub(super) parent: u32,
    pub(super) index: u32,
    /// Where the rest of it is, in the list that its form says.
    pub(super) at: u32,
    pub(super) form: NodeForm,
    pub(super) anchored: bool,
    pub(super) tagged: bool,
}

/// What a node is, and where the tree has the rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeForm {
    /// A scalar whose text stands in its span as it is: nothing more is kept of it.
    Written(ScalarStyle),
    /// A scalar whose text stands between two quotes as it is.
    Quoted(ScalarStyle),
    /// A scalar that is in the list of texts.
    Decoded(ScalarStyle),
    Sequence {
        flow: bool,
    },
    Mapping {
        flow: bool,
    },
    Alias,
}

/// How long the lists of a tree are.
#[derive(Clone, Debug, Default)]
pub(super) struct TreeSize {
    pub(super) nodes: usize,
    pub(super) texts: usize,
    pub(super) tags: usize,
    pub(super) collections: usize,
    pub(super) items: usize,
    pub(super) entries: usize,
}

pub(super) const NO_PARENT: u32 = u32::MAX;

/// Returns a number of a tree, in which there are never so many: texts have [`SIZE_MAX`](crate::manifest::SIZE_MAX) bytes.
pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Node {
    /// Returns the bytes of the node in the text: quotes included, anchor and tag not.
    pub fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(super) fn end_at(&mut self, end: usize) {
        self.end = small(end).max(self.start);
    }

    /// Returns the collection that the node stands in.
    pub fn parent(&self) -> Option<NodeId> {
        (self.parent != NO_PARENT).then_some(self.parent as usize)
    }

    /// Returns which item or entry of the parent the node is, or is the key of.
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// Returns whether an anchor is defined here.
    pub fn is_anchored(&self) -> bool {
        self.anchored
    }

    /// Returns what stands between two quotes, were there some.
    pub(super) fn inside(&self) -> Range<usize> {
        self.start as usize + 1..(self.end as usize).saturating_sub(1)
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug)]
pub enum NodeKind<'t> {
    /// Text, a number, a boolean, nothing: decoded, not typed.
    Scalar {
        /// The decoded text.
        value: &'t str,
        /// How it is written.
        style: ScalarStyle,
    },
    /// `[a, b]` or `- a`
    Sequence {
        /// The items in order.
        items: &'t [NodeId],
        /// Whether it is written in brackets.
        flow: bool,
    },
    /// `{a: b}` or `a: b`
    Mapping {
        /// Keys and values in order, duplicates included.
        entries: &'t [(NodeId, NodeId)],
        /// Whether it is written in braces.
        flow: bool,
    },
    /// `*name`
    Alias(NodeId),
}

/// One document of a stream.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where it starts in the text.
    pub start: usize,
    /// The root node, if the document was read to its end. An alias without an anchor is a text.
    pub root: Option<NodeId>,
    /// Why it could not be read, or not understood.
    pub error: Option<SyntaxError>,
}

/// Where and why a document cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// 1-based.
    pub line: usize,
    /// What the parser said.
    pub message: String,
    /// What kind of error it is.
    pub fault: Fault,
}

/// Why a document is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It breaks the rules of its language.
    Syntax,
    /// It is nested deeper than [`DEPTH_MAX`], as written or by way of aliases.
    TooDeep,
    /// It has more than [`NODES_MAX`] nodes, or its aliases stand for more than [`ALIASED_MAX`].
    TooLarge,
}

/// A parsed text.
#[derive(Clone, Debug)]
pub struct SyntaxTree<'a> {
    /// The text that the spans point into.
    pub text: &'a str,
    /// The text before it was masked; the same where it was not.
    pub original: &'a str,
    /// What the text is written in.
    pub language: Language,
    /// Where the text was masked, in order: see [`super::template_mask`].
    pub masked: Vec<Range<usize>>,
    /// All nodes of all documents.
    pub nodes: Vec<Node>,
    /// The texts of scalars that do not stand in the text as they are.
    pub(super) texts: Vec<Cow<'a, str>>,
    /// The tags, in the order of the nodes.
    pub(super) tags: Vec<(NodeId, Cow<'static, str>)>,
    /// Where what stands in each collection is in the lists behind: where it starts, and how much it is.
    pub(super) collections: Vec<(u32, u32)>,
    /// What stands in sequences, one after the other.
    pub(super) items: Vec<NodeId>,
    /// What stands in mappings, one after the other.
    pub(super) entries: Vec<(NodeId, NodeId)>,
    /// The documents, in order.
    pub documents: Vec<Document>,
    /// Whether there may be an alias or a merge key in any document: most have none, and are quicker to search.
    pub is_linked: bool,
    /// The spans of all comments, `#` included, in order.
    pub comments: Vec<Range<usize>>,
    pub(crate) wide: HashMap<NodeId, Wide<'a>>,
    /// Block scalars whose text joined the tree: see [`super::embedded`].
    pub embedded: Vec<Embedded>,
    /// How many were tried.
    pub(crate) embeds: usize,
}

/// Where the keys of a wide mapping stand among its entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wide<'a> {
    pub(super) keys: HashMap<Cow<'a, str>, usize>,
    pub(super) merges: Vec<NodeId>,
}

/// The deepest nesting that is read, aliases expanded. The verifier refuses more than 128.
pub const DEPTH_MAX: usize = 120;

/// The most nodes that are read in a file: some five times what 16 MB of manifests have.
pub const NODES_MAX: usize = 2_000_000;

/// The most nodes that the aliases of a document may stand for. A file past that is an attack ("billion laughs"), and
/// every walk over aliases and merge keys is bounded by it.
pub const ALIASED_MAX: usize = 1_000_000;

/// Mappings with more entries than this are looked up by hash.
pub(super) const WIDE: usize = 16;

/// The proof that a text was read: only a tree has it to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasRead(());

impl<'a> SyntaxTree<'a> {
    /// Returns the proof that its text was read.
    pub(in crate::manifest) fn was_read(&self) -> WasRead {
        WasRead(())
    }

    pub(super) fn empty(text: &'a str, language: Language) -> Self {
        Self {
            text,
            original: text,
            language,
            masked: Vec::new(),
            nodes: Vec::new(),
            texts: Vec::new(),
            tags: Vec::new(),
            collections: Vec::new(),
            items: Vec::new(),
            entries: Vec::new(),
            documents: Vec::new(),
            is_linked: false,
            comments: Vec::new(),
            wide: HashMap::new(),
            embedded: Vec::new(),
            embeds: 0,
        }
    }

    /// Makes a wide mapping quick to look up; returns whether it is one.
    pub(super) fn widen(&mut self, id: NodeId) -> bool {
        let NodeKind::Mapping { entries, .. } = self.kind(id) else { return false };
        if entries.len() <= WIDE {
            return false;
        }
        let mut wide = Wide::default();
        for (index, (key, value)) in entries.iter().enumerate() {
            if let Some(key) = self.key(*key) {
                if key == "<<" {
                    wide.merges.push(*value);
                }
                wide.keys.insert(key, index);
            }
        }
        self.wide.insert(id, wide);
        true
    }

    /// Returns where the keys of the wide mappings stand, for a tree in which these nodes come at `base`.
    pub(crate) fn wide_at<'o>(&self, base: NodeId) -> Vec<(NodeId, Wide<'o>)> {
        let owned = |(key, index): (&Cow<'_, str>, &usize)| (Cow::Owned(key.to_string()), *index);
        let moved = |(id, wide): (&NodeId, &Wide<'_>)| {
            let merges = wide.merges.iter().map(|id| base + id).collect();
            (base + id, Wide { keys: wide.keys.iter().map(owned).collect(), merges })
        };
        self.wide.iter().map(moved).collect()
    }
}

/// A block scalar whose text joined the tree.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// The block scalar.
    pub scalar: NodeId,
    /// The nodes of the inner text. Their order is that of the inner text parsed by itself.
    pub nodes: Range<usize>,
    /// What the inner text is written in.
    pub language: Language,
    /// Where the block's lines stand in the file, from the start of the first to the end of the last.
    pub(crate) span: Range<usize>,
    pub(crate) indent: usize,
    /// How large the tree was before.
    pub(super) before: TreeSize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_takes_little_room() {
        assert!(size_of::<Node>() <= 24, "{}", size_of::<Node>());
    }
}
