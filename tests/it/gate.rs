//! `tagpin check` from the outside: changes in a real git repository, baselines, and what is refused.

use serde_json::Value;

use crate::support::checkout::Scene;

const PIN: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";

impl Scene {
    /// Returns the patch from the last commit to what is there now.
    fn patch(&self) -> Vec<u8> {
        let head = self.git.head().unwrap().peel_to_tree().unwrap();
        let mut options = git2::DiffOptions::new();
        options.include_untracked(true).show_untracked_content(true).recurse_untracked_dirs(true);
        let diff = self.git.diff_tree_to_workdir(Some(&head), Some(&mut options)).unwrap();
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
    }

    /// Returns the exit code, and the findings as `file:line:column rule`.
    fn findings(&self, args: &[&str]) -> (i32, Vec<String>) {
        let (code, out, err) = self.run(&[args, &["--format", "json"]].concat());
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code}: {err}"));
        let findings = json["findings"].as_array().unwrap().iter();
        let found = findings.map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            let place = finding["line"]
                .as_u64()
                .map_or_else(String::new, |line| format!(":{line}:{}", finding["column"]));
            format!("{}{place} {}", text("file"), text("rule"))
        });
        (code, found.collect())
    }

    /// The same with `--changed-since HEAD` and with `--diff`, which must agree.
    fn change(&self) -> (i32, Vec<String>) {
        let since = self.findings(&["check", "--changed-since", "HEAD"]);
        let patch = self.directory.path().join("change.patch");
        fs_err::write(&patch, self.patch()).unwrap();
        let diff = self.findings(&["check", "--diff", patch.to_str().unwrap()]);
        assert_eq!(since, diff, "a revision and a patch are judged alike");
        since
    }
}

fn compose(images: &[&str]) -> String {
    let mut text = "services:\n".to_owned();
    for (index, image) in images.iter().enumerate() {
        text += &format!("  s{index}:\n    image: {image}\n");
    }
    text
}

#[test]
fn a_pull_request_that_adds_a_floating_tag_fails_at_its_line() {
    let pinned = format!("nginx:1.27@{PIN}");
    let old = compose(&["redis:6", &pinned]);
    let scene = Scene::new(&[("apps/compose.yaml", &old), ("legacy.yaml", &compose(&["mysql:5"]))]);
    let base = scene.commit().to_string();
    assert_eq!(scene.findings(&["check", "--changed-since", "HEAD"]), (0, vec![]), "nothing has changed");
    // Above what floats already, and the same image once more.
    scene.write("apps/compose.yaml", &compose(&["'ghcr.io/acme/api:1.8'", "redis:6", "redis:6", &pinned]));
    let expected = vec![
        "apps/compose.yaml:3:12 floating-tag".to_owned(),
        "apps/compose.yaml:5:12 floating-tag".to_owned(),
    ];
    assert_eq!(scene.change(), (1, expected.clone()));
    scene.commit();
    assert_eq!(scene.findings(&["check", "--changed-since", &base]), (1, expected));
    assert_eq!(scene.findings(&["check", "--changed-since", "HEAD"]), (0, vec![]));
    assert_eq!(scene.findings(&["check", "legacy.yaml", "--changed-since", &base]), (0, vec![]));
    assert_eq!(scene.findings(&["check"]).1.len(), 4, "the whole repository has them all");
    let (_, _, err) = scene.run(&["check", "--changed-since", "HEAD"]);
    assert!(err.contains("findings: 4 older than the change"), "{err}");
}

#[test]
fn the_paths_are_seen_from_where_the_command_runs() {
    let scene = Scene::new(&[("apps/a/compose.yaml", &compose(&["redis:6"]))]);
    scene.write("apps/a/compose.yaml", &compose(&["redis:6", "redis:7"]));
    scene.write("other.yaml", &compose(&["redis:7"]));
    for args in [&["check", "--changed-since", "HEAD"][..], &["check", "--diff", "-"]] {
        let (code, out, err) = scene.run_in(&scene.path("apps"), args, &scene.patch());
        assert_eq!(code, 1, "{err}");
        assert_eq!(out.matches("floating-tag").count(), 1, "{out}");
        assert!(out.starts_with("a/compose.yaml:5:12: floating-tag"), "{out}");
    }
}

#[test]
fn moved_and_renamed_lines_are_not_new() {
    let scene = Scene::new(&[("compose.yaml", &compose(&["redis:6", "mysql:5", "mysql:5"]))]);
    scene.write("compose.yaml", &format!("# moved\n\n{}", compose(&["mysql:5", "redis:6", "mysql:5"])));
    assert_eq!(scene.change(), (0, vec![]));
}

