//! The whole way from clone to pull request over real components, beside the bare parts that it cannot do without.
//!
//! `cargo build --release && cargo run --release --example end_to_end -- 100 500` measures the `tagpin` beside it, or the one
//! that `TAGPIN` names, and prints a table for docs/performance.md.
//!
//! Images are in docker-registry, the repository is served by `git http-backend` behind nginx and fcgiwrap, and the forge is
//! the one of the tests, behind the same nginx. (Debian: docker-registry, nginx-light, fcgiwrap, spawn-fcgi, git, curl.)
//! `RENOVATE` names a Renovate to measure beside it, once each, with `node` in the same directory.

#[path = "../../tests/support/mod.rs"]
mod support;

mod renovate;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::stream::{self, StreamExt as _};
use renovate::Gitea;
use support::bare_repository::BareRepository;
use support::docker::{Server, docker_registry, free_port, installed, push, start};
use support::forge::{Forge, Settings};

/// How often each is measured: the best counts, because the machine has other things to do.
const ROUNDS: usize = 3;

/// How many requests one registry gets at once, of tagpin by default and of curl.
const AT_ONCE: usize = 8;

const TOKEN: &str = "ghp_loopbackToken0123456789";

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

#[tokio::main]
async fn main() -> Result<()> {
    if !installed(&["docker-registry", "nginx", "fcgiwrap", "git", "curl"]) {
        return Ok(());
    }
    let counts: Vec<usize> = std::env::args().skip(1).map(|count| count.parse()).collect::<Result<_, _>>()?;
    if counts.is_empty() {
        bail!("usage: cargo run --release --example end_to_end -- 100 500");
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| images | run | tagpin s | HEADs by curl s | clone by git s | push by git s | of the sum |\n\
         |---:|---|---:|---:|---:|---:|---:|"
    )?;
    let renovate = std::env::var_os("RENOVATE").map(PathBuf::from);
    for &count in &counts {
        write!(out, "{}", measured(count).await?)?;
        out.flush()?;
    }
    if let Some(renovate) = renovate {
        writeln!(out, "\n| images | run | tagpin s | Renovate s | times |\n|---:|---|---:|---:|---:|")?;
        for count in counts {
            write!(out, "{}", beside_renovate(&renovate, count).await?)?;
            out.flush()?;
        }
    }
    Ok(())
}

/// One registry, git host and forge, with `count` images in as many Deployments.
struct Place {
    directory: tempfile::TempDir,
    registry: Server,
    forge: Forge,
    /// The forge that Renovate asks.
    gitea: Gitea,
    count: usize,
    /// What stops when it is dropped.
    _servers: [Server; 2],
    host: String,
}

async fn measured(count: usize) -> Result<String> {
    let place = Place::start(count).await?;
    let first = place.build("1").await;
    let mut best = [Duration::MAX; 3];
    for round in 0..ROUNDS {
        let home = tempfile::tempdir()?;
        place.forget(round)?;
        place.build("1").await;
        best[0] = best[0].min(place.tagpin(home.path(), count)?);
        best[1] = best[1].min(place.tagpin(home.path(), count)?);
        place.build(&format!("moved {round}")).await;
        best[2] = best[2].min(place.tagpin(home.path(), count)?);
    }
    let (mut tags, mut heads, mut clone, mut pushed) =
        (Duration::MAX, Duration::MAX, Duration::MAX, Duration::MAX);
    for round in 0..ROUNDS {
        let work = tempfile::tempdir()?;
        tags = tags.min(place.heads(work.path(), &[])?);
        heads = heads.min(place.heads(work.path(), &first)?);
        clone = clone.min(place.clone_by_git(work.path())?);
        pushed = pushed.min(place.push_by_git(work.path(), round)?);
    }
    let mut table = String::new();
    let none = Duration::ZERO;
    // Once it is cloned, nothing is cloned again; without news nothing is pushed.
    let rows = [
        ("first pins, cold", best[0], heads, clone, pushed),
        ("all tags moved", best[2], heads, none, pushed),
        ("no news", best[1], heads, none, none),
    ];
    for (what, took, heads, clone, pushed) in rows {
        let [took, heads, clone, pushed] = [took, heads, clone, pushed].map(|it| it.as_secs_f64());
        let ratio = took / (heads + clone + pushed);
        writeln!(
            table,
            "| {count} | {what} | {took:.2} | {heads:.2} | {clone:.2} | {pushed:.2} | {ratio:.2} |"
        )?;
    }
    writeln!(table, "| {count} | (tags alone by curl) | | {:.2} | | | |", tags.as_secs_f64())?;
    Ok(table)
}

