//! YAML, and JSON, which is YAML: the only place that knows the span parser.

mod builder;
mod joined_lines;
mod quick_reader;
mod second_reading;

use builder::Builder;

use super::definition::{Chunk, Syntax, TemplateSigns, has_extension};
use super::tree::SyntaxTree;
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches: |path| {
        has_extension(path, &["yaml", "yml", "json"])
            || path.rsplit('/').next().is_some_and(|name| matches!(name, "Kptfile" | "Kustomization"))
    },
    is_in: |_| true,
    format: None,
    parse,
    parse_chunks: Some(parse_chunks),
    compare: second_reading::compare,
    has_trailing_comments: true,
    may_be_binary: false,
    malformed: UnreadReason::NotYaml,
    // Helm and Go, Jinja, Terraform.
    template: TemplateSigns::InText(&["{{", "{% ", "%{ if ", "%{ for ", "%{if ", "%{for ", "%{~ "]),
};

/// Parses `text` (without byte order mark). A document that cannot be read keeps its place, with its error.
pub fn parse(text: &str) -> SyntaxTree<'_> {
    parse_chunks(text, &[Chunk::whole(text)])
}

/// Parses what is wanted of `text`; a document that is not keeps its place, and has no nodes.
fn parse_chunks<'t>(text: &'t str, chunks: &[Chunk]) -> SyntaxTree<'t> {
    let mut builder = Builder::new(text);
    for chunk in chunks {
        builder.read(chunk);
    }
    builder.finish()
}
