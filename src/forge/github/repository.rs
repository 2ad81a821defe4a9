//! One repository on GitHub, and what is read of its answers.

use std::fmt;

use reqwest::Method;
use serde::de::DeserializeOwned;

use super::client::{Call, GitHubClient};
use super::error::GitHubRefusal;
use super::settings::{API, checked_base};
use super::{GitHubAnswer, GitHubSettings, Patience, address};
use crate::forge::{Attempt, Failure, ForgeError, Problem};

/// One repository on GitHub.
pub struct GitHub {
    pub(super) client: GitHubClient,
    pub(super) owner: String,
    pub(super) repository: String,
}

impl GitHub {
    /// Makes a client for one repository; sends nothing. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`ForgeError::Settings`] where the API's URL, the repository's name or the token cannot be used, and where a
    /// token would leave this machine unencrypted.
    pub fn new(settings: GitHubSettings) -> Result<Self, ForgeError> {
        let GitHubSettings { base_url, owner, repository, token, writes } = settings;
        if !address::is_name(&owner) || !address::is_name(&repository) {
            let problem = format!("`{owner}/{repository}` is not a GitHub repository");
            let failure = Failure::new(&base_url, Problem::Other(problem));
            return Err(ForgeError::Settings(failure.advise("`owner/name` is expected")));
        }
        let base = checked_base(&base_url, token.is_some())?;
        Ok(Self { client: GitHubClient::new(base, token, writes)?, owner, repository })
    }

    /// Returns this client with other waiting times.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.client.patience = patience;
        self
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.repository)
    }

    /// Returns the path of something in the repository; `rest` is empty or starts with a slash.
    pub(super) fn repository_path(&self, rest: &str) -> String {
        format!("/repos/{}/{}{rest}", self.owner, self.repository)
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        answer: &GitHubAnswer,
        attempt: &Attempt,
    ) -> Result<T, ForgeError> {
        let failure = |problem: Problem| {
            let failure = self.client.failure(problem).of_repository(self.full_name());
            failure.with_status(answer.status.as_u16())
        };
        if let Some(to) = self.client.moved_to(answer) {
            return Err(ForgeError::NotFound(
                failure(Problem::Relocated { to })
                    .advise("write the repository's new address into the configuration"),
            ));
        }
        if !answer.status.is_success() {
            return Err(GitHubRefusal::read(answer).explain(attempt, &self.full_name(), &self.client));
        }
        serde_json::from_slice(&answer.body).map_err(|error| self.other_api(&error))
    }

    /// Returns that an answer is not what the API promises.
    pub(super) fn other_api(&self, error: &serde_json::Error) -> ForgeError {
        let failure = self.client.failure(Problem::OtherApi(API)).of_repository(self.full_name());
        let failure = failure.quote(self.client.quote(&error.to_string()));
        ForgeError::InvalidAnswer(failure.advise("check `base-url`"))
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        call: Call,
        attempt: &Attempt,
    ) -> Result<T, ForgeError> {
        self.read(&self.client.send(&call).await?, attempt)
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: String,
        attempt: &Attempt,
    ) -> Result<T, ForgeError> {
        self.send(Call::new(Method::GET, path, None), attempt).await
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitHub({} at {})", self.full_name(), self.client.base())
    }
}
