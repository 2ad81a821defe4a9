//! How a pin is spelled.

/// How a pin is spelled in a single string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// `repo:tag@sha256:…`
    #[default]
    TagDigest,
    /// `repo@sha256:… # repo:tag`
    Digest,
}
