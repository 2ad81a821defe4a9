//! One request for a manifest or a blob: challenge answered, redirects followed, body read up to a limit.

use std::time::{Duration, Instant};

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use oci_distribution::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LINK,
    LOCATION,
};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::index_store::IndexStore;
use super::request::{HttpAnswer, Request, RequestKind};
use crate::http::root_cause;
use crate::registry::auth::{Authenticator, Authorization};
use crate::registry::endpoint;
use crate::registry::error::{
    Asked, ConnectionFault, Denied, InvalidAnswer, LoginAdvice, Outage, RedirectFault, ResolveError,
};
use crate::registry::http::attempt::{AttemptError, Unsent, is_certificate};
use crate::registry::http::body::{BodyError, read};
use crate::registry::http::budget::Budgets;
use crate::registry::http::host::{Host, Turn};
use crate::registry::http::once_map::OnceMap;
use crate::registry::http::retry::{Repeats, retry};
use crate::registry::http::transport::{Route, Transport};
use crate::registry::image::manifest;
use crate::registry::trace::step;

const REDIRECTS: usize = 5;

/// How often one request is sent beside itself.
const DOUBLES: usize = 2;

/// How often it is asked again whether an answer is late by now: others tell it meanwhile.
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct HttpClient {
    pub(crate) transport: Transport,
    pub(crate) auth: Authenticator,
    pub(crate) budgets: Budgets,
    pub(crate) repeats: Repeats,
    /// After how long an answer is late of a host that has not answered often enough to tell.
    pub(crate) patience: Duration,
    /// By `host[:port]`.
    pub(crate) hosts: OnceMap<Host>,
    /// Where indexes are kept between runs, if anywhere.
    pub(super) indexes: Option<IndexStore>,
}

impl HttpClient {
    /// Asks for the headers. `None` means that the registry does not allow HEAD (405 or 501).
    pub(crate) async fn head(&self, request: Request<'_>) -> Result<Option<HttpAnswer>, ResolveError> {
        self.repeat(request, Method::HEAD).await
    }

    /// Asks for the body. It is not compressed and not longer than the limit.
    pub(crate) async fn get(&self, request: Request<'_>) -> Result<HttpAnswer, ResolveError> {
        let answer = self.repeat(request, Method::GET).await?;
        answer.ok_or_else(|| InvalidAnswer::GetNotAllowed(request.asked()).into())
    }

    async fn repeat(&self, request: Request<'_>, method: Method) -> Result<Option<HttpAnswer>, ResolveError> {
        let host = self.hosts.get_or(&request.endpoint.host, || Host::new(request.at_once));
        // Boxed: what asks is nested deeply as it is.
        let attempt = || self.attempt(request, &method, &host).boxed();
        let result = if request.retries {
            let usual = self.repeats.first;
            let repeats = Repeats {
                first: host.pause(usual, request.pass),
                spread: host.spread(usual),
                ..self.repeats
            };
            retry(repeats, || host.repeats.take(), attempt).await
        } else {
            attempt().await
        };
        if result.is_ok() {
            host.repeats.earn();
            host.doubles.earn();
        }
        result.map_err(|failure| failure.error)
    }

    /// Sends a request when it is its turn. Between two attempts others have theirs.
    async fn attempt(
        &self,
        request: Request<'_>,
        method: &Method,
        host: &Host,
    ) -> Result<Option<HttpAnswer>, AttemptError> {
        let turn = host.turn(request.endpoint.shown(), request.counts);
        let mut turn = request.waiting.while_waiting(turn).await?;
        let result = host.alone_at_first(self.hurried(request, method, host, &mut turn)).await;
        turn.end(&result, self.repeats.longest);
        result
    }

    /// Sends a request, and the same once more where its answer is late, and again where both are: what answers first counts,
    /// so that an answer that never comes holds up nobody for long. Others have its `turn` before that.
    async fn hurried(
        &self,
        request: Request<'_>,
        method: &Method,
        host: &Host,
        turn: &mut Turn<'_>,
    ) -> Result<Option<HttpAnswer>, AttemptError> {
        let start = Instant::now();
        let late = || host.late(self.patience);
        let mut sent = FuturesUnordered::from_iter([self.timed(request, method, host).boxed()]);
        if let Some(answer) = answer_within(&mut sent, start, || host.slow(late())).await {
            return answer;
        }
        turn.step_aside();
        let mut times: u32 = 1;
        loop {
            // A failure is an answer too, which may be asked for again: another one may be the one that never comes.
            match answer_within(&mut sent, start, || late().saturating_mul(times)).await {
                Some(answer) => return answer,
                None if sent.len() > DOUBLES || self.is_counted(request, method) || !host.doubles.take() => {
                    return sent.select_next_some().await;
                }
                None => step(|| "the answer is late: asked once more beside it".to_owned()),
            }
            sent.push(self.timed(request, method, host).boxed());
            times = 2 * times + 1;
        }
    }

