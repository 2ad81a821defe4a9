//! What is wrong with a configuration file, where, and what was probably meant.
//!
//! Configuration files are where people put secrets that do not belong there, so no message shows one: the line that
//! is quoted and the words of the TOML parser are both redacted.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::forge::token_prefixes;
use crate::text::printable;

/// The longest line that is quoted, in characters.
const LINE_MAX: usize = 200;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: String,
    /// Line and column, 1-based, columns in characters; `None` where the file as a whole is meant.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The line, redacted, and how many characters of it are meant.
    quote: Option<(String, usize)>,
}

impl Diagnostic {
    /// Returns a problem of the file as a whole.
    pub(super) fn whole(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), position: None, message: message.into(), hint: None, quote: None }
    }

    /// Returns a problem at the byte range `span` of `text`.
    pub(super) fn at(file: &str, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let start = (0..=span.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let column = text[line_start..start].chars().count() + 1;
        let end = span.end.min(line_start + line.len());
        let width = text.get(start..end).map_or(1, |marked| marked.chars().count()).max(1);
        let shown = redact_line(line);
        // Where something is hidden before it the caret would point beside it.
        let is_shown = shown.starts_with(&line[..end.max(start) - line_start]);
        let width = if is_shown && line.chars().count() <= LINE_MAX { width } else { 0 };
        Self {
            file: file.to_owned(),
            position: Some((text[..line_start].matches('\n').count() + 1, column)),
            message: message.into(),
            hint: None,
            quote: Some((shown.chars().take(LINE_MAX).collect(), width)),
        }
    }

    /// Returns this problem with what to do next.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns this problem without its line, for a value that must not be shown.
    pub(super) fn unquoted(mut self) -> Self {
        self.quote = None;
        self
    }

    /// Returns what the TOML parser says about `text`, with the keys or words that were probably meant.
    pub(super) fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let message = redact(error.message().trim());
        let (message, hint) = match unknown(&message) {
            Some((kind, word, known)) => (format!("unknown {kind} `{word}`"), Some(suggest(word, &known))),
            None => match in_words(&message) {
                Some((message, hint)) => (message, Some(hint)),
                None => (message.into_owned(), None),
            },
        };
        let mut problem = match error.span() {
            Some(span) => Self::at(file, text, span, message),
            None => Self::whole(file, message),
        };
        if problem.message.starts_with("unknown key") {
            problem.quote = problem.quote.map(|(line, width)| (before_value(&line), width));
        }
        problem.hint = hint;
        problem
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", printable(&self.file))?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", printable(&self.message))?;
        let Some((quoted, width)) = &self.quote else { return Ok(()) };
        let Some((line, column)) = self.position else { return Ok(()) };
        let (number, shown) = (line.to_string(), printable(quoted));
        let gutter = " ".repeat(number.len());
        write!(f, "\n {gutter} |\n {number} | {shown}")?;
        // Escaped characters are wider than they were: no caret is better than one in the wrong place.
        if *width > 0 && shown == *quoted {
            write!(f, "\n {gutter} | {}{}", " ".repeat(column.saturating_sub(1)), "^".repeat(*width))?;
        }
        Ok(())
    }
}