/// Runs both, one after the other, from the same repository and for the same registry.
async fn beside_renovate(renovate: &Path, count: usize) -> Result<String> {
    let place = Place::start(count).await?;
    let (own, cache) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut table = String::new();
    for (what, seed) in [("first pins, cold", "1"), ("no news", "1"), ("all tags moved", "2")] {
        let digests = place.build(seed).await;
        let took = place.tagpin(own.path(), count)?;
        let (other, output) = renovate::run(renovate, cache.path(), &place.host, place.registry.port)?;
        let branches = place.gitea.branches();
        let right = branches.first().map_or(0, |branch| place.right(branch, &digests));
        if branches.len() != 1 || right != count {
            let repository = BareRepository::open(&place.repository());
            let (path, _) = manifest(place.registry.port, 0);
            let file = branches.first().and_then(|branch| repository.read(branch, &path)).unwrap_or_default();
            bail!(
                "{branches:?}: {right} of {count} images, not {:?}:\n{}\n{output}",
                digests[0],
                String::from_utf8_lossy(&file)
            );
        }
        ensure!(place.right(tagpin::run::BRANCH, &digests) == count, "tagpin has other digests");
        let (took, other) = (took.as_secs_f64(), other.as_secs_f64());
        writeln!(table, "| {count} | {what} | {took:.2} | {other:.1} | {:.0} |", other / took)?;
    }
    Ok(table)
}

impl Place {
    async fn start(count: usize) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let registry = docker_registry(&directory, "", "");
        let path = directory.path().join("git/acme/clusters.git");
        let repository = BareRepository::create(&path);
        let files: Vec<(String, String)> = (0..count).map(|i| manifest(registry.port, i)).collect();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        repository.seed(&files);
        fs_err::OpenOptions::new()
            .append(true)
            .open(path.join("config"))?
            .write_all(b"[http]\n\treceivepack = true\n")?;
        let settings =
            Settings { token: TOKEN.to_owned(), prefix: "/api/v3".to_owned(), ..Settings::default() };
        let branches = path.clone();
        let head =
            move |branch: &str| BareRepository::open(&branches).head(branch).map(|oid| oid.to_string());
        let forge = Forge::start(settings, head).await;
        let (gitea, port) = Gitea::start(path).await?;
        let (wrap, nginx) = served(&directory, forge.base_url().trim_end_matches("/api/v3"), port)?;
        let host = format!("127.0.0.1:{}", nginx.port);
        let place = Self { directory, registry, forge, gitea, count, _servers: [wrap, nginx], host };
        place.gitea.serves(&place.url());
        Ok(place)
    }

    fn repository(&self) -> PathBuf {
        self.directory.path().join("git/acme/clusters.git")
    }

    /// Pushes a build of each image, and returns the digests.
    async fn build(&self, seed: &str) -> Vec<String> {
        let push = push(&self.registry);
        let one = |i: usize| {
            let push = &push;
            async move { push.index(&name(i), &tag(i), &format!("{i} {seed}")).await.0 }
        };
        stream::iter(0..self.count).map(one).buffered(AT_ONCE).collect().await
    }

    /// Makes the repository and the forge what they were before the first run.
    fn forget(&self, round: usize) -> Result<()> {
        let repository = BareRepository::open(&self.repository());
        if round > 0 {
            repository.delete_branch(tagpin::run::BRANCH);
        }
        for pull in self.forge.pulls().iter().filter(|pull| pull.state == "open") {
            self.forge.edit(pull.number, |pull| pull.body = None);
            self.forge.close(pull.number);
        }
        Ok(())
    }

    /// Runs tagpin, and checks that every image is proposed.
    fn tagpin(&self, home: &Path, count: usize) -> Result<Duration> {
        let file = home.join("bot.toml");
        let (api, url) = (format!("http://{}/api/v3", self.host), self.url());
        let text = format!(
            "cache-dir = '{}'\n[forge]\nkind = \"github\"\nbase-url = \"{api}\"\n[[repository]]\nurl = \"{url}\"\n\
             [[registry]]\nprefix = \"127.0.0.1:{}\"\n",
            home.join("cache").display(),
            self.registry.port
        );
        fs_err::write(&file, text)?;
        let program = match std::env::var_os("TAGPIN") {
            Some(program) => PathBuf::from(program),
            None => {
                std::env::current_exe()?.parent().and_then(Path::parent).context("a place")?.join("tagpin")
            }
        };
        let mut command = Command::new(&program);
        command.env_clear().env("HOME", home).env("TAGPIN_GITHUB_TOKEN", TOKEN);
        command.args(["run", "--config"]).arg(&file);
        let (took, output) = timed(command)?;
        let open = self.forge.pulls().into_iter().filter(|pull| pull.state == "open").count();
        let repository = BareRepository::open(&self.repository());
        let pinned = (0..count).filter(|i| {
            let (path, _) = manifest(self.registry.port, *i);
            let file = repository.read(tagpin::run::BRANCH, &path).unwrap_or_default();
            String::from_utf8_lossy(&file).contains("@sha256:")
        });
        let pinned = pinned.count();
        ensure!(open == 1 && pinned == count, "{open} pull requests, {pinned} of {count} images:\n{output}");
        Ok(took)
    }

    /// Returns how many images a branch has with these digests.
    fn right(&self, branch: &str, digests: &[String]) -> usize {
        let repository = BareRepository::open(&self.repository());
        let is_right = |(i, digest): &(usize, &String)| {
            let (path, _) = manifest(self.registry.port, *i);
            let file = repository.read(branch, &path).unwrap_or_default();
            String::from_utf8_lossy(&file).contains(&format!("{}@{digest}", tag(*i)))
        };
        digests.iter().enumerate().filter(is_right).count()
    }

    fn url(&self) -> String {
        format!("http://{}/acme/clusters.git", self.host)
    }

    /// Sends a HEAD for each tag, and one for each of `digests`, by curl.
    fn heads(&self, work: &Path, digests: &[String]) -> Result<Duration> {
        let base = format!("http://127.0.0.1:{}/v2", self.registry.port);
        let tags = (0..self.count).map(|i| format!("{base}/{}/manifests/{}", name(i), tag(i)));
        let digests =
            digests.iter().enumerate().map(|(i, digest)| format!("{base}/{}/manifests/{digest}", name(i)));
        let mut text = String::new();
        for url in tags.chain(digests) {
            writeln!(text, "url = \"{url}\"\noutput = /dev/null")?;
        }
        let file = work.join("urls");
        fs_err::write(&file, text)?;
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--head", "--parallel", "--parallel-max", &AT_ONCE.to_string()]);
        command.args(["--noproxy", "*", "--header", &format!("Accept: {ACCEPT}"), "--config"]).arg(&file);
        Ok(timed(command)?.0)
    }

    fn clone_by_git(&self, work: &Path) -> Result<Duration> {
        let mut command = git();
        command.args(["clone", "--quiet", "--depth", "1", &self.url()]).arg(work.join("clone"));
        Ok(timed(command)?.0)
    }

    /// Changes every file in the clone, and commits and pushes that: what is measured is both.
    fn push_by_git(&self, work: &Path, round: usize) -> Result<Duration> {
        let clone = work.join("clone");
        for i in 0..self.count {
            let (path, text) = manifest(self.registry.port, i);
            let digest = format!("{i:032x}{round:032x}");
            fs_err::write(clone.join(path), text.replace(&tag(i), &format!("{}@sha256:{digest}", tag(i))))?;
        }
        let mut commit = git();
        commit.args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.com",
            "commit",
            "--quiet",
            "--all",
            "-m",
            "x",
        ]);
        commit.current_dir(&clone);
        let committed = timed(commit)?.0;
        let mut push = git();
        push.args(["push", "--quiet", "origin", &format!("HEAD:refs/heads/bare-{round}")])
            .current_dir(&clone);
        Ok(committed + timed(push)?.0)
    }
}

