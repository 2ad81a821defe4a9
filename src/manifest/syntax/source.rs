//! A file's bytes as text, masked where they are a template, or JSON with comments.

use std::cell::OnceCell;

use super::definition::Chunk;
use super::json_comments;
use super::language::Language;
use super::template_mask::{self, Masked};
use super::template_name;
use super::tree::SyntaxTree;

pub(crate) struct SourceText<'t> {
    text: &'t str,
    language: Language,
    /// Whether it is JSON that may have comments.
    has_comments: bool,
    /// Whether its name says that it is a template: of whatever language.
    is_template: bool,
    masked: OnceCell<Option<Masked>>,
}

impl<'t> SourceText<'t> {
    /// Returns the source of `text`, which has no byte order mark, as that of the file at `path`.
    pub(crate) fn new(text: &'t str, path: &str) -> Self {
        let rendered = template_name::rendered(path);
        let language = Language::of(rendered.unwrap_or(path)).unwrap_or_default();
        let has_comments = json_comments::are_taken(path);
        Self { text, language, has_comments, is_template: rendered.is_some(), masked: OnceCell::new() }
    }

    /// Returns the tree of all documents. The same text always gives the same nodes.
    pub(crate) fn parse(&self) -> SyntaxTree<'_> {
        self.parse_chunks(|text| vec![Chunk::whole(text)])
    }

    /// Returns the tree of some documents. A template that cannot be parsed as it is is masked.
    pub(crate) fn parse_chunks(&self, chunks: impl FnOnce(&str) -> Vec<Chunk>) -> SyntaxTree<'_> {
        let syntax = self.language.syntax();
        let Some(parse_chunks) = syntax.parse_chunks else {
            let tree = (syntax.parse)(self.text);
            return if self.is_template { self.readable(tree, template_mask::mask_foreign) } else { tree };
        };
        if self.has_comments {
            let masked = self.masked.get_or_init(|| Some(json_comments::mask(self.text)));
            let Some(masked) = masked.as_ref().filter(|masked| !masked.actions.is_empty()) else {
                return parse_chunks(self.text, &chunks(self.text));
            };
            let mut tree = parse_chunks(&masked.text, &chunks(&masked.text));
            tree.original = self.text;
            tree.masked.clone_from(&masked.actions);
            tree.comments.clone_from(&masked.actions);
            return tree;
        }
        let tree = parse_chunks(self.text, &chunks(self.text));
        if self.is_template {
            self.readable(tree, template_mask::mask_all)
        } else if self.text.contains("{{") {
            self.readable(tree, template_mask::mask)
        } else {
            tree
        }
    }

    /// Returns `tree`, or that of the masked text where that can be read better.
    fn readable<'s>(&'s self, tree: SyntaxTree<'s>, mask: fn(&str) -> Option<Masked>) -> SyntaxTree<'s> {
        let errors =
            |tree: &SyntaxTree<'_>| tree.documents.iter().filter(|document| document.error.is_some()).count();
        if errors(&tree) == 0 {
            return tree;
        }
        let Some(masked) = self.masked.get_or_init(|| mask(self.text)) else {
            return tree;
        };
        let mut readable = (self.language.syntax().parse)(&masked.text);
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
