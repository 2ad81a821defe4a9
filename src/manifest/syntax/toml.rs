//! TOML as a tree of nodes with byte spans: the only place that knows its parser. GitLab's runner, containerd and Fly.io are
//! configured in it.
//!
//! Tables are mappings, arrays of tables lists: the image of the first runner stands at `/runners/0/docker/image`. What is
//! no text has a tag, and so has a text with escapes, or over several lines: nobody names an image so.

mod second_reading;
mod words;

use std::ops::Range;

use toml_edit::{Array, Document, InlineTable, Item, Key, Table};

use self::words::WordKind;
use super::build::{EXPRESSION, Value, ValueShape};
use super::definition::{Syntax, TemplateSigns, has_extension};
use super::language::Language;
use super::tree::{DEPTH_MAX, Fault, ScalarStyle, SyntaxError, SyntaxTree};
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches: |path| has_extension(path, &["toml"]),
    is_in: names_images,
    format: None,
    parse,
    parse_chunks: None,
    compare: second_reading::compare,
    has_trailing_comments: true,
    may_be_binary: false,
    malformed: UnreadReason::NotToml,
    template: TemplateSigns::InText(&["{{", "{%", "<%"]),
};

/// The largest file that is read, in bytes.
const SIZE_MAX: usize = 2 * 1024 * 1024;

/// The tag of a text that does not stand in its quotes as it is.
const DECODED: &str = "!!decoded";

/// What begins a runner of GitLab's.
const RUNNERS: &[u8] = b"[[runners]]";

/// The word that keys of images have in them.
const IMAGE: &[u8] = b"image";

/// Returns whether a line of the file is one of a runner, or a key or a table with `image` in its name: most files of TOML are
/// about programs.
fn names_images(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii_start();
        let name = match memchr::memchr(b'=', line) {
            Some(end) => &line[..end],
            None if line.starts_with(b"[") => line,
            None => return false,
        };
        line.starts_with(RUNNERS) || name.windows(IMAGE.len()).any(|part| part.eq_ignore_ascii_case(IMAGE))
    })
}

fn parse(text: &str) -> SyntaxTree<'_> {
    let error = |line, message, fault| SyntaxError { line, message, fault };
    let root = if text.len() > SIZE_MAX {
        let message = format!("{} bytes of TOML, more than {SIZE_MAX}", text.len());
        Err(error(1, message, Fault::TooLarge))
    } else {
        let line_of = |at: usize| 1 + text[..at.min(text.len())].matches('\n').count();
        let parsed = Document::parse(text).map_err(|fault| {
            let at = fault.span().map_or(0, |span| span.start);
            error(line_of(text.floor_char_boundary(at)), fault.message().to_owned(), Fault::Syntax)
        });
        let too_deep = || error(1, "it is nested too deeply".to_owned(), Fault::TooDeep);
        parsed.and_then(|parsed| {
            let reader = TomlReader { text };
            reader.table(parsed.as_table(), 0..text.len(), 0).ok_or_else(too_deep)
        })
    };
    let words = if root.is_ok() { words::read(text) } else { Vec::new() };
    let comments = words.into_iter().filter(|word| word.kind == WordKind::Comment).map(|word| word.span);
    SyntaxTree::planted(text, Language::Toml, root, comments.collect())
}

struct TomlReader<'a> {
    text: &'a str,
}

