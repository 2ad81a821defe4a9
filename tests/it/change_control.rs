//! `hold`, `promote`, `rollback`, `known-good`, `history` and `pin --set` from the outside: the binary, a git repository
//! whose commits have the dates that the test says, and a registry on loopback.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use git2::{Oid, Signature, Time};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

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

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_digest_from_dev_to_production_and_back() {
    let scene = Scene::new().await;
    let busybox = scene.publish("docker.io/library/busybox", "1", "b");
    let first = scene.publish(API, "1.8", "first");
    for environment in ["dev", "staging", "production"] {
        scene.write(&format!("{environment}/api.yaml"), &deployment("acme/api:1.8"));
    }
    scene.write("tagpin.toml", CONFIG);
    scene.commit("begin", 300);

    // The migration pins everything, also what comes after dev.
    assert_eq!(scene.run(&["pin"]).await.0, 0);
    for environment in ["dev", "staging", "production"] {
        let text = scene.read(&format!("{environment}/api.yaml"));
        assert!(text.contains(&format!("image: acme/api:1.8@{first} # the api")), "{text}");
        assert!(text.contains(&busybox));
    }
    scene.commit("Pin 2 images (#1)", 200);

    // The tag moves: dev follows it, and nothing else does.
    let second = scene.publish(API, "1.8", "second");
    let (code, diff, err) = scene.run(&["pin", "--dry-run"]).await;
    assert_eq!((code, changed(&diff).len()), (0, 2), "{diff}{err}");
    assert_eq!(scene.run(&["pin"]).await.0, 0);
    assert!(scene.read("dev/api.yaml").contains(&second) && scene.read("staging/api.yaml").contains(&first));
    scene.commit("Update dev (#2)", 30);

    // It soaks: by the committer's date, whatever the author says.
    let before = scene.files();
    let (code, out, err) = scene.run(&["promote", "dev", "staging", "--soak", "48h"]).await;
    assert_eq!(code, 3, "{out}{err}");
    assert!(out.contains("not-soaked") && err.contains("nothing was promoted"), "{out}{err}");
    assert_eq!(scene.files(), before, "nothing is half done");
    let (code, _, err) = scene.run(&["promote", "dev", "production"]).await;
    assert_eq!(code, 2);
    assert!(err.contains("takes its images from `staging`"), "{err}");
    assert_eq!(scene.run(&["promote", "dev", "staging", "--check"]).await.0, 1);
    let (code, diff, err) = scene.run(&["promote", "dev", "staging", "--soak", "1d", "--dry-run"]).await;
    assert_eq!(code, 0, "{err}");
    let line = |sign: &str, digest: &str| format!("{sign}        image: acme/api:1.8@{digest} # the api");
    assert_eq!(changed(&diff), [line("-", &first), line("+", &second)], "{diff}");
    assert_eq!(scene.run(&["promote", "dev", "staging", "--soak", "24h"]).await.0, 0);
    assert_eq!(scene.run(&["promote", "dev", "staging", "--check"]).await.0, 0);
    scene.commit("Promote to staging (#3)", 29);
    assert_eq!(scene.run(&["promote", "staging", "production"]).await.0, 0);
    scene.commit("Promote to production (#4)", 28);
    assert_eq!(scene.read("production/api.yaml"), scene.read("dev/api.yaml"));

    // It is healthy.
    let (code, out, err) = scene.run(&["known-good", "mark", "production", "--by", "pipeline"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("2 images known to be good in production"), "{out}");
    let list = scene.read("tagpin-known-good.toml");
    assert!(list.contains(&second) && list.contains("by = \"pipeline\""), "{list}");
    let listed = scene.run(&["known-good", "mark", "production", "--by", "somebody else"]).await;
    assert_eq!((listed.0, scene.read("tagpin-known-good.toml")), (0, list), "what is marked keeps its date");
    scene.commit("Known good", 27);

    // A bad one goes all the way.
    let bad = scene.publish(API, "1.8", "bad");
    for step in [&["pin"][..], &["promote", "dev", "staging"], &["promote", "staging", "production"]] {
        assert_eq!(scene.run(step).await.0, 0);
        scene.commit("on and on (#5)", 3);
    }
    assert!(scene.read("production/api.yaml").contains(&bad));

    // Back, and held there: one command, a few lines.
    let rollback = ["rollback", "production", "--to", "known-good", "--reason", "TICKET-42", "--by", "Ana"];
    let until = ["--until", "2999-12-31"];
    let (code, diff, err) = scene.run(&[&rollback[..], &until, &["--dry-run"]].concat()).await;
    assert_eq!(code, 0, "{err}");
    let expected = [
        "+",
        "+[[hold]]",
        "+images = [\"acme/api\"]",
        "+paths = [\"production/api.yaml\"]",
        "+reason = \"TICKET-42\"",
        "+by = \"Ana\"",
        "+until = 2999-12-31",
        &line("-", &bad),
        &line("+", &second),
    ];
    assert_eq!(changed(&diff), expected, "{diff}");
    assert_eq!(scene.run(&[&rollback[..], &until].concat()).await.0, 0);
    let after = scene.files();
    assert_eq!(scene.run(&[&rollback[..], &until].concat()).await.0, 0);
    assert_eq!(scene.files(), after, "to do it again changes nothing");
    assert!(scene.read("tagpin.toml").starts_with(CONFIG), "comments are kept");
    scene.commit("Roll back (#6)", 2);

    // Nothing undoes it.
    let (code, out, _) = scene.run(&["promote", "staging", "production"]).await;
    assert_eq!(code, 0, "a hold is somebody's decision, and no failure");
    assert!(out.contains("held") && out.contains("on-hold") && out.contains("TICKET-42"), "{out}");
    assert_eq!(scene.files(), after);
    let (_, out, _) = scene.run(&["hold", "list"]).await;
    assert!(out.starts_with(" 1  active ") && out.contains("TICKET-42"), "{out}");

    // The hold ends, and the fix goes through.
    let fix = scene.publish(API, "1.8", "fix");
    scene.write("tagpin.toml", &scene.read("tagpin.toml").replace("2999-12-31", "2000-12-31"));
    for step in [&["pin"][..], &["promote", "dev", "staging"], &["promote", "staging", "production"]] {
        let (code, _, err) = scene.run(step).await;
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("a hold has ended: `TICKET-42`"), "{err}");
        scene.commit("the fix (#7)", 1);
    }
    assert!(scene.read("production/api.yaml").contains(&fix));
    assert_eq!(scene.run(&["hold", "remove", "--ended"]).await.0, 0);
    assert_eq!(scene.read("tagpin.toml"), CONFIG, "as if it had never been there");
    tells_what_was(&scene, &[&first, &second, &bad, &second, &fix]).await;
}

