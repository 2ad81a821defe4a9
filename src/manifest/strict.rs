//! What the gate asks of a file beyond what is in it: whether every reader sees the same.

use std::ops::Range;

use super::formats::catalogue::Catalogue;
use super::formats::chunks::{parts, textual_end};
use super::syntax::agreement::{self, Demand};
use super::syntax::json_comments;
use super::syntax::tree::{NodeId, SyntaxTree};
use super::syntax::yaml;
use super::unread::{Unread, UnreadReason};

/// Returns why a text is not understood though it may be read: two readers do not agree on it. `None` where they do, and
/// where nobody reads it.
pub(super) fn objection(text: &str) -> Option<String> {
    let tree = yaml::parse(text);
    let Some(error) = tree.documents.iter().find_map(|document| document.error.as_ref()) else {
        let roots: Vec<NodeId> = tree.documents.iter().filter_map(|document| document.root).collect();
        return agreement::objection(&tree, &roots, 0..text.len(), Demand::Written);
    };
    let another = if agreement::is_read_as_json(text) {
        "a reader of JSON"
    } else if agreement::is_read_otherwise(text) {
        "another reader of YAML"
    } else {
        return None;
    };
    Some(format!("line {}: {}; {another} takes it", error.line, error.message))
}

/// Returns whether readers disagree about a text that one of them takes.
pub(super) fn reads_differ(text: &str) -> bool {
    textual_end(text).is_some() || objection(text).is_some()
}

/// Returns the documents of `tree` at `part` that another reader understands otherwise; `is_first`: with what is to be said
/// of the text as a whole. A template is asked as it stands: whoever does not render it reads that.
pub(super) fn ambiguous(
    tree: &SyntaxTree<'_>,
    path: &str,
    catalogue: &Catalogue,
    part: &Range<usize>,
    is_first: bool,
) -> Vec<Unread> {
    let window = part;
    let masked = json_comments::are_taken(path).then(|| json_comments::mask(tree.original));
    let text = masked.as_ref().map_or(tree.original, |masked| masked.text.as_str());
    let unread =
        |document, detail| Unread { document, reason: UnreadReason::Ambiguous, detail: Some(detail) };
    let mut found = Vec::new();
    if is_first && let Some(line) = textual_end(text) {
        let detail = format!("line {line} ends a document for `kubectl`, and does not for readers of YAML");
        found.push(unread(None, detail));
    }
    let all = || std::iter::once(0..text.len()).collect();
    // Masked comments are as long as they were.
    let is_here = |part: &Range<usize>| window.contains(&part.start) || (part.is_empty() && is_first);
    for part in parts(text).unwrap_or_else(all).into_iter().filter(is_here) {
        let source = &text[part.clone()];
        if catalogue.proof_of_none(source.as_bytes()).is_some() {
            continue;
        }
        if let Some(objection) = objection_to(tree, &part, source) {
            let document = tree.documents.partition_point(|document| document.start <= part.start);
            found.push(unread(document.checked_sub(1), objection));
        }
    }
    found
}

/// Does what [`objection`] does for a part of a text that `tree` may have as it stands.
fn objection_to(tree: &SyntaxTree<'_>, part: &Range<usize>, source: &str) -> Option<String> {
    let before = |at: usize| tree.documents.partition_point(|document| document.start < at);
    let documents = || tree.documents[before(part.start)..before(part.end)].iter();
    let is_as_it_stands = tree.text.get(part.clone()) == Some(source);
    if !is_as_it_stands || documents().any(|document| document.error.is_some()) {
        return objection(source);
    }
    let roots: Vec<NodeId> = documents().filter_map(|document| document.root).collect();
    // What stands before the first document belongs to it, whose part is another one then.
    agreement::objection(tree, &roots, part.clone(), Demand::Written).and_then(|_| objection(source))
}

/// Returns whether what stands in a template as it is holds an image that `is_known` does not know: a comment with `{{`
/// may hide what follows from whoever takes the file for a template.
pub(super) fn hides_image(
    text: &str,
    catalogue: &Catalogue,
    images: impl Fn(&str) -> Vec<usize>,
    is_known: impl Fn(usize) -> bool,
) -> bool {
    let all = || std::iter::once(0..text.len()).collect();
    parts(text).unwrap_or_else(all).into_iter().any(|part| {
        let source = &text[part.clone()];
        catalogue.proof_of_none(source.as_bytes()).is_none()
            && images(source).into_iter().any(|at| !is_known(part.start + at))
    })
}
