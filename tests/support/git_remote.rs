//! A git server over smart HTTP (protocol version 0) on bare repositories, with no git program: the protocol as
//! `gitprotocol-http` and `gitprotocol-pack` describe it, and the moods of real forges.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use git2::{ObjectType, Oid, Repository};
use serde::Deserialize;

use super::bare_repository::BareRepository;

/// How the server behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should.
    #[default]
    Fine,
    /// Takes the objects of a push and refuses to move the branch, with this message.
    Reject(String),
    /// Refuses, in GitHub's words, pushes that change `.github/workflows`.
    RefuseWorkflows,
    /// Moves a branch to a commit just before it handles a push, as a human who is quicker would.
    MoveFirst(String, Oid),
    /// Answers every request with this status and this text.
    Status(u16, String),
    /// Sends the ref advertisement elsewhere: this replaces everything before `/info/refs`.
    Redirect(String),
    /// Answers with a web page, as a proxy's login does.
    WebPage,
    /// Advertises this instead of the refs.
    Advertise(Vec<u8>),
}

/// The bare repositories in a directory, as `/<owner>/<name>.git`, and how they are served.
#[derive(Clone)]
pub(crate) struct GitHost(Arc<Inner>);

struct Inner {
    root: PathBuf,
    mood: Mutex<Mood>,
    credentials: Mutex<Option<String>>,
    requests: Mutex<Vec<(String, String)>>,
}

impl GitHost {
    pub(crate) fn new(root: &FilePath) -> Self {
        Self(Arc::new(Inner {
            root: root.to_owned(),
            mood: Mutex::default(),
            credentials: Mutex::default(),
            requests: Mutex::default(),
        }))
    }

    /// Returns the routes, to be served alone or beside a forge's.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/{owner}/{name}/info/refs", get(advertise))
            .route("/{owner}/{name}/git-upload-pack", post(upload_pack))
            .route("/{owner}/{name}/git-receive-pack", post(receive_pack))
            .layer(DefaultBodyLimit::disable())
            .layer(middleware::from_fn_with_state(self.clone(), guard))
            .with_state(self.clone())
    }

    /// Makes the empty bare repository `<owner>/<name>`.
    pub(crate) fn create(&self, name: &str) -> BareRepository {
        BareRepository::create(&self.0.root.join(format!("{name}.git")))
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    /// From now on, every request must bring these credentials.
    pub(crate) fn require(&self, username: &str, password: &str) {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
        *self.0.credentials.lock().unwrap() = Some(format!("Basic {pair}"));
    }

    /// Returns the method and the path, query included, of every request since the last call.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.0.requests.lock().unwrap())
    }

    fn mood(&self) -> Mood {
        self.0.mood.lock().unwrap().clone()
    }

    fn open(&self, owner: &str, name: &str) -> Option<Repository> {
        let plain = |part: &str| !part.starts_with('.') && !part.contains('/');
        let path = self.0.root.join(owner).join(name);
        let path = if path.is_dir() { path } else { self.0.root.join(owner).join(format!("{name}.git")) };
        (plain(owner) && plain(name)).then(|| Repository::open_bare(path).ok())?
    }
}

/// A server on a loopback port, until it is dropped.
pub(crate) struct GitRemote {
    host: GitHost,
    address: SocketAddr,
    directory: tempfile::TempDir,
    server: tokio::task::JoinHandle<()>,
}

impl GitRemote {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let host = GitHost::new(directory.path());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = host.router();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { host, address, directory, server }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.address)
    }

    pub(crate) fn directory(&self) -> &FilePath {
        self.directory.path()
    }
}

/// Runs blocking `work` beside a server, as `tagpin run` does, and hands it an empty directory for clones.
pub(crate) fn beside<T: Send + 'static>(work: impl FnOnce(GitRemote, &FilePath) -> T + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let remote = GitRemote::start().await;
        let cache = tempfile::tempdir().unwrap();
        tokio::task::spawn_blocking(move || work(remote, cache.path())).await.unwrap()
    })
}

impl Deref for GitRemote {
    type Target = GitHost;

