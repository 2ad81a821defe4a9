//! A quick reader of what most manifests are written in: collections in block style, scalars without quotes and in quotes,
//! literal and folded texts, collections in brackets on one line, comments. It tells what the parser tells, letter for letter,
//! in a fraction of the time; at anything else (anchors, tags, directives, tabs, brackets over several lines, all
//! that looks broken) it gives up, and the parser reads the text. What it takes, the tests compare with the parser.

mod scalars;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Cow;
use std::ops::Range;

use crate::manifest::syntax::tree::ScalarStyle;

/// Deeper nesting is left to the parser, which says where it is too deep.
const DEPTH_MAX: usize = 60;

/// Longer keys are left to the parser, which takes none past 1,024 letters.
const KEY_MAX: usize = 1000;

/// Longer lines are left to the parser: so no line has many nodes.
const LINE_MAX: usize = 64 * 1024;

/// What is told of a text, in its order: spans are bytes of the text.
pub(super) trait YamlEvents<'a> {
    fn document(&mut self, start: usize);
    fn end_document(&mut self, end: usize);
    fn scalar(&mut self, value: Cow<'a, str>, style: ScalarStyle, span: Range<usize>);
    fn sequence(&mut self, span: Range<usize>, flow: bool);
    fn mapping(&mut self, span: Range<usize>, flow: bool);
    fn end_collection(&mut self, end: usize);
    fn comment(&mut self, span: Range<usize>);
    /// Returns whether more may be told.
    fn has_room(&self) -> bool;
}

/// Tells what is in `text`; `None` where it has something that is left to the parser. What was told until then
/// is to be forgotten.
pub(super) fn read<'a>(text: &'a str, events: &mut impl YamlEvents<'a>) -> Option<()> {
    if has_rare_letters(text.as_bytes()) {
        return None;
    }
    let mut reader = QuickReader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        open: Vec::new(),
        awaited: None,
        state: StreamPlace::Outside,
        events,
    };
    while reader.at < text.len() {
        reader.line()?;
        reader.events.has_room().then_some(())?;
    }
    reader.finish()
}

/// Returns whether a text has letters that the parser may not take, or may take for the end of a line.
fn has_rare_letters(bytes: &[u8]) -> bool {
    let is_rare = |chunk: &[u8]| {
        chunk.iter().fold(false, |found, byte| {
            found | (*byte < b' ' && *byte != b'\n' && *byte != b'\t') | (*byte == 0x7f)
        })
    };
    let is_foreign = |at: usize| match (bytes[at], bytes.get(at + 1), bytes.get(at + 2)) {
        (0xc2, Some(next), _) => *next < 0xa0,
        (0xe2, Some(0x80), Some(next)) => matches!(next, 0xa8 | 0xa9),
        (0xef, Some(next), _) => matches!(next, 0xbb | 0xbf),
        _ => false,
    };
    bytes.chunks(4096).any(is_rare)
        || (!bytes.is_ascii() && memchr::memchr3_iter(0xc2, 0xe2, 0xef, bytes).any(is_foreign))
}

/// Where the reader is in the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StreamPlace {
    /// Before the first document.
    Outside,
    /// Behind the `---` of a document that has nothing yet.
    Begun,
    Inside,
}

#[derive(Clone, Copy)]
struct OpenIndent {
    indent: usize,
    is_sequence: bool,
}

struct QuickKey<'a> {
    value: &'a str,
    style: ScalarStyle,
    span: Range<usize>,
    colon: usize,
}

struct QuickReader<'a, 'e, E> {
    text: &'a str,
    bytes: &'a [u8],
    /// Where the next line starts.
    at: usize,
    open: Vec<OpenIndent>,
    /// Where the value is awaited of the key, or the item, that was read last.
    awaited: Option<usize>,
    state: StreamPlace,
    events: &'e mut E,
}

impl<'a, E: YamlEvents<'a>> QuickReader<'a, '_, E> {
    /// Reads the next line, with the lines of a text that begins there.
    fn line(&mut self) -> Option<()> {
        let start = self.at;
        let end = end_of_line(self.bytes, start);
        self.at = (end + 1).min(self.bytes.len());
        if end - start > LINE_MAX {
            return None;
        }
        let indent = self.bytes[start..end].iter().position(|byte| *byte != b' ');
        let Some(indent) = indent else { return Some(()) };
        let first = start + indent;
        if self.bytes[first] == b'#' {
            self.events.comment(first..end);
            return Some(());
        }
        if indent == 0 && self.marker(start, end)? {
            return Some(());
        }
        self.enter(first, indent)?;
        self.block(first, end, indent)
    }

