//! The ledger of tags: what each tag was when a run looked, and since when (issue 7, point 6). Pure: files of a tree, values
//! and a time in; answers and new lines out.
//!
//! It may delay or hold a digest, never name or permit one.

mod age;
mod branch;
mod event;
mod images;
mod record;
pub(crate) mod settings;
mod text;

pub use age::{Delay, DelayReason, LedgerState, LedgerView};
pub use branch::{LedgerError, VERSION};
pub use event::{TagEvent, TagObservation, image_of, whole_seconds};
pub use images::Ledger;
pub use record::{Moves, TagRecord};

#[cfg(test)]
mod tests;
