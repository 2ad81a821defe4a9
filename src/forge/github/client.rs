//! Sends one request to GitHub, with bounded patience: what may be repeated is repeated, what must not is not.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::service::middleware::reqwest_connector::ReqwestConnector;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{GitHubAnswer, Patience, rate_limit};
use crate::forge::{Failure, ForgeError, Problem, WriteLimit};
use crate::http;

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
    octocrab: Octocrab,
    graphql: Octocrab,
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
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(unusable("the client needs a running tokio runtime"));
        }
        let mut headers = vec![
            (USER_AGENT, HeaderValue::from_static(http::USER_AGENT)),
            (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
        ];
        if let Some(token) = &token {
            headers.push((
                AUTHORIZATION,
                authorization(token)
                    .ok_or_else(|| unusable("the token is empty or has white space in it"))?,
            ));
        }
        // A redirect is followed nowhere: a token would have to go with it.
        let transport = http::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| unusable(&root_cause(&error)))?;
        let headers = Arc::new(headers);
        // The same stack that `build_with_reqwest` makes, but with our own name in `user-agent`, a token that is
        // checked before it becomes a header, and no log line at error level for an answer that is asked for again.
        let built = |base: &str| {
            let base_uri = base.parse().map_err(|_invalid| unusable("it is not a URL"))?;
            let built = OctocrabBuilder::new_empty()
                .with_service(ReqwestConnector::new(transport.clone()))
                .with_layer(&ExtraHeadersLayer::new(Arc::clone(&headers)))
                .with_layer(&BaseUriLayer::new(base_uri))
                .with_auth(AuthState::None)
                .build();
            Ok(built.unwrap_or_else(|never| match never {}))
        };
        // GitHub Enterprise Server has GraphQL beside `/api/v3`, github.com below its base.
        let graphql = built(base.strip_suffix("/v3").unwrap_or(&base))?;
        Ok(Self { octocrab: built(&base)?, graphql, writes, base, token, patience: Patience::default() })
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
        if call.method == Method::GET {
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
        let (octocrab, path) = match call.api {
            Api::Rest => (&self.octocrab, call.path.as_str()),
            Api::GraphQl => (&self.graphql, "/graphql"),
        };
        let response = match call.method {
            Method::POST => octocrab._post(path, call.body.as_ref()).await,
            Method::PATCH => octocrab._patch(path, call.body.as_ref()).await,
            Method::DELETE => octocrab._delete(path, call.body.as_ref()).await,
            _ => octocrab._get(path).await,
        };
        let (parts, body) = response.map_err(|error| self.no_answer(&root_cause(&error)))?.into_parts();
        match Limited::new(body, ANSWER_MAX).collect().await {
            Ok(body) => Ok(GitHubAnswer {
                status: parts.status,
                headers: parts.headers,
                body: body.to_bytes().to_vec(),
            }),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                let failure = self.failure(Problem::TooLarge(ANSWER_MAX >> 20));
                Err(ForgeError::InvalidAnswer(failure.advise("check `base-url`")))
            }
            Err(error) => Err(self.no_answer(&root_cause(error.as_ref()))),
        }
    }

    fn limit(&self, answer: &GitHubAnswer) -> Option<Duration> {
        let message = answer.message();
        rate_limit::wait(answer.status, &answer.headers, &message, jiff::Timestamp::now().as_second())
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

/// Returns the innermost cause: the outer ones repeat each other, and say nothing that a user knows.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Returns whether the answer has a further page (RFC 8288 `Link` with `rel="next"`).
pub(super) fn has_next_page(headers: &HeaderMap) -> bool {
    let link = HeaderName::from_static("link");
    headers.get_all(link).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("rel=\"next\"")))
}