    async fn timed(
        &self,
        request: Request<'_>,
        method: &Method,
        host: &Host,
    ) -> Result<Option<HttpAnswer>, AttemptError> {
        let sent = Instant::now();
        let result = self.exchange(request, method, host).await;
        if result.is_ok() {
            host.answered_after(sent.elapsed());
        }
        result
    }

    /// Returns whether the host counts such requests: a manifest that is read is a pull where pulls are limited.
    fn is_counted(&self, request: Request<'_>, method: &Method) -> bool {
        *method == Method::GET
            && request.kind == RequestKind::Manifest
            && self.budgets.counts_pulls(request.endpoint.shown())
    }

    async fn exchange(
        &self,
        request: Request<'_>,
        method: &Method,
        host: &Host,
    ) -> Result<Option<HttpAnswer>, AttemptError> {
        let endpoint = request.endpoint;
        let (response, authorization) = self.authorized(request, method, host).await?;
        let (asked, response) = self.follow(request, method, response).await?;
        let status = response.status();
        match status {
            StatusCode::OK => self.read(request, method, response).await.map(Some),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED if *method == Method::HEAD => {
                Ok(None)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let advice = match asked.redirected_to {
                    None => authorization.advice(),
                    Some(_) => LoginAdvice::Redirected,
                };
                Err(Denied { asked, status: status.as_u16(), advice }.into())
            }
            _ => {
                if status == StatusCode::TOO_MANY_REQUESTS {
                    self.budgets.refused(endpoint.shown());
                }
                Err(AttemptError::status(asked, method, status, response.headers()))
            }
        }
    }

    /// Sends the request with what the registry is known to want, and once more if it then asks for something else.
    async fn authorized(
        &self,
        request: Request<'_>,
        method: &Method,
        host: &Host,
    ) -> Result<(Response, Authorization), AttemptError> {
        let endpoint = request.endpoint;
        let scheme = || host.scheme.get().copied().unwrap_or("https");
        let authorize = |refused: Option<HeaderValue>| async move {
            self.auth.authorize(&self.transport, &self.budgets, endpoint, scheme(), refused.as_ref()).await
        };
        let mut authorization = authorize(None).await?;
        let mut response = self.first_hop(request, method, host, authorization.header.as_ref()).await?;
        // Once for a challenge that was not known, and once for a token that turns out to be worth too little.
        for _ in 0..2 {
            if response.status() != StatusCode::UNAUTHORIZED {
                break;
            }
            let news = self.auth.learn(endpoint, response.headers());
            if !news && authorization.fresh && !self.auth.expired(&authorization).await {
                return Ok((response, authorization));
            }
            let refused = authorization.header.clone();
            authorization = authorize(refused).await?;
            if authorization.header.is_none() {
                return Ok((response, authorization));
            }
            response = self.first_hop(request, method, host, authorization.header.as_ref()).await?;
        }
        if response.status() != StatusCode::UNAUTHORIZED {
            self.auth.accepted(endpoint, &authorization);
        }
        Ok((response, authorization))
    }

