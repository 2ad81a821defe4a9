//! Edits: which bytes change, and what the tree is expected to look like afterwards.

use std::ops::Range;

use crate::manifest::site::{Site, Write};
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};
use crate::manifest::syntax::tree_edit::{Added, TreeEdit};
use crate::reference::{Digest, Reference};

/// A planned change of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is spliced, in no particular order, never overlapping.
    pub splices: Vec<Splice>,
    /// What the tree is expected to look like afterwards.
    pub tree: TreeEdit,
}

/// Bytes that replace other bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// What is replaced; empty for an insertion.
    pub span: Range<usize>,
    /// By what.
    pub text: String,
}

/// Why a place cannot be edited safely. The site is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpliceError {
    /// The scalar's value cannot be found in its source.
    #[error("the value is written in a way that cannot be replaced in place")]
    Scalar,
    /// The mapping is written in a way that no line can be added to.
    #[error("no entry can be added to this mapping")]
    Mapping,
    /// Another image reads the same scalar through an anchor, and needs another value.
    #[error(
        "the value is shared, through an anchor or by two images, and not everything that reads it can have the new one"
    )]
    Shared,
    /// The tag is to change and stands elsewhere.
    #[error("the tag is to change, and stands nowhere here")]
    NoTag,
    /// A comment has no room: something else follows on the line.
    #[error("there is no room for a comment on this line: put the one that is there on a line of its own")]
    Comment,
}

impl SpliceError {
    /// Returns the kebab-case reason for reports.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Scalar => "unusual-scalar",
            Self::Mapping => "unusual-mapping",
            Self::Shared => "shared-value",
            Self::NoTag => "tag-elsewhere",
            Self::Comment => "no-room-for-comment",
        }
    }
}

impl Plan {
    /// Plans to write `tag` where a site has its tag in a field of its own beside that of the digest. Elsewhere the tag is
    /// written together with the digest.
    ///
    /// # Errors
    /// There is no such field, something else reads it through an anchor, or it cannot be edited safely.
    pub fn retag(
        &mut self,
        tree: &SyntaxTree<'_>,
        site: &Site,
        tag: Option<&str>,
    ) -> Result<(), SpliceError> {
        let Some(tag) = tag else { return Ok(()) };
        if !matches!(site.write, Some(Write::Digest { .. } | Write::AddDigest { .. })) {
            return Ok(());
        }
        // The main scalar of split fields is the tag's, where there is one.
        if site.fields.get("tag") != Some(&site.span) {
            return Err(SpliceError::NoTag);
        }
        if tree.nodes[site.main].is_anchored() {
            return Err(SpliceError::Shared);
        }
        self.set(tree, site.main, tag.to_owned())
    }

