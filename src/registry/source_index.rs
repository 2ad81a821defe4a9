//! What tagpin wrote down about a digest when it wrote it.

use std::fmt;

use crate::platform::Platform;
use crate::reference::Digest;

/// What is known of a site's digest from its annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordedOrigin {
    /// Nothing: somebody else may have written the digest.
    #[default]
    Nothing,
    /// tagpin wrote it.
    Pin,
    /// tagpin took it from this index.
    Behind(SourceIndex),
}

/// The index that a platform's digest was taken from, written `sha256:… linux/arm64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceIndex {
    /// The index.
    pub index: Digest,
    /// Whose manifest was taken.
    pub platform: Platform,
}

impl SourceIndex {
    /// Parses what [`SourceIndex`] writes; `None` where it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        let (index, platform) = text.split_once(' ')?;
        Some(Self { index: Digest::parse(index)?, platform: Platform::parse(platform)? })
    }
}

impl fmt::Display for SourceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.index, self.platform)
    }
}
