//! Which credentials and which forge a repository gets.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use crate::config::{Commits, ForgeKind, RepositoryConfig};
use crate::forge::github::{App, GitHub, GitHubSettings, api_host_matches, repository_of};
use crate::run::{RunContext, RunError};
use crate::source::git::{BasicAuth, Remote};

/// How the tokens of Apps and Actions start (GitHub's "About authentication": installation access token). What is made over
/// the API with them, GitHub signs.
const INSTALLATION: &str = "ghs_";

/// One repository's way in.
pub(crate) struct Access {
    /// The forge; `None` where only a branch is pushed.
    pub(crate) forge: Option<GitHub>,
    pub(crate) remote: Remote,
    /// Whether the forge makes the commits.
    pub(crate) forge_commits: bool,
}

impl Access {
    /// Returns the way in to `target`. With a GitHub App, a token for this repository alone is fetched.
    pub(crate) async fn new<R>(
        context: &RunContext<'_, R>,
        target: &RepositoryConfig,
    ) -> Result<Self, RunError> {
        let settings = settings(context, target)?;
        let own = match &target.token_env {
            Some(name) => (context.lookup)(name).map(BasicAuth::token),
            None => settings.as_ref().and_then(|settings| settings.token.clone()).map(BasicAuth::token),
        };
        let mut auth = own;
        let mut settings = settings;
        if let (Some(settings), Some(app)) = (&mut settings, &context.config.forge.app) {
            let token = App::of(app, context.lookup)?.token(settings).await?;
            settings.token = Some(token.clone());
            if target.token_env.is_none() {
                auth = Some(BasicAuth::token(token));
            }
        }
        let signed = |settings: &GitHubSettings| {
            settings.token.as_ref().is_some_and(|token| token.expose_secret().starts_with(INSTALLATION))
        };
        let forge_commits = match context.config.forge.commits {
            Commits::Git => false,
            Commits::Api => settings.is_some(),
            Commits::Auto => settings.as_ref().is_some_and(signed),
        };
        let forge = settings.map(GitHub::new).transpose()?;
        Ok(Self { forge, remote: Remote::new(&target.url, auth)?, forge_commits })
    }
}

/// Returns where and as whom the forge is asked; `None` where it is not.
fn settings<R>(
    context: &RunContext<'_, R>,
    target: &RepositoryConfig,
) -> Result<Option<GitHubSettings>, RunError> {
    let forge = &context.config.forge;
    if forge.kind == ForgeKind::None {
        return Ok(None);
    }
    let base_url = forge.base_url.as_str();
    // The token goes to the forge's own host only.
    let on_forge = api_host_matches(base_url, &target.url);
    let Some((owner, repository)) = repository_of(&target.url).filter(|_| on_forge) else {
        return Err(RunError::NotOnForge {
            url: target.url.clone(),
            base_url: base_url.trim_end_matches('/').to_owned(),
        });
    };
    Ok(Some(GitHubSettings {
        base_url: base_url.to_owned(),
        owner,
        repository,
        token: context.token.clone(),
        pace: Arc::clone(&context.session.pace),
    }))
}
