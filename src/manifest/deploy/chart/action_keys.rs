//! Which actions and texts of a template may be a key of an image.

use super::action_reach::reach;
use super::sources::Placed;
use super::template::{Piece, Token};

/// What a text of a template may be before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyText {
    No,
    /// With something else behind it.
    Weak,
    Strong,
}

/// Returns what a text is that may come out, as far as a key of an image goes.
pub(super) fn key_text(text: &str) -> KeyText {
    let mut found = KeyText::No;
    for (at, _) in text.match_indices(':') {
        let before = &text[..at];
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '{' | '[');
        let start = before.trim_end_matches(|c| !ends(c)).len();
        let key = before[start..].trim_matches(['"', '\'']);
        if !may_be_image(key, start == 0) {
            continue;
        }
        let is_quoted = before.ends_with(['"', '\'']);
        let is_strong = is_quoted || text[at + 1..].starts_with(char::is_whitespace);
        found = found.max(if is_strong { KeyText::Strong } else { KeyText::Weak });
    }
    found
}

/// Returns whether a key may be that of an image; `%` stands for anything, and so does what is before an open start.
fn may_be_image(key: &str, is_open: bool) -> bool {
    let lower = key.to_ascii_lowercase();
    let tail = match lower.rfind('%') {
        Some(at) => {
            lower[at + 1..].trim_start_matches(|c: char| "+-# 0123456789.".contains(c)).get(1..).unwrap_or("")
        }
        None => lower.as_str(),
    };
    let is_whole = !lower.contains('%') && !is_open;
    // What stands before a part that may be anything has to begin the key.
    let head = lower.split('%').next().unwrap_or_default();
    let begins = is_whole || lower.find('%').is_none_or(|_| "image".starts_with(head));
    tail.ends_with("image") || (!is_whole && begins && "image".ends_with(tail))
}

/// Stands for what an action writes.
const ANY: char = '\u{0}';

/// How many parts of a line, and bytes of it, are looked at around an action.
pub(super) const AROUND_MAX: usize = 512;

/// Returns what may follow an action on its line and the next; `None` where that is more than anybody writes.
fn behind(placed: &Placed<'_>, at: usize) -> Option<String> {
    let (mut found, mut left) = (String::new(), 0_usize);
    for (count, piece) in placed[at + 1..].iter().enumerate() {
        match &piece.piece {
            Piece::Text(text) if left == 0 => {
                found.push_str(text);
                if !text.is_empty() && found.trim_start().contains('\n') {
                    break;
                }
            }
            Piece::Text(_) => {}
            Piece::Action(tokens) => match tokens.first() {
                // What stands behind `else` comes out instead of what stands here.
                Some(Token::Word("else")) => left = left.max(1),
                Some(Token::Word("if" | "with" | "range")) => left += usize::from(left > 0),
                Some(Token::Word("end")) => left = left.saturating_sub(1),
                None | Some(Token::Word("define" | "break" | "continue")) => {}
                _ if tokens.iter().any(|token| matches!(token, Token::Declare | Token::Assign)) => {}
                _ if left == 0 => found.push(ANY),
                _ => {}
            },
        }
        if count > AROUND_MAX || found.len() > 4096 {
            return None;
        }
    }
    Some(found)
}

/// Returns whether an action writes a key, or a part of one, that may be that of an image.
pub(super) fn is_key(placed: &Placed<'_>, at: usize) -> bool {
    let Some(behind) = behind(placed, at) else { return true };
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '"' | '\'' | ANY);
    let end = behind.find(|c| !part(c)).unwrap_or(behind.len());
    let (key, rest) = behind.split_at(end);
    // A colon may stand behind blanks, also on the next line of what began with a question mark.
    let Some(rest) = rest.trim_start().strip_prefix(':') else { return false };
    let is_separator = rest.is_empty() || rest.starts_with(char::is_whitespace) || key.ends_with(['"', '\'']);
    let tail = key.rsplit(ANY).next().unwrap_or(key).trim_matches(['"', '\'']).to_ascii_lowercase();
    if !is_separator || !("image".ends_with(&tail) || tail.ends_with("image")) {
        return false;
    }
    let value = rest.split('\n').next().unwrap_or(rest);
    let is_said = value.contains(char::is_alphanumeric);
    !is_of_range(placed, at) || is_said
}

/// Returns whether an action is the key of a range over values.
fn is_of_range(placed: &Placed<'_>, at: usize) -> bool {
    let Piece::Action(tokens) = &placed[at].piece else { return false };
    let [Token::Variable(name), rest @ ..] = tokens.as_slice() else { return false };
    let has_texts = |tokens: &[Token<'_>]| tokens.iter().any(|token| matches!(token, Token::Text(_)));
    if has_texts(rest) {
        return false;
    }
    placed[at].around.iter().any(|around| {
        let Piece::Action(head) = &placed[*around].piece else { return false };
        let declared = head.iter().position(|token| *token == Token::Declare);
        let is_one = matches!(head.first(), Some(Token::Word("range")))
            && declared.is_some_and(|at| head[..at].contains(&Token::Variable(name)));
        is_one && !reach(placed, *around).into_iter().any(has_texts)
    })
}