impl<'a> TomlReader<'a> {
    /// Returns a table of which the entries stand in the order of the text; `None` where it is nested too deeply.
    fn table(&self, table: &Table, span: Range<usize>, depth: usize) -> Option<Value<'a>> {
        let entries = table.iter().filter_map(|(name, item)| Some((table.key(name)?, item)));
        self.mapping(entries.collect(), span, depth)
    }

    fn mapping(&self, entries: Vec<(&Key, &Item)>, span: Range<usize>, depth: usize) -> Option<Value<'a>> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut read = Vec::with_capacity(entries.len());
        for (key, item) in entries {
            // A table that only its own tables name has no place of its own.
            let place = key.span().unwrap_or(span.start..span.start);
            read.push((Value::key(place.clone(), key.get().to_owned()), self.item(item, place, depth + 1)?));
        }
        Some(Value { span, shape: ValueShape::Mapping(read) })
    }

    fn item(&self, item: &Item, key: Range<usize>, depth: usize) -> Option<Value<'a>> {
        let span = item.span().unwrap_or(key);
        match item {
            Item::None => Some(self.scalar(span)),
            Item::Value(value) => self.value(value, span, depth),
            Item::Table(table) => self.table(table, span, depth),
            Item::ArrayOfTables(tables) => {
                let item = |table: &Table| self.table(table, table.span().unwrap_or(span.clone()), depth + 1);
                let items = tables.iter().map(item).collect::<Option<_>>()?;
                Some(Value { span, shape: ValueShape::Sequence(items) })
            }
        }
    }

    fn value(&self, value: &toml_edit::Value, span: Range<usize>, depth: usize) -> Option<Value<'a>> {
        match value {
            toml_edit::Value::Array(array) => self.array(array, span, depth),
            toml_edit::Value::InlineTable(table) => self.inline(table, span, depth),
            toml_edit::Value::String(text) => Some(self.text(text.value(), span)),
            _ => Some(self.scalar(span)),
        }
    }

    fn array(&self, array: &Array, span: Range<usize>, depth: usize) -> Option<Value<'a>> {
        if depth > DEPTH_MAX {
            return None;
        }
        let item = |value: &toml_edit::Value| self.value(value, value.span()?, depth + 1);
        let items = array.iter().map(item).collect::<Option<_>>()?;
        Some(Value { span, shape: ValueShape::Sequence(items) })
    }

    fn inline(&self, table: &InlineTable, span: Range<usize>, depth: usize) -> Option<Value<'a>> {
        let owned: Vec<(&Key, Item)> = table
            .iter()
            .filter_map(|(name, value)| Some((table.key(name)?, Item::Value(value.clone()))))
            .collect();
        self.mapping(owned.iter().map(|(key, item)| (*key, item)).collect(), span, depth)
    }

    /// Returns a text in the quotes that it has. Over several lines, or with escapes, it is not what stands there.
    fn text(&self, value: &str, span: Range<usize>) -> Value<'a> {
        let source = self.text.get(span.clone()).unwrap_or_default();
        let style = if source.starts_with('\'') { ScalarStyle::Single } else { ScalarStyle::Double };
        let inner = source.len().checked_sub(1).and_then(|end| source.get(1..end));
        let tag = if inner == Some(value) { "" } else { DECODED };
        Value { span, shape: ValueShape::Scalar { value: value.to_owned().into(), style, tag } }
    }

    fn scalar(&self, span: Range<usize>) -> Value<'a> {
        let value = self.text.get(span.clone()).unwrap_or_default().into();
        Value { span, shape: ValueShape::Scalar { value, style: ScalarStyle::Plain, tag: EXPRESSION } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what stands at a path, and the bytes of it.
    fn at<'t>(text: &'t str, path: &[&str]) -> Option<(String, &'t str, String)> {
        let tree = parse(text);
        let mut node = tree.documents[0].root?;
        for key in path {
            node = match key.parse::<usize>() {
                Ok(index) => *tree.items(node).get(index)?,
                Err(_) => tree.get(node, key)?,
            };
        }
        Some((tree.text_of(node)?.to_owned(), &text[tree.nodes[node].span()], tree.tag(node).to_owned()))
    }

    #[test]
    fn values_have_their_bytes() {
        let text = "# é\r\nconcurrent = 1\n[[runners]]\n  [runners.docker]\n    image = \"a:1\" # c\n\
                    \x20   services = [{ name = 'b:1' }, {name=\"c\\u003a1\"}]\n[[runners]]\nkubernetes.image = \"d:1\"\n\
                    [[runners.kubernetes2.services]]\nname = \"\"\"e:1\"\"\"\n";
        for (path, value, source, tag) in [
            (&["concurrent"][..], "1", "1", EXPRESSION),
            (&["runners", "0", "docker", "image"], "a:1", "\"a:1\"", ""),
            (&["runners", "0", "docker", "services", "0", "name"], "b:1", "'b:1'", ""),
            (&["runners", "0", "docker", "services", "1", "name"], "c:1", "\"c\\u003a1\"", DECODED),
            (&["runners", "1", "kubernetes", "image"], "d:1", "\"d:1\"", ""),
            (&["runners", "1", "kubernetes2", "services", "0", "name"], "e:1", "\"\"\"e:1\"\"\"", DECODED),
        ] {
            let found = at(text, path);
            assert_eq!(found, Some((value.to_owned(), source, tag.to_owned())), "{path:?}");
        }
        assert_eq!(parse(text).comments.len(), 2);
    }

    #[test]
    fn what_is_not_toml_is_an_error_with_its_line() {
        for (text, line) in [("a = 1\nb = {{ x }}\n", 2), ("a = 1\na = 2\n", 2), ("[a\n", 1)] {
            let error = parse(text).documents[0].error.clone();
            assert_eq!(error.map(|error| (error.line, error.fault)), Some((line, Fault::Syntax)), "{text:?}");
        }
        let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep).documents[0].error.is_some());
        let keys = format!("[{}]\n", vec!["a"; 100_000].join("."));
        assert!(parse(&keys).documents[0].error.is_some());
    }

    #[test]
    fn most_toml_is_about_programs() {
        assert!(names_images(b"[[runners]]\n") && names_images(b"a = 1\n  \"sandbox_image\" = 'x'\n"));
        assert!(names_images(b"[plugins.x.pinned_images]\n") && names_images(b"default_image='a'\n"));
        assert!(!names_images(b"[package]\ndescription = \"an image = it\"\n  \"image\",\n"));
    }
}
