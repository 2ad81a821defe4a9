//! Where a forge's own CI says that a job runs.

/// The repository that a job of a forge's CI runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiRepository {
    /// What is cloned.
    pub url: String,
    /// The forge's API; `None` where the job does not say.
    pub base_url: Option<String>,
    /// The variables that say so, for messages.
    pub variables: &'static str,
}
