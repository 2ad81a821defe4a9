//! Digests become edited bytes, file by file, each proven before anybody may write it. Pure.

pub mod annotations;
mod embedded;
mod file;
pub mod proof;
mod shared;
mod site_edit;
pub mod splice;
mod style;

pub use file::{EditedFile, edit};
pub use site_edit::{EditError, SiteEdit};
pub use style::Style;