/// `history` agrees with what git itself has, commit by commit.
async fn tells_what_was(scene: &Scene, digests: &[&String]) {
    let (code, out, err) = scene.run(&["history", "production", "--format", "json"]).await;
    assert_eq!(code, 0, "{err}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let events = json["events"].as_array().unwrap();
    let api = events.iter().filter(|event| event["place"].as_str().unwrap().ends_with("/api"));
    let api: Vec<&Value> = api.collect();
    let after: Vec<&str> = api.iter().rev().filter_map(|event| event["after"]["digest"].as_str()).collect();
    assert_eq!(after, digests.iter().map(|digest| digest.as_str()).collect::<Vec<_>>());
    assert_eq!(api[0]["pull_request"], 7);
    assert_eq!(api[0]["object"]["name"], "api");
    assert!(api[api.len() - 1]["before"].is_null(), "it begins with the file");
    let mut walk = scene.git.revwalk().unwrap();
    walk.push_head().unwrap();
    let mut count = 0;
    for id in walk.map(Result::unwrap) {
        let commit = scene.git.find_commit(id).unwrap();
        let entry = commit.tree().unwrap().get_path(Path::new("production/api.yaml")).unwrap();
        let text = String::from_utf8(scene.git.find_blob(entry.id()).unwrap().content().to_vec()).unwrap();
        let expected: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("image: ")?.1.split(' ').next()).collect();
        let when = Timestamp::from_second(commit.time().seconds()).unwrap();
        // Commits of one second cannot be told apart by their time.
        let next = scene.git.revwalk().map(|mut walk| {
            walk.push_head().unwrap();
            walk.any(|other| {
                let other = scene.git.find_commit(other.unwrap()).unwrap();
                other.id() != id && other.time().seconds() == commit.time().seconds()
            })
        });
        if next.unwrap() {
            continue;
        }
        count += 1;
        let when = when.to_string();
        let args = ["history", "production", "--at", when.as_str(), "--format", "json"];
        let (code, out, err) = scene.run(&args).await;
        assert_eq!(code, 0, "{err}");
        let json: Value = serde_json::from_str(&out).unwrap();
        let images = json["references"].as_array().unwrap().iter();
        let images: Vec<&str> = images.map(|row| row["image"].as_str().unwrap()).collect();
        assert_eq!(images, expected, "{when}");
        assert_eq!(json["commit"], id.to_string());
    }
    assert!(count >= 6, "{count}");
    assert_eq!(scene.run(&["history", "production", "--at", "1999-01-01"]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_refused_as_a_whole_with_reasons() {
    let scene = Scene::new().await;
    let good = scene.publish(API, "1.9", "good");
    let single = scene.registry.put_index("docker.io/acme/web", "1", &["linux/amd64"], "web");
    let gone = "sha256:".to_owned() + &"ab".repeat(32);
    scene.write("tagpin.toml", CONFIG);
    let compose = |api: &str, web: &str, db: &str| {
        format!(
            "services:\n  a: {{image: \"acme/api:{api}\"}}\n  w: {{image: \"acme/web:{web}\"}}\n  d: {{image: \"acme/db:{db}\"}}\n"
        )
    };
    scene.write(
        "staging/compose.yaml",
        &compose(&format!("1.9@{good}"), &format!("1@{single}"), &format!("1@{gone}")),
    );
    scene.write("production/compose.yaml", &compose("1.8", "1", "1"));
    let before = scene.files();
    let (code, out, err) = scene.run(&["promote", "staging", "production", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["complete"]), (3, &false.into()), "{err}");
    let reasons: Vec<&str> =
        json["references"].as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["others-refused", "platform-missing", "digest-gone"], "{out}");
    assert_eq!(scene.files(), before);

    let (code, out, _) = scene.run(&["promote", "staging", "production", "--partial"]).await;
    assert_eq!(code, 3);
    assert!(out.contains("platform-missing") && out.contains("linux/arm64"), "{out}");
    assert_eq!(scene.read("production/compose.yaml"), compose(&format!("1.9@{good}"), "1", "1"));

    scene.registry.set(|mood| mood.always = Some(503));
    scene.write("production/compose.yaml", &compose("1.8", "1", "1"));
    let (code, out, _) = scene.run(&["promote", "staging", "production", "--image", "acme/api"]).await;
    assert_eq!(code, 3, "what could not be asked is not written: {out}");
    assert!(out.contains("unavailable"), "{out}");
    assert_eq!(scene.files(), before);
    for args in [["promote", "staging", "prod"], ["promote", "staging", "."]] {
        assert_eq!(scene.run(&args).await.0, 2, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tag_and_digest_in_fields_of_their_own_are_promoted_together() {
    let scene = Scene::new().await;
    let old = scene.publish(API, "1.9", "old");
    let new = scene.publish(API, "1.10", "new");
    scene.write("dev/kustomization.yaml", &kustomization("1.10", &new));
    scene.write("staging/kustomization.yaml", &kustomization("1.9", &old));
    let values = |tag: &str, digest: &str| {
        format!("image:\n  repository: acme/api\n  tag: {tag}\n  digest: {digest}\n")
    };
    scene.write("staging/values.yaml", &values("v1", &old));
    scene.write("tagpin.toml", CONFIG);
    let ticket = format!("CHG-7: please allow ({new}).\n");
    scene.write("ticket.txt", &ticket);
    let (code, out, err) = scene.run(&["promote", "dev", "staging", "--approved", "ticket.txt"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(scene.read("staging/kustomization.yaml"), kustomization("1.10", &new));
    // A tag that YAML would take for a number becomes a text.
    assert_eq!(scene.read("staging/values.yaml"), values("\"1.10\"", &new));
    scene.write("ticket.txt", &old);
    scene.write("staging/kustomization.yaml", &kustomization("1.9", &old));
    let (code, out, _) = scene.run(&["promote", "dev", "staging", "--approved", "ticket.txt"]).await;
    assert_eq!(code, 3);
    assert!(out.contains("not-approved"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_back_and_never_forward() {
    let scene = Scene::new().await;
    scene.publish("docker.io/library/busybox", "1", "b");
    let digests: Vec<String> = ["1", "2", "3"].iter().map(|build| scene.publish(API, build, build)).collect();
    for (hours, (tag, digest)) in [30, 20, 10].iter().zip(["1", "2", "3"].iter().zip(&digests)) {
        let file = if *hours == 30 { "app/old.yaml" } else { "app/api.yaml" };
        if *hours == 20 {
            fs_err::rename(scene.path("app/old.yaml"), scene.path("app/api.yaml")).unwrap();
        }
        scene.write(file, &deployment(&format!("acme/api:{tag}@{digest}")));
        scene.commit("next", *hours);
    }
    let back = ["rollback", "app/api.yaml#deployment/api", "--image", "acme/api", "--to", "previous"];
    for (tag, expected) in [("2", &digests[1]), ("1", &digests[0])] {
        let (code, out, err) = scene.run(&back).await;
        assert_eq!(code, 0, "{out}{err}");
        let wanted = deployment(&format!("acme/api:{tag}@{expected}"));
        assert_eq!(scene.read("app/api.yaml"), wanted, "the tag too, through a rename");
        scene.commit("back", 1);
    }
    assert_eq!(scene.read("tagpin.toml").matches("[[hold]]").count(), 1, "one hold is enough");
    let (code, out, _) = scene.run(&back).await;
    assert_eq!(code, 3);
    assert!(out.contains("no-earlier-digest"), "{out}");

    let day = (Timestamp::now() - SignedDuration::from_hours(15)).to_string();
    let to = |to: &'static str| ["rollback", "app", "--image", "acme/api", "--to", to];
    let (code, _, err) = scene.run(&["rollback", "app", "--image", "acme/api", "--to", &day]).await;
    assert_eq!(code, 0, "{err}");
    assert!(scene.read("app/api.yaml").contains(&digests[1]));
    for (args, code, part) in [
        (&to("1999-01-01")[..], 3, "not-declared-then"),
        (&to("known-good"), 3, "no-known-good"),
        (&["rollback", "app", "--to", "previous"], 2, "has several images: acme/api, busybox"),
        (&["rollback", "app", "--to", "sideways"], 2, "known-good"),
        (&["rollback", "nowhere", "--to", "previous"], 2, "neither an environment nor a path"),
        (&["rollback", "app", "--to", "previous", "--image", "other"], 2, "no image"),
    ] {
        let before = scene.files();
        let (found, out, err) = scene.run(args).await;
        assert!(found == code && format!("{out}{err}").contains(part), "{args:?}: {found}\n{out}{err}");
        assert_eq!(scene.files(), before);
    }
    let never = scene.publish(API, "4", "4");
    let (code, out, _) = scene.run(&["rollback", "app", "--image", "acme/api", "--to", &never]).await;
    assert_eq!(code, 3);
    assert!(out.contains("never-declared"), "{out}");
    scene.registry.remove(API, &digests[2]);
    let (code, out, _) = scene.run(&["rollback", "app", "--image", "acme/api", "--to", &digests[2]]).await;
    assert_eq!(code, 3);
    assert!(out.contains("digest-gone"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_a_build_has_made_is_written_without_asking_the_tag() {
    let scene = Scene::new().await;
    let built = scene.publish(API, "1.9", "ours");
    scene.publish(API, "1.9", "somebody else's, a moment later");
    scene.write("dev/api.yaml", &deployment("acme/api:1.8"));
    scene.registry.forget_requests();
    let set = format!("docker.io/acme/api:1.9@{built}");
    let (code, out, err) = scene.run(&["pin", "--set", &set]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(scene.read("dev/api.yaml"), deployment(&format!("acme/api:1.9@{built}")));
    let requests = scene.registry.requests();
    assert!(requests.iter().all(|request| !request.path.ends_with("/1.9")), "{requests:?}");

    let metadata =
        format!(r#"{{"containerimage.digest": "{built}", "image.name": "docker.io/acme/api:1.8"}}"#);
    scene.write("m.json", &metadata);
    let (code, _, err) = scene.run(&["pin", "--digests", "m.json", "dev"]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(scene.read("dev/api.yaml"), deployment(&format!("acme/api:1.8@{built}")));

    let none = "sha256:".to_owned() + &"0".repeat(64);
    let before = scene.files();
    let gone = format!("acme/api:2@{none}");
    let other = format!("acme/other:1@{built}");
    for (set, code, part) in [
        (gone.as_str(), 3, "digest-gone"),
        (other.as_str(), 3, "no image here is"),
        ("acme/api:1.9", 2, "names no digest"),
        ("acme/api@sha256:abc", 2, "digest is malformed"),
    ] {
        let (found, out, err) = scene.run(&["pin", "--set", set]).await;
        assert!(found == code && format!("{out}{err}").contains(part), "{set}: {found}\n{out}{err}");
        assert_eq!(scene.files(), before, "{set}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_added_listed_and_removed() {
    let scene = Scene::new().await;
    scene.publish("docker.io/library/busybox", "1", "b");
    scene.publish(API, "1.8", "a");
    scene.write("dev/api.yaml", &deployment("acme/api:1.8"));
    let add = ["hold", "add", "--image", "acme/*", "--reason", "because", "--by", "Ana"];
    // From below the root too.
    assert_eq!(scene.run_in("dev", &add).await.0, 0);
    let text = scene.read("tagpin.toml");
    assert_eq!(text.trim_start(), "[[hold]]\nimages = [\"acme/*\"]\nreason = \"because\"\nby = \"Ana\"\n");
    assert_eq!(scene.run(&add).await.0, 0);
    assert_eq!(scene.read("tagpin.toml"), text, "once is enough");
    assert_eq!(scene.run(&["hold", "add", "--tag", "9", "--reason", "x"]).await.0, 0);
    let (code, out, _) = scene.run(&["hold", "list", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    let states: Vec<_> =
        json["holds"].as_array().unwrap().iter().map(|hold| (&hold["number"], &hold["state"])).collect();
    assert_eq!(
        (code, states),
        (0, vec![(&1.into(), &"active".into()), (&2.into(), &"unmatched".into())]),
        "{out}"
    );
    let (_, out, _) = scene.run(&["list"]).await;
    assert!(out.contains("(on hold: `because`, says `Ana`, until somebody removes the hold"), "{out}");
    let (code, out, _) = scene.run(&["pin"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("held      acme/api:1.8") && out.contains("pinned    busybox:1@"), "{out}");
    assert_eq!(scene.run(&["hold", "remove", "3"]).await.0, 2);
    assert_eq!(scene.run(&["hold", "remove", "1", "2"]).await.0, 0);
    assert_eq!(scene.read("tagpin.toml").trim(), "");
    let (code, out, _) = scene.run(&["pin"]).await;
    assert!(code == 0 && out.contains("pinned    acme/api:1.8@"), "{out}");
    for args in [
        &["hold", "add", "--reason", "x"][..],
        &["hold", "add", "--image", "/x", "--reason", "x"],
        &["hold", "add", "--tag", "1", "--reason", "x", "--until", "soon"],
    ] {
        assert_eq!(scene.run(args).await.0, 2, "{args:?}");
        assert_eq!(scene.read("tagpin.toml").trim(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_clone_is_told_and_not_believed() {
    let scene = Scene::new().await;
    let digests: Vec<String> = ["1", "2"].iter().map(|build| scene.publish(API, "1", build)).collect();
    scene.write("tagpin.toml", CONFIG);
    scene.write("staging/c.yaml", "services:\n  a: {image: \"acme/api:1\"}\n");
    let mut last = None;
    for (digest, hours) in digests.iter().zip([90, 10]) {
        scene.write("dev/c.yaml", &format!("services:\n  a: {{image: \"acme/api:1@{digest}\"}}\n"));
        last = Some(scene.commit("next", hours));
    }
    let soak = |time: &'static str| ["promote", "dev", "staging", "--dry-run", "--soak", time];
    let (code, out, _) = scene.run(&["history", "dev"]).await;
    assert_eq!((code, out.matches(" -> ").count()), (0, 2), "{out}");
    // What git writes when it fetches the last commit alone.
    fs_err::write(scene.path(".git/shallow"), format!("{}\n", last.unwrap())).unwrap();
    let (code, out, err) = scene.run(&["history", "dev"]).await;
    assert_eq!((code, out.matches(" -> ").count()), (3, 1), "{out}{err}");
    assert!(err.contains("git fetch --unshallow"), "{err}");
    let (code, _, err) = scene.run(&soak("24h")).await;
    assert!(code == 3 && err.contains("does not show 24h"), "{err}");
    assert_eq!(scene.run(&soak("9h")).await.0, 0, "so much is known");
    let (code, out, err) = scene.run(&["rollback", "dev", "--to", "previous"]).await;
    assert!(code == 3 && out.contains("the history that is here ends at"), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_say_to_be_old_do_not_soak() {
    let scene = Scene::new().await;
    let digests: Vec<String> = ["1", "2"].iter().map(|build| scene.publish(API, "1", build)).collect();
    scene.write("tagpin.toml", CONFIG);
    let declare = |file: &str, digest: &str| {
        scene.write(file, &format!("services:\n  a: {{image: \"acme/api:1@{digest}\"}}\n"));
    };
    declare("dev/c.yaml", &digests[0]);
    declare("staging/c.yaml", &digests[0]);
    scene.commit("first", 5);
    // Two in a row: the second one's parent says to be as old as it does.
    scene.write("README.md", "x");
    scene.commit("nothing", 900);
    declare("dev/c.yaml", &digests[1]);
    scene.commit("the digest", 900);
    let soak = |time: &'static str| ["promote", "dev", "staging", "--dry-run", "--soak", time];
    let (code, out, err) = scene.run(&soak("24h")).await;
    assert!(code == 3 && err.contains("not-soaked"), "{out}{err}");
    assert_eq!(scene.run(&soak("4h")).await.0, 0, "it is as old as what it stands on");
}
