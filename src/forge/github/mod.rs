//! GitHub, and GitHub Enterprise: pull requests over the REST API.

mod actions;
mod address;
mod answer;
mod app;
mod client;
mod commit;
mod connect;
mod discover;
mod error;
mod graphql;
mod histories;
mod metadata;
mod profile;
mod pull;
mod pulls;
mod rate_limit;
mod repository;
mod settings;

pub(super) use actions::ci_repository;
pub use address::{api_host_matches, repository_of};
pub(crate) use answer::GitHubAnswer;
pub use app::App;
pub(super) use connect::{discover_with, open};
pub use discover::{discover, discover_as_app};
pub(super) use error::refuses_workflows;
pub(super) use profile::PROFILE;
pub use repository::GitHub;
use settings::checked_base;
pub use settings::{GitHubSettings, Patience};
