//! An image that had its digest where it runs, and has it in a variable of the same file since.

use super::led_to::{left_alone, refused};

const PIPELINE: &str = ".gitlab-ci.yml";
const WORKFLOW: &str = ".github/workflows/a.yaml";
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
