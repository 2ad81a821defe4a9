//! Edits inside a block that holds YAML are edits of the block too.

use super::splice::{Plan, Splice};
use crate::manifest::syntax::embedded::dedent;
use crate::manifest::syntax::tree::SyntaxTree;

/// Returns `plan` with what the edits inside blocks make of the blocks themselves.
pub(super) fn with_blocks(tree: &SyntaxTree<'_>, plan: &Plan) -> Plan {
    let mut blocks = plan.clone();
    let splices = plan.sorted();
    for embedded in &tree.embedded {
        let span = &embedded.span;
        let first = splices.partition_point(|splice| splice.span.start < span.start);
        let inside = splices[first..].iter().take_while(|splice| splice.span.end <= span.end);
        let moved = inside.map(|Splice { span: at, text }| Splice {
            span: at.start - span.start..at.end - span.start,
            text: text.clone(),
        });
        let own = Plan { splices: moved.collect(), ..Plan::default() };
        if own.splices.is_empty() {
            continue;
        }
        let Some(after) = own.apply(&tree.text[span.clone()]) else { continue };
        let text = dedent(&after, embedded.indent).unwrap_or_default();
        blocks.tree.set.insert(embedded.scalar, text.trim_end_matches('\n').to_owned());
    }
    blocks
}
