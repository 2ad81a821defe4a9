//! What a [`HttpRegistry`](super::HttpRegistry) is made with.

use super::auth::Credentials;
use super::http::ssrf::Trust;
use super::limits::Limits;
use super::rule::RegistryRule;

/// Everything that a client needs to know. [`Default`] is no rule, no credential and the usual limits.
#[derive(Debug, Default)]
pub struct ClientSettings {
    /// Where registries are really asked.
    pub rules: Vec<RegistryRule>,
    /// Where credentials are; none by default.
    pub credentials: Credentials,
    /// More root certificates beside the system's, each a PEM file's content.
    pub roots: Vec<Vec<u8>>,
    /// How much and how long is asked.
    pub limits: Limits,
    /// How far the names that are asked for are trusted.
    pub trust: Trust,
}
