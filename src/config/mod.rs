//! The configuration: the file that `--config` names, and what a scanned repository may add to it.
//!
//! The order is flags, environment, the file, defaults. A repository's own file is merged by [`Config::narrowed`]
//! and can only take away.

mod check;
mod configuration;
mod diagnostic;
mod discover;
pub(crate) mod edit_holds;
mod env;
mod error;
mod file;
mod forge;
mod load;
mod mistakes;
mod public_keys;
mod pull_request;
mod raw;
mod raw_narrowing;
mod repository_file;
mod schema;
mod serve;
mod show;

pub use configuration::{Config, Network};
pub use diagnostic::Diagnostic;
pub use discover::{DiscoveredFile, NAMES, discover, discover_on_disk};
pub use env::Variables;
pub use error::ConfigError;
pub use file::SIZE_MAX;
pub(crate) use file::read;
pub use forge::{Commits, DiscoverSettings, ForgeSettings, RepositoryConfig};
pub use schema::SCHEMA;
pub use serve::{Concurrency, ServeSettings};

pub use crate::history::ledger::settings::{LEDGER_BRANCH, LedgerSettings};
