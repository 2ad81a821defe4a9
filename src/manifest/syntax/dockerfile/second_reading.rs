//! The second reading of a Dockerfile: words, without spans and in other steps than the first.
//!
//! Both texts must have the same words in the same order, but for the planned ones, each at a place where an image may
//! stand. Heredocs are not known here: their lines are compared like all others.

use crate::manifest::syntax::definition::Difference;
use crate::manifest::syntax::tree::SyntaxTree;
use crate::manifest::syntax::tree_edit::TreeEdit;

/// Where an image may stand, and what stands there; anything else is not a place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ReadWord {
    place: Option<&'static str>,
    text: String,
}

pub(super) fn compare(
    before: &SyntaxTree<'_>,
    after: &SyntaxTree<'_>,
    edit: &TreeEdit,
) -> Result<(), Difference> {
    let differs = |at: &str| Difference::At(at.to_owned());
    if !edit.only_sets() {
        return Err(differs("/"));
    }
    let mut planned = edit.planned_texts(before);
    let (old, new) = (words(before.text), words(after.text));
    if old.len() != new.len() {
        return Err(differs("/"));
    }
    for (old, new) in old.iter().zip(&new).filter(|(old, new)| old != new) {
        let is_planned = |(pointer, before, after): &(String, &str, &str)| {
            (old.place, new.place) == (place(pointer), place(pointer))
                && (*before, *after) == (old.text.as_str(), new.text.as_str())
        };
        match planned.iter().position(is_planned) {
            Some(index) => drop(planned.swap_remove(index)),
            None => return Err(differs(&format!("/{}", old.place.unwrap_or_default()))),
        }
    }
    planned.first().map_or(Ok(()), |(pointer, ..)| Err(differs(pointer)))
}

/// Returns what a place in the tree is called here.
fn place(pointer: &str) -> Option<&'static str> {
    let parents: Vec<&str> = pointer.split('/').rev().collect();
    match parents.as_slice() {
        ["syntax", ""] => Some("syntax"),
        ["default", _, "args", ""] => Some("ARG"),
        ["from", _, "copy", ..] => Some("COPY"),
        ["from", _, "mount", ..] => Some("RUN"),
        ["from", _, "stages", ""] => Some("FROM"),
        _ => None,
    }
}

fn words(text: &str) -> Vec<ReadWord> {
    let head = text.lines().map(str::trim).take_while(|line| line.starts_with('#'));
    let is_backtick = head.into_iter().any(|line| {
        let line: String = line.split_whitespace().collect();
        line.eq_ignore_ascii_case("#escape=`")
    });
    let escape = if is_backtick { '`' } else { '\\' };
    let (mut found, mut joined) = (Vec::new(), String::new());
    for line in text.lines() {
        if line.trim_start().starts_with('#') {
            comment(line, &mut found);
            continue;
        }
        match line.trim_end().strip_suffix(escape) {
            Some(part) => joined.push_str(part),
            None if line.trim().is_empty() && !joined.is_empty() => {}
            None => instruction(&(std::mem::take(&mut joined) + line), &mut found),
        }
    }
    instruction(&joined, &mut found);
    found
}

/// Adds the words of a comment, and what a directive says.
fn comment(line: &str, found: &mut Vec<ReadWord>) {
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    let is_syntax = name.trim_matches(['#', ' ', '\t']).eq_ignore_ascii_case("syntax");
    found.push(ReadWord { place: None, text: name.to_owned() });
    for (index, text) in value.split_whitespace().enumerate() {
        let place = (is_syntax && index == 0).then_some("syntax");
        found.push(ReadWord { place, text: text.to_owned() });
    }
}

/// Adds the words of a line.
fn instruction(line: &str, found: &mut Vec<ReadWord>) {
    let mut words = line.split_whitespace().peekable();
    let mut keyword = String::new();
    while let Some(word) = words.next_if(|_| keyword.is_empty() || keyword == "ONBUILD") {
        keyword = word.to_ascii_uppercase();
        found.push(ReadWord { place: None, text: word.to_owned() });
    }
    let mut may_be_base = keyword == "FROM";
    for word in words {
        let parts = match keyword.as_str() {
            "ARG" => word.split_once('='),
            "COPY" => word.strip_prefix("--from=").map(|value| ("--from", value)),
            "FROM" if !word.starts_with("--") && std::mem::take(&mut may_be_base) => Some(("", word)),
            "RUN" if word.starts_with("--mount=") => {
                for field in word.split(',') {
                    let (name, value) = field.rsplit_once('=').unwrap_or((field, ""));
                    let is_source = name.trim_start_matches("--mount=").eq_ignore_ascii_case("from");
                    found.push(ReadWord { place: None, text: name.to_owned() });
                    found.push(ReadWord { place: is_source.then_some("RUN"), text: value.to_owned() });
                }
                continue;
            }
            _ => None,
        };
        let Some((name, value)) = parts else {
            found.push(ReadWord { place: None, text: word.to_owned() });
            continue;
        };
        let place = ["ARG", "COPY", "FROM"].into_iter().find(|place| *place == keyword);
        found.push(ReadWord { place: None, text: name.to_owned() });
        found.push(ReadWord { place, text: value.trim_matches(['"', '\'']).to_owned() });
    }
}