    fn deref(&self) -> &GitHost {
        &self.host
    }
}

impl Drop for GitRemote {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Logs the request, asks for credentials, and has the moods that need no repository.
async fn guard(State(host): State<GitHost>, request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    host.0.requests.lock().unwrap().push((request.method().to_string(), target));
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let wanted = host.0.credentials.lock().unwrap().clone();
    if wanted.is_some() && sent != wanted.as_deref() {
        let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\""), (header::CONTENT_TYPE, "text/plain")];
        let said = format!("Invalid credentials: {}", sent.unwrap_or("none"));
        return (StatusCode::UNAUTHORIZED, ask, said).into_response();
    }
    match host.mood() {
        Mood::Status(status, text) => {
            let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (StatusCode::from_u16(status).unwrap(), plain, text).into_response()
        }
        Mood::Redirect(base)
            if request.uri().path().ends_with("/info/refs") && !request.uri().path().starts_with(&base) =>
        {
            let query = request.uri().query().unwrap_or_default();
            let target = format!("{base}/info/refs?{query}");
            (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, target)]).into_response()
        }
        Mood::WebPage => axum::response::Html("<h1>Please sign in</h1>").into_response(),
        _ => next.run(request).await,
    }
}

#[derive(Deserialize)]
struct Service {
    service: String,
}

fn answer(kind: &str, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, format!("application/x-{kind}")),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (headers, body).into_response()
}

async fn advertise(
    State(host): State<GitHost>,
    Path((owner, name)): Path<(String, String)>,
    Query(Service { service }): Query<Service>,
) -> Response {
    let Some(git) = host.open(&owner, &name) else { return StatusCode::NOT_FOUND.into_response() };
    let mut body = Vec::new();
    line(&mut body, format!("# service={service}\n").as_bytes());
    body.extend_from_slice(b"0000");
    if let Mood::Advertise(refs) = host.mood() {
        body.extend_from_slice(&refs);
    } else {
        body.extend_from_slice(&refs(&git, service == "git-upload-pack"));
    }
    answer(&format!("{service}-advertisement"), body)
}

fn refs(git: &Repository, upload: bool) -> Vec<u8> {
    let mut refs: Vec<(String, Oid)> = git
        .references()
        .unwrap()
        .filter_map(|reference| {
            let reference = reference.unwrap();
            Some((reference.name().unwrap().to_owned(), reference.target()?))
        })
        .collect();
    refs.sort();
    let head = git.find_reference("HEAD").unwrap();
    let head = head.symbolic_target().unwrap().unwrap_or_default().to_owned();
    let capabilities = if upload {
        if let Ok(target) = git.refname_to_id(&head) {
            refs.insert(0, ("HEAD".to_owned(), target));
        }
        format!("multi_ack side-band-64k ofs-delta shallow symref=HEAD:{head} agent=loopback/1")
    } else {
        "report-status delete-refs side-band-64k ofs-delta agent=loopback/1".to_owned()
    };
    if refs.is_empty() {
        refs.push(("capabilities^{}".to_owned(), Oid::ZERO_SHA1));
    }
    let mut body = Vec::new();
    for (at, (name, oid)) in refs.iter().enumerate() {
        let capabilities = if at == 0 { format!("\0{capabilities}") } else { String::new() };
        line(&mut body, format!("{oid} {name}{capabilities}\n").as_bytes());
    }
    body.extend_from_slice(b"0000");
    body
}

