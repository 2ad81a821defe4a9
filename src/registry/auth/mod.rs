//! Which `Authorization` a request carries: credentials, challenges and tokens.

mod authenticator;
mod authorization;
mod challenge;
mod credential;
mod credential_helper;
mod credential_paths;
mod credential_source;
mod credentials;
mod docker_config;
mod token;

pub(crate) use authenticator::Authenticator;
pub(crate) use authorization::Authorization;
pub use credential_paths::CredentialPaths;
pub use credentials::{Credentials, HELPER_TIMEOUT};
