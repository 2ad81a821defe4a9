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
fn kinds_that_are_not_read_are_counted() {
    let compose = compose(&["nginx:1.27"]);
    let scene = checkout::Scene::new(&[
        ("a/main.jsonnet", "{}"),
        ("b/main.jsonnet", "{}"),
        ("Makefile", "all:\n"),
        ("compose.yaml.j2", &compose),
    ]);
    let kinds = "2 jsonnet, 1 makefile";
    // What a template is rendered to is read by both.
    for (command, expected) in [("list", 0), ("check", 1)] {
        let (code, _, err) = scene.run(&[command]);
        assert_eq!(code, expected, "{err}");
        assert!(err.contains(&format!("files that may name images and are not read: {kinds}\n")), "{err}");
        let (_, out, _) = scene.run(&[command, "--format", "json"]);
        let report: Value = serde_json::from_str(&out).unwrap();
        let counted =
            report["not_read"].as_object().unwrap().iter().map(|(kind, count)| format!("{count} {kind}"));
        assert_eq!(counted.collect::<Vec<_>>().join(", "), kinds);
        assert_eq!(
            report["not_read_files"]["jsonnet"],
            serde_json::json!(["a/main.jsonnet", "b/main.jsonnet"])
        );
    }
}

#[test]
fn what_is_named_and_left_out_is_told() {
    let scene = checkout::Scene::new(&[
        ("a.yaml", &compose(&["nginx:1"])),
        ("b/c.yaml", "a: 1\n"),
        ("b/d.yaml", "a: 1\n"),
        ("tagpin.toml", "[policy]\nexclude = [\"b/**\"]\n"),
    ]);
    for command in ["list", "check"] {
        let told = |paths: &[&str]| {
            let args = [&[command, "--offline"][..], paths].concat();
            let (_, _, err) = scene.run(&args);
            err.lines().find(|line| line.contains("leave out")).map(str::to_owned)
        };
        let all = "note: `include` and `exclude` of [policy] leave out `b/c.yaml` and 1 file more: what is named here is not read";
        let one = all.replace(" and 1 file more", "");
        assert_eq!(told(&["b/c.yaml"]).as_deref(), Some(one.as_str()), "{command}");
        assert_eq!(told(&["b/c.yaml", "a.yaml"]).as_deref(), Some(one.as_str()), "{command}");
        assert_eq!(told(&["b"]).as_deref(), Some(all), "{command}");
        assert_eq!((told(&["a.yaml"]), told(&["."]), told(&[])), (None, None, None), "{command}");
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_many_promoted_images_is_true_of_all_of_them() {
    let settings = "[[environment]]\nname = \"dev\"\npaths = [\"dev/**\"]\n[[environment]]\nname = \"staging\"\npaths = \
                    [\"staging/**\"]\nafter = \"dev\"\n[[environment]]\nname = \"production\"\npaths = \
                    [\"production/**\"]\nafter = \"staging\"\n";
    let images = |names: std::ops::Range<usize>| {
        let images = names.map(|number| format!("acme/a{number}:1@sha256:{}", "0".repeat(64)));
        let images: Vec<String> = images.collect();
        compose(&images.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let scene = Scene::new(&[
        ("tagpin.toml", settings),
        ("production/compose.yaml", &images(0..11)),
        ("staging/compose.yaml", &images(11..22)),
    ])
    .await;
    for number in 0..22 {
        scene.registry.put_index(
            &format!("acme/a{number}"),
            "1",
            &["linux/amd64", "linux/arm64"],
            &format!("{number}"),
        );
    }
    for dry_run in [&["--dry-run"][..], &[]] {
        let (code, out, err) = scene.run(&[&["pin", "production", "staging"], dry_run].concat()).await;
        let told = format!("{out}{err}");
        assert_eq!((code, told.matches("unchanged  acme/").count()), (0, 2), "{told}");
        for from in ["dev", "staging"] {
            let all = format!("by-promotion: their tags have moved; here digests come from `{from}`, with");
            assert_eq!(told.matches(&all).count(), 1, "{told}");
        }
        assert_eq!(told.matches("and 10 more references").count(), 2, "{told}");
        assert!(!told.contains("the tag is"), "{told}");
        let (_, out, err) = scene.run(&[&["pin", "production", "staging", "-v"], dry_run].concat()).await;
        let told = format!("{out}{err}");
        assert_eq!(told.matches("by-promotion: the tag is `sha256:").count(), 22, "{told}");
    }
}

#[test]
fn a_hold_takes_an_environment_by_its_name_and_a_path_that_is_not_there_is_told() {
    let scene = environments("");
    let add = |path: &str| scene.run(&["hold", "add", "--path", path, "--reason", "TICKET-7"]);
    let (code, out, err) = add("staging");
    assert!(code == 0 && out.contains("hold 1 was added: in staging/**: `TICKET-7`"), "{out}{err}");
    assert_eq!(err, "");
    let (_, out, _) = scene.run(&["hold", "list"]);
    assert!(out.contains(" 1  active "), "{out}");
    let (code, _, err) = add("dve/**");
    assert!(code == 0 && err.contains("it keeps nothing: no file here has the path `dve/**`"), "{err}");
    scene.write("more/compose.yaml", &compose(&["acme/api:1"]));
    let (_, _, err) = add("more");
    assert!(err.contains("the path `more`: `more/**` is everything in `more`"), "{err}");
    let (_, _, err) = add("tagpin.toml");
    assert!(err.contains("it is for no image that is here"), "{err}");
}

#[test]
fn an_object_that_never_was_is_told_those_of_its_file() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: api}\nspec:\n  containers:\n    - {name: a, image: acme/api:1}\n";
    let scene = checkout::Scene::new(&[("app/pod.yaml", pod)]);
    for args in [&["history", "app/pod.yaml#Pod/typo"][..], &["history", "app#Pod/typo", "--format", "json"]]
    {
        let (code, out, err) = scene.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("no image was ever declared in `app"), "{err}");
        assert!(err.contains("` has or had images in `Pod/api`"), "{err}");
    }
}

#[test]
fn a_list_of_nothing_says_so_and_how_it_begins() {
    let scene = environments("");
    let (code, out, err) = scene.run(&["known-good", "list"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("0 entries\nhint: `tagpin known-good mark ENVIRONMENT`"), "{err}");
    let (_, _, err) = scene.run(&["known-good", "list", "--quiet"]);
    assert_eq!(err, "");
    let (code, out, err) = scene.run(&["rollback", "dev", "--to", "known-good"]);
    assert_eq!(code, 3, "{out}{err}");
    assert_eq!(err.matches("tagpin known-good mark ENVIRONMENT").count(), 1, "{out}{err}");
    let (_, _, err) = scene.run(&["list", "--unknown"]);
    assert!(err.contains("nothing to add: tagpin knows every field here that is called like"), "{err}");
}

#[test]
fn a_container_of_docker_without_its_image_is_not_compared_and_told_what_is_missing() {
    let scene = environments("");
    let id = "c".repeat(64);
    let container = format!(
        "[{{\"Name\": \"/web\", \"Image\": \"sha256:{id}\", \"State\": {{\"Status\": \"running\"}}, \"Config\": {{\"Image\": \
         \"acme/web:1\"}}}}]"
    );
    let (code, out, err) = scene.run_in(&scene.path(""), &["live", "dev"], container.as_bytes());
    assert_eq!(code, 3, "{out}{err}");
    assert!(out.contains("not compared  acme/web:1") && !out.contains("not-running   acme/web"), "{out}");
    assert!(err.contains("2 images: 1 not-compared, 1 not-running, 1 container not compared"), "{err}");
    assert!(err.contains("hint: a container of Docker") && err.contains("`docker image inspect"), "{err}");
}
