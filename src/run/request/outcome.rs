//! What a request did.

use crate::plan::Pinned;
use crate::policy::target::Target;

/// What a request did, in memory.
#[derive(Clone, Debug)]
pub struct RequestOutcome {
    /// The verdicts on every site of the repository, and the edits.
    pub pinned: Pinned,
    /// Remarks that are not failures.
    pub notes: Vec<String>,
    /// Whether everything was done that was asked for.
    pub complete: bool,
    /// What it is about.
    pub about: Target,
}
