//! Text from outside made fit to be shown, and the small phrases that all outputs share.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Display;

/// Returns `text` as it may be shown: what comes from a repository or a server must steer neither the terminal nor the CI
/// system that reads the log. Control characters are escaped, line breaks stay, and what a CI system would take for a
/// command (`::` where a line begins, `##[` anywhere) is taken apart with a space.
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_command = |line: &str| line.trim_start().starts_with("::");
    if !text.contains(is_odd) && !text.contains("##[") && !text.lines().any(is_command) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let at = if is_command(line) { line.find(':').map_or(0, |at| at + 1) } else { 0 };
        shown.push_str(&line[..at]);
        shown.push_str(if at > 0 { " " } else { "" });
        for c in line[at..].chars() {
            match c {
                '\t' => shown.push(' '),
                c if is_odd(c) => shown.extend(c.escape_default()),
                '[' if shown.ends_with("##") => {
                    shown.insert(shown.len() - 1, ' ');
                    shown.push('[');
                }
                c => shown.push(c),
            }
        }
    }
    Cow::Owned(shown)
}

/// Returns what a panic said, as a message for whoever can report it.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("tagpin panicked, which is a bug that should be reported: {}", text.unwrap_or("it said nothing"))
}

/// Returns whether a character steers a terminal, shows a text in another order than it has, ends a line for some readers, or is not seen
/// at all (bidirectional marks and overrides, line separators, zero widths, tags).
pub(crate) fn is_odd(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Returns `text` fit for one line: a name with a line end must not write a line of its own.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

/// Returns the items in backquotes: "`a`, `b`" where `separator` is a comma.
pub(crate) fn quoted<T: Display>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    items.into_iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(separator)
}

/// Returns the name of a file as a shell takes it.
pub(crate) fn shell_word(file: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    let file = if file.starts_with('-') { format!("./{file}") } else { file.to_owned() };
    if file.chars().all(plain) { file } else { format!("'{}'", file.replace('\'', r"'\''")) }
}

/// Returns `1 image`, `2 images`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