async fn upload_pack(
    State(host): State<GitHost>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(git) = host.open(&owner, &name) else { return StatusCode::NOT_FOUND.into_response() };
    let (lines, _) = lines(&body);
    let ids = |keyword: &str| -> BTreeSet<Oid> {
        let lines = lines.iter().filter_map(|line| line.strip_prefix(keyword));
        lines.map(|rest| Oid::from_str(&rest[..40]).unwrap()).collect()
    };
    let (wants, haves, shallow) = (ids("want "), ids("have "), ids("shallow "));
    let depth: usize = lines.iter().find_map(|line| line.strip_prefix("deepen ")?.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    let (commits, boundary) = history(&git, &wants, depth);
    if depth > 0 {
        for commit in boundary.difference(&shallow) {
            line(&mut body, format!("shallow {commit}").as_bytes());
        }
        for commit in commits.iter().filter(|commit| shallow.contains(commit) && !boundary.contains(commit)) {
            line(&mut body, format!("unshallow {commit}").as_bytes());
        }
        body.extend_from_slice(b"0000");
    }
    let common: Vec<Oid> = haves.iter().copied().filter(|have| git.find_commit(*have).is_ok()).collect();
    for have in &common {
        line(&mut body, format!("ACK {have} continue\n").as_bytes());
    }
    if !lines.iter().any(|line| line == "done") {
        if !haves.is_empty() {
            line(&mut body, b"NAK\n");
        }
        return answer("git-upload-pack-result", body);
    }
    match common.last() {
        Some(have) => line(&mut body, format!("ACK {have}\n").as_bytes()),
        None => line(&mut body, b"NAK\n"),
    }
    let mut known = BTreeSet::new();
    for have in &common {
        objects(&git, git.find_commit(*have).unwrap().tree_id(), &mut known);
        known.insert(*have);
    }
    let mut wanted = BTreeSet::new();
    for commit in &commits {
        objects(&git, git.find_commit(*commit).unwrap().tree_id(), &mut wanted);
        wanted.insert(*commit);
    }
    let mut builder = git.packbuilder().unwrap();
    for object in wanted.difference(&known) {
        builder.insert_object(*object, None).unwrap();
    }
    let mut pack = git2::Buf::new();
    builder.write_buf(&mut pack).unwrap();
    side_band(&mut body, 2, format!("Enumerating objects: {}, done.\n", builder.object_count()).as_bytes());
    side_band(&mut body, 1, &pack);
    body.extend_from_slice(b"0000");
    answer("git-upload-pack-result", body)
}

/// Returns the commits from `wants` on, `depth` deep (0: all), and those whose parents are left out.
fn history(git: &Repository, wants: &BTreeSet<Oid>, depth: usize) -> (BTreeSet<Oid>, BTreeSet<Oid>) {
    let (mut commits, mut boundary) = (BTreeSet::new(), BTreeSet::new());
    let mut generation: Vec<Oid> = wants.iter().copied().collect();
    let mut level = 1;
    while !generation.is_empty() {
        let mut next = Vec::new();
        for id in generation {
            let commit = git.find_commit(id).unwrap();
            if commits.insert(id) && level == depth && commit.parent_count() > 0 {
                boundary.insert(id);
            } else if level != depth {
                next.extend(commit.parent_ids());
            }
        }
        level += 1;
        generation = if depth > 0 && level > depth { Vec::new() } else { next };
    }
    (commits, boundary)
}

/// Collects a tree and everything below it.
fn objects(git: &Repository, tree: Oid, into: &mut BTreeSet<Oid>) {
    if !into.insert(tree) {
        return;
    }
    for entry in &git.find_tree(tree).unwrap() {
        match entry.kind() {
            Some(ObjectType::Tree) => objects(git, entry.id(), into),
            Some(ObjectType::Blob) => drop(into.insert(entry.id())),
            _ => {}
        }
    }
}

async fn receive_pack(
    State(host): State<GitHost>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers[header::CONTENT_TYPE], "application/x-git-receive-pack-request");
    let Some(git) = host.open(&owner, &name) else { return StatusCode::NOT_FOUND.into_response() };
    let mood = host.mood();
    if let Mood::MoveFirst(branch, to) = &mood {
        git.reference(&format!("refs/heads/{branch}"), *to, true, "quicker").unwrap();
    }
    let (commands, pack) = lines(&body);
    let mut report = Vec::new();
    let unpacked = unpack(&git, pack);
    match &unpacked {
        Ok(()) => line(&mut report, b"unpack ok\n"),
        Err(error) => line(&mut report, format!("unpack {}\n", error.message()).as_bytes()),
    }
    let mut remarks = Vec::new();
    for command in commands {
        let command = command.split('\0').next().unwrap().to_owned();
        let mut parts = command.split(' ');
        let mut id = || Oid::from_str(parts.next().unwrap()).unwrap();
        let (old, new) = (id(), id());
        let name = parts.next().unwrap().to_owned();
        let result = match &mood {
            _ if unpacked.is_err() => Err("unpacker error".to_owned()),
            Mood::Reject(message) => {
                remarks.extend_from_slice(format!("error: GH006: {message}\n").as_bytes());
                Err("protected branch hook declined".to_owned())
            }
            Mood::RefuseWorkflows if changes_workflows(&git, new) => Err(
                "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without \
                 `workflows` permission"
                    .to_owned(),
            ),
            _ => move_ref(&git, &name, old, new),
        };
        match result {
            Ok(()) => line(&mut report, format!("ok {name}\n").as_bytes()),
            Err(message) => line(&mut report, format!("ng {name} {message}\n").as_bytes()),
        }
    }
    report.extend_from_slice(b"0000");
    let mut body = Vec::new();
    if !remarks.is_empty() {
        side_band(&mut body, 2, &remarks);
    }
    side_band(&mut body, 1, &report);
    body.extend_from_slice(b"0000");
    answer("git-receive-pack-result", body)
}

