//! Variables in images, and where in the tree their values stand: the `.env` beside a Compose file, what Flux substitutes.

mod env_file;
mod settle;
mod substitutions;

pub(super) use settle::settle;
