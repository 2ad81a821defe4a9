//! What commits did to images.

use jiff::Timestamp;

use super::key::ImageKey;
use crate::reference::{Digest, Reference};

/// What a commit did to one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEvent {
    /// The commit, as hex.
    pub commit: String,
    /// When it was committed: [`LoggedCommit::when`](crate::source::git::LoggedCommit::when).
    pub when: Timestamp,
    /// The first line of its message.
    pub title: String,
    /// The number of the pull request that it merged, where its title names one.
    pub pull_request: Option<u64>,
    /// Whether tagpin made it.
    pub is_own: bool,
    /// The file, as it was called then.
    pub file: String,
    /// The line in it after the commit; before it, where the image went away.
    pub line: usize,
    /// What the file is called at the end of the history.
    pub file_now: String,
    /// Which image of the file.
    pub key: ImageKey,
    /// What was declared before; `None` where the image was not there.
    pub before: Option<Reference>,
    /// What was declared after; `None` where the image went away.
    pub after: Option<Reference>,
}

/// What happened to the images of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The newest first.
    pub events: Vec<HistoryEvent>,
    /// The oldest commit that was looked at, where the history goes on and is not here: a shallow clone ends there.
    pub cut_at: Option<Timestamp>,
}

impl History {
    /// Returns the events of one image in the file that is called `file` now, the newest first.
    pub fn of_site<'h, 'k>(
        &'h self,
        file: &'k str,
        key: &'k ImageKey,
    ) -> impl Iterator<Item = &'h HistoryEvent> {
        self.events.iter().filter(move |event| event.file_now == file && event.key == *key)
    }

    /// Returns the commit that took `digest` away from an image, where somebody else than tagpin did, and the image never
    /// had it again: to write it once more would undo what a person did. `tag` is the one that would be written with it, where
    /// that is another one than the image has.
    pub fn reverted_by(
        &self,
        file: &str,
        key: &ImageKey,
        digest: &Digest,
        tag: Option<&str>,
    ) -> Option<&HistoryEvent> {
        let digest_of =
            |reference: &Option<Reference>| reference.as_ref().and_then(Reference::digest).cloned();
        let last = self.of_site(file, key).find(|event| digest_of(&event.before).as_ref() == Some(digest))?;
        // What went away with its digest was removed, not reverted; a new tag is another decision, unless what would be
        // written is that tag and digest once more.
        let tag_of =
            |reference: &'_ Option<Reference>| reference.as_ref().and_then(Reference::tag).map(str::to_owned);
        let before = tag_of(&last.before);
        let same_tag = tag_of(&last.after) == before || (tag.is_some() && tag == before.as_deref());
        (!last.is_own && last.after.is_some() && same_tag).then_some(last)
    }
}
