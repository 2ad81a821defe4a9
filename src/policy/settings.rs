//! What a repository's rules are, as the rooms below the configuration need them.

use crate::manifest::edit::annotations::Keys;

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
