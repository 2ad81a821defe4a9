//! The words of an HCL text (HCL native syntax specification, "Lexical Elements"), read without the parser: where its
//! comments are, how deep it is before anybody recurses into it, and what the proof compares.

use std::ops::Range;

use crate::manifest::syntax::tree::{Fault, SyntaxError};

/// The deepest nesting of brackets and templates that is read. hcl-edit stops at 64 levels of its own.
const DEPTH_MAX: usize = 60;

/// The most entries of one pair of braces. hcl-edit compares each key of an object with all others.
const ENTRIES_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manifest) struct HclToken {
    pub(in crate::manifest) kind: TokenKind,
    pub(in crate::manifest) span: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::manifest) enum TokenKind {
    /// `#`, `//` to the end of the line, or `/* … */`
    Comment,
    /// A quoted text without a template in it, with its quotes.
    Quoted,
    /// The lines of a heredoc, between those of its delimiters.
    Heredoc,
    /// Anything else: a name, a number, a bracket, an operator, a line end, a delimiter, a piece of a template.
    Other,
}

/// How many bytes the parts of a heredoc have.
pub(super) struct HeredocLengths {
    /// `<<EOT` and the line end.
    pub(super) opening: usize,
    pub(super) body: usize,
    /// The delimiter, with the blanks before it.
    closing: usize,
}

struct OpenBracket {
    until: Closing,
    entries: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    Bracket,
    /// The braces of `${ … }` and `%{ … }` in a quoted text, which goes on behind them.
    Template,
}

/// Returns the tokens of `text`, blanks left out.
///
/// # Errors
/// It is nested too deeply, or has too many entries in one place, to be parsed.
pub(in crate::manifest) fn read(text: &str) -> Result<Vec<HclToken>, SyntaxError> {
    let mut reader = Lexer { text, bytes: text.as_bytes(), at: 0, open: Vec::new(), tokens: Vec::new() };
    while reader.at < text.len() {
        reader.token()?;
    }
    Ok(reader.tokens)
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    open: Vec<OpenBracket>,
    tokens: Vec<HclToken>,
}