/// Adds the pushed objects. A pack of none, which git sends when the server has everything, is fine.
fn unpack(git: &Repository, pack: &[u8]) -> Result<(), git2::Error> {
    if pack.is_empty() || pack.get(8..12) == Some(&[0; 4]) {
        return Ok(());
    }
    let odb = git.odb()?;
    let mut writer = odb.packwriter()?;
    writer.write_all(pack).map_err(|error| git2::Error::from_str(&error.to_string()))?;
    writer.commit()?;
    Ok(())
}

fn move_ref(git: &Repository, name: &str, old: Oid, new: Oid) -> Result<(), String> {
    let found = git.refname_to_id(name).unwrap_or(Oid::ZERO_SHA1);
    if found != old {
        return Err("failed to update ref".to_owned());
    }
    if new.is_zero() {
        return git.find_reference(name).unwrap().delete().map_err(|error| error.message().to_owned());
    }
    let commit = git.find_commit(new).map_err(|error| format!("missing necessary objects: {error}"))?;
    if commit.parents().count() != commit.parent_count() {
        return Err("missing necessary objects".to_owned());
    }
    // In one step, as git does it: two pushes at once must not both be right.
    let moved = if old.is_zero() {
        git.reference(name, new, false, "push")
    } else {
        git.reference_matching(name, new, true, old, "push")
    };
    moved.map(drop).map_err(|_lost| "failed to update ref".to_owned())
}

fn changes_workflows(git: &Repository, commit: Oid) -> bool {
    let workflows = |commit: &git2::Commit<'_>| {
        Some(commit.tree().unwrap().get_path(FilePath::new(".github/workflows")).ok()?.id())
    };
    let commit = git.find_commit(commit).unwrap();
    workflows(&commit) != commit.parent(0).ok().and_then(|parent| workflows(&parent))
}

/// Writes one pkt-line.
fn line(body: &mut Vec<u8>, content: &[u8]) {
    write!(body, "{:04x}", content.len() + 4).unwrap();
    body.extend_from_slice(content);
}

fn side_band(body: &mut Vec<u8>, band: u8, content: &[u8]) {
    for chunk in content.chunks(65_000) {
        line(body, &[&[band], chunk].concat());
    }
}

/// Reads pkt-lines: all of them, flushes left out, up to a flush that something else (a pack) follows.
fn lines(mut body: &[u8]) -> (Vec<String>, &[u8]) {
    let mut lines = Vec::new();
    while let Some(length) = body.get(..4).and_then(|hex| str::from_utf8(hex).ok()) {
        let Ok(length) = usize::from_str_radix(length, 16) else { break };
        if length == 0 {
            body = &body[4..];
            continue;
        }
        lines.push(String::from_utf8_lossy(&body[4..length]).trim_end().to_owned());
        body = &body[length..];
    }
    (lines, body)
}
