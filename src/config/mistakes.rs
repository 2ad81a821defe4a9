//! Reading TOML into types with every mistake, not only the first: what one is about is left out, and the rest read again.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml_edit::{Document, Item, TableLike, Value};

use super::diagnostic::Diagnostic;

/// The most mistakes that are looked for.
const MOST: usize = 20;

/// Returns what `text` spells, or everything that is wrong with its keys and the kinds of its values, as `explain` says it;
/// that gets the text which the error's span is in.
///
/// # Errors
/// The mistakes, in the order in which they were found.
pub(super) fn read<T: DeserializeOwned>(
    text: &str,
    explain: impl Fn(&str, &toml::de::Error) -> Diagnostic,
) -> Result<T, Vec<Diagnostic>> {
    let (mut rest, mut problems) = (Cow::Borrowed(text), Vec::new());
    loop {
        let error = match toml::from_str(&rest) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => return Err(problems),
            Err(error) => error,
        };
        problems.push(explain(&rest, &error));
        let next = error.span().filter(|_| problems.len() < MOST).and_then(|at| without(&rest, &at));
        match next {
            Some(next) => rest = Cow::Owned(next),
            None => return Err(problems),
        }
    }
}

/// Returns `text` with blanks in the place of the entry that `at` is in, so that everything else stays where it is; `None`
/// where there is no such entry.
fn without(text: &str, at: &Range<usize>) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let mut bytes = text.as_bytes().to_vec();
    for range in entry(document.as_table(), at)? {
        for byte in bytes.get_mut(range)?.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
    String::from_utf8(bytes).ok().filter(|blanked| blanked != text)
}

/// Returns the ranges of the innermost entry that `at` is the key of, or lies in the value of.
fn entry(table: &dyn TableLike, at: &Range<usize>) -> Option<Vec<Range<usize>>> {
    for (name, item) in table.iter() {
        let key = table.key(name).and_then(toml_edit::Key::span);
        if key.as_ref() == Some(at) {
            return ranges(key, item);
        }
        let inner = match item {
            Item::ArrayOfTables(tables) => tables.iter().find_map(|table| match table.span() {
                Some(span) if span == *at => of_table(table),
                _ => entry(table, at),
            }),
            Item::Table(table) if table.span().as_ref() == Some(at) => of_table(table),
            Item::Table(table) => entry(table, at),
            Item::Value(Value::InlineTable(table)) => entry(table, at),
            Item::Value(_) | Item::None => None,
        };
        if inner.is_some() {
            return inner;
        }
        let is_in = |span: Range<usize>| span.start <= at.start && at.end <= span.end;
        if matches!(item, Item::Value(_)) && item.span().is_some_and(is_in) {
            return ranges(key, item);
        }
    }
    None
}

/// Returns what an entry covers.
fn ranges(key: Option<Range<usize>>, item: &Item) -> Option<Vec<Range<usize>>> {
    match item {
        Item::Value(value) => Some(std::iter::once(key?.start..value.span()?.end).collect()),
        Item::Table(table) => of_table(table),
        Item::ArrayOfTables(tables) => {
            let all: Option<Vec<_>> = tables.iter().map(of_table).collect();
            Some(all?.concat())
        }
        Item::None => None,
    }
}

/// Returns what a table covers: its header and everything below it.
fn of_table(table: &toml_edit::Table) -> Option<Vec<Range<usize>>> {
    let mut all: Vec<Range<usize>> = table.span().into_iter().collect();
    for (name, item) in table.iter() {
        all.extend(ranges(table.key(name).and_then(toml_edit::Key::span), item)?);
    }
    Some(all)
}
