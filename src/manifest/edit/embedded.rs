//! Edits inside a block that holds YAML are edits of the block too.

use super::splice::{Plan, Splice};
use crate::manifest::syntax::embedded::dedent;
use crate::manifest::syntax::tree::SyntaxTree;

/// Returns `plan` with what the edits inside blocks make of the blocks themselves.
pub(super) fn with_blocks(tree: &SyntaxTree<'_>, plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for embedded in &tree.embedded {
        let inside = |splice: &&Splice| {
            embedded.span.start <= splice.span.start && splice.span.end <= embedded.span.end
        };
        let splices: Vec<Splice> = plan.splices.iter().filter(inside).cloned().collect();
        if splices.is_empty() {
            continue;
        }
        let own = Plan { splices, ..Plan::default() };
        let Some(after) = own.apply(&tree.text[..embedded.span.end]) else { continue };
        let text = dedent(&after[embedded.span.start..], embedded.indent).unwrap_or_default();
        plan.tree.set.insert(embedded.scalar, text.trim_end_matches('\n').to_owned());
    }
    plan
}
