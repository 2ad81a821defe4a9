//! Edits: which bytes change, and what the tree is expected to look like afterwards.

use std::collections::BTreeMap;
use std::ops::Range;

use super::site::{Write, inner_span};
use super::yaml::{Kind, NodeId, Style, Yaml};
use crate::reference::{Digest, Reference};

/// A planned change of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is spliced, in no particular order, never overlapping.
    pub splices: Vec<Splice>,
    /// Scalars that get another value.
    pub set: BTreeMap<NodeId, String>,
    /// Entries that mappings get, by mapping: after how many of its own entries, key, value.
    pub added: BTreeMap<NodeId, Vec<(usize, String, Added)>>,
    /// Entries that mappings lose, by mapping: which of its own entries.
    pub removed: BTreeMap<NodeId, Vec<usize>>,
}

/// Bytes that replace other bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// What is replaced; empty for an insertion.
    pub span: Range<usize>,
    /// By what.
    pub text: String,
}

/// The value of an entry that is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// A scalar.
    Text(String),
    /// A mapping of scalars.
    Mapping(Vec<(String, String)>),
}

/// Why a place cannot be edited safely. The site is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The scalar's value cannot be found in its source.
    #[error("the value is written in a way that cannot be replaced in place")]
    Scalar,
    /// The mapping is written in a way that no line can be added to.
    #[error("no entry can be added to this mapping")]
    Mapping,
    /// A comment has no room: something else follows on the line.
    #[error("there is no room for a comment on this line")]
    Comment,
}

impl EditError {
    /// Returns the kebab-case reason for reports.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Scalar => "unusual-scalar",
            Self::Mapping => "unusual-mapping",
            Self::Comment => "no-room-for-comment",
        }
    }
}

