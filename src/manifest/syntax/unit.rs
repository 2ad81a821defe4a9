//! systemd unit files, as Podman's Quadlet units are written, as a tree of nodes with byte spans: `/Container/Image`.
//!
//! The rules are those of Podman's reader (`pkg/systemd/parser/unitfile.go`): lines end with LF and lose the blanks around
//! them, a backslash at the end goes on with the next line, `#` and `;` start comments only at the start of a line,
//! sections of one name are one section, and one pair of double quotes around a value is not part of it.

mod second_reading;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::build::{TEMPLATE, Value, ValueShape};
use super::definition::{Syntax, TemplateSigns, has_extension};
use super::language::Language;
use super::tree::{Fault, NODES_MAX, ScalarStyle, SyntaxError, SyntaxTree};
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches: |path| has_extension(path, &EXTENSIONS) || is_drop_in(path),
    is_in: has_section,
    format: Some("quadlet"),
    parse,
    parse_chunks: None,
    compare: second_reading::compare,
    has_trailing_comments: false,
    may_be_binary: true,
    malformed: UnreadReason::NotUnit,
    // What a manager of dotfiles or a chart of units renders.
    template: TemplateSigns::OnLine(&["{{", "{%", "<%"]),
};

/// The kinds of units that name images (podman-systemd.unit(5)). A `.build` unit's `ImageTag` is what it makes.
const EXTENSIONS: [&str; 5] = ["container", "image", "kube", "pod", "volume"];

const SECTIONS: [&[u8]; 5] = [b"[Container]", b"[Image]", b"[Kube]", b"[Pod]", b"[Volume]"];

/// Returns whether a line of the file is the header of a section that names images or a manifest: a picture or a disk has none.
fn has_section(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
        SECTIONS.contains(&line)
    })
}

/// `web.container.d` holds files that add to `web.container`, and `container.d` to all of that kind (podman-systemd.unit(5)).
fn is_drop_in(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let directory = directory.rsplit('/').next().unwrap_or_default();
    let unit = directory.strip_suffix(".d").and_then(|unit| unit.rsplit('.').next());
    name.ends_with(".conf") && unit.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

fn parse(text: &str) -> SyntaxTree<'_> {
    let mut reader =
        UnitReader { sections: Vec::new(), by_name: HashMap::new(), current: None, comments: Vec::new() };
    let root = reader.read(text).map(|()| {
        let sections = reader.sections.into_iter().map(|(name, entries)| {
            let end = entries.last().map_or(name.span.end, |(_, value)| value.span.end);
            let span = name.span.start..end;
            (name, Value { span, shape: ValueShape::Mapping(entries) })
        });
        Value { span: 0..text.len(), shape: ValueShape::Mapping(sections.collect()) }
    });
    SyntaxTree::planted(text, Language::Unit, root, reader.comments)
}

type Entries<'a> = Vec<(Value<'a>, Value<'a>)>;

struct UnitReader<'a> {
    sections: Vec<(Value<'a>, Entries<'a>)>,
    by_name: HashMap<Cow<'a, str>, usize>,
    current: Option<usize>,
    comments: Vec<Range<usize>>,
}

impl<'a> UnitReader<'a> {
    fn read(&mut self, text: &'a str) -> Result<(), SyntaxError> {
        let lines = text.strip_suffix('\n').unwrap_or(text);
        let (mut next, mut entries) = (0, 0);
        // A line that goes on: where it starts, and what it says so far.
        let mut open: Option<(usize, String)> = None;
        for (index, raw) in lines.split('\n').enumerate() {
            let line = raw.trim();
            let start = next + (raw.len() - raw.trim_start().len());
            let end = start + line.len();
            next += raw.len() + 1;
            if line.is_empty() {
                continue;
            }
            if line.starts_with(['#', ';']) {
                self.comments.push(start..end);
                continue;
            }
            let part = line.strip_suffix('\\').unwrap_or(line);
            let (start, whole) = match open.take() {
                Some((start, text)) => (start, Cow::Owned(text + part)),
                None => (start, Cow::Borrowed(part)),
            };
            if part.len() < line.len() && next < lines.len() {
                open = Some((start, whole.into_owned()));
                continue;
            }
            entries += 1;
            let error =
                |message: &str, fault| SyntaxError { line: index + 1, message: message.to_owned(), fault };
            if entries > NODES_MAX / 3 {
                return Err(error("the file has too many lines", Fault::TooLarge));
            }
            self.line(whole, start..end).map_err(|message| error(message, Fault::Syntax))?;
        }
        Ok(())
    }

