//! A floating image that was there and did not run, and that a change has run, is one that the change adds.

use super::PIN;
use super::looked_behind::{GONE, Owned, fine_all, text, told_all};

const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

fn values(web: &str) -> (&'static str, String) {
    ("c/values.yaml", format!("web:\n  {web}\n  image: {{repository: redis, tag: \"6\"}}\n"))
}

fn compose(service: &str) -> (&'static str, String) {
    ("compose.yaml", format!("services:\n  a:\n    image: redis:6\n    {service}\n"))
}

fn workload(kind: &str, spec: &str) -> (&'static str, String) {
    (
        "a.yaml",
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec:\n  {spec}\n  template:\n    spec:\n      containers:\n      - name: a\n        image: redis:6\n"
        ),
    )
}

#[test]
fn what_is_turned_on_in_its_file_is_new() {
    let told = "c/values.yaml floating-tag";
    let one = |from: &str, to: &str| (vec![values(from)], vec![values(to)]);
    let rows = [
        ("enabled", "enabled: false", "enabled: true"),
        ("in capitals", "enabled: False", "enabled: True"),
        ("a word of YAML 1.1", "enabled: false", "enabled: no"),
        ("a text", "enabled: false", "enabled: \"false\""),
        ("that goes", "enabled: false", "x: y"),
        ("create", "create: false", "create: true"),
        ("disabled", "disabled: true", "disabled: false"),
        ("replicas", "replicas: 0", "replicas: 1"),
        ("replicaCount", "replicaCount: 0", "replicaCount: 2"),
        ("spelled otherwise", "enabled: false", "\"en\\u0061bled\": true"),
    ];
    for (name, from, to) in rows {
        let (before, after) = one(from, to);
        told_all(&[(name, before, after, told)]);
    }
    let flat = |on: &str| vec![("c/values.yaml", format!("{on}\nwebImage: redis:6\n"))];
    told_all(&[
        ("a flat key", flat("webEnabled: false"), flat("webEnabled: true"), told),
        ("another flat key", flat("enableWeb: false"), flat("enableWeb: true"), told),
        ("a flat count", flat("webReplicas: 0"), flat("webReplicas: 1"), told),
        (
            "a merge",
            vec![(
                "c/values.yaml",
                text("x: &x {enabled: false}\nweb: {<<: *x, image: {repository: redis, tag: \"6\"}}\n"),
            )],
            vec![(
                "c/values.yaml",
                text("x: &x {enabled: true}\nweb: {<<: *x, image: {repository: redis, tag: \"6\"}}\n"),
            )],
            told,
        ),
        (
            "a profile that goes",
            vec![compose("profiles: [debug]")],
            vec![compose("x-a: b")],
            "compose.yaml floating-tag",
        ),
        (
            "a profile more",
            vec![compose("profiles: [debug]")],
            vec![compose("profiles: [debug, web]")],
            "compose.yaml floating-tag",
        ),
        ("a scale", vec![compose("scale: 0")], vec![compose("scale: 1")], "compose.yaml floating-tag"),
        (
            "replicas of Compose",
            vec![compose("deploy: {replicas: 0}")],
            vec![compose("deploy: {replicas: 2}")],
            "compose.yaml floating-tag",
        ),
        (
            "replicas of an object",
            vec![workload("Deployment", "replicas: 0")],
            vec![workload("Deployment", "replicas: 1")],
            "a.yaml floating-tag",
        ),
        (
            "replicas that go",
            vec![workload("StatefulSet", "replicas: 0")],
            vec![workload("StatefulSet", "x: y")],
            "a.yaml floating-tag",
        ),
        (
            "a job",
            vec![workload("Job", "suspend: true")],
            vec![workload("Job", "suspend: false")],
            "a.yaml floating-tag",
        ),
        (
            "a job at once",
            vec![workload("Job", "parallelism: 0")],
            vec![workload("Job", "parallelism: 3")],
            "a.yaml floating-tag",
        ),
    ]);
}

