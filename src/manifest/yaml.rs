//! YAML as a tree of nodes with byte spans: the only place that knows the span parser.
//!
//! Nodes keep their source span, style and parent, so that a scalar can be replaced in place and named by its path.
//! Aliases stay aliases: nothing is expanded, so a "billion laughs" document is as small as its text.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

/// A node's place in [`Yaml::nodes`]. The same bytes always give the same numbers.
pub type NodeId = usize;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// A block scalar, `|` or `>`; its span starts at the content, not at the indicator.
    Block,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Bytes of the node in the text: quotes included, anchor and tag not.
    pub span: Range<usize>,
    /// The collection that the node stands in.
    pub parent: Option<NodeId>,
    /// Whether an anchor is defined here.
    pub anchored: bool,
    /// The local or shorthand tag, resolved; empty where none is written.
    pub tag: String,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// Text, a number, a boolean, nothing: decoded, not typed.
    Scalar {
        /// The decoded text.
        value: Cow<'a, str>,
        /// How it is written.
        style: Style,
    },
    /// `[a, b]` or `- a`
    Sequence {
        /// The items in order.
        items: Vec<NodeId>,
        /// Whether it is written in brackets.
        flow: bool,
    },
    /// `{a: b}` or `a: b`
    Mapping {
        /// Keys and values in order, duplicates included.
        entries: Vec<(NodeId, NodeId)>,
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
    /// The root node, if the document was read to its end.
    pub root: Option<NodeId>,
    /// Why it could not be read, otherwise.
    pub error: Option<SyntaxError>,
}

/// Where and why a document is not YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// 1-based.
    pub line: usize,
    /// What the parser said.
    pub message: String,
    /// Whether it is nested deeper than [`DEPTH_MAX`].
    pub too_deep: bool,
}

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Yaml<'a> {
    /// The text that the spans point into.
    pub text: &'a str,
    /// The text before it was masked; the same where it was not.
    pub original: &'a str,
    /// Where the text was masked, in order: see [`super::mask`].
    pub masked: Vec<Range<usize>>,
    /// All nodes of all documents.
    pub nodes: Vec<Node<'a>>,
    /// The documents, in order.
    pub documents: Vec<Document>,
    /// The spans of all comments, `#` included, in order.
    pub comments: Vec<Range<usize>>,
    /// Block scalars whose text joined the tree: see [`super::embedded`].
    pub embedded: Vec<super::embedded::Embedded>,
}

/// The deepest nesting that is read. The verifier refuses more than 128.
pub const DEPTH_MAX: usize = 120;

impl<'a> Yaml<'a> {
    /// Parses `text` (without byte order mark). A document that cannot be read keeps its place, with its error.
    pub fn parse(text: &'a str) -> Self {
        Builder::new(text).run()
    }

    /// Tells whether a part of the node was masked, so that its value is not known.
    pub fn is_masked(&self, id: NodeId) -> bool {
        let span = &self.nodes[self.resolve(id)].span;
        let next = self.masked.partition_point(|action| action.end <= span.start);
        self.masked.get(next).is_some_and(|action| action.start < span.end)
    }

