//! Everything that `tagpin run` talks to, on loopback: registries, and one server that is git host and GitHub's API, as a
//! GitHub Enterprise Server is. No git program, no network, nothing to set up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use git2::Oid;
use jiff::Timestamp;
use secrecy::SecretString;
use tagpin::config::Config;
use tagpin::registry::{ClientSettings as RegistrySettings, HttpRegistry, Limits, Memo};
use tagpin::run::{self, BRANCH, RepositoryOutcome, RunContext, RunError, RunSession};
use tokio::sync::Notify;

use super::bare_repository::BareRepository;
use super::forge::{Forge, Settings};
use super::git_remote::GitHost;
use super::registry::Registry;

/// The one token of the git host and the API.
pub(crate) const TOKEN: &str = "ghp_loopbackToken0123456789";

/// The repository that the forge knows.
pub(crate) const NAME: &str = "acme/clusters";

/// The registries whose names lead to the loopback registry, so that manifests can look like real ones.
const REGISTRIES: [&str; 3] = ["docker.io", "ghcr.io", "quay.io"];

/// One world. Its servers stop when it is dropped.
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) git: GitHost,
    pub(crate) forge: Forge,
    /// What each tag is now, by `registry/repository:tag`.
    pub(crate) tags: BTreeMap<String, String>,
    /// The time on commits; a run later is a second later.
    pub(crate) now: Timestamp,
    pub(crate) gate: Gate,
    directory: tempfile::TempDir,
    host: String,
    server: tokio::task::JoinHandle<()>,
}

/// Where requests to git host and forge can be made to wait for ever, to see what a killed run leaves behind.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<GateInner>);

#[derive(Default)]
struct GateInner {
    passed: AtomicUsize,
    /// The number of the request that is held, counted from 1; 0 holds none.
    held: AtomicUsize,
    /// Whether it is handled before it is held.
    handled: AtomicBool,
    reached: Notify,
}

impl Gate {
    /// Holds the request with this number from now on, after it was handled or before.
    pub(crate) fn hold(&self, number: usize, handled: bool) {
        self.0.passed.store(0, Ordering::SeqCst);
        self.0.handled.store(handled, Ordering::SeqCst);
        self.0.held.store(number, Ordering::SeqCst);
    }

    /// Waits until the request is held.
    pub(crate) async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Lets everything pass again.
    pub(crate) fn open(&self) {
        self.0.held.store(0, Ordering::SeqCst);
    }
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let number = gate.0.passed.fetch_add(1, Ordering::SeqCst) + 1;
    let held = gate.0.held.load(Ordering::SeqCst) == number;
    if held && !gate.0.handled.load(Ordering::SeqCst) {
        gate.0.reached.notify_one();
        std::future::pending::<()>().await;
    }
    let response = next.run(request).await;
    if held {
        gate.0.reached.notify_one();
        std::future::pending::<()>().await;
    }
    response
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl World {
    /// Starts a world with an empty repository.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings of the forge.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().expect("there is room for temporary files");
        let git = GitHost::new(&directory.path().join("remote"));
        git.create(NAME);
        git.require("x-access-token", TOKEN);
        let mut settings =
            Settings { token: TOKEN.to_owned(), prefix: "/api/v3".to_owned(), ..Settings::default() };
        let repository = repository_path(directory.path(), NAME);
        settings.git = Some(repository.clone());
        change(&mut settings);
        let forge = Forge::new(settings, move |branch| {
            BareRepository::open(&repository).head(branch).map(|oid| oid.to_string())
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let host = listener.local_addr().expect("it is bound").to_string();
        let gate = Gate::default();
        let guard = axum::middleware::from_fn_with_state(gate.clone(), pass);
        let router = git.router().merge(forge.router()).layer(guard);
        let server = tokio::spawn(async move {
            let _stopped = axum::serve(listener, router).await;
        });
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let (registry, tags) = (Registry::start().await, BTreeMap::new());
        Self { registry, git, forge, tags, now, gate, directory, host, server }
    }

    /// Starts the world of the demo: the repository of `fixtures/demo`, and every image in it but one.
    pub(crate) async fn demo() -> Self {
        let mut world = Self::start().await;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
        let mut files = Vec::new();
        read(&root, &root, &mut files);
        files.sort();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        world.repository().seed(&files);
        for image in [
            "docker.io/library/alpine:3.22",
            "docker.io/library/nginx:1.27",
            "docker.io/bitnami/redis:7.4",
            "ghcr.io/acme/api:1.8",
            "ghcr.io/acme/search:latest",
            "quay.io/acme/worker:2026.11",
        ] {
            world.publish(image, "first build");
        }
        world
    }

    /// The configuration of [`World::config`] with these settings added: tables are those of the file.
    pub(crate) fn config_with(&self, more: &str) -> Config {
        let text = self.config_text("", "github", &[NAME]);
        // Keys for [forge] come first.
        let (forge, tables) = more.split_at(more.find('[').unwrap_or(more.len()));
        let text = text.replace("kind = \"github\"\n", &format!("kind = \"github\"\n{forge}")) + tables;
        Config::parse("tagpin.toml", self.directory.path(), text.as_bytes()).expect("a configuration")
    }

    /// Points a tag, written `registry/repository:tag`, at an index whose content depends on `build`.
    pub(crate) fn publish(&mut self, image: &str, build: &str) -> String {
        let (repository, tag) = image.rsplit_once(':').expect("an image with a tag");
        // Other images have other digests.
        let seed = format!("{image} {build}");
        let digest = self.registry.put_index(repository, tag, &["linux/amd64", "linux/arm64"], &seed);
        self.tags.insert(image.to_owned(), digest.clone());
        digest
    }

    /// The repository, as the git host has it.
    pub(crate) fn repository(&self) -> BareRepository {
        BareRepository::open(&repository_path(self.directory.path(), NAME))
    }

    /// The address of the repository `owner/name`.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.host)
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/api/v3", self.host)
    }

    /// The registry's address, for texts that should not depend on a port.
    pub(crate) fn registry_host(&self) -> String {
        self.registry.host()
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    /// A configuration file for these repositories; `more` stands before everything else in it.
    pub(crate) fn config_text(&self, more: &str, kind: &str, repositories: &[&str]) -> String {
        let mut text = format!(
            "cache-dir = '{}'\n{more}\n[forge]\nkind = \"{kind}\"\nbase-url = \"{}\"\n",
            self.cache().display(),
            self.base_url()
        );
        for name in repositories {
            text += &format!("[[repository]]\nurl = \"{}\"\n", self.url(name));
        }
        // Nobody is there, and it may be asked.
        text += "[[registry]]\nprefix = \"localhost:1\"\n";
        for name in REGISTRIES {
            let location = format!("{}/{name}", self.registry.host());
            text +=
                &format!("[[registry]]\nprefix = \"{name}\"\nlocation = \"{location}\"\ninsecure = true\n");
        }
        text
    }

    /// The configuration of a bot with this one repository and this forge.
    pub(crate) fn config(&self, kind: &str) -> Config {
        let text = self.config_text("", kind, &[NAME]);
        Config::parse("tagpin.toml", self.directory.path(), text.as_bytes()).expect("a configuration")
    }

    /// Runs tagpin on the repository, as `tagpin run` does, a second later than the last time. The logs of forge, git
    /// host and registry are those of this run alone.
    pub(crate) async fn run(&mut self) -> Result<RepositoryOutcome, RunError> {
        self.run_as(&self.config("github"), Some(TOKEN), false).await
    }

    /// The same with another configuration or token, or as a dry run.
    pub(crate) async fn run_as(
        &mut self,
        config: &Config,
        token: Option<&str>,
        dry_run: bool,
    ) -> Result<RepositoryOutcome, RunError> {
        let work = async |context: &RunContext<'_, Memo<HttpRegistry>>| {
            run::repository(context, &context.config.repositories[0], |_, _| {}).await
        };
        self.within(config, token, dry_run, work).await
    }

    /// Does what a person asks for, as `--pull-request` does.
    pub(crate) async fn run_request(
        &mut self,
        config: &Config,
        request: &tagpin::run::request::Request,
    ) -> Result<RepositoryOutcome, RunError> {
        let work = async |context: &RunContext<'_, Memo<HttpRegistry>>| {
            run::run_request(context, &context.config.repositories[0], request, "").await
        };
        self.within(config, Some(TOKEN), false, work).await
    }

