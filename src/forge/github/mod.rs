//! GitHub, and GitHub Enterprise: pull requests over the REST API. octocrab stays inside this module.

mod address;
mod client;
mod discover;
mod limits;
mod refusal;

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, json};
use url::Url;

pub use address::{api_host_matches, repository_of};
use client::{Answer, Call, Client};
pub use discover::{Listing, discover};
use refusal::{Deed, Refusal};

use super::{Changes, Draft, Forge, ForgeError, PullRequest, PullRequestState};
use crate::pull_request::marker;

/// How many pages of pull requests are read. GitHub filters by head, so one is enough there.
const PAGES: u32 = 10;

/// How many closed pull requests are looked at: only a fork of the same owner could stand before tagpin's last one.
const CLOSED: &str = "10";

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
    client: Client,
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
        let GitHubSettings { base_url, owner, repository, token } = settings;
        if !address::is_name(&owner) || !address::is_name(&repository) {
            return Err(ForgeError::Settings(format!(
                "`{owner}/{repository}` is no GitHub repository: `owner/name` is expected"
            )));
        }
        let base = checked_base(&base_url, token.is_some())?;
        Ok(Self { client: Client::new(base, token)?, owner, repository })
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

    fn pulls(&self) -> String {
        format!("/repos/{}/{}/pulls", self.owner, self.repository)
    }

    /// Returns the value in a successful answer.
    fn read<T: DeserializeOwned>(&self, answer: &Answer, deed: Deed<'_>) -> Result<T, ForgeError> {
        let (repository, base) = (self.full_name(), self.client.base());
        if let Some(place) = self.client.moved_to(answer) {
            return Err(ForgeError::NotFound(format!(
                "`{repository}` is no longer at `{base}`, which points to `{place}`: write the repository's new address \
                 into the configuration"
            )));
        }
        if !answer.status.is_success() {
            return Err(Refusal::read(answer).explain(deed, &repository, &self.client));
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

    /// Returns a page of the pull requests from the branch `head` of the repository itself, and whether more follow.
    async fn list(&self, head: &str, query: &[(&str, &str)]) -> Result<(Vec<PullRequest>, bool), ForgeError> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("head", &format!("{}:{head}", self.owner))
            .extend_pairs(query)
            .finish();
        let call = Call { method: Method::GET, path: format!("{}?{query}", self.pulls()), body: None };
        let answer = self.client.send(&call).await?;
        let pulls = self.read::<Vec<Pull>>(&answer, Deed::Find)?;
        let ours = pulls.into_iter().filter(|pull| pull.is_ours(&self.full_name(), head));
        Ok((ours.map(PullRequest::from).collect(), client::has_next_page(&answer.headers)))
    }

    async fn post(&self, draft: &Draft) -> Result<PullRequest, ForgeError> {
        let Draft { head, base, title, body, commit: _ } = draft;
        let body = json!({ "head": head, "base": base, "title": title, "body": body });
        let call = Call { method: Method::POST, path: self.pulls(), body: Some(body) };
        let answer = self.client.send(&call).await?;
        if Refusal::read(&answer).says("a pull request already exists")
            && let Some(existing) = self.find(draft).await?
        {
            return Ok(existing);
        }
        self.read::<Pull>(&answer, Deed::Create(draft)).map(PullRequest::from)
    }
}

impl Forge for GitHub {
    async fn find(&self, draft: &Draft) -> Result<Option<PullRequest>, ForgeError> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [("state", "open"), ("per_page", "100"), ("page", page.as_str())];
            let (pulls, has_next_page) = self.list(&draft.head, &query).await?;
            found.extend(pulls.into_iter().filter(|pull| draft.may_write(pull)));
            if !has_next_page {
                break;
            }
        }
        // A branch can have one pull request for each base. The one with the marker is tagpin's own, and came first.
        Ok(found.into_iter().min_by_key(|pull| (marker::read(&pull.body).is_none(), pull.number)))
    }

    async fn find_closed(&self, draft: &Draft) -> Result<Option<PullRequest>, ForgeError> {
        let query = [("state", "closed"), ("sort", "created"), ("direction", "desc"), ("per_page", CLOSED)];
        let (pulls, _) = self.list(&draft.head, &query).await?;
        let own = |pull: &PullRequest| pull.base == draft.base && marker::read(&pull.body).is_some();
        Ok(pulls.into_iter().find(own))
    }

    async fn create(&self, draft: &Draft) -> Result<PullRequest, ForgeError> {
        match self.post(draft).await {
            // The request may have arrived although its answer did not: asking is safe, repeating is not.
            Err(error @ (ForgeError::Unavailable(_) | ForgeError::InvalidAnswer(_))) => {
                self.find(draft).await.ok().flatten().ok_or(error)
            }
            result => result,
        }
    }

    async fn update(&self, number: u64, changes: &Changes<'_>) -> Result<PullRequest, ForgeError> {
        let fields = [("title", changes.title), ("body", changes.body), ("base", changes.base)];
        let body = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.into())))
            .collect::<Map<_, _>>();
        let path = format!("{}/{number}", self.pulls());
        let call = Call { method: Method::PATCH, path, body: Some(body.into()) };
        self.send::<Pull>(call, Deed::Update(number)).await.map(PullRequest::from)
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

/// What of GitHub's answer is used. octocrab's own model demands fields that old GitHub Enterprise leaves out.
#[derive(Deserialize)]
struct Pull {
    number: u64,
    html_url: String,
    title: String,
    body: Option<String>,
    state: String,
    merged_at: Option<String>,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    /// `None` for a fork that was deleted.
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

impl Pull {
    /// Tells whether the branch `head` of the repository itself is proposed: a fork may have one of the same name.
    fn is_ours(&self, full_name: &str, head: &str) -> bool {
        let repository = self.head.repo.as_ref().map(|repository| repository.full_name.as_str());
        self.head.branch == head && repository.is_some_and(|name| name.eq_ignore_ascii_case(full_name))
    }
}

impl From<Pull> for PullRequest {
    fn from(pull: Pull) -> Self {
        let state = match (pull.state.as_str(), pull.merged_at) {
            ("open", _) => PullRequestState::Open,
            (_, None) => PullRequestState::Closed,
            (_, Some(_)) => PullRequestState::Merged,
        };
        Self {
            number: pull.number,
            url: pull.html_url,
            title: pull.title,
            body: pull.body.unwrap_or_default(),
            base: pull.base.branch,
            commit: pull.head.sha,
            state,
        }
    }
}
