//! Questions for the registry, and what its answers mean for each site. Pure.

pub mod build_metadata;
mod decide;
pub(crate) mod describe;
mod edits;
mod explain;
mod foresee;
pub mod missing_entries;
pub mod pin;
pub mod promote;
mod reason;
pub mod reverted;
pub mod rollback;
pub mod set_digest;
mod soak;
pub mod unconfirmed;
mod verdict;
pub(crate) mod verify;

pub use decide::{Rules, decide, is_chart_tag, left_alone, questions, refusals, style_of};
pub use edits::{FileEdit, Pinned};
pub use explain::{Explanation, explain, outcome_words};
pub use reason::Reason;
pub use verdict::{Change, Outcome, Verdict};
