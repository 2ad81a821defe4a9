//! The second reading of HCL: word by word, with the reader of our own that knows nothing of the parser's grammar.
//!
//! Both must have the same words in the same order, but for the quoted texts and the heredocs that are planned. Comments are left out, as
//! they are in every comparison of trees; the comparison of bytes covers them.

use std::collections::BTreeMap;

use super::tokens::{self, HclToken, TokenKind};
use crate::manifest::syntax::definition::Difference;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::tree_edit::TreeEdit;

pub(in crate::manifest::syntax) fn compare(
    before: &SyntaxTree<'_>,
    after: &SyntaxTree<'_>,
    edit: &TreeEdit,
) -> Result<(), Difference> {
    let after = after.text;
    let differs = |at: usize| Difference::At(format!("byte {at}"));
    // What stands inside a heredoc is proven as the text that it is.
    let is_inside = |node: &NodeId| before.embedded.iter().any(|embedded| embedded.nodes.contains(node));
    let mut entries = edit.added.keys().chain(edit.removed.keys()).chain(edit.filled.keys());
    if !entries.all(is_inside) {
        return Err(differs(0));
    }
    let mut planned: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    for (node, value) in edit.set.iter().filter(|(node, _)| !is_inside(node)) {
        let span = before.nodes[*node].span();
        planned.insert((span.start, span.end), value);
    }
    let (old, new) = (words(before.text)?, words(after)?);
    if old.len() != new.len() {
        return Err(differs(0));
    }
    for (old, new) in old.into_iter().zip(new) {
        let (text, changed) = (&before.text[old.span.clone()], &after[new.span]);
        let equal = match (planned.remove(&(old.span.start, old.span.end)), old.kind) {
            (Some(value), TokenKind::Quoted) => {
                changed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(value)
            }
            (Some(value), TokenKind::Heredoc) => is_block(changed, value),
            (Some(_), _) => false,
            (None, _) => text == changed,
        };
        if old.kind != new.kind || !equal {
            return Err(differs(old.span.start));
        }
    }
    // What was planned is not a word of the text.
    planned.keys().next().map_or(Ok(()), |(start, _)| Err(differs(*start)))
}

/// Returns whether the lines of a heredoc are those of `text`, behind the same blanks.
fn is_block(lines: &str, text: &str) -> bool {
    let lines = lines.trim_end_matches(['\n', '\r']);
    if lines.lines().count() != text.lines().count() {
        return false;
    }
    let mut written = lines.lines().zip(text.lines()).filter(|(line, _)| !line.trim().is_empty());
    let blanks = |(line, text): (&str, &str)| {
        let blanks = line.trim_end().strip_suffix(text.trim_end())?;
        blanks.bytes().all(|byte| byte == b' ').then_some(blanks.len())
    };
    let Some(first) = written.next().map(blanks) else { return text.trim().is_empty() };
    first.is_some() && written.all(|pair| blanks(pair) == first)
}

fn words(text: &str) -> Result<impl ExactSizeIterator<Item = HclToken>, Difference> {
    let mut tokens = tokens::read(text).map_err(|error| Difference::Unreadable(error.message))?;
    tokens.retain(|token| token.kind != TokenKind::Comment);
    Ok(tokens.into_iter())
}