    async fn within(
        &mut self,
        config: &Config,
        token: Option<&str>,
        dry_run: bool,
        work: impl AsyncFnOnce(&RunContext<'_, Memo<HttpRegistry>>) -> Result<RepositoryOutcome, RunError>,
    ) -> Result<RepositoryOutcome, RunError> {
        self.forget();
        let limits = Limits { retry_delay: std::time::Duration::from_millis(5), ..Limits::default() };
        let settings =
            RegistrySettings { rules: config.registries.clone(), limits, ..RegistrySettings::default() };
        let registry = Memo::new(HttpRegistry::new(settings).expect("usable settings"));
        self.now = Timestamp::from_second(self.now.as_second() + 1).expect("a time");
        let context = RunContext {
            config,
            registry: &registry,
            cache_dir: config.cache_dir().expect("the configuration names one"),
            token: token.map(SecretString::from),
            // What CI gives a repository of its own: the right to push.
            lookup: &|name| (name == "GIT_TOKEN").then(|| SecretString::from(TOKEN)),
            now: self.now,
            dry_run,
            session: &RunSession::new(config),
        };
        work(&context).await
    }

    /// Empties all logs.
    pub(crate) fn forget(&self) {
        self.forge.forget();
        self.registry.forget_requests();
        drop(self.git.requests());
    }

    /// Returns where tagpin's branch is.
    pub(crate) fn branch(&self) -> Option<Oid> {
        self.repository().head(BRANCH)
    }

    /// Returns a file as it is on `branch`.
    pub(crate) fn read(&self, branch: &str, path: &str) -> String {
        let bytes = self.repository().read(branch, path).unwrap_or_else(|| panic!("{branch} has no {path}"));
        String::from_utf8(bytes).expect("it is text")
    }

    /// Tells whether one of these requests to the git host pushes.
    pub(crate) fn pushes(requests: &[(String, String)]) -> bool {
        requests.iter().any(|(method, path)| method == "POST" && path.ends_with("/git-receive-pack"))
    }
}

fn repository_path(directory: &Path, name: &str) -> PathBuf {
    directory.join("remote").join(format!("{name}.git"))
}

/// Reads every file below `directory`, with its path below `root`.
fn read(root: &Path, directory: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs_err::read_dir(directory).expect("the fixtures are there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            read(root, &path, into);
        } else {
            let name = path.strip_prefix(root).expect("it is below").to_str().expect("a plain name");
            into.push((name.to_owned(), fs_err::read_to_string(&path).expect("it is text")));
        }
    }
}
