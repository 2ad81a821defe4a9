//! What the tests and the demo share: a registry, a git remote and a forge on loopback, each over real HTTP.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod asking;
pub(crate) mod mood;
pub(crate) mod registry;
