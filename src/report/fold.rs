//! Lines as a terminal shows them: folded at its width, so that a word is not torn apart. Pipes get them whole. Pure.

use crate::report::terminal::{Stream, TextStyle};
use crate::text::{one_line, printable};

/// What is left of a narrow terminal is still some words wide.
const ROOM_MIN: usize = 24;

/// Returns a text in lines of at most `width` columns that begin at column `at`, where its words let it.
pub(super) fn folded(text: &str, at: usize, width: usize) -> String {
    format!("{:at$}{}\n", "", broken(&one_line(text), at, at, width))
}

/// Returns a line with its end: on a terminal in lines of at most its width, of which all but the first begin at column `hang`.
pub fn line(text: &str, hang: usize, stream: &Stream) -> String {
    let text = one_line(text);
    let text = match stream.width() {
        Some(width) => broken(&text, 0, hang, width),
        None => text,
    };
    text + "\n"
}

/// Does what [`line`] does for a text that begins with `head`, which is in `style`.
pub fn headed(style: TextStyle, head: &str, text: &str, hang: usize, stream: &Stream) -> String {
    let head = one_line(head);
    let line = line(&format!("{head}{text}"), hang, stream);
    match line.strip_prefix(&head) {
        Some(rest) => stream.paint(style, &head) + rest,
        // It was folded itself.
        None => line,
    }
}

/// Returns a message of several lines, each folded.
pub fn message(text: &str, stream: &Stream) -> String {
    printable(text).lines().map(|text| line(text, 2, stream)).collect()
}

/// Returns a text that begins at column `at`, with line ends where the next word would be past `width`; what follows one
/// begins at column `hang`.
pub(super) fn broken(text: &str, at: usize, hang: usize, width: usize) -> String {
    let indent = text.len() - text.trim_start_matches(' ').len();
    let room = |at: usize| width.saturating_sub(at).max(ROOM_MIN);
    let mut left = room(at + indent);
    let (mut lines, mut line) = (" ".repeat(indent), String::new());
    for word in text[indent..].split(' ') {
        let is_full = !line.is_empty() && line.chars().count() + 1 + word.chars().count() > left;
        if is_full {
            lines += line.trim_end_matches(' ');
            lines += &format!("\n{:hang$}", "");
            line.clear();
            left = room(hang);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    // What begins a line now did not before.
    printable(&(lines + &line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_folded_between_its_words_and_whole_in_a_pipe() {
        let text = "  runs      sha256:abc…  not what is declared in clusters/production/api.yaml:12:20";
        let told = line(text, 12, &Stream::terminal(40));
        assert_eq!(
            told,
            "  runs      sha256:abc…  not what is\n            declared in\n            clusters/production/api.yaml:12:20\n"
        );
        let plain = Stream::plain(std::io::sink());
        assert_eq!(line(text, 12, &plain), format!("{text}\n"));
        assert_eq!(headed(TextStyle::Dim, "note", ": a\nb", 2, &plain), "note: a\\nb\n");
        assert_eq!(message("error: a\nhint: b", &plain), "error: a\nhint: b\n");
    }
}
