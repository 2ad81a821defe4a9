//! A `.env` as a tree: one scalar for each variable, with the bytes of its value (Docker, "Environment files: syntax").
//!
//! What goes on over lines, has escapes, or takes something from another variable has a tag: it is not what stands there.

mod second_reading;

use std::borrow::Cow;
use std::ops::Range;

use super::build::{EXPRESSION, TEMPLATE, Value, ValueShape};
use super::definition::{Syntax, TemplateSigns};
use super::language::Language;
use super::tree::{Fault, NODES_MAX, ScalarStyle, SyntaxError, SyntaxTree};
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches,
    is_in: |bytes| bytes.contains(&b'=') && std::str::from_utf8(bytes).is_ok(),
    format: Some("env-file"),
    parse,
    parse_chunks: None,
    compare: second_reading::compare,
    // Shells and Compose know them, `docker run --env-file` does not.
    has_trailing_comments: false,
    may_be_binary: true,
    malformed: UnreadReason::NotUtf8,
    template: TemplateSigns::None,
};

/// Returns whether a file is called as the one that Compose looks for, or as those that it is given: `.env.prod`, `prod.env`.
fn matches(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(".env.") || name.ends_with(".env")
}

fn parse(text: &str) -> SyntaxTree<'_> {
    let (mut entries, mut comments) = (Vec::new(), Vec::new());
    let (mut start, mut open) = (0, None);
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        // What is quoted goes on until the quote closes.
        if let Some(quote) = open {
            open = Some(quote).filter(|quote| closing(line, *quote).is_none());
            continue;
        }
        match read(line.trim_end_matches(['\n', '\r']), at) {
            EnvLine::Assigned(key, value, comment) => {
                entries.push((key, value));
                comments.extend(comment);
            }
            EnvLine::Comment(span) => comments.push(span),
            EnvLine::Open(quote) => open = Some(quote),
            EnvLine::Other => {}
        }
        if entries.len() + comments.len() > NODES_MAX / 3 {
            let message = "the file has too many lines".to_owned();
            let error = SyntaxError { line: 1, message, fault: Fault::TooLarge };
            return SyntaxTree::planted(text, Language::EnvFile, Err(error), Vec::new());
        }
    }
    let root = Value { span: 0..text.len(), shape: ValueShape::Mapping(entries) };
    SyntaxTree::planted(text, Language::EnvFile, Ok(root), comments)
}

enum EnvLine<'a> {
    Assigned(Value<'a>, Value<'a>, Option<Range<usize>>),
    Comment(Range<usize>),
    /// A value that its line does not end, and the quote that ends it.
    Open(char),
    Other,
}

/// Reads a line that starts at byte `at` of the text.
fn read(line: &str, at: usize) -> EnvLine<'_> {
    let place = |part: &str| {
        let start = at + (part.as_ptr().addr() - line.as_ptr().addr());
        start..start + part.len()
    };
    let said = line.trim();
    if said.starts_with('#') {
        return EnvLine::Comment(place(said));
    }
    let said = said.strip_prefix("export ").unwrap_or(said).trim_start();
    let Some((name, rest)) = said.split_once(['=', ':']) else { return EnvLine::Other };
    let (name, rest) = (name.trim_end(), rest.trim_start());
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    let (value, source, behind) = match quote {
        None => {
            let end = rest.match_indices('#');
            let end = end.map(|(at, _)| at).find(|at| *at == 0 || rest[..*at].ends_with(char::is_whitespace));
            let (value, behind) = rest.split_at(end.unwrap_or(rest.len()));
            (value.trim_end(), value.trim_end(), behind)
        }
        Some(quote) => {
            let Some(end) = closing(&rest[1..], quote) else { return EnvLine::Open(quote) };
            (&rest[1..=end], &rest[..end + 2], rest[end + 2..].trim_start())
        }
    };
    let is_odd =
        (quote == Some('"') && value.contains('\\')) || (!behind.is_empty() && !behind.starts_with('#'));
    let tag = match quote {
        _ if is_odd => EXPRESSION,
        Some('\'') => "",
        _ if value.contains('$') => TEMPLATE,
        _ => "",
    };
    let style = match quote {
        None => ScalarStyle::Plain,
        Some('\'') => ScalarStyle::Single,
        Some(_) => ScalarStyle::Double,
    };
    let shape = ValueShape::Scalar { value: Cow::Borrowed(value), style, tag };
    let value = Value { span: place(source), shape };
    let comment = behind.starts_with('#').then(|| place(behind));
    EnvLine::Assigned(Value::key(place(name), name), value, comment)
}

/// Returns where a quote closes that is open: what a backslash stands before does not.
fn closing(text: &str, quote: char) -> Option<usize> {
    text.match_indices(quote).map(|(at, _)| at).find(|at| !text[..*at].ends_with('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_bytes() {
        let text = "# c\r\nA=a:1\r\nexport B = \"b:1\" # x\nC='c:$1'\nD=d # tagpin: ignore\nE=${A}\nF=\"x\ny\"\nG=\"a\\n\"\nH=\"h\"x\nI\nA=a:2";
        let tree = parse(text);
        let root = tree.documents[0].root.unwrap();
        for (name, value, source, tag) in [
            ("A", "a:2", "a:2", ""),
            ("B", "b:1", "\"b:1\"", ""),
            ("C", "c:$1", "'c:$1'", ""),
            ("D", "d", "d", ""),
            ("E", "${A}", "${A}", TEMPLATE),
            ("G", "a\\n", "\"a\\n\"", EXPRESSION),
            ("H", "h", "\"h\"", EXPRESSION),
        ] {
            let node = tree.get(root, name).unwrap();
            assert_eq!(tree.text_of(node), Some(value), "{name}");
            assert_eq!(&text[tree.nodes[node].span()], source, "{name}");
            assert_eq!(tree.tag(node), tag, "{name}");
        }
        assert!(tree.get(root, "F").is_none() && tree.get(root, "I").is_none());
        assert_eq!(tree.comments.len(), 3);
    }
}
