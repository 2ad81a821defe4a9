//! What a language is to everything that reads, edits and proves files.

use std::ops::Range;

use super::prefilter::NoImages;
use super::tree::SyntaxTree;
use super::tree_edit::TreeEdit;
use crate::manifest::unread::UnreadReason;

pub(in crate::manifest) struct Syntax {
    pub(in crate::manifest) matches: fn(&str) -> bool,
    /// Returns whether a file of such a name with these bytes is worth reading: names such as `.hcl`, `.image` and
    /// `.volume` have other uses, and what is neither a job nor a unit is not even an error.
    pub(in crate::manifest) is_in: fn(&[u8]) -> bool,
    /// The one format that is written in this language, where there is only one.
    pub(in crate::manifest) format: Option<&'static str>,
    /// Parses a text, which has no byte order mark. The same text always gives the same nodes.
    pub(in crate::manifest) parse: for<'t> fn(&'t str) -> SyntaxTree<'t>,
    /// Parses what is wanted of a text, where a text is a stream of documents: such a text is searched for words before
    /// it is parsed, and may be a Go template.
    pub(in crate::manifest) parse_chunks: Option<for<'t> fn(&'t str, &[Chunk]) -> SyntaxTree<'t>>,
    /// Compares a text before and after an edit with a second reader, which shares nothing with the parser.
    pub(in crate::manifest) compare:
        fn(&SyntaxTree<'_>, &SyntaxTree<'_>, &TreeEdit) -> Result<(), Difference>,
    /// Whether `# …` may stand behind a value on its line.
    pub(in crate::manifest) has_trailing_comments: bool,
    /// Whether pictures and disks have such names too, so that a file too large to be read is not an error.
    pub(in crate::manifest) may_be_binary: bool,
    pub(in crate::manifest) malformed: UnreadReason,
    pub(in crate::manifest) template: TemplateSigns,
}

pub(in crate::manifest) enum TemplateSigns {
    None,
    InText(&'static [&'static str]),
    /// On the line of the error: elsewhere they are text of the file's own.
    OnLine(&'static [&'static str]),
}

#[derive(Debug)]
pub(in crate::manifest) enum Difference {
    Unreadable(String),
    /// It reads something else at this place.
    At(String),
}

/// A part of a text that is parsed by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) span: Range<usize>,
    /// Why it is not read, if so: it is one document then.
    pub(crate) unread: Option<NotWanted>,
}

/// Why a document need not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotWanted {
    /// Nothing is in it.
    Proven(NoImages),
    /// It is an object that describes images and pulls none; the gate looks into it all the same.
    Describes,
    /// It is read with another part of the text.
    Elsewhere,
}

impl Chunk {
    pub(crate) fn whole(text: &str) -> Self {
        Self { span: 0..text.len(), unread: None }
    }
}

/// Returns whether the file at `path` has one of these extensions, in any case.
pub(super) fn has_extension(path: &str, known: &[&str]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (_, extension) = name.rsplit_once('.').unwrap_or_default();
    known.iter().any(|known| extension.eq_ignore_ascii_case(known))
}
