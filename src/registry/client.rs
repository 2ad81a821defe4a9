//! From a question to a digest: HEAD where that is enough, GET and hash where it is not.

use std::collections::BTreeMap;

use tokio::sync::Semaphore;

use super::auth::Authenticator;
use super::endpoint::{Endpoint, Purpose};
use super::http::budget::{Answered, Budget, Budgets};
use super::http::circuit_breaker::Breaker;
use super::http::keyed::Keyed;
use super::http::retry::Repeats;
use super::http::transport::Transport;
use super::http::{HttpAnswer, HttpClient, Request, RequestKind as Path};
use super::image::config::ImageConfig;
use super::image::manifest;
use super::image::manifest::{ContentError, Manifest, MediaKind};
use super::trace::step;
use super::{
    ClientSettings, Limits, MirrorComparison, Probe, Probed, Registry, RegistryRule, Resolution,
    ResolveError, SettingsError, TagRef, endpoint,
};
use crate::reference::Digest;
use crate::registry::verify::{Demand, Evidence};

/// The registries of the world, over HTTP.
#[derive(Debug)]
pub struct HttpRegistry {
    rules: Vec<RegistryRule>,
    pub(super) limits: Limits,
    pub(super) client: HttpClient,
    /// By the registry's name in the question.
    lanes: Keyed<RegistryLane>,
}

/// What keeps one registry's questions apart from the others'.
#[derive(Debug)]
struct RegistryLane {
    permits: Semaphore,
    breaker: Breaker,
}

/// Whether a run depends on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    /// It does.
    Yes,
    /// It is only good to know: at most so many requests for such things go to one registry, none is repeated, and none
    /// counts against the registry.
    No(u64),
}

/// A manifest or index whose body was read, and whose hash is `digest`.
struct Body {
    digest: Digest,
    manifest: Manifest,
}

impl HttpRegistry {
    /// Returns a client with these settings. Nothing is asked yet.
    ///
    /// # Errors
    /// A rule's location is not one, or a certificate cannot be read.
    pub fn new(settings: ClientSettings) -> Result<Self, SettingsError> {
        let locations = settings.rules.iter().flat_map(|rule| {
            let mirrors = rule.mirrors.iter().map(|mirror| &mirror.location);
            [&rule.prefix, &rule.location].into_iter().chain(mirrors)
        });
        for location in locations {
            if !endpoint::is_location(location) {
                return Err(SettingsError::Location(location.clone()));
            }
        }
        let transport = Transport::new(&settings)?;
        let ClientSettings { rules, credentials, limits, .. } = settings;
        let repeats =
            Repeats { times: limits.retries, first: limits.retry_delay, longest: limits.longest_pause };
        let client = HttpClient {
            transport,
            auth: Authenticator::new(credentials, rules.clone()),
            budgets: Budgets::default(),
            repeats,
            hosts: Keyed::default(),
        };
        Ok(Self { rules, limits, client, lanes: Keyed::default() })
    }

    /// Returns the requests so far, by registry host.
    pub fn budget(&self) -> BTreeMap<String, Budget> {
        self.client.budgets.snapshot()
    }

    /// Returns how often each kind of answer came so far.
    pub fn answered(&self) -> BTreeMap<Answered, u64> {
        self.client.budgets.answers()
    }

    /// Returns what each mirror of the question's registry says the tag is now, whatever it may be asked for otherwise:
    /// a cache may keep answering an old digest. Each mirror is named `host[:port]/repository`.
    pub async fn at_mirrors(&self, question: &TagRef) -> Vec<(String, Result<Digest, ResolveError>)> {
        let mut answers = Vec::new();
        for endpoint in endpoint::mirrors(&self.rules, &question.registry, &question.repository) {
            let work = async {
                let request = self.request(&endpoint, &question.tag, false);
                self.resolve_at(request, false).await.map(|resolution| resolution.digest)
            };
            let answer = tokio::time::timeout(self.limits.question, work).await;
            let late = |_| Err(ResolveError::Unavailable(format!("`{}` gave no answer", endpoint.shown())));
            let name = format!("{}/{}", endpoint.shown(), endpoint.repository);
            answers.push((name, answer.unwrap_or_else(late)));
        }
        answers
    }

    /// Returns what the registry itself says the tag is now; `None` where no mirror is asked before it.
    async fn at_origin(&self, question: &TagRef) -> Option<Result<Digest, ResolveError>> {
        let endpoints = self.endpoints(question, Purpose::Tag).ok()?;
        let endpoint = endpoints.last().filter(|_| endpoints.len() > 1)?;
        let request = self.request(endpoint, &question.tag, true);
        let work = async { self.resolve_at(request, false).await.map(|resolution| resolution.digest) };
        Some(self.in_turn(question, Priority::Yes, work).await)
    }

