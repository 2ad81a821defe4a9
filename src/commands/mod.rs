//! One file per verb: arguments in, report out, no logic.

pub mod completions;
pub mod config;
