//! The ledger of tags: what each tag was when a run looked, and since when (issue 7, point 6). Pure: files of a tree, values
//! and a time in; answers and new lines out.
//!
//! It may delay or hold a digest, never name or permit one.

mod age;
mod branch;
mod record;
pub(crate) mod settings;
mod text;

use std::collections::{BTreeMap, BTreeSet};

pub use age::{Delay, DelayReason, LedgerState, LedgerView};
pub use branch::{LedgerError, VERSION};
use jiff::Timestamp;
pub use record::{Moves, TagRecord};

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

/// What was seen of the tags of one registry and repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ImageTags {
    events: BTreeSet<TagEvent>,
    /// The file, which may hold people's comments.
    text: String,
}

/// Everything that was ever seen, by image: registry and repository, normalised, as `docker.io/library/nginx`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    images: BTreeMap<String, ImageTags>,
    /// The images whose file cannot be read, and why: it is left as it is.
    broken: BTreeMap<String, String>,
}

/// Returns the image that a question is about.
pub fn image_of(question: &TagRef) -> String {
    format!("{}/{}", question.registry, question.repository)
}

impl Ledger {
    /// Returns every image that has a readable file.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        self.images.keys().map(String::as_str)
    }

    /// Returns the files that cannot be read: the image, and why.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &str)> {
        self.broken.iter().map(|(image, why)| (image.as_str(), why.as_str()))
    }

    /// Returns every line about an image, in order of time.
    pub fn events<'l>(&'l self, image: &str) -> impl Iterator<Item = &'l TagEvent> + use<'l> {
        self.images.get(image).into_iter().flat_map(|image| &image.events)
    }

    /// Returns what is known of a tag at the time `now`. A line of a later time, from a clock that was wrong, counts for
    /// nothing until then.
    pub fn record(&self, question: &TagRef, now: Timestamp) -> TagRecord<'_> {
        let events = self.events(&image_of(question));
        TagRecord::new(events.filter(|event| event.tag == question.tag && event.when <= now))
    }

    /// Returns when `digest` was first seen behind any tag of the image; `None` where it never was.
    pub fn first_seen(&self, image: &str, digest: &Digest, now: Timestamp) -> Option<Timestamp> {
        let mut events = self.events(image).take_while(|event| event.when <= now);
        events.find(|event| event.digest == *digest).map(|event| event.when)
    }

    /// Returns the lines that `sightings` of the time `now` add, by image: first sights and moves. An image whose file
    /// cannot be read gets none.
    pub fn news(&self, now: Timestamp, sightings: &[TagObservation]) -> BTreeMap<String, Vec<TagEvent>> {
        let mut news: BTreeMap<String, Vec<TagEvent>> = BTreeMap::new();
        for TagObservation { question, digest } in sightings {
            let image = image_of(question);
            if self.broken.contains_key(&image) || self.record(question, now).now() == Some(digest) {
                continue;
            }
            let event =
                TagEvent { when: whole_seconds(now), tag: question.tag.clone(), digest: digest.clone() };
            news.entry(image).or_default().push(event);
        }
        news
    }

    /// Adds lines; what is there already is not there twice, so that the ledgers of two runs become one.
    pub fn add(&mut self, news: BTreeMap<String, Vec<TagEvent>>) {
        for (name, events) in news {
            let image = self.images.entry(name.clone()).or_insert_with(|| ImageTags::new(&name));
            for event in events {
                if !image.events.contains(&event) {
                    text::insert(&mut image.text, &event);
                    image.events.insert(event);
                }
            }
        }
    }
}

impl ImageTags {
    fn new(name: &str) -> Self {
        Self { events: BTreeSet::new(), text: text::head(name) }
    }
}

/// Returns the time without its fraction of a second: that is what lines have.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
