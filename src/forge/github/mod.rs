//! GitHub, and GitHub Enterprise: pull requests over the REST API. octocrab stays inside this module.

mod address;
mod answer;
mod app;
mod client;
mod commit;
mod discover;
mod error;
mod graphql;
mod metadata;
mod pull;
mod rate_limit;
mod write_limit;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use address::{api_host_matches, repository_of};
pub(crate) use answer::GitHubAnswer;
pub use app::{App, AppConfig};
use client::{Call, GitHubClient};
pub use discover::{Listing, discover, discover_as_app};
pub(super) use error::refuses_workflows;
use error::{Deed, GitHubRefusal};
use pull::Pull;
use reqwest::Method;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, json};
use url::Url;
pub use write_limit::Pace;

use super::{
    Draft, Forge, ForgeError, Metadata, NewCommit, PullRequest, PullRequestChanges, PullRequestState,
};
use crate::pull_request::marker;

/// How many pages of a list are read: a branch with a thousand pull requests has what was declined on the last of them.
const PAGES: u32 = 10;

/// Which repository, on which GitHub, as whom.
#[derive(Clone, Debug)]
pub struct GitHubSettings {
    /// The API: `https://api.github.com`, or `https://HOST/api/v3` for GitHub Enterprise Server.
    pub base_url: String,
    /// The user or organization that owns the repository.
    pub owner: String,
    /// The repository's name, without `.git`.
    pub repository: String,
    /// A personal, an installation's or the Action's token. Without one only public repositories can be read.
    pub token: Option<SecretString>,
    /// How fast it is written to, over all repositories.
    pub pace: Arc<Pace>,
}

/// How long a run waits for GitHub.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A rate limit that asks for more than this is an error instead.
    pub longest_wait: Duration,
    /// The pause before a reading request is repeated; twice as long before the second time.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { longest_wait: Duration::from_secs(60), pause: Duration::from_secs(1) }
    }
}

/// One repository on GitHub.
pub struct GitHub {
    client: GitHubClient,
    owner: String,
    repository: String,
}

impl GitHub {
    /// Makes a client for one repository; sends nothing. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`ForgeError::Settings`] where the API's URL, the repository's name or the token cannot be used, and where a
    /// token would leave this machine unencrypted.
    pub fn new(settings: GitHubSettings) -> Result<Self, ForgeError> {
        let GitHubSettings { base_url, owner, repository, token, pace } = settings;
        if !address::is_name(&owner) || !address::is_name(&repository) {
            return Err(ForgeError::Settings(format!(
                "`{owner}/{repository}` is no GitHub repository: `owner/name` is expected"
            )));
        }
        let base = checked_base(&base_url, token.is_some())?;
        Ok(Self { client: GitHubClient::new(base, token, pace)?, owner, repository })
    }

    /// Returns this client with other waiting times.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.client.patience = patience;
        self
    }

    fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.repository)
    }

    /// Returns the path of something in the repository; `rest` is empty or starts with a slash.
    fn repository_path(&self, rest: &str) -> String {
        format!("/repos/{}/{}{rest}", self.owner, self.repository)
    }

    /// Returns the value in a successful answer.
    fn read<T: DeserializeOwned>(&self, answer: &GitHubAnswer, deed: Deed<'_>) -> Result<T, ForgeError> {
        let (repository, base) = (self.full_name(), self.client.base());
        if let Some(place) = self.client.moved_to(answer) {
            return Err(ForgeError::NotFound(format!(
                "`{repository}` is no longer at `{base}`, which points to `{place}`: write the repository's new address \
                 into the configuration"
            )));
        }
        if !answer.status.is_success() {
            return Err(GitHubRefusal::read(answer).explain(deed, &repository, &self.client));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            let error = self.client.quote(&error.to_string());
            ForgeError::InvalidAnswer(format!(
                "the forge at `{base}` answered something else than GitHub does for `{repository}` ({error}): check \
                 `base-url`"
            ))
        })
    }

    async fn send<T: DeserializeOwned>(&self, call: Call, deed: Deed<'_>) -> Result<T, ForgeError> {
        self.read(&self.client.send(&call).await?, deed)
    }

    async fn get<T: DeserializeOwned>(&self, path: String, deed: Deed<'_>) -> Result<T, ForgeError> {
        self.send(Call::new(Method::GET, path, None), deed).await
    }

    async fn post(&self, draft: &Draft) -> Result<PullRequest, ForgeError> {
        let Draft { head, base, title, body, commit: _, dress } = draft;
        let mut body = json!({ "head": head, "base": base, "title": title, "body": body });
        if dress.draft {
            body["draft"] = true.into();
        }
        let call = Call::new(Method::POST, self.repository_path("/pulls"), Some(body));
        let answer = self.client.send(&call).await?;
        if GitHubRefusal::read(&answer).says("a pull request already exists")
            && let Some(existing) = self.open_one(draft).await?
        {
            return Ok(existing);
        }
        self.read::<Pull>(&answer, Deed::Create(draft)).map(PullRequest::from)
    }

    /// Returns the open pull request that `draft` is for, looked up again.
    async fn open_one(&self, draft: &Draft) -> Result<Option<PullRequest>, ForgeError> {
        Ok(draft.current(&self.history(&draft.head).await?).cloned())
    }
}

