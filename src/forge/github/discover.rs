//! The repositories of an organization, a user or an App's installation (REST API, "Repositories" and "GitHub Apps").

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::app::{Installation, InstallationToken};
use super::client::{self, Call, GitHubClient};
use super::settings::API;
use super::{App, GitHubAnswer, address, checked_base};
use crate::forge::{Attempt, Failure, ForgeError, ForgeRepository, Listing, Owner, Problem, WriteLimit};

/// How many repositories one page has: GitHub's most.
const PER_PAGE: usize = 100;

const PAGES: usize = 200;

const INSTALLATION: &str = "/installation/repositories?";

#[derive(Deserialize)]
struct ListedRepository {
    full_name: String,
    clone_url: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    fork: bool,
    /// Old GitHub Enterprise leaves them out.
    #[serde(default)]
    topics: Vec<String>,
}

/// `/installation/repositories` wraps the list.
#[derive(Deserialize)]
#[serde(untagged)]
enum RepositoryPage {
    List(Vec<ListedRepository>),
    Wrapped { repositories: Vec<ListedRepository> },
}

/// Lists the repositories of `owner` at the API at `base_url`, with every page. Must be called inside a tokio runtime.
///
/// # Errors
/// The API's address or the token cannot be used, or the forge refuses or does not answer.
pub async fn discover(
    base_url: &str,
    token: Option<SecretString>,
    owner: &Owner,
) -> Result<Listing, ForgeError> {
    let path = match owner {
        Owner::Organization(name) => format!("/orgs/{name}/repos?type=all&"),
        Owner::User(name) => format!("/users/{name}/repos?type=owner&"),
        Owner::Installation => INSTALLATION.to_owned(),
    };
    let mut listing = Listing::default();
    read_all(&mut listing, base_url, token, &path, owner).await?;
    Ok(listing)
}

/// Lists the repositories of `owner` that an App may touch: those of each of its installations there. Must be called inside
/// a tokio runtime.
///
/// # Errors
/// Those of [`discover`], or the App is not installed there, or its key is wrong.
pub async fn discover_as_app(base_url: &str, app: &App, owner: &Owner) -> Result<Listing, ForgeError> {
    let jwt = app.sign(jiff::Timestamp::now().as_second())?;
    let client =
        GitHubClient::new(checked_base(base_url, true)?, Some(jwt), Arc::new(WriteLimit::default()))?;
    let mut listing = Listing::default();
    for installation in installations(&client, app, owner).await? {
        let call = InstallationToken::call(installation, json!({ "permissions": { "metadata": "read" } }));
        let InstallationToken { token } = of_app(&client, &client.send(&call).await?, app, owner)?;
        read_all(&mut listing, base_url, Some(token.into()), INSTALLATION, owner).await?;
    }
    Ok(listing)
}

async fn installations(client: &GitHubClient, app: &App, owner: &Owner) -> Result<Vec<u64>, ForgeError> {
    let path = match owner {
        Owner::Organization(name) => format!("/orgs/{name}/installation"),
        Owner::User(name) => format!("/users/{name}/installation"),
        Owner::Installation => {
            let mut ids = Vec::new();
            for page in 1..=PAGES {
                let path = format!("/app/installations?per_page={PER_PAGE}&page={page}");
                let answer = client.send(&Call::new(Method::GET, path, None)).await?;
                let found: Vec<Installation> = of_app(client, &answer, app, owner)?;
                ids.extend(found.into_iter().map(|installation| installation.id));
                if !client::has_next_page(&answer.headers) {
                    return Ok(ids);
                }
            }
            let problem =
                format!("the GitHub App `{}` has more than {} installations", app.id, PAGES * PER_PAGE);
            let failure = client.failure(Problem::Other(problem));
            return Err(ForgeError::InvalidAnswer(failure.advise("name an `organization` or a `user`")));
        }
    };
    let answer = client.send(&Call::new(Method::GET, path, None)).await?;
    let Installation { id, .. } = of_app(client, &answer, app, owner)?;
    Ok(vec![id])
}

