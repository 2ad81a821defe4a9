//! What one site wants of a tag, judged against the one answer that all sites get. Pure.

use std::collections::BTreeMap;
use std::fmt;

use super::error::ResolveError;
use super::image::manifest::{self, ManifestContent, MediaKind};
use super::question::{DigestLevel, Probe, Probed, Resolution};
use super::tag_ref::TagRef;
use crate::platform::Platform;
use crate::reference::Digest;

/// How many of an index's platforms a message names.
const NAMED: usize = 24;

/// What one site wants of a tag, and what stands there now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// Which digest.
    pub level: DigestLevel,
    /// The platforms that an index must have before its digest is written; empty where nothing is demanded. An image
    /// without index is not asked for its platform.
    pub needed: Vec<Platform>,
    /// The digest that the site has.
    pub present: Option<Digest>,
    /// What tagpin wrote down about that digest.
    pub recorded: RecordedOrigin,
}

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

/// What the registry said about a tag and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagAnswer {
    /// What the tag is now.
    pub resolution: Resolution,
    /// What was looked at because some site needed to know.
    pub seen: BTreeMap<Probe, Result<Probed, ResolveError>>,
}

/// What an answer means for one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assessment {
    /// The site has what it should have; with the index behind it, where it is a platform's digest.
    Same(Option<SourceIndex>),
    /// The tag moved, and the manifests of all needed platforms did not.
    PlatformsEqual,
    /// The site has one platform's manifest, and the tag is an index: nobody said that it may be turned into that. Which
    /// platform's, where that is known.
    PlatformDigest(Option<Platform>),
    /// The site should have this digest, which the registry has confirmed.
    Write {
        /// What is to be written.
        digest: Digest,
        /// The index behind it, where it is a platform's digest.
        behind: Option<SourceIndex>,
    },
    /// There is nothing to write.
    Failed(ResolveError),
}

impl TagAnswer {
    /// Returns the answer that says what the tag is and nothing more.
    pub fn new(resolution: Resolution) -> Self {
        Self { resolution, seen: BTreeMap::new() }
    }

    /// Returns the media type of what `digest` names, where it was seen.
    pub fn media_type(&self, digest: &Digest) -> Option<&str> {
        if self.resolution.digest == *digest {
            return Some(&self.resolution.media_type);
        }
        match self.seen.get(&Probe::Head(digest.clone())) {
            Some(Ok(Probed::MediaType(media_type))) => Some(media_type),
            _ => None,
        }
    }

    fn look(&self, look: Probe) -> Result<&Result<Probed, ResolveError>, Probe> {
        self.seen.get(&look).ok_or(look)
    }

    fn content(&self, digest: &Digest) -> Result<Result<&ManifestContent, &ResolveError>, Probe> {
        if let Some(content) = self.resolution.content.as_ref().filter(|_| self.resolution.digest == *digest)
        {
            return Ok(Ok(content));
        }
        match self.look(Probe::Body(digest.clone()))? {
            Ok(Probed::Content(content)) => Ok(Ok(content)),
            Err(error) => Ok(Err(error)),
            Ok(_) => Err(Probe::Body(digest.clone())),
        }
    }

    /// Tells whether the registry has the digest: it was hashed, or asked for by itself.
    fn confirmed(&self, digest: &Digest) -> Result<Result<(), &ResolveError>, Probe> {
        if matches!(self.content(digest), Ok(Ok(_))) {
            return Ok(Ok(()));
        }
        Ok(self.look(Probe::Head(digest.clone()))?.as_ref().map(|_| ()))
    }
}

impl Requirement {
    /// Tells whether the site cannot be judged without a body, so that the tag is read instead of asked for.
    pub fn needs_body(&self) -> bool {
        match &self.level {
            DigestLevel::Index => false,
            DigestLevel::Platform(platform) => self.behind(platform).is_none(),
        }
    }

    /// Returns the index that the site's digest is known to be from, if it was taken for this platform.
    fn behind(&self, wanted: &Platform) -> Option<&SourceIndex> {
        match &self.recorded {
            RecordedOrigin::Behind(behind) if self.present.is_some() && behind.platform == *wanted => {
                Some(behind)
            }
            _ => None,
        }
    }

    /// Returns what `answer` means for this site.
    ///
    /// # Errors
    /// What has to be looked at first. Each is asked for once: what cannot be seen is an answer too.
    pub fn judge(&self, question: &TagRef, answer: &TagAnswer) -> Result<Assessment, Probe> {
        match &self.level {
            DigestLevel::Index => self.judge_index(question, answer),
            DigestLevel::Platform(platform) => self.judge_platform(question, answer, platform),
        }
    }

    fn judge_index(&self, question: &TagRef, answer: &TagAnswer) -> Result<Assessment, Probe> {
        let now = &answer.resolution.digest;
        if self.present.as_ref() == Some(now) {
            return Ok(Assessment::Same(None));
        }
        if answer.resolution.is_index() {
            let mut listed = answer.resolution.content.as_ref();
            if !self.needed.is_empty() {
                match answer.content(now)? {
                    Ok(content) => listed = Some(content),
                    Err(error) => return Ok(failed(question, now, error)),
                }
            }
            let lacks = |content: &ManifestContent| {
                self.needed.iter().find(|platform| content.entry(platform).is_none()).cloned()
            };
            if let Some((content, missing)) = listed.and_then(|content| Some((content, lacks(content)?))) {
                return Ok(Assessment::Failed(lacking(question, &missing, &content.platforms())));
            }
            if let Some(judged) = self.judge_present(answer, listed)? {
                return Ok(judged);
            }
        }
        write(question, answer, now, None)
    }

