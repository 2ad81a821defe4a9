//! `[ledger]`: whether and where runs remember what tags were.

use crate::history::ledger::LedgerView;

/// The branch where the ledger is, unless the configuration names another.
pub const LEDGER_BRANCH: &str = "tagpin-ledger";

/// Whether a ledger is kept, where it is, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Whether runs write it.
    pub enabled: bool,
    /// The branch of its own that it is on.
    pub branch: String,
    /// What it says, once a command has read it.
    pub past: LedgerView,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self { enabled: false, branch: LEDGER_BRANCH.to_owned(), past: LedgerView::default() }
    }
}
