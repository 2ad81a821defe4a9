//! A `.env` as Compose reads it (Docker, "Environment files: syntax").

use std::collections::BTreeMap;

use crate::manifest::variable_text::{VariableStyle, fill};

/// How many bytes variables in values of one file add at most; what they would add behind that is not known.
const FILLED_MAX: usize = 1 << 20;

/// Returns the variables of a `.env`. One whose value takes from elsewhere what is not known keeps that as it is written.
pub(in crate::manifest) fn parse(text: &str) -> BTreeMap<String, String> {
    let (mut known, mut left) = (BTreeMap::new(), FILLED_MAX);
    let mut rest = text.trim_start_matches('\u{feff}');
    while !rest.is_empty() {
        let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = below;
        let said = line.trim();
        let said = said.strip_prefix("export ").unwrap_or(said).trim_start();
        let Some((name, value)) = said.split_once(['=', ':']).filter(|_| !said.starts_with('#')) else {
            continue;
        };
        let value = value.trim_start();
        let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
        // What is quoted goes on until the quote closes, and what stands behind that is the next one.
        let quoted = quote.and_then(|quote| {
            let end = text.len() - below.len();
            let start = end - (line.len() + usize::from(end > 0 && text[..end].ends_with('\n')));
            let at = start + (value.as_ptr().addr() - line.as_ptr().addr()) + 1;
            let close = closing(&text[at..], quote)?;
            Some((&text[at..at + close], &text[at + close + 1..]))
        });
        let written = match (quoted, quote) {
            (Some((inner, behind)), _) => {
                rest = behind;
                if quote == Some('"') { unescaped(inner) } else { inner.to_owned() }
            }
            (None, Some(_)) => value[1..].to_owned(),
            (None, None) => without_comment(value).to_owned(),
        };
        let filled = fill(&written, &known, VariableStyle::Compose).filter(|_| quote != Some('\''));
        let filled = filled.filter(|filled| filled.len().saturating_sub(written.len()) <= left);
        let value = filled.unwrap_or_else(|| written.clone());
        left -= value.len().saturating_sub(written.len());
        known.insert(name.trim_end().to_owned(), value);
    }
    known
}

/// Returns where a quote closes that is open: what a backslash stands before does not.
fn closing(text: &str, quote: char) -> Option<usize> {
    text.match_indices(quote).map(|(at, _)| at).find(|at| !text[..*at].ends_with('\\'))
}

fn without_comment(value: &str) -> &str {
    let end =
        value.match_indices('#').find(|(at, _)| value[..*at].ends_with(char::is_whitespace) || *at == 0);
    value[..end.map_or(value.len(), |(at, _)| at)].trim_end()
}

fn unescaped(text: &str) -> String {
    let (mut value, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match (letter, if letter == '\\' { letters.next() } else { None }) {
            ('\\', Some('n')) => value.push('\n'),
            // It begins no variable.
            ('\\', Some('$')) => value.push_str("$$"),
            ('\\', Some(other)) => value.push(other),
            _ => value.push(letter),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_compose_reads_them() {
        let text = "# c\nA=1\nB = 2 # c\nC='$A'\nexport D=\"x$A\\\"y\" # c\nE=${A:-3}-${F:-4}\nG=a#b\nH=${X}\n\nI\nJ=\nA=5\n";
        let expected = [
            ("A", "5"),
            ("B", "2"),
            ("C", "$A"),
            ("D", "x1\"y"),
            ("E", "1-4"),
            ("G", "a#b"),
            ("H", "${X}"),
            ("J", ""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text), expected.into_iter().collect());
        // A quote closes on another line, and what stands in it is no variable.
        for (text, name, value) in [
            ("A=1\nB=\"\nA=2\n\"\n", "A", "1"),
            ("A=1\nB='\nA=2'\n", "A", "1"),
            ("B=\"a\\\"\nA=2\"\nA=1", "A", "1"),
            ("B='a\\'\nA=2'\nA=1", "A", "1"),
            ("B=\"\n\" A=1\n", "A", "1"),
            ("B=\"a\nA=1\n", "A", "1"),
            ("A=\"a\\$B\"\nB=1", "A", "a$B"),
            ("A=\"a\nb\" # c\nB=1", "A", "a\nb"),
        ] {
            assert_eq!(parse(text).get(name).map(String::as_str), Some(value), "{text}");
        }
        // Values of values do not grow without end.
        let all = (1..60)
            .fold("A0=xxxxxxxxxx\n".to_owned(), |all, at| format!("{all}A{at}=$A{}$A{}\n", at - 1, at - 1));
        assert_eq!(parse(&all).values().filter(|value| value.len() > 2 * FILLED_MAX).count(), 0);
    }
}
