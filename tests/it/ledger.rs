//! The ledger of tags in a checkout: `ledger show`, and what `pin` and `check --online` make of it. The binary, git
//! repositories on disk, and a registry on loopback.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::checkout::Scene;
use crate::support::registry::Registry;

const BOTH: &[&str] = &["linux/amd64", "linux/arm64"];
const FILE: &str = "compose.yaml";

/// A checkout, and a registry in the place of Docker Hub.
struct World {
    scene: Scene,
    registry: Registry,
}

impl World {
    async fn new(image: &str, policy: &str) -> Self {
        let registry = Registry::start().await;
        let scene = Scene::new(&[(FILE, &compose(image))]);
        let host = registry.host();
        let place = format!("[[registry]]\nprefix = \"docker.io\"\nlocation = \"{host}\"\ninsecure = true\n");
        fs_err::write(scene.directory.path().join("bot.toml"), format!("{policy}\n{place}")).unwrap();
        Self { scene, registry }
    }

    /// Puts files on a branch without parents, and makes `name` point to it.
    fn ledger(&self, name: &str, files: &[(&str, &str)]) {
        let git = &self.scene.git;
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, text) in files {
            update.upsert(*path, git.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob);
        }
        let empty = git.find_tree(git.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let tree = git.find_tree(update.create_updated(git, &empty).unwrap()).unwrap();
        let person = git2::Signature::now("a", "a@example.com").unwrap();
        let commit = git.commit(None, &person, &person, "ledger", &tree, &[]).unwrap();
        git.reference(name, commit, true, "test").unwrap();
    }

    /// The ledger as `git fetch` brings it, with these lines about `acme/api`.
    fn fetched(&self, lines: &[(Timestamp, &str, &str)]) {
        let lines: String =
            lines.iter().map(|(when, tag, digest)| format!("{when} {tag} {digest}\n")).collect();
        let files = [("VERSION", "1\n"), ("tags/docker.io/acme+api.txt", &*lines)];
        self.ledger("refs/remotes/origin/tagpin-ledger", &files);
    }

