//! The history of one image: what was declared from when to when. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::age::Since;
use super::event::{History, HistoryEvent};
use super::key::ImageKey;
use crate::reference::Reference;

/// What one place declared over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane<'h> {
    /// What its file is called at the end of the history.
    pub file: &'h str,
    /// Which image of the file.
    pub key: &'h ImageKey,
    /// What it declared, the newest first.
    pub spans: Vec<Span<'h>>,
}

/// A time in which a place declared the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span<'h> {
    /// What was declared; `None` where the image was not there.
    pub reference: Option<&'h Reference>,
    /// When it began.
    pub from: Since,
    /// When it ended; `None` where it has not.
    pub until: Option<Timestamp>,
    /// The commit that it began with; `None` where that is not here.
    pub event: Option<&'h HistoryEvent>,
}

impl History {
    /// Returns a lane for each image, in the order of their files.
    pub fn lanes(&self) -> Vec<Lane<'_>> {
        let mut lanes: BTreeMap<(&str, &ImageKey), Vec<&HistoryEvent>> = BTreeMap::new();
        for event in &self.events {
            lanes.entry((&event.file_now, &event.key)).or_default().push(event);
        }
        let lanes =
            lanes.into_iter().map(|((file, key), events)| Lane { file, key, spans: self.spans(&events) });
        lanes.collect()
    }

    fn spans<'h>(&self, events: &[&'h HistoryEvent]) -> Vec<Span<'h>> {
        let (mut spans, mut until) = (Vec::new(), None);
        for event in events {
            let is_cut = self.cut_at == Some(event.when) && event.before.is_none();
            let from = if is_cut { Since::AtLeast(event.when) } else { Since::Commit(event.when) };
            spans.push(Span { reference: event.after.as_ref(), from, until, event: Some(event) });
            until = Some(event.when);
        }
        // What stood there before the first commit that is here.
        let before = events.last().and_then(|event| event.before.as_ref());
        if let (Some(reference), Some(cut_at)) = (before, self.cut_at) {
            spans.push(Span { reference: Some(reference), from: Since::AtLeast(cut_at), until, event: None });
        }
        spans
    }
}
