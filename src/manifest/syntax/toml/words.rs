//! The words of a TOML text, read without the parser: where its comments are, and what the proof compares.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TomlWord {
    pub(super) kind: WordKind,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordKind {
    Comment,
    /// A text on one line, with its quotes.
    Quoted,
    /// A bare word, a bracket, a line end, a text over several lines, a quote that nothing closes.
    Other,
}

/// Returns the words of `text`, blanks left out.
pub(super) fn read(text: &str) -> Vec<TomlWord> {
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if matches!(first, ' ' | '\t') {
            at += 1;
            continue;
        }
        let (kind, length) = match first {
            // CR LF ends a line as a whole: neither of them is a part of the comment.
            '#' => {
                let line =
                    rest.split_once('\n').map_or(rest, |(line, _)| line.strip_suffix('\r').unwrap_or(line));
                (WordKind::Comment, line.len())
            }
            '"' | '\'' => quoted(rest, first),
            '[' | ']' | '{' | '}' | '=' | ',' | '.' | '\n' => (WordKind::Other, 1),
            _ => {
                let ends = |c: char| c.is_ascii_whitespace() || "#\"'[]{}=,.".contains(c);
                let end = rest.char_indices().skip(1).find(|(_, c)| ends(*c)).map(|(end, _)| end);
                (WordKind::Other, end.unwrap_or(rest.len()))
            }
        };
        words.push(TomlWord { kind, span: at..at + length });
        at += length;
    }
    words
}

/// Returns how long a text in quotes is. Only a backslash in double quotes keeps the next letter from closing it.
fn quoted(rest: &str, quote: char) -> (WordKind, usize) {
    let three: String = std::iter::repeat_n(quote, 3).collect();
    let is_long = rest.starts_with(&three);
    let (closing, kind) =
        if is_long { (three.as_str(), WordKind::Other) } else { (&three[..1], WordKind::Quoted) };
    let (mut at, bytes) = (closing.len(), rest.as_bytes());
    while at < bytes.len() {
        if bytes[at..].starts_with(closing.as_bytes()) {
            // Up to two quotes may stand before the three that close.
            let more = bytes[at + closing.len()..].iter().take_while(|byte| **byte == quote as u8).count();
            return (kind, at + closing.len() + if is_long { more.min(2) } else { 0 });
        }
        match bytes[at] {
            b'\\' if quote == '"' => at += 2,
            b'\n' if !is_long => return (WordKind::Other, at),
            _ => at += 1,
        }
    }
    (WordKind::Other, rest.len())
}
