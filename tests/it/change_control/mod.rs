//! `hold`, `promote`, `rollback`, `known-good`, `history` and `pin --set` from the outside: the binary, a git repository
//! whose commits have the dates that the test says, and a registry on loopback.

mod moves;
mod refusals;
mod story;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use git2::{Oid, Signature, Time};
use jiff::{SignedDuration, Timestamp};

use crate::support::registry::Registry;

const CONFIG: &str = "\
# who owns this: the platform team
[[environment]]
name = \"dev\"
paths = [\"dev/**\"]

[[environment]]
name = \"staging\"
paths = [\"staging/**\"]
after = \"dev\"

[[environment]]
name = \"production\"
paths = [\"production/**\"]
after = \"staging\"
platforms = [\"linux/arm64\"]
";

const API: &str = "docker.io/acme/api";

fn deployment(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: api\n        image: {image} # the api\n      - name: log\n        image: busybox:1\n"
    )
}

fn kustomization(tag: &str, digest: &str) -> String {
    format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages:\n- name: acme/api\n  newTag: \"{tag}\" # keep\n  digest: {digest}\n"
    )
}

/// A git repository with a work tree, and the registry that its images are at.
struct Scene {
    directory: tempfile::TempDir,
    registry: Registry,
    git: git2::Repository,
}

impl Scene {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let registry = Registry::start().await;
        let config = format!(
            "[annotations]\nenabled = false\n[[registry]]\nprefix = \"docker.io\"\nlocation = \"{}/docker.io\"\n\
             insecure = true\n",
            registry.host()
        );
        fs_err::write(directory.path().join("bot.toml"), config).unwrap();
        let git = git2::Repository::init(directory.path().join("work")).unwrap();
        Self { directory, registry, git }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("work").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// Commits everything, `hours` ago. The author says that it was long ago, which counts for nothing.
    fn commit(&self, title: &str, hours: i64) -> Oid {
        let now = Timestamp::now() - SignedDuration::from_hours(hours);
        let committer = Signature::new("Ana", "ana@example.com", &Time::new(now.as_second(), 0)).unwrap();
        let author = Signature::new("Ana", "ana@example.com", &Time::new(0, 0)).unwrap();
        let mut index = self.git.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = self.git.find_tree(index.write_tree().unwrap()).unwrap();
        let parent = self.git.head().ok().map(|head| head.peel_to_commit().unwrap());
        let parents: Vec<_> = parent.iter().collect();
        self.git.commit(Some("HEAD"), &author, &committer, title, &tree, &parents).unwrap()
    }

    /// Pushes a build for amd64 and arm64.
    fn publish(&self, image: &str, tag: &str, build: &str) -> String {
        self.registry.put_index(image, tag, &["linux/amd64", "linux/arm64"], build)
    }

    async fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.run_in("", args).await
    }

    async fn run_in(&self, below: &str, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
        command.current_dir(self.path(below)).env_clear().stdin(Stdio::null());
        command
            .env("HOME", self.directory.path())
            .env("TAGPIN_CONFIG", self.directory.path().join("bot.toml"));
        command.args(args);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Returns every file of the work tree.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn collect(directory: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs_err::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.ends_with(".git") {
                    collect(&path, into);
                } else if path.is_file() {
                    into.push((path.clone(), fs_err::read(&path).unwrap()));
                }
            }
        }
        let mut files = Vec::new();
        collect(&self.path(""), &mut files);
        files.sort();
        files
    }
}

/// Returns the lines that a diff takes away and adds.
fn changed(diff: &str) -> Vec<&str> {
    let header = |line: &&str| !line.starts_with("---") && !line.starts_with("+++");
    diff.lines().filter(|line| line.starts_with(['-', '+'])).filter(header).collect()
}
