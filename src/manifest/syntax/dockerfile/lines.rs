//! The lines of a Dockerfile, joined where one goes on with the next, each byte with its place in the file.

use std::borrow::Cow;
use std::ops::Range;

/// What stands behind `# name=` at the top of a file.
pub(super) struct DirectiveLine<'a> {
    pub(super) name: String,
    pub(super) value: &'a str,
    /// Where the value starts in the line.
    pub(super) at: usize,
}

/// A line as it is read: without its line ends, and with what goes on below it.
#[derive(Debug, Default)]
pub(super) struct JoinedLine {
    pub(super) text: String,
    /// The number of its first line, from 1.
    pub(super) number: usize,
    /// Where the parts of `text` start, in it and in the file.
    parts: Vec<(usize, usize)>,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// What it says.
    pub(super) value: Cow<'a, str>,
    /// Where it stands in the file, with what lies between its parts.
    pub(super) span: Range<usize>,
    /// The quotes around it, which are not part of the value.
    pub(super) quote: Option<char>,
    /// Whether quotes and escapes in it make something else of it than is written.
    pub(super) is_computed: bool,
}

impl JoinedLine {
    fn push(&mut self, part: &str, at: usize) {
        if !part.is_empty() {
            self.parts.push((self.text.len(), at));
            self.text.push_str(part);
        }
    }

    /// Returns where a byte of the text stands in the file.
    fn place(&self, at: usize) -> usize {
        let part = self.parts.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        self.parts.get(part).map_or(0, |(start, place)| place + (at - start))
    }

    /// Returns a part of the text as a word.
    pub(super) fn word<'a>(&self, range: Range<usize>) -> Word<'a> {
        let value = self.text.get(range.clone()).unwrap_or_default().to_owned();
        let end = match range.end.checked_sub(1).filter(|last| *last >= range.start) {
            Some(last) => self.place(last) + 1,
            None => self.place(range.start),
        };
        let span = self.place(range.start)..end;
        Word { value: Cow::Owned(value), span, quote: None, is_computed: false }
    }
}

/// Reads a text line by line, as BuildKit does (`parser.Parse`).
pub(super) struct LineReader<'a> {
    text: &'a str,
    at: usize,
    number: usize,
    /// What takes away the meaning of the next character, and of the end of a line.
    pub(super) escape: char,
    /// The directives that were seen, while there may be more.
    directives: Option<Vec<String>>,
    pub(super) comments: Vec<Range<usize>>,
}

impl<'a> LineReader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, number: 0, escape: '\\', directives: Some(Vec::new()), comments: Vec::new() }
    }

    /// Returns the number of the line that was read last, from 1.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Returns the next line without its end, and where it starts.
    pub(super) fn raw(&mut self) -> Option<(usize, &'a str)> {
        let (start, rest) = (self.at, self.text.get(self.at..).filter(|rest| !rest.is_empty())?);
        let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
        self.at += length;
        self.number += 1;
        Some((start, rest[..length].trim_end_matches(['\r', '\n'])))
    }

    /// Returns the next line that is neither empty nor a comment, with those that it goes on with.
    ///
    /// # Errors
    /// A directive is there twice, or is not one that can be followed.
    pub(super) fn joined(&mut self) -> Result<Option<JoinedLine>, String> {
        loop {
            let Some((start, raw)) = self.raw() else { return Ok(None) };
            let line = raw.trim_start();
            let start = start + (raw.len() - line.len());
            if self.is_directive(line)? {
                continue;
            }
            if line.starts_with('#') {
                self.comments.push(start..start + line.len());
            } else if !line.is_empty() {
                return Ok(Some(self.join(start, line)));
            }
        }
    }

    fn join(&mut self, start: usize, line: &str) -> JoinedLine {
        let mut joined = JoinedLine { number: self.number, ..JoinedLine::default() };
        let (part, mut goes_on) = cut(line, self.escape);
        joined.push(part, start);
        while goes_on {
            let Some((start, raw)) = self.raw() else { break };
            let line = raw.trim_start();
            if line.starts_with('#') {
                let start = start + (raw.len() - line.len());
                self.comments.push(start..start + line.len());
            } else if !line.is_empty() {
                let (part, more) = cut(raw, self.escape);
                joined.push(part, start);
                goes_on = more;
            }
        }
        joined
    }

    /// Returns whether a line is a directive, and follows it. The first that is not ends them.
    fn is_directive(&mut self, line: &str) -> Result<bool, String> {
        let Some(seen) = &mut self.directives else { return Ok(false) };
        let Some(directive) = directive(line).filter(|_| line.starts_with('#')) else {
            self.directives = None;
            return Ok(false);
        };
        if seen.contains(&directive.name) {
            return Err(format!("the directive `{}` is there twice", directive.name));
        }
        seen.push(directive.name.clone());
        if directive.name == "escape" {
            self.escape = match directive.value {
                "\\" => '\\',
                "`" => '`',
                other => return Err(format!("`{other}` cannot be the escape character")),
            };
        }
        Ok(true)
    }
}

/// Returns a line without what says that it goes on, and whether it does: an escape character at its end that no other
/// stands before.
fn cut(line: &str, escape: char) -> (&str, bool) {
    match line.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(part) if !part.ends_with(escape) => (part, true),
        _ => (line, false),
    }
}

/// Returns the directive that a line is: `# syntax=`, `# escape=` or `# check=`.
pub(super) fn directive(line: &str) -> Option<DirectiveLine<'_>> {
    const BLANK: [char; 5] = [' ', '\t', '\n', '\x0c', '\r'];
    let rest = line.strip_prefix(['#', '/'])?.trim_start();
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let name = rest[..length].to_ascii_lowercase();
    let rest = rest[length..].trim_start_matches(BLANK).strip_prefix('=')?;
    let value = rest.trim_start_matches(BLANK);
    let at = line.len() - value.len();
    let value = value.trim_end_matches(BLANK);
    // A blank is a value.
    let is_known = matches!(name.as_str(), "syntax" | "escape" | "check") && !rest.is_empty();
    is_known.then_some(DirectiveLine { name, value, at })
}
