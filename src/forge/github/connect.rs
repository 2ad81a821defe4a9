//! From the configuration to one repository on GitHub.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::{App, GitHub, GitHubSettings, api_host_matches, discover, discover_as_app, repository_of};
use crate::forge::{Connection, Failure, ForgeError, Listing, OpenForge, Owner, Problem};

/// How the tokens of Apps and Actions start ("About authentication": installation access token). What is made over the API
/// with them, GitHub signs.
const INSTALLATION: &str = "ghs_";

pub(in crate::forge) async fn open(
    connection: &Connection<'_>,
    url: &str,
) -> Result<OpenForge<GitHub>, ForgeError> {
    let mut settings = settings(connection, url)?;
    if let Some(app) = connection.app {
        settings.token = Some(App::of(app, connection.lookup)?.token(&settings).await?);
    }
    let token = settings.token.clone();
    let signs_commits = token.as_ref().is_some_and(|token| token.expose_secret().starts_with(INSTALLATION));
    Ok(OpenForge { forge: GitHub::new(settings)?, token, signs_commits })
}

pub(in crate::forge) async fn discover_with(
    connection: &Connection<'_>,
    owner: &Owner,
) -> Result<Listing, ForgeError> {
    match connection.app {
        Some(app) => discover_as_app(connection.base_url, &App::of(app, connection.lookup)?, owner).await,
        None => discover(connection.base_url, connection.token.clone(), owner).await,
    }
}

fn settings(connection: &Connection<'_>, url: &str) -> Result<GitHubSettings, ForgeError> {
    let base_url = connection.base_url;
    // The token goes to the forge's own host only.
    let on_forge = api_host_matches(base_url, url);
    let Some((owner, repository)) = repository_of(url).filter(|_| on_forge) else {
        let base = base_url.trim_end_matches('/');
        let problem = Problem::Other(format!("`{url}` is not a repository of the GitHub at `{base}`"));
        return Err(ForgeError::Settings(Failure::new(base, problem).advise(
            "write `https://HOST/OWNER/NAME`, set `base-url` in [forge] to the API of your GitHub Enterprise, or set \
             `kind = \"none\"` there to push a branch without a pull request",
        )));
    };
    Ok(GitHubSettings {
        base_url: base_url.to_owned(),
        owner,
        repository,
        token: connection.token.clone(),
        writes: Arc::clone(&connection.writes),
    })
}
