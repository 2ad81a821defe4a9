//! The parts of a body, in the order in which they stand.

use super::sections::folded;

/// The sections, empty where there is nothing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) why: String,
    pub(super) releases: String,
    pub(super) moves: String,
    pub(super) table: String,
    pub(super) details: String,
    pub(super) left_out: String,
    pub(super) consequences: String,
    pub(super) proof: String,
    pub(super) requests: String,
    pub(super) unwanted: String,
    pub(super) rebuild: String,
    pub(super) footer: String,
}

impl Sections {
    /// Returns the sections in the order in which a reviewer needs them: what changes and where, what is in it, what follows
    /// from it. What explains and proves it comes last, behind one fold; where somebody asked for the change, `is_asked_for`,
    /// the reason comes first.
    pub(super) fn in_order(&self, is_asked_for: bool) -> String {
        let Self { why, releases, moves, table, details, left_out, .. } = self;
        let Self { consequences, proof, requests, unwanted, .. } = self;
        let (reason, explanation) = if is_asked_for { (why.as_str(), "") } else { ("", why.as_str()) };
        let fold = folded(
            "Why, how this was checked, what it cost, and how to stop it",
            &joined([explanation, proof, requests, unwanted]),
        );
        let first = [reason, table, releases, moves, details, consequences, left_out];
        joined(first.into_iter().chain([fold.as_str(), &self.rebuild, &self.footer]))
    }
}

fn joined<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}
