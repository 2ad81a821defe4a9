//! Repositories, end to end: clone, pin, commit, push, open or update the pull request.

mod action_summary;
mod cache_lock;
mod context;
mod cpu_clock;
mod discover;
mod error;
pub mod fleet;
mod outcome;
pub mod report;
mod repository;
pub mod request;
pub mod serve;
mod session;
mod tally;

pub use context::RunContext;
pub use error::RunError;
pub use outcome::{BRANCH, BranchState, GroupOutcome, LedgerUpdate, RecordState, RepositoryOutcome};
pub use repository::{repository, run_request};
pub use session::RunSession;
pub use tally::RunStats;
