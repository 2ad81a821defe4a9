//! The digests that are known to be good, per environment: a file in the repository that people can read and review
//! (issue 7, known-good). Pure.

mod list;
mod mark;
mod runs;

pub use list::{FILE, KnownGood, KnownGoodError, MARK, NOT_A_LIST, read, write};
pub use mark::{Mark, Marked, NotMarked, mark};
pub use runs::Runs;
