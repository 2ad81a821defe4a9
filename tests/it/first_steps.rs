//! What a person meets who uses tagpin for the first time: what is printed, what is said beside it, and what can be named.

use std::path::Path;

use serde_json::Value;

use super::verbs::Scene;
use crate::support::checkout;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      \
                          containers:\n        - name: one\n          image: acme/api:1.8\n        - name: two\n          \
                          image: acme/api:1.8\n";

fn pod(image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n    - name: a\n      image: {image}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pin_prints_is_where_the_image_stands_afterwards() {
    let scene = Scene::new(&[("api.yaml", DEPLOYMENT)]).await;
    let (_, out, _) = scene.run(&["pin", "--format", "json"]).await;
    let written = scene.read("api.yaml");
    assert!(written.contains("deployed-image-digest.one"), "{written}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let rows = json["references"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let number = |key: &str| usize::try_from(row[key].as_u64().unwrap()).unwrap();
        let line = written.lines().nth(number("line") - 1).unwrap();
        assert!(line[number("column") - 1..].starts_with("acme/api:1.8@sha256:"), "{row}: {line}");
        let image = &written[number("byte_start")..number("byte_end")];
        assert_eq!(image, format!("acme/api:1.8@{}", scene.digest));
    }

    fs_err::write(scene.path("api.yaml"), DEPLOYMENT).unwrap();
    let (_, out, _) = scene.run(&["pin"]).await;
    assert!(out.contains("api.yaml:13:18") && out.contains("api.yaml:15:18"), "{out}\n{written}");
    fs_err::write(scene.path("api.yaml"), DEPLOYMENT).unwrap();
    let (_, out, _) = scene.run(&["pin", "--dry-run", "--format", "json"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&out).unwrap()["references"][0]["line"],
        10,
        "nothing was written"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ignore_says_why_and_quiet_says_nothing_of_it() {
    let ignored = |comment: &str| pod(&format!("acme/api:1.8 # {comment}"));
    for (comment, is_said) in [
        ("tagpin: ignore", true),
        ("tagpin: ignore until 2099-12-31", true),
        ("tagpin: ignore --", true),
        ("tagpin: ignore-file", true),
        ("tagpin: ignore TICKET-1", false),
        ("tagpin: ignore until 2099-12-31 TICKET-1", false),
        ("tagpin: ignore until upstream mends it", false),
    ] {
        let scene = Scene::new(&[("pod.yaml", &ignored(comment))]).await;
        let (_, _, err) = scene.run(&["list"]).await;
        assert_eq!(
            err.contains("note: pod.yaml:7:") && err.contains("does not say why"),
            is_said,
            "{comment}: {err}"
        );
        let (code, out, err) = scene.run(&["check"]).await;
        assert_eq!((code, out.contains("ignore-without-reason (note)")), (0, is_said), "{comment}: {out}");
        assert!(!err.contains("note: "), "said once: {err}");
        let (_, _, err) = scene.run(&["list", "-q"]).await;
        assert_eq!(err, "", "{comment}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_names_what_stands_in_the_place_of_an_image_and_is_not_one() {
    let scene =
        Scene::new(&[("a.yaml", &pod("Acme Api 1.8")), ("b.yaml", &pod("acme/api:1.8@sha256:0"))]).await;
    let (code, out, _) = scene.run(&["pin"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("skipped   Acme Api 1.8  a.yaml:7:14\n          not-a-reference"), "{out}");
    assert!(out.contains("b.yaml:7:14\n          malformed-digest"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_names_no_command_that_leaves_the_image_as_it_is() {
    let values = "image:\n  repository: acme/api\n  tag: \"1.8\"\n";
    let hold = "[[hold]]\nimages = [\"acme/held\"]\nreason = \"TICKET-9\"\n";
    let scene = Scene::new(&[
        ("chart/values.yaml", values),
        ("held.yaml", &pod("acme/held:1")),
        ("free.yaml", &pod("acme/api:1.8")),
        ("tagpin.toml", hold),
    ])
    .await;
    let (code, out, _) = scene.run(&["check"]).await;
    assert_eq!(code, 1);
    let hint = |file: &str| {
        let at = out.find(file).unwrap_or_else(|| panic!("{file} in {out}"));
        out[at..].lines().find(|line| line.contains("hint: ")).unwrap().to_owned()
    };
    assert_eq!(hint("free.yaml"), "  hint: tagpin pin free.yaml");
    assert!(hint("held.yaml").contains("because of a hold: `TICKET-9`"), "{out}");
    assert!(hint("chart/values.yaml").contains("split-fields"), "{out}");
}

#[test]
fn the_whole_file_system_is_refused() {
    let scene = checkout::Scene::new(&[("a.yaml", "a: 1\n")]);
    for verb in ["list", "check"] {
        let (code, _, err) = scene.run(&[verb, "/"]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("is the whole file system"), "{err}");
    }
    let (code, _, err) = scene.run_in(Path::new("/"), &["list"], b"");
    assert_eq!(code, 2, "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_takes_one_image_or_first_pins_alone() {
    let old = format!("acme/api:1.8@sha256:{}", "0".repeat(64));
    let stale = DEPLOYMENT.replace(
        "  name: api\n",
        &format!("  name: api\n  annotations:\n    deployed-image-digest.one: sha256:{}\n", "1".repeat(64)),
    );
    let stale = stale.replacen("acme/api:1.8", &format!("acme/other:1@sha256:{}", "2".repeat(64)), 1);
    let stale = stale.replacen("acme/api:1.8", &format!("acme/other:1@sha256:{}", "2".repeat(64)), 1);
    let scene = Scene::new(&[
        ("a.yaml", &pod("acme/api:1.8")),
        ("b.yaml", &pod("acme/other:1")),
        ("c.yaml", &pod(&old)),
        ("stale.yaml", &stale),
    ])
    .await;
    scene.registry.put_index("acme/other", "1", &["linux/amd64"], "other");
    let is_old = |file: &str, text: &str| scene.read(file) == text;

    let (code, _, err) = scene.run(&["pin", "--image", "acme/none"]).await;
    assert_eq!(code, 2);
    assert!(err.contains("no image here is `acme/none`"), "{err}");
    scene.registry.forget_requests();
    let (code, out, err) = scene.run(&["pin", "--image", "docker.io/acme/oth*", "b.yaml", "a.yaml"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(scene.read("b.yaml").contains("acme/other:1@sha256:"), "{out}");
    assert!(is_old("a.yaml", &pod("acme/api:1.8")) && is_old("stale.yaml", &stale));
    assert!(
        scene.registry.requests().iter().all(|request| !request.path.contains("/acme/api/")),
        "not asked for"
    );

    scene.registry.forget_requests();
    let (code, out, err) = scene.run(&["pin", "--first"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(scene.read("a.yaml").contains("acme/api:1.8@sha256:"), "{out}");
    assert!(is_old("c.yaml", &pod(&old)) && is_old("stale.yaml", &stale), "what is pinned stays: {out}");
    let (_, out, _) = scene.run(&["pin", "--image", "acme/api"]).await;
    assert!(out.contains("updated   acme/api:1.8@"), "{out}");
    assert!(is_old("stale.yaml", &stale));
}

#[test]
fn an_environment_can_be_named_where_a_path_can() {
    let settings =
        "[[environment]]\nname = \"production\"\npaths = [\"clusters/eu/**\", \"clusters/us/**\"]\n";
    let scene = checkout::Scene::new(&[
        ("tagpin.toml", settings),
        ("clusters/eu/a.yaml", &pod("acme/eu:1")),
        ("clusters/us/a.yaml", &pod("acme/us:1")),
        ("clusters/dev/a.yaml", &pod("acme/dev:1")),
        ("extra.yaml", &pod("acme/extra:1")),
    ]);
    let images = |args: &[&str]| {
        let (_, out, err) = scene.run(&[args, &["--format", "json"]].concat());
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
        let rows = json["references"].as_array().unwrap();
        rows.iter().map(|row| row["repository"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(images(&["list", "production"]), ["acme/eu", "acme/us"]);
    assert_eq!(images(&["check", "production", "extra.yaml"]), ["acme/eu", "acme/us", "acme/extra"]);
    let below = scene.path("clusters");
    let (_, out, _) = scene.run_in(&below, &["list", "production"], b"");
    assert!(out.contains("acme/eu:1") && !out.contains("acme/dev"), "{out}");
    let (code, _, err) = scene.run(&["list", "prod"]);
    assert_eq!(code, 2);
    assert!(err.contains("the environments are `production`"), "{err}");
    let (_, out, err) =
        scene.run_in(&scene.path(""), &["live", "production"], br#"{"kind":"List","items":[]}"#);
    assert!(out.contains("acme/eu:1") && !out.contains("acme/dev"), "{out}{err}");

    // A path of the same name is said, and has a spelling of its own.
    scene.write("production/a.yaml", &pod("acme/path:1"));
    let (_, out, err) = scene.run(&["list", "production"]);
    assert!(out.contains("acme/eu:1") && !out.contains("acme/path"), "{out}");
    assert!(err.contains("write `./production` for the path"), "{err}");
    assert_eq!(images(&["list", "./production"]), ["acme/path"]);

    // Where a change is judged it may not choose by a name what is looked at.
    let base = scene.commit().to_string();
    scene.write("tagpin.toml", &settings.replace("production", "clusters").replace("eu", "none"));
    scene.write("clusters/eu/b.yaml", &pod("acme/new:1"));
    let (code, out, err) = scene.run(&["check", "clusters", "--changed-since", &base]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("acme/new:1"), "{out}");
}

#[test]
fn history_is_told_of_one_image() {
    let scene = checkout::Scene::new(&[("a.yaml", &pod("acme/one:1")), ("b.yaml", &pod("acme/two:1"))]);
    let (code, out, err) = scene.run(&["history", ".", "--image", "acme/tw*"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("acme/two:1") && !out.contains("acme/one"), "{out}");
    let (_, out, _) = scene.run(&["history", ".", "--image", "acme/one", "--at", "2999-01-01"]);
    assert!(out.contains("acme/one:1") && !out.contains("acme/two"), "{out}");
    let (_, out, _) = scene.run(&["history", ".", "--image", "acme/one", "--format", "html"]);
    let out = out.replace("&#x2f;", "/");
    assert!(out.contains("acme/one") && !out.contains("acme/two"), "{out}");
    let (code, _, err) = scene.run(&["history", ".", "--image", "acme/three"]);
    assert_eq!(code, 2);
    assert!(err.contains("no image `acme/three` was ever declared"), "{err}");
}

#[test]
fn a_shell_completes_the_names_of_environments() {
    let settings = "[[environment]]\nname = \"production\"\npaths = [\"a/**\"]\n[[environment]]\nname = \"preview\"\n\
                    paths = [\"b/**\"]\n";
    let scene = checkout::Scene::new(&[("tagpin.toml", settings)]);
    let (code, out, _) = scene.run(&["completions", "--environments"]);
    assert_eq!((code, out.as_str()), (0, "production\npreview\n"));
    let (_, zsh, _) = scene.run(&["completions", "zsh"]);
    assert!(zsh.matches(":_tagpin_places'").count() > 8 && zsh.contains("_tagpin_places() {"), "{zsh}");
    let (_, fish, _) = scene.run(&["completions", "fish"]);
    assert!(fish.contains("tagpin completions --environments"), "{fish}");

    let (_, bash, _) = scene.run(&["completions", "bash"]);
    let script = format!(
        "{bash}\ncomplete() {{ :; }}\nCOMP_WORDS=(tagpin promote pr)\nCOMP_CWORD=2\n_tagpin_with_environments tagpin pr promote\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    );
    let program = std::path::PathBuf::from(env!("CARGO_BIN_EXE_tagpin"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let shell = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(scene.path(""))
        .env_clear()
        .env("PATH", path)
        .output();
    // Not every machine has one.
    let Ok(shell) = shell else { return };
    let out = String::from_utf8(shell.stdout).unwrap();
    let names: Vec<&str> = out.lines().filter(|name| name.starts_with("pr")).collect();
    assert_eq!(names, ["production", "preview"], "{out}{}", String::from_utf8_lossy(&shell.stderr));
}

#[test]
fn known_good_digests_of_one_environment_are_listed_by_either_name() {
    let settings = "[[environment]]\nname = \"production\"\npaths = [\"a/**\"]\n[[environment]]\nname = \"dev\"\npaths = \
                    [\"b/**\"]\n";
    let pinned = pod(&format!("acme/api:1.8@sha256:{}", "3".repeat(64)));
    let scene =
        checkout::Scene::new(&[("tagpin.toml", settings), ("a/pod.yaml", &pinned), ("b/pod.yaml", &pinned)]);
    for environment in ["production", "dev"] {
        assert_eq!(scene.run(&["known-good", "mark", environment]).0, 0);
    }
    let (_, all, _) = scene.run(&["known-good", "list"]);
    let (_, one, _) = scene.run(&["known-good", "list", "production"]);
    let (_, shown, _) = scene.run(&["known-good", "show", "production"]);
    assert_eq!((all.lines().count(), one.lines().count()), (2, 1));
    assert_eq!(one, shown);
}

const NODE_MODULE: &str = "web/node_modules/x/compose.yaml";

fn compose(image: &str) -> String {
    format!("services:\n  a:\n    image: {image}\n")
}

fn vendored() -> checkout::Scene {
    checkout::Scene::new(&[
        (NODE_MODULE, &compose("acme/node:1")),
        ("go/vendor/modules.txt", ""),
        ("go/vendor/x/pod.yaml", &pod("acme/go:1")),
        // Nothing says that a tool fetched this one: a vendor's software is deployed from it.
        ("clusters/vendor/pod.yaml", &pod("acme/own:1")),
        ("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        (
            "shop/Chart.lock",
            "dependencies:\n- name: fetched\n  repository: https://charts.example\n  version: 1.0.0\n- name: own\n  repository: \
             file://charts/own\n  version: 1.0.0\n",
        ),
        ("shop/charts/fetched/Chart.yaml", "apiVersion: v2\nname: fetched\nversion: 1.0.0\n"),
        ("shop/charts/fetched/values.yaml", "image:\n  repository: acme/fetched\n  tag: \"1\"\n"),
        ("shop/charts/own/Chart.yaml", "apiVersion: v2\nname: own\nversion: 1.0.0\n"),
        ("shop/charts/own/values.yaml", "image:\n  repository: acme/chart\n  tag: \"1\"\n"),
    ])
}

/// Returns the names of the images that a command tells of.
fn names(scene: &checkout::Scene, args: &[&str]) -> Vec<String> {
    let (_, out, err) = scene.run(&[args, &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let rows = json["references"].as_array().unwrap();
    let mut names: Vec<String> = rows
        .iter()
        .map(|row| row["repository"].as_str().unwrap().trim_start_matches("acme/").to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn what_a_tool_fetched_is_left_out_and_said() {
    let scene = vendored();
    assert_eq!(names(&scene, &["list"]), ["chart", "own"]);
    assert_eq!(names(&scene, &["list", "--vendored"]), ["chart", "fetched", "go", "node", "own"]);
    // Who names a directory means it.
    assert_eq!(names(&scene, &["list", "web/node_modules"]), ["node"]);
    assert_eq!(names(&scene, &["list", "go/vendor/x", NODE_MODULE]), ["go", "node"]);
    let (_, _, err) = scene.run(&["list"]);
    let note = "note: 3 images in 3 files left out, in directories that a tool fetched (`go/vendor`, `shop/charts/fetched`, \
                `web/node_modules`): `--vendored`";
    assert!(err.contains(note), "{err}");
    let (_, out, _) = scene.run(&["list", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["vendored"][2], serde_json::json!({"path": "web/node_modules", "files": 1, "images": 1}));

    scene.write("tagpin.toml", "[policy]\nvendored = true\n");
    let (code, _, err) = scene.run(&["list"]);
    assert_eq!(code, 2, "a repository's own file only narrows: {err}");
    let (_, out, _) = scene.run(&["list", "--config", "tagpin.toml"]);
    assert!(out.contains("acme/node:1"), "{out}");
}

#[test]
fn what_is_reached_is_not_left_out() {
    let scene = vendored();
    scene.write(
        "deploy/kustomization.yaml",
        "resources:\n- ../go/vendor/x\n- ../web/node_modules/x/compose.yaml\n",
    );
    scene.write("go/vendor/x/kustomization.yaml", "resources: [pod.yaml, ../y]\n");
    scene.write("go/vendor/y/kustomization.yaml", "resources: [pod.yaml]\n");
    scene.write("go/vendor/y/pod.yaml", &pod("acme/deep:1"));
    scene.write("go/vendor/z/pod.yaml", &pod("acme/other:1"));
    assert_eq!(names(&scene, &["list"]), ["chart", "deep", "go", "node", "own"]);
    scene.write(
        "other/Chart.yaml",
        "name: other\ndependencies:\n- name: z\n  repository: \"file://../go/vendor/z\"\n",
    );
    assert_eq!(names(&scene, &["list"]), ["chart", "deep", "go", "node", "other", "own"]);
}

#[test]
fn nobody_passes_the_gate_by_the_name_of_a_directory() {
    let scene = vendored();
    // What is there is judged, or said. What Helm renders is judged.
    let (code, out, err) = scene.run(&["check"]);
    assert_eq!(code, 1);
    assert!(out.contains("acme/fetched:1") && !out.contains("acme/node"), "{out}");
    assert!(
        out.contains("web/node_modules: looks-away (warning)") && out.contains("1 image in 1 file"),
        "{out}{err}"
    );
    assert_eq!(out.matches("(warning)").count(), 2, "{out}");
    let (_, out, _) = scene.run(&["check", "--vendored"]);
    assert!(out.contains("acme/node:1") && !out.contains("vendored"), "{out}");

    // What a change adds is judged wherever it stands, with whatever marks it brings along.
    let base = scene.commit().to_string();
    scene.write("deploy/vendor/modules.txt", "");
    scene.write("deploy/vendor/pod.yaml", &pod("evil/vendor:1"));
    scene.write("deploy/node_modules/pod.yaml", &pod("evil/node:1"));
    scene.write("web/node_modules/x/more.yaml", &pod("evil/more:1"));
    scene.write("shop/charts/fetched/values.yaml", "image:\n  repository: evil/fetched\n  tag: \"1\"\n");
    let patch = {
        let mut index = scene.git.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        let before = scene.git.find_commit(git2::Oid::from_str(&base).unwrap()).unwrap().tree().unwrap();
        let diff = scene.git.diff_tree_to_index(Some(&before), Some(&index), None).unwrap();
        let mut patch = Vec::new();
        diff.print(git2::DiffFormat::Patch, |_, _, line| {
            if matches!(line.origin(), '+' | '-' | ' ') {
                patch.push(u8::try_from(line.origin()).unwrap());
            }
            patch.extend_from_slice(line.content());
            true
        })
        .unwrap();
        patch
    };
    let (code, by_patch, err) = scene.run_in(&scene.path(""), &["check", "--diff", "-"], &patch);
    assert_eq!(code, 1, "{err}");
    scene.commit();
    let (code, by_commit, err) = scene.run(&["check", "--changed-since", &base]);
    assert_eq!(code, 1, "{err}");
    for out in [by_patch, by_commit] {
        for image in ["evil/vendor:1", "evil/node:1", "evil/more:1", "evil/fetched:1"] {
            assert!(out.contains(image), "{image}: {out}");
        }
    }
}
