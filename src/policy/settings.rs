//! What a repository's rules are, as every room below the configuration needs them.

use std::borrow::Cow;

use super::decide::Policy;
use super::environment::Environment;
use super::hold::Holds;
use crate::manifest::edit::annotations::Keys;
use crate::manifest::formats::catalogue::{BUILT_IN, Catalogue, Location};

/// What is read, what is pinned, how it is written, and what must not move.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What is read, what is pinned, and how it is written.
    pub policy: Policy,
    /// Which paths are deployed together.
    pub environments: Vec<Environment>,
    /// What must not move, why and until when.
    pub holds: Holds,
    /// What is recorded on the objects that own a pod template.
    pub annotations: AnnotationSettings,
    /// Where images stand, beyond the built-in catalogue.
    pub locations: Vec<Location>,
}

impl Settings {
    /// Returns the catalogue with what these settings add to it.
    pub fn catalogue(&self) -> Cow<'static, Catalogue> {
        if self.locations.is_empty() {
            return Cow::Borrowed(&BUILT_IN);
        }
        Cow::Owned(BUILT_IN.with(&self.locations))
    }
}

/// Whether and under which key a pin is recorded in `metadata.annotations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationSettings {
    /// Whether annotations are written.
    pub enabled: bool,
    /// The key, or what the keys start with where an object has several containers.
    pub key: String,
    /// The same for the index behind a platform's digest.
    pub index_key: String,
}

impl AnnotationSettings {
    /// Returns the keys; `None` where annotations are off.
    pub fn keys(&self) -> Option<Keys<'_>> {
        self.enabled.then_some(Keys { digest: &self.key, index: &self.index_key })
    }
}

impl Default for AnnotationSettings {
    fn default() -> Self {
        let (key, index_key) = ("deployed-image-digest".to_owned(), "deployed-image-index".to_owned());
        Self { enabled: true, key, index_key }
    }
}
