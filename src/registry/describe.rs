//! What a registry tells about the image behind a digest: for people who review, and nothing that a run depends on.

use serde::{Deserialize, Serialize};

use super::api::Registry;
use super::error::{InvalidAnswer, ResolveError};
use super::image::config::ImageConfig;
use super::image::manifest::{ManifestContent, PlatformManifest};
use super::question::{Probe, Probed};
use super::tag_ref::TagRef;
use crate::platform::Platform;
use crate::reference::Digest;

/// What is known of the image behind a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Whether the digest is that of an index.
    pub is_index: bool,
    /// The manifests, with their platforms: those of an index, or the one that the digest names.
    pub platforms: Vec<PlatformManifest>,
    /// The platform whose manifest and config were read.
    pub platform: Option<Platform>,
    /// The size of that manifest's layers as they are pulled, in bytes.
    pub size: Option<u64>,
    /// That manifest's config.
    pub config: Option<ImageConfig>,
    /// Why not all of it is known.
    #[serde(skip)]
    pub missing: Option<ResolveError>,
}

impl Description {
    /// Returns a description of nothing, and why.
    pub fn missing(error: ResolveError) -> Self {
        Self { missing: Some(error), ..Self::default() }
    }

    /// Returns whether asking once more would tell nothing new: it is all known, or the registry does not have it.
    pub fn is_complete(&self) -> bool {
        let lasting = |error: &ResolveError| {
            matches!(error, ResolveError::NotFound(_) | ResolveError::UnsupportedMediaType(..))
        };
        self.missing.as_ref().is_none_or(lasting)
    }

    /// Returns the platforms, each once.
    pub fn names(&self) -> impl Iterator<Item = &Platform> {
        self.platforms.iter().map(|entry| &entry.platform)
    }
}

/// Describes `digest` in the repository of `question` in up to three GET requests: the index, one of its manifests and
/// that one's config. The manifest is the one for the first of `platforms` that is there, for linux/amd64, or the first.
/// `most` is as in [`Registry::peek`].
pub async fn describe<R: Registry>(
    registry: &R,
    question: &TagRef,
    digest: &Digest,
    platforms: &[Platform],
    most: u64,
) -> Description {
    let mut description = Description::default();
    let asked = fill(&mut description, registry, question, digest, platforms, most).await;
    description.missing = asked.err();
    description
}

async fn fill<R: Registry>(
    description: &mut Description,
    registry: &R,
    question: &TagRef,
    digest: &Digest,
    platforms: &[Platform],
    most: u64,
) -> Result<(), ResolveError> {
    let mut content = read(registry, question, digest, most).await?;
    if let ManifestContent::Index(entries) = &content {
        description.is_index = true;
        description.platforms.clone_from(entries);
        let usual = Platform::new("linux", "amd64", None);
        let wanted = platforms.iter().chain([&usual]).find_map(|platform| content.entry(platform));
        let entry = wanted.or(entries.first()).ok_or(InvalidAnswer::EmptyIndex)?;
        description.platform = Some(entry.platform.clone());
        let manifest = entry.digest.clone().ok_or(InvalidAnswer::MalformedInIndex)?;
        content = read(registry, question, &manifest, most).await?;
    }
    let ManifestContent::Image { config, size } = content else {
        return Err(InvalidAnswer::NestedIndex.into());
    };
    description.size = size;
    let config = config.ok_or(InvalidAnswer::MalformedConfigDigest)?;
    let Probed::Config(config) = registry.peek(question, &Probe::Details(config), most).await? else {
        return Err(InvalidAnswer::NoConfig.into());
    };
    if !description.is_index {
        description.platform.clone_from(&config.platform);
        let entry = config
            .platform
            .clone()
            .map(|platform| PlatformManifest { platform, digest: Some(digest.clone()) });
        description.platforms.extend(entry);
    }
    description.config = Some(*config);
    Ok(())
}

async fn read<R: Registry>(
    registry: &R,
    question: &TagRef,
    digest: &Digest,
    most: u64,
) -> Result<ManifestContent, ResolveError> {
    match registry.peek(question, &Probe::Body(digest.clone()), most).await? {
        Probed::Content(content) => Ok(content),
        _ => Err(InvalidAnswer::NoManifest.into()),
    }
}