fn of_app<T: DeserializeOwned>(
    client: &GitHubClient,
    answer: &GitHubAnswer,
    app: &App,
    owner: &Owner,
) -> Result<T, ForgeError> {
    let (id, base, status) = (&app.id, client.base(), answer.status.as_u16());
    let failure = |problem: String| {
        let said = client.quote(&answer.message());
        client.failure(Problem::Other(problem)).quote(said).with_status(status)
    };
    match answer.status {
        StatusCode::NOT_FOUND => Err(ForgeError::NotFound(
            failure(format!("the GitHub App `{id}` is not installed for {owner}"))
                .advise("install it there, or check its id"),
        )),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ForgeError::Unauthorized(
            failure(format!("the forge at `{base}` does not accept the GitHub App `{id}`"))
                .advise("check its id and its private key"),
        )),
        answered if !answered.is_success() => Err(ForgeError::InvalidAnswer(
            failure(format!("the forge at `{base}` answered the GitHub App `{id}` {status}"))
                .advise("check `base-url`"),
        )),
        _ => serde_json::from_slice(&answer.body).map_err(|_other| {
            let failure = client.failure(Problem::OtherApi(API)).with_status(status);
            ForgeError::InvalidAnswer(failure.advise("check `base-url`"))
        }),
    }
}

async fn read_all(
    listing: &mut Listing,
    base_url: &str,
    token: Option<SecretString>,
    path: &str,
    owner: &Owner,
) -> Result<(), ForgeError> {
    let base = checked_base(base_url, token.is_some())?;
    let client = GitHubClient::new(base, token, Arc::new(WriteLimit::default()))?;
    for page in 1..=PAGES {
        let call = Call::new(Method::GET, format!("{path}per_page={PER_PAGE}&page={page}"), None);
        let answer = client.send(&call).await?;
        for repository in read(&client, &answer, owner)? {
            add(listing, base_url, repository);
        }
        if !client::has_next_page(&answer.headers) {
            return Ok(());
        }
    }
    let (base, most) = (client.base(), PAGES * PER_PAGE);
    let problem = format!("the forge at `{base}` lists more than {most} repositories for {owner}");
    let failure = client.failure(Problem::Other(problem));
    Err(ForgeError::InvalidAnswer(failure.advise("list those that are meant with [[repository]]")))
}

/// Adds a repository whose address is the forge's own: a token goes there.
fn add(listing: &mut Listing, base_url: &str, repository: ListedRepository) {
    let ListedRepository { full_name, clone_url, archived, disabled, fork, topics } = repository;
    let named = address::repository_of(&clone_url).map(|(owner, name)| format!("{owner}/{name}"));
    if !address::api_host_matches(base_url, &clone_url) || named.as_ref() != Some(&full_name) {
        listing.refused.push(format!(
            "the forge lists `{full_name}` with an address that is not its own, which is not used: check `base-url`"
        ));
        return;
    }
    let archived = archived || disabled;
    listing.repositories.push(ForgeRepository { name: full_name, url: clone_url, archived, fork, topics });
}

fn read(
    client: &GitHubClient,
    answer: &GitHubAnswer,
    owner: &Owner,
) -> Result<Vec<ListedRepository>, ForgeError> {
    let (base, status) = (client.base(), answer.status.as_u16());
    let unsaid = |problem: Problem| {
        client.failure(problem).while_trying(&Attempt::List(owner.clone())).with_status(status)
    };
    let failure =
        |problem: Problem| -> Box<Failure> { unsaid(problem).quote(client.quote(&answer.message())) };
    let refuses = || Problem::Other(format!("the forge at `{base}` refuses"));
    match answer.status {
        StatusCode::UNAUTHORIZED => Err(ForgeError::Unauthorized(
            failure(Problem::TokenRefused).advise("set another one in TAGPIN_GITHUB_TOKEN"),
        )),
        StatusCode::FORBIDDEN if *owner == Owner::Installation => Err(ForgeError::Forbidden(
            failure(refuses()).advise("`installation = true` takes the token of an App's installation"),
        )),
        StatusCode::FORBIDDEN => {
            Err(ForgeError::Forbidden(failure(refuses()).advise("the token needs `metadata: read` there")))
        }
        StatusCode::NOT_FOUND => {
            let problem =
                format!("the forge at `{base}` knows nobody of that name, or hides it from this token");
            Err(ForgeError::NotFound(
                unsaid(Problem::Other(problem))
                    .advise("check the name, and whether it is an `organization` or a `user`"),
            ))
        }
        answered if !answered.is_success() => {
            Err(ForgeError::InvalidAnswer(failure(Problem::Status(status)).advise("check `base-url`")))
        }
        _ => match serde_json::from_slice(&answer.body) {
            Ok(RepositoryPage::List(repositories) | RepositoryPage::Wrapped { repositories }) => {
                Ok(repositories)
            }
            Err(_untagged) => {
                Err(ForgeError::InvalidAnswer(unsaid(Problem::OtherApi(API)).advise("check `base-url`")))
            }
        },
    }
}
