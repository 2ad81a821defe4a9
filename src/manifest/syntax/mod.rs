//! Languages, and the one tree that all of them are read into. A new one is its files, a variant of [`language::Language`]
//! and a line in the table.

pub(crate) mod agreement;
pub(crate) mod aliases;
mod bake;
pub(crate) mod build;
pub(crate) mod definition;
mod dockerfile;
mod document_parts;
pub(crate) mod embedded;
mod env_file;
mod hcl;
pub(super) mod hcl_values;
pub(crate) mod json_comments;
pub mod language;
pub(crate) mod lines;
mod node_list;
pub(crate) mod prefilter;
mod query;
pub(crate) mod source;
mod table;
pub mod template_mask;
pub(super) mod template_name;
pub(super) mod terraform;
mod toml;
pub mod tree;
pub mod tree_edit;
mod unit;
pub mod yaml;