    /// Sends the request to the registry itself, over the scheme that it speaks. That is found out by the first
    /// request, which carries no credential: credentials are an answer to a challenge.
    async fn first_hop(
        &self,
        request: Request<'_>,
        method: &Method,
        host: &Host,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, AttemptError> {
        let known = host.scheme.get();
        let schemes = known.map_or_else(|| request.endpoint.schemes(), std::slice::from_ref);
        let mut first = None;
        for scheme in schemes {
            let url = request.url(scheme)?;
            self.budgets.request(request.endpoint.shown(), method);
            let sent = self.send(request, method, url, authorization).await;
            self.budgets.answered(request.endpoint.shown(), sent.as_ref().ok().map(Response::status));
            let elsewhere = match &sent {
                // What servers that expect TLS answer to plain HTTP.
                Ok(response) => *scheme == "http" && response.status() == StatusCode::BAD_REQUEST,
                Err(Unsent::Http(error)) => error.is_connect() || !error.is_timeout(),
                Err(Unsent::Refused(_)) => false,
            };
            if schemes.len() == 1 || !elsewhere {
                if let Ok(response) = &sent {
                    host.scheme.get_or_init(|| scheme);
                    self.budgets.remaining(request.endpoint.shown(), response.headers());
                }
                first = Some(sent);
                break;
            }
            // How a TLS server ends the conversation says more than what it answers to plain HTTP. It may close the
            // connection before its alert is read: a refused client certificate does not always look like one.
            let speaks_tls =
                |error: &reqwest::Error| *scheme == "https" && (!error.is_connect() || is_certificate(error));
            if first.is_none() || matches!(&sent, Err(Unsent::Http(error)) if speaks_tls(error)) {
                first = Some(sent);
            }
        }
        match first {
            Some(sent) => sent.map_err(|error| AttemptError::unsent(request.asked(), &error)),
            None => {
                let cause = ConnectionFault::Other("there is no scheme to ask it with".to_owned());
                Err(Outage::Unreachable { asked: request.asked(), cause }.into())
            }
        }
    }

    async fn send(
        &self,
        request: Request<'_>,
        method: &Method,
        url: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, Unsent> {
        let accept = match request.kind {
            RequestKind::Manifest => manifest::ACCEPT,
            RequestKind::Blob => "*/*",
            RequestKind::Referrers => OCI_IMAGE_INDEX_MEDIA_TYPE,
        };
        let (client, route) =
            self.transport.client(request.endpoint, &url, request.connection).map_err(Unsent::Refused)?;
        let mut builder = client
            .request(method.clone(), url.clone())
            .header(ACCEPT, accept)
            .header(ACCEPT_ENCODING, "identity");
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        let sent = builder.send().await;
        step(|| exchange_line(method, &url, route, &sent));
        sent.map_err(Unsent::Http)
    }

    /// Follows redirects, always without the credential and never from HTTPS to HTTP. Returns who answered in the end.
    async fn follow(
        &self,
        request: Request<'_>,
        method: &Method,
        mut response: Response,
    ) -> Result<(Asked, Response), AttemptError> {
        let mut asked = request.asked();
        let fault = |fault| InvalidAnswer::Redirect { asked: request.asked(), fault };
        for _ in 0..=REDIRECTS {
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((asked, response));
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let from = response.url();
            let url = location.and_then(|location| from.join(location).ok()).filter(Url::has_host);
            let mut url = url.ok_or_else(|| fault(RedirectFault::Nowhere))?;
            match (from.scheme(), url.scheme()) {
                (_, "https") | ("http", "http") => {}
                _ => return Err(fault(RedirectFault::Insecure).into()),
            }
            // An address could carry a credential of its own choice.
            if url.set_username("").is_err() || url.set_password(None).is_err() {
                return Err(fault(RedirectFault::Nowhere).into());
            }
            asked.redirected_to = Some(url.host_str().unwrap_or_default().to_owned());
            let sent = self.send(request, method, url, None).await;
            response = sent.map_err(|error| AttemptError::unsent(asked.clone(), &error))?;
        }
        Err(fault(RedirectFault::TooMany(REDIRECTS)).into())
    }

    async fn read(
        &self,
        request: Request<'_>,
        method: &Method,
        response: Response,
    ) -> Result<HttpAnswer, AttemptError> {
        let headers = response.headers();
        let content_type = joined(headers, CONTENT_TYPE.as_str());
        let digest = joined(headers, "docker-content-digest");
        let link = joined(headers, LINK.as_str());
        if method == Method::HEAD {
            return Ok(HttpAnswer { content_type, digest, link: None, body: Vec::new() });
        }
        // The digest is that of the plain bytes: hashing what a proxy has compressed would give another.
        if joined(headers, CONTENT_ENCODING.as_str())
            .is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"))
        {
            return Err(InvalidAnswer::Compressed(request.asked()).into());
        }
        let body = read(response, request.limit).await.map_err(|error| match error {
            BodyError::TooLong => {
                InvalidAnswer::TooLong { asked: request.asked(), limit: request.limit }.into()
            }
            BodyError::Broken(error) => AttemptError::unreachable(request.asked(), &error),
        })?;
        Ok(HttpAnswer { content_type, digest, link, body })
    }
}

/// Returns the first answer to what was sent at `start`; `None` where none has come `after` so long, which the answers of
/// others may make shorter or longer meanwhile.
async fn answer_within<A>(
    sent: &mut FuturesUnordered<impl Future<Output = A>>,
    start: Instant,
    after: impl Fn() -> Duration,
) -> Option<A> {
    loop {
        let left = after().checked_sub(start.elapsed())?;
        if let Ok(answer) = tokio::time::timeout(left.min(TICK), sent.select_next_some()).await {
            return Some(answer);
        }
    }
}

/// Returns how a request went, for people. What stands behind `?` in an address may be a signature, and secret.
fn exchange_line(
    method: &Method,
    url: &Url,
    route: Route,
    sent: &Result<Response, reqwest::Error>,
) -> String {
    let host = endpoint::shown(url);
    // The path of a redirect may be a secret too.
    let path = if url.path().starts_with("/v2/") { url.path() } else { "/…" };
    let over = match route {
        Route::Proxy => " over the proxy of the environment, which looks up the address,",
        Route::Direct => "",
    };
    let asked = format!("{method} {}://{host}{path}{over}", url.scheme());
    match sent {
        Ok(response) => {
            let named = joined(response.headers(), "docker-content-digest");
            let named = named.map(|digest| format!(", digest {digest}")).unwrap_or_default();
            format!("{asked} → {} ({:?}){named}", response.status().as_u16(), response.version())
        }
        Err(error) => format!("{asked} → no answer: {}", root_cause(error)),
    }
}

/// Returns the header's value; several are joined, and what is not text is kept apart from what is not there.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
