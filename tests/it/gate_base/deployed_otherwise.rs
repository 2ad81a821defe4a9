//! What Compose, plug-ins and sets of Argo CD newly deploy: see `deployed.rs`.

use super::deployed::{argo, fine, floating, pinned, told};
use super::led_to::refused;
use super::{Change, PIN};

#[test]
fn what_compose_takes_since_the_change_is_new() {
    let (lib, found) = ("lib/redis.yaml", "lib/redis.yaml floating-tag");
    let service = |image: &str| format!("services:\n  redis:\n    image: {image}\n");
    let (floats, ok) = (|| service("redis:6"), || service(&format!("redis:6@{PIN}")));
    let at = "compose.yaml";
    let before = || vec![(lib, floats()), (at, ok()), ("ok.yaml", ok())];
    let with = |rest: &str| vec![(at, ok() + rest)];
    let extended = |service: &str| {
        vec![(at, ok() + &format!("  b:\n    extends: {{file: lib/both.yaml, service: {service}}}\n"))]
    };
    let both = || vec![("lib/both.yaml", floats() + &format!("  pinned:\n    image: redis:6@{PIN}\n"))];
    told(&[
        ("an include", before(), with("include: [lib/redis.yaml]\n"), found, at),
        ("an include with a path", before(), with("include: [{path: lib/redis.yaml}]\n"), found, at),
        (
            "an include of several",
            before(),
            with("include: [{path: [ok.yaml, lib/redis.yaml]}]\n"),
            found,
            at,
        ),
        (
            "an include alone",
            before(),
            vec![("docker-compose.yml", "include: [./lib/redis.yaml]\n".to_owned())],
            found,
            "docker-compose.yml",
        ),
        (
            "what is extended",
            before(),
            with("  b:\n    extends: {file: lib/redis.yaml, service: redis}\n"),
            found,
            at,
        ),
        (
            "another service that is extended",
            [before(), both(), extended("pinned")].concat(),
            extended("redis"),
            "lib/both.yaml floating-tag",
            at,
        ),
        (
            "files by name",
            before(),
            vec![(".env", "COMPOSE_FILE=compose.yaml:lib/redis.yaml\n".to_owned())],
            found,
            ".env",
        ),
    ]);
    let mut failures = Vec::new();
    for (name, after, found) in [
        (
            "an included file of any name",
            vec![("a.txt", floats()), (at, ok() + "include: [a.txt]\n")],
            "a.txt floating-tag",
        ),
        (
            "an extended file of any name",
            vec![("a.conf", floats()), (at, ok() + "  b:\n    extends: {file: a.conf, service: redis}\n")],
            "a.conf floating-tag",
        ),
        (
            "files of any name",
            vec![(".env", "COMPOSE_FILE=\"stack.txt\"\n".to_owned()), ("stack.txt", floats())],
            "stack.txt floating-tag",
        ),
        (
            "a plug-in",
            vec![(
                "a.yaml",
                argo("    path: apps\n    plugin: {name: x, env: [{name: I, value: \"redis:6\"}]}\n"),
            )],
            "a.yaml looks-away",
        ),
        (
            "a program of Argo CD",
            vec![("a.yaml", argo("    path: apps\n")), ("apps/a.jsonnet", "{}".to_owned())],
            "apps/a.jsonnet looks-away",
        ),
        ("an address", vec![(at, ok() + "include: [\"oci://evil.example/a\"]\n")], "compose.yaml looks-away"),
        (
            "a repository",
            vec![(at, ok() + "include: [{path: \"github.com/evil/a.git\"}]\n")],
            "compose.yaml looks-away",
        ),
        (
            "a file above the repository",
            vec![(at, ok() + "include: [../a.yaml]\n")],
            "compose.yaml looks-away",
        ),
        ("a variable", vec![(at, ok() + "include: [\"${X}/a.yaml\"]\n")], "compose.yaml looks-away"),
        (
            "an address in an override",
            vec![("compose.prod.yaml", "include: [\"https://evil.example/a.git\"]\n".to_owned())],
            "compose.prod.yaml looks-away",
        ),
        (
            "values from an address",
            vec![(
                "a.yaml",
                argo("    chart: a\n    helm: {valueFiles: [\"https://evil.example/a.yaml\"]}\n"),
            )],
            "a.yaml looks-away",
        ),
    ] {
        for (how, judged) in Change::of(&[(at, ok())], &after).judged() {
            let is_told = judged.findings.iter().any(|(file, rule, _)| format!("{file} {rule}") == found);
            if judged.code != 1 || !is_told {
                failures.push(format!("{name} {how}: {judged:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    fine(&[
        (
            "what was included",
            [before(), with("include: [lib/redis.yaml]\n")].concat(),
            with("include: [lib/redis.yaml]\n# x\n"),
        ),
        ("something pinned", before(), with("include: [ok.yaml]\n")),
        (
            "an include of GitLab",
            vec![],
            vec![(".gitlab-ci.yml", "include: [\"https://git.example/a.yml\"]\nstages: [a]\n".to_owned())],
        ),
    ]);
}

fn set(generator: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: apps}}\nspec:\n  generators:\n  - {generator}\n  template:\n    spec:\n      source: {{repoURL: https://git.example/a, path: \"{path}\"}}\n"
    )
}

#[test]
fn what_a_set_of_argo_takes_since_the_change_is_new() {
    let (pod_at, found, at) = ("lib/web/pod.yaml", "lib/web/pod.yaml floating-tag", "set.yaml");
    let git = |rest: &str| format!("git: {{repoURL: https://git.example/a, {rest}}}");
    let directories = |paths: &str| git(&format!("directories: [{paths}]"));
    let by_path = "{{path}}";
    let row = |name, before: String, after: String| {
        let files = vec![("apps/ok/ok.yaml", pinned()), (pod_at, floating()), (at, before)];
        (name, files, vec![(at, after)], found, at)
    };
    told(&[
        row(
            "a set",
            set(&directories("{path: apps/*}"), by_path),
            set(&directories("{path: lib/*}"), by_path),
        ),
        row(
            "a directory more",
            set(&directories("{path: apps/*}"), by_path),
            set(&directories("{path: apps/*}, {path: lib/web}"), by_path),
        ),
        row(
            "what a set left out",
            set(&directories("{path: lib/*}, {path: lib/web, exclude: true}"), by_path),
            set(&directories("{path: lib/*}"), by_path),
        ),
        row(
            "files of a set",
            set(&git("files: [{path: apps/*/config.json}]"), "{{path}}"),
            set(&git("files: [{path: lib/web/config.json}, {path: lib/**}]"), "{{path}}"),
        ),
        row(
            "an element",
            set("list: {elements: [{path: apps/ok}]}", by_path),
            set("list: {elements: [{path: apps/ok}, {path: lib/web}]}", by_path),
        ),
        row(
            "generators that are combined",
            set(
                &format!(
                    "matrix: {{generators: [{{clusters: {{}}}}, {{{}}}]}}",
                    directories("{path: apps/*}")
                ),
                by_path,
            ),
            set(
                &format!(
                    "matrix: {{generators: [{{clusters: {{}}}}, {{{}}}]}}",
                    directories("{path: lib/*}")
                ),
                by_path,
            ),
        ),
        row(
            "an element that a selector left out",
            set(
                "list: {elements: [{path: apps/ok, on: y}, {path: lib/web, on: n}]}, selector: {matchLabels: {on: y}}",
                by_path,
            ),
            set("list: {elements: [{path: apps/ok, on: y}, {path: lib/web, on: n}]}", by_path),
        ),
        row(
            "a template of a generator",
            set("list: {elements: [{path: apps/ok}]}", by_path),
            set(
                "list: {elements: [{path: apps/ok}], template: {spec: {source: {repoURL: https://git.example/a, path: lib/web}}}}",
                by_path,
            ),
        ),
        row("a path of its template", set("clusters: {}", "apps/ok"), set("clusters: {}", "lib/web")),
    ]);
}

/// A set of the Flux Operator with these inputs.
fn resource_set(inputs: &str) -> String {
    format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {{name: s}}\nspec:\n  inputs: [{inputs}]\n  resources:\n  - apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    metadata: {{name: a}}\n    spec: {{path: './lib/<< inputs.app >>', sourceRef: {{kind: GitRepository, name: a}}}}\n  - apiVersion: v1\n    kind: Pod\n    metadata: {{name: b}}\n    spec: {{containers: [{{name: a, image: 'nginx:<< inputs.version >>'}}]}}\n"
    )
}

#[test]
fn what_a_set_of_the_flux_operator_takes_since_the_change_is_new() {
    let at = "set.yaml";
    let before = resource_set("{app: ok}");
    let files = || vec![("lib/ok/ok.yaml", pinned()), ("lib/web/pod.yaml", floating()), (at, before.clone())];
    told(&[(
        "one more input",
        files(),
        vec![(at, resource_set("{app: ok}, {app: web}"))],
        "lib/web/pod.yaml floating-tag",
        at,
    )]);
    let one_more: &str = Box::leak(resource_set("{app: ok}, {app: ok, version: '1.27'}").into_boxed_str());
    let before = vec![(at, &*Box::leak(before.into_boxed_str()))];
    refused(vec![("a part of an image", before, vec![(at, one_more)], "set.yaml looks-away")]);
}
