//! A `.env` as Compose reads it (Docker, "Environment files: syntax").

use std::collections::BTreeMap;

use crate::manifest::variable_text::{VariableStyle, fill};

/// Returns the variables of a `.env`. One whose value takes from elsewhere what is not known keeps that as it is written.
pub(in crate::manifest) fn parse(text: &str) -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let Some((name, value)) = line.split_once(['=', ':']).filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let value = value.trim_start();
        let value = match value.strip_prefix('\'') {
            Some(literal) => literal.split('\'').next().unwrap_or_default().to_owned(),
            None => {
                let text = match value.strip_prefix('"') {
                    Some(quoted) => unquoted(quoted),
                    None => without_comment(value).to_owned(),
                };
                fill(&text, &known, VariableStyle::Compose).unwrap_or(text)
            }
        };
        known.insert(name.trim_end().to_owned(), value);
    }
    known
}

fn without_comment(value: &str) -> &str {
    let end =
        value.match_indices('#').find(|(at, _)| value[..*at].ends_with(char::is_whitespace) || *at == 0);
    value[..end.map_or(value.len(), |(at, _)| at)].trim_end()
}

fn unquoted(text: &str) -> String {
    let (mut value, mut escaped) = (String::new(), false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                value.push(if c == 'n' { '\n' } else { c });
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => break,
            c => value.push(c),
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
    }
}
