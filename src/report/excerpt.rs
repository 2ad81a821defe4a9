//! The line of a file that a finding is about, with what is wrong underlined. Pure.

use unicode_width::UnicodeWidthChar;

use crate::manifest::SourceRange;
use crate::manifest::syntax::lines::{LineIndex, Positions};
use crate::report::terminal::{Stream, TextStyle};
use crate::text::printable;

/// How far tab stops are apart.
const TAB: usize = 4;

/// How much of a long line is shown before what is wrong and behind its start, in columns.
const BEFORE: usize = 48;
const BEHIND: usize = 96;

/// The fewest columns of a line that are shown, however narrow the terminal is.
const ROOM_MIN: usize = 24;

/// One line of a file, as a terminal shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// 1-based.
    line: usize,
    /// The line without control characters and tabs, cut where it is long.
    text: String,
    /// How many columns stand before what is wrong.
    indent: usize,
    /// How many columns it is wide, on this line.
    width: usize,
}

/// A file whose lines are shown: it is looked through once, however many places in it are asked for in their order.
pub struct ExcerptSource<'t> {
    text: &'t str,
    lines: LineIndex,
    positions: Positions<'t>,
    /// How many bytes a byte order mark takes before the text.
    offset: usize,
}

impl<'t> ExcerptSource<'t> {
    /// Returns the file with these bytes; `None` where they are not text.
    pub fn new(bytes: &'t [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (lines, positions) = (LineIndex::new(text), Positions::new(text));
        Some(Self { text, lines, positions, offset: bytes.len() - text.len() })
    }

    /// Returns the line on which `place` begins; `None` where this is not the file that it is about.
    pub fn excerpt(&mut self, place: &SourceRange) -> Option<Excerpt> {
        let at = place.span.start.checked_sub(self.offset)?;
        if !self.text.is_char_boundary(at) || self.positions.position(at).1 != place.column {
            return None;
        }
        let number = self.lines.of(at);
        let before = &self.text[self.lines.start(number)..at];
        let rest = &self.text[at..self.lines.end(self.text, number)];
        let marked = rest.get(..place.span.len().min(rest.len()))?;
        let mut line = Line::default();
        // What is far away is not even looked at: a file may be a single line.
        let skipped = before.char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
        let skipped = if skipped == 0 { 0 } else { skipped + before[skipped..].chars().next()?.len_utf8() };
        if skipped > 0 {
            line.push('…');
        }
        before[skipped..].chars().for_each(|c| line.push(c));
        let indent = line.width;
        let mut chars = rest.char_indices();
        let mut end = None;
        for (at, c) in chars.by_ref() {
            if at >= marked.len() && end.is_none() {
                end = Some(line.width);
            }
            if line.width >= indent + BEHIND {
                line.push('…');
                break;
            }
            line.push(c);
        }
        let width = end.unwrap_or(line.width) - indent;
        Some(Excerpt { line: place.line, text: line.text, indent, width })
    }
}

impl Excerpt {
    /// Returns the line and what underlines it, each line with its end: on a terminal as much of it as there is room for.
    pub(super) fn render(&self, stream: &Stream, style: TextStyle) -> String {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let bar = |number: &str| stream.paint(TextStyle::Dim, &format!(" {number} |"));
        let room = stream.width().map(|width| width.saturating_sub(number.len() + 4).max(ROOM_MIN));
        let Self { text, indent, width, .. } = self.within(room.unwrap_or(usize::MAX));
        let mut told = format!("{}\n{} {text}\n", bar(&gutter), bar(&number));
        if width > 0 {
            let carets = stream.paint(style, &"^".repeat(width));
            told += &format!("{} {}{carets}\n", bar(&gutter), " ".repeat(indent));
        }
        told
    }

    /// Returns what of the line is shown in `room` columns: what is wrong, and what stands around it.
    fn within(&self, room: usize) -> Self {
        let columns: usize = self.text.chars().filter_map(UnicodeWidthChar::width).sum();
        if columns <= room {
            return self.clone();
        }
        let marked = self.width.min(room - 2);
        let hidden = (self.indent + marked + 2).saturating_sub(room);
        let mut chars = self.text.chars().peekable();
        let (mut skipped, mut line) = (0, Line::default());
        while skipped < hidden {
            let Some(c) = chars.next() else { break };
            skipped += c.width().unwrap_or_default();
        }
        if hidden > 0 {
            line.push('…');
        }
        let indent = self.indent + line.width - skipped;
        while let Some(c) = chars.next() {
            if line.width + c.width().unwrap_or_default() >= room && chars.peek().is_some() {
                line.push('…');
                break;
            }
            line.push(c);
        }
        Self { line: self.line, indent, width: self.width.min(room - 1 - indent), text: line.text }
    }
}

/// A line as it grows.
#[derive(Default)]
struct Line {
    text: String,
    /// In columns.
    width: usize,
}

