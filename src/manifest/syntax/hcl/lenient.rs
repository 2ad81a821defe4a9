//! What HCL allows and its parser refuses: an object with a key twice, of which the last counts (HCL native syntax
//! specification, "Collection Values"; Terraform and Nomad say nothing of it), a heredoc without lines, and a line of an expression in braces that
//! starts with `?` or `:`.
//!
//! The parser gets a copy of the text, as long as the text itself, so that every span is one of the text.

use std::ops::Range;

use hcl_edit::parser::{Error, parse_body};
use hcl_edit::structure::Body;

use super::tokens::{HclToken, TokenKind};

/// How many bytes are parsed at most to find every key that is there twice.
const WORK_MAX: usize = 8 * 1024 * 1024;

/// A parsed body, and where the keys are that have another name in it than in the text.
pub(super) struct Parsed {
    pub(super) body: Body,
    /// The keys that are there twice, each time but the first.
    pub(super) again: Vec<Range<usize>>,
}

/// Parses a text with these tokens.
///
/// # Errors
/// What the parser says of the text as it is.
pub(super) fn parse(text: &str, tokens: &[HclToken]) -> Result<Parsed, Error> {
    let closed = without_empty_heredocs(text, tokens);
    let text = closed.as_deref().unwrap_or(text);
    let first = match parse_body(text) {
        Ok(body) => return Ok(Parsed { body, again: Vec::new() }),
        Err(error) => error,
    };
    let (mut copy, mut again) = (joined(text, tokens), Vec::new());
    for _ in 0..WORK_MAX / text.len().max(1) {
        let at = match parse_body(&copy) {
            Ok(body) => return Ok(Parsed { body, again }),
            Err(error) if error.message().contains("redefined object key") => error.location().offset(),
            Err(_) => break,
        };
        let Some(key) = tokens.iter().find(|token| token.span.contains(&at)) else { break };
        let Some(renamed) = renamed(&copy, &key.span, again.len()) else { break };
        copy = renamed;
        again.push(key.span.clone());
    }
    Err(first)
}

/// Returns the text with empty quotes for every heredoc without lines, whose end the parser does not see; `None` where there is
/// none.
fn without_empty_heredocs(text: &str, tokens: &[HclToken]) -> Option<String> {
    let mut bytes = Vec::new();
    for window in tokens.windows(3) {
        let [opening, body, closing] = [&window[0], &window[1], &window[2]];
        if body.kind == TokenKind::Heredoc && body.span.is_empty() && !closing.span.is_empty() {
            if bytes.is_empty() {
                bytes = text.as_bytes().to_vec();
            }
            let start = opening.span.start;
            bytes[start..closing.span.end].fill(b' ');
            bytes[start..start + 2].fill(b'"');
        }
    }
    if bytes.is_empty() { None } else { String::from_utf8(bytes).ok() }
}

/// Returns the text with a blank for the end of every line before one that starts with `?` or `:`: none may stand at the
/// start of an expression.
fn joined(text: &str, tokens: &[HclToken]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for window in tokens.windows(3) {
        let [before, end, after] = [&window[0], &window[1], &window[2]];
        let is_end = &text[end.span.clone()] == "\n" && before.kind != TokenKind::Comment;
        if is_end && matches!(&text[after.span.clone()], "?" | ":") {
            let start = end.span.start;
            bytes[start] = b' ';
            if bytes[start - 1] == b'\r' {
                bytes[start - 1] = b' ';
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Returns the text with a name of the same length at `key` that no other key has; `None` where it is too short for one.
fn renamed(text: &str, key: &Range<usize>, number: usize) -> Option<String> {
    let name = text.get(key.clone())?;
    let quoted = name.starts_with('"') && name.ends_with('"') && name.len() > 2;
    let inner = if quoted { key.start + 1..key.end - 1 } else { key.clone() };
    let digits = number.to_string();
    let blank = inner.len().checked_sub(digits.len() + 1)?;
    let other = format!("{}{}{digits}", if quoted { "-" } else { "_" }, "_".repeat(blank));
    Some([&text[..inner.start], &other, &text[inner.end..]].concat())
}
