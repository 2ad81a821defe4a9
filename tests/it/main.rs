//! Everything that is tested from outside the library and needs nothing but this repository.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod action;
mod architecture;
mod bad_input;
mod bounds;
mod cases;
mod catalogue;
mod catalogue_fields;
mod change_control;
mod check;
mod check_online;
mod cli;
mod config;
mod deploy;
mod explain;
mod first_steps;
mod forge;
mod gate;
mod gate_base;
mod git;
mod git_transport;
mod hostile;
mod known_good;
mod kustomize;
mod ledger;
mod levels;
mod list_unknown;
mod live;
mod modules;
mod outputs;
mod properties;
mod provenance;
mod pull_request_body;
mod registry;
mod rendered;
mod run;
mod told;
mod tree;
mod variants;
mod verbs;

#[path = "../support/mod.rs"]
mod support;
