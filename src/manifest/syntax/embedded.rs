//! YAML inside a literal block of YAML, as `helm.values` and `valuesContent` have it: its nodes join the tree of the
//! file with spans of their own, so that they are found and edited like any other.
//!
//! Only a block whose lines stand in the file as they are, behind one indentation, is read so: every byte of the inner
//! text then has exactly one place in the file.

use std::borrow::Cow;
use std::ops::Range;

use super::language::Language;
use super::node_list::{NewKind, NewNode};
use super::template_mask::{self, Masked};
use super::tree::{Embedded, NodeId, NodeKind, ScalarStyle, SyntaxTree};
use super::yaml;

/// The most texts of a file that are read: each makes the tree's lists longer.
const EMBEDS_MAX: usize = 1_000;

impl SyntaxTree<'_> {
    /// Lets the text of a literal block, which is of this `language`, join the tree and returns the roots of its documents, children of the
    /// block; `None` where one of them is broken, none says anything, or the bytes have no exact place in the file.
    ///
    /// The same blocks in the same order always give the same nodes.
    pub(crate) fn embed(&mut self, scalar: NodeId, language: Language) -> Option<Vec<NodeId>> {
        self.embeds += 1;
        if self.embeds > EMBEDS_MAX {
            return None;
        }
        let lines = BlockLines::of(self, scalar)?;
        let NodeKind::Scalar { value, .. } = self.kind(scalar) else { return None };
        let masked = self.mask_inner(value);
        let inner = (language.syntax().parse)(masked.as_ref().map_or(value, |masked| masked.text.as_str()));
        if inner.documents.iter().any(|document| document.error.is_some()) {
            return None;
        }
        let roots: Vec<NodeId> = inner.documents.iter().filter_map(|document| document.root).collect();
        if roots.is_empty() {
            return None;
        }
        let base = self.nodes.len();
        let nodes = (0..inner.nodes.len()).map(|id| moved(&inner, id, base, scalar, &lines));
        let mut nodes: Vec<NewNode<'_>> = nodes.collect();
        for (index, root) in roots.iter().enumerate() {
            nodes[*root].index = index;
        }
        let comments: Vec<Range<usize>> = inner.comments.iter().map(|span| lines.place(span)).collect();
        let wide = inner.wide_at(base);
        let actions = masked.iter().flat_map(|masked| &masked.actions).map(|span| lines.place(span));
        let actions: Vec<Range<usize>> = actions.collect();
        let (is_linked, before) = (inner.is_linked, self.size());
        self.is_linked |= is_linked;
        for node in nodes {
            self.push(node);
        }
        self.wide.extend(wide);
        self.comments.extend(comments);
        self.comments.sort_by_key(|span| span.start);
        self.masked.extend(actions);
        self.masked.sort_by_key(|span| span.start);
        let nodes = base..self.nodes.len();
        let (span, indent) = (lines.span, lines.indent);
        self.embedded.push(Embedded { scalar, nodes, language, span, indent, before });
        Some(roots.into_iter().map(|root| base + root).collect())
    }

    /// Returns a text inside of this one with what is filled in masked: where the language around it fills texts, and in YAML where
    /// what it is given to fills one in that cannot be read without.
    pub(crate) fn mask_inner(&self, text: &str) -> Option<Masked> {
        if self.language != Language::Yaml {
            return template_mask::mask_interpolations(text);
        }
        let is_broken = |tree: SyntaxTree<'_>| tree.documents.iter().any(|document| document.error.is_some());
        (text.contains("{{") && is_broken(yaml::parse(text))).then(|| template_mask::mask(text)).flatten()
    }

    pub(crate) fn forget_embedded(&mut self) {
        if let Some(last) = self.embedded.pop() {
            for id in last.nodes.clone() {
                self.wide.remove(&id);
            }
            self.shrink_to(&last.before);
            self.comments.retain(|span| !last.span.contains(&span.start));
            self.masked.retain(|span| !last.span.contains(&span.start));
        }
    }
}

fn moved<'n>(
    tree: &SyntaxTree<'_>,
    id: NodeId,
    base: usize,
    scalar: NodeId,
    lines: &BlockLines,
) -> NewNode<'n> {
    let node = &tree.nodes[id];
    let kind = match tree.kind(id) {
        NodeKind::Scalar { value, style } => NewKind::Scalar { value: Cow::Owned(value.to_owned()), style },
        NodeKind::Sequence { items, flow } => {
            NewKind::Sequence { items: items.iter().map(|id| base + id).collect(), flow }
        }
        NodeKind::Mapping { entries, flow } => NewKind::Mapping {
            entries: entries.iter().map(|(key, value)| (base + key, base + value)).collect(),
            flow,
        },
        NodeKind::Alias(target) => NewKind::Alias(base + target),
    };
    NewNode {
        span: lines.place(&node.span()),
        parent: Some(node.parent().map_or(scalar, |parent| base + parent)),
        index: node.index(),
        kind,
        anchored: node.is_anchored(),
        tag: Cow::Owned(tree.tag(id).to_owned()),
    }
}

struct BlockLines {
    span: Range<usize>,
    indent: usize,
    /// (offset in the decoded text, offset in the file)
    starts: Vec<(usize, usize)>,
}

