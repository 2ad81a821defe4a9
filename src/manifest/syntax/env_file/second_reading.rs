//! The second reading of a `.env`: what Compose makes of its variables, as the gate reads it.

use crate::manifest::syntax::definition::Difference;
use crate::manifest::syntax::tree::SyntaxTree;
use crate::manifest::syntax::tree_edit::TreeEdit;
use crate::manifest::variables::env_file;

pub(super) fn compare(
    before: &SyntaxTree<'_>,
    after: &SyntaxTree<'_>,
    edit: &TreeEdit,
) -> Result<(), Difference> {
    let differs = |at: &str| Difference::At(at.to_owned());
    if !edit.only_sets() {
        return Err(differs("/"));
    }
    let planned = edit.planned_texts(before);
    let mut expected = env_file::parse(before.text);
    for (pointer, old, new) in planned {
        let name = pointer.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
        match expected.get_mut(&name) {
            Some(value) if value == old => new.clone_into(value),
            _ => return Err(differs(&pointer)),
        }
    }
    let found = env_file::parse(after.text);
    match found.iter().zip(&expected).find(|(found, expected)| found != expected) {
        Some(((name, _), _)) => Err(differs(&format!("/{name}"))),
        None if found.len() != expected.len() => Err(differs("/")),
        None => Ok(()),
    }
}
