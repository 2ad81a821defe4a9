//! HCL as a tree of nodes with byte spans: the only place that knows its parser. Nomad's job files, Terraform's and Bake's
//! are written in it.
//!
//! The tree is the one that HCL's own JSON form has: a block `task "api" { … }` is the mapping under `/task/api`. Blocks
//! of one type share a mapping; without labels they are a list, for Nomad only where there are several. Nothing is
//! evaluated: what is not a literal is an expression, whose value is its text; what some of them hold is in
//! [`expressions`].

mod expressions;
mod lenient;
mod second_reading;
mod tokens;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Block, BlockLabel, Body, Structure};
pub(super) use second_reading::compare;
use tokens::TokenKind;

use super::build::{EXPRESSION, TEMPLATE, Value, ValueShape};
use super::definition::{Syntax, TemplateSigns, has_extension};
use super::language::Language;
use super::tree::{Fault, ScalarStyle, SyntaxError, SyntaxTree};
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches: |path| has_extension(path, &["nomad", "hcl", "job"]) && !is_of_terraform(path),
    is_in: |bytes| opens_block(bytes, &["job"]),
    format: Some("nomad"),
    parse: |text| read(text, Language::Hcl),
    parse_chunks: None,
    compare,
    has_trailing_comments: true,
    may_be_binary: false,
    malformed: UnreadReason::NotHcl,
    // What is rendered before Nomad reads it: Levant and Nomad Pack.
    template: TemplateSigns::OnLine(&["[[", "{{"]),
};

/// Returns whether a file is written in Terraform's words: what Terragrunt gives to a module, and the variables of a pack of Nomad.
pub(super) fn is_of_terraform(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("terragrunt.hcl" | "variables.hcl"))
}

/// The largest file that is read, in bytes: a Nomad server stores no more than 1 MB of a job's source by default
/// (`job_max_source_size`).
const SIZE_MAX: usize = 2 * 1024 * 1024;

/// Returns whether a line of the file opens one of these blocks. Packer and others use the same file names.
pub(super) fn opens_block(bytes: &[u8], types: &[&str]) -> bool {
    let opens = |line: &[u8]| {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii_start();
        let line = line.strip_prefix(b"\"").unwrap_or(line);
        types.iter().any(|name| {
            let rest =
                line.strip_prefix(name.as_bytes()).map(|rest| rest.strip_prefix(b"\"").unwrap_or(rest));
            let next = rest.and_then(<[u8]>::first);
            next.is_some_and(|next| matches!(next, b' ' | b'\t' | b'"' | b'{' | b'='))
        })
    };
    bytes.split(|byte| *byte == b'\n').any(opens)
}

/// Returns whether the first line that is more than a comment gives a value to a name, as in files of variables.
pub(super) fn starts_with_attribute(bytes: &[u8]) -> bool {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii());
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"//"));
    let Some(first) = first else { return false };
    let name = first.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let length = name.count();
    let rest = first[length..].trim_ascii_start();
    length > 0 && rest.starts_with(b"=") && !rest.starts_with(b"==")
}

/// Returns the tree of a text in one of the languages that are HCL.
pub(super) fn read(text: &str, language: Language) -> SyntaxTree<'_> {
    let too_large = |size| SyntaxError {
        line: 1,
        message: format!("{size} bytes of HCL, more than {SIZE_MAX}"),
        fault: Fault::TooLarge,
    };
    if text.len() > SIZE_MAX {
        return SyntaxTree::planted(text, language, Err(too_large(text.len())), Vec::new());
    }
    // The parser recurses, and compares the keys of an object one with another: what it gets is bounded first.
    let tokens = match tokens::read(text) {
        Ok(tokens) => tokens,
        Err(error) => return SyntaxTree::planted(text, language, Err(error), Vec::new()),
    };
    let root = lenient::parse(text, &tokens).map_err(|error| SyntaxError {
        line: error.location().line(),
        message: error.message().to_owned(),
        fault: Fault::Syntax,
    });
    let root = root.map(|parsed| {
        let again = parsed.again.into_iter().map(|key| key.start).collect();
        let reader = HclReader { text, is_job: language == Language::Hcl, again };
        reader.body(&parsed.body, 0..text.len())
    });
    let comments =
        tokens.into_iter().filter(|token| token.kind == TokenKind::Comment).map(|token| token.span);
    SyntaxTree::planted(text, language, root, comments.collect())
}

/// Returns whether the parser can be given a text: nothing in it stands too deep in other things.
pub(super) fn is_bounded(text: &str) -> bool {
    tokens::read(text).is_ok()
}

struct HclReader<'a> {
    text: &'a str,
    /// Whether it is for Nomad, whose expressions stay closed.
    is_job: bool,
    /// Where keys of objects start that are there before.
    again: HashSet<usize>,
}

type Entries<'a> = Vec<(Value<'a>, Value<'a>)>;

/// Where the blocks of a body are among the entries of what they stand in: by how many labels they have, and by their type
/// and the labels so far.
type BlockPlaces<'b> = HashMap<(usize, Vec<&'b str>), usize>;