    /// Returns the text of a document, up to the start of the next.
    pub fn source_of(&self, document: usize) -> &'a str {
        let start = self.documents.get(document).map_or(self.text.len(), |document| document.start);
        let end = self.documents.get(document + 1).map_or(self.text.len(), |next| next.start);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Returns the node that `id` stands for: itself, or what an alias points to.
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match self.nodes[id].kind {
            Kind::Alias(target) => target,
            _ => id,
        }
    }

    /// Returns the decoded text of a scalar, aliases followed.
    pub fn text_of(&self, id: NodeId) -> Option<&str> {
        match &self.nodes[self.resolve(id)].kind {
            Kind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Returns the decoded text of a scalar that is a string or a number to a reader of tags: not null.
    pub fn string_of(&self, id: NodeId) -> Option<&str> {
        let text = self.text_of(id)?;
        (!self.is_null(id)).then_some(text)
    }

    /// Tells whether `id` is an empty or explicit null.
    pub fn is_null(&self, id: NodeId) -> bool {
        match &self.nodes[self.resolve(id)].kind {
            Kind::Scalar { value, style: Style::Plain } => {
                matches!(value.as_ref(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// Returns the items of a sequence, aliases followed; nothing where it is none.
    pub fn items(&self, id: NodeId) -> &[NodeId] {
        match &self.nodes[self.resolve(id)].kind {
            Kind::Sequence { items, .. } => items,
            _ => &[],
        }
    }

    /// Returns the entries that are written in a mapping itself, aliases to it followed; nothing where it is none.
    pub fn entries(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match &self.nodes[self.resolve(id)].kind {
            Kind::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    /// Tells whether `id` is a mapping, aliases followed.
    pub fn is_mapping(&self, id: NodeId) -> bool {
        matches!(self.nodes[self.resolve(id)].kind, Kind::Mapping { .. })
    }

    /// Tells whether `id` is a sequence, aliases followed.
    pub fn is_sequence(&self, id: NodeId) -> bool {
        matches!(self.nodes[self.resolve(id)].kind, Kind::Sequence { .. })
    }

    /// Returns the value under `key`, merge keys (`<<`) followed; its own keys win over merged ones.
    pub fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        self.get_within(mapping, key, 8)
    }

    fn get_within(&self, mapping: NodeId, key: &str, depth: usize) -> Option<NodeId> {
        let entries = self.entries(mapping);
        if let Some((_, value)) = entries.iter().find(|(k, _)| self.own_text(*k) == Some(key)) {
            return Some(self.resolve(*value));
        }
        let depth = depth.checked_sub(1)?;
        let merged = entries.iter().filter(|(k, _)| self.own_text(*k) == Some("<<")).map(|(_, v)| *v);
        // One mapping, or a list of them, the first of which wins.
        for source in merged {
            if self.is_mapping(source)
                && let Some(found) = self.get_within(source, key, depth)
            {
                return Some(found);
            }
            for item in self.items(source) {
                if let Some(found) = self.get_within(*item, key, depth) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Returns the entry of `mapping` itself whose key is `key`: the key's and the value's node.
    pub fn own_entry(&self, mapping: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        self.entries(mapping).iter().copied().find(|(k, _)| self.own_text(*k) == Some(key))
    }

    /// Returns the text under `key` where it is a scalar and not null.
    pub fn get_str(&self, mapping: NodeId, key: &str) -> Option<&str> {
        self.get(mapping, key).and_then(|id| self.string_of(id))
    }

    fn own_text(&self, id: NodeId) -> Option<&str> {
        match &self.nodes[id].kind {
            Kind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Returns the span of the comment that follows a node on its line, with nothing but blanks between.
    pub fn comment_after(&self, id: NodeId) -> Option<Range<usize>> {
        let end = self.nodes[id].span.end;
        let next = self.comments.partition_point(|comment| comment.start < end);
        let comment = self.comments.get(next)?;
        let between = self.text.get(end..comment.start)?;
        between.bytes().all(|b| b == b' ' || b == b'\t').then(|| comment.clone())
    }

    /// Returns the key under which `id` stands in its mapping.
    pub fn key_of(&self, id: NodeId) -> Option<&str> {
        self.own_text(self.key_node_of(id)?)
    }

    /// Returns the node of the key under which `id` stands in its mapping.
    pub fn key_node_of(&self, id: NodeId) -> Option<NodeId> {
        match &self.nodes[self.nodes[id].parent?].kind {
            Kind::Mapping { entries, .. } => {
                entries.iter().find(|(_, value)| *value == id).map(|(key, _)| *key)
            }
            _ => None,
        }
    }

    /// Returns what a scalar says: its decoded text, or its source where a part of it was masked.
    pub fn written(&self, id: NodeId) -> &str {
        let id = self.resolve(id);
        if !self.is_masked(id) {
            return self.string_of(id).unwrap_or_default().trim_end_matches(['\n', '\r']);
        }
        let source = self.original.get(self.nodes[id].span.clone()).unwrap_or_default();
        source.trim().trim_matches(['"', '\''])
    }

    /// Returns the JSON pointer (RFC 6901) of a node in its document.
    pub fn pointer(&self, id: NodeId) -> String {
        let mut segments = Vec::new();
        let mut at = id;
        while let Some(parent) = self.nodes[at].parent {
            // The root of a text inside a block scalar adds no segment.
            if matches!(self.nodes[parent].kind, Kind::Scalar { .. }) {
                at = parent;
                continue;
            }
            segments.push(match &self.nodes[parent].kind {
                Kind::Sequence { items, .. } => {
                    items.iter().position(|item| *item == at).unwrap_or_default().to_string()
                }
                Kind::Mapping { entries, .. } => entries
                    .iter()
                    .find(|(key, value)| *value == at || *key == at)
                    .and_then(|(key, _)| self.own_text(*key))
                    .unwrap_or("?")
                    .replace('~', "~0")
                    .replace('/', "~1"),
                _ => String::new(),
            });
            at = parent;
        }
        segments.iter().rev().fold(String::new(), |pointer, segment| pointer + "/" + segment)
    }
}

/// Turns the parser's events into nodes.
struct Builder<'a> {
    yaml: Yaml<'a>,
    /// Open collections, with the key that waits for its value.
    open: Vec<(NodeId, Option<NodeId>)>,
    /// Anchor number → node, of the current document.
    anchors: std::collections::HashMap<usize, NodeId>,
    root: Option<NodeId>,
    /// Where the current document starts, or the last one ended.
    start: usize,
    /// Nodes from here on belong to the current document; they are dropped where it turns out broken.
    first: usize,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        let yaml = Yaml {
            text,
            original: text,
            masked: Vec::new(),
            nodes: Vec::new(),
            documents: Vec::new(),
            comments: Vec::new(),
            embedded: Vec::new(),
        };
        Self {
            yaml,
            open: Vec::new(),
            anchors: std::collections::HashMap::new(),
            root: None,
            start: 0,
            first: 0,
        }
    }

    fn run(mut self) -> Yaml<'a> {
        let options = granit_parser::options! {
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
        };
        let mut parser = Parser::new_from_str_with_options(self.yaml.text, options);
        loop {
            match parser.next_event() {
                None => break,
                Some(Ok((event, span))) => {
                    let span = span.byte_range().unwrap_or_default();
                    self.event(event, span);
                }
                Some(Err(error)) => {
                    self.abandon(&error);
                    if !matches!(parser.proceed_next_document(), Ok(true)) {
                        break;
                    }
                }
            }
        }
        self.yaml
    }

    fn event(&mut self, event: Event<'a>, span: Range<usize>) {
        match event {
            Event::DocumentStart(..) => {
                // What stands before the first document belongs to it.
                self.start = if self.yaml.documents.is_empty() { 0 } else { span.start };
                self.reset();
            }
            Event::DocumentEnd => {
                self.yaml.documents.push(Document { start: self.start, root: self.root, error: None });
                self.start = span.end;
                self.reset();
            }
            Event::Comment(..) => self.yaml.comments.push(span),
            Event::Scalar(value, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    ScalarStyle::Plain => Style::Plain,
                };
                // An empty plain scalar is null, which the parser spells `~`.
                let value = if span.is_empty() && style == Style::Plain { Cow::Borrowed("") } else { value };
                self.add(Kind::Scalar { value, style }, span, anchor, tag);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let kind = Kind::Sequence { items: Vec::new(), flow: style == StructureStyle::Flow };
                let id = self.add(kind, span, anchor, tag);
                self.open.push((id, None));
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = Kind::Mapping { entries: Vec::new(), flow: style == StructureStyle::Flow };
                let id = self.add(kind, span, anchor, tag);
                self.open.push((id, None));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((id, _)) = self.open.pop() {
                    let node = &mut self.yaml.nodes[id];
                    node.span.end = span.end.max(node.span.start);
                }
            }
            Event::Alias(target) => {
                let target = self.anchors.get(&target).copied();
                let kind = target
                    .map_or(Kind::Scalar { value: Cow::Borrowed(""), style: Style::Plain }, Kind::Alias);
                self.add(kind, span, 0, None);
            }
            _ => {}
        }
    }

    fn add(
        &mut self,
        kind: Kind<'a>,
        span: Range<usize>,
        anchor: usize,
        tag: Option<Cow<'a, granit_parser::Tag>>,
    ) -> NodeId {
        let id = self.yaml.nodes.len();
        let parent = self.open.last().map(|(id, _)| *id);
        let tag = tag.map(|tag| tag.original()).unwrap_or_default();
        self.yaml.nodes.push(Node { span, parent, anchored: anchor != 0, tag, kind });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        match self.open.last_mut() {
            None => self.root = self.root.or(Some(id)),
            Some((parent, key)) => match &mut self.yaml.nodes[*parent].kind {
                Kind::Sequence { items, .. } => items.push(id),
                Kind::Mapping { entries, .. } => match key.take() {
                    Some(key) => entries.push((key, id)),
                    None => *key = Some(id),
                },
                _ => {}
            },
        }
        id
    }

    fn abandon(&mut self, error: &granit_parser::ScanError) {
        let too_deep = matches!(error.kind(), granit_parser::ErrorKind::RecursionLimitExceeded);
        let (line, message) = (error.marker().line(), error.info());
        self.yaml.nodes.truncate(self.first);
        let error = Some(SyntaxError { line, message, too_deep });
        self.yaml.documents.push(Document { start: self.start, root: None, error });
        self.reset();
    }

    fn reset(&mut self) {
        self.open.clear();
        self.anchors.clear();
        self.root = None;
        self.first = self.yaml.nodes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_bytes_and_pointers_follow_the_rfc() {
        let text = "# é\na/b: {c~: ['x', \"y\"]}\nd: &n >-\n  z\ne: *n\n";
        let yaml = Yaml::parse(text);
        let root = yaml.documents[0].root.unwrap();
        let c = yaml.get(yaml.get(root, "a/b").unwrap(), "c~").unwrap();
        let y = yaml.items(c)[1];
        assert_eq!(&text[yaml.nodes[y].span.clone()], "\"y\"");
        assert_eq!(yaml.pointer(y), "/a~1b/c~0/1");
        assert_eq!(yaml.get(root, "d"), yaml.get(root, "e"));
        assert_eq!(yaml.get_str(root, "e"), Some("z"));
        assert_eq!(&text[yaml.comments[0].clone()], "# é");
    }

    #[test]
    fn merge_keys_are_followed_and_own_keys_win() {
        let yaml = Yaml::parse("x: &x {image: a, tag: t}\ny: {<<: *x, tag: u}\nz: {<<: [{tag: v}, *x]}\n");
        let root = yaml.documents[0].root.unwrap();
        let (y, z) = (yaml.get(root, "y").unwrap(), yaml.get(root, "z").unwrap());
        assert_eq!((yaml.get_str(y, "image"), yaml.get_str(y, "tag")), (Some("a"), Some("u")));
        assert_eq!((yaml.get_str(z, "image"), yaml.get_str(z, "tag")), (Some("a"), Some("v")));
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next() {
        let yaml = Yaml::parse("a: 1\n---\nb: [\n---\nc: 3\n");
        let errors: Vec<bool> = yaml.documents.iter().map(|d| d.error.is_some()).collect();
        assert_eq!(errors, [false, true, false]);
        assert_eq!(yaml.get_str(yaml.documents[2].root.unwrap(), "c"), Some("3"));
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        for open in ["[", "{a: ", "- "] {
            let yaml = Yaml::parse(&open.repeat(100_000)).documents.len();
            assert!(yaml <= 1, "{open}");
        }
    }
}
