//! What a registry said about a tag and what is behind it.

use std::collections::BTreeMap;

use super::error::ResolveError;
use super::image::manifest::ManifestContent;
use super::question::{Probe, Probed, Resolution};
use crate::platform::Platform;
use crate::reference::Digest;

/// What the registry said about a tag and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagAnswer {
    /// What the tag is now.
    pub resolution: Resolution,
    /// What was looked at because some site needed to know.
    pub seen: BTreeMap<Probe, Result<Probed, ResolveError>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known<'a, T> {
    Value(T),
    Refused(&'a ResolveError),
    NotProbed(Probe),
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

    pub(super) fn probed(&self, probe: Probe) -> Known<'_, &Probed> {
        match self.seen.get(&probe) {
            Some(Ok(probed)) => Known::Value(probed),
            Some(Err(error)) => Known::Refused(error),
            None => Known::NotProbed(probe),
        }
    }

    pub(super) fn content(&self, digest: &Digest) -> Known<'_, &ManifestContent> {
        if let Some(content) = &self.resolution.content
            && self.resolution.digest == *digest
        {
            return Known::Value(content);
        }
        match self.probed(Probe::Body(digest.clone())) {
            Known::Value(Probed::Content(content)) => Known::Value(content),
            Known::Value(_) => Known::NotProbed(Probe::Body(digest.clone())),
            Known::Refused(error) => Known::Refused(error),
            Known::NotProbed(probe) => Known::NotProbed(probe),
        }
    }

    pub(super) fn config_platform(&self, digest: &Digest) -> Known<'_, Option<&Platform>> {
        match self.probed(Probe::Config(digest.clone())) {
            Known::Value(Probed::Platform(platform)) => Known::Value(platform.as_ref()),
            Known::Value(_) => Known::NotProbed(Probe::Config(digest.clone())),
            Known::Refused(error) => Known::Refused(error),
            Known::NotProbed(probe) => Known::NotProbed(probe),
        }
    }

    /// Returns that the registry has the digest: it was hashed, or asked for by itself.
    pub(super) fn confirmed(&self, digest: &Digest) -> Known<'_, ()> {
        if matches!(self.content(digest), Known::Value(_)) {
            return Known::Value(());
        }
        match self.probed(Probe::Head(digest.clone())) {
            Known::Value(_) => Known::Value(()),
            Known::Refused(error) => Known::Refused(error),
            Known::NotProbed(probe) => Known::NotProbed(probe),
        }
    }
}