impl Lexer<'_> {
    fn token(&mut self) -> Result<(), SyntaxError> {
        let rest = &self.bytes[self.at..];
        match rest {
            [b' ' | b'\t' | b'\r', ..] => self.at += 1,
            [b'#', ..] | [b'/', b'/', ..] => {
                let line = &rest[..find(rest, b"\n")];
                self.push(TokenKind::Comment, line.strip_suffix(b"\r").unwrap_or(line).len());
            }
            [b'/', b'*', ..] => self.push(TokenKind::Comment, 2 + find_past(&rest[2..], b"*/")),
            [b'"', ..] => return self.quoted(1),
            [b'<', b'<', ..] => match heredoc(rest) {
                Some(heredoc) => {
                    self.push(TokenKind::Other, heredoc.opening);
                    self.push(TokenKind::Heredoc, heredoc.body);
                    self.push(TokenKind::Other, heredoc.closing);
                }
                None => self.push(TokenKind::Other, 2),
            },
            [b'{' | b'[' | b'(', ..] => return self.enter(Closing::Bracket, 1),
            [b'}', ..] if self.open.last().is_some_and(|open| open.until == Closing::Template) => {
                self.open.pop();
                return self.quoted(1);
            }
            [b'}' | b']' | b')', ..] => {
                self.open.pop();
                self.push(TokenKind::Other, 1);
            }
            [b'=' | b':', ..] => {
                self.push(TokenKind::Other, 1);
                if let Some(open) = self.open.last_mut() {
                    open.entries += 1;
                    if open.entries > ENTRIES_MAX {
                        let message = format!("more than {ENTRIES_MAX} entries in one pair of braces");
                        return Err(self.error(Fault::TooLarge, message));
                    }
                }
            }
            _ => {
                let word = rest.iter().take_while(|byte| is_word(**byte)).count();
                self.push(TokenKind::Other, word.max(1));
            }
        }
        Ok(())
    }

    /// Reads a quoted text, or the rest of it behind a template, of which `length` bytes are known.
    fn quoted(&mut self, length: usize) -> Result<(), SyntaxError> {
        let rest = &self.bytes[self.at..];
        let whole = rest[0] == b'"';
        let mut end = length;
        loop {
            match &rest[end..] {
                [] => break,
                [b'\\', _, ..] => end += 2,
                [b'"', ..] => {
                    self.push(if whole { TokenKind::Quoted } else { TokenKind::Other }, end + 1);
                    return Ok(());
                }
                [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => end += 3,
                [b'$' | b'%', b'{', ..] => return self.enter(Closing::Template, end + 2),
                _ => end += 1,
            }
        }
        self.push(TokenKind::Other, end);
        Ok(())
    }

    fn enter(&mut self, until: Closing, length: usize) -> Result<(), SyntaxError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(self.error(Fault::TooDeep, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        self.push(TokenKind::Other, length);
        self.open.push(OpenBracket { until, entries: 0 });
        Ok(())
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        // Every byte that ends a token is ASCII, so that it ends between two characters.
        let end = (self.at + length).min(self.text.len());
        self.tokens.push(HclToken { kind, span: self.at..end });
        self.at = end;
    }

    fn error(&self, fault: Fault, message: String) -> SyntaxError {
        let line = self.bytes[..self.at].iter().filter(|byte| **byte == b'\n').count() + 1;
        SyntaxError { line, message, fault }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || !byte.is_ascii()
}

/// Returns where `what` starts, or the length of the text.
fn find(text: &[u8], what: &[u8]) -> usize {
    text.windows(what.len()).position(|window| window == what).unwrap_or(text.len())
}

/// Returns where `what` ends, or the length of the text.
fn find_past(text: &[u8], what: &[u8]) -> usize {
    (find(text, what) + what.len()).min(text.len())
}

/// Returns how long the heredoc (`<<EOT`, `<<-EOT`) is that `text` starts with, up to its delimiter.
pub(super) fn heredoc(text: &[u8]) -> Option<HeredocLengths> {
    let rest = text.strip_prefix(b"<<")?;
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let name = &rest[..rest.iter().take_while(|byte| is_word(**byte)).count()];
    let lines = &rest[name.len()..];
    let lines = lines.strip_prefix(b"\r").unwrap_or(lines).strip_prefix(b"\n")?;
    if name.is_empty() {
        return None;
    }
    let (opening, mut body) = (text.len() - lines.len(), 0);
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let blanks = line.len() - line.trim_ascii_start().len();
        let rest = &line[blanks..];
        if rest.starts_with(name) && !rest.get(name.len()).is_some_and(|next| is_word(*next)) {
            return Some(HeredocLengths { opening, body, closing: blanks + name.len() });
        }
        body += line.len();
    }
    Some(HeredocLengths { opening, body, closing: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(&str, TokenKind)> {
        read(text).unwrap().into_iter().map(|token| (&text[token.span], token.kind)).collect()
    }

    #[test]
    fn comments_are_told_from_texts() {
        let text = "a = \"# no\" # yes\nb = \"${f(\"}\")} // no\" // yes\nc = <<-E\n # no\n  E\nd = \"\\\"/*\" /* y */\n";
        let comments: Vec<_> =
            words(text).into_iter().filter(|(_, kind)| *kind == TokenKind::Comment).collect();
        assert_eq!(
            comments.iter().map(|(text, _)| *text).collect::<Vec<_>>(),
            ["# yes", "// yes", "/* y */"]
        );
    }

    #[test]
    fn only_texts_without_templates_are_quoted() {
        let quoted: Vec<_> = words("a = \"x\" b = \"${y}\" c = \"$${z}\" é = \"ü\"")
            .into_iter()
            .filter(|(_, kind)| *kind == TokenKind::Quoted)
            .map(|(text, _)| text)
            .collect();
        assert_eq!(quoted, ["\"x\"", "\"$${z}\"", "\"ü\""]);
    }

    #[test]
    fn every_byte_but_blanks_is_in_a_token() {
        for text in ["a \"b", "/* x", "<<E\nx", "}{\"${\"}\"", "\"\\", "é=<<é\r\ny\r\né\r\n", "\u{feff}\0"]
        {
            let all: String = words(text).into_iter().map(|(text, _)| text).collect();
            let dark = |text: &str| text.replace([' ', '\t', '\r'], "");
            assert_eq!(dark(&all), dark(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_much_for_the_parser_is_refused() {
        let fault = |text: &str| read(text).err().map(|error| error.fault);
        for open in ["[", "{", "(", "\"${"] {
            assert_eq!(fault(&open.repeat(100_000)), Some(Fault::TooDeep), "{open}");
        }
        let entries: String = (0..ENTRIES_MAX + 1).map(|i| format!("k{i} = 1\n")).collect();
        assert_eq!(fault(&format!("a = {{\n{entries}}}\n")), Some(Fault::TooLarge));
        assert!(read(&entries).is_ok());
    }
}
