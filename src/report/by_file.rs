//! Rows as a terminal shows them: below the name of their file, aligned, and folded at the width of the terminal.

use super::fold::{broken, folded};
use crate::report::terminal::{Stream, TextStyle};
use crate::text::one_line;

/// One thing that is said of a file.
pub(super) struct FileRow<'r> {
    /// The file, as reports name it.
    pub(super) file: &'r str,
    /// Line and column; `None` where it is about the file as a whole.
    pub(super) place: Option<(usize, usize)>,
    /// What it is, in a word.
    pub(super) word: String,
    pub(super) style: TextStyle,
    /// What it is about.
    pub(super) text: String,
    /// Remarks on that, which stand beside it where there is room.
    pub(super) asides: Vec<String>,
    /// What stands below it.
    pub(super) below: Vec<String>,
    /// Lines that are shown as they are.
    pub(super) verbatim: String,
    /// What stands once below the last row of a file that has it.
    pub(super) hint: Option<String>,
}

/// How far the first word of a row is from the left, without the place.
const INDENT: usize = 2;

/// The width of the longest word of `list` and `pin`.
const WORD: usize = 8;

/// Returns the rows, which are in the order of their files, folded at `width` columns.
pub(super) fn render(rows: &[FileRow<'_>], stream: &Stream, width: usize) -> String {
    let mut text = String::new();
    for rows in rows.chunk_by(|a, b| a.file == b.file) {
        if !text.is_empty() {
            text.push('\n');
        }
        let places: Vec<String> = rows.iter().map(place).collect();
        let place_width = places.iter().map(String::len).max().unwrap_or_default();
        text += &stream.paint(TextStyle::Cyan, &one_line(rows[0].file));
        text.push('\n');
        let mut hints: Vec<&str> = Vec::new();
        for (row, place) in rows.iter().zip(&places) {
            let place = format!("{:INDENT$}{place:>place_width$}  ", "");
            text += &render_row(row, &place, stream, width);
            if let Some(hint) = row.hint.as_deref().filter(|hint| !hints.contains(hint)) {
                hints.push(hint);
            }
        }
        for hint in hints {
            text += &folded(&format!("hint: {hint}"), INDENT, width);
        }
    }
    text
}

fn place(row: &FileRow<'_>) -> String {
    row.place.map(|(line, column)| format!("{line}:{column}")).unwrap_or_default()
}

fn render_row(row: &FileRow<'_>, place: &str, stream: &Stream, width: usize) -> String {
    let word = stream.paint(row.style, &row.word);
    let mut line = format!("{place}{word}");
    // Where the second column begins.
    let mut at = place.chars().count();
    if !row.text.is_empty() {
        let gap = WORD.saturating_sub(row.word.chars().count()) + 2;
        at += row.word.chars().count() + gap;
        line += &format!("{:gap$}{}", "", broken(&one_line(&row.text), at, at, width));
    }
    let asides: String = row.asides.iter().map(|aside| format!("  ({})", one_line(aside))).collect();
    let fits = at + row.text.chars().count() + asides.chars().count() <= width;
    let mut below = String::new();
    if fits {
        line += &asides;
    } else {
        below.extend(row.asides.iter().map(|aside| folded(&format!("({aside})"), at, width)));
    }
    below.extend(row.below.iter().map(|more| folded(more, at, width)));
    format!("{line}\n{below}{}", row.verbatim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'r>(file: &'r str, line: usize, word: &str, text: &str) -> FileRow<'r> {
        FileRow {
            file,
            place: Some((line, 5)),
            word: word.to_owned(),
            style: TextStyle::Green,
            text: text.to_owned(),
            asides: Vec::new(),
            below: Vec::new(),
            verbatim: String::new(),
            hint: None,
        }
    }

    #[test]
    fn rows_stand_below_their_file_aligned_and_within_the_width() {
        let long = "a remark that is much too long to stand beside its image in any terminal of eighty";
        let mut rows = [
            row("a/b.yaml", 9, "pinned", "nginx:1"),
            row("a/b.yaml", 120, "floating", "redis:8"),
            row("c.yaml", 1, "skipped", "${X}"),
        ];
        rows[0].asides = vec!["on hold".to_owned()];
        rows[1].asides = vec![long.to_owned()];
        rows[1].hint = Some("tagpin pin a/b.yaml".to_owned());
        rows[0].hint = rows[1].hint.clone();
        rows[2].below = vec!["variable".to_owned()];
        let text = render(&rows, &Stream::plain(std::io::sink()), 60);
        let expected = "\
a/b.yaml
    9:5  pinned    nginx:1  (on hold)
  120:5  floating  redis:8
                   (a remark that is much too long to stand
                   beside its image in any terminal of
                   eighty)
  hint: tagpin pin a/b.yaml

c.yaml
  1:5  skipped   ${X}
                 variable
";
        assert_eq!(text, expected);
    }
}