    /// Plans to write `digest` at a site whose reference is `reference`.
    ///
    /// # Errors
    /// The place cannot be edited safely; the plan is as it was.
    pub fn pin(
        &mut self,
        tree: &SyntaxTree<'_>,
        write: &Write,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<(), SpliceError> {
        match write {
            Write::Whole { node, prefix, suffix } => {
                self.set(tree, *node, format!("{prefix}{}{suffix}", reference.pinned(digest)))
            }
            Write::Digest { node, bare: true } => self.set(tree, *node, digest.hex().to_owned()),
            Write::Digest { node, bare: false } => self.set(tree, *node, digest.to_string()),
            Write::Tag { node } => {
                let tag = reference.tag().unwrap_or(crate::reference::LATEST);
                self.set(tree, *node, format!("{tag}@{digest}"))
            }
            Write::AddDigest { mapping, after, key, bare } => {
                let text = if *bare { digest.hex() } else { digest.as_str() };
                self.add_after(tree, *mapping, *after, key, text)
            }
        }
    }

    /// Plans to write `repo@digest # repo:tag` at a site that holds a whole reference; other sites are pinned as by
    /// [`Plan::pin`].
    ///
    /// # Errors
    /// There is no room for the comment: a flow collection goes on, or a comment of somebody else's stands there.
    pub fn pin_with_comment(
        &mut self,
        tree: &SyntaxTree<'_>,
        write: &Write,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<(), SpliceError> {
        let Write::Whole { node, prefix, suffix } = write else {
            return self.pin(tree, write, reference, digest);
        };
        let end = tree.nodes[*node].span().end;
        // A block scalar has no room beside it, JSON has no comments, and a unit file none behind a value.
        if matches!(tree.kind(*node), NodeKind::Scalar { style: ScalarStyle::Block, .. })
            || is_json(tree, *node)
            || !tree.language.syntax().has_trailing_comments
        {
            return Err(SpliceError::Comment);
        }
        let tag = reference.tag().unwrap_or(crate::reference::LATEST);
        let comment = format!("# {}:{tag}", reference.name());
        let splice = match tree.comment_after(*node) {
            Some(span) if is_own_comment(&tree.text[span.clone()], reference) => {
                Splice { span, text: comment }
            }
            None if is_blank_to_line_end(tree.text, end) => {
                Splice { span: end..end, text: format!(" {comment}") }
            }
            _ => return Err(SpliceError::Comment),
        };
        self.set(tree, *node, format!("{prefix}{}@{digest}{suffix}", reference.name()))?;
        self.splices.push(splice);
        Ok(())
    }

    /// Plans to give the scalar `node` another value, in the style that it is written in.
    ///
    /// # Errors
    /// The value cannot be found in the source, the node is not a scalar, or it was planned to get another value.
    pub fn set(&mut self, tree: &SyntaxTree<'_>, node: NodeId, value: String) -> Result<(), SpliceError> {
        let there = &tree.nodes[node];
        let NodeKind::Scalar { style, .. } = tree.kind(node) else { return Err(SpliceError::Scalar) };
        let span = there.span();
        if let Some(planned) = self.tree.set.get(&node) {
            return if *planned == value { Ok(()) } else { Err(SpliceError::Shared) };
        }
        let inner = || tree.inner_span(node).ok_or(SpliceError::Scalar);
        let splice = match style {
            // An anchor or a tag would stand between the colon and the value, or say that it is null.
            ScalarStyle::Plain
                if tree.is_null(node) && (there.is_anchored() || !tree.tag(node).is_empty()) =>
            {
                return Err(SpliceError::Scalar);
            }
            ScalarStyle::Plain if span.is_empty() => {
                let after = colon_of(tree, node).ok_or(SpliceError::Scalar)? + 1;
                let text = quoted_if_needed(&value, is_json(tree, node));
                Splice { span: after..after, text: format!(" {text}") }
            }
            ScalarStyle::Plain => {
                let span = if tree.is_null(node) { span } else { inner()? };
                Splice { span, text: quoted_if_needed(&value, is_json(tree, node)) }
            }
            // What would need an escape stood in the file as one: it is not rewritten.
            ScalarStyle::Single if value.contains('\'') => return Err(SpliceError::Scalar),
            ScalarStyle::Double if value.contains(['"', '\\']) => return Err(SpliceError::Scalar),
            ScalarStyle::Single | ScalarStyle::Double | ScalarStyle::Block => {
                Splice { span: inner()?, text: value.clone() }
            }
        };
        if value.contains(char::is_control) {
            return Err(SpliceError::Scalar);
        }
        self.splices.push(splice);
        self.tree.set.insert(node, value);
        Ok(())
    }

    /// Plans to add `key: value` to `mapping`, right after the entry whose value is `after`.
    ///
    /// # Errors
    /// The entry is not one of the mapping's own.
    pub fn add_after(
        &mut self,
        tree: &SyntaxTree<'_>,
        mapping: NodeId,
        after: NodeId,
        key: &str,
        value: &str,
    ) -> Result<(), SpliceError> {
        self.add_entry(tree, mapping, after, key, Added::Text(value.to_owned()), 2)
    }

    /// Plans to add an entry whose value may be a mapping, indented by `step` more.
    ///
    /// # Errors
    /// The entry is not one of the mapping's own, or no other line can stand below it.
    pub fn add_entry(
        &mut self,
        tree: &SyntaxTree<'_>,
        mapping: NodeId,
        after: NodeId,
        key: &str,
        value: Added,
        step: usize,
    ) -> Result<(), SpliceError> {
        let NodeKind::Mapping { entries, flow } = tree.kind(mapping) else {
            return Err(SpliceError::Mapping);
        };
        let after_node = &tree.nodes[after];
        let index = after_node.index();
        // A collection's span ends where the next token starts: no place for a line.
        let ends_with_its_text = matches!(tree.kind(after), NodeKind::Scalar { .. } | NodeKind::Alias(_));
        if entries.get(index).is_none_or(|(_, value)| *value != after) || !ends_with_its_text {
            return Err(SpliceError::Mapping);
        }
        let (end, text) = (after_node.span().end, tree.text);
        let splice = if flow {
            let sibling = &tree.nodes[entries[index].0];
            let json =
                matches!(tree.kind(entries[index].0), NodeKind::Scalar { style: ScalarStyle::Double, .. });
            let entry = flow_entry(key, &value, json);
            match blank_before(text, sibling.span().start) {
                Some(before) => match end_of_comma_line(text, end) {
                    Some(at) => {
                        Splice { span: at..at, text: format!("{}{before}{entry},", line_end(text, at)) }
                    }
                    None => {
                        Splice { span: end..end, text: format!(",{}{before}{entry}", line_end(text, end)) }
                    }
                },
                None => Splice { span: end..end, text: format!(", {entry}") },
            }
        } else {
            let indent =
                entries.iter().find_map(|(key, _)| indent(tree, *key)).ok_or(SpliceError::Mapping)?;
            let below = !after_node.span().is_empty() && text[..end].ends_with(['\n', '\r']);
            let is_block = matches!(tree.kind(after), NodeKind::Scalar { style: ScalarStyle::Block, .. });
            if is_block && !below && end < text.len() {
                // A block scalar without content has no last line: what the parser says is its end is after the key below it.
                return Err(SpliceError::Mapping);
            }
            let line_end = line_end(text, if below { end - 1 } else { end });
            let lines = block_entry(key, &value, indent, step, line_end);
            if below {
                // A block scalar's span ends after its last line.
                Splice { span: end..end, text: format!("{lines}{line_end}") }
            } else {
                let at = end + text[end..].find(['\n', '\r']).unwrap_or(text.len() - end);
                Splice { span: at..at, text: format!("{line_end}{lines}") }
            }
        };
        self.splices.push(splice);
        self.tree.added.entry(mapping).or_default().push((index + 1, key.to_owned(), value));
        Ok(())
    }

    /// Plans to put a mapping of scalars where `node`, the value of a key, is null; in a block it is indented by `step`
    /// more than the key.
    ///
    /// # Errors
    /// The node is not a null, has an anchor or a tag, or something else stands on its line.
    pub fn fill(
        &mut self,
        tree: &SyntaxTree<'_>,
        node: NodeId,
        entries: Vec<(String, String)>,
        step: usize,
    ) -> Result<(), SpliceError> {
        let there = &tree.nodes[node];
        let (true, Some(parent), false) = (tree.is_scalar(node), there.parent(), there.is_anchored()) else {
            return Err(SpliceError::Mapping);
        };
        let span = there.span();
        let (Some(key), Some(colon)) = (tree.key_node_of(node), colon_of(tree, node)) else {
            return Err(SpliceError::Mapping);
        };
        if !tree.is_null(node) || !tree.tag(node).is_empty() {
            return Err(SpliceError::Mapping);
        }
        let (after, text) = (colon + 1, tree.text);
        let null = if span.is_empty() { after..after } else { span.clone() };
        if matches!(tree.kind(parent), NodeKind::Mapping { flow: true, .. }) {
            let blank = if span.is_empty() { " " } else { "" };
            let mapping = flow_mapping(&entries, is_json(tree, node));
            self.splices.push(Splice { span: null, text: format!("{blank}{mapping}") });
        } else {
            let line_length = text[null.end..].find(['\n', '\r']).unwrap_or(text.len() - null.end);
            let at = null.end + line_length;
            let (before, behind) = (&text[after..null.start], text[null.end..at].trim_start());
            if !before.trim().is_empty() || before.contains(['\n', '\r']) {
                return Err(SpliceError::Mapping);
            }
            if !behind.is_empty() && !behind.starts_with('#') {
                return Err(SpliceError::Mapping);
            }
            let inner = indent(tree, key).ok_or(SpliceError::Mapping)? + step;
            let line_end = line_end(text, null.end);
            let lines: String =
                entries.iter().map(|(key, value)| block_line(key, value, inner, line_end)).collect();
            if after < null.end {
                self.splices.push(Splice { span: after..null.end, text: String::new() });
            }
            self.splices.push(Splice { span: at..at, text: lines });
        }
        self.tree.filled.insert(node, entries);
        Ok(())
    }

    /// Adds what `more` plans, which is about other nodes.
    pub(super) fn join(&mut self, more: Self) {
        let TreeEdit { set, added, removed, filled } = more.tree;
        self.splices.extend(more.splices);
        self.tree.set.extend(set);
        for (mapping, entries) in added {
            self.tree.added.entry(mapping).or_default().extend(entries);
        }
        for (mapping, entries) in removed {
            self.tree.removed.entry(mapping).or_default().extend(entries);
        }
        self.tree.filled.extend(filled);
    }

    /// Returns the text with all splices done.
    ///
    /// Returns `None` where splices overlap or leave the text.
    pub fn apply(&self, text: &str) -> Option<String> {
        let mut out =
            String::with_capacity(text.len() + self.splices.iter().map(|s| s.text.len()).sum::<usize>());
        let mut at = 0;
        for splice in self.sorted() {
            if splice.span.start < at {
                return None;
            }
            out.push_str(text.get(at..splice.span.start)?);
            out.push_str(&splice.text);
            at = splice.span.end;
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }

    /// Returns the splices in the order of the text; insertions at one place keep their order.
    pub fn sorted(&self) -> Vec<&Splice> {
        let mut splices: Vec<&Splice> = self.splices.iter().collect();
        splices.sort_by_key(|splice| (splice.span.start, splice.span.end));
        splices
    }
}

/// Returns whether a comment is one that style `digest` wrote: `# repo:tag` of the same repository.
fn is_own_comment(comment: &str, reference: &Reference) -> bool {
    Reference::parse(comment.trim_start_matches('#').trim()).is_ok_and(|named| {
        named.name() == reference.name() && named.tag().is_some() && named.digest().is_none()
    })
}

fn colon_of(tree: &SyntaxTree<'_>, node: NodeId) -> Option<usize> {
    let end = tree.nodes[tree.key_node_of(node)?].span().end;
    let rest = &tree.text[end..];
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[blanks..].starts_with(':').then_some(end + blanks)
}

/// Returns whether `node` is the value of a double-quoted key in braces. JSON has no plain strings.
fn is_json(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let parent = tree.nodes[node].parent().map(|parent| tree.kind(parent));
    let key = tree.key_node_of(node).map(|key| tree.kind(key));
    matches!(parent, Some(NodeKind::Mapping { flow: true, .. }))
        && matches!(key, Some(NodeKind::Scalar { style: ScalarStyle::Double, .. }))
}

/// Quotes hex digits that a YAML reader may take for a number (`1234…`, `12e4…`), and tags that it may take for a number or a
/// word of its own (`0x1f`, `on`).
fn quoted_if_needed(value: &str, json: bool) -> String {
    let numeric =
        value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'e' | b'E' | b'.' | b'_' | b'+' | b'-'));
    let lower = value.to_ascii_lowercase();
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let special = words.contains(&lower.as_str()) || lower.starts_with("0x") || lower.starts_with("0o");
    if json || numeric || special { format!("\"{value}\"") } else { value.to_owned() }
}

/// Returns by how many blanks a block mapping is indented, judged by one of its keys.
///
/// `None` where something else stands before the key: `? `, an anchor, a tag, a tab.
fn indent(tree: &SyntaxTree<'_>, key: NodeId) -> Option<usize> {
    let start = tree.nodes[key].span().start;
    let before = &tree.text[line_start(tree.text, start)..start];
    before.bytes().all(|b| b == b' ' || b == b'-').then_some(before.len())
}

/// Returns the end of the line on which a value of a flow collection ends at `at`, where only a comma and a comment
/// follow it.
fn end_of_comma_line(text: &str, at: usize) -> Option<usize> {
    let line = text[at..].split(['\n', '\r']).next()?;
    let tail = line.trim_start_matches([' ', '\t']).strip_prefix(',')?;
    (tail.trim().is_empty() || tail.trim_start_matches([' ', '\t']).starts_with('#'))
        .then_some(at + line.len())
}

/// Returns what stands before `at` on its line, where that is blank. No more is looked at: a line may be a whole file.
fn blank_before(text: &str, at: usize) -> Option<&str> {
    let before = &text[..at];
    let rest = before.trim_end_matches(|c: char| c.is_whitespace() && c != '\n' && c != '\r');
    (rest.is_empty() || rest.ends_with(['\n', '\r'])).then(|| &before[rest.len()..])
}

/// Returns whether nothing but blanks follows on the line.
fn is_blank_to_line_end(text: &str, at: usize) -> bool {
    let ends = |c: &char| !c.is_whitespace() || matches!(c, '\n' | '\r');
    text[at..].chars().find(ends).is_none_or(char::is_whitespace)
}

/// Returns the start of the line that `at` stands on. Lines end with LF, CR LF, or CR alone (YAML 1.2.2, 5.4).
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

/// Returns the line end that is used at `at`, or before it where the text ends.
fn line_end(text: &str, at: usize) -> &'static str {
    let end = text[at..].find(['\n', '\r']).map(|next| at + next);
    let end = end.or_else(|| text[..at].rfind('\n')).or_else(|| text[..at].rfind('\r'));
    match end.map(|end| (text[..end].ends_with('\r'), &text[end..])) {
        Some((_, rest)) if rest.starts_with("\r\n") => "\r\n",
        Some((true, rest)) if rest.starts_with('\n') => "\r\n",
        Some((_, rest)) if rest.starts_with('\r') => "\r",
        _ => "\n",
    }
}

