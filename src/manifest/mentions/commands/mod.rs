//! What commands in texts run, set, look at and deploy.

mod addresses;
mod files;
mod images;
pub(super) mod programs;
mod script;
mod settings;
mod words;

pub(super) use addresses::applied;
pub(super) use files::{
    BELOW, LENGTH_MAX, LENGTH_MIN, NamedFiles, below, files, is_version, may_deploy, paths_in,
};
pub(super) use images::{EngineImage, ImageUse, is_run, made, run, uses};
pub(super) use script::{Script, runs_by_name};
pub(super) use settings::sets;
pub(super) use words::{commands, of_line, squeezed};