    /// Judges by the digest that the site has, now that the tag is an index with another one: `None` where that says
    /// nothing against the new digest.
    fn judge_present(
        &self,
        answer: &TagAnswer,
        listed: Option<&ManifestContent>,
    ) -> Result<Option<Assessment>, Probe> {
        let Some(present) = &self.present else { return Ok(None) };
        let is_own = self.recorded != RecordedOrigin::Nothing;
        if let Some(ManifestContent::Index(entries)) = listed.filter(|_| !is_own)
            && let Some(entry) = entries.iter().find(|entry| entry.digest.as_ref() == Some(present))
        {
            return Ok(Some(Assessment::PlatformDigest(Some(entry.platform.clone()))));
        }
        // Where no platforms are named, nothing is asked about the old digest: it would cost a request for every tag
        // that moves.
        if self.needed.is_empty() {
            return Ok(None);
        }
        let seen = answer.look(Probe::Body(present.clone()))?;
        let is_image = match seen {
            Ok(Probed::Content(old @ ManifestContent::Index(_))) => {
                let same = |platform| {
                    let digest = |content: &ManifestContent| content.entry(platform)?.digest.clone();
                    digest(old).is_some_and(|old| listed.and_then(digest) == Some(old))
                };
                return Ok(self.needed.iter().all(same).then_some(Assessment::PlatformsEqual));
            }
            Ok(Probed::Content(ManifestContent::Image { .. })) => true,
            Ok(Probed::MediaType(media_type)) => manifest::kind(media_type) == MediaKind::Image,
            Ok(Probed::Platform(_) | Probed::Config(_)) => false,
            // What nobody can say of the old digest now may be said in the next run.
            Err(
                error @ (ResolveError::Unavailable(_)
                | ResolveError::RateLimited(_)
                | ResolveError::Unauthorized(_)),
            ) => return Ok(Some(Assessment::Failed(error.clone()))),
            // It is gone, or of no use: there is nothing to compare with.
            Err(_) => false,
        };
        Ok((is_image && !is_own).then_some(Assessment::PlatformDigest(None)))
    }

    fn judge_platform(
        &self,
        question: &TagRef,
        answer: &TagAnswer,
        wanted: &Platform,
    ) -> Result<Assessment, Probe> {
        let Resolution { digest: now, .. } = &answer.resolution;
        if let Some(behind) = self.behind(wanted).filter(|behind| behind.index == *now) {
            return Ok(Assessment::Same(Some(behind.clone())));
        }
        // An image without index is what it was when it was pinned.
        if self.present.as_ref() == Some(now) && !answer.resolution.is_index() {
            return Ok(Assessment::Same(None));
        }
        let content = match answer.content(now)? {
            Ok(content) => content,
            Err(error) => return Ok(failed(question, now, error)),
        };
        match content {
            ManifestContent::Index(_) => {
                let Some(entry) = content.entry(wanted) else {
                    return Ok(Assessment::Failed(lacking(question, wanted, &content.platforms())));
                };
                let Some(digest) = &entry.digest else { return Ok(malformed(question)) };
                let behind = Some(SourceIndex { index: now.clone(), platform: wanted.clone() });
                if self.present.as_ref() == Some(digest) {
                    return Ok(Assessment::Same(behind));
                }
                // The index was hashed, the manifest that it names was not seen yet.
                write(question, answer, digest, behind)
            }
            ManifestContent::Image { config: Some(config), .. } => {
                match answer.look(Probe::Config(config.clone()))? {
                    Ok(Probed::Platform(Some(platform))) if platform == wanted => {
                        write(question, answer, now, None)
                    }
                    Ok(Probed::Platform(found)) => {
                        Ok(Assessment::Failed(lacking(question, wanted, found.as_slice())))
                    }
                    Err(error) => Ok(failed(question, config, error)),
                    Ok(_) => Err(Probe::Config(config.clone())),
                }
            }
            ManifestContent::Image { config: None, .. } => Ok(malformed(question)),
        }
    }
}

fn write(
    question: &TagRef,
    answer: &TagAnswer,
    digest: &Digest,
    behind: Option<SourceIndex>,
) -> Result<Assessment, Probe> {
    Ok(match answer.confirmed(digest)? {
        Ok(()) => Assessment::Write { digest: digest.clone(), behind },
        Err(error) => failed(question, digest, error),
    })
}

/// The error where the registry has nothing to show for a digest that it named itself.
fn failed(question: &TagRef, digest: &Digest, error: &ResolveError) -> Assessment {
    Assessment::Failed(match error {
        ResolveError::NotFound(_) => ResolveError::InvalidAnswer(format!(
            "`{}` names `{digest}` for `{}:{}` but has nothing under it (404); it may be in the middle of a push, run \
             again later",
            question.registry, question.repository, question.tag
        )),
        other => other.clone(),
    })
}

fn malformed(question: &TagRef) -> Assessment {
    let TagRef { registry, repository, tag } = question;
    Assessment::Failed(ResolveError::InvalidAnswer(format!(
        "`{registry}` has a malformed digest in the manifest of `{repository}:{tag}`; push the image again"
    )))
}

/// The error where `wanted` is not among the platforms that there are.
fn lacking(question: &TagRef, wanted: &Platform, has: &[Platform]) -> ResolveError {
    let has = match has {
        [] => "names none".to_owned(),
        has => {
            let names: Vec<_> = has.iter().take(NAMED).map(|platform| format!("`{platform}`")).collect();
            let more = has.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("has {}{more}", names.join(", "))
        }
    };
    let TagRef { registry, repository, tag } = question;
    ResolveError::NoSuchPlatform(format!(
        "`{registry}` has no manifest for `{wanted}` in `{repository}:{tag}`, which {has}"
    ))
}

#[cfg(test)]
mod tests;
