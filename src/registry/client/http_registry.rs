//! The registries of the world: which place is asked, in which order and when.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};

use super::http_client::HttpClient;
use super::index_store::IndexStore;
use super::request::{Request, RequestKind};
use crate::reference::Digest;
use crate::registry::auth::Authenticator;
use crate::registry::endpoint::{self, Endpoint, Purpose};
use crate::registry::error::{NotAllowed, Outage, ResolveError, SettingsError};
use crate::registry::http::budget::{Answered, Budget, Budgets};
use crate::registry::http::circuit_breaker::Breaker;
use crate::registry::http::once_map::OnceMap;
use crate::registry::http::retry::Repeats;
use crate::registry::http::transport::Transport;
use crate::registry::limits::Limits;
use crate::registry::question::{Probe, Probed, Resolution};
use crate::registry::rule::RegistryRule;
use crate::registry::settings::ClientSettings;
use crate::registry::tag_ref::TagRef;
use crate::registry::trace::step;

/// The registries of the world, over HTTP.
#[derive(Debug)]
pub struct HttpRegistry {
    rules: Vec<RegistryRule>,
    pub(crate) limits: Limits,
    pub(crate) client: HttpClient,
    /// By the registry's name in the question.
    lanes: OnceMap<RegistryLane>,
}

/// How long nothing may be heard before a HEAD is sent once more, where the time that a server may be silent is not shorter.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct RegistryLane {
    permits: Semaphore,
    breaker: Breaker,
    /// Held by who asks a registry that is on probation.
    probation: Mutex<()>,
}

/// Whether a run depends on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    Yes,
    /// It is only good to know: at most so many requests for such things go to one registry, none is repeated, and none
    /// counts against the registry.
    No(u64),
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
        let ClientSettings { rules, credentials, roots, limits, trust } = settings;
        let transport = Transport::new(&rules, &roots, &limits, trust)?;
        let repeats =
            Repeats { times: limits.retries, first: limits.retry_delay, longest: limits.longest_pause };
        let client = HttpClient {
            transport,
            auth: Authenticator::new(credentials, rules.clone()),
            budgets: Budgets::default(),
            repeats,
            patience: PATIENCE.min(limits.read / 4),
            hosts: OnceMap::default(),
            indexes: None,
        };
        Ok(Self { rules, limits, client, lanes: OnceMap::default() })
    }

    /// Returns this client, which keeps the indexes that it reads in `directory` for the next one.
    #[must_use]
    pub fn keeping(mut self, directory: PathBuf) -> Self {
        self.client.indexes = Some(IndexStore::open(directory));
        self
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
        self.tag_at(question, endpoint::mirrors(&self.rules, &question.registry, &question.repository)).await
    }

    /// Returns what each of `mirrors` says the tag is now.
    pub(super) async fn tag_at(
        &self,
        question: &TagRef,
        mirrors: Vec<Endpoint>,
    ) -> Vec<(String, Result<Digest, ResolveError>)> {
        let mut answers = Vec::new();
        for endpoint in mirrors {
            let work = async {
                let request = self.request(&endpoint, &question.tag, false);
                self.client.resolve_at(request, false).await.map(|resolution| resolution.digest)
            };
            let answer = tokio::time::timeout(self.limits.question, work).await;
            let late = |_| Err(Outage::Silent { host: endpoint.shown().to_owned() }.into());
            let name = format!("{}/{}", endpoint.shown(), endpoint.repository);
            answers.push((name, answer.unwrap_or_else(late)));
        }
        answers
    }

    /// Returns what the registry itself says the tag is now; `None` where no mirror is asked before it.
    pub(super) async fn at_origin(&self, question: &TagRef) -> Option<Result<Digest, ResolveError>> {
        let endpoints = self.endpoints(question, Purpose::Tag).ok()?;
        let endpoint = endpoints.last().filter(|_| endpoints.len() > 1)?;
        let request = self.request(endpoint, &question.tag, true);
        let work = async { self.client.resolve_at(request, false).await.map(|resolution| resolution.digest) };
        Some(self.in_turn(question, Priority::Yes, work).await)
    }

    pub(crate) async fn in_turn<T>(
        &self,
        question: &TagRef,
        pressing: Priority,
        work: impl Future<Output = Result<T, ResolveError>> + Send,
    ) -> Result<T, ResolveError> {
        let registry = &question.registry;
        let lane = self.lane(registry);
        let _permit = lane.permits.acquire().await;
        let mut alone = None;
        if lane.breaker.is_on_probation() {
            alone = Some(lane.probation.lock().await).filter(|_| lane.breaker.is_on_probation());
        }
        lane.breaker.check(registry)?;
        let result = tokio::time::timeout(self.limits.question, work).await.unwrap_or_else(|_| {
            Err(Outage::TimedOut { question: question.clone(), limit: self.limits.question }.into())
        });
        if pressing == Priority::Yes {
            lane.breaker.note(&result);
        }
        drop(alone);
        result
    }

    fn lane(&self, registry: &str) -> Arc<RegistryLane> {
        self.lanes.get_or(registry, || RegistryLane {
            permits: Semaphore::new(
                endpoint::concurrency(&self.rules, registry).unwrap_or(self.limits.at_once).max(1),
            ),
            breaker: Breaker::default(),
            probation: Mutex::default(),
        })
    }

    /// Gives the registries of these questions another chance.
    pub(super) fn forgive<'q>(&self, questions: impl Iterator<Item = &'q TagRef>) {
        let registries: BTreeSet<&str> = questions.map(|question| question.registry.as_str()).collect();
        registries.into_iter().for_each(|registry| self.lane(registry).breaker.forgive());
    }

    pub(crate) fn endpoints(
        &self,
        question: &TagRef,
        wanted: Purpose,
    ) -> Result<Vec<Endpoint>, Box<NotAllowed>> {
        endpoint::endpoints(&self.rules, &question.registry, &question.repository, wanted)
    }

    fn request<'a>(&self, endpoint: &'a Endpoint, reference: &'a str, origin: bool) -> Request<'a> {
        let (kind, limit) = (RequestKind::Manifest, self.limits.manifest);
        Request { endpoint, kind, reference, query: None, limit, retries: origin }
    }

    fn note_place(&self, endpoint: &Endpoint) {
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

    pub(super) async fn resolve_anywhere(
        &self,
        question: &TagRef,
        read: bool,
    ) -> Result<Resolution, ResolveError> {
        let endpoints = self.endpoints(question, Purpose::Tag)?;
        let mut result = Err(no_endpoint(question));
        for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
            self.note_place(endpoint);
            let request = self.request(endpoint, &question.tag, left == 0);
            result = self.client.resolve_at(request, read).await;
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

    pub(super) async fn look_anywhere(
        &self,
        question: &TagRef,
        look: &Probe,
        pressing: Priority,
    ) -> Result<Probed, ResolveError> {
        let endpoints = self.endpoints(question, Purpose::Digest)?;
        let mut result = Err(no_endpoint(question));
        for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
            self.note_place(endpoint);
            let mut request = self.request(endpoint, look.digest().as_str(), left == 0);
            if matches!(look, Probe::Details(_)) {
                request.limit = self.limits.config;
            }
            if let Priority::No(most) = pressing {
                request.retries = false;
                if let Err(error) = self.client.budgets.spend(endpoint.shown(), most) {
                    result = Err(error.into());
                    continue;
                }
            }
            result = self.client.look_at(request, look).await;
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

fn no_endpoint(question: &TagRef) -> ResolveError {
    Outage::NoEndpoint(question.clone()).into()
}