    fn line(&mut self, line: Cow<'a, str>, span: Range<usize>) -> Result<(), &'static str> {
        if let Some(name) = header(&line) {
            let name = name.to_owned();
            let (sections, key) = (&mut self.sections, Value::key(span, name.clone()));
            self.current = Some(*self.by_name.entry(name.into()).or_insert_with(|| {
                sections.push((key, Vec::new()));
                sections.len() - 1
            }));
            return Ok(());
        }
        let Some(equals) = line.find('=').filter(|at| *at > 0) else {
            return Err("neither a section, nor an assignment, nor a comment");
        };
        let section = self.current.and_then(|current| self.sections.get_mut(current));
        let (_, entries) = section.ok_or("an assignment before the first section")?;
        let key = Value::key(span.start..span.start + equals, line[..equals].trim_end().to_owned());
        entries.push((key, assigned(line, equals + 1, span)));
        Ok(())
    }
}

fn header(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix('[')?.split_once(']')?;
    (!name.is_empty() && rest.trim_matches([' ', '\t']).is_empty()).then_some(name)
}

/// Returns the value that starts at byte `at` of a line. A line that goes on has no exact place for it, so that its whole
/// text is the span.
fn assigned<'a>(line: Cow<'a, str>, at: usize, span: Range<usize>) -> Value<'a> {
    let scalar = |value: Cow<'a, str>, style, span| {
        // systemd replaces what follows a percent sign (systemd.unit(5), "Specifiers").
        let tag = if value.contains('%') { TEMPLATE } else { "" };
        Value { span, shape: ValueShape::Scalar { value, style, tag } }
    };
    let Cow::Borrowed(line) = line else {
        return scalar(Cow::Owned(line[at..].trim_start().to_owned()), ScalarStyle::Plain, span);
    };
    let value = line[at..].trim_start();
    let start = span.start + (line.len() - value.len());
    let span = start..start + value.len();
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => scalar(Cow::Borrowed(inner), ScalarStyle::Double, span),
        None => scalar(Cow::Borrowed(value), ScalarStyle::Plain, span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what an image is read as, and the bytes of it.
    fn image(text: &str) -> Option<(String, &str)> {
        let tree = parse(text);
        let section = tree.get(tree.documents[0].root?, "Container")?;
        let image = tree.get(section, "Image")?;
        Some((tree.text_of(image)?.to_owned(), &text[tree.nodes[image].span()]))
    }

    #[test]
    fn values_are_read_as_podman_reads_them() {
        for (text, value, source) in [
            ("[Container]\nImage=a:1\n", "a:1", "a:1"),
            ("[Container] \t\r\n  Image  =\t a:1 \r\n", "a:1", "a:1"),
            ("[Container]\nImage=\"a:1\"", "a:1", "\"a:1\""),
            ("[Container]\nImage=a:1 # b", "a:1 # b", "a:1 # b"),
            ("[Container]\n[Unit]\nImage=x\n[Container]\nImage=a:1\nImage=b:2\n", "b:2", "b:2"),
            ("[Container]\nImage=a\\\n  # c\n\n  :1\nX=y", "a:1", "Image=a\\\n  # c\n\n  :1"),
            ("[Container]\nImage=a:1\\", "a:1", "a:1"),
            ("[Container]\nImage=\n", "", ""),
        ] {
            assert_eq!(image(text), Some((value.to_owned(), source)), "{text:?}");
        }
    }

    #[test]
    fn what_podman_refuses_is_an_error() {
        for text in
            ["Image=a:1\n[Container]", "[Container]\nImage", "[Container]\n=a", "[Container\n", "[]\n"]
        {
            let error = parse(text).documents[0].error.clone();
            assert!(error.is_some_and(|error| error.fault == Fault::Syntax), "{text:?}");
        }
    }
}
