//! An image that had its digest where it runs, and has it in a variable of the same file since; and variables that commands give
//! other values than files do.

use super::begun::{WORKFLOW, leaked, steps};
use super::led_to::{Files, left_alone, refused};

const PIPELINE: &str = ".gitlab-ci.yml";
const RUN: &str =
    "on: push\njobs:\n  a:\n    runs-on: x\n    container: \"node:20@\"\n    steps: [{run: echo}]\n";
const MATRIX: &str = "on: push\njobs:\n  a:\n    runs-on: x\n    strategy:\n      matrix:\n        image: [\"node:20@\"]\n    \
    container: ${{ matrix.image }}\n    steps: [{run: echo}]\n";
const TASK: &str = "resource \"docker_image\" \"a\" {\n  name = \"nginx:1.27@\"\n}\n";

#[test]
fn an_image_may_move_into_a_variable_with_its_digest() {
    left_alone(vec![
        (
            "a variable of a pipeline",
            vec![(PIPELINE, "a: {image: \"node:20@\", script: [b]}\n")],
            vec![(PIPELINE, "variables: {NODE: \"node:20@\"}\na: {image: $NODE, script: [b]}\n")],
        ),
        ("a matrix", vec![(WORKFLOW, RUN)], vec![(WORKFLOW, MATRIX)]),
        (
            "a local value",
            vec![("a.tf", TASK)],
            vec![(
                "a.tf",
                "locals {\n  web = \"nginx:1.27@\"\n}\nresource \"docker_image\" \"a\" {\n  name = local.web\n}\n",
            )],
        ),
        (
            "the default of a variable",
            vec![("a.tf", TASK)],
            vec![(
                "a.tf",
                "variable \"web\" {\n  default = \"nginx:1.27@\"\n}\nresource \"docker_image\" \"a\" {\n  name = var.web\n}\n",
            )],
        ),
        (
            "one that was there",
            vec![(PIPELINE, "variables: {OTHER: \"node:22@\"}\na: {image: \"node:20@\", script: [b]}\n")],
            vec![(PIPELINE, "variables: {OTHER: \"node:22@\"}\na: {image: $OTHER, script: [b]}\n")],
        ),
        (
            "two jobs with one variable",
            vec![(
                PIPELINE,
                "a: {image: \"node:20@\", script: [b]}\nc: {image: \"node:20@\", script: [b]}\n",
            )],
            vec![(
                PIPELINE,
                "variables: {NODE: \"node:20@\"}\na: {image: $NODE, script: [b]}\nc: {image: \"${NODE}\", script: [b]}\n",
            )],
        ),
    ]);
}

#[test]
fn a_variable_that_may_be_something_else_is_told() {
    let before =
        || vec![(PIPELINE, "variables: {OTHER: \"node:22@\"}\na: {image: \"node:20@\", script: [b]}\n")];
    refused(vec![
        (
            "one that the file does not have",
            before(),
            vec![(PIPELINE, "variables: {OTHER: \"node:22@\"}\na: {image: $NODE, script: [b]}\n")],
            ".gitlab-ci.yml unverifiable",
        ),
        (
            "one with two values",
            before(),
            vec![(
                PIPELINE,
                "variables: {OTHER: \"node:22@\", NODE: \"node:20@\"}\na: {image: $NODE, script: [b], variables: {NODE: web}}\n",
            )],
            ".gitlab-ci.yml unverifiable",
        ),
        (
            "one that only a comment has",
            before(),
            vec![(
                PIPELINE,
                "variables: {OTHER: \"node:22@\"}\n# NODE: \"node:20@\"\na: {image: $NODE, script: [b]}\n",
            )],
            ".gitlab-ci.yml unverifiable",
        ),
    ]);
}

/// What the environment of Compose's command says counts before its files (Docker, "Environment variables precedence").
#[test]
fn the_environment_of_a_command_counts_before_files() {
    let files = |path: &'static str, text: &'static str| -> Files {
        vec![
            (path, text),
            ("compose.yaml", "services:\n  web: {image: \"nginx:${TAG}\"}\n"),
            (".env", "TAG=1.27@\n"),
        ]
    };
    let up = || files(WORKFLOW, steps("[{run: docker compose up -d}]"));
    let told = |now: &str| vec![(WORKFLOW, leaked(steps(now).to_owned()))];
    for now in [
        "[{run: TAG=1.28 docker compose up -d}]",
        "[{run: env TAG=latest docker compose up -d}]",
        "[{run: \"export TAG=1.28\\ndocker compose up -d\"}]",
        "[{run: docker compose up -d, env: {TAG: latest}}]",
        "[{run: 'echo TAG=latest >> $GITHUB_ENV'}, {run: docker compose up -d}]",
        "[{run: 'echo \"TAG=1.28\" >> .env'}, {run: docker compose up -d}]",
    ] {
        refused(vec![(now, up(), told(now), ".github/workflows/d.yml looks-away")]);
    }
    let recipe = "up:\n\tdocker compose up -d\n";
    let unit = "[Service]\nExecStart=/usr/bin/docker compose up\n";
    refused(vec![
        (
            "a recipe",
            files("Makefile", recipe),
            vec![("Makefile", "export TAG := latest\nup:\n\tdocker compose up -d\n")],
            "Makefile looks-away",
        ),
        (
            "a unit",
            files("web.service", unit),
            vec![(
                "web.service",
                "[Service]\nEnvironment=TAG=latest\nExecStart=/usr/bin/docker compose up\n",
            )],
            "web.service looks-away",
        ),
    ]);
    for now in [
        "[{run: LOG=debug docker compose up -d}]",
        "[{run: \"TAG=1.28@ docker compose up -d\"}]",
        "[{run: docker compose up -d, env: {TAG: \"1.28@\"}}]",
    ] {
        left_alone(vec![(now, up(), told(now))]);
    }
    let service = "services:\n  web: {image: \"nginx:${TAG}\", environment: {TAG: latest}}\n";
    left_alone(vec![("what runs in a service", up(), vec![("compose.yaml", service)])]);
}

#[test]
fn variables_of_commands_become_what_they_are_given() {
    let step = |run: &str| vec![(WORKFLOW, leaked(steps(run).to_owned()))];
    for now in [
        "[{run: \"C=acme/web\\ndocker run -d $C\"}]",
        "[{run: \"D=docker; $D run -d acme/web\"}]",
        "[{run: 'docker run -d \"$RUNNER\"', env: {RUNNER: acme/web}}]",
        "[{run: \"T=live; helm upgrade w ./c --set image.tag=$T\"}]",
        "[{run: docker plugin install --grant-all-permissions acme/web}]",
        "[{run: aws cloudformation deploy --template-file c.yaml --parameter-overrides A=b Tag=live}]",
    ] {
        refused(vec![(now, step("[{run: echo}]"), step(now), ".github/workflows/d.yml looks-away")]);
    }
    for (before, now) in [
        ("[{run: echo}]", "[{run: \"C=acme/web@\\ndocker run -d $C\"}]"),
        ("[{run: echo}]", "[{run: \"C=acme/web; docker build -t $C .; docker run $C\"}]"),
        ("[{run: echo}]", "[{run: \"docker build -t $C .; docker run $C\", env: {C: acme/web}}]"),
        ("[{run: docker run -d acme/web}]", "[{run: \"C=acme/web; docker run -d $C\"}]"),
    ] {
        left_alone(vec![(now, step(before), step(now))]);
    }
}
