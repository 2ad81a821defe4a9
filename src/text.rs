//! Text from outside made fit to be shown, and the small phrases that all outputs share.

use std::borrow::Cow;
use std::fmt::Display;

/// Returns `text` with control characters escaped: what comes from a
/// repository or a server must not steer the terminal. Line breaks stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    let odd = |c: char| {
        // Bidirectional overrides show text in another order than it has.
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(odd) {
        Cow::Owned(
            text.chars()
                .map(|c| match c {
                    '\t' => " ".to_owned(),
                    c if odd(c) => c.escape_default().to_string(),
                    c => c.to_string(),
                })
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns `text` fit for one line: a name with a line end must not write a line of its own, which a CI system may take
/// for a command (`::error::`, or `##[error]` anywhere in a line).
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n").replace("##[", "# #[")
}

/// Returns the items in backquotes: "`a`, `b`" where `separator` is a comma.
pub(crate) fn quoted<T: Display>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    items.into_iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(separator)
}

/// Returns `1 image`, `2 images`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
