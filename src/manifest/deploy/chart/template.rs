//! A Go template (`text/template`) as a tree of texts, actions and blocks. Only as much as tells where values go.

use std::ops::Range;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// What stands outside the braces, trimmed as `{{-` and `-}}` say.
    Text(&'t str),
    Action(Vec<Token<'t>>),
    Block {
        word: &'t str,
        head: Vec<Token<'t>>,
        body: Vec<Self>,
        otherwise: Vec<Self>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A function, a number, a keyword.
    Word(&'t str),
    /// `.a.b`; `.` alone has no names.
    Field(Vec<&'t str>),
    /// The same right behind a parenthesis or a variable.
    Of(Vec<&'t str>),
    /// `$` and `$name`
    Variable(&'t str),
    Text(String),
    Open,
    Close,
    Pipe,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    Comma,
}

/// How deep blocks are followed.
const DEPTH_MAX: usize = 100;

/// A definition: its name, and what it is.
pub(super) type Definition<'t> = (String, Vec<Part<'t>>);

/// Returns the parts of `text`, and its definitions; `None` where it is not a template.
pub(super) fn parse(text: &str) -> Option<(Vec<Part<'_>>, Vec<Definition<'_>>)> {
    let pieces: Vec<Piece<'_>> = pieces(text)?.into_iter().map(|(_, piece)| piece).collect();
    let mut parser = Parser { pieces: pieces.into_iter(), definitions: Vec::new() };
    let (parts, end) = parser.parts(0)?;
    end.is_none().then_some((parts, parser.definitions))
}

/// What a template is in the order of its text.
pub(super) enum Piece<'t> {
    /// What stands outside the braces, trimmed.
    Text(&'t str),
    /// What stands inside; nothing of a comment.
    Action(Vec<Token<'t>>),
}

struct Parser<'t> {
    pieces: std::vec::IntoIter<Piece<'t>>,
    definitions: Vec<Definition<'t>>,
}

impl<'t> Parser<'t> {
    /// Returns the parts up to the `end` or `else` of their block, and that; the end of the text has none.
    fn parts(&mut self, depth: usize) -> Option<(Vec<Part<'t>>, Option<Vec<Token<'t>>>)> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut parts = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let tokens = match piece {
                Piece::Text(text) => {
                    parts.push(Part::Text(text));
                    continue;
                }
                Piece::Action(tokens) => tokens,
            };
            match tokens.first() {
                Some(Token::Word("end" | "else")) => return Some((parts, Some(tokens))),
                Some(Token::Word(word @ ("if" | "with" | "range"))) => {
                    let block = self.block(word, tokens[1..].to_vec(), depth)?;
                    parts.push(block);
                }
                Some(Token::Word(word @ ("define" | "block"))) => {
                    let Some(Token::Text(name)) = tokens.get(1) else { return None };
                    let (body, _) = self.parts(depth + 1)?;
                    if *word == "block" {
                        let head = [&[Token::Word("include")], &tokens[1..]].concat();
                        parts.push(Part::Action(head));
                    }
                    self.definitions.push((name.clone(), body));
                }
                None | Some(Token::Word("break" | "continue")) => {}
                _ => parts.push(Part::Action(tokens)),
            }
        }
        Some((parts, None))
    }

    fn block(&mut self, word: &'t str, head: Vec<Token<'t>>, depth: usize) -> Option<Part<'t>> {
        let (body, end) = self.parts(depth + 1)?;
        let end = end?;
        let otherwise = match (end.first()?, end.get(1)) {
            (Token::Word("else"), None) => self.parts(depth + 1)?.0,
            (Token::Word("else"), Some(Token::Word(word))) => {
                vec![self.block(word, end[2..].to_vec(), depth + 1)?]
            }
            _ => Vec::new(),
        };
        Some(Part::Block { word, head, body, otherwise })
    }
}

/// Returns the pieces of a text, each with where it stands, braces included; `None` where it is not a template.
pub(super) fn pieces(text: &str) -> Option<Vec<(Range<usize>, Piece<'_>)>> {
    let (mut pieces, mut rest, mut trims) = (Vec::new(), text, false);
    loop {
        let from = text.len() - rest.len();
        let start = rest.find("{{");
        let before = &rest[..start.unwrap_or(rest.len())];
        let place = from..from + before.len();
        let before = if trims { before.trim_start() } else { before };
        let Some(start) = start else {
            pieces.push((place, Piece::Text(before)));
            return Some(pieces);
        };
        let inside = &rest[start + 2..];
        let (inside, trims_before) = match inside.strip_prefix('-') {
            Some(inside) if inside.starts_with([' ', '\t', '\n', '\r']) => (inside, true),
            _ => (inside, false),
        };
        pieces.push((place, Piece::Text(if trims_before { before.trim_end() } else { before })));
        let (tokens, after) = match inside.trim_start().strip_prefix("/*") {
            Some(comment) => (Vec::new(), &comment[comment.find("*/")? + 2..]),
            None => tokens(inside)?,
        };
        let after = after.trim_start();
        trims = after.starts_with("-}}");
        rest = after.strip_prefix("-}}").or_else(|| after.strip_prefix("}}"))?;
        pieces.push((from + start..text.len() - rest.len(), Piece::Action(tokens)));
    }
}

/// An action of a template, as it is written.
pub(in crate::manifest) struct WrittenAction<'t> {
    /// Where it stands, braces included.
    pub(in crate::manifest) place: Range<usize>,
    /// What stands between the braces.
    pub(in crate::manifest) text: &'t str,
    /// The keyword or the function that it begins with; empty where it begins with something else.
    pub(in crate::manifest) word: &'t str,
    /// What follows that.
    pub(in crate::manifest) head: &'t str,
}

/// Returns the actions of a text that are no comments; none where it is not a template.
pub(in crate::manifest) fn written_actions(text: &str) -> Vec<WrittenAction<'_>> {
    let action = |(place, piece): (Range<usize>, Piece<'_>)| {
        let Piece::Action(tokens) = piece else { return None };
        let inside = &text[place.start + 2..place.end - 2];
        let inside = inside.strip_prefix('-').unwrap_or(inside).trim_end_matches('-').trim();
        let length = match tokens.first()? {
            Token::Word(word) => word.len(),
            _ => 0,
        };
        let (word, head) = inside.split_at_checked(length)?;
        Some(WrittenAction { place, text: inside, word, head: head.trim() })
    };
    pieces(text).into_iter().flatten().filter_map(action).collect()
}

