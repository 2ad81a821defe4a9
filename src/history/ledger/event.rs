//! What was seen of a tag: lines of the ledger, and what they come from.

use jiff::Timestamp;

use crate::reference::Digest;
use crate::registry::{Answers, TagRef};

/// One line: what a tag was at that time. It is written when a tag is seen for the first time, and when it has moved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagEvent {
    /// When a run saw it, in whole seconds.
    pub when: Timestamp,
    /// The tag.
    pub tag: String,
    /// What it was.
    pub digest: Digest,
}

/// What a registry said in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagObservation {
    /// The tag.
    pub question: TagRef,
    /// What it is.
    pub digest: Digest,
}

impl TagObservation {
    /// Returns what the registries said; a tag without an answer was not seen.
    pub fn all(answers: &Answers) -> Vec<Self> {
        let seen = answers.iter().filter_map(|(question, answer)| {
            let digest = answer.as_ref().ok()?.resolution.digest.clone();
            Some(Self { question: question.clone(), digest })
        });
        seen.collect()
    }
}

/// Returns the image that a question is about.
pub fn image_of(question: &TagRef) -> String {
    format!("{}/{}", question.registry, question.repository)
}

/// Returns the time without its fraction of a second: that is what lines have.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