#[test]
fn a_file_that_gets_another_name_brings_what_it_had() {
    let text = compose(&["redis:6", "mysql:5 # tagpin: ignore an old exception"]);
    let scene = Scene::new(&[("old.yaml", &text)]);
    fs_err::rename(scene.path("old.yaml"), scene.path("new.yaml")).unwrap();
    assert_eq!(scene.change(), (0, vec![]));
    scene.write("new.yaml", &format!("{text}  more:\n    image: redis:6\n"));
    assert_eq!(scene.change(), (1, vec!["new.yaml:7:12 floating-tag".to_owned()]));
}

#[test]
fn nobody_passes_the_gate_by_editing_the_gate() {
    let settings = "[policy]\nexclude = [\"old/**\"]\n";
    let scene = Scene::new(&[
        ("tagpin.toml", settings),
        ("compose.yaml", &compose(&["redis:6 # tagpin: ignore an old exception"])),
        ("old/compose.yaml", &compose(&["mysql:5"])),
    ]);
    assert_eq!(scene.findings(&["check"]), (0, vec![]));

    // An ignore in the same change.
    scene.write(
        "compose.yaml",
        &compose(&["redis:6 # tagpin: ignore an old exception", "redis:7 # tagpin: ignore me too"]),
    );
    assert_eq!(scene.findings(&["check"]), (0, vec![]));
    assert_eq!(scene.change(), (1, vec!["compose.yaml:5:12 gate-edited".to_owned()]));

    // Settings in the same change: shown, and not in effect.
    scene.write("compose.yaml", &compose(&["redis:7"]));
    scene.write("tagpin.toml", "[policy]\nexclude = [\"old/**\", \"compose.yaml\"]\n");
    assert_eq!(scene.findings(&["check"]), (0, vec![]));
    let expected = vec!["compose.yaml:3:12 floating-tag".to_owned(), "tagpin.toml gate-edited".to_owned()];
    assert_eq!(scene.change(), (1, expected.clone()));
    // The same where the command line names the file.
    let named = ["check", "--config", "tagpin.toml", "--changed-since", "HEAD"];
    assert_eq!(scene.findings(&named), (1, expected));

    // A first file of settings, and one that another hides.
    scene.write("tagpin.toml", settings);
    scene.write(".github/tagpin.toml", "[policy]\nexclude = [\"**\"]\n");
    let expected =
        vec![".github/tagpin.toml gate-edited".to_owned(), "compose.yaml:3:12 floating-tag".to_owned()];
    assert_eq!(scene.change(), (1, expected));
}

#[test]
fn a_baseline_hides_what_is_known_and_nothing_else() {
    let scene = Scene::new(&[("a.yaml", &compose(&["redis:6", "redis:6", "mysql"]))]);
    let write = ["check", "--baseline", "known.json", "--write-baseline"];
    let (code, _, err) = scene.run(&write);
    assert_eq!(code, 0, "{err}");
    let baseline = scene.read("known.json");
    assert_eq!(baseline.matches("\"fingerprint\"").count(), 3, "{baseline}");
    let check = ["check", "--baseline", "known.json"];
    assert_eq!(scene.findings(&check), (0, vec![]));
    // Lines move, one more comes, and one that is known goes.
    scene.write("a.yaml", &format!("# moved\n{}", compose(&["mysql", "redis:6", "redis:6", "redis:6"])));
    assert_eq!(scene.findings(&check), (1, vec!["a.yaml:10:12 floating-tag".to_owned()]));
    scene.write("a.yaml", &compose(&["redis:6"]));
    assert_eq!(scene.findings(&check), (0, vec![]));
    assert_eq!(scene.run(&write).0, 0);
    assert_eq!(scene.read("known.json").matches("\"fingerprint\"").count(), 1);

    // A change cannot make its own findings known.
    scene.write("a.yaml", &compose(&["redis:6"]));
    scene.commit();
    scene.write("a.yaml", &compose(&["redis:6", "redis:7"]));
    assert_eq!(scene.run(&write).0, 0);
    assert_eq!(scene.findings(&check), (0, vec![]));
    let judged = scene.findings(&["check", "--baseline", "known.json", "--changed-since", "HEAD"]);
    let expected = vec!["a.yaml:5:12 floating-tag".to_owned(), "known.json gate-edited".to_owned()];
    assert_eq!(judged, (1, expected));
}

#[test]
fn what_could_not_be_read_before_either_is_not_the_fault_of_a_change() {
    let scene = Scene::new(&[("broken.yaml", "image: [\n"), ("a.yaml", "x: 1\n")]);
    assert_eq!(scene.run(&["check"]).0, 3);
    scene.write("a.yaml", "x: 2\n");
    assert_eq!(scene.change(), (0, vec![]));
    scene.write("broken.yaml", "image: [redis:6\n");
    assert_eq!(scene.change(), (3, vec![]), "it may have anything in it now");
}

