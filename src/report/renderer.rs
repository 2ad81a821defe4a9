//! The table of outputs: one more is a file beside this one, a [`Format`] and a line here.

use std::io;

use super::terminal::Stream;
use super::{Format, Report, github, human, json, junit, sarif};

/// Returns a report as bytes; the stream says whether colours are wanted. Nothing goes wrong in practice: it is written into
/// memory.
pub type Renderer = fn(&Report<'_>, &Stream) -> io::Result<Vec<u8>>;

/// What prints the findings of `check`.
pub const RENDERERS: [(Format, Renderer); 5] = [
    (Format::Human, |report, stream| Ok(human::check(report, stream).into_bytes())),
    (Format::Json, |report, _| {
        let mut bytes = Vec::new();
        json::write(report, true, &mut bytes)?;
        Ok(bytes)
    }),
    (Format::Sarif, |report, _| Ok(sarif::document(report)?)),
    (Format::Github, |report, _| Ok(github::annotations(report).into_bytes())),
    (Format::Junit, |report, _| junit::document(report)),
];

/// Returns what prints findings in `format`; `None` where nothing does.
pub fn renderer(format: Format) -> Option<Renderer> {
    RENDERERS.iter().find(|(known, _)| *known == format).map(|(_, renderer)| *renderer)
}
