//! What each site of a file should have in the end, and why one could not get it.

use super::proof::ProofError;
use super::splice::SpliceError;
use super::style::Style;
use crate::manifest::located::Located;
use crate::reference::Digest;

/// What is to be done at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteEdit {
    /// Nothing, and nobody says that what stands there is right.
    Leave,
    /// Nothing: what stands there is right.
    Keep {
        /// The index behind a platform's digest, for the annotations.
        index: Option<String>,
    },
    /// A digest is written.
    Write {
        /// The digest.
        digest: Digest,
        /// The tag, where it is to be another than the site has.
        tag: Option<String>,
        /// How a whole reference is written.
        style: Style,
        /// The index behind a platform's digest, for the annotations.
        index: Option<String>,
    },
}

impl SiteEdit {
    /// Returns whether the site is to change.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Write { .. })
    }

    /// Returns the digest that the site should have in the end. What stays counts as much as what is new: the next run
    /// would otherwise undo this one.
    pub(super) fn wanted<'e>(&'e self, located: &'e Located) -> Option<&'e Digest> {
        match self {
            Self::Leave => None,
            Self::Keep { .. } => located.site.digest(),
            Self::Write { digest, .. } => Some(digest),
        }
    }

    pub(super) fn index(&self) -> Option<&str> {
        match self {
            Self::Leave => None,
            Self::Keep { index } | Self::Write { index, .. } => index.as_deref(),
        }
    }
}

/// Why a site was not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file is not what it was when its sites were found.
    #[error("the file changed while tagpin read it")]
    FileChanged,
    /// The file was UTF-8 when its sites were found.
    #[error("the file is no longer UTF-8")]
    NotUtf8,
    /// The place cannot be edited safely.
    #[error(transparent)]
    Unsafe(#[from] SpliceError),
    /// The edited text could not be proven.
    #[error(transparent)]
    Unproven(#[from] ProofError),
}

impl EditError {
    /// Returns the kebab-case reason for reports.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::FileChanged | Self::NotUtf8 => "file-changed",
            Self::Unsafe(error) => error.reason(),
            Self::Unproven(_) => "not-proven",
        }
    }
}

pub(super) type Attempt = Result<SiteEdit, EditError>;

pub(super) fn is_open(attempt: &Attempt) -> bool {
    attempt.as_ref().is_ok_and(SiteEdit::is_change)
}