    /// Reads the `---` before a document; returns whether the line is one.
    fn marker(&mut self, start: usize, end: usize) -> Option<bool> {
        let line = &self.bytes[start..end];
        if line.starts_with(b"...") || line.starts_with(b"%") {
            return None;
        }
        let Some(rest) = line.strip_prefix(b"---") else { return Some(false) };
        if rest.first().is_some_and(|byte| *byte != b' ') {
            return None;
        }
        match self.state {
            StreamPlace::Outside => {}
            StreamPlace::Begun => return None,
            StreamPlace::Inside => self.end_document(start)?,
        }
        self.events.document(start);
        self.state = StreamPlace::Begun;
        self.ends(start + 3, end)?;
        Some(true)
    }

    fn end_document(&mut self, at: usize) -> Option<()> {
        self.give_nothing(None)?;
        while self.open.pop().is_some() {
            self.events.end_collection(at);
        }
        self.events.end_document(at);
        Some(())
    }

    fn finish(&mut self) -> Option<()> {
        match self.state {
            StreamPlace::Outside => Some(()),
            StreamPlace::Begun => None,
            StreamPlace::Inside => self.end_document(self.bytes.len()),
        }
    }

    /// Says that the key that was read last has no value, unless it is in the line at `indent`.
    fn give_nothing(&mut self, next: Option<(usize, bool)>) -> Option<()> {
        let Some(at) = self.awaited else { return Some(()) };
        let top = self.open.last()?;
        let is_there = next.is_some_and(|(indent, is_item)| {
            indent > top.indent || (indent == top.indent && is_item && !top.is_sequence)
        });
        if !is_there {
            // An empty item is rare.
            if top.is_sequence {
                return None;
            }
            self.awaited = None;
            self.events.scalar(Cow::Borrowed(""), ScalarStyle::Plain, at..at);
        }
        Some(())
    }

    /// Ends the collections that a line does not belong to.
    fn enter(&mut self, first: usize, indent: usize) -> Option<()> {
        if self.state != StreamPlace::Inside {
            if self.state == StreamPlace::Outside {
                self.events.document(first);
            }
            self.state = StreamPlace::Inside;
            return Some(());
        }
        let is_item = self.is_item(first);
        self.give_nothing(Some((indent, is_item)))?;
        if self.awaited.is_some() {
            return Some(());
        }
        while let Some(top) = self.open.last() {
            let is_past = top.indent > indent || (top.indent == indent && top.is_sequence && !is_item);
            if !is_past {
                break;
            }
            self.open.pop();
            self.events.end_collection(first);
        }
        let top = self.open.last()?;
        (top.indent == indent && top.is_sequence == is_item).then_some(())
    }

    /// Returns whether a `- ` starts here.
    fn is_item(&self, at: usize) -> bool {
        self.bytes[at] == b'-' && matches!(self.bytes.get(at + 1), None | Some(b' ' | b'\n'))
    }

    /// Reads an item, an entry or a scalar, which stands at a column up to the end of its line.
    fn block(&mut self, mut at: usize, end: usize, mut column: usize) -> Option<()> {
        while self.is_item(at) {
            // A sequence no deeper than its key begins with its first item to the parser.
            let is_flush = self.open.last().is_some_and(|top| top.indent == column && !top.is_sequence);
            let next = at_letter(self.bytes, at + 1, end);
            self.begin(if is_flush { next } else { at }, column, true)?;
            if next == end || self.bytes[next] == b'#' {
                self.ends(at + 1, end)?;
                self.awaited = Some(end);
                return (!is_flush).then_some(());
            }
            self.awaited = Some(at + 1);
            column += next - at;
            at = next;
        }
        let Some(QuickKey { value, style, span, colon }) = self.key(at, end)? else {
            // The root is left to the parser.
            self.awaited?;
            return self.value(at, end);
        };
        if colon - at > KEY_MAX {
            return None;
        }
        self.begin(at, column, false)?;
        self.events.scalar(Cow::Borrowed(value), style, span);
        self.awaited = Some(colon);
        let next = at_letter(self.bytes, colon + 1, end);
        if next == end || self.bytes[next] == b'#' {
            return self.ends(colon + 1, end);
        }
        // A sequence starts on a line of its own.
        if self.is_item(next) {
            return None;
        }
        self.value(next, end)
    }

