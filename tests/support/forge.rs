//! A forge on loopback that answers what GitHub's REST API answers, and keeps state: pull requests of one repository.
#![expect(clippy::expect_used, reason = "a test's server fails by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::{Value, json};

pub(crate) use super::github_answers::Mood;
use super::github_answers::{cut_off, json_answer, moody, refused};
use super::github_app::App;
use super::github_pulls::{create, list, update};
use super::{github_git, github_graphql, github_issues, github_json};

/// What the forge is for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) owner: String,
    pub(crate) repository: String,
    /// The one token that is accepted.
    pub(crate) token: String,
    /// A private repository answers 404 without a token, a public one can be read.
    pub(crate) private: bool,
    pub(crate) default_branch: String,
    /// What the forge lists, as GitHub's JSON: of the organization or user `owner`, and of the installation.
    pub(crate) listed: Arc<Mutex<Vec<Value>>>,
    /// Where the API starts: empty, or `/api/v3` as on GitHub Enterprise Server.
    pub(crate) prefix: String,
    /// Whose the token is.
    pub(crate) login: String,
    /// The repository, for the Git Data API.
    pub(crate) git: Option<PathBuf>,
    /// Whether the token may not change workflows.
    pub(crate) refuse_workflows: bool,
    /// Whether the repository lets pull requests merge by themselves.
    pub(crate) auto_merge: bool,
    /// The App whose signed tokens are taken, and what it was given.
    pub(crate) app: Option<App>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            owner: "acme".to_owned(),
            repository: "clusters".to_owned(),
            token: "forge-token".to_owned(),
            private: false,
            default_branch: "main".to_owned(),
            listed: Arc::default(),
            prefix: String::new(),
            login: "tagpin-bot".to_owned(),
            git: None,
            refuse_workflows: false,
            auto_merge: true,
            app: None,
        }
    }
}

/// Which commit a branch of the repository is at; `None` where there is no such branch.
pub(crate) type Branches = dyn Fn(&str) -> Option<String> + Send + Sync;

/// One request, as the forge got it.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) method: String,
    /// The path below the API's base.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// `accept`, `content-type`, `user-agent`, `x-github-api-version`; of `authorization` the scheme alone.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body; a JSON string of the raw text where it is no JSON.
    pub(crate) body: Option<Value>,
    /// What was answered.
    pub(crate) status: u16,
}

/// One pull request, as the forge keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) state: String,
    pub(crate) base: String,
    pub(crate) head: String,
    /// `owner/name`; `None` for a fork that was deleted.
    pub(crate) head_repository: Option<String>,
    pub(crate) head_oid: String,
    pub(crate) user: String,
    /// Whether it was merged; then it is closed, too.
    pub(crate) merged: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) draft: bool,
    /// What else was added: reviewers, teams, assignees, milestone, auto-merge.
    pub(crate) added: Vec<String>,
}

impl Pull {
    /// Tells whether the forge merges it as soon as it may.
    pub(crate) fn merges_by_itself(&self) -> bool {
        self.added.iter().any(|added| added.starts_with("auto-merge "))
    }
}

pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) branches: Box<Branches>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) pulls: Vec<Pull>,
    /// What happened to pull requests: number, GraphQL's name of the event, who did it.
    pub(super) events: Vec<(u64, String, String)>,
    log: Vec<Logged>,
    moods: VecDeque<(Method, Mood)>,
    always: Option<Mood>,
    /// What happens once, before a request for this path is handled.
    before: Option<(String, Box<dyn FnOnce() + Send>)>,
}

