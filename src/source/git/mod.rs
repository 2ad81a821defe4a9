//! Bare clones in a cache directory, commits made from blobs, and pushes that move a branch only from a known value.
//!
//! This module and [`crate::source::tree`] are the only places that know git2. Every call blocks: in asynchronous code, the
//! whole piece of work belongs into one `spawn_blocking`, [`BareClone::open`] and dropping included.

mod base_merges;
mod built;
mod commit;
mod error;
mod library;
mod log;
mod new_commit;
mod push;
mod redact;
mod remote;
mod remote_url;
mod repository;
mod revision;
pub mod trailer;
mod transport;

pub use base_merges::UpdatedBranch;
pub use built::ChangedFile;
pub use commit::{Commit, Identity};
pub use error::GitError;
pub use git2::Oid;
pub(crate) use library::initialise;
pub use log::{FileChange, IsOwn, Log, LogError, LoggedCommit};
pub use new_commit::Prepared;
pub use remote::{BasicAuth, Remote};
pub use remote_url::{checked_out, origin};
pub use repository::{BareClone, Heads, is_branch};
pub(crate) use repository::{is_marked_damaged, mark_damaged};
pub use revision::RevisionError;
pub(crate) use revision::open_revision;