    /// Begins a collection at a column, unless it is open.
    fn begin(&mut self, at: usize, column: usize, is_sequence: bool) -> Option<()> {
        let is_open = self.awaited.is_none()
            && self.open.last().is_some_and(|top| top.indent == column && top.is_sequence == is_sequence);
        if is_open {
            return Some(());
        }
        if self.awaited.take().is_none() && !self.open.is_empty() || self.open.len() >= DEPTH_MAX {
            return None;
        }
        if is_sequence {
            self.events.sequence(at..at, false);
        } else {
            self.events.mapping(at..at, false);
        }
        self.open.push(OpenIndent { indent: column, is_sequence });
        Some(())
    }

    /// Returns the key that starts here with its style, its span and the place of its colon, if one does.
    fn key(&self, at: usize, end: usize) -> Option<Option<QuickKey<'a>>> {
        if matches!(self.bytes[at], b'"' | b'\'') {
            let Some(close) = self.quote_end(at, end) else { return Some(None) };
            let colon = at_letter(self.bytes, close + 1, end);
            if self.bytes.get(colon) != Some(&b':') || colon >= end {
                return Some(None);
            }
            let ends = matches!(self.bytes.get(colon + 1), None | Some(b' ' | b'\n'));
            let style = style_of(self.bytes[at]);
            let Cow::Borrowed(value) = self.unquoted(at, at + 1..close)? else { return None };
            return ends.then_some(Some(QuickKey { value, style, span: at..close + 1, colon }));
        }
        let line = &self.bytes[at..end];
        for found in memchr::memchr2_iter(b':', b'#', line) {
            if line[found] == b'#' {
                if found > 0 && line[found - 1] == b' ' {
                    return Some(None);
                }
            } else if matches!(line.get(found + 1), None | Some(b' ')) {
                // Only a value may be a collection in brackets, or a text.
                if !starts_plain(line) || line.contains(&b'\t') {
                    return if matches!(line[0], b'[' | b'{') { Some(None) } else { None };
                }
                let span = at..at + line[..found].iter().rposition(|byte| *byte != b' ')? + 1;
                let (value, style) = (&self.text[span.clone()], ScalarStyle::Plain);
                return Some(Some(QuickKey { value, style, span, colon: at + found }));
            }
        }
        Some(None)
    }

    /// Reads a value that starts here and ends with its line, or is a text of the lines below.
    fn value(&mut self, at: usize, end: usize) -> Option<()> {
        self.awaited = None;
        let after = match self.bytes[at] {
            b'|' | b'>' => return self.text_block(at, end),
            b'[' | b'{' => self.flow(at, end, 0)?,
            b'"' | b'\'' => return self.quoted_lines(at, end),
            _ => return self.plain(at, end),
        };
        self.ends(after, end)
    }

    /// Reads what may stand behind a value: nothing, or a comment.
    fn ends(&mut self, after: usize, end: usize) -> Option<()> {
        let next = at_letter(self.bytes, after, end);
        if next == end {
            return Some(());
        }
        if next == after || self.bytes[next] != b'#' {
            return None;
        }
        self.events.comment(next..end);
        Some(())
    }
}

/// Returns where the line ends that `from` is in.
fn end_of_line(bytes: &[u8], from: usize) -> usize {
    memchr::memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |length| from + length)
}

/// Adds what lines of a scalar are joined by, with so many empty ones between them.
fn fold(value: &mut String, empty: usize) {
    value.push_str(if empty == 0 { " " } else { "" });
    (0..empty).for_each(|_| value.push('\n'));
}

/// Returns where the next letter stands that is not blank.
fn at_letter(bytes: &[u8], from: usize, end: usize) -> usize {
    bytes[from..end].iter().position(|byte| *byte != b' ').map_or(end, |length| from + length)
}

fn style_of(quote: u8) -> ScalarStyle {
    if quote == b'"' { ScalarStyle::Double } else { ScalarStyle::Single }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Returns whether a plain scalar may start so, whatever it stands in.
fn starts_plain(line: &[u8]) -> bool {
    match line[0] {
        b'-' => line.get(1).is_some_and(|next| is_word(*next) || *next == b'/'),
        b'<' => line.get(1) != Some(&b'<'),
        byte => byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"/._$~+(^=;\\)".contains(&byte),
    }
}