/// The forge. Its server stops when this value is dropped.
pub(crate) struct Forge {
    shared: Arc<Shared>,
    host: String,
    server: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Forge {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

impl Forge {
    /// Makes a forge that is not served yet: see [`Forge::router`].
    pub(crate) fn new(
        settings: Settings,
        branches: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let inner = Mutex::default();
        let shared = Arc::new(Shared { settings, branches: Box::new(branches), inner });
        Self { shared, host: String::new(), server: None }
    }

    /// Serves a forge on a free port of loopback.
    pub(crate) async fn start(
        settings: Settings,
        branches: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let mut forge = Self::new(settings, branches);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        forge.host = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let router = forge.router();
        forge.server = Some(tokio::spawn(async move {
            let _stopped = axum::serve(listener, router).await;
        }));
        forge
    }

    /// Returns the API, prefix included, to be served together with something else.
    pub(crate) fn router(&self) -> Router {
        let api = Router::new().fallback(handle).with_state(self.shared.clone());
        match self.shared.settings.prefix.as_str() {
            "" => api,
            // GraphQL stands beside the REST API.
            prefix => Router::new().nest(prefix, api.clone()).nest(prefix.trim_end_matches("/v3"), api),
        }
    }

    /// Returns what a client's `base-url` is.
    pub(crate) fn base_url(&self) -> String {
        format!("{}{}", self.host, self.shared.settings.prefix)
    }

    /// Answers the next request with `method` in this mood; more than one are taken in order.
    pub(crate) fn next(&self, method: &str, mood: Mood) {
        let method = method.parse().expect("a method");
        self.inner().moods.push_back((method, mood));
    }

    /// Answers every request in this mood, or normally again.
    pub(crate) fn always(&self, mood: Option<Mood>) {
        self.inner().always = mood;
    }

    /// Does something once, just before the next request for `path` is handled.
    pub(crate) fn before(&self, path: &str, deed: impl FnOnce() + Send + 'static) {
        self.inner().before = Some((path.to_owned(), Box::new(deed)));
    }

    /// Notes what somebody did to a pull request, by GraphQL's name of the event.
    pub(crate) fn event(&self, number: u64, kind: &str, actor: &str) {
        self.inner().events.push((number, kind.to_owned(), actor.to_owned()));
    }

    /// Adds a pull request that somebody else opened, and returns its number.
    pub(crate) fn open(&self, pull: Pull) -> u64 {
        self.inner().open(pull)
    }

    /// Changes the pull request, as a person would.
    pub(crate) fn edit(&self, number: u64, change: impl FnOnce(&mut Pull)) {
        let mut inner = self.inner();
        change(inner.pulls.iter_mut().find(|pull| pull.number == number).expect("it is there"));
    }

    /// Closes the pull request, as a person would.
    pub(crate) fn close(&self, number: u64) {
        self.end(number, false);
    }

    /// Marks the pull request as merged; the branches are left to the caller.
    pub(crate) fn merge(&self, number: u64) {
        self.end(number, true);
    }

    fn end(&self, number: u64, merged: bool) {
        for pull in self.inner().pulls.iter_mut().filter(|pull| pull.number == number) {
            // From now on the head stays where it is, whatever becomes of the branch.
            pull.head_oid = (self.shared.branches)(&pull.head).unwrap_or_else(|| pull.head_oid.clone());
            pull.state = "closed".to_owned();
            pull.merged = merged;
        }
    }

    /// Returns every pull request, open or not.
    pub(crate) fn pulls(&self) -> Vec<Pull> {
        self.inner().pulls.clone()
    }

    /// Returns every request since the last call of [`Forge::forget`].
    pub(crate) fn log(&self) -> Vec<Logged> {
        self.inner().log.clone()
    }

    /// Returns every request that changes something: neither a GET nor a query.
    pub(crate) fn writes(&self) -> Vec<Logged> {
        let is_query = |request: &Logged| {
            let query = request.body.as_ref().and_then(|body| body["query"].as_str());
            request.path == "/graphql" && query.is_some_and(|query| query.starts_with("query"))
        };
        self.log().into_iter().filter(|request| request.method != "GET" && !is_query(request)).collect()
    }

    /// Empties the log.
    pub(crate) fn forget(&self) {
        self.inner().log.clear();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock()
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.settings.owner, self.settings.repository)
    }

    /// Returns the pull request as GitHub shows it: its head is where the branch is now.
    pub(super) fn shown(&self, pull: &Pull) -> Value {
        let mut pull = pull.clone();
        if pull.state == "open"
            && pull.head_repository.as_ref() == Some(&self.full_name())
            && let Some(oid) = (self.branches)(&pull.head)
        {
            pull.head_oid = oid;
        }
        let base_oid = (self.branches)(&pull.base).unwrap_or_else(|| "0".repeat(40));
        github_json::pull(&pull, &base_oid, &self.settings)
    }
}

impl Inner {
    pub(super) fn open(&mut self, mut pull: Pull) -> u64 {
        pull.number = self.pulls.iter().map(|pull| pull.number).max().unwrap_or_default() + 1;
        self.pulls.push(pull);
        self.pulls.len() as u64
    }

