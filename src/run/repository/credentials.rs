//! Which credentials and which forge a repository gets.

use std::sync::Arc;

use crate::config::{Commits, RepositoryConfig};
use crate::forge::{AnyForge, Connection};
use crate::run::{RunContext, RunError};
use crate::source::git::{BasicAuth, Remote};

/// One repository's way in.
pub(crate) struct Access {
    /// The forge; `None` where only a branch is pushed.
    pub(crate) forge: Option<AnyForge>,
    pub(crate) remote: Remote,
    /// Whether the forge makes the commits.
    pub(crate) forge_commits: bool,
}

impl Access {
    /// Returns the way in to `target`. With an App, a token for this repository alone is fetched.
    pub(crate) async fn new<R>(
        context: &RunContext<'_, R>,
        target: &RepositoryConfig,
    ) -> Result<Self, RunError> {
        let settings = &context.config.forge;
        let connection = Connection {
            base_url: settings.base_url.as_str(),
            token: context.token.clone(),
            app: settings.app.as_ref(),
            lookup: context.lookup,
            writes: Arc::clone(&context.session.writes),
        };
        let opened = settings.kind.open(&connection, &target.url).await?;
        let secret = match &target.token_env {
            Some(name) => (context.lookup)(name),
            None => opened.as_ref().and_then(|opened| opened.token.clone()),
        };
        let git_user = settings.kind.profile().git_user;
        let auth = secret.map(|secret| BasicAuth { username: git_user.to_owned(), secret });
        let forge_commits = match settings.commits {
            Commits::Git => false,
            Commits::Api => opened.is_some(),
            Commits::Auto => opened.as_ref().is_some_and(|opened| opened.signs_commits),
        };
        let forge = opened.map(|opened| opened.forge);
        Ok(Self { forge, remote: Remote::new(&target.url, auth)?, forge_commits })
    }
}
