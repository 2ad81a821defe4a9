//! What a pull request says: title, body, hidden marker, limits. Pure: values in, text out.

use crate::reference::Digest;

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
