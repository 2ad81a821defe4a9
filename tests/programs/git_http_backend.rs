//! The real `git http-backend` behind nginx and fcgiwrap, with Basic auth: what our loopback server must agree with.

#![cfg(unix)]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tagpin::source::git::{BareClone, BasicAuth, GitError, Identity, Oid, Remote};
use tagpin::source::tree::{CommitTree, Tree as _};

use crate::support::bare_repository::BareRepository;
use crate::support::registry::Registry;

/// A child process, ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // nginx's master ends its workers on SIGTERM, but not on SIGKILL.
        let pid = self.0.id().to_string();
        drop(Command::new("kill").arg(&pid).status());
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Finds a program, also where services keep theirs; says so on stderr when there is none.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path)
        .chain(more)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

struct Server {
    base: String,
    _processes: [Running; 2],
}

fn serve(root: &Path) -> Option<Server> {
    let (nginx, fcgiwrap, htpasswd, git) =
        (program("nginx")?, program("fcgiwrap")?, program("htpasswd")?, program("git")?);
    let exec = Command::new(git).arg("--exec-path").output().unwrap();
    let backend = Path::new(str::from_utf8(&exec.stdout).unwrap().trim()).join("git-http-backend");
    if !backend.is_file() {
        eprintln!("skipped: git http-backend is not installed");
        return None;
    }
    let users = Command::new(htpasswd).args(["-Bbn", "x-access-token", "right"]).output().unwrap();
    fs_err::write(root.join("users"), users.stdout).unwrap();
    let socket = root.join("cgi.socket");
    let cgi = Command::new(fcgiwrap)
        .arg("-s")
        .arg(format!("unix:{}", socket.display()))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let cgi = Running(cgi);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let root_text = root.display();
    let root_user =
        if fs_err::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
            "user root;"
        } else {
            ""
        };
    let config = format!(
        r#"{root_user} daemon off; worker_processes 1; pid {root_text}/nginx.pid; error_log {root_text}/error.log;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_max_body_size 0;
            client_body_temp_path {root_text}/body; fastcgi_temp_path {root_text}/fastcgi;
            proxy_temp_path {root_text}/proxy; scgi_temp_path {root_text}/scgi; uwsgi_temp_path {root_text}/uwsgi;
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    auth_basic "git"; auth_basic_user_file {root_text}/users;
                    fastcgi_pass unix:{socket};
                    fastcgi_param SCRIPT_FILENAME {backend};
                    fastcgi_param GIT_PROJECT_ROOT {root_text}/repositories;
                    fastcgi_param GIT_HTTP_EXPORT_ALL 1;
                    fastcgi_param GIT_CONFIG_COUNT 1;
                    fastcgi_param GIT_CONFIG_KEY_0 safe.directory;
                    fastcgi_param GIT_CONFIG_VALUE_0 *;
                    fastcgi_param REMOTE_USER $remote_user;
                    fastcgi_param PATH_INFO $uri;
                    fastcgi_param QUERY_STRING $query_string;
                    fastcgi_param REQUEST_METHOD $request_method;
                    fastcgi_param CONTENT_TYPE $content_type;
                    fastcgi_param CONTENT_LENGTH $content_length;
                }}
            }}
        }}"#,
        socket = socket.display(),
        backend = backend.display(),
    );
    let mut file = fs_err::File::create(root.join("nginx.conf")).unwrap();
    file.write_all(config.as_bytes()).unwrap();
    let nginx = Command::new(nginx)
        .arg("-p")
        .arg(root)
        .arg("-e")
        .arg(root.join("start.log"))
        .arg("-c")
        .arg(root.join("nginx.conf"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let nginx = Running(nginx);
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() || !socket.exists() {
        let log = fs_err::read_to_string(root.join("start.log")).unwrap_or_default();
        assert!(Instant::now() < until, "nginx does not start: {log}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(Server { base: format!("http://127.0.0.1:{port}"), _processes: [nginx, cgi] })
}

fn clone(cache: &Path, url: &str, token: Option<&str>) -> BareClone {
    let auth = token
        .map(|token| BasicAuth { username: "x-access-token".to_owned(), secret: token.to_owned().into() });
    BareClone::open(cache, Remote::new(url, auth).unwrap()).unwrap()
}

fn commit(repository: &BareClone, base: Oid, path: &str, content: &str) -> Oid {
    let bot = Identity { name: "tagpin".to_owned(), email: "tagpin@example.com".to_owned() };
    let files = [(path.to_owned(), content.as_bytes().to_vec())];
    repository.commit(base, &files, "pin", &bot, Timestamp::UNIX_EPOCH).unwrap()
}

/// Returns the canonical path of a directory that nginx's worker, who may be another user, can read.
fn open_to_all(directory: &Path) -> PathBuf {
    let root = fs_err::canonicalize(directory).unwrap();
    fs_err::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    root
}

/// Makes a repository that takes pushes, and checks what is in them.
fn receiving(path: &Path) -> BareRepository {
    let there = BareRepository::create(path);
    let config = git2::Repository::open_bare(path).unwrap().config().unwrap();
    let mut config = config.open_level(git2::ConfigLevel::Local).unwrap();
    config.set_bool("http.receivepack", true).unwrap();
    config.set_bool("receive.fsckObjects", true).unwrap();
    there
}

#[test]
fn the_real_git_takes_what_we_send() {
    let directory = tempfile::tempdir().unwrap();
    let root = open_to_all(directory.path());
    let Some(server) = serve(&root) else { return };
    let path = root.join("repositories/acme/clusters.git");
    let there = receiving(&path);
    there.seed(&[("a.yaml", "0"), ("b.yaml", "0")]);
    let base = there.seed(&[("a.yaml", "1")]);
    let url = format!("{}/acme/clusters.git", server.base);
    let cache = root.join("cache");

    for token in [None, Some("wrong")] {
        let error = clone(&cache, &url, token).heads().unwrap_err();
        assert!(matches!(error, GitError::Unauthorized { .. }), "{error}");
    }
    let missing = clone(&cache, &format!("{}/acme/none.git", server.base), Some("right")).heads();
    assert!(matches!(missing, Err(GitError::NotFound { .. })), "{missing:?}");

    let repository = clone(&cache, &url, Some("right"));
    let heads = repository.heads().unwrap();
    assert_eq!((heads.default.as_deref(), heads.branches["main"]), (Some("main"), base));
    repository.fetch("main", base).unwrap();
    let parent = repository.describe(base).unwrap().parents[0];
    assert!(repository.describe(parent).is_err(), "the clone is shallow");
    assert_eq!(CommitTree::of_clone(&repository, base).unwrap().read("a.yaml", 9).unwrap(), b"1");

    let one = commit(&repository, base, "a.yaml", "pinned");
    repository.push(one, "tagpin/pin-digests", None).unwrap();
    assert_eq!(there.read("tagpin/pin-digests", "a.yaml").unwrap(), b"pinned");
    assert_eq!(there.log("tagpin/pin-digests").len(), 3);

    // A new base is fetched into the same clone, with something to negotiate about.
    let next = there.seed(&[("c.yaml", "2")]);
    repository.fetch("main", next).unwrap();
    let two = commit(&repository, next, "c.yaml", "pinned");
    repository.push(two, "tagpin/pin-digests", Some(one)).unwrap();
    assert_eq!(there.log("tagpin/pin-digests").len(), 4);

    let human = there.commit_on("tagpin/pin-digests", &[("d.yaml", "mine")], "human@example.com");
    let error = repository.push(one, "tagpin/pin-digests", Some(two)).unwrap_err();
    assert!(matches!(error, GitError::RefMoved { found: Some(found), .. } if found == human), "{error}");

    // A hook says no, in its own words.
    let hook = path.join("hooks/pre-receive");
    fs_err::create_dir_all(hook.parent().unwrap()).unwrap();
    fs_err::write(&hook, "#!/bin/sh\necho 'signed commits only' >&2\nexit 1\n").unwrap();
    fs_err::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = repository.push(two, "tagpin/other", None).unwrap_err();
    assert!(
        matches!(&error, GitError::Rejected { message, .. } if message.contains("signed commits only")),
        "{error}"
    );
    assert_eq!(there.head("tagpin/other"), None);
}

/// Machines that write the ledger at once, each about images of its own: everything is in it in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ledgers_that_are_written_at_once_are_joined_at_the_real_git() {
    const MACHINES: usize = 4;
    let directory = tempfile::tempdir().unwrap();
    let root = open_to_all(directory.path());
    let Some(server) = serve(&root) else { return };
    let there = receiving(&root.join("repositories/acme/clusters.git"));
    let registry = Registry::start().await;
    let files: Vec<_> = (0..MACHINES)
        .map(|machine| {
            (format!("m{machine}/compose.yaml"), format!("services:\n  a:\n    image: acme/m{machine}:1\n"))
        })
        .collect();
    there.seed(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    let mut digests = vec![Vec::new(); MACHINES];
    for round in 0..2 {
        let mut runs = Vec::new();
        for (machine, digests) in digests.iter_mut().enumerate() {
            let repository = format!("acme/m{machine}");
            digests.push(registry.put_index(&repository, "1", &["linux/amd64"], &round.to_string()));
            let home = root.join(format!("home{machine}"));
            fs_err::create_dir_all(&home).unwrap();
            let config = format!(
                "cache-dir = \"cache\"\n[policy]\ninclude = [\"m{machine}/**\"]\nmin-age = \"1h\"\n\
                 [forge]\nkind = \"none\"\n[[repository]]\nurl = \"{}/acme/clusters.git\"\ntoken-env = \"GIT_TOKEN\"\n\
                 [[registry]]\nprefix = \"docker.io\"\nlocation = \"{}\"\ninsecure = true\n",
                server.base,
                registry.host()
            );
            fs_err::write(home.join("bot.toml"), config).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
            command.env_clear().env("HOME", &home).env("GIT_TOKEN", "right").current_dir(&home);
            command.args(["run", "--config", "bot.toml"]).stdin(Stdio::null());
            runs.push(tokio::task::spawn_blocking(move || command.output().unwrap()));
        }
        for run in runs {
            let output = run.await.unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && !said.contains("was not written"), "{said}");
        }
        // A line has whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    for (machine, digests) in digests.iter().enumerate() {
        let path = format!("tags/docker.io/acme+m{machine}.txt");
        let text = String::from_utf8(there.read("tagpin-ledger", &path).unwrap()).unwrap();
        let found: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(' ').nth(2)).collect();
        assert_eq!(found, *digests, "{text}");
    }
    assert_eq!(there.log("tagpin-ledger").len(), 2 * MACHINES, "one commit of each");
}