impl Forge for GitHub {
    async fn history(&self, branch: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("head", &format!("{}:{branch}", self.owner))
                .extend_pairs([("state", "all"), ("sort", "created"), ("direction", "desc")])
                .extend_pairs([("per_page", "100"), ("page", page.to_string().as_str())])
                .finish();
            let call = Call::new(Method::GET, self.repository_path(&format!("/pulls?{query}")), None);
            let answer = self.client.send(&call).await?;
            let pulls = self.read::<Vec<Pull>>(&answer, Deed::Find)?;
            let ours = pulls.into_iter().filter(|pull| pull.is_ours(&self.full_name(), branch));
            found.extend(ours.map(PullRequest::from));
            if !client::has_next_page(&answer.headers) {
                break;
            }
        }
        Ok(found)
    }

    async fn own<'p>(&self, pulls: &'p [PullRequest]) -> Result<Vec<&'p PullRequest>, ForgeError> {
        let says_something =
            |pull: &&PullRequest| pull.state != PullRequestState::Open && marker::read(&pull.body).is_some();
        let pulls: Vec<_> = pulls.iter().filter(says_something).collect();
        // Only a no has consequences: without one nobody is asked who we are.
        if pulls.iter().all(|pull| pull.state != PullRequestState::Closed) {
            return Ok(Vec::new());
        }
        let login = self.login().await?;
        let is_ours = |pull: &&PullRequest| graphql::without_bot(&pull.author).eq_ignore_ascii_case(&login);
        Ok(pulls.into_iter().filter(is_ours).collect())
    }

    async fn create(&self, draft: &Draft) -> Result<PullRequest, ForgeError> {
        match self.post(draft).await {
            // The request may have arrived although its answer did not: asking is safe, repeating is not.
            Err(error @ (ForgeError::Unavailable(_) | ForgeError::InvalidAnswer(_))) => {
                self.open_one(draft).await.ok().flatten().ok_or(error)
            }
            result => result,
        }
    }

    async fn update(&self, number: u64, changes: &PullRequestChanges<'_>) -> Result<PullRequest, ForgeError> {
        let state = changes.close.then_some("closed");
        let fields =
            [("title", changes.title), ("body", changes.body), ("base", changes.base), ("state", state)];
        let body = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.into())))
            .collect::<Map<_, _>>();
        let path = self.repository_path(&format!("/pulls/{number}"));
        let call = Call::new(Method::PATCH, path, Some(body.into()));
        self.send::<Pull>(call, Deed::Update(number)).await.map(PullRequest::from)
    }

    async fn dress(&self, pull: &PullRequest, dress: &Metadata) -> Result<Vec<String>, ForgeError> {
        self.add_dress(pull, dress).await
    }

    async fn remove_label(&self, number: u64, label: &str) -> Result<(), ForgeError> {
        let label = percent_encoding::utf8_percent_encode(label, percent_encoding::NON_ALPHANUMERIC);
        let path = self.repository_path(&format!("/issues/{number}/labels/{label}"));
        let call = Call { repeats: true, ..Call::new(Method::DELETE, path, None) };
        match self.send::<serde_json::Value>(call, Deed::Update(number)).await {
            Ok(_) | Err(ForgeError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn commit(&self, commit: &NewCommit) -> Result<String, ForgeError> {
        self.make_commit(commit).await
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitHub({} at {})", self.full_name(), self.client.base())
    }
}

/// Returns the API's URL without a slash at its end, where a request can be sent to it safely.
fn checked_base(base_url: &str, with_token: bool) -> Result<String, ForgeError> {
    let refused =
        |why: &str| Err(ForgeError::Settings(format!("cannot use the `base-url` of the forge: {why}")));
    let Ok(url) = Url::parse(base_url) else {
        return refused("it is no URL, `https://api.github.com` is one");
    };
    // From here on the URL is not shown before it is known to hold no password.
    if !url.username().is_empty() || url.password().is_some() {
        return refused("it holds a user name or password, set TAGPIN_GITHUB_TOKEN instead");
    }
    if !matches!(url.scheme(), "https" | "http") || url.query().is_some() || url.fragment().is_some() {
        return refused("it must start with `https://` and have neither `?` nor `#`");
    }
    match url.host_str() {
        Some("github.com" | "www.github.com") => refused("GitHub's API is at `https://api.github.com`"),
        Some(_) if url.scheme() == "http" && with_token && !address::is_loopback(&url) => {
            refused("with `http://` the token would be sent unencrypted, use `https://`")
        }
        _ => Ok(url.as_str().trim_end_matches('/').to_owned()),
    }
}
