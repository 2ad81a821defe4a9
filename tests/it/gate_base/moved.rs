//! No finding walks away.

use super::*;

/// Findings that move to where they count for more are new.
#[test]
fn no_finding_moves_to_where_it_counts_for_more() {
    let config = "[[check.rule]]\npaths = [\"staging/**\"]\nlevel = \"warning\"\n[[check.rule]]\npaths = [\"off/**\"]\nlevel = \"off\"\n[[check.allow]]\npaths = [\"allowed/**\"]\nreason = \"x\"\n[policy]\nexclude = [\"excluded/**\"]\n";
    let ignored = "services:\n  api:\n    image: redis:6 # tagpin: ignore vendor\n";
    let object = |name: &str, image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - name: app\n    image: {image}\n"
        )
    };
    let pin = format!("redis:6@{PIN}");
    let two = |debug: &str, prod: &str| format!("{}---\n{}", object("debug", debug), object("prod", prod));
    let services = |debug: &str, prod: &str| {
        format!("services:\n  debug:\n    image: {debug}\n  prod:\n    image: {prod}\n")
    };
    let containers = |first: &str, second: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n  - {{name: x, image: '{first}'}}\n  - {{name: y, image: '{second}'}}\n"
        )
    };
    let other = "other: 1\nthings: 2\nthat: 3\nmake: 4\nit: 5\nunlike: 6\nthe: 7\nold: 8\nservices:\n  new:\n    image: redis:6\n";
    let (swap, swapped) = (two("redis:6", &pin), two(&pin, "redis:6"));
    let (a, b) = (services("redis:6", &pin), services(&pin, "redis:6"));
    let (c, d) = (containers("redis:6", &pin), containers(&pin, "redis:6"));
    for (name, before, after, code, count) in [
        (
            "from a warning to production",
            vec![("staging/a.yaml", FLOATING)],
            vec![("staging/a.yaml", None), ("prod/a.yaml", Some(FLOATING))],
            1,
            1,
        ),
        (
            "from an allowed path",
            vec![("allowed/a.yaml", FLOATING)],
            vec![("allowed/a.yaml", None), ("prod/a.yaml", Some(FLOATING))],
            1,
            1,
        ),
        (
            "from where the rule is off",
            vec![("off/a.yaml", FLOATING)],
            vec![("off/a.yaml", None), ("prod/a.yaml", Some(FLOATING))],
            1,
            1,
        ),
        (
            "from an excluded path",
            vec![("excluded/a.yaml", FLOATING)],
            vec![("excluded/a.yaml", None), ("prod/a.yaml", Some(FLOATING))],
            1,
            1,
        ),
        ("from under an ignore", vec![("a.yaml", ignored)], vec![("a.yaml", Some(FLOATING))], 1, 1),
        (
            "from under an ignore, renamed",
            vec![("a.yaml", ignored)],
            vec![("a.yaml", None), ("b.yaml", Some(FLOATING))],
            1,
            1,
        ),
        (
            "an ignore moves to production",
            vec![("staging/a.yaml", ignored)],
            vec![("staging/a.yaml", None), ("prod/a.yaml", Some(ignored))],
            1,
            1,
        ),
        (
            "an ignore moves to another file",
            vec![("a.yaml", ignored)],
            vec![
                ("a.yaml", None),
                (
                    "b.yaml",
                    Some(
                        "other: 1\nmore: 2\nlines: 3\nhere: 4\nservices:\n  prod:\n    image: redis:6 # tagpin: ignore vendor\n",
                    ),
                ),
            ],
            1,
            1,
        ),
        (
            "to a file that is another one",
            vec![("a.yaml", FLOATING)],
            vec![("a.yaml", None), ("b.yaml", Some(other))],
            1,
            1,
        ),
        (
            "to a file that was there",
            vec![("a.yaml", FLOATING), ("b.yaml", "x: 1\n")],
            vec![("a.yaml", None), ("b.yaml", Some(FLOATING))],
            1,
            1,
        ),
        ("between two objects of a file", vec![("a.yaml", &swap)], vec![("a.yaml", Some(&swapped))], 1, 1),
        ("between two services of a file", vec![("a.yaml", &a)], vec![("a.yaml", Some(&b))], 1, 1),
        ("between two containers of a pod", vec![("a.yaml", &c)], vec![("a.yaml", Some(&d))], 1, 1),
        ("copied to a second file", vec![("a.yaml", FLOATING)], vec![("b.yaml", Some(FLOATING))], 1, 1),
        // What counts no more than before.
        (
            "a file that is renamed",
            vec![("a.yaml", FLOATING)],
            vec![("a.yaml", None), ("b.yaml", Some(FLOATING))],
            0,
            0,
        ),
        (
            "from production to a warning",
            vec![("prod/a.yaml", FLOATING)],
            vec![("prod/a.yaml", None), ("staging/a.yaml", Some(FLOATING))],
            0,
            0,
        ),
        (
            "an ignore moves with its file",
            vec![("a.yaml", ignored)],
            vec![("a.yaml", None), ("b.yaml", Some(ignored))],
            0,
            0,
        ),
        (
            "within an allowed path",
            vec![("allowed/a.yaml", FLOATING)],
            vec![("allowed/a.yaml", None), ("allowed/b.yaml", Some(FLOATING))],
            0,
            0,
        ),
    ] {
        let mut files = vec![("gate.toml", config)];
        files.extend(before);
        let scene = Scene::new(&files);
        let base = scene.head();
        for (path, text) in after {
            match text {
                Some(text) => scene.write(path, text),
                None => fs_err::remove_file(scene.path(path)).unwrap(),
            }
        }
        // Before it is committed and afterwards.
        for revision in ["HEAD", &base] {
            let args = ["check", "--config", "gate.toml", "--changed-since", revision];
            let (found, findings, unread, err) = scene.judged(&args);
            let text = format!("{name}: {findings:?} {unread:?} {err}");
            assert_eq!((found, findings.len()), (code, count), "{text}");
            scene.commit();
        }
    }
}