    async fn run(&self, args: &[&str]) -> (i32, String, String) {
        let config = self.scene.directory.path().join("bot.toml");
        let args = [args, &["--config", config.to_str().unwrap()]].concat();
        let mut command = self.scene.command(&self.scene.path(""), &args);
        command.stdin(std::process::Stdio::null());
        // The registry answers in this process: its threads must not wait for the command.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Returns the rules of what `check --online` finds.
    async fn rules(&self) -> Vec<String> {
        let (code, out, err) = self.run(&["check", "--online", "--format", "json"]).await;
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code}: {err}"));
        assert_eq!(json["complete"], true, "{out}");
        json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["rule"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn compose(image: &str) -> String {
    format!("services:\n  a:\n    image: {image}\n")
}

fn ago(hours: i64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    now.checked_sub(SignedDuration::from_hours(hours)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_waits_by_the_ledger_that_was_fetched_and_writes_none() {
    let world = World::new("acme/api:1", "[policy]\nmin-age = \"24h\"").await;
    let digest = world.registry.put_index("acme/api", "1", BOTH, "1");

    let (code, out, err) = world.run(&["pin"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("unknown-age"), "{out}");
    assert!(
        err.contains("git fetch origin +refs/heads/tagpin-ledger:refs/remotes/origin/tagpin-ledger"),
        "{err}"
    );
    assert_eq!(world.scene.read(FILE), compose("acme/api:1"));

    world.fetched(&[(ago(1), "1", &digest)]);
    let (_, out, err) = world.run(&["pin"]).await;
    assert!(out.contains("too-new") && !err.contains("git fetch"), "{out}{err}");
    let (_, out, _) = world.run(&["pin", "--dry-run", "--format", "json"]).await;
    assert!(out.contains("is known since"), "{out}");
    let refs: Vec<_> =
        world.scene.git.references().unwrap().map(|it| it.unwrap().name().unwrap().to_owned()).collect();
    assert!(!refs.contains(&"refs/heads/tagpin-ledger".to_owned()), "{refs:?}");

    // The tag was something else: what it is now is seen for the first time.
    world.fetched(&[(ago(99), "1", &format!("sha256:{}", "ab".repeat(32)))]);
    assert!(world.run(&["pin"]).await.1.contains("too-new"));

    // Who names a digest wants it.
    let (code, _, err) = world.run(&["pin", "--set", &format!("acme/api:1@{digest}")]).await;
    assert_eq!((code, world.scene.read(FILE)), (0, compose(&format!("acme/api:1@{digest}"))), "{err}");

    world.scene.write(FILE, &compose("acme/api:1"));
    world.fetched(&[(ago(25), "1", &digest)]);
    assert_eq!(world.run(&["pin"]).await.0, 0);
    assert_eq!(world.scene.read(FILE), compose(&format!("acme/api:1@{digest}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_was_made_here_counts_too_and_a_newer_ledger_is_told() {
    let world = World::new("acme/api:1", "[policy]\nmin-age = \"24h\"\nunknown-age = \"accept\"").await;
    let digest = world.registry.put_index("acme/api", "1", BOTH, "1");
    let line = format!("{} 1 sha256:{}\n{} 1 {digest}\n", ago(99), "ab".repeat(32), ago(1));
    world.ledger("refs/heads/tagpin-ledger", &[("VERSION", "1"), ("tags/docker.io/acme+api.txt", &line)]);
    assert!(world.run(&["pin"]).await.1.contains("too-new"));
    world.ledger("refs/heads/tagpin-ledger", &[("VERSION", "2")]);
    let (code, out, err) = world.run(&["pin"]).await;
    assert_eq!(code, 3, "{out}{err}");
    assert!(
        out.contains("unknown-age") && err.contains("is of version 2, and this tagpin knows 1"),
        "{out}{err}"
    );
    let (code, _, err) = world.run(&["ledger", "show"]).await;
    assert!(code == 3 && err.contains("is of version 2"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_the_ledger() {
    let world = World::new("acme/api:1", "").await;
    let (code, _, err) = world.scene.run(&["ledger", "show"]);
    assert!(
        code == 2 && err.contains("there is no ledger `tagpin-ledger` here") && err.contains("git fetch"),
        "{err}"
    );
    let digest = |pair: &str| format!("sha256:{}", pair.repeat(32));
    let (a, b) = (digest("0a"), digest("0b"));
    world.fetched(&[(ago(9), "1", &a), (ago(8), "2", &b), (ago(7), "1", &b), (ago(6), "1", &a)]);
    let (code, out, err) = world.scene.run(&["ledger", "show"]);
    let expected = format!(
        "docker.io/acme/api:1\n    {}  {a}  first seen\n    {}  {b}  moved\n    {}  {a}  moved back\n\
         docker.io/acme/api:2\n    {}  {b}  first seen\n",
        ago(9),
        ago(7),
        ago(6),
        ago(8)
    );
    // A second may have passed.
    let words = |text: &str| text.split_whitespace().filter(|word| !word.ends_with('Z')).collect::<String>();
    assert_eq!((code, words(&out), err.as_str()), (0, words(&expected), "2 tags\n"), "{out}");
    let (code, out, _) = world.scene.run(&["ledger", "show", "acme/api:1", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["tags"].as_array().unwrap().len(), &json["complete"]), (0, 1, &true.into()));
    let tag = &json["tags"][0];
    assert_eq!(
        (&tag["image"], &tag["tag"], &tag["digest"]),
        (&"docker.io/acme/api".into(), &"1".into(), &a.into())
    );
    let events: Vec<_> =
        tag["events"].as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["first-seen", "moved", "moved-back"]);
    let (code, _, err) = world.scene.run(&["ledger", "show", "nginx"]);
    assert!(code == 2 && err.contains("has nothing about `nginx`"), "{err}");
    assert_eq!(world.scene.run(&["ledger", "show", "no image"]).0, 2);

    let files = [("VERSION", "1\n"), ("tags/docker.io/acme+api.txt", "x\u{1b}[2J\n")];
    world.ledger("refs/remotes/origin/tagpin-ledger", &files);
    let (code, _, err) = world.scene.run(&["ledger", "show"]);
    assert!(code == 3 && err.contains("line 1: `x\\u{1b}[2J`") && !err.contains('\u{1b}'), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_was_never_behind_its_tag_is_found_where_history_can_tell_and_nowhere_else() {
    let never = vec!["never-this-tag".to_owned()];
    let moved = vec!["tag-moved".to_owned()];
    let world = World::new("acme/api:1", "").await;
    let other = world.registry.put_index("acme/api", "1", BOTH, "other");
    let now = world.registry.put_index("acme/api", "1", BOTH, "now");
    world.scene.write(FILE, &compose(&format!("acme/api:1@{other}")));
    assert_eq!(world.rules().await, moved, "nobody knows");
    // Written now, and the tag is the same for long.
    world.fetched(&[(ago(9), "1", &now)]);
    assert_eq!(world.rules().await, never);
    // The tag was that, or is not known.
    world.fetched(&[(ago(99), "1", &other), (ago(9), "1", &now)]);
    assert_eq!(world.rules().await, moved);
    world.fetched(&[(ago(9), "2", &now)]);
    assert_eq!(world.rules().await, moved);
    // A commit of before the ledger has it, though it is in another file now.
    let person =
        git2::Signature::new("a", "a@example.com", &git2::Time::new(ago(20).as_second(), 0)).unwrap();
    world.fetched(&[(ago(9), "1", &now)]);
    commit(&world, &[("old.yaml", &compose(&format!("acme/api:1@{other}")))], &person);
    assert_eq!(world.rules().await, moved);
    // The clone is shallow: who knows what was before.
    let world = World::new("acme/api:1", "").await;
    for build in ["other", "now"] {
        world.registry.put_index("acme/api", "1", BOTH, build);
    }
    world.scene.write(FILE, &compose(&format!("acme/api:1@{other}")));
    world.fetched(&[(ago(9), "1", &now)]);
    commit(&world, &[("x.yaml", "a: 1\n")], &person);
    assert_eq!(world.rules().await, never);
    let head = world.scene.git.head().unwrap().target().unwrap();
    fs_err::write(world.scene.git.path().join("shallow"), format!("{head}\n")).unwrap();
    assert_eq!(world.rules().await, moved);
    // The registry moves the tag: it may have been that for a moment.
    let world = World::new(&format!("acme/api:1@{other}"), "").await;
    world.registry.put_index("acme/api", "1", BOTH, "other");
    world.registry.put_index("acme/api", "1", BOTH, "newer");
    world.fetched(&[(ago(9), "1", &now)]);
    assert_eq!(world.rules().await, moved);
}

/// Commits these files as the first commit of the branch, at the time of `person`, and what was there on top of it.
fn commit(world: &World, files: &[(&str, &str)], person: &git2::Signature<'_>) {
    let git = &world.scene.git;
    let mut update = git2::build::TreeUpdateBuilder::new();
    for (path, text) in files {
        update.upsert(*path, git.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob);
    }
    let empty = git.find_tree(git.treebuilder(None).unwrap().write().unwrap()).unwrap();
    let tree = git.find_tree(update.create_updated(git, &empty).unwrap()).unwrap();
    let root = git.commit(None, person, person, "root", &tree, &[]).unwrap();
    let head = git.head().unwrap();
    let (name, tip) = (head.name().unwrap().to_owned(), head.peel_to_commit().unwrap());
    let root_commit = git.find_commit(root).unwrap();
    let now = git2::Signature::now("a", "a@example.com").unwrap();
    let next = git.commit(None, &now, &now, "next", &tip.tree().unwrap(), &[&root_commit]).unwrap();
    git.reference(&name, next, true, "rewritten").unwrap();
}