impl BlockLines {
    /// Returns the lines of a block scalar; `None` where the decoded text is not what stands in the file.
    fn of(tree: &SyntaxTree<'_>, scalar: NodeId) -> Option<Self> {
        let span = tree.nodes.get(scalar)?.span();
        let NodeKind::Scalar { value, style: ScalarStyle::Block } = tree.kind(scalar) else { return None };
        if tree.is_masked(scalar) {
            return None;
        }
        let start = tree.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let span = start..span.end;
        let source = &tree.text[span.clone()];
        let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let first = |text: &str| text.lines().find(|line| !line.trim().is_empty()).map(blanks);
        let indent = first(source)?.checked_sub(first(value)?)?;
        let text = dedent(source, indent)?;
        if text.trim_end_matches('\n') != value.trim_end_matches('\n') {
            return None;
        }
        let (mut starts, mut inner, mut outer) = (Vec::new(), 0, span.start);
        for line in source.split_inclusive('\n') {
            let body = line.trim_end_matches(['\n', '\r']);
            starts.push((inner, outer + indent.min(body.len())));
            inner += body.len().saturating_sub(indent) + 1;
            outer += line.len();
        }
        Some(Self { span, indent, starts })
    }

    fn place(&self, span: &Range<usize>) -> Range<usize> {
        self.at(span.start)..self.at(span.end)
    }

    fn at(&self, inner: usize) -> usize {
        let line = self.starts.partition_point(|(start, _)| *start <= inner).saturating_sub(1);
        self.starts
            .get(line)
            .map_or(self.span.end, |(start, outer)| (outer + inner - start).min(self.span.end))
    }
}

/// Returns the lines without `indent` blanks before each, line ends as YAML reads them; `None` where a line has fewer.
pub(in crate::manifest) fn dedent(source: &str, indent: usize) -> Option<String> {
    let mut text = String::with_capacity(source.len());
    for line in source.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        match body.get(..indent) {
            Some(blanks) if blanks.bytes().all(|b| b == b' ') => text.push_str(&body[indent..]),
            _ if body.trim_matches(' ').is_empty() => {}
            _ => return None,
        }
        if line.ends_with('\n') {
            text.push('\n');
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded<'a>(text: &'a str, key: &str) -> Option<(SyntaxTree<'a>, NodeId)> {
        let mut tree = yaml::parse(text);
        let block = tree.get(tree.documents[0].root.unwrap(), key).unwrap();
        let root = tree.embed(block, Language::Yaml)?[0];
        Some((tree, root))
    }

    #[test]
    fn inner_spans_are_bytes_of_the_file() {
        for text in [
            "a: 1\nv: |\n  # é\n\n  image:\n    tag: \"1.2\" # x\n    list: [a, b]\nz: 2\n",
            "a: 1\r\nv: |-\r\n    image:\r\n      tag: '1.2'\r\n      list:\r\n      - a\r\n",
            "v: |2\n    image: {tag: 1.2, list: [a]}",
        ] {
            let (tree, root) = embedded(text, "v").unwrap();
            let image = tree.get(root, "image").unwrap();
            let tag = tree.get(image, "tag").unwrap();
            let source = &text[tree.nodes[tag].span()];
            assert_eq!(source.trim_matches(['"', '\'']), "1.2", "{text:?}");
            assert_eq!(tree.text_of(tag), Some("1.2"));
            assert_eq!(tree.pointer(tag), "/v/image/tag");
            let item = tree.items(tree.get(image, "list").unwrap())[0];
            assert_eq!(&text[tree.nodes[item].span()], "a");
        }
    }

    #[test]
    fn text_without_an_exact_place_is_not_read() {
        for text in
            ["v: >\n  a: 1\n  b: 2\n", "v: \"a: 1\"\n", "v: |\n  a: [\n", "v: |\n  a: 1\n  ---\n  b: [\n"]
        {
            assert!(embedded(text, "v").is_none(), "{text:?}");
        }
    }

    #[test]
    fn each_document_of_a_text_has_pointers_of_its_own() {
        let mut tree = yaml::parse("v: |\n  a: 1\n  ---\n  # nothing\n  ---\n  a: 2\n");
        let block = tree.get(tree.documents[0].root.unwrap(), "v").unwrap();
        let roots = tree.embed(block, Language::Yaml).unwrap();
        let found = roots.iter().filter_map(|root| tree.get(*root, "a"));
        let found: Vec<_> = found.map(|a| (tree.pointer(a), tree.text_of(a).unwrap().to_owned())).collect();
        assert_eq!(found, [("/v/a".to_owned(), "1".to_owned()), ("/v/2/a".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn what_is_forgotten_leaves_nothing() {
        let mut tree = yaml::parse("# c\nv: |\n  a: 1 # d\n");
        let before = (tree.nodes.len(), tree.comments.clone());
        let block = tree.get(tree.documents[0].root.unwrap(), "v").unwrap();
        assert!(tree.embed(block, Language::Yaml).is_some() && tree.comments.len() == 2);
        tree.forget_embedded();
        assert_eq!((tree.nodes.len(), tree.comments.clone()), before);
        assert!(tree.embedded.is_empty());
    }
}
