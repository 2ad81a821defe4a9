//! What an image's manifest and config say. Pure.

pub(crate) mod config;
pub(crate) mod manifest;