fn name(i: usize) -> String {
    format!("team-{}/app-{i}", i % 7)
}

fn tag(i: usize) -> String {
    format!("1.{i}")
}

fn manifest(port: u16, i: usize) -> (String, String) {
    let image = format!("127.0.0.1:{port}/{}:{}", name(i), tag(i));
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{i}\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: app\n        image: {image}\n"
    );
    (format!("apps/app-{i}.yaml"), text)
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    git
}

/// Runs `command` to its end, and returns how long it took and what it said.
fn timed(mut command: Command) -> Result<(Duration, String)> {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{command:?} ends with {}:\n{said}", output.status);
    Ok((took, said))
}

/// Serves the repositories below `directory` by `git http-backend`, and the forges at `forge` and at a port beside them.
fn served(directory: &tempfile::TempDir, forge: &str, gitea: u16) -> Result<(Server, Server)> {
    let (wrap_port, port) = (free_port(), free_port());
    let mut wrap = Command::new("fcgiwrap");
    wrap.args(["-s", &format!("tcp:127.0.0.1:{wrap_port}")]);
    let wrap = start(wrap, wrap_port);
    let base = directory.path().join("nginx");
    fs_err::create_dir(&base)?;
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {}/{name};", base.display()))
        .collect();
    let backend = Path::new("/usr/lib/git-core/git-http-backend");
    ensure!(backend.is_file(), "{} is not there", backend.display());
    let config = format!(
        "daemon off; master_process off; pid {base}/pid; error_log {base}/error.log; events {{}} http {{ {temporary} \
         access_log off; client_max_body_size 0; server {{ listen 127.0.0.1:{port}; \
         location /api/ {{ proxy_pass {forge}; }} location /gitea/ {{ proxy_pass http://127.0.0.1:{gitea}; }} \
         location / {{ fastcgi_param SCRIPT_FILENAME {backend}; fastcgi_param GIT_PROJECT_ROOT {root}; \
         fastcgi_param GIT_HTTP_EXPORT_ALL 1; fastcgi_param REMOTE_USER bot; fastcgi_param PATH_INFO $uri; \
         fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method; \
         fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length; \
         fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding; fastcgi_param GIT_PROTOCOL $http_git_protocol; \
         fastcgi_pass 127.0.0.1:{wrap_port}; }} }} }}",
        base = base.display(),
        backend = backend.display(),
        root = directory.path().join("git").display(),
    );
    let file = base.join("nginx.conf");
    fs_err::write(&file, config)?;
    let program = if Path::new("/usr/sbin/nginx").is_file() { "/usr/sbin/nginx" } else { "nginx" };
    let mut nginx = Command::new(program);
    nginx.arg("-p").arg(&base).arg("-c").arg(&file);
    Ok((wrap, start(nginx, port)))
}
