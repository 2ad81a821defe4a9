//! The end of a scheduled run.

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was left undone.
    Complete,
    /// Something failed or could not be checked; the rest was done.
    Incomplete,
    /// It could not begin, or broke off.
    Failed,
    /// tagpin had to end before it had.
    Abandoned,
}

impl Ended {
    /// Returns the word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}
