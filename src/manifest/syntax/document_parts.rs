//! A long document in parts, each of which is a document of its own: the second reader keeps all that it has read of a
//! document until its end, some fifteen times its bytes.
//!
//! A reader of YAML goes from left to right, and what it makes of the rest follows from the collections that are open. So a
//! part begins with these, as small as they can be written, and with the child that the part before ended with: a reader
//! that sees that child begin there, in those collections, goes on in the whole document as it does in the next part.

use std::collections::HashMap;
use std::ops::Range;

use super::tree::{NodeForm, NodeId, NodeKind, SyntaxTree};
use super::tree_edit::{ExpectedEntry, TreeEdit};

/// How many bytes a part has, about.
const PART: usize = 1 << 18;

/// Which children of collections are looked at, where these are not all.
#[derive(Debug, Default)]
pub(super) struct Shown {
    first: HashMap<NodeId, usize>,
    last: HashMap<NodeId, usize>,
}

impl Shown {
    /// Returns the first and the last child of a collection that are looked at; `None` where it is that of the collection.
    pub(super) fn ends(&self, collection: NodeId) -> (Option<usize>, Option<usize>) {
        (self.first.get(&collection).copied(), self.last.get(&collection).copied())
    }

    /// Returns those of the children of a collection that are looked at.
    pub(super) fn of<'c, C>(&self, collection: NodeId, children: &'c [C]) -> &'c [C] {
        let (first, last) = self.ends(collection);
        let end = last.map_or(children.len(), |last| last + 1);
        children.get(first.unwrap_or_default()..end).unwrap_or_default()
    }
}

/// A document that is cut into parts.
pub(super) struct CutDocument<'t, 'a> {
    pub(super) tree: &'t SyntaxTree<'a>,
    pub(super) root: NodeId,
    span: Range<usize>,
    cuts: Vec<Cut>,
}

/// A child of a collection, before which a document is cut.
struct Cut {
    /// The collections that it stands in, from the root, each with which of its children leads there.
    path: Vec<(NodeId, usize)>,
    /// These collections, with nothing before the child.
    head: String,
    /// The child, from the start of its line to that of the next child.
    span: Range<usize>,
}

impl<'t, 'a> CutDocument<'t, 'a> {
    /// Cuts the document below `root`, which stands at `span`; returns `None` where it is short, has no place to be cut at,
    /// or says in one place what counts in another: by anchors and tags.
    pub(super) fn new(tree: &'t SyntaxTree<'a>, root: NodeId, span: Range<usize>) -> Option<Self> {
        Self::by(PART, tree, root, span)
    }

    fn by(size: usize, tree: &'t SyntaxTree<'a>, root: NodeId, span: Range<usize>) -> Option<Self> {
        if span.len() <= 2 * size || refers(tree) {
            return None;
        }
        let mut search = CutSearch { tree, size, last: span.start, path: Vec::new(), cuts: Vec::new() };
        search.below(root, span.end);
        let cuts = search.cuts;
        (!cuts.is_empty()).then_some(Self { tree, root, span, cuts })
    }

    /// Returns the document below `root` in `tree`, which stands at `span` and is what an edit made of this one, cut at the same
    /// places; `None` where one of them is no longer there.
    pub(super) fn edited<'e, 'b>(
        &self,
        edit: &TreeEdit,
        tree: &'e SyntaxTree<'b>,
        root: NodeId,
        span: Range<usize>,
    ) -> Option<CutDocument<'e, 'b>> {
        let cut = |cut: &Cut| {
            let (mut path, mut child) = (Vec::new(), root);
            for (node, index) in &cut.path {
                let length = self.tree.entries(*node).len();
                let is_it = |entry| matches!(entry, ExpectedEntry::Old(old) if old == *index);
                let index = match self.tree.is_sequence(*node) {
                    true => *index,
                    false => edit.expected_entries(*node, length).position(is_it)?,
                };
                path.push((child, index));
                child = child_at(tree, child, index)?.1;
            }
            Cut::at(tree, path)
        };
        let cuts = self.cuts.iter().map(cut).collect::<Option<_>>().filter(|_| !refers(tree))?;
        Some(CutDocument { tree, root, span, cuts })
    }