/// Returns the tokens of an action, and what follows them: its end.
fn tokens(text: &str) -> Option<(Vec<Token<'_>>, &str)> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    loop {
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let is_end = rest.starts_with("}}") || rest.starts_with("-}}");
        let length = match first {
            _ if is_end => return Some((tokens, rest)),
            c if c.is_whitespace() => c.len_utf8(),
            '(' => push(&mut tokens, Token::Open, 1),
            ')' => push(&mut tokens, Token::Close, 1),
            '|' => push(&mut tokens, Token::Pipe, 1),
            ',' => push(&mut tokens, Token::Comma, 1),
            ':' if rest.starts_with(":=") => push(&mut tokens, Token::Declare, 2),
            '=' => push(&mut tokens, Token::Assign, 1),
            '.' => {
                let length = rest.find(|c: char| c != '.' && !is_name(c)).unwrap_or(rest.len());
                let names = rest[..length].split('.').filter(|name| !name.is_empty()).collect();
                // `with.a` is a keyword and a field.
                let of_something = matches!(tokens.last(), Some(Token::Variable(_) | Token::Close));
                let is_behind = of_something && !text[..at].ends_with(char::is_whitespace);
                push(&mut tokens, if is_behind { Token::Of(names) } else { Token::Field(names) }, length)
            }
            '$' => {
                let length = rest[1..].find(|c: char| !is_name(c)).map_or(rest.len(), |at| at + 1);
                push(&mut tokens, Token::Variable(&rest[1..length]), length)
            }
            '`' => {
                let length = rest[1..].find('`')?;
                push(&mut tokens, Token::Text(rest[1..=length].to_owned()), length + 2)
            }
            '"' => {
                let (text, length) = quoted(rest)?;
                push(&mut tokens, Token::Text(text), length)
            }
            // A letter, which is a number to functions.
            '\'' => {
                let length = rest[1..].find('\'')? + 2;
                push(&mut tokens, Token::Word(&rest[..length]), length)
            }
            _ => {
                let is_number = first.is_ascii_digit() || matches!(first, '-' | '+');
                let end =
                    |c: char| c.is_whitespace() || "()|,=\"`$}:".contains(c) || (c == '.' && !is_number);
                let length = rest.find(end).unwrap_or(rest.len()).max(first.len_utf8());
                push(&mut tokens, Token::Word(&rest[..length]), length)
            }
        };
        at += length;
    }
}

