//! Files, the images that they name, and how to edit them. Pure: bytes in, values out.

pub mod chart;
pub mod edit;
pub mod formats;
mod ignore;
pub mod inventory;
mod located;
mod recorded_digests;
mod scan;
pub mod site;
pub mod syntax;
mod unread;

pub use located::{Ignore, IgnoreUntil, Located, RecordedDigest, Scan, SourceRange};
pub use scan::{SIZE_MAX, is_candidate, scan, scan_whole};
pub use unread::{Unread, UnreadReason};
