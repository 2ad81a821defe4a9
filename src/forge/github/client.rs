//! Sends one request to GitHub, with bounded patience: what may be repeated is repeated, what must not is not.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{GitHubAnswer, Patience, rate_limit};
use crate::forge::{Failure, ForgeError, Problem, WriteLimit};
use crate::http::{self, root_cause};

/// The version of the REST API that is meant (<https://docs.github.com/rest/about-the-rest-api/api-versions>).
const API_VERSION: &str = "2022-11-28";

/// The largest answer that is read. A page of 100 pull requests with bodies at GitHub's limit has about 10 MB.
const ANSWER_MAX: usize = 16 << 20;

/// How long one answer may take in all, however slowly it drips.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// How many pages of a list are read before it counts as endless.
pub(super) const PAGES: u32 = 100;

/// How often one request is repeated, for each of the two causes: no good answer, and a rate limit.
const REPEATS: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Rest,
    /// Its path is its base.
    GraphQl,
}

/// One request, relative to the API's base.
pub(super) struct Call {
    pub(super) api: Api,
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// Whether it may be sent again where its answer got lost: the second time does nothing more.
    pub(super) repeats: bool,
}

impl Call {
    /// Returns a request to the REST API, which may be repeated if it reads.
    pub(super) fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self { api: Api::Rest, repeats: method == Method::GET, method, path, body }
    }
}

pub(super) struct GitHubClient {
    http: Client,
    writes: Arc<WriteLimit>,
    base: String,
    token: Option<SecretString>,
    pub(super) patience: Patience,
}

impl GitHubClient {
    /// Makes a client for the API at `base`, a checked URL without a slash at its end.
    pub(super) fn new(
        base: String,
        token: Option<SecretString>,
        writes: Arc<WriteLimit>,
    ) -> Result<Self, ForgeError> {
        let unusable =
            |why: &str| ForgeError::Settings(Failure::new(&base, Problem::Unusable(why.to_owned())));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers.insert("x-github-api-version", HeaderValue::from_static(API_VERSION));
        if let Some(token) = &token {
            let value = authorization(token);
            headers.insert(
                AUTHORIZATION,
                value.ok_or_else(|| unusable("the token is empty or has white space in it"))?,
            );
        }
        // A redirect is followed nowhere: a token would have to go with it.
        let http = http::builder()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| unusable(&root_cause(&error)))?;
        Ok(Self { http, writes, base, token, patience: Patience::default() })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Returns what the forge said, fit for a message: one short line, without our token.
    pub(super) fn quote(&self, said: &str) -> String {
        const LONGEST: usize = 300;
        let said = match &self.token {
            Some(token) => said.replace(token.expose_secret(), "***"),
            None => said.to_owned(),
        };
        let words = said.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ").replace('`', "'");
        match line.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }

    /// Sends `call` and returns GitHub's answer: a success or a refusal.
    ///
    /// # Errors
    /// [`ForgeError::RateLimited`] where the wait is longer than our patience, [`ForgeError::Unavailable`] for no
    /// answer and for 5xx, [`ForgeError::InvalidAnswer`] for one that is too large. A reading request was repeated
    /// before; a writing one only where a rate limit says that nothing was done.
    pub(super) async fn send(&self, call: &Call) -> Result<GitHubAnswer, ForgeError> {
        let (mut failures, mut waits) = (0, 0);
        loop {
            self.keep_pace(call).await?;
            let result = match tokio::time::timeout(ANSWER_TIMEOUT, self.once(call)).await {
                Ok(Ok(answer)) if answer.status.is_server_error() => Err(self.server_error(&answer)),
                Ok(result) => result,
                Err(_elapsed) => {
                    Err(self.no_answer(&format!("it took longer than {} s", ANSWER_TIMEOUT.as_secs())))
                }
            };
            match result {
                Err(ForgeError::Unavailable(_)) if call.repeats && failures < REPEATS => {
                    failures += 1;
                    tokio::time::sleep(self.patience.pause * failures).await;
                }
                Err(error) => return Err(error),
                Ok(answer) => match self.limit(&answer) {
                    None => return Ok(answer),
                    Some(wait) if wait <= self.patience.longest_wait && waits < REPEATS => {
                        waits += 1;
                        tracing::info!(seconds = wait.as_secs(), "waiting for GitHub's rate limit");
                        tokio::time::sleep(wait).await;
                    }
                    Some(wait) => return Err(self.rate_limited(wait, &answer)),
                },
            }
        }
    }

