//! What pipelines, playbooks and scripts take in by a name: jobs, executors, containers, handlers, files with variables. As rows of
//! [`super::led_to`].

use super::begun::{WORKFLOW, leaked, steps};
use super::led_to::{Files, left_alone, refused};

const CIRCLE: &str = ".circleci/config.yml";

/// A pipeline of CircleCI with a job that runs by `executor`, and a workflow of these `jobs`.
fn circle(executor: &str, jobs: &str) -> Files {
    let text = format!(
        "version: 2.1\nexecutors:\n  old: {{docker: [{{image: \"cimg/base:1\"}}]}}\n  pinned: {{docker: [{{image: \"cimg/base:1@\"}}]}}\njobs:\n  build: {{executor: {executor}, steps: [checkout]}}\n  later: {{docker: [{{image: \"cimg/go:1\"}}], steps: [checkout]}}\n  also: {{docker: [{{image: \"cimg/go:1@\"}}], steps: [checkout]}}\nworkflows: {{w: {{jobs: [{jobs}]}}}}\n"
    );
    vec![(CIRCLE, leaked(text))]
}

#[test]
fn jobs_executors_and_containers_that_are_named_count() {
    let before = || circle("pinned", "build");
    for after in [
        circle("old", "build"),
        circle("{name: old}", "build"),
        circle("pinned", "build, later"),
        circle("pinned", "build, later: {requires: [build]}"),
    ] {
        refused(vec![(after[0].1, before(), after.clone(), ".circleci/config.yml looks-away")]);
    }
    for after in [
        circle("{name: pinned}", "build"),
        circle("pinned", "build, also"),
        circle("pinned", "build: {context: prod}"),
    ] {
        left_alone(vec![(after[0].1, before(), after)]);
    }
    let azure = |job: &str| {
        let text = format!(
            "resources: {{containers: [{{container: old, image: \"redis:7\"}}, {{container: good, image: \"redis:7@\"}}]}}\njobs:\n- job: a\n  {job}\n"
        );
        vec![("azure-pipelines.yml", leaked(text))]
    };
    let (plain, old) = (azure("steps: [{script: make}]"), azure("container: old"));
    refused(vec![("a container", plain.clone(), old, "azure-pipelines.yml looks-away")]);
    left_alone(vec![("a container that is pinned", plain, azure("container: good"))]);
    let play = |notify: &str| {
        let text = format!(
            "- hosts: all\n  tasks: [{{copy: {{src: a, dest: /a}}{notify}}}]\n  handlers:\n  - {{name: run old, community.docker.docker_container: {{name: o, image: \"redis:7\"}}}}\n  - {{name: say so, debug: {{msg: a}}}}\n"
        );
        vec![("p.yml", leaked(text))]
    };
    refused(vec![("a handler", play(""), play(", notify: run old"), "p.yml looks-away")]);
    left_alone(vec![("a handler that runs nothing", play(""), play(", notify: say so"))]);
}

#[test]
fn files_with_variables_that_scripts_take_in_count() {
    let variables =
        || vec![("s/a.env", "T=1@\n"), ("s/b.env", "T=1\n"), ("s/c.env", "# The same.\nT=1@\nU=2\n")];
    for (path, text) in [
        ("s/deploy.sh", "#!/bin/sh\n. ./a.env\ndocker run acme/web:$T\n"),
        ("s/deploy.sh", "#!/bin/sh\nset -eu\nsource a.env\nif true; then docker run acme/web:$T; fi\n"),
        ("s/Makefile", "include a.env\ndeploy:\n\tdocker run acme/web:$(T)\n"),
    ] {
        let before = || [variables(), vec![(path, text)]].concat();
        let with = |name: &str| vec![(path, leaked(text.replace("a.env", name)))];
        refused(vec![(text, before(), with("b.env"), leaked(format!("{path} looks-away")))]);
        left_alone(vec![(text, before(), with("c.env"))]);
    }
    let module = "variable \"t\" {}\nresource \"docker_image\" \"w\" {\n  name = \"acme/web:${var.t}\"\n}\n";
    for run in [
        "terraform -chdir=tf apply -var-file=a.tfvars",
        "cd tf && terraform apply -auto-approve -var-file=a.tfvars",
        "cd tf && terraform init && terraform apply -var-file a.tfvars",
    ] {
        let step = |run: &str| (WORKFLOW, steps(&format!("[{{run: {run}}}]")));
        let files = vec![
            ("tf/m.tf", module),
            ("tf/a.tfvars", "t = \"1@\"\n"),
            ("tf/b.tfvars", "t = \"1\"\n"),
            ("tf/c.tfvars", "t = \"1@\"\nu = 1\n"),
            step(run),
        ];
        let with = |name| vec![step(&run.replace("a.tfvars", name))];
        refused(vec![(run, files.clone(), with("b.tfvars"), ".github/workflows/d.yml looks-away")]);
        left_alone(vec![(run, files, with("c.tfvars"))]);
    }
}
