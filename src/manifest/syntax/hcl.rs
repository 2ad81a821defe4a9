//! HCL, as Nomad's job files are written, as a tree of nodes with byte spans: the only place that knows its parser.
//!
//! The tree is the one that HCL's own JSON form has: a block `task "api" { … }` is the mapping under `/task/api`. Blocks
//! of one type share a mapping, or are a list where they have no labels. Nothing is evaluated: what is not a literal is an
//! expression, whose value is its text.

mod second_reading;
mod tokens;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Block, BlockLabel, Body, Structure};
use tokens::TokenKind;

use super::build::{EXPRESSION, TEMPLATE, Value, ValueShape};
use super::definition::{Syntax, TemplateSigns, has_extension};
use super::language::Language;
use super::tree::{Fault, ScalarStyle, SyntaxError, SyntaxTree};
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches: |path| has_extension(path, &["nomad", "hcl"]),
    is_in: has_job,
    format: Some("nomad"),
    parse,
    parse_chunks: None,
    compare: second_reading::compare,
    has_trailing_comments: true,
    may_be_binary: false,
    malformed: UnreadReason::NotHcl,
    // What is rendered before Nomad reads it: Levant and Nomad Pack.
    template: TemplateSigns::OnLine(&["[[", "{{"]),
};

/// The largest file that is read, in bytes: a Nomad server stores no more than 1 MB of a job's source by default
/// (`job_max_source_size`).
const SIZE_MAX: usize = 2 * 1024 * 1024;

/// Returns whether a line of the file opens a `job` block. Terraform, Packer and Bake use the same file names.
fn has_job(bytes: &[u8]) -> bool {
    let opens = |line: &[u8]| {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii_start();
        let rest = line.strip_prefix(b"job").or_else(|| line.strip_prefix(b"\"job\""));
        rest.and_then(<[u8]>::first).is_some_and(|next| matches!(next, b' ' | b'\t' | b'"' | b'{' | b'='))
    };
    bytes.split(|byte| *byte == b'\n').any(opens)
}

fn parse(text: &str) -> SyntaxTree<'_> {
    let too_large = |size| SyntaxError {
        line: 1,
        message: format!("{size} bytes of HCL, more than {SIZE_MAX}"),
        fault: Fault::TooLarge,
    };
    if text.len() > SIZE_MAX {
        return SyntaxTree::planted(text, Language::Hcl, Err(too_large(text.len())), Vec::new());
    }
    // The parser recurses, and compares the keys of an object one with another: what it gets is bounded first.
    let tokens = match tokens::read(text) {
        Ok(tokens) => tokens,
        Err(error) => return SyntaxTree::planted(text, Language::Hcl, Err(error), Vec::new()),
    };
    let comments =
        tokens.into_iter().filter(|token| token.kind == TokenKind::Comment).map(|token| token.span);
    let root = hcl_edit::parser::parse_body(text).map_err(|error| SyntaxError {
        line: error.location().line(),
        message: error.message().to_owned(),
        fault: Fault::Syntax,
    });
    let root = root.map(|body| HclReader { text }.body(&body, 0..text.len()));
    SyntaxTree::planted(text, Language::Hcl, root, comments.collect())
}

struct HclReader<'a> {
    text: &'a str,
}

impl<'a> HclReader<'a> {
    fn body(&self, body: &Body, span: Range<usize>) -> Value<'a> {
        let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::new();
        // Where the blocks of a type are among the entries; with labels or without.
        let mut types: HashMap<(String, bool), usize> = HashMap::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let key = Value::key(self.span(&attribute.key), attribute.key.as_str().to_owned());
                    entries.push((key, self.expression(&attribute.value)));
                }
                Structure::Block(block) => {
                    let (key, value) = self.block(block);
                    let known = types.get(&(block.ident.as_str().to_owned(), block.is_labeled()));
                    match known.and_then(|index| entries.get_mut(*index)) {
                        Some((_, same)) => join(same, value, block.is_labeled()),
                        None => {
                            let index = entries.len();
                            types.insert((block.ident.as_str().to_owned(), block.is_labeled()), index);
                            entries.push((key, value));
                        }
                    }
                }
            }
        }
        Value { span, shape: ValueShape::Mapping(entries) }
    }

    fn block(&self, block: &Block) -> (Value<'a>, Value<'a>) {
        let span = self.span(block);
        let mut value = self.body(&block.body, span.clone());
        for label in block.labels.iter().rev() {
            let at = match label {
                BlockLabel::Ident(ident) => self.span(ident),
                BlockLabel::String(string) => self.span(string),
            };
            let entry = (Value::key(at, label.as_str().to_owned()), value);
            value = Value { span: span.clone(), shape: ValueShape::Mapping(vec![entry]) };
        }
        (Value::key(self.span(&block.ident), block.ident.as_str().to_owned()), value)
    }

    fn expression(&self, expression: &Expression) -> Value<'a> {
        let span = self.span(expression);
        let source = self.text.get(span.clone()).unwrap_or_default();
        let shape = match expression {
            Expression::Array(items) => {
                ValueShape::Sequence(items.iter().map(|item| self.expression(item)).collect())
            }
            Expression::Object(object) => {
                let entries =
                    object.iter().map(|(key, value)| (self.key(key), self.expression(value.expr())));
                ValueShape::Mapping(entries.collect())
            }
            // Escapes stay as they are written: what has one is not a reference, and so is not edited.
            Expression::String(_) => quoted(source, ""),
            Expression::StringTemplate(_) => quoted(source, TEMPLATE),
            _ => {
                let value = Cow::Borrowed(source.lines().next().unwrap_or_default());
                ValueShape::Scalar { value, style: ScalarStyle::Plain, tag: EXPRESSION }
            }
        };
        Value { span, shape }
    }

    fn key(&self, key: &ObjectKey) -> Value<'a> {
        match key {
            ObjectKey::Ident(ident) => Value::key(self.span(ident), ident.as_str().to_owned()),
            ObjectKey::Expression(Expression::String(name)) => {
                Value::key(self.span(name), name.as_str().to_owned())
            }
            ObjectKey::Expression(other) => self.expression(other),
        }
    }

    /// Returns the bytes of something that was parsed. The parser knows them of everything that it reads.
    fn span(&self, of: &impl Span) -> Range<usize> {
        of.span().unwrap_or_default()
    }
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

fn join<'a>(blocks: &mut Value<'a>, block: Value<'a>, labelled: bool) {
    let first = blocks.span.clone();
    blocks.span.end = block.span.end;
    match (&mut blocks.shape, block) {
        (ValueShape::Mapping(labels), Value { shape: ValueShape::Mapping(more), .. }) if labelled => {
            labels.extend(more);
        }
        (ValueShape::Sequence(bodies), block) => bodies.push(block),
        (body, block) => {
            let shape = std::mem::replace(body, ValueShape::Sequence(Vec::new()));
            *body = ValueShape::Sequence(vec![Value { span: first, shape }, block]);
        }
    }
}
