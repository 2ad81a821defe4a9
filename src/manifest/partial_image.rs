//! A part of an image among values: its rest stands in the chart, or in other values.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::source_range::SourceRange;
use crate::reference::Digest;

/// What values say of an image without naming it: a tag, a digest, a name, a registry, each of them perhaps empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageParts {
    /// Another registry.
    pub registry: Option<String>,
    /// Another name.
    pub repository: Option<String>,
    /// Another tag, perhaps with a digest behind it.
    pub tag: Option<String>,
    /// Another digest.
    pub digest: Option<String>,
    /// What stands where a chart may want a whole reference, or where others have its parts.
    pub whole: Option<String>,
    /// What a template puts into an image, whatever it is.
    pub value: Option<String>,
}

impl ImageParts {
    /// Returns whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a digest is among them: whatever the rest is, that is what runs.
    pub fn has_digest(&self) -> bool {
        [&self.digest, &self.tag, &self.whole, &self.value]
            .into_iter()
            .flatten()
            .any(|text| ends_in_digest(text))
    }

    /// Returns what is said of each part.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let parts = [&self.registry, &self.repository, &self.tag, &self.digest, &self.whole, &self.value];
        parts.into_iter().filter_map(|part| part.as_deref())
    }

    /// Returns them as people write them: `tag: 8, digest: ""`.
    pub fn written(&self) -> String {
        let parts = [
            ("registry", &self.registry),
            ("repository", &self.repository),
            ("tag", &self.tag),
            ("digest", &self.digest),
            ("image", &self.whole),
            ("value", &self.value),
        ];
        let said = parts.iter().filter_map(|(name, text)| Some((*name, text.as_deref()?)));
        let said =
            said.map(
                |(name, text)| {
                    if text.is_empty() { format!("{name}: \"\"") } else { format!("{name}: {text}") }
                },
            );
        said.collect::<Vec<_>>().join(", ")
    }
}

/// Returns whether a text is a digest, or the hex digits of one, or has one behind `@`.
pub(super) fn ends_in_digest(text: &str) -> bool {
    let text = text.rsplit('@').next().unwrap_or(text);
    Digest::parse(text).is_some() || (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A part of an image, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialImage {
    /// The document in the file, from 0.
    pub document: usize,
    /// The JSON pointer in the document.
    pub path: String,
    /// The kind of the Kubernetes object.
    pub kind: Option<String>,
    /// The name of the Kubernetes object.
    pub name: Option<String>,
    /// The JSON pointer among the values.
    pub key: String,
    /// What is said.
    pub parts: ImageParts,
    /// Where.
    pub place: SourceRange,
    /// What it makes of the image that it is for, where that is known, and has no digest.
    pub makes: Option<String>,
    /// What other files say that decides what it becomes, by the file, as seen from this one's directory.
    pub inputs: BTreeMap<String, String>,
}

/// A part of an image whose place in the file is not counted yet.
#[derive(Clone, Debug)]
pub(super) struct FoundPartialImage {
    pub(super) document: usize,
    pub(super) path: String,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) key: String,
    pub(super) parts: ImageParts,
    pub(super) span: Range<usize>,
}
