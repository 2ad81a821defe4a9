//! What a registry holds: manifests, configurations, and what is said of them.

pub(crate) mod config;
pub(crate) mod describe;
pub(crate) mod manifest;
