//! From the file as it is written to checked values. Every problem is collected; nothing stops at the first.

mod annotations;
mod checker;
mod configuration;
mod environment;
mod forge;
mod hold;
mod ledger;
mod network;
mod policy;
mod provenance;
mod pull_request;
mod registry;
mod rules;
mod run;

pub(super) use checker::Checker;
pub(super) use configuration::check;
pub(super) use environment::PROMOTED_BY;
pub(super) use forge::COMMITS;
pub(super) use ledger::UNKNOWN_AGES;
pub(super) use policy::{LEVELS, SPLIT_FIELDS, STYLES};
pub(super) use pull_request::{DETAILS, GROUPS, MERGES};
pub(super) use registry::PULLS;
