//! The registries of the world: which place is asked, in which order and when.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::http_client::HttpClient;
use super::index_store::IndexStore;
use super::request::{Request, RequestKind};
use crate::reference::Digest;
use crate::registry::auth::Authenticator;
use crate::registry::endpoint::{self, Endpoint, Purpose};
use crate::registry::error::{NotAllowed, Outage, ResolveError, SettingsError};
use crate::registry::http::budget::{Answered, Budget, Budgets};
use crate::registry::http::once_map::OnceMap;
use crate::registry::http::retry::Repeats;
use crate::registry::http::transport::{Connection, Transport};
use crate::registry::http::waiting_time::WaitingTime;
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
    /// What is known of each question that failed.
    before: Mutex<HashMap<TagRef, AskedBefore>>,
}

/// How a question fared so far.
#[derive(Clone, Copy, Debug, Default)]
struct AskedBefore {
    /// How often it was asked, where it failed for a moment.
    pass: u32,
    /// Whether an answer was wrong, or impossible.
    doubted: bool,
}

/// After how long an answer is late of a host that has not answered often enough to tell, where the time that a server may be
/// silent is not shorter.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many first pauses of a repeated request go by before a registry that was left alone gets another chance.
const PROBATION: u32 = 10;

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
        let (first, longest) = (limits.retry_delay, limits.longest_pause);
        let repeats = Repeats { times: limits.retries, first, spread: first, longest };
        let client = HttpClient {
            transport,
            auth: Authenticator::new(credentials, rules.clone()),
            budgets: Budgets::default(),
            repeats,
            patience: PATIENCE.min(limits.read / 4),
            hosts: OnceMap::default(),
            indexes: None,
        };
        Ok(Self { rules, limits, client, before: Mutex::default() })
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
            let waiting = WaitingTime::default();
            let request = self.request(question, &endpoint, &question.tag, false, &waiting);
            let work = self.client.resolve_at(request, false);
            let answer = waiting.within(self.limits.question, work).await;
            let answer =
                answer.unwrap_or_else(|| Err(Outage::Silent { host: endpoint.shown().to_owned() }.into()));
            let name = format!("{}/{}", endpoint.shown(), endpoint.repository);
            answers.push((name, answer.map(|resolution| resolution.digest)));
        }
        answers
    }

    /// Returns what the registry itself says the tag is now; `None` where no mirror is asked before it.
    pub(super) async fn at_origin(&self, question: &TagRef) -> Option<Result<Digest, ResolveError>> {
        let endpoints = self.endpoints(question, Purpose::Tag).ok()?;
        let endpoint = endpoints.last().filter(|_| endpoints.len() > 1)?;
        let waiting = WaitingTime::default();
        let request = self.request(question, endpoint, &question.tag, true, &waiting);
        let work = async { self.client.resolve_at(request, false).await.map(|resolution| resolution.digest) };
        Some(self.in_time(question, &waiting, work).await)
    }

    /// Runs `work` as long as one question may take, what it was `waiting` for its turns aside.
    pub(crate) async fn in_time<T>(
        &self,
        question: &TagRef,
        waiting: &WaitingTime,
        work: impl Future<Output = Result<T, ResolveError>> + Send,
    ) -> Result<T, ResolveError> {
        let limit = self.limits.question;
        let late = || Err(Outage::TimedOut { question: question.clone(), limit }.into());
        waiting.within(limit, work).await.unwrap_or_else(late)
    }

    /// Returns how many requests the hosts of `registry` get at once.
    pub(crate) fn at_once(&self, registry: &str) -> usize {
        endpoint::concurrency(&self.rules, registry).unwrap_or(self.limits.at_once)
    }

    /// Takes note that these questions are asked again, and gives the hosts that were asked another chance: one for each `pass`.
    pub(super) fn forgive<'q>(&self, questions: impl Iterator<Item = &'q TagRef>, pass: u32) {
        let endpoints = |question: &TagRef| {
            self.before().entry(question.clone()).or_default().pass = pass;
            self.endpoints(question, Purpose::Digest).unwrap_or_default()
        };
        let hosts: BTreeSet<String> = questions.flat_map(endpoints).map(|endpoint| endpoint.host).collect();
        for host in hosts.iter().filter_map(|host| self.client.hosts.known(host)) {
            host.forgive(pass, self.limits.retry_delay * PROBATION);
        }
    }

    fn before(&self) -> MutexGuard<'_, HashMap<TagRef, AskedBefore>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn endpoints(
        &self,
        question: &TagRef,
        wanted: Purpose,
    ) -> Result<Vec<Endpoint>, Box<NotAllowed>> {
        endpoint::endpoints(&self.rules, &question.registry, &question.repository, wanted)
    }

    fn request<'a>(
        &self,
        question: &TagRef,
        endpoint: &'a Endpoint,
        reference: &'a str,
        retries: bool,
        waiting: &'a WaitingTime,
    ) -> Request<'a> {
        let (kind, limit) = (RequestKind::Manifest, self.limits.manifest);
        let at_once = self.at_once(&question.registry);
        let AskedBefore { pass, doubted } = self.before().get(question).copied().unwrap_or_default();
        let connection = if doubted { Connection::Fresh } else { Connection::Pooled };
        Request {
            endpoint,
            kind,
            reference,
            query: None,
            limit,
            retries,
            counts: true,
            pass,
            connection,
            at_once,
            waiting,
        }
    }

    /// Takes note of an answer that is wrong or impossible: the question goes over connections of its own from then on.
    fn doubt(&self, question: &TagRef, error: &ResolveError) {
        // A digest that is not there was named by a wrong answer; a tag that is not there is not asked for again.
        if matches!(error, ResolveError::InvalidAnswer(_) | ResolveError::NotFound(_)) {
            self.before().entry(question.clone()).or_default().doubted = true;
        }
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
        waiting: &WaitingTime,
    ) -> Result<Resolution, ResolveError> {
        let endpoints = self.endpoints(question, Purpose::Tag)?;
        let mut result = Err(no_endpoint(question));
        for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
            self.note_place(endpoint);
            let request = self.request(question, endpoint, &question.tag, left == 0, waiting);
            result = self.client.resolve_at(request, read).await;
            match &result {
                Err(error) if left > 0 => {
                    tracing::info!(%error, "a mirror has no answer, the next is asked");
                    step(|| format!("no answer from this mirror, the next place is asked: {error}"));
                }
                _ => break,
            }
        }
        result.inspect_err(|error| self.doubt(question, error))
    }

    pub(super) async fn look_anywhere(
        &self,
        question: &TagRef,
        look: &Probe,
        pressing: Priority,
        waiting: &WaitingTime,
    ) -> Result<Probed, ResolveError> {
        let endpoints = self.endpoints(question, Purpose::Digest)?;
        let mut result = Err(no_endpoint(question));
        for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
            self.note_place(endpoint);
            let mut request = self.request(question, endpoint, look.digest().as_str(), left == 0, waiting);
            if matches!(look, Probe::Details(_)) {
                request.limit = self.limits.config;
            }
            if let Priority::No(most) = pressing {
                (request.retries, request.counts) = (false, false);
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
        result.inspect_err(|error| self.doubt(question, error))
    }
}

fn no_endpoint(question: &TagRef) -> ResolveError {
    Outage::NoEndpoint(question.clone()).into()
}
