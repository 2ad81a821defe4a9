//! What is told beside the results: numbers that agree, reasons, and messages in their place.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::verbs::Scene;
use crate::support::checkout;
use crate::support::directory::{copy, sorted};

const DIGEST: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";

fn compose(images: &[&str]) -> String {
    let services = images.iter().enumerate().map(|(i, image)| format!("  s{i}:\n    image: {image}\n"));
    format!("services:\n{}", services.collect::<String>())
}

/// Two environments with an image each, and a hold for one of the second.
fn environments(hold: &str) -> checkout::Scene {
    let settings = format!(
        "[[environment]]\nname = \"dev\"\npaths = [\"dev/**\"]\n[[environment]]\nname = \"staging\"\npaths = \
         [\"staging/**\"]\nafter = \"dev\"\n{hold}"
    );
    let dev = compose(&[&format!("acme/api:1@{DIGEST}"), &format!("acme/web:1@{DIGEST}")]);
    let staging = compose(&[&format!("acme/api:1@sha256:{}", "0".repeat(64)), "acme/web:1"]);
    checkout::Scene::new(&[
        ("tagpin.toml", &settings),
        ("dev/compose.yaml", &dev),
        ("staging/compose.yaml", &staging),
    ])
}

const HOLD: &str = "[[hold]]\nimages = [\"acme/api\"]\npaths = [\"staging/**\"]\nreason = \"TICKET-42\"\n";

#[test]
fn the_audit_page_counts_what_check_counts() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/check");
    for case in sorted(&cases) {
        let scene = checkout::Scene::new(&[]);
        copy(&case.join("tree"), &scene.path(""));
        let config = case.join("config.toml");
        let config = config.is_file().then(|| config.display().to_string());
        let with = |args: &[&'static str]| {
            let config = config.iter().flat_map(|file| ["--config", file.as_str()]);
            scene.run(&args.iter().copied().chain(config).collect::<Vec<_>>())
        };
        let (_, json, err) = with(&["check", "--format", "json"]);
        let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {err}"));
        let (code, page, err) = with(&["list", "--format", "html"]);
        assert_eq!(code == 0, json["complete"] == true, "{}: {err}", case.display());
        let number = |key: &str| json[key].as_array().map_or(0, Vec::len);
        let of_page = ["<tr data-find", "<td class=\"rule\">"].map(|row| page.matches(row).count());
        assert_eq!(of_page, [number("references"), number("findings")], "{}: {err}", case.display());
    }
}

#[test]
fn totals_stand_behind_the_rows_where_both_go_to_one_place() {
    let scene = environments(HOLD);
    for args in [
        &["history", "."][..],
        &["hold", "list"],
        &["promote", "dev", "staging", "--check"],
        &["known-good", "mark", "staging"],
        &["list"],
        &["check"],
    ] {
        let path = scene.path("../both.txt");
        let file = fs_err::File::create(&path).unwrap();
        let (out, err) = (file.file().try_clone().unwrap(), file.file().try_clone().unwrap());
        let mut command = scene.command(&scene.path(""), args);
        command.stdin(Stdio::null()).stdout(out).stderr(err).status().unwrap();
        let both = fs_err::read_to_string(&path).unwrap();
        let (_, out, _) = scene.run(args);
        assert!(!out.is_empty() && both.starts_with(&out), "{args:?}: {both}");
    }
}

