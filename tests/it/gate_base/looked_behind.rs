//! What a change adds and nobody judges is an error: values that name no image, places that nobody knows, files that a
//! deployer reads by another name, builds that are said to make an image.

use crate::support::checkout::Scene;

use super::{PIN, Put, pinned};

/// A name, the files that were there, those that the change writes, and the finding that tells of it.
type Case<'c> = (&'c str, &'c [(&'c str, String)], &'c [(&'c str, String)], &'c str);

/// What a change writes where it takes a file away.
pub(super) const GONE: &str = "(gone)";

fn judge(before: &[(&str, String)], after: &[(&str, String)]) -> (i32, Vec<String>, Vec<String>, String) {
    let app = pinned();
    let mut files = vec![("app.yaml", app.as_str())];
    files.extend(before.iter().map(|(path, text)| (*path, text.as_str())));
    let scene = Scene::new(&files);
    let base = scene.head();
    let put = |text| if text == GONE { Put::Gone } else { Put::Text(text) };
    let entries: Vec<_> = after.iter().map(|(path, text)| (path.as_bytes(), put(text.as_str()))).collect();
    scene.commit_entries(&entries);
    scene.check_out();
    scene.judged(&["check", "--changed-since", &base])
}

pub(super) fn told(cases: &[Case<'_>]) {
    let mut failures = Vec::new();
    for (name, before, after, expected) in cases {
        let (code, findings, unread, err) = judge(before, after);
        if code != 1 || !findings.iter().any(|found| found == expected) {
            failures.push(format!("{name}: {code} {findings:?} {unread:?} {err}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Returns the exit code of the gate and its findings.
pub(super) fn judged(before: &[(&str, String)], after: &[(&str, String)]) -> (i32, Vec<String>) {
    let (code, findings, _, _) = judge(before, after);
    (code, findings)
}

/// Paths and texts.
type Files<'f> = &'f [(&'f str, String)];

pub(super) fn fine(cases: &[(&str, Files<'_>, Files<'_>)]) {
    let mut failures = Vec::new();
    for (name, before, after) in cases {
        let (code, findings, unread, err) = judge(before, after);
        if (code, &findings, &unread) != (0, &vec![], &vec![]) {
            failures.push(format!("{name}: {code} {findings:?} {unread:?} {err}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Files of a case that makes its own.
pub(super) type Owned = Vec<(&'static str, String)>;

pub(super) fn told_all(cases: &[(&str, Owned, Owned, &str)]) {
    let cases: Vec<Case<'_>> = cases
        .iter()
        .map(|(name, before, after, told)| (*name, before.as_slice(), after.as_slice(), *told))
        .collect();
    told(&cases);
}

pub(super) fn fine_all(cases: &[(&str, Owned, Owned)]) {
    let cases: Vec<(&str, Files<'_>, Files<'_>)> =
        cases.iter().map(|(name, before, after)| (*name, before.as_slice(), after.as_slice())).collect();
    fine(&cases);
}

pub(super) fn pod(image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {name}\nspec:\n  containers:\n  - name: a\n    image: {image}\n",
        name = "{name: a}"
    )
}

pub(super) fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn what_a_change_leaves_open_is_an_error() {
    let robot =
        |body: &str| format!("apiVersion: robots.acme.example/v1\nkind: Robot\nspec: {{}}\nbody: {body}\n");
    told(&[
        ("a variable", &[], &[("a.yaml", pod("${IMG}"))], "a.yaml unverifiable"),
        ("a variable of Kubernetes", &[], &[("a.yaml", pod("$(params.img)"))], "a.yaml unverifiable"),
        (
            "a template in quotes",
            &[],
            &[("a.yaml", pod("\"{{workflow.parameters.img}}\""))],
            "a.yaml unverifiable",
        ),
        ("a field of nobody", &[], &[("a.yaml", robot("{brainImage: \"x:1\"}"))], "a.yaml unknown-location"),
        (
            "an image in fields",
            &[],
            &[("a.yaml", robot("{image: {repository: x/y, tag: \"1\"}}"))],
            "a.yaml unknown-location",
        ),
        (
            "another variable",
            &[("a.yaml", pod("${IMG}"))],
            &[("a.yaml", pod("${OTHER}"))],
            "a.yaml unverifiable",
        ),
    ]);
    fine(&[(
        "what was there",
        &[("a.yaml", pod("${IMG}")), ("b.yaml", robot("{brainImage: \"x:1\"}"))],
        &[
            ("a.yaml", format!("# x\n{}", pod("${IMG}"))),
            ("b.yaml", format!("# x\n{}", robot("{brainImage: \"x:1\"}"))),
        ],
    )]);
}

#[test]
fn what_is_not_a_reference_is_said() {
    let values = |repository: &str, tag: &str| format!("image:\n  repository: {repository}\n  tag: {tag}\n");
    told(&[
        (
            "a comment in a tag",
            &[],
            &[("values.yaml", values("redis", &format!("\"8 #@{PIN}\"")))],
            "values.yaml unverifiable",
        ),
        (
            "a comment in a name",
            &[],
            &[("values.yaml", values("\"redis:8 #\"", &format!("\"7@{PIN}\"")))],
            "values.yaml unverifiable",
        ),
        (
            "a line in a tag",
            &[],
            &[("values.yaml", values("redis", &format!("\"8\\n  x: a@{PIN}\"")))],
            "values.yaml unverifiable",
        ),
        (
            "a comment in an image",
            &[],
            &[("values.yaml", format!("image: \"redis:8 #@{PIN}\"\n"))],
            "values.yaml unverifiable",
        ),
        ("a URL", &[], &[("a.yaml", pod("https://a.example/b"))], "a.yaml unverifiable"),
        (
            "a host like a transport",
            &[],
            &[("a.yaml", pod("docker-daemon:5000/evil/app:1"))],
            "a.yaml floating-tag",
        ),
        ("a name like a transport", &[], &[("a.yaml", pod("oci-archive:latest"))], "a.yaml latest-tag"),
    ]);
    fine(&[("a transport", &[], &[("a.container", text("[Container]\nImage=oci-archive:/a.tar\n"))])]);
}

#[test]
fn any_tag_may_spell_a_key() {
    let object = |key: &str| pod("x").replace("image: x", &format!("{key}: redis:6"));
    for (name, file) in [
        ("a handle", format!("%TAG !e! tag:yaml.org,2002:\n---\n{}", object("!e!binary aW1hZ2U="))),
        ("the first handle", format!("%TAG ! tag:yaml.org,2002:\n---\n{}", object("!binary aW1hZ2U="))),
    ] {
        let (code, findings, unread, err) = judge(&[], &[("a.yaml", file)]);
        assert!(matches!(code, 1 | 3) && !unread.is_empty(), "{name}: {code} {findings:?} {unread:?} {err}");
    }
}

#[test]
fn kustomize_reads_yaml_by_any_name() {
    let kustomization = |rest: &str| [("kustomization.yaml", format!("{rest}\n"))];
    for ending in ["hcl", "nomad", "container", "volume", "image", "build", "kube", "txt"] {
        let path = format!("q.{ending}");
        for list in [format!("resources: [{path}]"), format!("patches: [{{path: {path}}}]")] {
            let files = kustomization(&list);
            let all = [files[0].clone(), (path.as_str(), pod("redis:6"))];
            told(&[(list.as_str(), &[], &all, &format!("{path} floating-tag"))]);
            told(&[(
                list.as_str(),
                &[files[0].clone(), (path.as_str(), pod(&format!("redis:6@{PIN}")))],
                &all[1..],
                &format!("{path} floating-tag"),
            )]);
        }
    }
}

#[test]
fn a_build_does_not_hide_what_is_pulled() {
    let compose =
        |rest: &str| [("compose.yaml", format!("services:\n  a:\n    image: redis:6\n    {rest}\n"))];
    let build = compose("build: .");
    let never = compose("build: .\n    pull_policy: build");
    told(&[
        ("a build", &[], &build, "compose.yaml looks-away"),
        ("no build", &[], &compose("build: null"), "compose.yaml floating-tag"),
        ("nothing", &[], &compose("build:"), "compose.yaml floating-tag"),
        ("taken away", &[], &compose("build: !reset null"), "compose.yaml floating-tag"),
        ("in capitals", &[], &compose("build: .\n    pull_policy: Always"), "compose.yaml floating-tag"),
        (
            "in the file below",
            &[],
            &[
                ("compose.prod.yaml", build[0].1.clone().replace("    build: .\n", "")),
                ("compose.yaml", text("services: {a: {build: .}}\n")),
            ],
            "compose.prod.yaml looks-away",
        ),
    ]);
    fine(&[
        ("what was there", &build, &[("compose.yaml", format!("# x\n{}", build[0].1))]),
        ("what never pulls", &[], &never),
    ]);
}

#[test]
fn what_helm_reads_beside_manifests_is_said() {
    let chart = [("c/Chart.yaml", text("apiVersion: v2\nname: c\nversion: 1.0.0\n"))];
    let helper = |body: &str| format!("{{{{ define \"c.x\" }}}}{body}{{{{ end }}}}\n");
    told(&[
        ("a text", &chart, &[("c/templates/a.txt", pod("redis:6"))], "c/templates/a.txt looks-away"),
        ("no ending", &chart, &[("c/templates/a", pod("redis:6"))], "c/templates/a looks-away"),
        ("a template", &chart, &[("c/templates/a.tpl", pod("redis:6"))], "c/templates/a.tpl looks-away"),
        (
            "a helper with an image",
            &chart,
            &[("c/templates/_helpers.tpl", helper("redis:6"))],
            "c/templates/_helpers.tpl looks-away",
        ),
        (
            "a helper that is called like a manifest",
            &chart,
            &[("c/templates/_h.yaml", helper("redis:6"))],
            "c/templates/_h.yaml looks-away",
        ),
        ("a packed chart", &chart, &[("c/charts/a-1.0.0.tgz", text("x"))], "c/charts/a-1.0.0.tgz looks-away"),
        (
            "an action with an image",
            &chart,
            &[("c/templates/a.yaml", pod("{{ \"redis:6\" }}"))],
            "c/templates/a.yaml unverifiable",
        ),
        (
            "a default",
            &chart,
            &[("c/templates/a.yaml", pod("{{ .Values.x | default \"redis:6\" }}"))],
            "c/templates/a.yaml unverifiable",
        ),
    ]);
    fine(&[
        ("notes", &chart, &[("c/templates/NOTES.txt", text("See redis:6.\n"))]),
        ("a helper", &chart, &[("c/templates/_helpers.tpl", helper("app: {{ .Chart.Name }}"))]),
        ("a text elsewhere", &chart, &[("c/a.txt", pod("redis:6"))]),
    ]);
}
