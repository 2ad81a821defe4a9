//! One repository from clone to pull request.

pub(crate) mod branches;
pub(crate) mod clone;
pub(crate) mod commit;
pub(crate) mod credentials;
pub mod inventory_cache;
pub(crate) mod ledger;
pub(crate) mod promotions;
pub(crate) mod propose;
pub(crate) mod request;