    /// Runs `work` when the registry has a turn free, for as long as a question may take.
    pub(super) async fn in_turn<T>(
        &self,
        question: &TagRef,
        pressing: Priority,
        work: impl Future<Output = Result<T, ResolveError>> + Send,
    ) -> Result<T, ResolveError> {
        let registry = &question.registry;
        let lane = self.lanes.get_or(registry, || RegistryLane {
            permits: Semaphore::new(
                endpoint::concurrency(&self.rules, registry).unwrap_or(self.limits.at_once).max(1),
            ),
            breaker: Breaker::default(),
        });
        let _permit = lane.permits.acquire().await;
        lane.breaker.check(registry)?;
        let result = tokio::time::timeout(self.limits.question, work).await.unwrap_or_else(|_| {
            Err(ResolveError::Unavailable(format!(
                "`{registry}` gave no answer for `{}:{}` within {:?}; run again later",
                question.repository, question.tag, self.limits.question
            )))
        });
        if pressing == Priority::Yes {
            lane.breaker.note(&result);
        }
        result
    }

    pub(super) fn endpoints(
        &self,
        question: &TagRef,
        wanted: Purpose,
    ) -> Result<Vec<Endpoint>, ResolveError> {
        endpoint::endpoints(&self.rules, &question.registry, &question.repository, wanted)
    }

    fn request<'a>(&self, endpoint: &'a Endpoint, reference: &'a str, origin: bool) -> Request<'a> {
        let (kind, limit) = (Path::Manifest, self.limits.manifest);
        Request { endpoint, kind, reference, query: None, limit, retries: origin }
    }

    /// Explains which place is asked, and why.
    fn told(&self, endpoint: &Endpoint) {
        step(|| {
            let (host, repository) = (&endpoint.host, &endpoint.repository);
            let kind = if endpoint.is_mirror { "mirror" } else { "registry" };
            let rule = endpoint.rule.and_then(|rule| self.rules.get(rule));
            let because = rule.map_or_else(
                || "no [[registry]] names it".to_owned(),
                |rule| format!("of the [[registry]] with the prefix `{}`", rule.prefix),
            );
            format!("{kind} {host}, repository {repository}: {because}")
        });
    }

    /// Returns what a tag is: a HEAD, unless it is to be `read` or HEAD does not say it.
    async fn resolve_at(&self, request: Request<'_>, read: bool) -> Result<Resolution, ResolveError> {
        if !read
            && let Some(answer) = self.client.head(request).await?
            && let Some(digest) = header(request, &answer)?
        {
            let media_type = answer.content_type.as_deref().unwrap_or_default();
            match manifest::kind(media_type) {
                MediaKind::Index | MediaKind::Image => {
                    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
                    return Ok(Resolution { digest, media_type, content: None });
                }
                MediaKind::Schema1 => return Err(unusable(request, &ContentError::Schema1)),
                // The body says what it is.
                MediaKind::Other => {}
            }
        }
        let Body { digest, manifest: Manifest { media_type, content } } = self.body(request).await?;
        Ok(Resolution { digest, media_type, content: Some(content) })
    }

    async fn look_at(&self, request: Request<'_>, look: &Probe) -> Result<Probed, ResolveError> {
        match look {
            Probe::Head(digest) => {
                let Some(answer) = self.client.head(request).await? else {
                    return Ok(Probed::MediaType(self.body(request).await?.manifest.media_type));
                };
                match header(request, &answer)? {
                    Some(named) if named == *digest => {
                        Ok(Probed::MediaType(answer.content_type.unwrap_or_default()))
                    }
                    Some(named) if named.algorithm() == digest.algorithm() => Err(mismatch(request)),
                    // Anything may answer 200: what does not name the digest has to show what it has.
                    _ => Ok(Probed::MediaType(self.body(request).await?.manifest.media_type)),
                }
            }
            Probe::Body(_) => Ok(Probed::Content(self.body(request).await?.manifest.content)),
            Probe::Config(_) => {
                let answer = self.content(Request { kind: Path::Blob, ..request }).await?;
                Ok(Probed::Platform(manifest::config_platform(&answer.body)))
            }
            Probe::Details(_) => {
                let request = Request { kind: Path::Blob, limit: self.limits.config, ..request };
                let answer = self.content(request).await?;
                let config = ImageConfig::parse(&answer.body).ok_or_else(|| {
                    let (host, wanted) = (request.endpoint.shown(), request.wanted());
                    ResolveError::InvalidAnswer(format!("`{host}` has for `{wanted}` no image config"))
                })?;
                Ok(Probed::Config(Box::new(config)))
            }
        }
    }

    /// Reads what a tag or a digest names. Its hash, the digest header and the digest that was asked for must agree, where
    /// they are there; a list of referrers has no digest.
    pub(super) async fn content(&self, request: Request<'_>) -> Result<HttpAnswer, ResolveError> {
        let answer = self.client.get(request).await?;
        if request.kind == Path::Referrers {
            return Ok(answer);
        }
        let asked = Digest::parse(request.reference);
        let named = header(request, &answer)?;
        if asked.iter().chain(&named).any(|digest| digest.same_algorithm(&answer.body) != *digest) {
            return Err(mismatch(request));
        }
        Ok(answer)
    }