#[test]
fn a_hold_explains_the_numbers_of_list_check_and_promote() {
    let scene = environments(HOLD);
    let (_, _, err) = scene.run(&["list"]);
    assert!(err.contains("4 images: 1 floating, 3 pinned (1 on hold), 0 skipped"), "{err}");
    let (_, _, err) = scene.run(&["check"]);
    assert!(err.contains("note: 1 image on hold: `TICKET-42`, until somebody removes the hold"), "{err}");

    let (code, out, err) = scene.run(&["promote", "dev", "staging", "--check"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("staging/compose.yaml:3:12: on-hold: `acme/api:1@sha256:000"), "{out}");
    assert!(err.contains("1 difference, 1 on hold, 0 that cannot be compared"), "{err}");
    let (_, out, _) = scene.run(&["promote", "dev", "staging", "--check", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["differences"][0]["reason"], "on-hold", "{out}");
    assert_eq!(json["complete"], true, "{out}");

    scene.write(
        "staging/compose.yaml",
        &scene
            .read("staging/compose.yaml")
            .replace("image: acme/web:1", &format!("image: acme/web:1@{DIGEST}")),
    );
    let (code, _, err) = scene.run(&["promote", "dev", "staging", "--check"]);
    assert_eq!(code, 0, "nothing would be promoted: {err}");
}

#[test]
fn a_list_in_a_pipe_has_each_place_behind_its_image() {
    let scene = environments("");
    let (_, out, _) = scene.run(&["list"]);
    for line in [
        format!("pinned    acme/api:1@{DIGEST}  dev/compose.yaml:3:12"),
        "floating  acme/web:1  staging/compose.yaml:5:12".to_owned(),
    ] {
        assert!(out.lines().any(|told| told == line), "{out}");
    }
}

#[test]
fn what_was_not_read_is_named() {
    let template = "kind: Pod\nspec:\n  containers:\n    - image: acme/api:1\n  {{ x }}: [\n";
    let names = ["a/x.yaml", "b/x.yaml", "c/x.yaml", "d/x.yaml"];
    let scene = checkout::Scene::new(&[(names[0], template)]);
    let (_, _, err) = scene.run(&["list"]);
    assert!(err.contains("1 document not read (template: a/x.yaml)"), "{err}");
    names.iter().for_each(|name| scene.write(name, template));
    let (_, _, err) = scene.run(&["list"]);
    assert!(err.contains("4 documents not read (template): `-v` names them"), "{err}");
    let (_, _, err) = scene.run(&["list", "-v"]);
    for name in names {
        assert!(err.contains(&format!("not read: {name}")), "{err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_says_why_a_digest_stays_and_what_was_not_asked_for() {
    let settings = "[[environment]]\nname = \"staging\"\npaths = [\"staging/**\"]\n[[environment]]\nname = \
                    \"production\"\npaths = [\"production/**\"]\nafter = \"staging\"\n";
    let old = format!("acme/api:1.8@sha256:{}", "0".repeat(64));
    let scene = Scene::new(&[
        ("tagpin.toml", settings),
        ("production/compose.yaml", &compose(&[&old])),
        ("staging/compose.yaml", &compose(&["acme/api:1.8", "acme/gone:1", &format!("acme/web:1@{DIGEST}")])),
    ])
    .await;
    for args in [&["pin", "production"][..], &["pin", "production", "--dry-run"]] {
        let (code, out, err) = scene.run(args).await;
        assert_eq!(code, 0, "{err}");
        let told = out + &err;
        assert!(
            told.contains("unchanged  acme/api:1.8@") && told.contains("by-promotion: the tag is"),
            "{told}"
        );
        assert!(told.contains("1 image: 1 unchanged (by-promotion)"), "{told}");
    }
    let (_, _, err) = scene.run(&["pin", "staging", "--image", "acme/api", "--dry-run"]).await;
    assert!(err.contains("3 images: 1 would be pinned, 2 not asked for"), "{err}");
    let (_, out, _) = scene.run(&["pin", "staging", "--image", "acme/api", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["references"][2]["reason"], "not-selected", "{out}");
    let (_, _, err) = scene.run(&["pin", "staging", "--image", "acme/api"]).await;
    assert!(err.contains("3 images: 1 unchanged, 2 not asked for"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_that_are_held_alike_are_named_and_more_are_one_line() {
    for (number, told) in [(10, 10), (11, 1)] {
        let entries =
            (0..number).map(|i| format!("a{i}:\n  image:\n    repository: acme/a{i}\n    tag: \"1\"\n"));
        let scene = Scene::new(&[("chart/values.yaml", &entries.collect::<String>())]).await;
        let (code, out, err) = scene.run(&["pin"]).await;
        assert_eq!((code, out.matches("held      acme/a").count()), (0, told), "{out}{err}");
        assert_eq!(out.contains("and 10 more references"), number > 10, "{out}");
        assert!(err.contains(&format!("{number} held (chart-unknown)")), "{err}");
    }
}

#[test]
fn a_hint_is_said_once_and_rules_are_counted() {
    let images: Vec<String> = (0..12).map(|number| format!("acme/a{number}:1")).collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let scene = checkout::Scene::new(&[("a.yaml", &compose(&images)), ("b.yaml", &compose(&["redis"]))]);
    let (_, out, err) = scene.run(&["check"]);
    assert_eq!(out.matches("hint: tagpin pin ").count(), 2, "{out}");
    assert!(err.contains("\n  12  floating-tag  An image has a tag and no digest\n"), "{err}");
    let (_, out, _) = scene.run(&["check", "--format", "json"]);
    assert_eq!(out.matches("\"hint\": \"tagpin pin a.yaml\"").count(), 12, "programs get each: {out}");
}

#[test]
fn a_hold_that_is_added_is_told_with_its_number_and_what_it_keeps() {
    let scene = environments(HOLD);
    let (_, out, err) = scene.run_in(
        &scene.path("dev"),
        &["hold", "add", "--image", "acme/web", "--reason", "TICKET-7"],
        b"",
    );
    let told = "hold 2 was added: acme/web: `TICKET-7`, until somebody removes the hold (../tagpin.toml:";
    assert!(out.starts_with(told), "{out}{err}");
    assert_eq!(err, "");
    let (_, _, err) = scene.run(&["hold", "add", "--image", "acme/wbe", "--reason", "TICKET-7"]);
    assert!(err.contains("it keeps nothing: it is for no image that is here"), "{err}");
}

#[test]
fn several_images_are_named_as_they_are_to_be_asked_for() {
    let scene = environments("");
    let (code, _, err) = scene.run(&["rollback", "dev/compose.yaml", "--to", "previous"]);
    let hint = "hint: add `--image acme/api` or `--image acme/web`, or name an object as PATH#KIND/NAME";
    assert!(code == 2 && err.contains(hint), "{err}");
}

#[test]
fn the_newest_changes_are_told_where_nothing_is_named() {
    let scene = checkout::Scene::new(&[("a/compose.yaml", &compose(&["acme/api:0"]))]);
    for number in 1..40 {
        scene.write("a/compose.yaml", &compose(&[&format!("acme/api:{number}")]));
        scene.commit();
    }
    let (code, out, err) = scene.run(&["history"]);
    assert_eq!((code, out.matches("    change\n").count()), (0, 30), "{out}{err}");
    assert!(out.contains("acme/api:38 -> acme/api:39"), "{out}");
    assert!(
        err.contains("40 changes, of which the newest 30 are shown: `tagpin history .` has all"),
        "{err}"
    );
    let (_, out, _) = scene.run(&["history", "."]);
    assert_eq!(out.matches("    change\n").count(), 40);
    let (_, out, _) = scene.run(&["history", "--format", "json"]);
    assert_eq!(out.matches("\"commit\"").count(), 40);
}

#[test]
fn a_list_of_pods_among_the_paths_is_told_where_it_belongs() {
    let scene = environments("");
    scene.write("../pods.json", "{\"kind\": \"List\", \"items\": []}");
    let (code, _, err) = scene.run(&["live", "../pods.json", "dev"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("hint: `tagpin live --pods ../pods.json dev`"), "{err}");
}

#[test]
fn what_is_replaced_says_by_what() {
    let kustomization =
        |rest: &str| format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n{rest}");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: a\n      image: acme/api:1\n";
    let images = |tag: &str| format!("images:\n- name: acme/api\n  newTag: \"{tag}\"\n");
    let scene = checkout::Scene::new(&[
        ("base/pod.yaml", pod),
        ("base/kustomization.yaml", &kustomization("resources: [pod.yaml]\n")),
        ("prod/kustomization.yaml", &kustomization(&format!("resources: [../base]\n{}", images("2")))),
    ]);
    let (_, out, _) = scene.run(&["list"]);
    assert!(out.contains("base/pod.yaml:7:14  (replaced by prod/kustomization.yaml)"), "{out}");
    scene.write("test/kustomization.yaml", &kustomization(&format!("resources: [../base]\n{}", images("3"))));
    let (_, out, _) = scene.run(&["list", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["references"][0]["detail"], "by prod/kustomization.yaml and 1 more", "{out}");
}