#[test]
fn bad_input_is_a_usage_error_and_writes_nothing() {
    let scene = Scene::new(&[("a.yaml", &compose(&["redis:6"])), ("notes.txt", "mine\n")]);
    scene.write("other.json", "{\"version\": 2, \"findings\": []}");
    scene.write("empty.patch", "");
    scene
        .write("no.patch", "diff --git a/x.yaml b/x.yaml\n--- a/x.yaml\n+++ b/x.yaml\n@@ -1 +1 @@\n-a\n+b\n");
    scene.write("bare.patch", "diff --git a.yaml a.yaml\n--- a.yaml\n+++ a.yaml\n@@ -1 +1 @@\n-a\n+b\n");
    scene.write("config.toml", "[[check.rule]]\nrules = [\"floating-tags\"]\nlevel = \"off\"\n");
    for (args, message, hint) in [
        (&["check", "gone.yaml"][..], "`gone.yaml` does not exist", "exist"),
        (&["check", "a.yaml", "gone.yaml"], "`gone.yaml` does not exist", "exist"),
        (&["check", "--baseline", "gone.json"], "`gone.json` cannot be read", "--write-baseline"),
        (&["check", "--baseline", "other.json"], "it has the version 2", "--write-baseline"),
        (&["check", "--baseline", "notes.txt"], "it is not a baseline", "--write-baseline"),
        (
            &["check", "--baseline", "notes.txt", "--write-baseline"],
            "it is not a baseline",
            "--write-baseline",
        ),
        (&["check", "--write-baseline"], "--baseline", "Usage"),
        (&["check", "--changed-since", "v9"], "no commit `v9`", "fetch"),
        (&["check", "--changed-since", "HEAD", "--diff", "x"], "cannot be used with", "Usage"),
        (&["check", "--diff", "gone.patch"], "`gone.patch` cannot be read", "git diff"),
        (&["check", "--diff", "empty.patch"], "no change in it", "git diff"),
        (&["check", "--diff", "no.patch"], "`x.yaml`, which is not there", "check out"),
        (&["check", "--diff", "bare.patch"], "cannot be used", "its names have no `a/` and `b/` before them"),
        (&["check", "--config", "config.toml"], "no rule `floating-tags`", "did you mean `floating-tag`?"),
        (&["check", "--fix", "--offline"], "--offline", "offline"),
    ] {
        let (code, out, err) = scene.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message) && err.contains(hint), "{args:?}: {err}");
    }
    assert_eq!(scene.read("notes.txt"), "mine\n");
    assert_eq!(scene.read("a.yaml"), compose(&["redis:6"]));

    let elsewhere = tempfile::tempdir().unwrap();
    let (code, _, err) = scene.run_in(elsewhere.path(), &["check", "--changed-since", "HEAD"], b"");
    assert_eq!(code, 2);
    assert!(err.contains("no git repository"), "{err}");
}

#[test]
fn what_only_head_has_is_mended_by_a_commit() {
    let pinned = format!("redis:6@sha256:{}", "a".repeat(64));
    let scene = Scene::new(&[("a.yaml", &compose(&[&pinned]))]);
    scene.write("a.yaml", &compose(&["redis:6"]));
    scene.commit();
    // What is on disk may have another image, or none.
    for disk in [&*compose(&[&pinned]), "a: b\n"] {
        scene.write("a.yaml", disk);
        let (code, out, err) = scene.run(&["check", "--changed-since", "HEAD~1"]);
        assert_eq!(code, 1, "{err}");
        assert!(
            out.contains("hint: it is not what is on disk: commit a.yaml") && !out.contains("tagpin pin"),
            "{out}"
        );
    }
}

#[test]
fn a_hook_may_name_every_file_of_a_commit() {
    let template = "{{ if .Values.on }}\nimage: [{{ .Values.image }}\n{{ end }}\n";
    let scene = Scene::new(&[
        ("chart/templates/x.yaml", template),
        ("chart/Chart.yaml", "name: x\nversion: 1.0.0\n"),
        ("tagpin.toml", "[policy]\nexclude = [\"old/**\"]\n"),
        ("old/a.yaml", &compose(&["redis:6"])),
        ("a.yaml", &compose(&["redis:6"])),
    ]);
    let named = ["check", "chart/templates/x.yaml", "old/a.yaml"];
    assert_eq!(scene.findings(&named), (0, vec![]));
    assert_eq!(scene.findings(&[&named[..], &["a.yaml"]].concat()).0, 1);
    // The hook is what pre-commit reads, and passes on files that tagpin reads.
    let hooks = include_str!("../../.pre-commit-hooks.yaml");
    let hooks: Value = serde_yaml::from_str(hooks).unwrap();
    assert_eq!(hooks[0]["entry"], "tagpin check");
    let files = hooks[0]["files"].as_str().unwrap();
    for kind in ["ya?ml", "Dockerfile", "nomad", "tofu", "tfvars", "container", "bake"] {
        assert!(files.contains(kind), "{kind}: {files}");
    }
}

