//! Trees that another language's parser has read: from nested values to nodes.

use std::borrow::Cow;
use std::ops::Range;

use super::node_list::{NewKind, NewNode};
use super::tree::{Document, NodeId, ScalarStyle, SyntaxError, SyntaxTree};
use crate::manifest::syntax::language::Language;

/// The tag of a value that is made from this text only when the file is used: `${…}`, `%i`.
pub(in crate::manifest) const TEMPLATE: &str = "!template";

/// The tag of a value that is not a literal: a variable, a function, a number.
pub(in crate::manifest) const EXPRESSION: &str = "!expression";

pub(in crate::manifest) struct Value<'a> {
    pub(in crate::manifest) span: Range<usize>,
    pub(in crate::manifest) shape: ValueShape<'a>,
}

pub(in crate::manifest) enum ValueShape<'a> {
    Scalar { value: Cow<'a, str>, style: ScalarStyle, tag: &'static str },
    Sequence(Vec<Value<'a>>),
    Mapping(Vec<(Value<'a>, Value<'a>)>),
}

impl<'a> Value<'a> {
    pub(in crate::manifest) fn key(span: Range<usize>, text: impl Into<Cow<'a, str>>) -> Self {
        Self { span, shape: ValueShape::Scalar { value: text.into(), style: ScalarStyle::Plain, tag: "" } }
    }
}

impl<'a> SyntaxTree<'a> {
    /// Returns the tree of a text that is one document; `comments` are in the order of the text.
    pub(in crate::manifest) fn planted(
        text: &'a str,
        language: Language,
        root: Result<Value<'a>, SyntaxError>,
        comments: Vec<Range<usize>>,
    ) -> Self {
        let mut tree = Self::empty(text, language);
        tree.comments = comments;
        let (root, error) = match root {
            Ok(root) => (Some(tree.plant(root, None, 0)), None),
            Err(error) => (None, Some(error)),
        };
        tree.documents.push(Document { start: 0, root, error });
        tree
    }

    /// The recursion is as deep as the value, which its parser bounds.
    fn plant(&mut self, value: Value<'a>, parent: Option<NodeId>, index: usize) -> NodeId {
        let Value { span, shape } = value;
        let node =
            |kind, tag| NewNode { span, parent, index, kind, anchored: false, tag: Cow::Borrowed(tag) };
        match shape {
            ValueShape::Scalar { value, style, tag } => {
                self.push(node(NewKind::Scalar { value, style }, tag))
            }
            ValueShape::Sequence(values) => {
                let id = self.push(node(NewKind::Sequence { items: Vec::new(), flow: false }, ""));
                let values = values.into_iter().enumerate();
                let planted: Vec<_> = values.map(|(at, value)| self.plant(value, Some(id), at)).collect();
                self.fill(id, &planted);
                id
            }
            ValueShape::Mapping(values) => {
                let id = self.push(node(NewKind::Mapping { entries: Vec::new(), flow: false }, ""));
                let mut planted = Vec::with_capacity(2 * values.len());
                for (at, (key, value)) in values.into_iter().enumerate() {
                    planted.push(self.plant(key, Some(id), at));
                    planted.push(self.plant(value, Some(id), at));
                }
                self.fill(id, &planted);
                self.widen(id);
                id
            }
        }
    }
}
