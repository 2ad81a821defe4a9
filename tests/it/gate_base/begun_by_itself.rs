//! What a step only looked at before, where its commands run, and what begins to be deployed without anybody asking for it. As rows of
//! [`super::led_to`].

use super::begun::{OLD, WORKFLOW, leaked, steps, tree};
use super::led_to::{Files, left_alone, refused};

#[test]
fn what_a_step_only_looked_at_and_where_it_runs_count() {
    let lint = "[{uses: a/yamllint, with: {file_or_dir: old/d.yaml}}, {run: kubectl apply -f good}]";
    let upload = "[{uses: actions/upload-artifact, with: {path: old/d.yaml}}, {run: kubectl apply -f good}]";
    for (before, after) in [
        (lint, "[{run: kubectl apply -f good}, {run: kubectl apply -f old/d.yaml}]"),
        (upload, "[{run: kubectl apply -f good}, {run: kubectl apply -f old/d.yaml}]"),
        (
            "[{run: yamllint ., working-directory: old}]",
            "[{run: kubectl apply -f ., working-directory: old}]",
        ),
        (
            "[{run: terraform plan, working-directory: old}]",
            "[{run: terraform apply, working-directory: old}]",
        ),
    ] {
        let (tree, after) = (tree_of(steps(before)), steps(after));
        refused(vec![(before, tree, vec![(WORKFLOW, after)], ".github/workflows/d.yml looks-away")]);
    }
    for (before, after) in [
        ("[{run: kubectl apply -f old/d.yaml}]", lint),
        (
            "[{run: terraform apply, working-directory: old}]",
            "[{run: terraform apply -auto-approve, working-directory: old}]",
        ),
        ("[{uses: azure/k8s-deploy, with: {manifests: old/d.yaml}}]", "[{run: kubectl apply -f old/d.yaml}]"),
    ] {
        left_alone(vec![(before, tree_of(steps(before)), vec![(WORKFLOW, steps(after))])]);
    }
}

fn tree_of(workflow: &'static str) -> Files {
    let mut files = tree("");
    files[0].1 = workflow;
    files
}

#[test]
fn what_begins_to_be_deployed_by_itself_is_judged() {
    let application = |policy: &str| {
        leaked(format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: w}}\nspec: {{source: {{repoURL: 'https://example.com/a/b', path: old}}{policy}}}\n"
        ))
    };
    let workflow = |on: &str| {
        leaked(format!(
            "on: {on}\njobs: {{a: {{runs-on: x, container: \"nginx:1.27\", steps: [{{run: make}}]}}}}\n"
        ))
    };
    let cron = |schedule: &str| {
        leaked(format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: c}}\nspec: {{schedule: '{schedule}', jobTemplate: {{spec: {{template: {{spec: {{containers: [{{name: a, image: \"nginx:1.27\"}}]}}}}}}}}}}\n"
        ))
    };
    let automated = application(", syncPolicy: {automated: {}}");
    for (name, file, before, after, finding) in [
        ("an application", "a.yaml", application(""), automated, "old/d.yaml floating-tag"),
        (
            "one that was told not to",
            "a.yaml",
            application(", syncPolicy: {automated: {enabled: false}}"),
            automated,
            "old/d.yaml floating-tag",
        ),
        (
            "a workflow that another one called",
            ".github/workflows/o.yml",
            workflow("workflow_call"),
            workflow("[workflow_call, push]"),
            ".github/workflows/o.yml floating-tag",
        ),
        ("a day that never came", "c.yaml", cron("0 0 31 2 *"), cron("0 1 * * *"), "c.yaml floating-tag"),
    ] {
        refused(vec![(name, vec![(file, before), ("old/d.yaml", OLD)], vec![(file, after)], finding)]);
        left_alone(vec![(name, vec![(file, after), ("old/d.yaml", OLD)], vec![(file, before)])]);
    }
    let with_prune = application(", syncPolicy: {automated: {prune: true}}");
    left_alone(vec![(
        "how it is synced",
        vec![("a.yaml", automated), ("old/d.yaml", OLD)],
        vec![("a.yaml", with_prune)],
    )]);
}
