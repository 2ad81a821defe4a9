//! The second reading of HCL: word by word, with the reader of our own that knows nothing of the parser's grammar.
//!
//! Both must have the same words in the same order, but for the quoted texts that are planned. Comments are left out, as
//! they are in every comparison of trees; the comparison of bytes covers them.

use std::collections::BTreeMap;

use super::tokens::{self, HclToken, TokenKind};
use crate::manifest::syntax::definition::Difference;
use crate::manifest::syntax::tree::SyntaxTree;
use crate::manifest::syntax::tree_edit::TreeEdit;

pub(super) fn compare(
    before: &SyntaxTree<'_>,
    after: &SyntaxTree<'_>,
    edit: &TreeEdit,
) -> Result<(), Difference> {
    let after = after.text;
    let differs = |at: usize| Difference::At(format!("byte {at}"));
    if !edit.only_sets() {
        return Err(differs(0));
    }
    let mut planned: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    for (node, value) in &edit.set {
        let span = &before.nodes[*node].span;
        planned.insert((span.start, span.end), value);
    }
    let (old, new) = (words(before.text)?, words(after)?);
    if old.len() != new.len() {
        return Err(differs(0));
    }
    for (old, new) in old.into_iter().zip(new) {
        let equal = match planned.remove(&(old.span.start, old.span.end)) {
            Some(value) => {
                let inner = after[new.span].strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                old.kind == TokenKind::Quoted && new.kind == TokenKind::Quoted && inner == Some(value)
            }
            None => old.kind == new.kind && before.text[old.span.clone()] == after[new.span],
        };
        if !equal {
            return Err(differs(old.span.start));
        }
    }
    // What was planned is not a word of the text.
    planned.keys().next().map_or(Ok(()), |(start, _)| Err(differs(*start)))
}

fn words(text: &str) -> Result<impl ExactSizeIterator<Item = HclToken>, Difference> {
    let mut tokens = tokens::read(text).map_err(|error| Difference::Unreadable(error.message))?;
    tokens.retain(|token| token.kind != TokenKind::Comment);
    Ok(tokens.into_iter())
}
