//! The JSON Schema of the configuration file, for editors: `tagpin config schema`.
//!
//! It is made by a test from what the parser itself knows: keys and types from the types of `raw.rs`, words and required keys
//! from what the checks say about a file that lacks them, descriptions from the comments of `config.example.toml`.

/// The schema (JSON Schema draft 7, which editors for TOML read), with a final line end.
pub const SCHEMA: &str = include_str!("../../schema/config.schema.json");

#[cfg(test)]
mod shape;
#[cfg(test)]
mod tests;