/// Returns what was probably meant by `word`, or all that is known.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "nothing can be set here".to_owned(),
        None => format!(
            "known are {}",
            known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Returns the word of `known` that is at most a third of its letters away from `word`, or that begins with it.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    known
        .iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, candidate);
            let near = distance <= (candidate.len() / 3).max(1);
            (near || (word.len() >= 3 && candidate.starts_with(&word))).then_some((distance, *candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Says what the deserializer means: "missing field `a`", "invalid type: string "a", expected a sequence".
fn in_words(message: &str) -> Option<(String, String)> {
    if let Some(field) = message.strip_prefix("missing field ") {
        return Some((
            format!("{field} is missing"),
            format!("every entry of this kind has {field}: add it"),
        ));
    }
    let (found, expected) = message.strip_prefix("invalid type: ")?.split_once(", expected ")?;
    let value = found.strip_prefix("string ").unwrap_or("the value");
    let (wanted, hint) = match expected {
        "a sequence" if found == "map" => {
            ("there may be several of this table", "write its name in two brackets: `[[…]]`".to_owned())
        }
        "a sequence" => ("this is a list", format!("put {value} into brackets: `[…]`")),
        "a TOML datetime" => ("this is a day", "write it without quotes, as `2026-12-31`".to_owned()),
        "a boolean" => ("this is `true` or `false`", "write it without quotes".to_owned()),
        "i64" | "u64" | "u32" | "usize" => ("this is a whole number", "write it without quotes".to_owned()),
        "a string" => ("this is text", "put it into quotes".to_owned()),
        expected if expected.starts_with("struct ") => {
            ("this is a table", "write its keys below its name in brackets: `[…]`".to_owned())
        }
        _ => return None,
    };
    let found = match found.split(' ').next() {
        Some("string") => "text",
        Some("integer" | "floating") => "a number",
        Some("boolean") => "`true` or `false`",
        Some("sequence") => "a list",
        Some("map") => "a table",
        _ => "something else",
    };
    Some((format!("{wanted}, and here is {found}"), hint))
}

/// Takes serde's words apart: "unknown field `a`, expected one of `b`, `c`".
fn unknown(message: &str) -> Option<(&'static str, &str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (word, expected) = rest.split_once("`, ")?;
    Some(("key", word, expected.split('`').skip(1).step_by(2).collect()))
}

/// Returns whether `word` looks like a forge's token.
pub(super) fn is_token(word: &str) -> bool {
    token_prefixes().any(|prefix| word.starts_with(prefix))
}

/// Returns a line up to its first value: beside a key that nobody knows there may be anything.
fn before_value(line: &str) -> String {
    line.find('=').map_or_else(|| line.to_owned(), |at| format!("{}= …", redact(&line[..at])))
}

/// Hides the value of a key that sounds secret, texts whose key is on another line, and what [`redact`] finds.
fn redact_line(line: &str) -> String {
    let secret = |key: &str| {
        let word =
            key.trim_end().rsplit([' ', '\t', '{', ',']).next().unwrap_or_default().to_ascii_lowercase();
        let sounds = ["token", "pass", "pwd", "secret", "credential", "auth", "api-key", "api_key", "apikey"];
        !word.starts_with("author-")
            && (sounds.iter().any(|part| word.contains(part)) || word.split(['-', '_']).any(|it| it == "pat"))
    };
    match line.match_indices('=').find(|(at, _)| secret(&line[..*at])) {
        Some((at, _)) => format!("{}= …", redact(&line[..at])),
        None if !line.contains('=') && line.contains(['"', '\'']) => "…".to_owned(),
        None => redact(line).into_owned(),
    }
}

/// Hides the userinfo of URLs, and tokens.
fn redact(text: &str) -> Cow<'_, str> {
    let hidden = |word: &str| -> Option<String> {
        if let Some(at) = word.find("://") {
            let authority = &word[at + 3..];
            let end = authority.find('/').unwrap_or(authority.len());
            // A password may hold a slash that nobody escaped: everything up to the last `@` goes.
            if let Some(userinfo) = authority[..end].rfind('@').or_else(|| authority.rfind('@')) {
                return Some(format!("{}…{}", &word[..at + 3], &authority[userinfo..]));
            }
        }
        let start = token_prefixes().filter_map(|prefix| word.find(prefix)).min()?;
        Some(format!("{}…", &word[..start]))
    };
    if text.split_whitespace().all(|word| hidden(word).is_none()) {
        return Cow::Borrowed(text);
    }
    let words = text.split(' ').map(|word| hidden(word).unwrap_or_else(|| word.to_owned()));
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_and_shows_the_line() {
        let text = "a = 1\n\u{e9} = \"bad\"\n";
        let problem = Diagnostic::at("x.toml", text, 11..16, "`bad` is not a level");
        assert_eq!(problem.position, Some((2, 5)));
        assert_eq!(
            problem.to_string(),
            "x.toml:2:5: `bad` is not a level\n   |\n 2 | \u{e9} = \"bad\"\n   |     ^^^^^"
        );
    }

    #[test]
    fn spans_at_the_end_or_past_it_do_not_panic() {
        for (text, span) in [("", 0..0), ("a", 1..1), ("a\n", 2..9), ("\u{e9}", 1..2), ("a\r\nb", 1..4)] {
            let _ = Diagnostic::at("x", text, span, "m").to_string();
        }
    }

    #[test]
    fn words_nearby_are_suggested_and_all_words_otherwise() {
        assert_eq!(suggest("exlude", &["include", "exclude"]), "did you mean `exclude`?");
        assert_eq!(suggest("base_url", &["kind", "base-url"]), "did you mean `base-url`?");
        assert_eq!(suggest("Index", &["index", "platform"]), "did you mean `index`?");
        assert_eq!(suggest("digest", &["all", "digest-only"]), "did you mean `digest-only`?");
        assert_eq!(suggest("zzz", &["kind", "base-url"]), "known are `kind`, `base-url`");
    }

    #[test]
    fn secrets_are_not_quoted() {
        for line in [
            "token = \"hunter2\"",
            "registry-password=hunter2",
            "url = \"https://user:hunter2@example.com/a\"",
            "url = \"https://user:hunter/2hunter2@example.com/a\"",
            "x = \"ghp_hunter2\"",
            "repository = [{ url = \"x\", password = \"hunter2\" }]",
            "AUTH_HEADER = [\"hunter2\"]",
            "passwd = \"hunter2\"",
            "api-key = \"hunter2\"",
            "github_pat = \"hunter2\"",
            "  \"hunter2\" \"x\",",
        ] {
            let shown = Diagnostic::at("x.toml", line, 0..1, "m").to_string();
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(redact("nothing  secret"), "nothing  secret");
        assert_eq!(redact_line("author-name = \"Ada\""), "author-name = \"Ada\"");
    }

    #[test]
    fn a_file_cannot_steer_the_terminal() {
        let shown = Diagnostic::at("x.toml", "a = \"\u{1b}[2J\"", 0..1, "\u{7}m").to_string();
        assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    }
}
