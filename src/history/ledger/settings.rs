//! `[ledger]`: whether and where runs remember what tags were.

/// The branch where the ledger is, unless the configuration names another.
pub const LEDGER_BRANCH: &str = "tagpin-ledger";

/// Whether a ledger is kept, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Whether runs write it.
    pub enabled: bool,
    /// The branch of its own that it is on.
    pub branch: String,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self { enabled: false, branch: LEDGER_BRANCH.to_owned() }
    }
}
