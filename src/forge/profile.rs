//! What is known of a kind of forge before one is asked.

use std::time::Duration;

use super::Capabilities;

/// What is known of a kind of forge before one is asked.
#[derive(Clone, Copy, Debug)]
pub struct ForgeProfile {
    /// Where its API is, where nothing else is configured.
    pub base_url: &'static str,
    /// The address on commits, where nothing else is configured.
    pub author_email: &'static str,
    /// The environment variables with its token, first to last.
    pub token_variables: &'static [&'static str],
    /// The user name that git sends with its token.
    pub git_user: &'static str,
    /// How the tokens of such forges start, so that one is recognised where it does not belong.
    pub token_prefixes: &'static [&'static str],
    /// The directories whose files only some tokens may change.
    pub workflows: &'static str,
    /// How many writes there may be within which time.
    pub write_limits: &'static [(usize, Duration)],
    /// What it can do.
    pub capabilities: Capabilities,
}
