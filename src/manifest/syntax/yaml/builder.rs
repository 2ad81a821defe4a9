//! From the parser's events to nodes, within bounds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle as Written, StructureStyle};

use super::joined_lines::JoinedLines;
use super::quick_reader::{self, YamlEvents};
use crate::manifest::syntax::definition::Chunk;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::lines::line_ends;
use crate::manifest::syntax::node_list::{NewKind, NewNode};
use crate::manifest::syntax::tree::{
    ALIASED_MAX, DEPTH_MAX, Document, Fault, NODES_MAX, NodeId, NodeKind, ScalarStyle, SyntaxError,
    SyntaxTree, TreeSize,
};

pub(super) struct Builder<'a> {
    tree: SyntaxTree<'a>,
    open: Vec<OpenCollection>,
    /// What stands in the open collections, one after the other: keys and values take turns.
    children: Vec<NodeId>,
    /// Anchor number → node, of the current document.
    anchors: HashMap<usize, NodeId>,
    aliased: bool,
    /// The first alias of the current document without an anchor: its line in the chunk, and what is wrong with it.
    unresolved: Option<(usize, String)>,
    wide: Vec<NodeId>,
    root: Option<NodeId>,
    /// Where the current document starts, or the last one ended.
    start: usize,
    /// Nodes from here on belong to the current document; they are dropped where it turns out broken.
    first: TreeSize,
    /// Where the chunk that is read starts.
    base: usize,
    /// How many lines end before some earlier byte.
    lines: (usize, usize),
    /// How many nodes are too many has been said.
    full: bool,
}

/// Makes a value of the tree's text of one that is read at a place of another.
type OwnValue<'f, 't, 'a> = dyn Fn(Cow<'t, str>, &Range<usize>) -> Cow<'a, str> + 'f;

