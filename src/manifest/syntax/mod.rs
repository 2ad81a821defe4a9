//! Languages and the one tree that all of them are read into.

pub(crate) mod aliases;
pub(crate) mod build;
pub(crate) mod hcl;
pub mod language;
pub(crate) mod lines;
pub(crate) mod prefilter;
pub(crate) mod source;
pub mod template_mask;
pub mod tree;
pub(crate) mod unit;
pub(crate) mod yaml;
