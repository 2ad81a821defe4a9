//! Which digest was declared when, from git alone (issue 7, history): the first parents of a branch, and what each commit
//! did to the images in the files of a target. Pure, but for reading the log.

mod age;
mod event;
mod key;
pub mod known_good;
mod lane;
pub mod ledger;
mod walk;

pub use age::{Age, Since, ages, earliest};
pub use event::{History, HistoryEvent};
pub use key::{ImageKey, keys};
pub use lane::{Lane, Span};
pub use walk::{At, PastNames, at, of};