impl Plan {
    /// Plans to write `digest` at a site whose reference is `reference`.
    ///
    /// # Errors
    /// The place cannot be edited safely; the plan is as it was.
    pub fn pin(
        &mut self,
        yaml: &Yaml<'_>,
        write: &Write,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<(), EditError> {
        match write {
            Write::Whole { node, prefix } => {
                self.set(yaml, *node, format!("{prefix}{}", reference.pinned(digest)))
            }
            Write::Digest { node, bare: true } => self.set(yaml, *node, digest.hex().to_owned()),
            Write::Digest { node, bare: false } => self.set(yaml, *node, digest.to_string()),
            Write::Tag { node } => {
                let tag = reference.tag().unwrap_or(crate::reference::LATEST);
                self.set(yaml, *node, format!("{tag}@{digest}"))
            }
            Write::AddDigest { mapping, after } => {
                self.add_after(yaml, *mapping, *after, "digest", digest.as_str())
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
        yaml: &Yaml<'_>,
        write: &Write,
        reference: &Reference,
        digest: &Digest,
    ) -> Result<(), EditError> {
        let Write::Whole { node, prefix } = write else { return self.pin(yaml, write, reference, digest) };
        let end = yaml.nodes[*node].span.end;
        let rest_of_line = yaml.text[end..].split(['\n', '\r']).next().unwrap_or_default();
        let tag = reference.tag().unwrap_or(crate::reference::LATEST);
        let comment = format!("# {}:{tag}", reference.name());
        let splice = match yaml.comment_after(*node) {
            Some(span) if is_own_comment(&yaml.text[span.clone()], reference) => {
                Splice { span, text: comment }
            }
            None if rest_of_line.trim().is_empty() && !yaml.text[..end].ends_with('\n') => {
                Splice { span: end..end, text: format!(" {comment}") }
            }
            _ => return Err(EditError::Comment),
        };
        self.set(yaml, *node, format!("{prefix}{}@{digest}", reference.name()))?;
        self.splices.push(splice);
        Ok(())
    }

    /// Plans to give the scalar `node` another value, in the style that it is written in.
    ///
    /// # Errors
    /// The value cannot be found in the source, or the node is no scalar.
    pub fn set(&mut self, yaml: &Yaml<'_>, node: NodeId, value: String) -> Result<(), EditError> {
        let Kind::Scalar { style, .. } = &yaml.nodes[node].kind else { return Err(EditError::Scalar) };
        let span = yaml.nodes[node].span.clone();
        let splice = if *style == Style::Plain {
            let text = quoted_if_needed(&value, is_json(yaml, node));
            if span.is_empty() {
                let colon = colon_of(yaml, node).ok_or(EditError::Scalar)?;
                Splice { span: colon + 1..colon + 1, text: format!(" {text}") }
            } else if yaml.is_null(node) {
                Splice { span, text }
            } else {
                Splice { span: inner_span(yaml, node).ok_or(EditError::Scalar)?, text }
            }
        } else {
            Splice { span: inner_span(yaml, node).ok_or(EditError::Scalar)?, text: value.clone() }
        };
        self.splices.push(splice);
        self.set.insert(node, value);
        Ok(())
    }

    /// Plans to add `key: value` to `mapping`, right after the entry whose value is `after`.
    ///
    /// # Errors
    /// The entry is not one of the mapping's own.
    pub fn add_after(
        &mut self,
        yaml: &Yaml<'_>,
        mapping: NodeId,
        after: NodeId,
        key: &str,
        value: &str,
    ) -> Result<(), EditError> {
        self.add_entry(yaml, mapping, after, key, Added::Text(value.to_owned()), 2)
    }

    /// Plans to add an entry whose value may be a mapping, indented by `step` more.
    ///
    /// # Errors
    /// The entry is not one of the mapping's own.
    pub fn add_entry(
        &mut self,
        yaml: &Yaml<'_>,
        mapping: NodeId,
        after: NodeId,
        key: &str,
        value: Added,
        step: usize,
    ) -> Result<(), EditError> {
        let Kind::Mapping { entries, flow } = &yaml.nodes[mapping].kind else {
            return Err(EditError::Mapping);
        };
        let index = entries.iter().position(|(_, value)| *value == after).ok_or(EditError::Mapping)?;
        let sibling = &yaml.nodes[entries[index].0];
        let (column, first_on_line) = column(yaml.text, sibling.span.start);
        let splice = if *flow {
            let json = matches!(sibling.kind, Kind::Scalar { style: Style::Double, .. });
            let separator = if first_on_line {
                format!(",{}{}", line_end(yaml.text, sibling.span.start), " ".repeat(column))
            } else {
                ", ".to_owned()
            };
            let at = yaml.nodes[after].span.end;
            Splice { span: at..at, text: format!("{separator}{}", flow_entry(key, &value, json)) }
        } else {
            let end = yaml.nodes[after].span.end;
            let line_end = line_end(yaml.text, end);
            let lines = block_entry(key, &value, column, step, line_end);
            if end > 0 && yaml.text[..end].ends_with('\n') {
                // A block scalar's span ends after its last line.
                Splice { span: end..end, text: format!("{lines}{line_end}") }
            } else {
                let rest = &yaml.text[end..];
                let at = end
                    + rest
                        .find('\n')
                        .map_or(rest.len(), |at| if rest[..at].ends_with('\r') { at - 1 } else { at });
                Splice { span: at..at, text: format!("{line_end}{lines}") }
            }
        };
        self.splices.push(splice);
        self.added.entry(mapping).or_default().push((index + 1, key.to_owned(), value));
        Ok(())
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

/// Tells whether a comment is one that style `digest` wrote: `# repo:tag` of the same repository.
fn is_own_comment(comment: &str, reference: &Reference) -> bool {
    Reference::parse(comment.trim_start_matches('#').trim()).is_ok_and(|named| {
        named.name() == reference.name() && named.tag().is_some() && named.digest().is_none()
    })
}

/// Returns the byte of the colon after the key of `node`.
fn colon_of(yaml: &Yaml<'_>, node: NodeId) -> Option<usize> {
    let parent = yaml.nodes[node].parent?;
    let Kind::Mapping { entries, .. } = &yaml.nodes[parent].kind else { return None };
    let (key, _) = entries.iter().find(|(_, value)| *value == node)?;
    let end = yaml.nodes[*key].span.end;
    let rest = &yaml.text[end..];
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[blanks..].starts_with(':').then_some(end + blanks)
}

/// JSON has no plain strings.
fn is_json(yaml: &Yaml<'_>, node: NodeId) -> bool {
    let Some(Kind::Mapping { entries, flow: true }) =
        yaml.nodes[node].parent.map(|parent| &yaml.nodes[parent].kind)
    else {
        return false;
    };
    let key = entries.iter().find(|(_, value)| *value == node).map(|(key, _)| &yaml.nodes[*key].kind);
    matches!(key, Some(Kind::Scalar { style: Style::Double, .. }))
}

/// Quotes hex digits that a YAML reader may take for a number (`1234…`, `12e4…`).
fn quoted_if_needed(value: &str, json: bool) -> String {
    let numeric =
        value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'e' | b'E' | b'.' | b'_' | b'+' | b'-'));
    if json || numeric { format!("\"{value}\"") } else { value.to_owned() }
}

/// Returns how many characters stand before `at` on its line, and whether they are only blanks.
fn column(text: &str, at: usize) -> (usize, bool) {
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let before = &text[line_start..at];
    (before.chars().count(), before.trim().is_empty())
}

/// Returns the line end that is used at `at`, or before it where the text ends.
fn line_end(text: &str, at: usize) -> &'static str {
    let newline = text[at..].find('\n').map(|next| at + next).or_else(|| text[..at].rfind('\n'));
    match newline {
        Some(newline) if text[..newline].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn flow_entry(key: &str, value: &Added, json: bool) -> String {
    let quote = |text: &str| if json { format!("\"{text}\"") } else { text.to_owned() };
    let scalar = |text: &str| quoted_if_needed(text, json);
    match value {
        Added::Text(text) => format!("{}: {}", quote(key), scalar(text)),
        Added::Mapping(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}: {}", quote(key), scalar(value))).collect();
            format!("{}: {{{}}}", quote(key), entries.join(", "))
        }
    }
}

/// Returns the lines of an entry at `column`, without the last line end.
fn block_entry(key: &str, value: &Added, column: usize, step: usize, line_end: &str) -> String {
    let indent = " ".repeat(column);
    match value {
        Added::Text(text) => format!("{indent}{key}: {}", quoted_if_needed(text, false)),
        Added::Mapping(entries) => {
            let inner = " ".repeat(column + step);
            entries.iter().fold(format!("{indent}{key}:"), |lines, (key, value)| {
                format!("{lines}{line_end}{inner}{key}: {}", quoted_if_needed(value, false))
            })
        }
    }
}
