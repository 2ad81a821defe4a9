//! What one site wants of a tag, judged against the one answer that all sites get. Pure.
//!
//! Judging goes on until it is [`Judgement::Done`]: as long as something has to be looked at first, it names the next
//! [`Probe`], and the same question is judged again with what that has shown.

use super::error::{InvalidAnswer, NoSuchPlatform, ResolveError};
use super::image::manifest::{self, ManifestContent, MediaKind};
use super::question::{DigestLevel, Probe, Probed};
use super::source_index::{RecordedOrigin, SourceIndex};
use super::tag_answer::{Known, TagAnswer};
use super::tag_ref::TagRef;
use crate::platform::Platform;
use crate::reference::Digest;

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

/// How far the judging of one site has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// This has to be looked at first. Each probe is made once: what cannot be seen is an answer too.
    Needs(Probe),
    /// What the answer means.
    Done(Assessment),
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

enum Comparison {
    Writable,
    Decided(Judgement),
}

impl From<Assessment> for Judgement {
    fn from(assessment: Assessment) -> Self {
        Self::Done(assessment)
    }
}

impl Requirement {
    /// Returns whether the tag is read instead of asked for: the site cannot be judged without a body, and nothing says that
    /// the body was read before. What is recorded never answers for the registry: it only says that an index may be kept.
    pub fn needs_body(&self) -> bool {
        match &self.level {
            DigestLevel::Index => false,
            DigestLevel::Platform(wanted) => !matches!(
                &self.recorded,
                RecordedOrigin::Behind(behind) if self.present.is_some() && behind.platform == *wanted
            ),
        }
    }

    /// Returns what `answer` means for this site, or what has to be looked at first.
    pub fn judge(&self, question: &TagRef, answer: &TagAnswer) -> Judgement {
        match &self.level {
            DigestLevel::Index => self.judge_index(question, answer),
            DigestLevel::Platform(platform) => self.judge_platform(question, answer, platform),
        }
    }

    fn judge_index(&self, question: &TagRef, answer: &TagAnswer) -> Judgement {
        let now = &answer.resolution.digest;
        if self.present.as_ref() == Some(now) {
            return Assessment::Same(None).into();
        }
        if !answer.resolution.is_index() {
            return written(question, answer, now, None);
        }
        let listed = if self.needed.is_empty() {
            answer.resolution.content.as_ref()
        } else {
            match answer.content(now) {
                Known::Value(content) => Some(content),
                Known::Refused(error) => return failed(question, now, error),
                Known::NotProbed(probe) => return Judgement::Needs(probe),
            }
        };
        if let Some(content) = listed
            && let Some(missing) = self.needed.iter().find(|platform| content.entry(platform).is_none())
        {
            return lacking(question, missing, content.platforms());
        }
        match self.compare(answer, listed) {
            Comparison::Writable => written(question, answer, now, None),
            Comparison::Decided(judgement) => judgement,
        }
    }

    /// Compares with the digest that the site has, now that the tag is an index with another one.
    fn compare(&self, answer: &TagAnswer, listed: Option<&ManifestContent>) -> Comparison {
        let Some(present) = &self.present else { return Comparison::Writable };
        let decided = |assessment: Assessment| Comparison::Decided(assessment.into());
        let is_own = self.recorded != RecordedOrigin::Nothing;
        if let Some(ManifestContent::Index(entries)) = listed.filter(|_| !is_own)
            && let Some(entry) = entries.iter().find(|entry| entry.digest.as_ref() == Some(present))
        {
            return decided(Assessment::PlatformDigest(Some(entry.platform.clone())));
        }
        // Where no platforms are named, nothing is asked about the old digest: it would cost a request for every tag
        // that moves.
        if self.needed.is_empty() {
            return Comparison::Writable;
        }
        let is_image = match answer.probed(Probe::Body(present.clone())) {
            Known::NotProbed(probe) => return Comparison::Decided(Judgement::Needs(probe)),
            Known::Value(Probed::Content(old @ ManifestContent::Index(_))) => {
                return match self.needed.iter().all(|platform| is_same(platform, old, listed)) {
                    true => decided(Assessment::PlatformsEqual),
                    false => Comparison::Writable,
                };
            }
            Known::Value(Probed::Content(ManifestContent::Image { .. })) => true,
            Known::Value(Probed::MediaType(media_type)) => manifest::kind(media_type) == MediaKind::Image,
            Known::Value(Probed::Platform(_) | Probed::Config(_)) => false,
            // What nobody can say of the old digest now may be said in the next run.
            Known::Refused(
                error @ (ResolveError::Unavailable(_)
                | ResolveError::RateLimited(_)
                | ResolveError::Unauthorized(_)),
            ) => return decided(Assessment::Failed(error.clone())),
            // It is gone, or of no use: there is nothing to compare with.
            Known::Refused(_) => false,
        };
        match is_image && !is_own {
            true => decided(Assessment::PlatformDigest(None)),
            false => Comparison::Writable,
        }
    }