#[test]
fn what_is_turned_on_elsewhere_is_new() {
    let off = || vec![("c/Chart.yaml", text(CHART)), values("enabled: false")];
    let told = "c/values.yaml floating-tag";
    let argo = |helm: &str| {
        (
            "argo.yaml",
            format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  source:\n    repoURL: https://git.example/a\n    path: c\n    helm:\n      {helm}\n"
            ),
        )
    };
    let argo_off = || [off(), vec![argo("releaseName: a")]].concat();
    let template = |head: &str, rest: &str| {
        vec![
            ("c/Chart.yaml", text(CHART)),
            ("c/values.yaml", format!("debug: {{on: false}}\nmode: a\n{rest}")),
            (
                "c/templates/a.yaml",
                format!(
                    "{head}\napiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n  - name: a\n    image: redis:6\n{{{{ end }}}}\n"
                ),
            ),
        ]
    };
    let values_of = |text: &str| vec![("c/values.yaml", text.to_owned())];
    let in_template = "c/templates/a.yaml floating-tag";
    let scaled = || vec![workload("Deployment", "replicas: 0")];
    let kustomization = |rest: &str| vec![("kustomization.yaml", format!("resources: [a.yaml]\n{rest}\n"))];
    let sub = |values: &str| -> Owned {
        vec![
            (
                "c/Chart.yaml",
                format!("{CHART}dependencies: [{{name: s, version: 1.0.0, condition: s.on}}]\n"),
            ),
            ("c/values.yaml", text(values)),
            ("c/charts/s/Chart.yaml", CHART.replace("name: c", "name: s")),
            ("c/charts/s/values.yaml", text("image: {repository: redis, tag: \"6\"}\n")),
        ]
    };
    told_all(&[
        ("other values", off(), vec![("c/values-prod.yaml", text("web: {enabled: true}\n"))], told),
        ("values of Argo CD", argo_off(), vec![argo("valuesObject: {web: {enabled: true}}")], told),
        ("a text of Argo CD", argo_off(), vec![argo("values: \"web: {enabled: true}\"")], told),
        (
            "a parameter of Argo CD",
            argo_off(),
            vec![argo("parameters: [{name: web.enabled, value: \"true\"}]")],
            told,
        ),
        (
            "a file of values of Argo CD",
            [argo_off(), vec![("envs/prod.yaml", text("web: {enabled: true}\n"))]].concat(),
            vec![argo("valueFiles: [../envs/prod.yaml]")],
            told,
        ),
        (
            "a condition of a template",
            template("{{ if .Values.debug.on }}", ""),
            values_of("debug: {on: true}\nmode: a\n"),
            in_template,
        ),
        (
            "a part of the values",
            template("{{ with .Values.debug }}{{ if .on }}", "")
                .into_iter()
                .map(|(path, text)| (path, text.replace("{{ end }}", "{{ end }}{{ end }}")))
                .collect(),
            values_of("debug: {on: true}\nmode: a\n"),
            in_template,
        ),
        (
            "a condition that is not",
            template("{{ if not .Values.debug.off }}", "")
                .into_iter()
                .map(|(path, text)| (path, text.replace("on: false", "off: true")))
                .collect(),
            values_of("debug: {off: false}\nmode: a\n"),
            in_template,
        ),
        (
            "a value that is compared",
            template("{{ if eq .Values.mode \"b\" }}", ""),
            values_of("debug: {on: false}\nmode: b\n"),
            in_template,
        ),
        (
            "a condition in other values",
            template("{{- if .Values.debug.on -}}", ""),
            vec![("c/values-prod.yaml", text("debug: {on: true}\n"))],
            in_template,
        ),
        (
            "a chart in a chart",
            sub("s: {on: false}\n"),
            vec![("c/values.yaml", text("s: {on: true}\n"))],
            "c/charts/s/values.yaml floating-tag",
        ),
        (
            "replicas of a kustomization",
            [scaled(), kustomization("")].concat(),
            kustomization("replicas: [{name: web, count: 1}]"),
            "a.yaml floating-tag",
        ),
        (
            "a patch",
            [
                scaled(),
                kustomization("patches: [{path: p.yaml}]"),
                vec![("p.yaml", text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"))],
            ]
            .concat(),
            vec![(
                "p.yaml",
                text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n"),
            )],
            "a.yaml floating-tag",
        ),
        (
            "a patch of operations",
            [scaled(), kustomization("")].concat(),
            kustomization(
                "patches: [{target: {kind: Deployment}, patch: \"[{op: replace, path: /spec/replicas, value: 1}]\"}]",
            ),
            "a.yaml floating-tag",
        ),
        (
            "what scales it",
            scaled(),
            vec![(
                "k.yaml",
                text(
                    "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}\nspec: {scaleTargetRef: {name: web}}\n",
                ),
            )],
            "a.yaml floating-tag",
        ),
        (
            "what scales it from another directory",
            scaled(),
            vec![(
                "prod/k.yaml",
                text(
                    "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}\nspec: {scaleTargetRef: {name: web}}\n",
                ),
            )],
            "a.yaml floating-tag",
        ),
        (
            "a profile in an environment file",
            vec![compose("profiles: [debug]")],
            vec![(".env", text("COMPOSE_PROFILES=x,debug\n"))],
            "compose.yaml floating-tag",
        ),
    ]);
}

#[test]
fn what_ran_before_is_left_alone() {
    let off = || vec![("c/Chart.yaml", text(CHART)), values("enabled: false")];
    fine_all(&[
        ("it is turned off", vec![values("enabled: true")], vec![values("enabled: false")]),
        ("it stays off", vec![values("enabled: false")], vec![values("enabled: false # still")]),
        (
            "more of them",
            vec![workload("Deployment", "replicas: 1")],
            vec![workload("Deployment", "replicas: 3")],
        ),
        (
            "it is scaled down",
            vec![workload("Deployment", "replicas: 1")],
            vec![workload("Deployment", "replicas: 0")],
        ),
        (
            "another one is turned on",
            off(),
            vec![("c/values.yaml", values("enabled: false").1 + "metrics: {enabled: true}\n")],
        ),
        (
            "it is on in other values already",
            [off(), vec![("c/values-dev.yaml", text("web: {enabled: true}\n"))]].concat(),
            vec![("c/values-prod.yaml", text("web: {enabled: true}\n"))],
        ),
        (
            "another chart",
            [off(), vec![("d/Chart.yaml", text(CHART))]].concat(),
            vec![("d/values.yaml", text("web: {enabled: true}\n"))],
        ),
        (
            "a pinned image",
            vec![(
                "c/values.yaml",
                format!(
                    "web:\n  enabled: false\n  image: {{repository: redis, tag: \"6\", digest: {PIN}}}\n"
                ),
            )],
            vec![(
                "c/values.yaml",
                format!("web:\n  enabled: true\n  image: {{repository: redis, tag: \"6\", digest: {PIN}}}\n"),
            )],
        ),
        (
            "a profile of another service",
            vec![compose("profiles: [debug]")],
            vec![(".env", text("COMPOSE_PROFILES=x\n"))],
        ),
        (
            "a file that goes",
            [off(), vec![("c/values-prod.yaml", text("web: {enabled: true}\n"))]].concat(),
            vec![("c/values-prod.yaml", text(GONE))],
        ),
    ]);
}

#[test]
fn an_object_that_an_annotation_kept_from_running_is_new_without_it() {
    let pod = |annotation: &str| {
        vec![(
            "a.yaml",
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, annotations: {{{annotation}}}}}\nspec: {{containers: [{{name: a, image: \"redis:6\"}}]}}\n"
            ),
        )]
    };
    for (from, to) in [
        ("config.kubernetes.io/local-config: \"true\"", "a: b"),
        ("config.kubernetes.io/local-config: \"true\"", "config.kubernetes.io/local-config: \"false\""),
        ("kustomize.toolkit.fluxcd.io/reconcile: disabled", "kustomize.toolkit.fluxcd.io/reconcile: enabled"),
        ("argocd.argoproj.io/hook: Skip", "argocd.argoproj.io/hook: Sync"),
        ("helm.sh/hook: test-success", "helm.sh/hook: pre-install"),
    ] {
        told_all(&[(from, pod(from), pod(to), "a.yaml floating-tag")]);
    }
    fine_all(&[
        ("others", pod("a: b"), pod("a: c")),
        ("kept", pod("helm.sh/hook: test"), pod("helm.sh/hook: test, x: y")),
    ]);
}
