//! What is tested with programs from elsewhere: a registry, a git server and a browser that are not our own. A test whose
//! program is not installed says `skipped:` and passes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod cosign;
mod deployers;
mod docker_registry;
mod git_http_backend;
mod judge;
mod terminal;
mod timeline;

#[path = "../support/mod.rs"]
mod support;