/// A collection whose end was not read yet.
struct OpenCollection {
    id: NodeId,
    /// Where what stands in it starts among [`Builder::children`].
    first: usize,
    /// How many nodes one item or entry has.
    stride: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            tree: SyntaxTree::empty(text, Language::Yaml),
            open: Vec::new(),
            children: Vec::new(),
            anchors: HashMap::new(),
            aliased: false,
            unresolved: None,
            wide: Vec::new(),
            root: None,
            start: 0,
            first: TreeSize::default(),
            base: 0,
            lines: (0, 0),
            full: false,
        }
    }

    pub(super) fn read(&mut self, chunk: &Chunk) {
        if self.full {
            return;
        }
        let base = chunk.span.start;
        if chunk.unread.is_some() {
            let start = if self.tree.documents.is_empty() { 0 } else { base };
            self.tree.documents.push(Document { start, root: None, error: None });
            return;
        }
        self.base = base;
        if !self.tree.documents.is_empty() {
            self.start = base;
        }
        let text = &self.tree.text[chunk.span.clone()];
        // A manifest has a node in some thirty bytes, and an entry in twice as many.
        let nodes = text.len().min(1 << 20) / 32;
        self.tree.nodes.reserve(nodes);
        self.tree.entries.reserve(nodes / 2);
        if !self.read_quickly(text) {
            self.parse(text);
        }
        self.reset();
    }

    /// Reads a text that the quick reader knows how to read; otherwise returns `false`, and nothing was read.
    pub(super) fn read_quickly(&mut self, text: &'a str) -> bool {
        let before = self.state();
        let is_read = quick_reader::read(text, self).is_some();
        if !is_read {
            self.go_back(before);
        }
        is_read
    }

    /// Reads any text by the parser.
    pub(super) fn parse(&mut self, text: &'a str) {
        let before = self.state();
        let Err(mut at) = self.parse_as(text, &|value, _| value, 0, true) else { return };
        let mut joined = JoinedLines::of(text);
        loop {
            let may_join = joined.join(at);
            self.go_back(before.clone());
            let base = self.base;
            let own = |value: Cow<'_, str>, span: &Range<usize>| {
                Cow::Owned(joined.value(span.start - base..span.end - base).unwrap_or(value.into_owned()))
            };
            match self.parse_as(joined.text(), &own, joined.count(), may_join) {
                Ok(()) => return,
                Err(next) => at = next,
            }
        }
    }

    /// Reads a text by the parser; `own` makes a value of the tree's text of what it reads, and `joined` line ends are not in
    /// it.
    ///
    /// # Errors
    /// Where a line of a quoted text stands at the indent of its key, if it `may_join` the one before.
    fn parse_as<'t>(
        &mut self,
        text: &'t str,
        own: &OwnValue<'_, 't, 'a>,
        joined: usize,
        may_join: bool,
    ) -> Result<(), usize> {
        let base = self.base;
        let options = granit_parser::options! {
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
            emit_unresolved_aliases: true,
        };
        let mut parser = Parser::new_from_str_with_options(text, options);
        loop {
            match parser.next_event() {
                None => break,
                Some(Ok((event, span))) => {
                    let line = span.start.line() + joined;
                    let span = span.byte_range().unwrap_or_default();
                    self.event(event, base + span.start..base + span.end, line, own);
                    if self.tree.nodes.len() > NODES_MAX {
                        let message = format!("the file has more than {NODES_MAX} nodes");
                        self.abandon(line, message, Fault::TooLarge);
                        self.full = true;
                        break;
                    }
                }
                Some(Err(error)) => {
                    let is_indent = *error.kind() == granit_parser::ErrorKind::InvalidQuotedScalarIndent;
                    if let Some(at) = error.marker().byte_offset().filter(|_| is_indent && may_join) {
                        return Err(at);
                    }
                    let fault = match error.kind() {
                        granit_parser::ErrorKind::RecursionLimitExceeded => Fault::TooDeep,
                        _ => Fault::Syntax,
                    };
                    self.abandon(error.marker().line() + joined, error.info(), fault);
                    if !matches!(parser.proceed_next_document(), Ok(true)) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> SyntaxTree<'a> {
        self.tree
    }

    /// Returns a span of the chunk as one of the text.
    fn moved(&self, span: &Range<usize>) -> Range<usize> {
        self.base + span.start..self.base + span.end
    }

    fn event<'t>(&mut self, event: Event<'t>, span: Range<usize>, line: usize, own: &OwnValue<'_, 't, 'a>) {
        match event {
            Event::DocumentStart(..) => self.begin_document(span.start),
            Event::DocumentEnd => {
                if let Some((fault, message)) = self.excess() {
                    self.abandon(line, message, fault);
                    self.start = span.end;
                    return;
                }
                let error =
                    self.unresolved.take().map(|(line, message)| self.error(line, message, Fault::Syntax));
                self.finish_document(span.end, error);
            }
            Event::Comment(..) => self.tree.comments.push(span),
            Event::Scalar(value, style, anchor, tag) => {
                let value = own(value, &span);
                let style = match style {
                    Written::SingleQuoted => ScalarStyle::Single,
                    Written::DoubleQuoted => ScalarStyle::Double,
                    Written::Literal | Written::Folded => ScalarStyle::Block,
                    Written::Plain => ScalarStyle::Plain,
                };
                let span = match style {
                    // Where there is no content, what the parser says depends on what follows: it is the end of the line
                    // with the indicator.
                    ScalarStyle::Block if value.trim().is_empty() => {
                        let end = self.tree.text.get(..span.end).unwrap_or_default().trim_end().len();
                        end..end
                    }
                    ScalarStyle::Block => self.whole_lines(span),
                    _ => span,
                };
                // An empty plain scalar is null, which the parser spells `~`.
                let value =
                    if span.is_empty() && style == ScalarStyle::Plain { Cow::Borrowed("") } else { value };
                self.add_scalar(value, style, span, anchor, tag);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let kind = NewKind::Sequence { items: Vec::new(), flow: style == StructureStyle::Flow };
                self.begin(kind, span, anchor, tag, 1);
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = NewKind::Mapping { entries: Vec::new(), flow: style == StructureStyle::Flow };
                self.begin(kind, span, anchor, tag, 2);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
            Event::Alias(target) => {
                (self.aliased, self.tree.is_linked) = (true, true);
                let target = self.anchors.get(&target).copied();
                let kind = target.map_or(
                    NewKind::Scalar { value: Cow::Borrowed(""), style: ScalarStyle::Plain },
                    NewKind::Alias,
                );
                self.add(kind, span, 0, None);
            }
            // What it stands for may be in another file, which is read together with this one.
            Event::UnresolvedAlias(name) => {
                let message = format!("the alias `*{name}` has no anchor in this document");
                self.unresolved.get_or_insert((line, message));
                let value = Cow::Owned(format!("*{name}"));
                let kind = NewKind::Scalar { value, style: ScalarStyle::Plain };
                self.add(kind, span, 0, None);
            }
            _ => {}
        }
    }

    fn begin_document(&mut self, start: usize) {
        // What stands before the first document belongs to it.
        self.start = if self.tree.documents.is_empty() { 0 } else { start };
        self.reset();
    }

    fn finish_document(&mut self, end: usize, error: Option<SyntaxError>) {
        self.tree.documents.push(Document { start: self.start, root: self.root, error });
        self.start = end;
        self.reset();
    }

    fn add_scalar(
        &mut self,
        value: Cow<'a, str>,
        style: ScalarStyle,
        span: Range<usize>,
        anchor: usize,
        tag: Option<Cow<'_, granit_parser::Tag>>,
    ) {
        self.tree.is_linked |= value == "<<";
        self.add(NewKind::Scalar { value, style }, span, anchor, tag);
    }

    fn add(
        &mut self,
        kind: NewKind<'a>,
        span: Range<usize>,
        anchor: usize,
        tag: Option<Cow<'_, granit_parser::Tag>>,
    ) -> NodeId {
        let id = self.tree.nodes.len();
        let (parent, index) = match self.open.last() {
            None => (None, 0),
            Some(open) => (Some(open.id), (self.children.len() - open.first) / open.stride),
        };
        let tag = tag.map(|tag| Cow::Owned(tag.original())).unwrap_or_default();
        self.tree.push(NewNode { span, parent, index, kind, anchored: anchor != 0, tag });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        match parent {
            None => self.root = self.root.or(Some(id)),
            Some(_) => self.children.push(id),
        }
        id
    }

    fn begin(
        &mut self,
        kind: NewKind<'a>,
        span: Range<usize>,
        anchor: usize,
        tag: Option<Cow<'_, granit_parser::Tag>>,
        stride: usize,
    ) {
        let id = self.add(kind, span, anchor, tag);
        self.open.push(OpenCollection { id, first: self.children.len(), stride });
    }

    /// Ends the innermost collection.
    fn close(&mut self, end: usize) {
        if let Some(collection) = self.open.pop() {
            self.end(&collection, end);
        }
    }

    /// Gives a collection what stands in it.
    fn end(&mut self, collection: &OpenCollection, end: usize) {
        let OpenCollection { id, first, .. } = *collection;
        self.tree.nodes[id].end_at(end);
        self.tree.fill(id, self.children.get(first..).unwrap_or_default());
        self.children.truncate(first);
        if self.tree.widen(id) {
            self.wide.push(id);
        }
    }

    /// Returns the span of a block scalar without the indentation of the line below it, which the parser counts in.
    fn whole_lines(&self, span: Range<usize>) -> Range<usize> {
        let text = self.tree.text.get(span.clone()).unwrap_or_default().trim_end_matches(' ');
        if text.ends_with(['\n', '\r']) { span.start..span.start + text.len() } else { span }
    }

    /// Returns an error where the aliases of the current document make it deeper or larger than is read.
    fn excess(&self) -> Option<(Fault, String)> {
        let root = self.root.filter(|_| self.aliased)?;
        let weight = weigh(&self.tree, root, &mut HashMap::new());
        let written = self.tree.nodes.len() - self.first.nodes;
        if weight.depth > DEPTH_MAX {
            return Some((
                Fault::TooDeep,
                format!("its aliases nest deeper than {DEPTH_MAX} levels, or without end"),
            ));
        }
        let excess = weight.nodes.saturating_sub(written) > ALIASED_MAX;
        excess.then(|| (Fault::TooLarge, format!("its aliases stand for more than {ALIASED_MAX} nodes")))
    }

    /// Returns an error on a 1-based line of the chunk.
    fn error(&mut self, line: usize, message: String, fault: Fault) -> SyntaxError {
        let (counted, lines) = self.lines;
        self.lines = (self.base, lines + line_ends(&self.tree.text[counted..self.base]));
        SyntaxError { line: line + self.lines.1, message, fault }
    }

    /// Ends the current document with an error on a 1-based line of the chunk.
    fn abandon(&mut self, line: usize, message: String, fault: Fault) {
        let error = self.error(line, message, fault);
        self.tree.shrink_to(&self.first);
        for id in &self.wide {
            self.tree.wide.remove(id);
        }
        self.tree.documents.push(Document { start: self.start, root: None, error: Some(error) });
        self.reset();
    }

    /// Returns how far the tree is before a chunk is read.
    fn state(&self) -> BuilderState {
        BuilderState {
            size: self.tree.size(),
            documents: self.tree.documents.len(),
            comments: self.tree.comments.len(),
            start: self.start,
            is_linked: self.tree.is_linked,
        }
    }

    /// Forgets what was read since.
    fn go_back(&mut self, to: BuilderState) {
        if !self.tree.wide.is_empty() {
            for id in to.size.nodes..self.tree.nodes.len() {
                self.tree.wide.remove(&id);
            }
        }
        self.tree.shrink_to(&to.size);
        self.tree.documents.truncate(to.documents);
        self.tree.comments.truncate(to.comments);
        self.tree.is_linked = to.is_linked;
        self.start = to.start;
        self.reset();
    }

    fn reset(&mut self) {
        self.open.clear();
        self.children.clear();
        self.anchors.clear();
        self.aliased = false;
        self.unresolved = None;
        self.wide.clear();
        self.root = None;
        self.first = self.tree.size();
    }
}

#[derive(Clone)]
struct BuilderState {
    size: TreeSize,
    documents: usize,
    comments: usize,
    start: usize,
    is_linked: bool,
}

impl<'a> YamlEvents<'a> for Builder<'a> {
    fn document(&mut self, start: usize) {
        self.begin_document(self.base + start);
    }

    fn end_document(&mut self, end: usize) {
        self.finish_document(self.base + end, None);
    }

    fn scalar(&mut self, value: Cow<'a, str>, style: ScalarStyle, span: Range<usize>) {
        let span = self.moved(&span);
        self.add_scalar(value, style, span, 0, None);
    }

    fn sequence(&mut self, span: Range<usize>, flow: bool) {
        let span = self.moved(&span);
        self.begin(NewKind::Sequence { items: Vec::new(), flow }, span, 0, None, 1);
    }

    fn mapping(&mut self, span: Range<usize>, flow: bool) {
        let span = self.moved(&span);
        self.begin(NewKind::Mapping { entries: Vec::new(), flow }, span, 0, None, 2);
    }

    fn end_collection(&mut self, end: usize) {
        self.close(self.base + end);
    }

    fn comment(&mut self, span: Range<usize>) {
        let span = self.moved(&span);
        self.tree.comments.push(span);
    }

    fn has_room(&self) -> bool {
        self.tree.nodes.len() <= NODES_MAX
    }
}

#[derive(Clone, Copy)]
struct Weight {
    depth: usize,
    nodes: usize,
}

/// Weighs what is written below `id`; `anchored` holds what aliases stand for. The recursion is as deep as the text.
fn weigh(tree: &SyntaxTree<'_>, id: NodeId, anchored: &mut HashMap<NodeId, Weight>) -> Weight {
    let mut weight = Weight { depth: 0, nodes: 1 };
    let mut add = |child: NodeId| {
        let child = weigh(tree, child, anchored);
        weight.depth = weight.depth.max(child.depth);
        weight.nodes = weight.nodes.saturating_add(child.nodes);
    };
    match tree.kind(id) {
        NodeKind::Scalar { .. } => {}
        NodeKind::Sequence { items, .. } => items.iter().copied().for_each(&mut add),
        NodeKind::Mapping { entries, .. } => entries.iter().for_each(|(key, value)| {
            add(*key);
            add(*value);
        }),
        // What is still open when an alias names it contains itself.
        NodeKind::Alias(target) => {
            return anchored.get(&target).copied().unwrap_or(Weight { depth: usize::MAX, nodes: usize::MAX });
        }
    }
    if !tree.is_scalar(id) {
        weight.depth = weight.depth.saturating_add(1);
    }
    if tree.nodes[id].is_anchored() {
        anchored.insert(id, weight);
    }
    weight
}
