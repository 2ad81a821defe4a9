//! `check --online` and `check --fix` from the outside: the binary, and a registry on loopback.

use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::registry::Registry;

/// A directory with files, and a registry in the place of Docker Hub.
struct Scene {
    directory: TempDir,
    registry: Registry,
}

impl Scene {
    async fn new(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs_err::create_dir(directory.path().join("work")).unwrap();
        let registry = Registry::start().await;
        let host = registry.host();
        let place = format!("[[registry]]\nprefix = \"docker.io\"\nlocation = \"{host}\"\ninsecure = true\n");
        fs_err::write(directory.path().join("bot.toml"), format!("{config}\n{place}")).unwrap();
        Self { directory, registry }
    }

    fn write(&self, name: &str, images: &[&str]) {
        let services = images.iter().enumerate().map(|(i, image)| format!("  s{i}:\n    image: {image}\n"));
        let text = format!("services:\n{}", services.collect::<String>());
        fs_err::write(self.directory.path().join("work").join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.directory.path().join("work").join(name)).unwrap()
    }

    async fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
        command.current_dir(self.directory.path().join("work")).env_clear().stdin(Stdio::null());
        command.env("HOME", self.directory.path()).arg("check").args(args);
        command.arg("--config").arg(self.directory.path().join("bot.toml"));
        // The registry answers in this process: its threads must not wait for the command.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Returns the exit code, the rules of the findings, and why something was not checked.
    async fn rules(&self, args: &[&str]) -> (i32, Vec<String>, Vec<String>) {
        let (code, out, err) = self.run(&[args, &["--format", "json"]].concat()).await;
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code}: {err}"));
        let list = |list: &str, key: &str| {
            let rows = json[list].as_array().cloned().unwrap_or_default();
            rows.iter().map(|row| row[key].as_str().unwrap().to_owned()).collect::<Vec<String>>()
        };
        assert_eq!(json["complete"], list("unchecked", "reason").is_empty(), "{out}");
        (code, list("findings", "rule"), list("unchecked", "reason"))
    }
}

const BOTH: &[&str] = &["linux/amd64", "linux/arm64"];

