//! What commands in texts run, set, look at and deploy.

mod addresses;
mod compose_services;
mod directories;
mod files;
mod filled_commands;
mod images;
pub(super) mod programs;
mod script;
mod settings;
mod words;

pub(super) use addresses::applied;
pub(super) use compose_services::{PROFILED, activated};
pub(super) use directories::{BELOW, directory_given, directory_named, is_of_variables, is_taken};
pub(super) use files::{
    LENGTH_MAX, LENGTH_MIN, NamedFiles, files, is_version, may_deploy, paths_in, quoted_paths,
};
pub(super) use filled_commands::filled;
pub(super) use images::{EngineImage, ImageUse, is_run, made, run, uses};
pub(super) use script::{Script, runs_by_name};
pub(super) use settings::{assignments, sets};
pub(super) use words::{commands, here_documents, of_line, squeezed};
