//! A file's bytes as text, masked where they are a template.

use std::cell::OnceCell;

use super::definition::Chunk;
use super::language::Language;
use super::template_mask::{self, Masked};
use super::tree::SyntaxTree;

pub(crate) struct SourceText<'t> {
    text: &'t str,
    language: Language,
    masked: OnceCell<Option<Masked>>,
}

impl<'t> SourceText<'t> {
    /// Returns the source of `text`, which has no byte order mark.
    pub(crate) fn new(text: &'t str, language: Language) -> Self {
        Self { text, language, masked: OnceCell::new() }
    }

    /// Returns the tree of all documents. The same text always gives the same nodes.
    pub(crate) fn parse(&self) -> SyntaxTree<'_> {
        self.parse_chunks(|text| vec![Chunk::whole(text)])
    }

    /// Returns the tree of some documents. A template that cannot be parsed as it is is masked.
    pub(crate) fn parse_chunks(&self, chunks: impl Fn(&str) -> Vec<Chunk>) -> SyntaxTree<'_> {
        let syntax = self.language.syntax();
        let Some(parse_chunks) = syntax.parse_chunks else { return (syntax.parse)(self.text) };
        let tree = parse_chunks(self.text, &chunks(self.text));
        let errors =
            |tree: &SyntaxTree<'_>| tree.documents.iter().filter(|document| document.error.is_some()).count();
        if errors(&tree) == 0 || !self.text.contains("{{") {
            return tree;
        }
        let Some(masked) = self.masked.get_or_init(|| template_mask::mask(self.text)) else {
            return tree;
        };
        let mut readable = (syntax.parse)(&masked.text);
        if errors(&readable) >= errors(&tree) {
            // Broken either way: what stands in an action is still not text of the file's own.
            return SyntaxTree { masked: masked.actions.clone(), ..tree };
        }
        readable.original = self.text;
        readable.masked.clone_from(&masked.actions);
        readable
    }
}

/// Returns the text of a file without its byte order mark.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}
