//! Which forges there are. A new one is its folder, a variant of [`AnyForge`] and its lines here.

use std::time::Duration;

use super::connection::{Connection, OpenForge};
use super::{AnyForge, Capabilities, ForgeError, Listing, Owner, github};

/// What is spoken at the forge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForgeKind {
    /// GitHub or GitHub Enterprise.
    #[default]
    GitHub,
    /// Nothing: the branch is pushed and no pull request opened.
    None,
}

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

/// Without a forge git hosts are spoken to as the default one is: most take any user name with a token.
const NONE: ForgeProfile = ForgeProfile { capabilities: Capabilities::NONE, ..github::PROFILE };

impl ForgeKind {
    /// Every kind, by its word in the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("github", Self::GitHub), ("none", Self::None)];

    /// Returns what is known of it.
    pub fn profile(self) -> &'static ForgeProfile {
        match self {
            Self::GitHub => &github::PROFILE,
            Self::None => &NONE,
        }
    }

    /// Does what [`Connection::open`] says.
    pub(super) async fn open(
        self,
        connection: &Connection<'_>,
        url: &str,
    ) -> Result<Option<OpenForge>, ForgeError> {
        Ok(match self {
            Self::GitHub => Some(github::open(connection, url).await?.map(AnyForge::GitHub)),
            Self::None => None,
        })
    }

    /// Does what [`Connection::discover`] says.
    pub(super) async fn discover(
        self,
        connection: &Connection<'_>,
        owner: &Owner,
    ) -> Result<Listing, ForgeError> {
        match self {
            Self::GitHub => github::discover_with(connection, owner).await,
            Self::None => Ok(Listing::default()),
        }
    }
}

/// Returns whether a remote, whichever forge is behind it, refused a push because the token may not change the workflows in
/// it. Remotes say so in words alone.
pub fn refuses_workflows(message: &str) -> bool {
    github::refuses_workflows(message)
}

/// Returns whether the file at `path` is a workflow of some forge, which only some tokens may change.
pub fn is_workflow(path: &str) -> bool {
    ForgeKind::WORDS.iter().any(|(_, kind)| path.starts_with(kind.profile().workflows))
}
