//! tagpin finds every container image that a repository names by a tag, asks the registry what the tag is now, and
//! writes the digest into the file without touching any other byte.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod atomic_file;
pub mod check;
pub mod commands;
pub mod config;
pub mod duration;
pub mod forge;
pub mod history;
pub mod http;
pub mod live;
pub mod manifest;
pub(crate) mod markdown;
pub(crate) mod parallel;
pub mod plan;
pub mod platform;
pub mod policy;
pub mod pull_request;
pub mod reference;
pub mod registry;
pub mod report;
pub mod repository_budget;
pub mod run;
pub mod source;
pub mod text;
