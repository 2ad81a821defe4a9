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
        // What a reviewer decides by comes first, what proves it last.
        let proofs = [proof, requests, unwanted].map(String::as_str);
        let proofs = format!(
            "<details>\n<summary>How this was checked, what it cost, and how to stop it</summary>\n\n{}\n\n</details>",
            joined(proofs)
        );
        let first = [why, table, releases, moves, details, left_out, consequences].map(String::as_str);
        let last = [proofs.as_str(), &self.rebuild, &self.footer];
        joined(first.into_iter().chain(last))
    }
}

fn joined<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}
