//! One repository from clone to pull request.

mod branches;
mod cache_file;
mod clone;
mod commit;
mod context;
mod credentials;
mod details_cache;
mod inventory_cache;
mod ledger;
mod own_file;
mod pin;
mod promotions;
mod propose;
mod pull_requests;
mod request;
mod wanted_changes;

pub use pin::repository;
pub use request::run_request;