    async fn keep_pace(&self, call: &Call) -> Result<(), ForgeError> {
        // A query reads, although it is posted.
        if call.method == Method::GET || (call.api == Api::GraphQl && call.repeats) {
            return Ok(());
        }
        while let Err(wait) = self.writes.take(tokio::time::Instant::now()) {
            if wait > self.patience.longest_wait {
                let advice = format!("the next run goes on in {} s", wait.as_secs());
                return Err(ForgeError::RateLimited(self.failure(Problem::TooManyWrites).advise(advice)));
            }
            tracing::info!(seconds = wait.as_secs(), "writing no faster than GitHub allows");
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    async fn once(&self, call: &Call) -> Result<GitHubAnswer, ForgeError> {
        // GitHub Enterprise Server has GraphQL beside `/api/v3`, github.com below its base.
        let url = match call.api {
            Api::Rest => format!("{}{}", self.base, call.path),
            Api::GraphQl => format!("{}/graphql", self.base.strip_suffix("/v3").unwrap_or(&self.base)),
        };
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let no_answer = |error: reqwest::Error| self.no_answer(&root_cause(&error));
        let mut response = request.send().await.map_err(no_answer)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > ANSWER_MAX {
                let failure = self.failure(Problem::TooLarge(ANSWER_MAX >> 20));
                return Err(ForgeError::InvalidAnswer(failure.advise("check `base-url`")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(GitHubAnswer { status: response.status(), headers: response.headers().clone(), body })
    }

    fn limit(&self, answer: &GitHubAnswer) -> Option<Duration> {
        rate_limit::wait(
            answer.status,
            &answer.headers,
            || answer.message(),
            jiff::Timestamp::now().as_second(),
        )
    }

    fn rate_limited(&self, wait: Duration, answer: &GitHubAnswer) -> ForgeError {
        let seconds = wait.as_secs();
        let when = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| jiff::Timestamp::now().as_second().checked_add(seconds))
            .and_then(|second| jiff::Timestamp::from_second(second).ok())
            .map_or_else(String::new, |time| format!(", at {time}"));
        let said = self.quote(&answer.message());
        let failure = self.failure(Problem::TooManyRequests).quote(said).with_status(answer.status.as_u16());
        ForgeError::RateLimited(failure.advise(format!("try again in {seconds} s{when}")))
    }

    fn server_error(&self, answer: &GitHubAnswer) -> ForgeError {
        let status = answer.status.as_u16();
        let failure = self.failure(Problem::Status(status)).with_status(status);
        ForgeError::Unavailable(failure.advise("try again later, the next run goes on from here"))
    }

    fn no_answer(&self, cause: &str) -> ForgeError {
        let failure = self.failure(Problem::NoAnswer).quote(self.quote(cause));
        ForgeError::Unavailable(failure.advise("check `base-url`, the network and the proxy"))
    }

    pub(super) fn failure(&self, problem: Problem) -> Box<Failure> {
        Failure::new(&self.base, problem)
    }

    pub(super) fn moved_to(&self, answer: &GitHubAnswer) -> Option<String> {
        answer.status.is_redirection().then(|| {
            let place = answer.headers.get(LOCATION).and_then(|place| place.to_str().ok());
            self.quote(place.unwrap_or("another place"))
        })
    }
}

/// Returns the header for `token`, which no log shows; `None` where the token cannot be one.
fn authorization(token: &SecretString) -> Option<HeaderValue> {
    let token = token.expose_secret();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns whether the answer has a further page (RFC 8288 `Link` with `rel="next"`).
pub(super) fn has_next_page(headers: &HeaderMap) -> bool {
    let link = HeaderName::from_static("link");
    headers.get_all(link).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("rel=\"next\"")))
}