#[test]
fn json_that_cannot_be_read_is_settings_only_without_an_image() {
    let manifest = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"containers\": [{\"image\": \"nginx:1\",,}]}}";
    for (text, code) in [
        (manifest, 3),
        ("{\"containerDefinitions\": [{\"image\": \"nginx:1\"", 3),
        ("{ // settings\n \"editor.tabSize\": 2, }\n", 0),
    ] {
        let scene = Scene::new(&[("a.yaml", "a: 1\n"), ("sub/broken.json", text)]);
        for command in ["check", "list"] {
            assert_eq!(scene.run(&[command]).0, code, "{command}: {text}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_patch_leads_nowhere_outside() {
    let scene = Scene::new(&[("a.yaml", &compose(&["redis:6"]))]);
    let outside = scene.directory.path().join("outside");
    fs_err::create_dir(&outside).unwrap();
    fs_err::write(outside.join("x.yaml"), "b\n").unwrap();
    std::os::unix::fs::symlink(&outside, scene.path("link")).unwrap();
    for path in ["link/x.yaml", "../outside/x.yaml", "link/../../outside/x.yaml"] {
        let patch =
            format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n");
        let (code, out, err) = scene.run_in(&scene.path(""), &["check", "--diff", "-"], patch.as_bytes());
        assert_eq!((code, out.as_str()), (2, ""), "{path}: {err}");
        assert!(err.contains("which is not there"), "{path}: {err}");
    }
}

#[test]
fn a_gate_that_looked_at_nothing_says_so_and_fails_where_it_was_told_to_expect_images() {
    let scene = Scene::new(&[("readme.txt", "image: redis:8\n"), ("one/a.yaml", &compose(&["redis:8"]))]);
    scene.write("empty/readme.txt", "");
    for (args, code, said) in [
        (&["check", "empty"][..], 0, "nothing was judged"),
        (&["check", "--expect-images", "empty"], 3, "0 images found, and at least 1 expected"),
        (&["check", "--expect-images=2", "one"], 1, "1 image found, and at least 2 expected"),
        (&["check", "--expect-images=1", "one"], 1, ""),
    ] {
        let (is, _, err) = scene.run(args);
        assert_eq!(is, code, "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
    let (_, _, err) = scene.run(&["check", "--expect-images=1", "one"]);
    assert!(!err.contains("expected") && !err.contains("nothing was judged"), "{err}");
}

#[test]
fn settings_that_are_for_nothing_are_named() {
    let settings = "[[policy.rule]]\nimages = [\"redis-stack\"]\nlevel = \"index\"\n\
                    [[policy.rule]]\npaths = [\"production/**\"]\nlevel = \"index\"\n\
                    [[check.rule]]\npaths = [\"produktion/**\"]\nlevel = \"off\"\n\
                    [[check.rule]]\nrules = [\"no-tag\"]\nlevel = \"warning\"\n\
                    [[check.allow]]\nimages = [\"postgres\"]\nreason = \"not yet\"\n\
                    [[check.allow]]\nrules = [\"floating-tag\"]\nimages = [\"redis\"]\nreason = \"not yet\"\n\
                    [[environment]]\nname = \"live\"\npaths = [\"production/eu/**\", \"production/us/**\"]\n\
                    [[hold]]\nimages = [\"nginx\"]\nreason = \"broken\"\n";
    let scene = Scene::new(&[("production/eu/a.yaml", &compose(&["redis:8"]))]);
    scene.write("../bot.toml", settings);
    let said = |args: &[&str]| {
        let (code, _, err) = scene.run(&[args, &["--config", "../bot.toml"]].concat());
        assert_eq!(code, 0, "{err}");
        let lines = err
            .lines()
            .filter(|line| line.contains("nothing that is here") || line.contains("no image that is here"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let expected = [
        "note: a hold is for no image that is here: `broken`, until somebody removes the hold (../bot.toml:23)",
        "note: [[check.allow]] at ../bot.toml:13 matches nothing that is here: images = [\"postgres\"]",
        "note: [[check.rule]] number 1 matches nothing that is here: paths = [\"produktion/**\"]",
        "note: [[policy.rule]] number 1 matches nothing that is here: images = [\"redis-stack\"]",
        "note: [[environment]] `live` matches nothing that is here: `production/us/**`",
    ];
    assert_eq!(said(&["check"]), expected);
    assert_eq!(said(&["check", "production"]), Vec::<String>::new(), "the rest may be elsewhere");
}
