//! `list`, `pin`, `check` and `resolve` from the outside: the binary, files on disk, a registry on loopback.

use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::registry::Registry;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: a\n      \
                   image: \"acme/api:1.8\" # keep\n    - name: b\n      image: acme/gone:1\n    - name: c\n      \
                   image: ${IMAGE}\n";

/// A directory with files, a registry that has `acme/api:1.8`, and the configuration that leads there.
pub(super) struct Scene {
    pub(super) directory: TempDir,
    pub(super) registry: Registry,
    pub(super) digest: String,
}

impl Scene {
    pub(super) async fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join("work").join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let registry = Registry::start().await;
        let digest = registry.put_index("acme/api", "1.8", &["linux/amd64", "linux/arm64"], "one");
        let host = registry.host();
        let config =
            format!("[[registry]]\nprefix = \"docker.io\"\nlocation = \"{host}\"\ninsecure = true\n");
        fs_err::write(directory.path().join("bot.toml"), config).unwrap();
        Self { directory, registry, digest }
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join("work").join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    pub(super) async fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
        command.current_dir(self.directory.path().join("work")).env_clear().stdin(Stdio::null());
        command
            .env("HOME", self.directory.path())
            .env("TAGPIN_CONFIG", self.directory.path().join("bot.toml"));
        command.args(args);
        // The registry answers in this process: its threads must not wait for the command.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn list_says_where_every_image_stands() {
    let scene = Scene::new(&[("app/pod.yaml", POD), ("broken.yaml", "image: [\n")]).await;
    let (code, out, err) = scene.run(&["list", "--format", "json"]).await;
    assert_eq!(code, 3, "a file could not be read: {err}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["version"], &json["complete"]), (&1.into(), &false.into()));
    let first = &json["references"][0];
    let start = POD.find("\"acme/api:1.8\"").unwrap();
    let expected = serde_json::json!({
        "file": "app/pod.yaml", "line": 7, "column": 14, "byte_start": start, "byte_end": start + 14, "document": 0,
        "path": "/spec/containers/0/image", "format": "kubernetes", "kind": "Pod", "image": "acme/api:1.8",
        "registry": "docker.io", "repository": "acme/api", "tag": "1.8", "digest": null,
        "state": "floating", "reason": null,
    });
    assert_eq!(*first, expected);
    assert_eq!(
        (&json["references"][2]["state"], &json["references"][2]["reason"]),
        (&"skipped".into(), &"variable".into())
    );
    assert_eq!(
        (&json["unread"][0]["file"], &json["unread"][0]["reason"]),
        (&"broken.yaml".into(), &"not-yaml".into())
    );
    assert_eq!(json["summary"], serde_json::json!({"floating": 2, "pinned": 0, "skipped": 1}));
    assert_eq!(scene.registry.requests().len(), 0, "list is offline");

    let (code, out, _) = scene.run(&["list", "app"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("floating  acme/api:1.8  app/pod.yaml:7:14\n"), "{out}");
    assert!(out.contains("(variable)"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_writes_what_it_can_and_says_what_it_could_not() {
    let scene = Scene::new(&[("pod.yaml", POD)]).await;
    let pinned = POD.replace("acme/api:1.8", &format!("acme/api:1.8@{}", scene.digest));

    let (code, diff, err) = scene.run(&["pin", "--dry-run"]).await;
    assert_eq!(code, 3);
    assert_eq!(scene.read("pod.yaml"), POD, "a dry run writes nothing");
    let added: Vec<&str> =
        diff.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++")).collect();
    assert_eq!(added, [format!("+      image: \"acme/api:1.8@{}\" # keep", scene.digest)], "{diff}");
    assert!(err.contains("failed") && err.contains("not-found"), "{err}");

    let (code, out, err) = scene.run(&["pin"]).await;
    assert_eq!(code, 3, "one image failed: {err}");
    assert_eq!(scene.read("pod.yaml"), pinned);
    assert!(out.contains("pinned    acme/api:1.8@sha256:") && out.contains("failed    acme/gone:1"), "{out}");

    scene.registry.forget_requests();
    let (code, out, _) = scene.run(&["pin", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["complete"]), (3, &false.into()));
    let outcomes: Vec<&str> =
        json["references"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["unchanged", "failed", "skipped"]);
    assert_eq!(scene.read("pod.yaml"), pinned, "a second run changes nothing");
    let heads = scene.registry.requests().iter().filter(|r| r.path.contains("/acme/api/")).count();
    assert_eq!(heads, 1, "a pin that is right costs one HEAD: {:?}", scene.registry.requests());

    let moved = scene.registry.put_index("acme/api", "1.8", &["linux/amd64"], "two");
    let (_, out, _) = scene.run(&["pin", "--dry-run", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    let row = &json["references"][0];
    assert_eq!((&row["digest"], &row["new_digest"]), (&scene.digest.clone().into(), &moved.clone().into()));
    assert_eq!(json["after"], serde_json::json!({"floating": 1, "pinned": 1, "skipped": 1}));

    let (_, out, _) = scene.run(&["pin"]).await;
    assert!(
        out.contains(&format!("updated   acme/api:1.8@{moved}  (was {})  pod.yaml", scene.digest)),
        "{out}"
    );
    assert_eq!(scene.read("pod.yaml"), POD.replace("acme/api:1.8", &format!("acme/api:1.8@{moved}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_touches_named_files_only_and_keeps_their_mode() {
    let scene = Scene::new(&[("a.yaml", POD), ("b.yaml", POD)]).await;
    let (_, _, _) = scene.run(&["pin", "a.yaml"]).await;
    assert_ne!(scene.read("a.yaml"), POD);
    assert_eq!(scene.read("b.yaml"), POD);
    let (code, _, err) = scene.run(&["pin", "missing.yaml"]).await;
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("`missing.yaml` does not exist") && err.contains("hint:"), "{err}");
    let (code, _, err) = scene.run(&["pin", "--offline"]).await;
    assert_eq!(code, 2, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_is_incomplete_and_never_a_finding() {
    let scene = Scene::new(&[("pod.yaml", POD)]).await;
    scene.registry.set(|mood| mood.always = Some(503));
    let (code, out, _) = scene.run(&["pin"]).await;
    assert_eq!(code, 3);
    assert!(out.contains("unavailable"), "{out}");
    assert_eq!(scene.read("pod.yaml"), POD);
    let (code, out, err) = scene.run(&["check", "pod.yaml"]).await;
    assert_eq!(code, 1, "check is offline: {err}");
    assert!(out.contains("pod.yaml:7:14: floating-tag: `acme/api:1.8` has a tag and no digest"), "{out}");
    assert!(out.contains("hint: tagpin pin pod.yaml"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_clean_from_findings_from_unknown() {
    let digest = "0123456789abcdef".repeat(4);
    let clean = format!("services:\n  a:\n    image: nginx:1@sha256:{digest}\n");
    // What fools a search for `@`: a short digest, a bare `@`, upper case, a digest in a comment or in another field.
    let fooling = format!(
        "services:\n  a: {{image: \"nginx:1\", x-pin: \"@sha256:{digest}\"}}\n  b:\n    image: nginx:2 # @sha256:{digest}\n"
    );
    let malformed = "services:\n  c:\n    image: nginx@sha256:abc\n  d:\n    image: nginx@\n";
    let scene = Scene::new(&[
        ("clean.yaml", &clean),
        ("fooling.yaml", &fooling),
        ("malformed.yaml", malformed),
        ("broken.yaml", "image: [\n"),
    ])
    .await;
    assert_eq!(scene.run(&["check", "clean.yaml"]).await.0, 0);
    assert_eq!(scene.run(&["check", "clean.yaml", "broken.yaml"]).await.0, 3);
    let (code, out, _) = scene.run(&["check", "fooling.yaml", "broken.yaml", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["complete"]), (1, &false.into()), "findings win over incomplete");
    let rules: Vec<&Value> =
        json["findings"].as_array().unwrap().iter().map(|finding| &finding["rule"]).collect();
    assert_eq!(rules, ["floating-tag", "floating-tag"]);
    let (code, out, _) = scene.run(&["check", "malformed.yaml"]).await;
    assert_eq!(code, 1, "{out}");
    assert_eq!(out.matches("malformed-digest").count(), 2, "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_file_narrows_and_cannot_widen() {
    let scene = Scene::new(&[("a/pod.yaml", POD), ("examples/pod.yaml", POD)]).await;
    fs_err::create_dir(scene.path(".git")).unwrap();
    fs_err::write(scene.path("tagpin.toml"), "[policy]\nexclude = [\"examples/**\"]\n").unwrap();
    let (_, out, err) = scene.run(&["list"]).await;
    assert!(out.contains("a/pod.yaml") && !out.contains("examples/pod.yaml"), "{out}{err}");
    fs_err::write(
        scene.path("tagpin.toml"),
        "[[registry]]\nprefix = \"docker.io\"\nlocation = \"evil.example\"\n",
    )
    .unwrap();
    let (code, _, err) = scene.run(&["pin"]).await;
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--config"), "{err}");
    assert_eq!(scene.registry.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn resolve_says_what_a_tag_is_now() {
    let scene = Scene::new(&[]).await;
    fs_err::create_dir_all(scene.path("")).unwrap();
    let (code, out, err) = scene.run(&["resolve", "acme/api:1.8"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with(&format!("acme/api:1.8  {}  ", scene.digest)), "{out}");
    let child = scene.registry.platform_digest("acme/api", "linux/arm64", "one");
    let (code, out, _) = scene.run(&["resolve", "acme/api:1.8", "--platform", "linux/aarch64"]).await;
    assert_eq!(code, 0);
    assert!(out.contains(&child) && out.contains(&format!("in the index {}", scene.digest)), "{out}");
    let (code, out, err) = scene.run(&["resolve", "acme/api:1.8", "--platform", "linux/s390x"]).await;
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.contains("no-such-platform") && err.contains("linux/amd64"), "{err}");
    let (code, _, err) = scene.run(&["resolve", "acme/api@sha256:abc"]).await;
    assert_eq!(code, 2, "{err}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_are_not_followed() {
    let scene = Scene::new(&[("a.yaml", "x: 1\n")]).await;
    let outside = scene.directory.path().join("outside.yaml");
    fs_err::write(&outside, POD).unwrap();
    std::os::unix::fs::symlink(&outside, scene.path("link.yaml")).unwrap();
    let (code, out, _) = scene.run(&["pin", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["unread"][0]["reason"]), (0, &"symlink".into()), "{out}");
    assert_eq!(fs_err::read_to_string(&outside).unwrap(), POD);
    assert_eq!(scene.run(&["pin", "link.yaml"]).await.0, 3, "a file that is named must be read");
}
