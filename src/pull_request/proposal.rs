//! What a pull request is about, as data.

use std::collections::BTreeMap;

use super::kind::Occasion;
use crate::history::ledger::Moves;
use crate::reference::Digest;
use crate::registry::verify::Proof;
use crate::registry::{Budget, Description};

/// Everything that a pull request tells a reviewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// What it is for.
    pub occasion: Occasion,
    /// One row for each image that changes, in a stable order.
    pub images: Vec<ImageChange>,
    /// What could not be done: failed and held sites, with their reasons.
    pub left_out: Vec<Omitted>,
    /// How many spans are edited, annotations included.
    pub spans: usize,
    /// How many files are edited.
    pub files: usize,
    /// The commit on the branch, as hex.
    pub head: String,
    /// The requests of this run so far, by registry host.
    pub requests: BTreeMap<String, Budget>,
    /// Which environment a file belongs to, for those that do.
    pub environments: BTreeMap<String, String>,
}

/// One image that changes: the same image, tag, old and new digest in one or more files.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The objects in these files that use it, sorted.
    pub objects: Vec<ObjectRef>,
    /// Who vouches for the new digest, where policy demands that somebody does.
    pub proofs: Vec<Proof>,
    /// What is known beyond the digests; `None` where that is not wanted.
    pub details: Option<Details>,
    /// How the tag moved, as far as runs saw it.
    pub moves: Option<Moves>,
    /// Why this run could not confirm the new digest, as the kebab-case reason; `None` where it did.
    pub unconfirmed: Option<String>,
}

/// A Kubernetes object that uses an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// The file.
    pub file: String,
    /// The kind.
    pub kind: String,
    /// The name, where it is written there.
    pub name: Option<String>,
}

/// What is known of an image beyond its digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// What the old digest names; `None` for a first pin.
    pub old: Option<Description>,
    /// What the new digest names.
    pub new: Description,
}

impl Details {
    /// Returns whether asking once more would tell nothing new.
    pub fn is_complete(&self) -> bool {
        self.new.is_complete() && self.old.as_ref().is_none_or(Description::is_complete)
    }
}

/// One site that is not part of the change though it might have been.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Omitted {
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