    fn judge_platform(&self, question: &TagRef, answer: &TagAnswer, wanted: &Platform) -> Judgement {
        let now = &answer.resolution.digest;
        // An image without index is what it was when it was pinned.
        if self.present.as_ref() == Some(now) && !answer.resolution.is_index() {
            return Assessment::Same(None).into();
        }
        match answer.content(now) {
            Known::NotProbed(probe) => Judgement::Needs(probe),
            Known::Refused(error) => failed(question, now, error),
            Known::Value(content @ ManifestContent::Index(_)) => {
                self.judge_entry(question, answer, wanted, content)
            }
            Known::Value(ManifestContent::Image { config: None, .. }) => malformed(question),
            Known::Value(ManifestContent::Image { config: Some(config), .. }) => {
                match answer.config_platform(config) {
                    Known::NotProbed(probe) => Judgement::Needs(probe),
                    Known::Refused(error) => failed(question, config, error),
                    Known::Value(Some(platform)) if platform == wanted => {
                        written(question, answer, now, None)
                    }
                    Known::Value(found) => lacking(question, wanted, found.into_iter().cloned().collect()),
                }
            }
        }
    }

    fn judge_entry(
        &self,
        question: &TagRef,
        answer: &TagAnswer,
        wanted: &Platform,
        index: &ManifestContent,
    ) -> Judgement {
        let Some(entry) = index.entry(wanted) else {
            return lacking(question, wanted, index.platforms());
        };
        let Some(digest) = &entry.digest else { return malformed(question) };
        let index = answer.resolution.digest.clone();
        let behind = Some(SourceIndex { index, platform: wanted.clone() });
        if self.present.as_ref() == Some(digest) {
            return Assessment::Same(behind).into();
        }
        // The index was hashed, the manifest that it names was not seen yet.
        written(question, answer, digest, behind)
    }
}

/// Returns whether two indexes are known to have the same manifest for `platform`.
fn is_same(platform: &Platform, old: &ManifestContent, new: Option<&ManifestContent>) -> bool {
    let digest = |content: &ManifestContent| content.entry(platform)?.digest.clone();
    digest(old).is_some_and(|old| new.and_then(digest) == Some(old))
}

/// The judgement that `digest` is to be written, once the registry has confirmed it.
fn written(question: &TagRef, answer: &TagAnswer, digest: &Digest, behind: Option<SourceIndex>) -> Judgement {
    match answer.confirmed(digest) {
        Known::NotProbed(probe) => Judgement::Needs(probe),
        Known::Refused(error) => failed(question, digest, error),
        Known::Value(()) => Assessment::Write { digest: digest.clone(), behind }.into(),
    }
}

/// The judgement where the registry has nothing to show for a digest that it named itself.
fn failed(question: &TagRef, digest: &Digest, error: &ResolveError) -> Judgement {
    let error = match error {
        ResolveError::NotFound(_) => {
            InvalidAnswer::Missing { question: question.clone(), digest: digest.clone() }.into()
        }
        other => other.clone(),
    };
    Assessment::Failed(error).into()
}

fn malformed(question: &TagRef) -> Judgement {
    Assessment::Failed(InvalidAnswer::MalformedEntry(question.clone()).into()).into()
}

fn lacking(question: &TagRef, wanted: &Platform, has: Vec<Platform>) -> Judgement {
    let (question, wanted) = (question.clone(), wanted.clone());
    Assessment::Failed(NoSuchPlatform { question, wanted, has }.into()).into()
}

#[cfg(test)]
mod tests;