impl<'a> HclReader<'a> {
    fn body(&self, body: &Body, span: Range<usize>) -> Value<'a> {
        let mut entries: Entries<'a> = Vec::new();
        let mut places = BlockPlaces::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let key = Value::key(self.span(&attribute.key), attribute.key.as_str().to_owned());
                    entries.push((key, self.expression(&attribute.value)));
                }
                Structure::Block(block) => self.block(block, &mut entries, &mut places),
            }
        }
        Value { span, shape: ValueShape::Mapping(entries) }
    }

    /// Puts a block among the entries of its body, below those of its type and labels.
    fn block<'b>(&self, block: &'b Block, entries: &mut Entries<'a>, places: &mut BlockPlaces<'b>) {
        let (span, count) = (self.span(block), block.labels.len());
        let value = self.body(&block.body, span.clone());
        let mut key = Value::key(self.span(&block.ident), block.ident.as_str().to_owned());
        let (mut path, mut at) = (vec![block.ident.as_str()], entries);
        for label in &block.labels {
            let index = *places.entry((count, path.clone())).or_insert(at.len());
            if index == at.len() {
                at.push((key, Value { span: span.clone(), shape: ValueShape::Mapping(Vec::new()) }));
            }
            let Some((_, Value { span: whole, shape: ValueShape::Mapping(inner) })) = at.get_mut(index)
            else {
                return;
            };
            whole.end = span.end;
            at = inner;
            let label_span = match label {
                BlockLabel::Ident(ident) => self.span(ident),
                BlockLabel::String(string) => self.span(string),
            };
            key = Value::key(label_span, label.as_str().to_owned());
            path.push(label.as_str());
        }
        // The same labels again are another block.
        let known = if count > 0 { None } else { places.get(&(0, path.clone())) };
        match known.and_then(|index| at.get_mut(*index)) {
            Some((_, same)) => join(same, value),
            None => {
                if count == 0 {
                    places.insert((0, path), at.len());
                }
                let is_list = count == 0 && !self.is_job;
                let list = |value| Value { span: span.clone(), shape: ValueShape::Sequence(vec![value]) };
                at.push((key, if is_list { list(value) } else { value }));
            }
        }
    }

    fn expression(&self, expression: &Expression) -> Value<'a> {
        let span = self.span(expression);
        let source = self.text.get(span.clone()).unwrap_or_default();
        let shape = match expression {
            Expression::Array(items) => {
                ValueShape::Sequence(items.iter().flat_map(|item| self.item(item)).collect())
            }
            Expression::Object(object) => {
                let entries =
                    object.iter().map(|(key, value)| (self.key(key), self.expression(value.expr())));
                self.object(entries.collect())
            }
            // Escapes stay as they are written: what has one is not a reference, and so is not edited.
            Expression::String(_) => quoted(source, ""),
            Expression::StringTemplate(_) => quoted(source, TEMPLATE),
            _ => {
                let opened = if self.is_job { None } else { self.opened(expression) };
                return opened.unwrap_or_else(|| closed(span, source));
            }
        };
        Value { span, shape }
    }

    /// Returns an object: of a key that is there twice the last value counts.
    fn object(&self, mut entries: Entries<'a>) -> ValueShape<'a> {
        let is_again = |key: &Value<'_>| self.again.contains(&key.span.start);
        if entries.iter().any(|(key, _)| is_again(key)) {
            let name = |key: &Value<'_>| {
                self.text.get(key.span.clone()).unwrap_or_default().trim_matches('"').to_owned()
            };
            let mut known = HashSet::new();
            entries.reverse();
            entries.retain(|(key, _)| known.insert(name(key)));
            entries.reverse();
            for (key, _) in entries.iter_mut().filter(|(key, _)| is_again(key)) {
                *key = Value::key(key.span.clone(), name(key));
            }
        }
        ValueShape::Mapping(entries)
    }

    /// Returns the values that an item of a list may be.
    fn item(&self, item: &Expression) -> Vec<Value<'a>> {
        if self.is_job { vec![self.expression(item)] } else { self.choices(item) }
    }

    fn key(&self, key: &ObjectKey) -> Value<'a> {
        match key {
            ObjectKey::Ident(ident) => Value::key(self.span(ident), ident.as_str().to_owned()),
            ObjectKey::Expression(Expression::String(name)) => {
                Value::key(self.span(name), name.as_str().to_owned())
            }
            ObjectKey::Expression(other) => {
                let span = self.span(other);
                let source = self.text.get(span.clone()).unwrap_or_default();
                closed(span, source)
            }
        }
    }

    /// Returns the bytes of something that was parsed. The parser knows them of everything that it reads.
    fn span(&self, of: &impl Span) -> Range<usize> {
        of.span().unwrap_or_default()
    }
}

/// Returns an expression that nobody looks into.
fn closed(span: Range<usize>, source: &str) -> Value<'_> {
    let value = Cow::Borrowed(source.lines().next().unwrap_or_default());
    Value { span, shape: ValueShape::Scalar { value, style: ScalarStyle::Plain, tag: EXPRESSION } }
}

fn quoted<'a>(source: &'a str, tag: &'static str) -> ValueShape<'a> {
    let inner = source.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) => ValueShape::Scalar { value: Cow::Borrowed(inner), style: ScalarStyle::Double, tag },
        None => {
            ValueShape::Scalar { value: Cow::Borrowed(source), style: ScalarStyle::Plain, tag: EXPRESSION }
        }
    }
}

/// Adds a block to the one before it, or to the list of them.
fn join<'a>(blocks: &mut Value<'a>, block: Value<'a>) {
    let first = blocks.span.clone();
    blocks.span.end = block.span.end;
    match (&mut blocks.shape, block) {
        (ValueShape::Sequence(bodies), block) => bodies.push(block),
        (body, block) => {
            let shape = std::mem::replace(body, ValueShape::Sequence(Vec::new()));
            *body = ValueShape::Sequence(vec![Value { span: first, shape }, block]);
        }
    }
}
