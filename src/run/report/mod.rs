//! The report on a repository of a run, for people and as JSON. What is said of its images is in [`crate::report`].

mod build;
mod error_chain;
mod human;
mod json;

pub use build::report;
pub use error_chain::error_chain;
pub use human::{error_lines, outcome_lines};
pub use json::{Document, RepositoryRow};
