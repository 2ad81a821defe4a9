//! Where repositories live and pull requests open. What is particular to one forge stands in its folder, which ones there are
//! in `kind.rs`.

mod adapter;
mod address;
mod any;
mod capabilities;
mod ci;
mod commit;
mod connection;
mod error;
pub mod github;
mod kind;
mod profile;
mod pull_request;
mod repository;
mod write_limit;

pub use adapter::Forge;
pub use address::ForgePath;
pub use any::AnyForge;
pub use capabilities::{Capabilities, Drafts, Labels, MarkdownDialect};
pub use ci::CiRepository;
pub use commit::{NewCommit, NewFile};
pub use connection::{AppConfig, Connection, OpenForge, SecretLookup};
pub use error::{Attempt, Failure, ForgeError, Problem};
pub use kind::{ForgeKind, ci_repository, is_workflow, refuses_workflows, token_prefixes};
pub use profile::ForgeProfile;
pub use pull_request::{
    Account, Draft, MergeMethod, Metadata, PullRequest, PullRequestChanges, PullRequestState, Withdrawn,
};
pub use repository::{ForgeRepository, Listing, Owner};
pub(crate) use repository::{plain_address, same_repository};
pub use write_limit::WriteLimit;
