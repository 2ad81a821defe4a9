//! The parts of a body, in the order in which they stand.

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
    pub(super) fn in_order(&self) -> String {
        let Self { why, releases, moves, table, details, left_out, .. } = self;
        let Self { consequences, proof, requests, unwanted, .. } = self;
        let middle =
            [why, table, releases, moves, details, left_out, consequences, proof, requests, unwanted];
        let all = middle.into_iter().chain([&self.rebuild, &self.footer]);
        all.filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("\n\n")
    }
}
