//! How long a digest has to be in the source before it is promoted.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::history::Since;
use crate::reference::{Digest, Image};

/// How long a digest must have been declared, and how long each has been.
#[derive(Clone, Debug, Default)]
pub struct Soak {
    /// At least so long.
    pub least: SignedDuration,
    /// What the time is.
    pub now: Timestamp,
    /// Since when each image of the source has its digest.
    pub since: BTreeMap<(Image, Digest), Since>,
}

impl Soak {
    /// Returns why a digest has not been in the source for long enough, if so.
    pub(super) fn refuses(&self, image: &Image, digest: &Digest) -> Option<String> {
        let least = self.least;
        match self.since.get(&(image.clone(), digest.clone())) {
            Some(Since::Commit(since) | Since::AtLeast(since))
                if self.now.duration_since(*since) >= least =>
            {
                None
            }
            Some(Since::Commit(since)) => {
                let ready = since.saturating_add(least).unwrap_or(Timestamp::MAX);
                Some(format!(
                    "`{digest}` is there since {since}, and {least:#} are demanded: it is ready at {ready}"
                ))
            }
            Some(Since::AtLeast(since)) => Some(format!(
                "the history that is here ends at {since}, which does not show {least:#}: fetch more of it, with \
                 `git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout"
            )),
            None => {
                Some(format!("`{digest}` is not committed to the source yet, and {least:#} are demanded"))
            }
        }
    }
}
