//! Values that are more than a word: collections in brackets, and texts of several lines.

use std::borrow::Cow;

use super::{DEPTH_MAX, KEY_MAX, QuickReader, YamlEvents, at_letter, is_word, style_of};
use crate::manifest::syntax::tree::ScalarStyle;

impl<'a, E: YamlEvents<'a>> QuickReader<'a, '_, E> {
    /// Reads a collection in brackets that ends with its line; returns where it ends.
    pub(super) fn flow(&mut self, at: usize, end: usize, depth: usize) -> Option<usize> {
        if depth > DEPTH_MAX / 2 {
            return None;
        }
        let is_mapping = self.bytes[at] == b'{';
        let close = if is_mapping { b'}' } else { b']' };
        if is_mapping {
            self.events.mapping(at..at + 1, true);
        } else {
            self.events.sequence(at..at + 1, true);
        }
        let mut next = at_letter(self.bytes, at + 1, end);
        if next < end && self.bytes[next] == close {
            self.events.end_collection(next + 1);
            return Some(next + 1);
        }
        loop {
            if is_mapping {
                let key = next;
                next = self.flow_scalar(key, end)?;
                if next - key > KEY_MAX {
                    return None;
                }
                if self.bytes.get(next) != Some(&b':') || self.bytes.get(next + 1) != Some(&b' ') {
                    return None;
                }
                next = at_letter(self.bytes, next + 1, end);
            }
            if next >= end {
                return None;
            }
            next = match self.bytes[next] {
                b'[' | b'{' => self.flow(next, end, depth + 1)?,
                _ => self.flow_scalar(next, end)?,
            };
            next = at_letter(self.bytes, next, end);
            if next >= end {
                return None;
            }
            match self.bytes[next] {
                b',' => next = at_letter(self.bytes, next + 1, end),
                byte if byte == close => {
                    self.events.end_collection(next + 1);
                    return Some(next + 1);
                }
                _ => return None,
            }
        }
    }

    /// Reads a scalar in brackets; returns where it ends.
    fn flow_scalar(&mut self, at: usize, end: usize) -> Option<usize> {
        if at >= end {
            return None;
        }
        if matches!(self.bytes[at], b'"' | b'\'') {
            let close = self.quote_end(at, end)?;
            let value = self.unquoted(at, at + 1..close)?;
            self.events.scalar(value, style_of(self.bytes[at]), at..close + 1);
            return Some(close + 1);
        }
        let line = &self.bytes[at..end];
        let goes_on = |index: usize, byte: u8| match byte {
            b':' => line.get(index + 1).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'/'),
            _ => {
                is_word(byte)
                    || matches!(
                        byte,
                        b'/' | b'=' | b'+' | b'(' | b')' | b' ' | b'$' | b'~' | b';' | b'^' | b'\\' | b'<'
                    )
            }
        };
        let is_start = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'$');
        let is_argument = line[0] == b'-' && line.get(1).is_some_and(|next| is_start(*next) || *next == b'-');
        if !is_start(line[0]) && !is_argument {
            return None;
        }
        let length = line.iter().enumerate().position(|(index, byte)| !goes_on(index, *byte))?;
        if !matches!(line[length], b',' | b']' | b'}' | b':') {
            return None;
        }
        let length = line[..length].iter().rposition(|byte| *byte != b' ')? + 1;
        self.events.scalar(Cow::Borrowed(&self.text[at..at + length]), ScalarStyle::Plain, at..at + length);
        Some(at + length)
    }

    /// Reads a literal or folded text, whose indicator is here.
    pub(super) fn text_block(&mut self, at: usize, end: usize) -> Option<()> {
        let outer = self.open.last()?.indent;
        let chomp = self.bytes.get(at + 1).copied().filter(|byte| matches!(byte, b'-' | b'+'));
        self.ends(at + 1 + usize::from(chomp.is_some()), end)?;
        let start = self.at;
        let indent = self.bytes[start..].iter().position(|byte| *byte != b' ')?;
        if indent <= outer || matches!(self.bytes[start + indent], b'\n' | b'\t') {
            return None;
        }
        let is_folded = self.bytes[at] == b'>';
        let mut value = String::new();
        // How many lines are empty since the last one, and how it was: folded lines are joined where they say no more than that.
        let (mut empty, mut was_deeper) = (0, true);
        let mut line = start;
        while line < self.bytes.len() {
            let line_end = line + memchr::memchr(b'\n', &self.bytes[line..])?;
            let blanks = self.bytes[line..line_end].iter().position(|byte| *byte != b' ');
            match blanks {
                None if line_end - line <= indent => empty += 1,
                blanks if blanks.is_none_or(|blanks| blanks >= indent) => {
                    let content = &self.text[line + indent..line_end];
                    let is_deeper = content.starts_with([' ', '\t']);
                    if line > start {
                        if !is_folded || was_deeper || is_deeper {
                            (0..=empty).for_each(|_| value.push('\n'));
                        } else if empty == 0 {
                            value.push(' ');
                        } else {
                            (0..empty).for_each(|_| value.push('\n'));
                        }
                    }
                    value.push_str(content);
                    (empty, was_deeper) = (0, is_deeper);
                }
                Some(blanks) if blanks > outer || self.bytes[line + blanks] == b'\t' => return None,
                _ => break,
            }
            line = line_end + 1;
        }
        match chomp {
            Some(b'-') => {}
            Some(_) => (0..=empty).for_each(|_| value.push('\n')),
            None => value.push('\n'),
        }
        self.events.scalar(Cow::Owned(value), ScalarStyle::Block, start + indent..line);
        self.at = line;
        Some(())
    }
}
