//! Files, the images that they name, and how to edit them. Pure: bytes in, values out.

mod chart_parts;
mod chart_values;
mod content;
pub mod deploy;
pub mod edit;
mod file_scan;
pub mod formats;
mod ignore;
mod inputs;
pub mod inventory;
mod located;
mod look_away;
mod module_names;
mod not_read;
mod partial_image;
mod recorded_digests;
mod scan;
pub mod site;
mod source_range;
mod strict;
pub mod syntax;
mod template_home;
mod unread;
mod variable_text;
mod variables;
mod vendored;
mod windows;

pub use located::{Ignore, IgnoreUntil, Located, RecordedDigest, Scan};
pub use look_away::{LookAway, LookAwayReason, LookAwaySpot};
pub use partial_image::{ImageParts, PartialImage};
pub use recorded_digests::stale as stale_annotations;
pub use scan::{SIZE_MAX, is_candidate, scan, scan_strictly, scan_whole};
pub use source_range::SourceRange;
pub use unread::{Unread, UnreadReason};
pub use vendored::{VendoredTree, VendoredTrees};
