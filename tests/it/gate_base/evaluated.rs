//! What keeps things from running by values that stand elsewhere: expressions of Terraform, environments of helmfile,
//! labels. As rows of [`super::led_to`].

use super::begun::leaked;
use super::led_to::{Files, left_alone, refused};

const RESOURCE: &str = "main.tf floating-tag";

fn container(rest: &str) -> &'static str {
    leaked(format!(
        "resource \"docker_container\" \"a\" {{\n  {rest}\n  name = \"a\"\n  image = \"nginx:1.27\"\n}}\n"
    ))
}

#[test]
fn what_terraform_makes_none_of_is_evaluated() {
    let variable =
        |name: &str, default: &str| leaked(format!("variable \"{name}\" {{\n  default = {default}\n}}\n"));
    let locals = |rest: &str| leaked(format!("locals {{\n  {rest}\n}}\n"));
    let mut rows = Vec::new();
    for (rest, name, off, on) in [
        ("for_each = toset(var.x)", "x", "[]", "[\"a\"]"),
        ("for_each = { for n in var.x : n => n if n != \"old\" }", "x", "[\"old\"]", "[\"old\", \"new\"]"),
        ("count = length(var.x)", "x", "[]", "[\"a\"]"),
        ("count = var.x.enabled ? 1 : 0", "x", "{ enabled = false }", "{ enabled = true }"),
        ("count = contains(var.x, \"old\") ? 1 : 0", "x", "[]", "[\"old\"]"),
        ("count = min(var.x, 1)", "x", "0", "2"),
        ("count = !var.x && true ? 1 : 0", "x", "true", "false"),
        ("count = lookup(var.x, \"n\", 0)", "x", "{}", "{ n = 1 }"),
        ("count = var.x == null ? 0 : 1", "x", "null", "\"a\""),
    ] {
        let files = vec![("main.tf", container(rest)), ("v.tf", variable(name, off))];
        rows.push((rest, files, vec![("v.tf", variable(name, on))], RESOURCE));
    }
    let on = || ("main.tf", container("count = local.on ? 1 : 0"));
    let map = || ("main.tf", container("for_each = local.all"));
    let given = |value: &str| leaked(format!("web = {{ enabled = {value} }}\n"));
    let module = |rest: &str| leaked(format!("module \"m\" {{\n  source = \"./m\"\n  names  = {rest}\n}}\n"));
    let called = |rest: &'static str| -> Files {
        vec![
            ("m/main.tf", container("for_each = toset(var.names)")),
            ("m/v.tf", variable("names", "[]")),
            ("root.tf", module(rest)),
        ]
    };
    let job = |count: &str| {
        leaked(format!(
            "variable \"n\" {{\n  default = {count}\n}}\njob \"a\" {{\n  group \"g\" {{\n    count = var.n\n    task \"t\" {{\n      driver = \"docker\"\n      \
             config {{\n        image = \"nginx:1.27\"\n      }}\n    }}\n  }}\n}}\n"
        ))
    };
    rows.extend([
        (
            "a local value that is a variable",
            vec![on(), ("v.tf", variable("x", "false")), ("l.tf", locals("on = var.x"))],
            vec![("v.tf", variable("x", "true"))],
            RESOURCE,
        ),
        (
            "a local mapping",
            vec![map(), ("l.tf", locals("all = {}"))],
            vec![("l.tf", locals("all = { a = 1 }"))],
            RESOURCE,
        ),
        (
            "a part of a variable in a file of variables",
            vec![
                ("main.tf", container("count = var.web.enabled ? 1 : 0")),
                ("v.tf", "variable \"web\" {}\n"),
                ("p.auto.tfvars", given("false")),
            ],
            vec![("p.auto.tfvars", given("true"))],
            RESOURCE,
        ),
        (
            "what a module is called with",
            called("[]"),
            vec![("root.tf", module("[\"a\"]"))],
            "m/main.tf floating-tag",
        ),
        (
            "what a caller makes of its own",
            [called("local.names").as_slice(), &[("l.tf", locals("names = []"))]].concat(),
            vec![("l.tf", locals("names = [\"a\"]"))],
            "m/main.tf floating-tag",
        ),
        (
            "a job of Nomad",
            vec![("a.nomad.hcl", job("0"))],
            vec![("a.nomad.hcl", job("2"))],
            "a.nomad.hcl floating-tag",
        ),
    ]);
    refused(rows);
    left_alone(vec![
        (
            "one more of what is there",
            vec![("main.tf", container("for_each = toset(var.x)")), ("v.tf", variable("x", "[\"a\"]"))],
            vec![("v.tf", variable("x", "[\"a\", \"b\"]"))],
        ),
        (
            "what nobody knows",
            vec![("main.tf", container("count = length(data.a.b.ids)")), ("v.tf", variable("x", "false"))],
            vec![("v.tf", variable("x", "true"))],
        ),
        (
            "what others are called with",
            [called("[\"a\"]").as_slice(), &[("n/v.tf", variable("names", "[]"))]].concat(),
            vec![("n/v.tf", variable("names", "[\"b\"]"))],
        ),
    ]);
}

