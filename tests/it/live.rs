//! `tagpin live`: the cases of `fixtures/live`, and what is refused.
//!
//! A case is a folder with `tree/`, `pods.json` as kubectl or another tool prints it, and `expected.txt`, with the report for
//! people and the one for a ticket. With a `registry.toml`, which is
//! that of `tests/it/cases.rs`, it is compared a second time with the registry's help; a repository that is `silent` there
//! does not answer. `TAGPIN_BLESS=1 cargo test --test it live::` writes what is found.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use tagpin::config::Config;
use tagpin::live::{self, Comparison, Indexes};
use tagpin::plan::pin;
use tagpin::report::terminal::Stream;
use tagpin::report::{live as report, live_markdown};
use tagpin::source::tree::DirectoryTree;

use crate::support::answering::Answering;
use crate::support::checkout::Scene;

fn told(compared: &Comparison) -> String {
    let stream = Stream::plain(std::io::sink());
    let mut text = report::human(compared, &stream) + &report::summary(compared);
    let _ =
        writeln!(text, "drift: {}, complete: {}", report::has_drift(compared), report::is_complete(compared));
    text
}

fn compare(case: &Path) -> String {
    let config = Config::default();
    let tree = DirectoryTree::open(&case.join("tree")).unwrap();
    let inventory = pin::take_inventory(&tree, &config.settings).unwrap();
    let declared = live::declared(&inventory, config.settings.annotations.keys());
    let containers = live::running(&fs_err::read(case.join("pods.json")).unwrap()).unwrap();
    let compared = live::compare(&declared, &containers, &Indexes::new());
    let mut text = told(&compared);
    let _ = writeln!(text, "\nmarkdown:\n{}", live_markdown::document(&compared).trim_end());
    if case.join("registry.toml").is_file() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let registry = Answering::of_case(case, &[]);
        let indexes = runtime.block_on(live::indexes(&registry, &compared));
        let mut compared = live::compare(&declared, &containers, &indexes);
        runtime.block_on(live::ask_tags(&registry, &mut compared));
        text += "\nonline:\n";
        text += &told(&compared);
        let _ = writeln!(text, "\nmarkdown:\n{}", live_markdown::document(&compared).trim_end());
    }
    text
}

#[test]
fn every_case_is_as_it_should_be() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/live");
    let mut failures = String::new();
    let mut names: Vec<_> = fs_err::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() > 4);
    for case in names {
        let (found, file) = (compare(&case), case.join("expected.txt"));
        if std::env::var_os("TAGPIN_BLESS").is_some() {
            fs_err::write(&file, &found).unwrap();
        }
        let expected = fs_err::read_to_string(&file).unwrap_or_default();
        if expected != found {
            let _ = writeln!(failures, "{}: expected:\n{expected}\nfound:\n{found}", case.display());
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      \
                          containers:\n        - name: api\n          image: redis:7\n";

fn pods(ids: &[&str]) -> String {
    let pod = |(number, id): (usize, &&str)| {
        serde_json::json!({
            "metadata": {"namespace": "shop", "name": format!("api-{number}")},
            "spec": {"nodeName": format!("node-{number}"), "containers": [{"name": "api", "image": "redis:7"}]},
            "status": {"containerStatuses": [{"name": "api", "imageID": id}]},
        })
    };
    let items: Vec<Value> = ids.iter().enumerate().map(pod).collect();
    serde_json::json!({"kind": "PodList", "items": items}).to_string()
}

#[test]
fn exit_codes_tell_drift_from_what_could_not_be_compared() {
    let scene = Scene::new(&[("api.yaml", DEPLOYMENT)]);
    let (one, two) = (format!("redis@sha256:{}", "1".repeat(64)), format!("redis@sha256:{}", "2".repeat(64)));
    let local = format!("sha256:{}", "3".repeat(64));
    let run = |ids: &[&str], args: &[&str]| {
        scene.run_in(&scene.path(""), &[&["live"], args].concat(), pods(ids).as_bytes())
    };
    for (ids, expected) in [
        (&[one.as_str(), &one][..], 0),
        (&[&one, &two], 1),
        (&[&one, &local], 3),
        (&[&one, &two, &local], 1),
        (&[&one, ""], 0),
        (&[], 0),
    ] {
        let (code, out, err) = run(ids, &[]);
        assert_eq!(code, expected, "{ids:?}: {out}{err}");
        let (code, out, _) = run(ids, &["--format", "json"]);
        let json: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, json["version"].as_u64()), (expected, Some(1)));
        assert_eq!(json["complete"], !ids.contains(&local.as_str()), "{out}");
    }
    let (_, _, err) = run(&[], &[]);
    assert!(err.contains("note: the list has no container that runs: nothing was compared"), "{err}");
    // Which pods, and which nodes.
    let (_, out, _) = run(&[&one, &two], &[]);
    assert!(out.contains("shop/api-1 (api)") && out.contains("1 container on node-1"), "{out}");
    // A file of the cluster that cannot be read may declare anything.
    scene.write("broken.yaml", "image: [\n");
    let (code, out, err) = run(&[&one], &["--format", "json"]);
    assert_eq!((code, serde_json::from_str::<Value>(&out).unwrap()["complete"].as_bool()), (3, Some(false)));
    assert!(err.contains("unread: broken.yaml"), "{err}");
    assert_eq!(scene.read("api.yaml"), DEPLOYMENT);
}

#[test]
fn what_is_no_list_of_pods_is_a_usage_error() {
    let scene = Scene::new(&[("api.yaml", DEPLOYMENT)]);
    scene.write("../pods.yaml", "apiVersion: v1\nkind: List\n");
    scene.write("../deployment.json", "{\"kind\": \"Deployment\"}");
    scene.write("../deep.json", &"[".repeat(100_000));
    let pods = pods(&[]);
    for (args, stdin, message) in [
        (&["live"][..], "", "no list of pods"),
        (&["live", "--pods", "../pods.yaml"], "", "no list of pods"),
        (&["live", "--pods", "../deployment.json"], "", "the kind `Deployment`"),
        (&["live", "--pods", "../deep.json"], "", "no list of pods"),
        (&["live", "--pods", "../gone.json"], "", "cannot be read"),
        (&["live"], &pods[..pods.len() - 2], "it ends in the middle, on line 1: what printed it was cut off"),
        (&["live", "gone"], pods.as_str(), "does not exist"),
        (&["live", "--format", "sarif"], &pods, "no format `sarif`"),
        (&["live", "--online", "--offline"], &pods, "--offline"),
    ] {
        let (code, out, err) = scene.run_in(&scene.path(""), args, stdin.as_bytes());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message) && err.contains("hint: "), "{args:?}: {err}");
    }
    // Names in the cluster steer no terminal.
    let bad = pods.replace("[]", "[{\"metadata\": {\"namespace\": \"a\\u001b[2J\"}, \"spec\": {\"containers\": [{\"name\": \
        \"x\\n::error::\", \"image\": \"redis:7\\u001b[2J\"}]}, \"status\": {\"containerStatuses\": [{\"name\": \"x\\n::error::\", \
        \"imageID\": \"local\\u001b[2J\"}]}}]");
    let (code, out, err) = scene.run_in(&scene.path(""), &["live"], bad.as_bytes());
    assert_eq!(code, 3, "{err}");
    assert!(!out.contains('\u{1b}') && !out.contains("\n::"), "{out}");
    scene.commit();
    assert_eq!(scene.run(&["live", "--help"]).0, 0);
}
