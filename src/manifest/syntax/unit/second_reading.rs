//! The second reading of a unit file: what each line assigns, without spans and in other steps than the first.
//!
//! Both texts must make the same assignments in the same order, but for the planned ones.

use crate::manifest::syntax::definition::Difference;
use crate::manifest::syntax::tree::SyntaxTree;
use crate::manifest::syntax::tree_edit::TreeEdit;

/// One assignment: section, name, value.
type Assignment = (String, String, String);

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
    let (old, new) = (assignments(before.text), assignments(after.text));
    if old.len() != new.len() {
        return Err(differs("/"));
    }
    for (old, new) in old.iter().zip(&new) {
        if old == new {
            continue;
        }
        let pointer = format!("/{}/{}", escaped(&old.0), escaped(&old.1));
        let same_place = (&old.0, &old.1) == (&new.0, &new.1);
        let step = (pointer.clone(), old.2.as_str(), new.2.as_str());
        match planned.iter().position(|planned| *planned == step) {
            Some(index) if same_place => drop(planned.swap_remove(index)),
            _ => return Err(differs(&pointer)),
        }
    }
    planned.first().map_or(Ok(()), |(pointer, ..)| Err(differs(pointer)))
}

/// Returns what the text assigns: comments and empty lines go first, then lines that go on are joined, then each is cut.
fn assignments(text: &str) -> Vec<Assignment> {
    let lines =
        text.lines().map(str::trim).filter(|line| !matches!(line.bytes().next(), None | Some(b'#' | b';')));
    let mut joined = String::with_capacity(text.len());
    for line in lines {
        match line.strip_suffix('\\') {
            Some(part) => joined.push_str(part),
            None => joined.extend([line, "\n"]),
        }
    }
    let (mut section, mut found) = (String::new(), Vec::new());
    for line in joined.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.trim_end().strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((name, value)) = line.split_once('=') {
            let value = value.trim();
            let inner = value.len().checked_sub(1).and_then(|end| value.get(1..end));
            let value = inner.filter(|_| value.starts_with('"') && value.ends_with('"')).unwrap_or(value);
            found.push((section.clone(), name.trim().to_owned(), value.to_owned()));
        }
    }
    found
}

/// Escapes a segment of a JSON pointer (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
