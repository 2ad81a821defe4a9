//! What lay there and nothing deployed, and a module of Terraform takes since the change.

use super::begun::{OLD, WORKFLOW, leaked};
use super::led_to::{Files, left_alone, refused};

const NOMAD: &str = "job \"old\" {\n  group \"g\" {\n    task \"t\" {\n      driver = \"docker\"\n      config {\n        image = \"nginx:1.27\"\n      }\n    }\n  }\n}\n";

/// The tree in which a module has nothing yet.
fn base() -> Files {
    vec![
        ("k/old/d.yaml", OLD),
        ("k/old/kustomization.yaml", "resources: [d.yaml]\n"),
        ("infra/near.yaml", OLD),
        ("jobs/old.nomad.hcl", NOMAD),
        ("infra/main.tf", "# nothing yet\n"),
    ]
}

#[test]
fn what_a_module_takes_runs_since_then() {
    for (name, module, finding) in [
        (
            "a file that is decoded",
            r#"resource "kubernetes_manifest" "o" { manifest = yamldecode(file("${path.module}/../k/old/d.yaml")) }"#,
            "infra/main.tf looks-away",
        ),
        (
            "a file beside it",
            r#"resource "kubectl_manifest" "o" { yaml_body = file("near.yaml") }"#,
            "infra/main.tf looks-away",
        ),
        (
            "a template",
            r#"resource "kubectl_manifest" "o" { yaml_body = templatefile("${path.root}/near.yaml", { a = 1 }) }"#,
            "infra/main.tf looks-away",
        ),
        ("in a local", r#"locals { o = yamldecode( file( "./near.yaml" ) ) }"#, "infra/main.tf looks-away"),
        (
            "the files of a directory",
            "resource \"kubectl_manifest\" \"o\" {\n  for_each = fileset(\"${path.module}/../k/old\", \"*.yaml\")\n  yaml_body = file(\"${path.module}/../k/old/${each.value}\")\n}",
            "infra/main.tf looks-away",
        ),
        (
            "a kustomization",
            r#"data "kustomization_build" "o" { path = "../k/old" }"#,
            "infra/main.tf looks-away",
        ),
        (
            "an overlay",
            r#"data "kustomization_overlay" "o" { resources = ["../k/old"] }"#,
            "infra/main.tf looks-away",
        ),
        (
            "a job",
            r#"resource "nomad_job" "o" { jobspec = file("${path.module}/../jobs/old.nomad.hcl") }"#,
            "infra/main.tf looks-away",
        ),
        (
            "an application of Argo CD",
            "resource \"argocd_application\" \"o\" {\n  spec {\n    source {\n      path = \"k/old\"\n    }\n  }\n}",
            "infra/main.tf looks-away",
        ),
        ("Flux", r#"resource "flux_bootstrap_git" "o" { path = "k/old" }"#, "infra/main.tf looks-away"),
    ] {
        let change = vec![("infra/main.tf", leaked(format!("{module}\n")))];
        refused(vec![(name, base(), change, finding)]);
    }
    // What there was none of is there.
    let none = "resource \"kubectl_manifest\" \"o\" {\n  count = 0\n  yaml_body = file(\"near.yaml\")\n}\n";
    let one = leaked(none.replace("count = 0", "count = 1"));
    let mut before = base();
    before.retain(|(path, _)| *path != "infra/main.tf");
    before.push(("infra/main.tf", none));
    refused(vec![("a count", before, vec![("infra/main.tf", one)], "infra/main.tf looks-away")]);
}

#[test]
fn what_a_module_took_before_or_only_looks_at_is_left_alone() {
    for (name, module) in [
        ("another directory", r#"resource "argocd_project" "o" { path = "k/old" }"#),
        ("a file that is not there", r#"locals { a = file("elsewhere.yaml") }"#),
    ] {
        left_alone(vec![(name, base(), vec![("infra/main.tf", leaked(format!("{module}\n")))])]);
    }
    let module = "resource \"kubectl_manifest\" \"o\" {\n  yaml_body = file(\"near.yaml\")\n}\n";
    let mut before = base();
    before.retain(|(path, _)| *path != "infra/main.tf");
    before.push(("infra/main.tf", module));
    let tagged = leaked(module.replace("yaml_body", "wait = true\n  yaml_body"));
    left_alone(vec![("as before", before, vec![("infra/main.tf", tagged)])]);
}

#[test]
fn files_are_seen_from_where_the_command_runs() {
    let module = "variable \"img\" { default = \"nginx:1.27@\" }\nresource \"docker_container\" \"o\" {\n  name  = \"o\"\n  image = var.img\n}\n";
    let step = |run: &str| {
        leaked(format!(
            "on: push\njobs: {{d: {{runs-on: x, steps: [{{run: {run}, working-directory: infra}}]}}}}\n"
        ))
    };
    refused(vec![(
        "the directory of a step",
        vec![
            ("infra/m.tf", module),
            ("infra/dev.tfvars", "img = \"nginx:1.28\"\n"),
            (WORKFLOW, step("terraform apply")),
        ],
        vec![(WORKFLOW, step("terraform apply -var-file=dev.tfvars"))],
        leaked(format!("{WORKFLOW} looks-away")),
    )]);
}
