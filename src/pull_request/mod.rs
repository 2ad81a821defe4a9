//! What a pull request says: title, body, hidden marker, limits. Pure: values in, text out.

use crate::reference::Digest;

mod body;
pub(crate) mod escape;
mod life;
pub mod marker;
mod title;

pub use life::{Branch, Operation, Settled, settle};
pub use marker::Marker;
pub use title::commit_message;

/// Everything that a pull request tells a reviewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// One row for each image that changes, in a stable order.
    pub images: Vec<ImageChange>,
    /// What could not be done: failed and held sites, with their reasons.
    pub left_out: Vec<LeftOut>,
    /// How many spans are edited, annotations included.
    pub spans: usize,
    /// How many files are edited.
    pub files: usize,
    /// The commit on the branch, as hex.
    pub head: String,
}

/// Returns title and body for `proposal`: the same text for the same proposal, at any time.
///
/// The body ends with the hidden [`Marker`] and stays below GitHub's 65,536 characters: it is told with fewer details
/// first, then cut at a row, and says so.
pub fn render(proposal: &Proposal) -> (String, String) {
    (title::title(proposal), body::body(proposal))
}

/// One image that changes: the same image, tag, old and new digest in one or more files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageChange {
    /// The name as the user spelled it, registry included, without tag and digest.
    pub name: String,
    /// The tag, `latest` where none was written.
    pub tag: String,
    /// The digest in the file before; `None` for a first pin.
    pub old: Option<Digest>,
    /// The digest in the file after.
    pub new: Digest,
    /// What the digest covers: `index`, `single manifest`, or a platform such as `linux/arm64`.
    pub platforms: String,
    /// The index that lists `new`, where that is a platform's.
    pub index: Option<Digest>,
    /// The files that use it, sorted.
    pub files: Vec<String>,
}

/// One site that is not part of the change though it might have been.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The image as it stands in the file.
    pub image: String,
    /// The file.
    pub file: String,
    /// The line, 1-based.
    pub line: usize,
    /// `failed` or `held`.
    pub outcome: String,
    /// The kebab-case reason.
    pub reason: String,
    /// What the registry or the proof said.
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the digest whose every byte is `byte`.
    pub(super) fn digest(byte: u8) -> Digest {
        Digest::parse(&format!("sha256:{}", format!("{byte:02x}").repeat(32))).unwrap()
    }

    pub(super) fn change(name: &str, tag: &str, old: Option<u8>, new: u8) -> ImageChange {
        ImageChange {
            name: name.to_owned(),
            tag: tag.to_owned(),
            old: old.map(digest),
            new: digest(new),
            platforms: "index".to_owned(),
            index: None,
            files: vec!["app/deploy.yaml".to_owned()],
        }
    }

    pub(super) fn proposal(images: Vec<ImageChange>) -> Proposal {
        Proposal { spans: images.len(), files: 1, head: "a1".repeat(20), images, left_out: Vec::new() }
    }
}
