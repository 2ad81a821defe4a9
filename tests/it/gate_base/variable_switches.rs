//! Switches whose value is a variable: what they are set to stands in another file, or in what stands for it where nobody says.

use super::led_to::{Files, left_alone, refused};

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn deployment(replicas: &str) -> &'static str {
    leaked(format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: r}}\nspec:\n  replicas: {replicas}\n  template: {{spec: {{containers: [{{name: r, image: \
         \"redis:7\"}}]}}}}\n"
    ))
}

fn flux(build: &str) -> &'static str {
    leaked(format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: a}}\nspec: {{path: ./apps, postBuild: {{{build}}}}}\n"
    ))
}

fn data(value: &str) -> &'static str {
    leaked(format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: vars}}\ndata: {{n: \"{value}\"}}\n"))
}

const APP: &str = "apps/r.yaml";
const FOUND: &str = "apps/r.yaml floating-tag";

#[test]
fn what_a_variable_of_flux_lets_run_is_new() {
    let here =
        |rest: &[(&'static str, &'static str)]| -> Files { [&[(APP, deployment("${n}"))], rest].concat() };
    let from = "substituteFrom: [{kind: ConfigMap, name: vars}]";
    let job = |suspend: &str| {
        leaked(format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: r}}\nspec:\n  suspend: {suspend}\n  jobTemplate: {{spec: {{template: {{spec: {{containers: \
             [{{name: r, image: \"redis:7\"}}]}}}}}}}}\n"
        ))
    };
    refused(vec![
        (
            "a count",
            here(&[("k.yaml", flux("substitute: {n: \"0\"}"))]),
            vec![("k.yaml", flux("substitute: {n: \"1\"}"))],
            FOUND,
        ),
        (
            "in an object",
            here(&[("k.yaml", flux(from)), ("v.yaml", data("0"))]),
            vec![("v.yaml", data("2"))],
            FOUND,
        ),
        (
            "of a generator",
            here(&[
                ("k.yaml", flux(from)),
                ("kustomization.yaml", "configMapGenerator: [{name: vars, literals: [n=0]}]\n"),
            ]),
            vec![("kustomization.yaml", "configMapGenerator: [{name: vars, literals: [n=1]}]\n")],
            FOUND,
        ),
        (
            "a pause",
            vec![(APP, job("${off}")), ("k.yaml", flux("substitute: {off: \"true\"}"))],
            vec![("k.yaml", flux("substitute: {off: \"false\"}"))],
            FOUND,
        ),
        (
            "where nobody says",
            vec![(APP, deployment("${n:=0}")), ("k.yaml", flux(""))],
            vec![(APP, deployment("${n:=2}"))],
            FOUND,
        ),
        (
            "somebody who says it since then",
            vec![(APP, deployment("${n:=0}")), ("k.yaml", flux(""))],
            vec![("k.yaml", flux("substitute: {n: \"1\"}"))],
            FOUND,
        ),
        (
            "no variable since then",
            here(&[("k.yaml", flux("substitute: {n: \"0\"}"))]),
            vec![(APP, deployment("1"))],
            FOUND,
        ),
    ]);
    left_alone(vec![
        (
            "more of what runs",
            here(&[("k.yaml", flux("substitute: {n: \"1\"}"))]),
            vec![("k.yaml", flux("substitute: {n: \"3\"}"))],
        ),
        (
            "what ran where nobody said",
            vec![(APP, deployment("${n:=1}")), ("k.yaml", flux(""))],
            vec![("k.yaml", flux("substitute: {n: \"2\"}"))],
        ),
        (
            "off since then",
            here(&[("k.yaml", flux("substitute: {n: \"1\"}"))]),
            vec![("k.yaml", flux("substitute: {n: \"0\"}"))],
        ),
        (
            "another variable",
            here(&[("k.yaml", flux("substitute: {n: \"0\", m: \"0\"}"))]),
            vec![("k.yaml", flux("substitute: {n: \"0\", m: \"1\"}"))],
        ),
        (
            "the same, elsewhere",
            here(&[("k.yaml", flux("substitute: {n: \"0\"}"))]),
            vec![("k.yaml", flux(from)), ("v.yaml", data("0"))],
        ),
    ]);
}

#[test]
fn what_a_variable_of_compose_lets_run_is_new() {
    let compose = |replicas: &str| {
        leaked(format!("services:\n  r:\n    image: redis:7\n    deploy: {{replicas: \"{replicas}\"}}\n"))
    };
    let found = "compose.yaml floating-tag";
    refused(vec![
        (
            "a file of variables",
            vec![("compose.yaml", compose("${N}")), (".env", "N=0\n")],
            vec![(".env", "N=1\n")],
            found,
        ),
        (
            "where nobody says",
            vec![("compose.yaml", compose("${N:-0}"))],
            vec![("compose.yaml", compose("${N:-1}"))],
            found,
        ),
    ]);
    left_alone(vec![(
        "more of what runs",
        vec![("compose.yaml", compose("${N}")), (".env", "N=2\n")],
        vec![(".env", "N=1\n")],
    )]);
}

#[test]
fn what_a_variable_of_terraform_lets_run_is_new() {
    let module = |rest: &str| {
        leaked(format!("resource \"docker_container\" \"r\" {{\n  {rest}\n  image = \"redis:7\"\n}}\n"))
    };
    let variable = |default: &str| leaked(format!("variable \"on\" {{\n  default = {default}\n}}\n"));
    let count = "count = var.on ? 1 : 0";
    let here = |rest: &str, more: &[(&'static str, &'static str)]| -> Files {
        [&[("m/main.tf", module(rest))], more].concat()
    };
    let call = |rest: &str| leaked(format!("module \"m\" {{\n  source = \"./m\"\n  {rest}\n}}\n"));
    let other = |value: &str| leaked(format!("module \"n\" {{\n  source = \"./n\"\n  on = {value}\n}}\n"));
    let live = |value: &str| {
        leaked(format!("terraform {{\n  source = \"..//m\"\n}}\ninputs = {{\n  on = {value}\n}}\n"))
    };
    let found = "m/main.tf floating-tag";
    refused(vec![
        (
            "what stands for it",
            here(count, &[("m/variables.tf", variable("false"))]),
            vec![("m/variables.tf", variable("true"))],
            found,
        ),
        (
            "a file of variables",
            here("count = var.n", &[("m/prod.tfvars", "n = 0\n")]),
            vec![("m/prod.tfvars", "n = 1\n")],
            found,
        ),
        (
            "a new file of variables",
            here(count, &[("m/variables.tf", variable("false"))]),
            vec![("m/prod.auto.tfvars", "on = true\n")],
            found,
        ),
        (
            "who calls the module",
            here(count, &[("m/variables.tf", variable("false")), ("main.tf", call(""))]),
            vec![("main.tf", call("on = true"))],
            found,
        ),
        (
            "the other way round",
            here("count = var.on ? 0 : 1", &[("m/variables.tf", variable("true"))]),
            vec![("m/variables.tf", variable("false"))],
            found,
        ),
        (
            "for each of none",
            here("for_each = var.on ? toset([\"a\"]) : []", &[("m/variables.tf", variable("false"))]),
            vec![("m/variables.tf", variable("true"))],
            found,
        ),
        (
            "compared with a word",
            here("count = var.on == \"prod\" ? 1 : 0", &[("m/variables.tf", variable("\"dev\""))]),
            vec![("m/variables.tf", variable("\"prod\""))],
            found,
        ),
        (
            "what Terragrunt gives",
            here(count, &[("live/terragrunt.hcl", live("false"))]),
            vec![("live/terragrunt.hcl", live("true"))],
            found,
        ),
        (
            "a local value",
            here("count = local.on ? 1 : 0", &[("m/l.tf", "locals {\n  on = false\n}\n")]),
            vec![("m/l.tf", "locals {\n  on = true\n}\n")],
            found,
        ),
    ]);
    left_alone(vec![
        (
            "another module's variable",
            here(count, &[("m/variables.tf", variable("false")), ("n/variables.tf", variable("false"))]),
            vec![("n/variables.tf", variable("true"))],
        ),
        (
            "the same, said where it is declared",
            here(count, &[("m/variables.tf", "variable \"on\" {}\n"), ("m/prod.tfvars", "on = true\n")]),
            vec![("m/prod.tfvars", "# Gone.\n"), ("m/variables.tf", variable("true"))],
        ),
        (
            "who calls another module",
            here(
                count,
                &[
                    ("m/variables.tf", variable("false")),
                    ("n/main.tf", module("count = 1")),
                    ("main.tf", other("false")),
                ],
            ),
            vec![("main.tf", other("true"))],
        ),
        (
            "what ran",
            here(count, &[("m/variables.tf", variable("true"))]),
            vec![("m/prod.auto.tfvars", "on = true\n")],
        ),
    ]);
}

#[test]
fn what_a_variable_of_a_pipeline_lets_run_is_new() {
    let gitlab = |value: &str, rest: &str| {
        leaked(format!(
            "variables: {{DEBUG: \"{value}\"}}\na:\n  image: redis:7\n  script: [b]\n  rules:\n  - if: '{rest}'\n"
        ))
    };
    let stack = |count: &str| {
        leaked(format!(
            "Parameters:\n  N: {{Type: Number, Default: {count}}}\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties: {{ContainerDefinitions: \
             [{{Name: r, Image: \"redis:7\"}}]}}\n  S:\n    Type: AWS::ECS::Service\n    Properties: {{DesiredCount: !Ref N, TaskDefinition: !Ref T}}\n"
        ))
    };
    let action = |value: &str| {
        leaked(format!(
            "on: push\nenv: {{DEBUG: \"{value}\"}}\njobs:\n  a:\n    if: env.DEBUG == 'true'\n    runs-on: x\n    container: redis:7\n    steps: [{{run: echo}}]\n"
        ))
    };
    let (ci, workflow) = (".gitlab-ci.yml", ".github/workflows/a.yaml");
    let (is_true, is_not) = ("$DEBUG == \"true\"", "$DEBUG != \"false\"");
    refused(vec![
        (
            "of GitLab",
            vec![(ci, gitlab("false", is_true))],
            vec![(ci, gitlab("true", is_true))],
            ".gitlab-ci.yml floating-tag",
        ),
        (
            "of GitLab, the other way round",
            vec![(ci, gitlab("false", is_not))],
            vec![(ci, gitlab("yes", is_not))],
            ".gitlab-ci.yml floating-tag",
        ),
        (
            "of GitHub",
            vec![(workflow, action("false"))],
            vec![(workflow, action("true"))],
            ".github/workflows/a.yaml floating-tag",
        ),
        (
            "a parameter of CloudFormation",
            vec![("s.yaml", stack("0"))],
            vec![("s.yaml", stack("1"))],
            "s.yaml floating-tag",
        ),
    ]);
    let beside = |value: &str| {
        leaked(format!(
            "variables: {{DEBUG: \"{value}\"}}\na:\n  image: redis:7\n  script: [b]\n  rules: [{{if: '$DEBUG == \"true\"'}}, {{when: on_success}}]\n"
        ))
    };
    left_alone(vec![
        ("what ran", vec![(ci, gitlab("true", is_true))], vec![(ci, gitlab("false", is_true))]),
        ("what another rule lets run", vec![(ci, beside("false"))], vec![(ci, beside("true"))]),
    ]);
}