fn none() -> Vec<String> {
    Vec::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_image_is_asked_once_and_the_three_answers_are_told_apart() {
    let scene = Scene::new("").await;
    let old = scene.registry.put_index("acme/api", "1", BOTH, "old");
    let alone = scene.registry.put_index("acme/alone", "1", BOTH, "alone");
    let pinned = format!("acme/api:1@{old}");
    scene.write("a.yaml", &[&pinned, &pinned, &format!("acme/alone@{alone}")]);
    scene.write("b.yaml", &[&pinned]);
    assert_eq!(scene.rules(&["--online"]).await, (0, none(), none()));
    let asked: Vec<String> = scene.registry.requests().iter().map(|r| r.path.clone()).collect();
    assert_eq!(asked.iter().filter(|path| path.contains("/acme/api/manifests/")).count(), 1, "{asked:?}");
    assert_eq!(asked.iter().filter(|path| path.contains("/acme/alone/manifests/")).count(), 1, "{asked:?}");
    scene.registry.forget_requests();
    assert_eq!(scene.rules(&[]).await, (0, none(), none()));
    assert_eq!(scene.registry.requests().len(), 0, "offline by default");

    // The tag moves: worth knowing, and no reason to shut the gate.
    scene.registry.put_index("acme/api", "1", BOTH, "new");
    assert_eq!(scene.rules(&["--online", "b.yaml"]).await, (0, vec!["tag-moved".to_owned()], none()));
    assert_eq!(scene.rules(&["--online", "--strict", "b.yaml"]).await.0, 1);

    // What was pinned is deleted.
    scene.registry.remove("acme/api", &old);
    scene.registry.remove("acme/alone", &alone);
    let (code, rules, unchecked) = scene.rules(&["--online", "a.yaml"]).await;
    assert_eq!((code, rules, unchecked), (1, vec!["digest-gone".to_owned(); 3], none()));

    // Down: neither wrong nor fine.
    scene.registry.set(|mood| mood.always = Some(501));
    let (code, rules, unchecked) = scene.rules(&["--online", "a.yaml"]).await;
    assert_eq!((code, rules, unchecked), (3, none(), vec!["unavailable".to_owned(); 3]));
    let (code, _, err) = scene.run(&["--online", "a.yaml"]).await;
    assert_eq!(code, 3);
    assert!(err.contains("not checked: a.yaml:3:12: `acme/api:1@sha256:"), "{err}");
    // What is wrong offline is wrong all the same.
    scene.write("c.yaml", &["acme/api:1"]);
    assert_eq!(scene.rules(&["--online", "c.yaml"]).await.0, 1);
    let (code, _, err) = scene.run(&["--online", "--offline"]).await;
    assert_eq!(code, 2, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_the_fleet_needs_is_missed() {
    let scene = Scene::new("[policy]\nplatforms = [\"linux/amd64\", \"linux/arm64\"]").await;
    let both = scene.registry.put_index("acme/both", "1", BOTH, "both");
    let one = scene.registry.put_index("acme/one", "1", &["linux/amd64"], "one");
    scene.write("a.yaml", &[&format!("acme/both:1@{both}"), &format!("acme/one:1@{one}")]);
    assert_eq!(scene.rules(&["--online"]).await, (1, vec!["platform-missing".to_owned()], none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_never_moves_is_held_when_it_does() {
    let scene = Scene::new("[policy]\nimmutable = [\"docker.io/acme/*:v*\"]").await;
    let old = scene.registry.put_index("acme/api", "v1", BOTH, "old");
    scene.registry.put_index("acme/api", "v1", BOTH, "new");
    scene.write("a.yaml", &[&format!("acme/api:v1@{old}")]);
    assert_eq!(scene.rules(&["--online"]).await, (1, vec!["immutable-tag-moved".to_owned()], none()));
    let before = scene.read("a.yaml");
    let (code, _, err) = scene.run(&["--online", "--fix"]).await;
    assert_eq!((code, scene.read("a.yaml")), (1, before), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fix_pins_what_has_a_finding_and_nothing_else() {
    let allow = "[[check.allow]]\nimages = [\"acme/allowed\"]\nreason = \"for now\"\n";
    let scene = Scene::new(allow).await;
    let old = scene.registry.put_index("acme/moved", "1", BOTH, "old");
    scene.registry.put_index("acme/moved", "1", BOTH, "new");
    let api = scene.registry.put_index("acme/api", "1", BOTH, "api");
    scene.registry.put_index("acme/allowed", "1", BOTH, "allowed");
    let moved = format!("acme/moved:1@{old}");
    scene.write("a.yaml", &["acme/api:1", &moved, "acme/allowed:1", "acme/gone:1 # missing"]);
    let (code, out, err) = scene.run(&["--fix"]).await;
    let after = scene.read("a.yaml");
    assert!(after.contains(&format!("image: acme/api:1@{api}\n")), "{after}{err}");
    assert!(after.contains(&format!("image: {moved}\n")), "offline, it has no finding: {after}");
    assert!(after.contains("image: acme/allowed:1\n"), "{after}");
    // What is left is said, and why.
    assert_eq!((code, out.matches("floating-tag").count()), (1, 1), "{out}");
    assert!(err.contains("not fixed: a.yaml:9: `acme/gone:1`"), "{err}");
    let asked = scene.registry.requests();
    assert!(!asked.iter().any(|r| r.path.contains("moved") || r.path.contains("allowed")), "{asked:?}");

    scene.write("a.yaml", &["acme/api:1"]);
    assert_eq!(scene.run(&["--fix"]).await.0, 0);
    let fixed = scene.read("a.yaml");
    assert_eq!(scene.run(&["--fix"]).await.0, 0);
    assert_eq!(scene.read("a.yaml"), fixed, "a second run changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn fix_judges_a_change_by_what_it_wrote() {
    let scene = Scene::new("").await;
    let digest = scene.registry.put_index("acme/api", "1", BOTH, "api");
    let pinned = format!("acme/api:1@{digest}");
    let git = git2::Repository::init(scene.directory.path().join("work")).unwrap();
    let commit = || {
        let mut index = git.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        index.write().unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let person = git2::Signature::now("a", "a@example.com").unwrap();
        let parent = git.head().ok().map(|head| head.peel_to_commit().unwrap());
        git.commit(Some("HEAD"), &person, &person, "x", &tree, &parent.iter().collect::<Vec<_>>()).unwrap();
    };
    scene.write("a.yaml", &[&pinned]);
    commit();
    // The digest is lost in a commit, and on disk alone.
    scene.write("a.yaml", &["acme/api:1"]);
    commit();
    let (code, out, err) = scene.run(&["--fix", "--changed-since", "HEAD~1"]).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(scene.read("a.yaml").contains(&pinned));
    commit();
    scene.write("a.yaml", &["acme/api:1"]);
    let (code, out, err) = scene.run(&["--fix", "--changed-since", "HEAD"]).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    // The same by a patch.
    let lines = |image: &str| format!("   s0:\n-    image: {pinned}\n+    image: {image}\n");
    let patch = format!(
        "diff --git a/a.yaml b/a.yaml\n--- a/a.yaml\n+++ b/a.yaml\n@@ -2,2 +2,2 @@\n{}",
        lines("acme/api:1")
    );
    let file = scene.directory.path().join("p.patch");
    fs_err::write(&file, patch).unwrap();
    scene.write("a.yaml", &["acme/api:1"]);
    let (code, out, err) = scene.run(&["--fix", "--diff", file.to_str().unwrap()]).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(scene.read("a.yaml").contains(&pinned));
}

#[tokio::test(flavor = "multi_thread")]
async fn fix_keeps_the_annotations_of_what_it_leaves_alone() {
    let scene = Scene::new("").await;
    let old = scene.registry.put_index("acme/moved", "1", BOTH, "old");
    scene.registry.put_index("acme/moved", "1", BOTH, "new");
    let api = scene.registry.put_index("acme/api", "1", BOTH, "api");
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\n  annotations:\n    \
         deployed-image-digest.moved: {old}\nspec:\n  template:\n    spec:\n      containers:\n        - name: moved\n          \
         image: acme/moved:1@{old}\n        - name: api\n          image: acme/api:1\n"
    );
    let path = scene.directory.path().join("work/x.yaml");
    fs_err::write(&path, &text).unwrap();
    let (code, _, err) = scene.run(&["--fix"]).await;
    assert_eq!(code, 0, "{err}");
    let expected = text.replace("image: acme/api:1\n", &format!("image: acme/api:1@{api}\n")).replace(
        &format!("deployed-image-digest.moved: {old}\n"),
        &format!("deployed-image-digest.moved: {old}\n    deployed-image-digest.api: {api}\n"),
    );
    assert_eq!(scene.read("x.yaml"), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_with_another_digest_is_told_from_one_that_has_nothing() {
    let scene = Scene::new("").await;
    let mirror = Registry::start().await;
    let add = |pull: &str| {
        let path = scene.directory.path().join("bot.toml");
        let text = fs_err::read_to_string(&path).unwrap();
        let text = text.split("[[registry.mirror]]").next().unwrap();
        let location = mirror.host();
        let entry =
            format!("[[registry.mirror]]\nlocation = \"{location}\"\npull-from-mirror = \"{pull}\"\n");
        fs_err::write(path, format!("{text}{entry}")).unwrap();
    };
    let now = scene.registry.put_index("acme/api", "1", BOTH, "new");
    let pinned = format!("acme/api:1@{now}");
    scene.write("a.yaml", &[&pinned, &format!("acme/api@{now}")]);
    add("all");
    assert_eq!(scene.rules(&["--online"]).await, (0, none(), none()), "a cache that has nothing yet");
    mirror.put_index("acme/api", "1", BOTH, "new");
    assert_eq!(scene.rules(&["--online"]).await, (0, none(), none()));

    // A mirror that is asked for tags must not be compared with itself: what it says is what tagpin would pin.
    let old = mirror.put_index("acme/api", "1", BOTH, "old");
    let (code, rules, unchecked) = scene.rules(&["--online"]).await;
    assert!(rules.contains(&"mirror-stale".to_owned()), "{rules:?}");
    assert_eq!((code, unchecked), (0, none()));
    let (_, out, _) = scene.run(&["--online"]).await;
    let (old, new) = (&old["sha256:".len()..][..12], &now["sha256:".len()..][..12]);
    let place = format!("{}/acme/api", mirror.host());
    let said = format!("the tag of `{pinned}` is {old}… at the mirror `{place}`, and {new}… at the registry");
    assert!(out.contains(&said), "{out}");

    // Nobody pulls a tag from it.
    add("digest-only");
    assert_eq!(scene.rules(&["--online"]).await, (0, none(), none()));
    mirror.set(|mood| mood.always = Some(503));
    assert_eq!(scene.rules(&["--online"]).await, (0, none(), none()));

    // Neither wrong nor fine.
    add("tag-only");
    let (code, _, unchecked) = scene.rules(&["--online"]).await;
    assert_eq!((code, unchecked), (3, vec!["unavailable".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_environment_is_looked_after_too() {
    let environments = "[policy]\nimmutable = [\"acme/fixed:*\"]\n[[environment]]\nname = \"dev\"\npaths = [\"dev.yaml\"]\n\
                        [[environment]]\nname = \"production\"\npaths = [\"production.yaml\"]\nafter = \"dev\"\n";
    let scene = Scene::new(environments).await;
    let gone = format!("sha256:{}", "ab".repeat(32));
    let old = scene.registry.put_index("acme/moved", "1", BOTH, "old");
    scene.registry.put_index("acme/moved", "1", BOTH, "new");
    scene.registry.put_index("acme/gone", "1", BOTH, "new");
    let fixed = scene.registry.put_index("acme/fixed", "1", BOTH, "old");
    scene.registry.put_index("acme/fixed", "1", BOTH, "new");
    let images =
        [format!("acme/moved:1@{old}"), format!("acme/gone:1@{gone}"), format!("acme/fixed:1@{fixed}")];
    scene.write("production.yaml", &images.each_ref().map(String::as_str));
    // A tag that has moved on is no finding where digests come by promotion.
    let (code, rules, _) = scene.rules(&["--online"]).await;
    assert_eq!((code, rules), (1, vec!["digest-gone".to_owned(), "immutable-tag-moved".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_did_not_move_is_not_said_to_have() {
    let scene = Scene::new("[policy]\nlevel = \"platform\"\nplatforms = [\"linux/amd64\"]\n").await;
    let now = scene.registry.put_index("acme/api", "1", BOTH, "now");
    scene.write("a.yaml", &[&format!("acme/api:1@{now}")]);
    let (_, out, err) = scene.run(&["--online"]).await;
    assert!(out.contains("is what its tag is, and policy asks for"), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hold_keeps_must_be_there_too() {
    let hold = "[[hold]]\nimages = [\"acme/*\"]\nreason = \"taken back\"\n";
    let scene = Scene::new(hold).await;
    let gone = format!("sha256:{}", "ab".repeat(32));
    let old = scene.registry.put_index("acme/kept", "1", BOTH, "old");
    scene.registry.put_index("acme/kept", "1", BOTH, "new");
    scene.registry.put_index("acme/gone", "1", BOTH, "new");
    scene.write("a.yaml", &[&format!("acme/kept:1@{old}"), &format!("acme/gone:1@{gone}")]);
    let (code, rules, _) = scene.rules(&["--online"]).await;
    assert_eq!((code, rules), (1, vec!["digest-gone".to_owned()]));
}

/// Who opens a pull request names the images: nothing but public addresses is asked for them, by the fix neither (issue 13, H).
#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_name_leads_to_no_private_address_whatever_is_done() {
    let scene = Scene::new("").await;
    scene.registry.put_index("acme/api", "1", BOTH, "a");
    for (args, who) in [(&["--online"][..], "not checked: "), (&["--online", "--fix"], "not fixed: ")] {
        scene.write("a.yaml", &["10.255.255.1:9/acme/api:1"]);
        let before = scene.read("a.yaml");
        let (code, _, err) = scene.run(&[args, &["--untrusted"]].concat()).await;
        assert_eq!(code, 1, "{args:?}: {err}");
        let said = err.lines().find(|line| line.starts_with(who)).unwrap_or_default();
        assert!(said.contains("`10.255.255.1` is a private network"), "{args:?}: {err}");
        assert_eq!(scene.read("a.yaml"), before, "{args:?}");
    }
    // A registry that the configuration names may be anywhere.
    scene.write("a.yaml", &["acme/api:1"]);
    assert_eq!(scene.run(&["--online", "--fix", "--untrusted"]).await.0, 0);
    assert!(scene.read("a.yaml").contains("acme/api:1@sha256:"));
}