    /// Reads a manifest.
    async fn body(&self, request: Request<'_>) -> Result<Body, ResolveError> {
        let answer = self.content(request).await?;
        let digest = Digest::parse(request.reference).or(header(request, &answer)?);
        let digest = digest.unwrap_or_else(|| Digest::sha256(&answer.body));
        let manifest = manifest::parse(&answer.body, answer.content_type.as_deref())
            .map_err(|error| unusable(request, &error))?;
        Ok(Body { digest, manifest })
    }

    async fn resolve_anywhere(&self, question: &TagRef, read: bool) -> Result<Resolution, ResolveError> {
        let endpoints = self.endpoints(question, Purpose::Tag)?;
        let mut result = Err(nowhere(question));
        for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
            self.told(endpoint);
            let request = self.request(endpoint, &question.tag, left == 0);
            result = self.resolve_at(request, read).await;
            match &result {
                Err(error) if left > 0 => {
                    tracing::info!(%error, "a mirror has no answer, the next is asked");
                    step(|| format!("no answer from this mirror, the next place is asked: {error}"));
                }
                _ => break,
            }
        }
        result
    }

    async fn look_anywhere(
        &self,
        question: &TagRef,
        look: &Probe,
        pressing: Priority,
    ) -> Result<Probed, ResolveError> {
        let endpoints = self.endpoints(question, Purpose::Digest)?;
        let mut result = Err(nowhere(question));
        for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
            self.told(endpoint);
            let mut request = self.request(endpoint, look.digest().as_str(), left == 0);
            if let Priority::No(most) = pressing {
                request.retries = false;
                if let Err(error) = self.client.budgets.spend(endpoint.shown(), most) {
                    result = Err(error);
                    continue;
                }
            }
            result = self.look_at(request, look).await;
            match &result {
                Err(error) if left > 0 => {
                    tracing::info!(%error, "a mirror does not have a digest, the next is asked");
                    step(|| format!("this mirror does not have it, the next place is asked: {error}"));
                }
                _ => break,
            }
        }
        result
    }
}

impl Registry for HttpRegistry {
    async fn compare(&self, question: &TagRef) -> MirrorComparison {
        let mirrors = self.at_mirrors(question).await;
        let origin = if mirrors.is_empty() { None } else { self.at_origin(question).await };
        MirrorComparison { origin, mirrors }
    }

    fn announce(&self, questions: &[&TagRef]) {
        for question in questions {
            // What has no endpoint fails when it is asked.
            let endpoints = self.endpoints(question, Purpose::Tag).unwrap_or_default();
            if let Some(first) = endpoints.into_iter().next() {
                self.client.auth.announce(first);
            }
        }
    }

    async fn resolve(&self, question: &TagRef, read: bool) -> Result<Resolution, ResolveError> {
        self.in_turn(question, Priority::Yes, self.resolve_anywhere(question, read)).await
    }

    async fn look(&self, question: &TagRef, look: &Probe) -> Result<Probed, ResolveError> {
        let pressing = Priority::Yes;
        self.in_turn(question, pressing, self.look_anywhere(question, look, pressing)).await
    }

    async fn peek(&self, question: &TagRef, look: &Probe, most: u64) -> Result<Probed, ResolveError> {
        let pressing = Priority::No(most);
        self.in_turn(question, pressing, self.look_anywhere(question, look, pressing)).await
    }

    async fn evidence(
        &self,
        question: &TagRef,
        digest: &Digest,
        demand: &Demand,
    ) -> Result<Evidence, ResolveError> {
        self.search(question, digest, demand).await
    }

    fn budgets(&self) -> BTreeMap<String, Budget> {
        self.budget()
    }
}

/// Returns the digest header, if there is one.
fn header(request: Request<'_>, answer: &HttpAnswer) -> Result<Option<Digest>, ResolveError> {
    let Some(text) = &answer.digest else { return Ok(None) };
    Digest::parse(text).map(Some).ok_or_else(|| malformed(request))
}

fn malformed(request: Request<'_>) -> ResolveError {
    let (host, wanted) = (request.endpoint.shown(), request.wanted());
    ResolveError::InvalidAnswer(format!(
        "`{host}` answers a malformed digest for `{wanted}`; tell its operator"
    ))
}

fn mismatch(request: Request<'_>) -> ResolveError {
    let (host, wanted) = (request.endpoint.shown(), request.wanted());
    ResolveError::InvalidAnswer(format!(
        "`{host}` answers for `{wanted}` with content that does not match its digest; nothing of it is used"
    ))
}

fn unusable(request: Request<'_>, error: &ContentError) -> ResolveError {
    let text = format!("`{}` has for `{}` {error}", request.endpoint.shown(), request.wanted());
    match error {
        ContentError::Invalid(_) => ResolveError::InvalidAnswer(text),
        ContentError::Schema1 | ContentError::NotAnImage => ResolveError::UnsupportedMediaType(text),
    }
}

fn nowhere(question: &TagRef) -> ResolveError {
    ResolveError::Unavailable(format!(
        "there is no place to ask for `{}/{}`",
        question.registry, question.repository
    ))
}