    /// Returns the parts, each with what it shows of the tree.
    pub(super) fn parts(&self) -> impl Iterator<Item = (String, Shown)> {
        (0..=self.cuts.len()).map(|index| {
            let (before, next) =
                (index.checked_sub(1).map(|before| &self.cuts[before]), self.cuts.get(index));
            let start = before.map_or(self.span.start, |cut| cut.span.start);
            let end = next.map_or(self.span.end, |cut| cut.span.end);
            let path =
                |cut: Option<&Cut>| cut.map(|cut| cut.path.iter().copied().collect()).unwrap_or_default();
            let head = before.map(|cut| cut.head.as_str()).unwrap_or_default();
            (
                format!("{head}{}", &self.tree.text[start..end]),
                Shown { first: path(before), last: path(next) },
            )
        })
    }
}

fn refers(tree: &SyntaxTree<'_>) -> bool {
    tree.nodes.iter().any(|node| node.anchored || node.tagged || node.form == NodeForm::Alias)
}

/// Returns the node that a child of a collection in block style begins with, and the one that it is.
fn child_at(tree: &SyntaxTree<'_>, node: NodeId, index: usize) -> Option<(NodeId, NodeId)> {
    match tree.kind(node) {
        NodeKind::Sequence { items, flow: false } => items.get(index).map(|item| (*item, *item)),
        NodeKind::Mapping { entries, flow: false } => entries.get(index).copied(),
        _ => None,
    }
}

impl Cut {
    /// Returns the cut before the child that `path` leads to; `None` where it or the next one does not stand on lines of
    /// its own.
    fn at(tree: &SyntaxTree<'_>, path: Vec<(NodeId, usize)>) -> Option<Self> {
        let (node, index) = *path.last()?;
        let [start, next] =
            [index, index + 1].map(|index| ChildStart::of(tree, node, index).filter(|it| it.is_alone));
        let span = start?.line..next?.line;
        let open = path[..path.len() - 1].iter();
        let head = open
            .map(|(node, index)| Some(ChildStart::of(tree, *node, *index)?.head()))
            .collect::<Option<_>>()?;
        Some(Self { path, head, span })
    }
}

/// The search for places to cut at.
struct CutSearch<'t, 'a> {
    tree: &'t SyntaxTree<'a>,
    /// How many bytes a part has, about.
    size: usize,
    /// Where the last cut is.
    last: usize,
    /// Where it searches.
    path: Vec<(NodeId, usize)>,
    cuts: Vec<Cut>,
}

impl CutSearch<'_, '_> {
    /// Searches among what stands below a node that ends before `end`.
    fn below(&mut self, node: NodeId, end: usize) {
        let mut child = child_at(self.tree, node, 0).map(|(_, child)| child);
        let mut start = ChildStart::of(self.tree, node, 0);
        for index in 0.. {
            let Some(node_of_child) = child else { break };
            let following = child_at(self.tree, node, index + 1).map(|(_, child)| child);
            let next = ChildStart::of(self.tree, node, index + 1);
            let child_end = match (following, &next) {
                (None, _) => Some(end),
                (Some(_), next) => next.as_ref().filter(|next| next.is_alone).map(|next| next.line),
            };
            if let (Some(start), Some(child_end)) = (&start, child_end) {
                self.path.push((node, index));
                if child_end.saturating_sub(start.line) > self.size {
                    self.below(node_of_child, child_end);
                } else if start.line.saturating_sub(self.last) >= self.size
                    && let Some(cut) = Cut::at(self.tree, self.path.clone())
                {
                    self.last = cut.span.start;
                    self.cuts.push(cut);
                }
                self.path.pop();
            }
            (child, start) = (following, next);
        }
    }
}

/// Where a child of a collection starts.
struct ChildStart<'t> {
    /// Where its line starts.
    line: usize,
    /// The column of what makes it a child: its key, or its dash.
    column: usize,
    /// The key; `None` for an item.
    key: Option<&'t str>,
    /// Whether nothing stands before it on its line.
    is_alone: bool,
}

impl<'t> ChildStart<'t> {
    /// Returns `None` where more than indentation and dashes stands before it, or its key takes several lines.
    fn of(tree: &SyntaxTree<'t>, node: NodeId, index: usize) -> Option<Self> {
        let span = tree.nodes[child_at(tree, node, index)?.0].span();
        let line = tree.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let mut before = &tree.text[line..span.start];
        let is_item = tree.is_sequence(node);
        if is_item {
            before = before.strip_suffix(' ')?.trim_end_matches(' ').strip_suffix('-')?;
        }
        let is_alone = before.bytes().all(|byte| byte == b' ');
        let is_compact = || before.ends_with(' ') && before.split(' ').all(|word| matches!(word, "" | "-"));
        let key = (!is_item).then(|| &tree.text[span]);
        let is_short = key.is_none_or(|key| !key.is_empty() && !key.contains(['\n', '\r']));
        (is_short && (is_alone || is_compact())).then_some(Self { line, column: before.len(), key, is_alone })
    }

