//! Variables in images, and where in the tree their values stand: the `.env` beside a Compose file, what Flux substitutes.

pub(super) mod env_file;
mod given_files;
mod in_file;
mod settle;
mod substitutions;

pub(super) use in_file::{OwnVariables, is_own_variable};
pub(super) use settle::{compose_files, settle};
