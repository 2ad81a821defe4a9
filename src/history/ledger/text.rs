//! The lines of one image's file: `TIME TAG DIGEST`, in order of time. People may add comments, which stay.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::event::{TagEvent, whole_seconds};
use crate::reference::{Digest, is_tag};

/// How much of a line a message repeats, in characters.
const SHOWN: usize = 80;

/// Returns what a new file about `image` starts with.
pub(super) fn head(image: &str) -> String {
    format!("# {image}\n")
}

/// Returns the line for `event`, without its end.
pub(super) fn line(event: &TagEvent) -> String {
    format!("{} {} {}", event.when, event.tag, event.digest)
}

/// Returns the lines of a file.
///
/// # Errors
/// Names the first line that tagpin does not write, by its number from 1.
pub(super) fn parse(text: &str) -> Result<BTreeSet<Arc<TagEvent>>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !is_comment(line));
    // All at once: they are in order already, or almost.
    lines
        .map(|(index, line)| {
            event(line).map(Arc::new).ok_or_else(|| {
                let shown: String = line.chars().take(SHOWN).collect();
                format!("line {}: `{}` is not `TIME TAG DIGEST`", index + 1, shown.escape_debug())
            })
        })
        .collect()
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#') || line.trim().is_empty()
}

fn event(line: &str) -> Option<TagEvent> {
    let mut words = line.split_ascii_whitespace();
    let (when, tag, digest) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !is_tag(tag) {
        return None;
    }
    let when: Timestamp = when.parse().ok()?;
    Some(TagEvent { when: whole_seconds(when), tag: tag.to_owned(), digest: Digest::parse(digest)? })
}

/// Puts a line where its time belongs: before the first later one, or at the end. Everything else stays as it is.
pub(super) fn insert(text: &mut String, event: &TagEvent) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let (mut at, mut start) = (text.len(), text.len());
    // From the end: what is new is almost always the latest.
    for whole in text.split_inclusive('\n').rev() {
        start -= whole.len();
        match self::event(whole) {
            Some(known) if known.when > event.when => at = start,
            Some(_) => break,
            None => {}
        }
    }
    text.insert_str(at, &format!("{}\n", line(event)));
}
