//! What a file mentions.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::commands::{directory_named, is_of_variables};
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

/// Returns the name by which an object of a kind is meant.
pub(super) fn object_name(kind: &str, name: &str) -> String {
    format!("{kind}#{name}")
}

impl Mention {
    /// Returns that a file whose name alone had a tool read it is gone, with its digest, as what the first file beside it
    /// mentions.
    pub fn of_gone(path: &str) -> Self {
        Self::of_file(Mentioned::LostDigest { text: path.to_owned(), only_for: None, asked: None })
    }

    /// Returns it as what a file mentions as a whole.
    pub(super) fn of_file(what: Mentioned) -> Self {
        let place = SourceRange { span: 0..0, line: 1, column: 1, end_line: 1, end_column: 1 };
        Self { what, document: 0, path: String::new(), place, in_object: false, in_text: false }
    }

    /// Returns whether it is the digest of an image that is gone.
    pub fn is_lost_image(&self) -> bool {
        matches!(&self.what, Mentioned::LostDigest { text, .. } if text.contains("@sha256:"))
    }
}

impl Mentioned {
    /// Returns what a packed text is.
    pub(super) fn packed(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self::Packed(hasher.finish())
    }

    /// Returns it as what a name leads to.
    #[must_use]
    pub fn behind(&self, name: &str) -> Self {
        match self {
            Self::Image(image) => {
                let directory = directory_named(name).map_or(name, |(directory, _)| directory);
                Self::LedTo(directory.to_owned(), image.clone())
            }
            // A command takes its variables from there.
            Self::Value { name: variable, value, .. } if is_of_variables(name) => {
                let (name, value) = (variable.clone(), value.clone());
                Self::Value { name, value, form: ValueForm::Given }
            }
            other => other.clone(),
        }
    }
}

/// What is mentioned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mentioned {
    /// A text that reads like an image without a digest, or what a text inside says of one.
    Image(String),
    /// A name leads to what has an image without a digest: the name, and the image.
    LedTo(String, String),
    /// A text that reads like one where its name is that of an image, or its place says so.
    Perhaps(String),
    /// A text that is packed, by what stands for it.
    Packed(u64),
    /// A file that is larger than what is read: its path, or nothing where it is the one that says so.
    Unread(String),
    /// What a deployer takes from elsewhere: an address, a path of another revision.
    Remote(String),
    /// The key by which a tool changes images while they run.
    Updater(String),
    /// What had a digest before at this place, or below it, where none is now.
    LostDigest {
        /// The text that had it, or the name of what has it.
        text: String,
        /// The images that it was for, where it counts only if one of them floats, or stands in what is not in the tree.
        only_for: Option<Vec<String>>,
        /// The name of the value that is gone as a whole, if it is one: nothing runs instead where nobody asks for it.
        asked: Option<String>,
    },
    /// A word by which a file, an object or a key of its data may be meant.
    Name {
        /// The word.
        word: String,
        /// What stands for whom that is for, and for what comes before it.
        target: String,
    },
    /// A value that has a name, by which something else may ask for it.
    Value {
        /// The name.
        name: String,
        /// The value.
        value: String,
        /// How it is said.
        form: ValueForm,
    },
}

/// How a value with a name is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueForm {
    /// A key and its value.
    Key,
    /// An item of a list, `{name: …, value: …}`.
    Item,
    /// An assignment of a command, `NAME=VALUE`.
    Assignment,
    /// A variable that a module or a job is given whatever its default is: by its environment, by a file that a command names.
    Given,
}