    /// Returns what opens a collection that is this child.
    fn head(&self) -> String {
        let indent = " ".repeat(self.column);
        self.key.map_or_else(|| format!("{indent}-\n"), |key| format!("{indent}{key}:\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::syntax::agreement::{agree_in_parts, agreement};
    use crate::manifest::syntax::yaml;

    const SIZE: usize = 200;

    fn long(item: impl Fn(usize) -> String) -> String {
        (0..20).map(item).collect()
    }

    /// Documents with much in one collection, or in several.
    fn documents() -> [String; 6] {
        let pod = |indent: &str, i: usize| {
            format!(
                "{indent}- kind: Pod # {i}\n{indent}  \"spec\":\n{indent}    containers:\n{indent}    - image: a:{i}\n\n\
                 {indent}      args: [a, \"b\n{indent}         c\"]\n"
            )
        };
        let list = |indent: &str| long(|i| pod(indent, i));
        let blocks = |i| format!("key{i}:\n  a: {i}\n  b: |\n    c: d\n      - e\n  f: >-\n    g\n\n    h\n");
        let text = long(|i| format!("    line {i}\n    - a: b\n\n"));
        [
            format!("# first\n---\nkind: List\nitems:\n{}metadata:\n  name: a\n", list("")),
            format!("kind: List\nitems:\n{}\n# last", list("  ")),
            list(""),
            format!("a:\n- b\n- - c\n  - d: e\n    \"f g\":\n{}- h: i\n", list("    ")),
            long(blocks).replace('\n', "\r\n"),
            format!("a: b\ndata:\n  x: |\n{text}  y: z\nb:\n{}", list("  ")),
        ]
    }

    fn cut<'t, 'a>(tree: &'t SyntaxTree<'a>) -> Option<CutDocument<'t, 'a>> {
        CutDocument::by(SIZE, tree, tree.documents[0].root?, 0..tree.text.len())
    }

    #[test]
    fn parts_are_small_documents_and_all_of_the_text() {
        for text in documents() {
            let tree = yaml::parse(&text);
            let cut = cut(&tree).unwrap();
            assert!(cut.cuts.len() > 5, "{text}");
            let mut end = 0;
            for (index, (part, _)) in cut.parts().enumerate() {
                let start = index.checked_sub(1).map_or(0, |before| cut.cuts[before].span.start);
                assert!(start <= end && yaml::parse(&part).documents[0].error.is_none(), "{part}");
                end = cut.cuts.get(index).map_or(text.len(), |cut| cut.span.end);
            }
            assert_eq!(end, text.len());
            assert!(agree_in_parts(&cut), "{text}");
        }
    }

    #[test]
    fn readers_that_agree_on_all_parts_agree_on_the_document() {
        const DAMAGE: [&str; 24] = [
            "\t", " ", "\u{85}", "\u{2028}", "\u{feff}", "\r", "\n", "#", "\"", "'", "- ", "|", "|-", ">",
            "|1", ": ", "? ", "{", "]", ",", "&a ", "!a ", "%", "\0",
        ];
        let (mut agreed, mut refused) = (0, 0);
        for text in documents() {
            let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
            for (number, end) in ends.iter().enumerate() {
                for (index, damage) in DAMAGE.iter().enumerate().skip(number % 4).step_by(4) {
                    // At the end of a line, at the start of one, behind its indentation, and instead of its last letter.
                    let next = end + 1;
                    let indent = text[next..].len() - text[next..].trim_start_matches([' ', '-']).len();
                    let (at, skipped) = [(*end, 0), (next, 0), (next + indent, 0), (end - 1, 1)]
                        [(number / 4 + index / 4) % 4];
                    if !text.is_char_boundary(at) || at + skipped > text.len() {
                        continue;
                    }
                    let damaged = format!("{}{damage}{}", &text[..at], &text[at + skipped..]);
                    let tree = yaml::parse(&damaged);
                    let [document] = &tree.documents[..] else { continue };
                    let (Some(cut), Some(root)) = (cut(&tree), document.root) else { continue };
                    let in_parts = agree_in_parts(&cut);
                    let whole = agreement(&tree, &[root], &damaged, &Shown::default());
                    assert!(!in_parts || whole.is_ok(), "{damage:?} at {at}: {whole:?}\n{damaged}");
                    *(if in_parts { &mut agreed } else { &mut refused }) += 1;
                }
            }
        }
        assert!(agreed > 500 && refused > 10, "{agreed} {refused}");
    }
}
