//! What the tests, the benches and the demo share: a registry, a git remote and a forge on loopback, each over real HTTP,
//! and what is run against them.
#![allow(dead_code, reason = "each program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

pub(crate) mod answering;
pub(crate) mod asking;
pub(crate) mod bare_repository;
pub(crate) mod browser;
pub(crate) mod checkout;
pub(crate) mod directory;
pub(crate) mod discovery;
pub(crate) mod docker;
pub(crate) mod forge;
pub(crate) mod git_remote;
pub(crate) mod github_answers;
pub(crate) mod github_app;
pub(crate) mod github_git;
pub(crate) mod github_graphql;
pub(crate) mod github_issues;
pub(crate) mod github_json;
pub(crate) mod github_pulls;
pub(crate) mod images;
pub(crate) mod mood;
pub(crate) mod openapi;
pub(crate) mod pinning;
pub(crate) mod provenance;
pub(crate) mod registry;
pub(crate) mod registry_auth;
pub(crate) mod signing;
pub(crate) mod whole;
pub(crate) mod world;
