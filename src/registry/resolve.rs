//! From a question to a digest: HEAD where that is enough, GET and hash where it is not.

use std::collections::BTreeMap;

use tokio::sync::Semaphore;

use super::auth::Auth;
use super::breaker::Breaker;
use super::budget::{Budget, Budgets};
use super::client::{Answer, Client, Kind as Path, Request};
use super::explain::step;
use super::image::{self, Content, ContentError, Kind, Manifest};
use super::keyed::Keyed;
use super::location::{self, Endpoint, Wanted};
use super::retry::Repeats;
use super::transport::Transport;
use super::{Level, Limits, Question, Registry, Resolution, ResolveError, Rule, Settings, SettingsError};
use crate::platform::Platform;
use crate::reference::Digest;

/// The registries of the world, over HTTP.
#[derive(Debug)]
pub struct HttpRegistry {
    rules: Vec<Rule>,
    limits: Limits,
    client: Client,
    /// By the registry's name in the question.
    lanes: Keyed<Lane>,
}

/// What keeps one registry's questions apart from the others'.
#[derive(Debug)]
struct Lane {
    permits: Semaphore,
    breaker: Breaker,
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
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let locations = settings.rules.iter().flat_map(|rule| {
            let mirrors = rule.mirrors.iter().map(|mirror| &mirror.location);
            [&rule.prefix, &rule.location].into_iter().chain(mirrors)
        });
        for location in locations {
            if !location::is_location(location) {
                return Err(SettingsError::Location(location.clone()));
            }
        }
        let transport = Transport::new(&settings)?;
        let Settings { rules, credentials, limits, .. } = settings;
        let repeats =
            Repeats { times: limits.retries, first: limits.retry_delay, longest: limits.longest_pause };
        let client = Client {
            transport,
            auth: Auth::new(credentials, rules.clone()),
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

    /// Returns what each mirror of the question's registry says the tag is now, whatever it may be asked for otherwise:
    /// a cache may keep answering an old digest. Each mirror is named `host[:port]/repository`.
    pub async fn at_mirrors(&self, question: &Question) -> Vec<(String, Result<Digest, ResolveError>)> {
        let mut answers = Vec::new();
        for endpoint in location::mirrors(&self.rules, &question.registry, &question.repository) {
            let work = async {
                let request = self.request(&endpoint, &question.tag, false);
                self.resolve_index(request).await.map(|resolution| resolution.digest)
            };
            let answer = tokio::time::timeout(self.limits.question, work).await;
            let late = |_| Err(ResolveError::Unavailable(format!("`{}` gave no answer", endpoint.shown())));
            let name = format!("{}/{}", endpoint.shown(), endpoint.repository);
            answers.push((name, answer.unwrap_or_else(late)));
        }
        answers
    }

    /// Runs `work` when the registry has a turn free, for as long as a question may take.
    async fn in_turn<T>(
        &self,
        question: &Question,
        work: impl Future<Output = Result<T, ResolveError>> + Send,
    ) -> Result<T, ResolveError> {
        let registry = &question.registry;
        let lane = self.lanes.get_or(registry, || Lane {
            permits: Semaphore::new(
                location::concurrency(&self.rules, registry).unwrap_or(self.limits.at_once).max(1),
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
        lane.breaker.note(&result);
        result
    }

    fn endpoints(&self, question: &Question, wanted: Wanted) -> Result<Vec<Endpoint>, ResolveError> {
        location::endpoints(&self.rules, &question.registry, &question.repository, wanted)
    }

    fn request<'a>(&self, endpoint: &'a Endpoint, reference: &'a str, origin: bool) -> Request<'a> {
        Request { endpoint, kind: Path::Manifest, reference, limit: self.limits.manifest, retries: origin }
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

    async fn resolve_at(&self, request: Request<'_>, level: &Level) -> Result<Resolution, ResolveError> {
        match level {
            Level::Index => self.resolve_index(request).await,
            Level::Platform(platform) => self.resolve_platform(request, platform).await,
        }
    }

    async fn resolve_index(&self, request: Request<'_>) -> Result<Resolution, ResolveError> {
        if let Some(answer) = self.client.head(request).await?
            && let Some(digest) = header(request, &answer)?
        {
            let media_type = answer.content_type.as_deref().unwrap_or_default();
            match image::kind(media_type) {
                Kind::Index | Kind::Image => {
                    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
                    return Ok(Resolution {
                        digest,
                        index: None,
                        media_type,
                        platforms: None,
                        confirmed: false,
                    });
                }
                Kind::Schema1 => return Err(unusable(request, &ContentError::Schema1)),
                // The body says what it is.
                Kind::Other => {}
            }
        }
        let Body { digest, manifest } = self.body(request).await?;
        let platforms = match &manifest.content {
            Content::Index(index) => Some(image::platforms(index)),
            Content::Image(_) => None,
        };
        Ok(Resolution { digest, index: None, media_type: manifest.media_type, platforms, confirmed: true })
    }

    async fn resolve_platform(
        &self,
        request: Request<'_>,
        wanted: &Platform,
    ) -> Result<Resolution, ResolveError> {
        let Body { digest, manifest } = self.body(request).await?;
        match manifest.content {
            Content::Index(index) => {
                let platforms = image::platforms(&index);
                let Some((found, media_type)) = image::pick(&index, wanted) else {
                    return Err(lacking(request, wanted, &platforms));
                };
                let found = found.ok_or_else(|| malformed(request))?;
                // The index was hashed, the manifest that it names was not seen: it is still to be confirmed.
                Ok(Resolution {
                    digest: found,
                    index: Some(digest),
                    media_type: media_type.to_owned(),
                    platforms: Some(platforms),
                    confirmed: false,
                })
            }
            Content::Image(image) => {
                let config = Digest::parse(&image.config.digest).ok_or_else(|| malformed(request))?;
                match self.config_platform(request, &config).await? {
                    Some(platform) if platform == *wanted => Ok(Resolution {
                        digest,
                        index: None,
                        media_type: manifest.media_type,
                        platforms: None,
                        confirmed: true,
                    }),
                    found => Err(lacking(request, wanted, found.as_slice())),
                }
            }
        }
    }

    /// Returns the platform that the config blob of an image without index says.
    async fn config_platform(
        &self,
        request: Request<'_>,
        config: &Digest,
    ) -> Result<Option<Platform>, ResolveError> {
        let request = Request { kind: Path::Blob, reference: config.as_str(), ..request };
        let answer = self.client.get(request).await?;
        if config.same_algorithm(&answer.body) != *config {
            return Err(mismatch(request));
        }
        Ok(image::config_platform(&answer.body))
    }

    /// Reads a manifest. Its hash, the digest header and the digest that was asked for must agree, where they are there.
    async fn body(&self, request: Request<'_>) -> Result<Body, ResolveError> {
        let answer = self.client.get(request).await?;
        let asked = Digest::parse(request.reference);
        let named = header(request, &answer)?;
        if asked.iter().chain(&named).any(|digest| digest.same_algorithm(&answer.body) != *digest) {
            return Err(mismatch(request));
        }
        let digest = asked.or(named).unwrap_or_else(|| Digest::sha256(&answer.body));
        let manifest = image::parse(&answer.body, answer.content_type.as_deref())
            .map_err(|error| unusable(request, &error))?;
        Ok(Body { digest, manifest })
    }

    async fn confirm_at(
        &self,
        request: Request<'_>,
        digest: &Digest,
        needed: &[Platform],
    ) -> Result<(), ResolveError> {
        if needed.is_empty()
            && let Some(answer) = self.client.head(request).await?
        {
            match header(request, &answer)? {
                Some(named) if named == *digest => return Ok(()),
                Some(named) if named.algorithm() == digest.algorithm() => return Err(mismatch(request)),
                // Anything may answer 200: what does not name the digest has to show what it has.
                _ => {}
            }
        }
        let Content::Index(index) = self.body(request).await?.manifest.content else {
            return Ok(());
        };
        let platforms = image::platforms(&index);
        match needed.iter().find(|platform| !platforms.contains(platform)) {
            Some(missing) => Err(lacking(request, missing, &platforms)),
            None => Ok(()),
        }
    }

    async fn resolve_anywhere(&self, question: &Question) -> Result<Resolution, ResolveError> {
        let endpoints = self.endpoints(question, Wanted::Tag)?;
        let mut result = Err(nowhere(question));
        for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
            self.told(endpoint);
            let request = self.request(endpoint, &question.tag, left == 0);
            result = self.resolve_at(request, &question.level).await;
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

    async fn confirm_anywhere(
        &self,
        question: &Question,
        digest: &Digest,
        needed: &[Platform],
    ) -> Result<(), ResolveError> {
        let endpoints = self.endpoints(question, Wanted::Digest)?;
        let mut result = Err(nowhere(question));
        for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
            self.told(endpoint);
            let request = self.request(endpoint, digest.as_str(), left == 0);
            result = self.confirm_at(request, digest, needed).await;
            match &result {
                Err(error) if left > 0 => {
                    tracing::info!(%error, "a mirror does not confirm, the next is asked");
                    step(|| format!("this mirror does not confirm, the next place is asked: {error}"));
                }
                _ => break,
            }
        }
        result.map_err(|error| match error {
            ResolveError::NotFound(_) => ResolveError::InvalidAnswer(format!(
                "`{}` names `{digest}` for `{}:{}` but has nothing under it (404); it may be in the middle of a push, \
                 run again later",
                question.registry, question.repository, question.tag
            )),
            other => other,
        })
    }
}

impl Registry for HttpRegistry {
    fn announce(&self, questions: &[&Question]) {
        for question in questions {
            // What has no endpoint fails when it is asked.
            let endpoints = self.endpoints(question, Wanted::Tag).unwrap_or_default();
            if let Some(first) = endpoints.into_iter().next() {
                self.client.auth.announce(first);
            }
        }
    }

    async fn resolve(&self, question: &Question) -> Result<Resolution, ResolveError> {
        self.in_turn(question, self.resolve_anywhere(question)).await
    }

    async fn confirm(
        &self,
        question: &Question,
        digest: &Digest,
        needed: &[Platform],
    ) -> Result<(), ResolveError> {
        self.in_turn(question, self.confirm_anywhere(question, digest, needed)).await
    }
}

/// Returns the digest header, if there is one.
fn header(request: Request<'_>, answer: &Answer) -> Result<Option<Digest>, ResolveError> {
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

/// The error where `wanted` is not among the platforms that there are.
fn lacking(request: Request<'_>, wanted: &Platform, has: &[Platform]) -> ResolveError {
    let has = match has {
        [] => "names none".to_owned(),
        has => {
            let names: Vec<_> = has.iter().map(|platform| format!("`{platform}`")).collect();
            format!("has {}", names.join(", "))
        }
    };
    let (host, name) = (request.endpoint.shown(), request.wanted());
    ResolveError::NoSuchPlatform(format!("`{host}` has no manifest for `{wanted}` in `{name}`, which {has}"))
}

fn nowhere(question: &Question) -> ResolveError {
    ResolveError::Unavailable(format!(
        "there is no place to ask for `{}/{}`",
        question.registry, question.repository
    ))
}
