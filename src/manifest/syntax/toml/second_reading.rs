//! The second reading of TOML: word by word, by a reader that knows nothing of the parser's.
//!
//! Both texts must have the same words in the same order, but for the quoted ones that are planned. Comments are left out, as
//! in every comparison of trees; the comparison of bytes covers them.

use std::collections::BTreeMap;

use super::words::{self, TomlWord, WordKind};
use crate::manifest::syntax::definition::Difference;
use crate::manifest::syntax::tree::SyntaxTree;
use crate::manifest::syntax::tree_edit::TreeEdit;

pub(super) fn compare(
    before: &SyntaxTree<'_>,
    after: &SyntaxTree<'_>,
    edit: &TreeEdit,
) -> Result<(), Difference> {
    let differs = |at: usize| Difference::At(format!("byte {at}"));
    if !edit.only_sets() || !edit.filled.is_empty() {
        return Err(differs(0));
    }
    let mut planned: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    for (node, value) in &edit.set {
        let span = before.nodes[*node].span();
        planned.insert((span.start, span.end), value);
    }
    let read = |text| words::read(text).into_iter().filter(|word| word.kind != WordKind::Comment);
    let (old, new): (Vec<TomlWord>, Vec<TomlWord>) =
        (read(before.text).collect(), read(after.text).collect());
    if old.len() != new.len() {
        return Err(differs(0));
    }
    for (old, new) in old.into_iter().zip(new) {
        let (text, changed) = (&before.text[old.span.clone()], &after.text[new.span]);
        let equal = match planned.remove(&(old.span.start, old.span.end)) {
            // The quotes stay what they are.
            Some(value) if old.kind == WordKind::Quoted => {
                changed.len() >= 2
                    && changed[..1] == text[..1]
                    && changed.get(1..changed.len() - 1) == Some(value)
                    && changed.ends_with(&text[..1])
            }
            Some(_) => false,
            None => text == changed,
        };
        if old.kind != new.kind || !equal {
            return Err(differs(old.span.start));
        }
    }
    // What was planned is no text of the file.
    planned.keys().next().map_or(Ok(()), |(start, _)| Err(differs(*start)))
}
