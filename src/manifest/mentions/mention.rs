//! What a file mentions.

use crate::manifest::source_range::SourceRange;

/// Something that a file mentions, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// What.
    pub what: Mentioned,
    /// The document in the file, from 0.
    pub document: usize,
    /// The JSON pointer in the document: of the text, where it stands inside of one.
    pub path: String,
    /// Where it stands.
    pub place: SourceRange,
    /// Whether it stands in a Kubernetes object.
    pub in_object: bool,
    /// Whether it stands in a text, or says what is written elsewhere.
    pub in_text: bool,
}

/// The value of what a replacement writes, which stands elsewhere.
pub(super) const WRITTEN: &str = "(replacement)";

/// What is mentioned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mentioned {
    /// A text that reads like an image without a digest, or what a text inside says of one.
    Image(String),
    /// A text that reads like one where its name is that of an image, or its place says so.
    Perhaps(String),
    /// A text that is packed.
    Packed,
    /// The key by which a tool changes images while they run.
    Updater(String),
    /// The text that had a digest before at this place, or below it, where none is now.
    LostDigest(String),
    /// A value that has a name, by which something else may ask for it.
    Value {
        /// The name.
        name: String,
        /// The value.
        value: String,
        /// Whether they are an item of a list, `{name: …, value: …}`, and not a key and its value.
        is_item: bool,
    },
}