    fn mood(&mut self, method: &Method) -> Option<Mood> {
        let at = self.moods.iter().position(|(for_method, _)| for_method == method);
        at.and_then(|at| self.moods.remove(at)).map(|(_, mood)| mood).or(self.always)
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect::<Vec<_>>();
    let mood = shared.lock().mood(&method);
    let before = shared.lock().before.take_if(|(path, _)| path == uri.path());
    if let Some((_, deed)) = before {
        deed();
    }
    let response = answer(&shared, &method, uri.path(), &query, &headers, &body, mood);
    shared.lock().log.push(Logged {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query,
        headers: of_interest(&headers),
        body: (!body.is_empty()).then(|| {
            serde_json::from_slice(&body)
                .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into())
        }),
        status: response.status().as_u16(),
    });
    response
}

fn of_interest(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text =
        |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut kept = ["accept", "content-type", "user-agent", "x-github-api-version"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), text(name)?)))
        .collect::<BTreeMap<_, _>>();
    if let Some(value) = text("authorization") {
        kept.insert("authorization".to_owned(), value.split(' ').next().unwrap_or_default().to_owned());
    }
    kept
}

fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: &[(String, String)],
    headers: &HeaderMap,
    body: &[u8],
    mood: Option<Mood>,
) -> Response {
    let done = || route(shared, method, path, query, headers, body);
    match mood {
        None => done(),
        Some(Mood::HangUp) => cut_off(),
        Some(Mood::HangUpAfter) => {
            done();
            cut_off()
        }
        Some(mood) => moody(mood, &shared.full_name()),
    }
}

fn route(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: &[(String, String)],
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let given =
        headers.get("authorization").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let token = given.as_deref().map(|given| given.split_once(' ').map_or("", |(_, token)| token));
    let not_found = || refused(404, "Not Found", json!(null));
    let segments = path.trim_start_matches('/').split('/').collect::<Vec<_>>();
    if let Some(app) = &shared.settings.app
        && let Some(response) = app.answer(method, &segments, token, &shared.full_name(), body)
    {
        return response;
    }
    if let Some(answer) = super::discovery::route(&shared.settings, method, &segments, query, token) {
        return answer;
    }
    if token.is_some_and(|token| token != shared.settings.token) {
        return refused(401, "Bad credentials", json!(null));
    }
    if segments == ["graphql"] {
        return match token {
            Some(_) => with_json(body, |body| github_graphql::answer(shared, body)),
            None => refused(401, "This endpoint requires you to be authenticated.", json!(null)),
        };
    }
    let ["repos", owner, repository, rest @ ..] = segments.as_slice() else { return not_found() };
    let settings = &shared.settings;
    let known =
        owner.eq_ignore_ascii_case(&settings.owner) && repository.eq_ignore_ascii_case(&settings.repository);
    if !known || (token.is_none() && settings.private) {
        return not_found();
    }
    if token.is_none() && method != Method::GET {
        return refused(401, "Requires authentication", json!(null));
    }
    match (method, rest) {
        (&Method::GET, []) => json_answer(200, &github_json::repository(&shared.full_name(), settings)),
        (&Method::GET, ["pulls"]) => list(shared, query),
        (&Method::POST, ["pulls"]) => with_json(body, |body| create(shared, body)),
        (&Method::GET, ["pulls", number]) => with_pull(shared, number, |_| None),
        (&Method::PATCH, ["pulls", number]) => {
            with_json(body, |body| with_pull(shared, number, |pull| update(shared, pull, body)))
        }
        (_, ["git", rest @ ..]) => github_git::answer(shared, method, rest, body),
        (&Method::GET, ["milestones"]) => {
            json_answer(200, &json!([github_json::milestone(7, "Autumn", &shared.full_name())]))
        }
        (_, ["issues" | "pulls", number, ..]) => {
            let body = serde_json::from_slice(body).unwrap_or_default();
            with_pull(shared, number, |pull| Some(github_issues::answer(pull, method, &rest[2..], &body)))
        }
        _ => not_found(),
    }
}

fn with_json(body: &[u8], then: impl FnOnce(&Value) -> Response) -> Response {
    match serde_json::from_slice::<Value>(body) {
        Ok(body @ Value::Object(_)) => then(&body),
        Ok(_) => refused(400, "Body should be a JSON object", json!(null)),
        Err(_) => refused(400, "Problems parsing JSON", json!(null)),
    }
}

fn with_pull(shared: &Shared, number: &str, then: impl FnOnce(&mut Pull) -> Option<Response>) -> Response {
    let mut inner = shared.lock();
    match inner.pulls.iter_mut().find(|pull| pull.number.to_string() == number) {
        None => refused(404, "Not Found", json!(null)),
        Some(pull) => then(pull).unwrap_or_else(|| json_answer(200, &shared.shown(pull))),
    }
}
