//! What a repository's rules are, as every room below the configuration needs them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::decide::Policy;
use super::environment::Environment;
use super::hold::Holds;
use super::scoped_list::ScopedList;
use crate::manifest::edit::annotations::Keys;
use crate::manifest::formats::KnownChart;
use crate::manifest::formats::catalogue::{BUILT_IN, Catalogue, Location};
use crate::manifest::{Scan, stale_annotations};

/// What is read, what is pinned, how it is written, and what must not move.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What is read, what is pinned, and how it is written.
    pub policy: Policy,
    /// Which paths are deployed together.
    pub environments: ScopedList<Environment>,
    /// What must not move, why and until when.
    pub holds: Holds,
    /// What is recorded on the objects that own a pod template.
    pub annotations: AnnotationSettings,
    /// Where images stand, beyond the built-in catalogue.
    pub locations: Vec<Location>,
    /// The formats in which nothing is looked for.
    pub formats_off: BTreeSet<String>,
    /// What is known of charts, beyond those that are built in.
    pub charts: Vec<KnownChart>,
}

impl Settings {
    /// Returns the catalogue with what these settings add to it.
    pub fn catalogue(&self) -> Cow<'static, Catalogue> {
        if self.locations.is_empty() && self.charts.is_empty() && self.formats_off.is_empty() {
            return Cow::Borrowed(&BUILT_IN);
        }
        Cow::Owned(BUILT_IN.with(&self.locations, &self.charts).without(&self.formats_off))
    }
}

/// Whether and under which key a pin is recorded in `metadata.annotations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationSettings {
    /// Whether annotations are written.
    pub enabled: bool,
    /// Whether those that were written once are removed, where they are not written.
    pub remove: bool,
    /// The key, or what the keys start with where an object has several containers.
    pub key: String,
    /// The same for the index behind a platform's digest.
    pub index_key: String,
}

impl AnnotationSettings {
    /// Returns the keys; `None` where annotations are off.
    pub fn keys(&self) -> Option<Keys<'_>> {
        self.enabled.then(|| self.all_keys())
    }

    /// Returns the keys, whether annotations are on or off.
    pub fn all_keys(&self) -> Keys<'_> {
        Keys { digest: &self.key, index: &self.index_key }
    }

    /// Returns whether a file has annotations that are not true, or not to be there.
    pub fn is_to_be_mended(&self, scan: &Scan) -> bool {
        let is_own = |key: &str| {
            key.strip_prefix(self.key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_removed = !self.enabled && self.remove;
        (is_removed && scan.recorded.iter().any(|recorded| is_own(&recorded.key)))
            || !stale_annotations(scan, &self.key).is_empty()
    }
}

impl Default for AnnotationSettings {
    fn default() -> Self {
        let (key, index_key) = ("deployed-image-digest".to_owned(), "deployed-image-index".to_owned());
        Self { enabled: true, remove: false, key, index_key }
    }
}
