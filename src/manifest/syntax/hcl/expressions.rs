//! What some expressions hold as it is written: the arguments of functions that pass them on, the branches of a condition,
//! what a `for` makes, the text of a heredoc. Which of them is taken is not decided.

use std::borrow::Cow;
use std::ops::Range;

use hcl_edit::expr::{Expression, ForExpr, FuncCall};

use super::{Entries, HclReader, tokens};
use crate::manifest::syntax::build::{TEMPLATE, Value, ValueShape};
use crate::manifest::syntax::embedded::dedent;
use crate::manifest::syntax::tree::ScalarStyle;

/// Functions whose value is that of their first argument, perhaps in another form (Terraform language, "Functions").
const PASS_ON: [&str; 14] = [
    "chomp",
    "compact",
    "distinct",
    "jsondecode",
    "jsonencode",
    "nonsensitive",
    "object",
    "sensitive",
    "tolist",
    "tomap",
    "toset",
    "trimspace",
    "yamldecode",
    "yamlencode",
];

/// Types of collections, which hold what their argument says (Terraform language, "Type Constraints").
const COLLECTIONS: [&str; 3] = ["list", "map", "set"];

/// Functions whose value consists of their arguments, or is one of them.
const JOIN: [&str; 6] = ["coalesce", "coalescelist", "concat", "merge", "setunion", "try"];

impl<'a> HclReader<'a> {
    /// Returns what an expression holds; `None` where it stays closed.
    pub(super) fn opened(&self, expression: &Expression) -> Option<Value<'a>> {
        let span = self.span(expression);
        match expression {
            Expression::Parenthesis(inner) => Some(self.expression(inner.inner())),
            Expression::HeredocTemplate(_) => self.heredoc(span),
            Expression::FuncCall(call) => self.call(call, span),
            Expression::Conditional(choice) => {
                joined(span, vec![self.expression(&choice.true_expr), self.expression(&choice.false_expr)])
            }
            Expression::ForExpr(each) if hands_on(each) => Some(self.expression(&each.intro.collection_expr)),
            Expression::ForExpr(each) => {
                let value = self.expression(&each.value_expr);
                let shape = match &each.key_expr {
                    Some(key) => ValueShape::Mapping(vec![(self.expression(key), value)]),
                    None => ValueShape::Sequence(vec![value]),
                };
                Some(Value { span, shape })
            }
            _ => None,
        }
    }

    /// Returns what both branches of a condition hold, and of any other expression what it holds itself.
    pub(super) fn choices(&self, expression: &Expression) -> Vec<Value<'a>> {
        match expression {
            Expression::Parenthesis(inner) => self.choices(inner.inner()),
            Expression::Conditional(choice) => {
                let branches = [&choice.true_expr, &choice.false_expr].into_iter();
                branches.filter(|branch| !branch.is_null()).flat_map(|branch| self.choices(branch)).collect()
            }
            _ => vec![self.expression(expression)],
        }
    }

    fn call(&self, call: &FuncCall, span: Range<usize>) -> Option<Value<'a>> {
        let name = call.name.name.as_str();
        let mut arguments = call.args.iter().map(|argument| self.expression(argument));
        if call.name.is_namespaced() {
            None
        } else if PASS_ON.contains(&name) {
            arguments.next()
        } else if JOIN.contains(&name) {
            joined(span, arguments.collect())
        } else if COLLECTIONS.contains(&name) {
            Some(Value { span, shape: ValueShape::Sequence(vec![arguments.next()?]) })
        } else if name == "optional" {
            // Of the type of a variable: the default, and what its parts are by default.
            let (parts, default) = (arguments.next()?, arguments.next());
            match default {
                Some(default) if matches!(default.shape, ValueShape::Scalar { .. }) => Some(default),
                default => joined(span, default.into_iter().chain([parts]).collect()),
            }
        } else if name == "join" && separates_documents(call) {
            arguments.nth(1)
        } else if name == "flatten" {
            match arguments.next()?.shape {
                ValueShape::Sequence(lists) => joined(span, lists),
                _ => None,
            }
        } else {
            None
        }
    }

    /// Returns the text of a heredoc as a literal block.
    fn heredoc(&self, span: Range<usize>) -> Option<Value<'a>> {
        let source = self.text.get(span.clone())?;
        let heredoc = tokens::heredoc(source.as_bytes())?;
        let start = span.start + heredoc.opening;
        let span = start..start + heredoc.body;
        let body = self.text.get(span.clone())?;
        let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let lines = body.lines().filter(|line| !line.trim().is_empty());
        let indent = if source.starts_with("<<-") { lines.map(blanks).min()? } else { 0 };
        let value = Cow::Owned(dedent(body, indent)?);
        Some(Value { span, shape: ValueShape::Scalar { value, style: ScalarStyle::Block, tag: TEMPLATE } })
    }
}

/// Returns whether a `for` makes a list of the items of a list that stands in it, as they are or as documents:
/// `[for it in [{…}] : yamlencode(it)]`.
fn hands_on(each: &ForExpr) -> bool {
    let mut value = &each.value_expr;
    loop {
        value = match value {
            Expression::Parenthesis(inner) => inner.inner(),
            Expression::FuncCall(call) if PASS_ON.contains(&call.name.name.as_str()) => {
                let Some(first) = call.args.iter().next() else { return false };
                first
            }
            _ => break,
        };
    }
    let is_item = value.as_variable().is_some_and(|name| name.as_str() == each.intro.value_var.as_str());
    is_item && each.key_expr.is_none() && each.intro.collection_expr.is_array()
}

/// Returns whether a `join` puts lines between its texts: they are documents then, and no parts of a word.
fn separates_documents(call: &FuncCall) -> bool {
    call.args.iter().next().and_then(|first| first.as_str()).is_some_and(|between| between.contains('\n'))
}

/// Returns lists as one list, and objects as one object; `None` where no value is either.
fn joined(span: Range<usize>, values: Vec<Value<'_>>) -> Option<Value<'_>> {
    let is_list = values.iter().any(|value| matches!(value.shape, ValueShape::Sequence(_)));
    let (mut items, mut entries) = (Vec::new(), Entries::new());
    for value in values {
        match value.shape {
            ValueShape::Sequence(more) => items.extend(more),
            ValueShape::Mapping(more) if !is_list => entries.extend(more),
            _ => items.push(value),
        }
    }
    if is_list {
        Some(Value { span, shape: ValueShape::Sequence(items) })
    } else if !entries.is_empty() {
        Some(Value { span, shape: ValueShape::Mapping(entries) })
    } else {
        None
    }
}