#[test]
fn what_others_keep_off_is_known_where_they_say_it_otherwise() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: f}\nspec: {containers: [{name: a, image: \"busybox:1\"}]}\n";
    let chart = || -> Files {
        vec![("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"), ("c/templates/p.yaml", pod)]
    };
    let helmfile = |rest: &str| {
        leaked(format!(
            "environments:\n  default:\n    values: [env.yaml]\n---\nreleases:\n- name: d\n  chart: ./c\n  {rest}\n"
        ))
    };
    let with = |rest: &[(&'static str, &'static str)]| -> Files { [chart().as_slice(), rest].concat() };
    let found = "c/templates/p.yaml floating-tag";
    let object = |labels: &str| {
        leaked(format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: old, {labels}}}\nspec: {{replicas: 2, template: {{spec: {{containers: [{{name: a, image: \
             \"nginx:1.27\"}}]}}}}}}\n"
        ))
    };
    let picked = |selector: &str| -> Files {
        let patch = leaked(format!(
            "resources: [d.yaml]\npatches:\n- target: {{{selector}}}\n  patch: '[{{op: replace, path: /spec/replicas, value: 0}}]'\n"
        ));
        vec![
            ("kustomization.yaml", patch),
            ("d.yaml", object("labels: {park: \"yes\", app: old}, annotations: {a: b}")),
        ]
    };
    let unit = "[Container]\nImage=quay.io/acme/web:1\n";
    let compose = "services:\n  w: {image: \"nginx:1@\"}\n  r: {image: \"redis:7\", deploy: {replicas: 0}}\n  p: {image: \"redis:6\", profiles: [x]}\n";
    let task = |rest: &str| {
        leaked(format!("- hosts: all\n  tasks:\n  - docker_container: {{name: e, image: \"redis:7\"{rest}\n"))
    };
    let when = task("}\n    when: export_on | default(false) | bool");
    let stack = |other: &str| {
        leaked(format!(
            "Conditions: {{Dbg: !Equals [a, {other}]}}\nResources: {{T: {{Type: \"AWS::ECS::TaskDefinition\", Condition: Dbg, Properties: {{ContainerDefinitions: \
             [{{Name: a, Image: \"acme/web:1\"}}]}}}}}}\n"
        ))
    };
    let bitbucket = |more: &str| {
        leaked(format!(
            "image: \"node:20@\"\ndefinitions:\n  steps:\n  - step: &old {{image: \"golang:1.22\", script: [make]}}\npipelines:\n  default:\n  - step: {{script: [make]}}\n{more}"
        ))
    };
    let apps = |value: &str| {
        leaked(format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: s}}\nspec:\n  generators: [{{list: {{elements: [{{env: prod, on: \"{value}\"}}]}}}}]\n  \
             template: {{metadata: {{name: x}}, spec: {{source: {{path: h, helm: {{parameters: [{{name: on, value: \"{{{{on}}}}\"}}]}}}}}}}}\n"
        ))
    };
    let switched = |apps: &'static str| -> Files {
        vec![
            ("s.yaml", apps),
            ("h/Chart.yaml", "apiVersion: v2\nname: h\nversion: 1.0.0\n"),
            ("h/values.yaml", "on: false\n"),
            ("h/templates/p.yaml", leaked(format!("{{{{- if .Values.on }}}}\n{pod}{{{{- end }}}}\n"))),
        ]
    };
    let workflow = |value: &str| {
        leaked(format!(
            "on: push\nenv: {{E2E: '{value}'}}\njobs:\n  a:\n    runs-on: x\n    steps:\n    - if: env.E2E == 'true'\n      run: docker run acme/e2e:1\n"
        ))
    };
    let gitlab = |rest: &str| leaked(format!("e2e:\n  image: cypress/base:20\n  script: [a]\n{rest}"));
    refused(vec![
        (
            "a condition of helmfile",
            with(&[("helmfile.yaml", helmfile("condition: dbg.on")), ("env.yaml", "dbg: {on: false}\n")]),
            vec![("env.yaml", "dbg: {on: true}\n")],
            found,
        ),
        (
            "what a helmfile installs by a value",
            with(&[
                ("helmfile.yaml.gotmpl", helmfile("installed: {{ .Values.dbg }}")),
                ("env.yaml", "dbg: false\n"),
            ]),
            vec![("env.yaml", "dbg: true\n")],
            found,
        ),
        (
            "what a helmfile installs always",
            with(&[("helmfile.yaml", helmfile("installed: {{ false }}"))]),
            vec![("helmfile.yaml", helmfile("namespace: d"))],
            found,
        ),
        (
            "what only a helmfile named that another one takes",
            with(&[
                ("helmfile.yaml", "helmfiles: []\n"),
                ("old/helmfile.yaml", "releases: [{name: d, chart: ../c}]\n"),
            ]),
            vec![("helmfile.yaml", "helmfiles: [old/helmfile.yaml]\n")],
            found,
        ),
        (
            "a label",
            picked("labelSelector: \"park=yes\""),
            vec![("d.yaml", object("labels: {app: old}, annotations: {a: b}"))],
            "d.yaml floating-tag",
        ),
        (
            "another label",
            picked("labelSelector: \"park in (yes, no), app\""),
            vec![("d.yaml", object("labels: {park: maybe, app: old}, annotations: {a: b}"))],
            "d.yaml floating-tag",
        ),
        (
            "an annotation",
            picked("annotationSelector: a=b"),
            vec![("d.yaml", object("labels: {park: \"yes\"}"))],
            "d.yaml floating-tag",
        ),
        (
            "a unit that is started",
            vec![("w.container", unit)],
            vec![("w.container", leaked(format!("{unit}\n[Install]\nWantedBy=default.target\n")))],
            "w.container floating-tag",
        ),
        (
            "a unit that another one asks for",
            vec![("w.container", unit), ("a.target", "[Unit]\n")],
            vec![("a.target", "[Unit]\nWants=w.service\n")],
            "w.container floating-tag",
        ),
        (
            "what adds to a unit",
            vec![("w.container", unit)],
            vec![("w.container.d/a.conf", "[Install]\nWantedBy=default.target\n")],
            "w.container floating-tag",
        ),
        (
            "what an override takes away",
            vec![("compose.yaml", compose)],
            vec![("compose.override.yaml", "services:\n  r:\n    deploy: !reset null\n")],
            "compose.yaml floating-tag",
        ),
        (
            "a profile that an override adds",
            vec![("compose.yaml", compose), (".env", "COMPOSE_PROFILES=dev\n")],
            vec![("compose.override.yaml", "services:\n  p:\n    profiles: [dev]\n")],
            "compose.yaml floating-tag",
        ),
        (
            "a task under a variable",
            vec![("site.yml", when), ("group_vars/all.yml", "export_on: false\n")],
            vec![("group_vars/all.yml", "export_on: true\n")],
            "site.yml floating-tag",
        ),
        (
            "a state that is a variable",
            vec![
                ("site.yml", task(", state: \"{{ export_state }}\"}")),
                ("group_vars/all.yml", "export_state: absent\n"),
            ],
            vec![("group_vars/all.yml", "export_state: started\n")],
            "site.yml floating-tag",
        ),
        (
            "a condition of a stack",
            vec![("s.yaml", stack("b"))],
            vec![("s.yaml", stack("a"))],
            "s.yaml floating-tag",
        ),
        (
            "a step that an alias takes",
            vec![("bitbucket-pipelines.yml", bitbucket(""))],
            vec![("bitbucket-pipelines.yml", bitbucket("  - step: *old\n"))],
            "bitbucket-pipelines.yml floating-tag",
        ),
        (
            "an element of a generator",
            switched(apps("false")),
            vec![("s.yaml", apps("true"))],
            "h/templates/p.yaml floating-tag",
        ),
        (
            "a step under a variable",
            vec![(".github/workflows/a.yaml", workflow("false"))],
            vec![(".github/workflows/a.yaml", workflow("true"))],
            ".github/workflows/a.yaml looks-away",
        ),
        (
            "a job for neither branches nor tags",
            vec![(".gitlab-ci.yml", gitlab("  except: [tags, branches]\n"))],
            vec![(".gitlab-ci.yml", gitlab(""))],
            ".gitlab-ci.yml floating-tag",
        ),
        (
            "what a set of files of Terraform takes",
            vec![
                (
                    "main.tf",
                    "resource \"kubernetes_manifest\" \"a\" {\n  for_each = fileset(path.module, \"live/*.yaml\")\n}\n",
                ),
                ("live/w.yaml", "a: b\n"),
                ("attic/d.yaml", pod),
            ],
            vec![("attic/d.yaml", ""), ("live/d.yaml", pod)],
            "live/d.yaml floating-tag",
        ),
    ]);
    let plain = |values: &'static str| -> Files {
        let template = leaked(format!("{{{{- if .Values.old.enabled }}}}\n{pod}{{{{- end }}}}\n"));
        let chart = "apiVersion: v2\nname: h\nversion: 1.0.0\n";
        vec![("h/Chart.yaml", chart), ("h/values.yaml", values), ("h/templates/p.yaml", template)]
    };
    let deployment = |replicas: usize, image: &str| {
        leaked(format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app}}\nspec: {{replicas: {replicas}, template: {{spec: {{containers: [{{name: a, image: \
             \"{image}\"}}]}}}}}}\n"
        ))
    };
    let called =
        |count: &str| leaked(format!("module \"m\" {{\n  source = \"./m\"\n  count  = {count}\n}}\n"));
    let flag = |value: &str| leaked(format!("variable \"on\" {{\n  default = {value}\n}}\n"));
    let set = "helm upgrade --install h h --set old.enabled=true\n";
    let found = "h/templates/p.yaml floating-tag";
    let rules = gitlab("  rules: [{if: $RUN_OLD}]\n");
    refused(vec![
        (
            "what a script sets",
            [plain("old: {enabled: false}\n").as_slice(), &[("deploy.sh", "helm upgrade --install h h\n")]]
                .concat(),
            vec![("deploy.sh", set)],
            found,
        ),
        (
            "in one environment, though it runs in another",
            vec![("dev/a.yaml", deployment(0, "redis:7")), ("prod/a.yaml", deployment(2, "redis:7@"))],
            vec![("dev/a.yaml", deployment(1, "redis:7"))],
            "dev/a.yaml floating-tag",
        ),
        (
            "a module that is called",
            vec![
                ("main.tf", called("var.on ? 1 : 0")),
                ("v.tf", flag("false")),
                ("m/main.tf", container("restart = \"no\"")),
            ],
            vec![("v.tf", flag("true"))],
            "m/main.tf floating-tag",
        ),
        (
            "a job for a variable that is set",
            vec![(".gitlab-ci.yml", rules)],
            vec![(".gitlab-ci.yml", leaked(format!("variables: {{RUN_OLD: \"1\"}}\n{rules}")))],
            ".gitlab-ci.yml floating-tag",
        ),
    ]);
    let off = "module \"m\" {\n  source = \"./m\"\n  on     = false\n}\n";
    left_alone(vec![
        (
            "a value of another chart",
            plain("old: {enabled: false}\n"),
            vec![
                ("x/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n"),
                ("x/values.yaml", "old: {enabled: true}\n"),
            ],
        ),
        (
            "another environment, with a digest",
            vec![("dev/a.yaml", deployment(0, "redis:7"))],
            vec![("prod/a.yaml", deployment(2, "redis:7@"))],
        ),
        (
            "an expression that is formatted",
            vec![("main.tf", container("count=var.on?1:0")), ("v.tf", flag("false"))],
            vec![("main.tf", container("count = var.on ? 1 : 0"))],
        ),
        (
            "a unit that another one comes after",
            vec![("w.container", unit), ("a.target", "[Unit]\n")],
            vec![("a.target", "[Unit]\nAfter=w.service\n")],
        ),
        (
            "a variable of who calls others",
            vec![
                ("main.tf", off),
                ("m/main.tf", container("count = var.on ? 1 : 0")),
                ("m/v.tf", flag("false")),
            ],
            vec![("prod.tfvars", "on = true\n")],
        ),
    ]);
    left_alone(vec![
        (
            "another value of helmfile",
            with(&[
                ("helmfile.yaml", helmfile("condition: dbg.on")),
                ("env.yaml", "dbg: {on: false}\nother: {on: false}\n"),
            ]),
            vec![("env.yaml", "dbg: {on: false}\nother: {on: true}\n")],
        ),
        (
            "a label more",
            picked("labelSelector: park=no"),
            vec![("d.yaml", object("labels: {park: \"no\", app: old}"))],
        ),
        (
            "a label that nobody asks for",
            picked("labelSelector: park=yes"),
            vec![("d.yaml", object("labels: {park: \"yes\"}, annotations: {a: b}"))],
        ),
        (
            "a unit that another one asked for",
            vec![("w.container", unit), ("a.target", "[Unit]\nWants=w.service\n")],
            vec![("a.target", "[Unit]\nDescription=a\nWants=w.service\n")],
        ),
        (
            "a profile that nobody names",
            vec![("compose.yaml", compose), (".env", "COMPOSE_PROFILES=dev\n")],
            vec![("compose.override.yaml", "services:\n  p:\n    profiles: [other]\n")],
        ),
        (
            "another variable",
            vec![("site.yml", when), ("group_vars/all.yml", "export_on: false\nother_on: false\n")],
            vec![("group_vars/all.yml", "export_on: false\nother_on: true\n")],
        ),
    ]);
}