impl Line {
    fn push(&mut self, c: char) {
        if c == '\t' {
            let spaces = TAB - self.width % TAB;
            self.text.extend(std::iter::repeat_n(' ', spaces));
            self.width += spaces;
            return;
        }
        // A CI system takes `##[` for a command anywhere in a line.
        if c == '[' && self.text.ends_with("##") {
            self.text.insert(self.text.len() - 1, ' ');
            self.width += 1;
        }
        let mut buffer = [0; 4];
        for shown in printable(c.encode_utf8(&mut buffer)).chars() {
            self.text.push(shown);
            self.width += shown.width().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    /// Returns what is shown of `text` where `marked` in it is wrong.
    fn shown(text: &str, marked: &str) -> String {
        let start = text.find(marked).unwrap();
        let line_start = text[..start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let before = text[line_start..start].trim_start_matches('\u{feff}');
        let place = SourceRange {
            span: start..start + marked.len(),
            line: text[..start].lines().count().max(1),
            column: before.chars().count() + 1,
            end_line: 0,
            end_column: 0,
        };
        let stream = Stream::plain(std::io::sink());
        ExcerptSource::new(text.as_bytes()).unwrap().excerpt(&place).unwrap().render(&stream, TextStyle::Red)
    }

    #[test]
    fn what_is_wrong_is_underlined() {
        assert_eq!(
            shown("a:\n  image: b:1 # c\n", "b:1"),
            "   |\n 2 |   image: b:1 # c\n   |          ^^^\n"
        );
        assert_eq!(shown("\u{feff}image: b\r\nc", "b"), "   |\n 1 | image: b\n   |        ^\n");
        assert_eq!(shown("a: |\n  b\n  c\n", "b\n  c"), "   |\n 2 |   b\n   |   ^\n");
    }

    #[test]
    fn tabs_wide_and_control_characters_do_not_shift_it() {
        assert_eq!(shown("\ta:\tb", "b"), "   |\n 1 |     a:  b\n   |         ^\n");
        // Two columns each, and one of no width.
        assert_eq!(shown("箱: 日本 # e\u{301}", "日本"), "   |\n 1 | 箱: 日本 # e\u{301}\n   |     ^^^^\n");
        assert_eq!(shown("\u{1b}[2J: b", "b"), "   |\n 1 | \\u{1b}[2J: b\n   |            ^\n");
        assert_eq!(shown("a\u{202e}: b", "b"), "   |\n 1 | a\\u{202e}: b\n   |            ^\n");
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides() {
        let text = format!("{}b:1{}", "x".repeat(1000), "y".repeat(1000));
        let told = shown(&text, "b:1");
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[1].starts_with(" 1 | …xxx") && lines[1].ends_with("yyy…"), "{told}");
        assert_eq!(lines[1].chars().count(), 5 + 1 + BEFORE + BEHIND + 1);
        assert_eq!(lines[2].trim_start_matches([' ', '|']), "^^^");
        assert_eq!(lines[2].chars().position(|c| c == '^'), lines[1].chars().position(|c| c == 'b'));
    }

    #[test]
    fn a_line_and_its_carets_stay_within_the_terminal() {
        let of = |text: &str, marked: &str, columns: usize| {
            let start = text.find(marked).unwrap();
            let column = text[..start].chars().count() + 1;
            let place = SourceRange {
                span: start..start + marked.len(),
                line: 1,
                column,
                end_line: 1,
                end_column: 0,
            };
            let excerpt = ExcerptSource::new(text.as_bytes()).unwrap().excerpt(&place).unwrap();
            excerpt.render(&Stream::terminal(columns), TextStyle::Red)
        };
        let image = "ghcr.io/acme/a-repository-with-a-name:1.27";
        for text in [
            format!("        - image: {image} # a comment that goes on and on"),
            format!("{{a: {{name: a, command: [x, y, z]}}, b: {{image: {image}, command: [x, y, z]}}}}"),
            format!("# 日本語 日本語 日本語 日本語 日本語 日本語 {image} 日本語 日本語 日本語"),
        ] {
            for columns in [30, 60, 80, 200] {
                let told = of(&text, image, columns);
                let lines: Vec<&str> = told.lines().collect();
                assert!(lines.iter().all(|line| line.width() <= columns), "{columns}\n{told}");
                let at = lines[2].find('^').unwrap();
                let shown = lines[1].split_at(lines[1].find("ghcr").unwrap());
                assert_eq!(shown.0.width(), at, "{columns}\n{told}");
                let whole = lines[2].matches('^').count() == image.len();
                assert_eq!(whole, columns >= 60, "{columns}\n{told}");
            }
        }
    }

    #[test]
    fn other_bytes_than_those_of_the_place_show_nothing() {
        let place = SourceRange { span: 7..10, line: 1, column: 8, end_line: 1, end_column: 11 };
        let of = |bytes: &[u8]| ExcerptSource::new(bytes)?.excerpt(&place);
        assert!(of(b"image: b:1").is_some());
        assert_eq!(of(b"image"), None);
        assert_eq!(of("imag\u{e9}: b:1".as_bytes()), None);
        assert_eq!(of(b"\nimage: b:1"), None);
        assert_eq!(of(b"image: \xff:1"), None);
    }
}