fn push<'t>(tokens: &mut Vec<Token<'t>>, token: Token<'t>, length: usize) -> usize {
    tokens.push(token);
    length
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns a text in double quotes, and how many bytes it takes.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        at += c.len_utf8();
        match c {
            '"' => return Some((value, at)),
            '\\' => at += escaped(&text[at..], &mut value)?,
            c => value.push(c),
        }
    }
    None
}

/// Adds what an escape of Go is, behind its backslash, and returns how many bytes it takes.
fn escaped(text: &str, value: &mut String) -> Option<usize> {
    let first = text.chars().next()?;
    let coded = |from: usize, length: usize, radix: u32| {
        let code = u32::from_str_radix(text.get(from..from + length)?, radix).ok()?;
        Some((char::from_u32(code)?, from + length))
    };
    let (c, length) = match first {
        'n' => ('\n', 1),
        't' => ('\t', 1),
        'r' => ('\r', 1),
        'a' => ('\u{7}', 1),
        'b' => ('\u{8}', 1),
        'f' => ('\u{c}', 1),
        'v' => ('\u{b}', 1),
        'x' => coded(1, 2, 16)?,
        'u' => coded(1, 4, 16)?,
        'U' => coded(1, 8, 16)?,
        '0'..='7' => coded(0, 3, 8)?,
        other => (other, other.len_utf8()),
    };
    value.push(c);
    Some(length)
}

/// Returns the commands of a pipeline.
pub(super) fn split<'s, 't>(tokens: &'s [Token<'t>]) -> Vec<&'s [Token<'t>]> {
    let (mut commands, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Pipe if depth == 0 => {
                commands.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    commands.push(&tokens[start..]);
    commands
}

/// Returns where the parenthesis that is open before `tokens` is closed.
pub(super) fn closing(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Open => depth += 1,
            Token::Close if depth == 0 => return at,
            Token::Close => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_texts_actions_and_blocks() {
        let text =
            "a {{- if .x }} b {{ else if $y.z -}} c {{ end }}{{/* no }} */}}{{ define \"n\" }}d{{ end }}";
        let (parts, definitions) = parse(text).unwrap();
        assert_eq!(definitions, [("n".to_owned(), vec![Part::Text("d")])]);
        assert_eq!(parts[0], Part::Text("a"));
        let Part::Block { word: "if", head, otherwise, .. } = &parts[1] else { panic!("{parts:?}") };
        assert_eq!(head, &[Token::Field(vec!["x"])]);
        let Part::Block { head, body, .. } = &otherwise[0] else { panic!("{otherwise:?}") };
        assert_eq!(head, &[Token::Variable("y"), Token::Of(vec!["z"])]);
        assert_eq!(body, &[Part::Text("c ")]);
        let (parts, _) = parse("{{ with.a.b }}{{ \"\\x3a\\n\\u00e9\" }}{{ end }}").unwrap();
        let Part::Block { word: "with", head, body, .. } = &parts[1] else { panic!("{parts:?}") };
        assert_eq!(head, &[Token::Field(vec!["a", "b"])]);
        assert!(body.contains(&Part::Action(vec![Token::Text(":\né".to_owned())])));
    }

    #[test]
    fn what_is_not_a_template_is_refused() {
        for text in ["{{ a", "{{ if .x }}", "{{ \"a }}", "{{ end }}", "{{ define x }}{{ end }}", "{{/* a"] {
            assert_eq!(parse(text), None, "{text}");
        }
        let deep = "{{ if .x }}".repeat(5_000) + &"{{ end }}".repeat(5_000);
        assert_eq!(parse(&deep), None);
    }
}