#[test]
fn a_new_name_by_which_a_tool_reads_a_file_is_new() {
    use super::led_to::{left_alone, refused};
    use super::looked_behind::GONE;
    const SERVICE: &str = "services: {dbg: {image: \"acme/dbg:1\"}}\n";
    const JOBS: &str =
        "on: push\njobs:\n  a:\n    runs-on: x\n    container: acme/old:1\n    steps: [{run: make}]\n";
    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: old}\nspec: {containers: [{name: a, image: \"acme/old:1\"}]}\n";
    const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web}\nspec: {source: {repoURL: \"https://example.com/a.git\", path: k8s}}\n";
    refused(vec![
        (
            "a workflow",
            vec![("archive/ci.yml", JOBS)],
            vec![("archive/ci.yml", GONE), (".github/workflows/ci.yml", JOBS)],
            ".github/workflows/ci.yml floating-tag",
        ),
        (
            "a Compose file",
            vec![("old/stack.yaml", SERVICE)],
            vec![("old/stack.yaml", GONE), ("compose.yaml", SERVICE)],
            "compose.yaml floating-tag",
        ),
        (
            "a manifest that becomes a template",
            vec![("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"), ("lib/pod.yaml", POD)],
            vec![("lib/pod.yaml", GONE), ("c/templates/pod.yaml", POD)],
            "c/templates/pod.yaml floating-tag",
        ),
        (
            "a part that becomes a template",
            vec![
                ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
                ("c/templates/_pod.yaml", POD),
            ],
            vec![("c/templates/_pod.yaml", GONE), ("c/templates/pod.yaml", POD)],
            "c/templates/pod.yaml floating-tag",
        ),
        (
            "a file that Argo CD did not enter the directory for",
            vec![("app.yaml", APPLICATION), ("k8s/a.yaml", "kind: A\n"), ("k8s/old/old.yaml", POD)],
            vec![("k8s/old/old.yaml", GONE), ("k8s/old.yaml", POD)],
            "k8s/old.yaml floating-tag",
        ),
    ]);
    left_alone(vec![
        (
            "another name in a directory",
            vec![("k8s/a.yaml", POD)],
            vec![("k8s/a.yaml", GONE), ("k8s/b.yml", POD)],
        ),
        (
            "another directory of services",
            vec![("a/compose.yaml", SERVICE)],
            vec![("a/compose.yaml", GONE), ("b/docker-compose.yml", SERVICE)],
        ),
    ]);
}

#[test]
fn an_object_of_another_namespace_is_another_object() {
    use super::led_to::refused;
    let of = |namespace: &str, image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: {namespace}}}\nspec: {{containers: [{{name: a, image: \"{image}\"}}]}}\n"
        )
    };
    let both = |dev: &str, prod: &str| -> &'static str {
        Box::leak(format!("{}---\n{}", of("dev", dev), of("prod", prod)).into_boxed_str())
    };
    refused(vec![(
        "the pin changes places",
        vec![("a.yaml", both("acme/web:1", "acme/web:1@"))],
        vec![("a.yaml", both("acme/web:1@", "acme/web:1"))],
        "a.yaml floating-tag",
    )]);
}

const FIRST: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"nginx:1.27\"}]}\n";
const SECOND: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: [{name: b, image: \"redis:7\"}]}\n";

#[test]
fn a_file_that_joins_others_runs_with_them() {
    let docker = "resource \"docker_container\" \"a\" {\n  name = \"a\"\n  image = \"nginx:1.27\"\n}\n";
    for (name, beside, old, new, text, finding) in [
        ("a module", vec![("main.tf", "# a\n")], "attic/x.tf", "x.tf", docker, "x.tf floating-tag"),
        (
            "a role",
            vec![("roles/web/defaults/main.yml", "a: b\n")],
            "attic/main.yml",
            "roles/web/tasks/main.yml",
            "- docker_container: {name: b, image: \"redis:7\"}\n",
            "roles/web/tasks/main.yml floating-tag",
        ),
        (
            "an override",
            vec![("compose.yaml", "services: {w: {image: \"nginx:1@\"}}\n")],
            "attic/compose.override.yaml",
            "compose.override.yaml",
            "services: {w: {image: \"nginx:1\"}}\n",
            "compose.override.yaml floating-tag",
        ),
        (
            "an include with a pattern",
            vec![(".gitlab-ci.yml", "include: [{local: ci/*.yml}]\n")],
            "attic/old.yml",
            "ci/old.yml",
            "o: {image: \"node:22\", script: [make]}\n",
            "ci/old.yml floating-tag",
        ),
        (
            "a loop of a script",
            vec![(
                begun::WORKFLOW,
                begun::steps("[{run: 'for f in k8s/*.yaml; do kubectl apply -f $f; done'}]"),
            )],
            "attic/old.yaml",
            "k8s/old.yaml",
            FIRST,
            "k8s/old.yaml floating-tag",
        ),
    ] {
        let base = || [beside.clone(), vec![(old, text)]].concat();
        led_to::refused(vec![(name, base(), vec![(old, looked_behind::GONE), (new, text)], finding)]);
        // The whole of it has another name.
        let away: led_to::Files = beside.iter().map(|(path, _)| (*path, looked_behind::GONE)).collect();
        if name == "a module" {
            let moved = vec![(old, looked_behind::GONE), ("m/x.tf", text), ("m/main.tf", "# a\n")];
            led_to::left_alone(vec![("a whole module", base(), [away, moved].concat())]);
        }
        led_to::left_alone(vec![(
            "to where nothing takes it",
            base(),
            vec![(old, looked_behind::GONE), (begun::leaked(format!("other/{new}")), text)],
        )]);
    }
}

#[test]
fn what_was_one_file_may_be_several() {
    let both = begun::leaked(format!("{FIRST}---\n{SECOND}"));
    let list = |files: &str| begun::leaked(format!("resources: [{files}]\n"));
    led_to::left_alone(vec![(
        "one of two objects has a file of its own",
        vec![("k/all.yaml", both), ("k/kustomization.yaml", list("all.yaml"))],
        vec![("k/all.yaml", FIRST), ("k/b.yaml", SECOND), ("k/kustomization.yaml", list("all.yaml, b.yaml"))],
    )]);
    led_to::refused(vec![
        (
            "and is deployed since then",
            vec![("k/all.yaml", both), ("k/kustomization.yaml", list("")), ("k/c.yaml", FIRST)],
            vec![("k/all.yaml", FIRST), ("k/b.yaml", SECOND), ("k/kustomization.yaml", list("b.yaml"))],
            "k/b.yaml floating-tag",
        ),
        (
            "and stays where it was",
            vec![("k/all.yaml", both)],
            vec![("k/all.yaml", begun::leaked(format!("# a\n{both}"))), ("k/b.yaml", SECOND)],
            "k/b.yaml floating-tag",
        ),
        (
            "and is another image",
            vec![("k/all.yaml", both)],
            vec![("k/all.yaml", FIRST), ("k/b.yaml", begun::leaked(SECOND.replace(":7", ":8")))],
            "k/b.yaml floating-tag",
        ),
        (
            "and lies in another directory",
            vec![("k/all.yaml", both)],
            vec![("k/all.yaml", FIRST), ("p/b.yaml", SECOND)],
            "p/b.yaml floating-tag",
        ),
    ]);
}
