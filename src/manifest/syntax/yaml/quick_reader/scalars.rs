//! Scalars without quotes and in quotes, which may go on over lines.

use std::borrow::Cow;
use std::ops::Range;

use super::{LINE_MAX, QuickReader, YamlEvents, at_letter, end_of_line, fold, starts_plain, style_of};
use crate::manifest::syntax::tree::ScalarStyle;

impl<'a, E: YamlEvents<'a>> QuickReader<'a, '_, E> {
    /// Reads a scalar without quotes, which may go on in the lines below.
    pub(super) fn plain(&mut self, at: usize, end: usize) -> Option<()> {
        if !starts_plain(&self.bytes[at..end]) {
            return None;
        }
        let (mut last, has_comment) = self.plain_end(at, end)?;
        if has_comment {
            let value = Cow::Borrowed(&self.text[at..last]);
            self.events.scalar(value, ScalarStyle::Plain, at..last);
            return self.ends(last, end);
        }
        let outer = self.open.last()?.indent;
        let mut value = Cow::Borrowed(&self.text[at..last]);
        let (mut line, mut empty) = (self.at, 0);
        while line < self.bytes.len() {
            let line_end = end_of_line(self.bytes, line);
            let first = at_letter(self.bytes, line, line_end);
            if first == line_end {
                empty += 1;
            } else if first - line <= outer || self.bytes[first] == b'#' {
                break;
            } else {
                let (content_end, has_comment) = self.plain_end(first, line_end)?;
                if has_comment || line_end - line > LINE_MAX {
                    return None;
                }
                let value = value.to_mut();
                fold(value, empty);
                value.push_str(&self.text[first..content_end]);
                (last, empty) = (content_end, 0);
                self.at = (line_end + 1).min(self.bytes.len());
            }
            line = line_end + 1;
        }
        self.events.scalar(value, ScalarStyle::Plain, at..last);
        Some(())
    }

    /// Returns where what is on a line of a scalar without quotes ends, and whether a comment follows.
    fn plain_end(&self, at: usize, end: usize) -> Option<(usize, bool)> {
        let line = &self.bytes[at..end];
        if memchr::memchr(b'\t', line).is_some() {
            return None;
        }
        let mut length = line.len();
        for found in memchr::memchr2_iter(b':', b'#', line) {
            if line[found] == b':' && matches!(line.get(found + 1), None | Some(b' ')) {
                return None;
            }
            if line[found] == b'#' && found > 0 && line[found - 1] == b' ' {
                length = found;
                break;
            }
        }
        let content = line[..length].iter().rposition(|byte| *byte != b' ')? + 1;
        Some((at + content, length < line.len()))
    }

    /// Reads a scalar in quotes, which may go on in the lines below.
    pub(super) fn quoted_lines(&mut self, at: usize, end: usize) -> Option<()> {
        if let Some(close) = self.quote_end(at, end) {
            let value = self.unquoted(at, at + 1..close)?;
            self.events.scalar(value, style_of(self.bytes[at]), at..close + 1);
            return self.ends(close + 1, end);
        }
        let outer = self.open.last()?.indent;
        let first_line = self.text[at + 1..end].trim_end_matches(' ').len();
        let mut value = self.unquoted(at, at + 1..at + 1 + first_line)?.into_owned();
        let (mut line, mut empty) = (end + 1, 0);
        while line < self.bytes.len() {
            let line_end = end_of_line(self.bytes, line);
            let first = at_letter(self.bytes, line, line_end);
            if first == line_end {
                empty += 1;
            } else {
                if first - line <= outer || line_end - line > LINE_MAX {
                    return None;
                }
                fold(&mut value, empty);
                empty = 0;
                if let Some(close) = self.quote_close(at, first, line_end) {
                    value.push_str(&self.unquoted(at, first..close)?);
                    self.events.scalar(Cow::Owned(value), style_of(self.bytes[at]), at..close + 1);
                    self.at = (line_end + 1).min(self.bytes.len());
                    return self.ends(close + 1, line_end);
                }
                let length = self.text[first..line_end].trim_end_matches(' ').len();
                value.push_str(&self.unquoted(at, first..first + length)?);
            }
            line = line_end + 1;
        }
        None
    }

    /// Returns where the quote closes that opens here, on the same line.
    pub(super) fn quote_end(&self, at: usize, end: usize) -> Option<usize> {
        self.quote_close(at, at + 1, end)
    }

    /// Returns where the quote that opens at `at` closes in a part of a line.
    fn quote_close(&self, at: usize, mut next: usize, end: usize) -> Option<usize> {
        let quote = self.bytes[at];
        while next < end {
            let found = next + memchr::memchr2(quote, b'\\', &self.bytes[next..end])?;
            let is_escape = match self.bytes[found] {
                b'\\' if quote == b'\'' => {
                    next = found + 1;
                    continue;
                }
                b'\\' => true,
                _ => quote == b'\'' && found + 1 < end && self.bytes[found + 1] == quote,
            };
            if !is_escape {
                return Some(found);
            }
            next = found + 2;
        }
        None
    }

    /// Returns what a part of a scalar says between the quotes that open at `at`; `None` where it is left to the parser.
    pub(super) fn unquoted(&self, at: usize, span: Range<usize>) -> Option<Cow<'a, str>> {
        let text = &self.text[span];
        if text.contains('\t') {
            return None;
        }
        if self.bytes[at] == b'\'' {
            let is_plain = !text.contains('\'');
            return Some(if is_plain { Cow::Borrowed(text) } else { Cow::Owned(text.replace("''", "'")) });
        }
        if !text.contains('\\') {
            return Some(Cow::Borrowed(text));
        }
        let mut value = String::with_capacity(text.len());
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            value.push(match letter {
                '\\' => match letters.next()? {
                    same @ ('"' | '\\' | '/') => same,
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    _ => return None,
                },
                _ => letter,
            });
        }
        Some(Cow::Owned(value))
    }
}
