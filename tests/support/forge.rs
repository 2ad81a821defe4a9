//! A forge on loopback that answers what GitHub's REST API answers, and keeps state: pull requests of one repository.
#![expect(clippy::expect_used, reason = "a test's server fails by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(crate) use super::github_answers::Mood;
use super::github_answers::{custom, cut_off, invalid, json_answer, moody, refused};
use super::github_app::App;
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

pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) branches: Box<Branches>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) pulls: Vec<Pull>,
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
    fn open(&mut self, mut pull: Pull) -> u64 {
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

fn list(shared: &Shared, query: &[(String, String)]) -> Response {
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let state = value("state").unwrap_or("open");
    let label = |pull: &Pull| {
        let owner =
            pull.head_repository.as_deref().and_then(|name| name.split('/').next()).unwrap_or("unknown");
        format!("{}:{}", owner.to_ascii_lowercase(), pull.head)
    };
    // A head without an owner filters nothing, as on GitHub.
    let head = value("head").and_then(|head| head.split_once(':'));
    let head = head.map(|(owner, branch)| format!("{}:{branch}", owner.to_ascii_lowercase()));
    let matches = |pull: &&Pull| {
        (state == "all" || pull.state == state)
            && head.as_ref().is_none_or(|head| *head == label(pull))
            && value("base").is_none_or(|base| pull.base == base)
    };
    let inner = shared.lock();
    let mut pulls = inner.pulls.iter().filter(matches).collect::<Vec<_>>();
    if value("direction") != Some("asc") {
        pulls.reverse();
    }
    let number =
        |name: &str, default: usize| value(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (per_page, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let shown = pulls.iter().skip((page - 1) * per_page).take(per_page).map(|pull| shared.shown(pull));
    let answer = json_answer(200, &shown.collect());
    if page * per_page >= pulls.len() {
        return answer;
    }
    let next = format!(
        "<https://api.github.com/repositories/1/pulls?per_page={per_page}&page={}>; rel=\"next\"",
        page + 1
    );
    ([("link", next)], answer).into_response()
}

fn create(shared: &Shared, body: &Value) -> Response {
    for field in ["head", "base"] {
        if !body[field].is_string() {
            return refused(422, &format!("Invalid request.\n\n\"{field}\" wasn't supplied."), json!(null));
        }
    }
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let (head, base, title) = (text("head"), text("base"), text("title").trim().to_owned());
    if title.is_empty() {
        let error = json!([{"resource": "PullRequest", "code": "missing_field", "field": "title"}]);
        return refused(422, "Validation Failed", error);
    }
    if let Some(refusal) = too_long(body) {
        return refusal;
    }
    let draft = body["draft"] == true;
    let head = head.strip_prefix(&format!("{}:", shared.settings.owner)).unwrap_or(&head).to_owned();
    let Some(head_oid) = (shared.branches)(&head) else { return invalid("head") };
    let Some(base_oid) = (shared.branches)(&base) else { return invalid("base") };
    if head_oid == base_oid {
        return custom(&format!("No commits between {base} and {head}"));
    }
    let mut inner = shared.lock();
    let own = Some(shared.full_name());
    let same = |pull: &Pull| {
        pull.state == "open" && pull.head == head && pull.base == base && pull.head_repository == own
    };
    if inner.pulls.iter().any(same) {
        return custom(&format!("A pull request already exists for {}:{head}.", shared.settings.owner));
    }
    let number = inner.open(Pull {
        number: 0,
        title,
        body: body["body"].as_str().map(stored),
        state: "open".to_owned(),
        base,
        head,
        head_repository: own,
        head_oid,
        user: shared.settings.login.clone(),
        merged: false,
        labels: Vec::new(),
        draft,
        added: Vec::new(),
    });
    let pull = inner.pulls.iter().find(|pull| pull.number == number);
    pull.map_or_else(
        || refused(500, "Server Error", json!(null)),
        |pull| json_answer(201, &shared.shown(pull)),
    )
}

fn update(shared: &Shared, pull: &mut Pull, body: &Value) -> Option<Response> {
    if let Some(refusal) = too_long(body) {
        return Some(refusal);
    }
    if let Some(base) = body["base"].as_str() {
        if (shared.branches)(base).is_none() {
            return Some(invalid("base"));
        }
        pull.base = base.to_owned();
    }
    if let Some(title) = body["title"].as_str() {
        pull.title = title.trim().to_owned();
    }
    if let Some(body) = body["body"].as_str() {
        pull.body = Some(stored(body));
    }
    if let Some(oid) = (shared.branches)(&pull.head).filter(|_| body["state"] == "closed") {
        pull.head_oid = oid;
    }
    if let Some(state) = body["state"].as_str() {
        pull.state = state.to_owned();
    }
    None
}

/// Returns the body as GitHub gives it back, so that a client that compares byte for byte is found out.
fn stored(body: &str) -> String {
    body.trim().replace("\r\n", "\n").replace('\n', "\r\n")
}

fn too_long(body: &Value) -> Option<Response> {
    let long =
        |field: &str, most: usize| body[field].as_str().is_some_and(|text| text.chars().count() > most);
    for (field, most) in [("body", 65_536), ("title", 256)] {
        if long(field, most) {
            let message = format!("{field} is too long (maximum is {most} characters)");
            let error =
                json!([{"resource": "PullRequest", "code": "custom", "field": field, "message": message}]);
            return Some(refused(422, "Validation Failed", error));
        }
    }
    None
}
