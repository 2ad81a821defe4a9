//! The `[[location]]` that makes an image known which stands where the catalogue knows of none: one answer for all who say it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::catalogue::{BUILT_IN, Location};
use super::pattern::Pattern;

/// The name of a format for files that have none of their own.
const OWN: &str = "own";

/// An entry that the catalogue lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingEntry {
    /// Which documents it is for.
    pub documents: Documents,
    /// The path that leads to the image, or to the mapping that splits it.
    pub path: String,
    /// Whether a mapping splits the image.
    pub is_split: bool,
}

/// Why no entry makes an image known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoEntry {
    /// It stands in a text inside of the file.
    InText,
    /// A key on the way means something in a path.
    Key,
    /// It is an item among others of any kind.
    Among,
    /// Files of its form have no path for it.
    Form,
    /// With an entry for the place it is not known either.
    NotTaken,
}

impl NoEntry {
    /// Returns the reason in words, as the end of a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InText => "it stands in a text, into which no path leads",
            Self::Key => "a key above it has characters that mean something in a path",
            Self::Among => "it is one of many arguments or variables, which no path tells apart",
            Self::Form => "no path leads to it in a file of this form",
            Self::NotTaken => "what reads the file takes no image from this place",
        }
    }
}

/// Which documents an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Documents {
    /// The Kubernetes objects of a group, or of any, and a kind.
    Objects {
        /// The API group without version.
        group: Option<String>,
        /// The kind.
        kind: String,
    },
    /// The files of a format that tagpin knows.
    Format(String),
    /// One file.
    File(String),
}

#[derive(Serialize)]
struct Entries {
    location: [Location; 1],
}

impl MissingEntry {
    /// Returns the entry for what stands at a JSON pointer below an object or document.
    ///
    /// # Errors
    /// No path can say so.
    pub(in crate::manifest) fn new(
        documents: Documents,
        pointer: &str,
        is_split: bool,
    ) -> Result<Self, NoEntry> {
        let mut keys: Vec<&str> = pointer.strip_prefix('/').ok_or(NoEntry::Form)?.split('/').collect();
        if is_split {
            keys.pop();
        }
        let (mut path, mut holder) = (String::new(), "");
        for key in keys {
            if key.contains(['*', '[', ']', '=']) {
                return Err(NoEntry::Key);
            }
            let is_index = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
            // Most of them are no image.
            if is_index && matches!(holder, "args" | "command" | "env" | "environment") {
                return Err(NoEntry::Among);
            }
            holder = key;
            let _ = write!(path, "/{}", if is_index { "[]" } else { key });
        }
        Pattern::parse(&path).ok_or(NoEntry::Key)?;
        Ok(Self { documents, path, is_split })
    }

    /// Returns the entry as TOML.
    pub fn toml(&self) -> String {
        let path = || BTreeSet::from([self.path.clone()]);
        let (images, fields) =
            if self.is_split { (BTreeSet::new(), path()) } else { (path(), BTreeSet::new()) };
        self.documents.toml(&images, &fields)
    }
}

impl Documents {
    /// Returns those that a file of a format is of; `None` where nothing says which files have it.
    pub(in crate::manifest) fn of_file(format: &str, path: &str) -> Option<Self> {
        let has_entries = || BUILT_IN.locations().iter().any(|known| known.format.as_deref() == Some(format));
        match format {
            "build-argument" | "kubernetes" | "kustomize" => None,
            // A name of a module is its own: another one may have something else under it.
            "terraform" => Some(Self::File(path.to_owned())),
            _ if has_entries() => Some(Self::Format(format.to_owned())),
            _ => Some(Self::File(path.to_owned())),
        }
    }

    /// Returns an entry for them with these paths.
    pub fn location(&self, images: &BTreeSet<String>, fields: &BTreeSet<String>) -> Location {
        let patterns =
            |paths: &BTreeSet<String>| paths.iter().filter_map(|path| Pattern::parse(path)).collect();
        let mut location =
            Location { images: patterns(images), fields: patterns(fields), ..Location::default() };
        match self.clone() {
            Self::Objects { group, kind } => (location.group, location.kinds) = (group, vec![kind]),
            Self::Format(format) => location.format = Some(format),
            Self::File(path) => {
                location.format = Some(OWN.to_owned());
                location.files = vec![globset::escape(&path)];
            }
        }
        location
    }

    /// Returns the same as TOML.
    pub fn toml(&self, images: &BTreeSet<String>, fields: &BTreeSet<String>) -> String {
        // Nothing in it can fail: it is texts alone.
        toml::to_string(&Entries { location: [self.location(images, fields)] }).unwrap_or_default()
    }
}
