//! A tag of an image: what a registry is asked for.

use std::fmt;

use crate::reference::{LATEST, Reference};

/// One question for a registry: what a tag is now. Equal questions are asked once in a run, whatever the sites that ask
/// want of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagRef {
    /// The normalised registry host, `docker.io` for Docker Hub.
    pub registry: String,
    /// The normalised repository path.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

impl TagRef {
    /// Returns the question that `reference` asks; its digest, if any, plays no part.
    pub fn new(reference: &Reference) -> Self {
        Self {
            registry: reference.registry().into_owned(),
            repository: reference.repository(),
            tag: reference.tag().unwrap_or(LATEST).to_owned(),
        }
    }
    /// Returns the image, `registry/repository`, normalised.
    pub fn image(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl fmt::Display for TagRef {
    /// Writes `registry/repository:tag`, normalised.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.registry, self.repository, self.tag)
    }
}