fn flow_entry(key: &str, value: &Added, json: bool) -> String {
    let quote = |text: &str| if json { format!("\"{text}\"") } else { text.to_owned() };
    let scalar = |text: &str| quoted_if_needed(text, json);
    match value {
        Added::Text(text) => format!("{}: {}", quote(key), scalar(text)),
        Added::Mapping(entries) => format!("{}: {}", quote(key), flow_mapping(entries, json)),
    }
}

fn flow_mapping(entries: &[(String, String)], json: bool) -> String {
    let entry = |(key, value): &(String, String)| flow_entry(key, &Added::Text(value.clone()), json);
    format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// Returns an entry on a line of its own, with the line end before it.
fn block_line(key: &str, value: &str, indent: usize, line_end: &str) -> String {
    format!("{line_end}{}{key}: {}", " ".repeat(indent), quoted_if_needed(value, false))
}

/// Returns the lines of an entry, without the last line end.
fn block_entry(key: &str, value: &Added, indent: usize, step: usize, line_end: &str) -> String {
    let outer = " ".repeat(indent);
    match value {
        Added::Text(text) => format!("{outer}{key}: {}", quoted_if_needed(text, false)),
        Added::Mapping(entries) => {
            let lines = entries.iter().map(|(key, value)| block_line(key, value, indent + step, line_end));
            format!("{outer}{key}:{}", lines.collect::<String>())
        }
    }
}
