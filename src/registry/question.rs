//! What is asked of registries, and what they answer.

use super::error::ResolveError;
use super::image::config::ImageConfig;
use super::image::manifest::{self, ManifestContent, MediaKind};
use crate::platform::Platform;
use crate::reference::Digest;

/// Which digest of a tag is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DigestLevel {
    /// What the tag itself names: an image index, or a manifest where the image has no index.
    Index,
    /// The manifest of one platform in the index.
    Platform(Platform),
}

/// What a registry answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The digest of what the tag names: an index, or a manifest where the image has none.
    pub digest: Digest,
    /// The media type of what `digest` names.
    pub media_type: String,
    /// What its body lists, where it was read: then its hash has confirmed the digest too.
    pub content: Option<ManifestContent>,
}

impl Resolution {
    /// Returns whether the tag names an index.
    pub fn is_index(&self) -> bool {
        match &self.content {
            Some(content) => matches!(content, ManifestContent::Index(_)),
            None => manifest::kind(&self.media_type) == MediaKind::Index,
        }
    }
}

/// What is looked at by its digest, to confirm it or to know more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Probe {
    /// Whether there is such a manifest, and of which type: one HEAD.
    Head(Digest),
    /// What an index or a manifest lists: one GET, hashed.
    Body(Digest),
    /// The platform in an image's config: one GET of a blob, hashed.
    Config(Digest),
    /// What else an image's config says: one GET of a blob, hashed.
    Details(Digest),
}

impl Probe {
    /// Returns the digest of what is looked at.
    pub fn digest(&self) -> &Digest {
        match self {
            Self::Head(digest) | Self::Body(digest) | Self::Config(digest) | Self::Details(digest) => digest,
        }
    }
}

/// Returns what shows whether there is a manifest under a digest.
pub(super) fn looks_at(digest: &Digest) -> [Probe; 2] {
    [Probe::Head(digest.clone()), Probe::Body(digest.clone())]
}

/// What was seen under a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    /// The media type, empty where the registry does not say it: [`Probe::Head`].
    MediaType(String),
    /// What is listed: [`Probe::Body`].
    Content(ManifestContent),
    /// The platform, if the config says one: [`Probe::Config`].
    Platform(Option<Platform>),
    /// What the config says: [`Probe::Details`].
    Config(Box<ImageConfig>),
}

/// What a tag is at each place that has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorComparison {
    /// What the registry itself says, where a mirror is asked first for tags; `None` where [`Registry::resolve`] asks the
    /// registry.
    pub origin: Option<Result<Digest, ResolveError>>,
    /// What each mirror says, by its name, `host[:port]/repository`.
    pub mirrors: Vec<(String, Result<Digest, ResolveError>)>,
}
