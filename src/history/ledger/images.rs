//! Everything that was seen, by image.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::event::{TagEvent, TagObservation, image_of, whole_seconds};
use super::record::TagRecord;
use super::text;
use crate::reference::Digest;
use crate::registry::TagRef;

/// What was seen of the tags of one registry and repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ImageTags {
    pub(super) events: BTreeSet<Arc<TagEvent>>,
    by_tag: HashMap<String, BTreeSet<Arc<TagEvent>>>,
    first_seen: HashMap<Digest, Timestamp>,
    /// The file, which may hold people's comments.
    pub(super) text: String,
}

/// Everything that was ever seen, by image: registry and repository, normalised, as `docker.io/library/nginx`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub(super) images: BTreeMap<String, ImageTags>,
    /// The images whose file cannot be read, and why: it is left as it is.
    pub(super) broken: BTreeMap<String, String>,
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
        self.images.get(image).into_iter().flat_map(|image| &image.events).map(|event| &**event)
    }

    /// Returns what is known of a tag at the time `now`. A line of a later time, from a clock that was wrong, counts for
    /// nothing until then.
    pub fn record(&self, question: &TagRef, now: Timestamp) -> TagRecord<'_> {
        let image = self.images.get(&image_of(question));
        let events = image.and_then(|image| image.by_tag.get(&question.tag)).into_iter().flatten();
        TagRecord::new(events.map(|event| &**event).take_while(|event| event.when <= now))
    }

    /// Returns when `digest` was first seen behind any tag of the image; `None` where it never was.
    pub fn first_seen(&self, image: &str, digest: &Digest, now: Timestamp) -> Option<Timestamp> {
        self.images.get(image)?.first_seen.get(digest).copied().filter(|when| *when <= now)
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
                let event = Arc::new(event);
                if image.insert(&event) {
                    text::insert(&mut image.text, &event);
                }
            }
        }
    }
}

impl ImageTags {
    pub(super) fn new(name: &str) -> Self {
        Self { text: text::head(name), ..Self::default() }
    }

    /// Returns the image whose file has this text, with these lines in it.
    pub(super) fn of(text: String, events: BTreeSet<Arc<TagEvent>>) -> Self {
        let mut image = Self { text, ..Self::default() };
        for event in &events {
            image.note(event);
        }
        image.events = events;
        image
    }

    /// Adds a line; returns whether it was not there.
    fn insert(&mut self, event: &Arc<TagEvent>) -> bool {
        let is_new = self.events.insert(Arc::clone(event));
        if is_new {
            self.note(event);
        }
        is_new
    }

    /// Says in the maps what a line says.
    fn note(&mut self, event: &Arc<TagEvent>) {
        match self.by_tag.get_mut(&event.tag) {
            Some(known) => drop(known.insert(Arc::clone(event))),
            None => drop(self.by_tag.insert(event.tag.clone(), BTreeSet::from([Arc::clone(event)]))),
        }
        let first = self.first_seen.entry(event.digest.clone()).or_insert(event.when);
        *first = event.when.min(*first);
    }
}
