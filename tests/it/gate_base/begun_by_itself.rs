//! What a step only looked at before, where its commands run, and what begins to be deployed without anybody asking for it. As rows of
//! [`super::led_to`].

use super::begun::{OLD, WORKFLOW, leaked, steps, tree};
use super::led_to::{Files, GOOD, left_alone, put, refused};
use super::looked_behind::judged;

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

#[test]
fn what_a_command_takes_beside_what_it_took_is_judged() {
    const COMPOSE: &str =
        "services:\n  web: {image: \"nginx:1.27@\"}\n  old: {image: \"nginx:1.27\", profiles: [tools]}\n";
    let base = |run: &str| {
        let mut files = tree_of(steps(&format!("[{{run: '{run}'}}]")));
        files.extend([("compose.yaml", COMPOSE), ("good/deep/old.yaml", OLD), ("cron.yaml", CRON)]);
        files
    };
    for (before, after) in [
        ("kubectl apply -f good", "kubectl apply -R -f good"),
        ("kubectl apply -f good", "kubectl apply --recursive --filename=good"),
        ("docker compose up -d", "docker compose --profile tools up -d"),
        ("docker compose up -d", "docker compose --profile=* up -d"),
        ("docker compose up -d", "COMPOSE_PROFILES=a,tools docker compose up -d"),
        ("docker compose up -d", "export COMPOSE_PROFILES=tools; docker compose up -d"),
        ("make", "kubectl create job x --from=cronjob/old"),
        ("make", "kubectl patch cronjobs.batch old --patch=a"),
        ("make", "kubectl apply --filename=old/d.yaml"),
    ] {
        let after = steps(leaked(format!("[{{run: '{after}'}}]")));
        refused(vec![(before, base(before), vec![(WORKFLOW, after)], ".github/workflows/d.yml looks-away")]);
    }
    let variable = "on: push\nenv: {COMPOSE_PROFILES: tools}\njobs: {d: {runs-on: x, steps: [{run: docker compose up -d}]}}\n";
    let up = "docker compose up -d";
    refused(vec![(up, base(up), vec![(WORKFLOW, variable)], ".github/workflows/d.yml looks-away")]);
    for (before, after) in [
        ("kubectl apply -R -f good", "kubectl apply -f good"),
        ("kubectl apply -f good -R", "kubectl apply -R -f good"),
        ("docker compose --profile tools up -d", "docker compose --profile=tools up --wait"),
        ("docker compose up -d", "docker compose --profile none up -d"),
    ] {
        let after = steps(leaked(format!("[{{run: '{after}'}}]")));
        left_alone(vec![(before, base(before), vec![(WORKFLOW, after)])]);
    }
}

const CRON: &str = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: old}\nspec: {suspend: true, schedule: '0 1 * * *', jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: \"nginx:1.27\"}]}}}}}\n";

#[test]
fn what_cannot_be_read_is_said() {
    let large = leaked("# ".to_owned() + &"x".repeat(17 << 20) + "\n");
    let recipe = leaked(format!("node {{ sh 'docker run nginx:1.27' }}\n//{large}"));
    let broken = "node { sh 'docker run nginx:1.27' }\n// \u{0}";
    refused(vec![
        (
            "a recipe",
            vec![("Jenkinsfile", "node {}\n")],
            vec![("Jenkinsfile", recipe)],
            "Jenkinsfile looks-away",
        ),
        (
            "with a NUL",
            vec![("Jenkinsfile", "node {}\n")],
            vec![("Jenkinsfile", broken)],
            "Jenkinsfile looks-away",
        ),
        (
            "what a name leads to",
            vec![(WORKFLOW, steps("[{run: make}]")), ("old.yaml", large)],
            vec![(WORKFLOW, steps("[{run: kubectl apply -f old.yaml}]"))],
            ".github/workflows/d.yml looks-away",
        ),
    ]);
    left_alone(vec![("a text", vec![("notes.txt", "x")], vec![("notes.txt", large)])]);
}

#[test]
fn what_a_letter_or_a_blank_hides_is_seen() {
    // U+212A is shorter in lower case, and Go needs no blank behind `if`.
    let compose = |replicas: usize| {
        leaked(format!(
            "services:\n  \u{212a}\u{212a}: {{deploy: {{replicas: {replicas}}}, image: \"nginx:1.27\"}}\n"
        ))
    };
    refused(vec![(
        "a letter",
        vec![("compose.yaml", compose(0))],
        vec![("compose.yaml", compose(2))],
        "compose.yaml floating-tag",
    )]);
    for open in ["if(.Values.on)", "if (.Values.on)", "if eq .Values.x \"}}\" }}{{ else if(.Values.on)"] {
        let template = leaked(format!("{{{{ {open} }}}}\n{OLD}{{{{ end }}}}\n"));
        let chart = |values| {
            vec![
                ("c/Chart.yaml", "name: c\nversion: 1.0.0\n"),
                ("c/templates/d.yaml", template),
                ("c/values.yaml", values),
            ]
        };
        let on = vec![("c/values.yaml", "x: a\non: true\n")];
        refused(vec![(open, chart("x: a\non: false\n"), on, "c/templates/d.yaml floating-tag")]);
    }
}

#[test]
fn what_another_reader_takes_otherwise_is_not_passed() {
    let compose = ("compose.yaml", "services: {a: {image: \"nginx:${TAG}\"}}\n");
    let matrix = |more: &str| {
        leaked(format!(
            "on: push\njobs: {{a: {{runs-on: x, strategy: {{matrix: {{image: [\"nginx:1.27@\"]{more}}}}}, container: \"${{{{ matrix.image }}}}\", steps: [{{run: make}}]}}}}\n"
        ))
    };
    for (name, before, after) in [
        (
            "a quote over lines",
            vec![compose, (".env", "TAG=1.27@\n")],
            vec![(".env", "TAG=1.27\nNOTE=\"\nTAG=1.27@\n\"\n")],
        ),
        (
            "a name of two lines",
            vec![("k/kustomization.yaml", "resources: [a.yaml]\n"), ("k/a.yaml", GOOD)],
            vec![("k/kustomization.yaml", "resources: [a.yaml, \"p\\n\"]\n"), ("k/p\n", OLD)],
        ),
        (
            "a field that Helm folds",
            vec![
                ("c/Chart.yaml", "name: c\nversion: 1.0.0\n"),
                ("o/Chart.yaml", "name: o\nversion: 1.0.0\n"),
                ("o/templates/d.yaml", OLD),
            ],
            vec![(
                "c/Chart.yaml",
                "name: c\nversion: 1.0.0\nDependencies: [{name: o, version: 1.0.0, repository: \"file://../o\"}]\n",
            )],
        ),
        (
            "an argument that becomes the image",
            vec![("a.container", "[Container]\nImage=nginx:1.27@\n")],
            vec![("a.container", "[Container]\nImage=nginx:1.27@\nPodmanArgs=--init redis\n")],
        ),
        (
            "a matrix that is computed",
            vec![(WORKFLOW, matrix(""))],
            vec![(WORKFLOW, matrix(", include: \"${{ fromJSON(vars.IMAGES) }}\""))],
        ),
        (
            "a function of Terraform",
            vec![
                ("main.tf", "module \"a\" {\n  source = \"./m\"\n  image = \"nginx:1.27@\"\n}\n"),
                (
                    "m/a.tf",
                    "variable \"image\" {}\nresource \"docker_container\" \"a\" {\n  name = \"a\"\n  image = var.image\n}\n",
                ),
            ],
            vec![(
                "main.tf",
                "module \"a\" {\n  source = \"./m\"\n  image = split(\"@\", \"nginx:1.27@\")[0]\n}\n",
            )],
        ),
    ] {
        let (code, findings) = judged(&put(&before), &put(&after));
        assert_ne!(code, 0, "{name}: {findings:?}");
    }
}

#[test]
fn a_module_moves_within_its_configuration() {
    let module = "module \"cron\" {\n  source = \"./m\"\n  image = \"nginx:1.27\"\n}\n";
    let web = "module \"web\" {\n  source = \"./m\"\n  image = \"nginx:1.27@\"\n}\n";
    let both = leaked(format!("{web}{module}"));
    let resource = "variable \"image\" {}\nresource \"docker_container\" \"a\" {\n  name = \"a\"\n  image = var.image\n}\n";
    let base = || vec![("i/main.tf", both), ("i/m/a.tf", resource)];
    left_alone(vec![("another file", base(), vec![("i/main.tf", web), ("i/cron.tf", module)])]);
    let other = leaked(module.replace("\"cron\"", "\"job\""));
    refused(vec![
        ("another name", base(), vec![("i/main.tf", web), ("i/cron.tf", other)], "i/cron.tf floating-tag"),
        (
            "another directory",
            base(),
            vec![("i/main.tf", web), ("j/cron.tf", module), ("j/m/a.tf", resource)],
            "j/cron.tf floating-tag",
        ),
        ("once more", base(), vec![("i/b.tf", both)], "i/b.tf floating-tag"),
    ]);
}

#[test]
fn a_kind_that_no_cluster_takes_runs_nothing() {
    let of = |version: &str, kind: &str| -> Files {
        let rest = "metadata: {name: a}\nspec: {template: {spec: {containers: [{name: a, image: \"nginx:1.27\"}]}}}\n";
        vec![("k/a.yaml", leaked(format!("apiVersion: {version}\nkind: {kind}\n{rest}")))]
    };
    for (version, kind) in [("apps/v1", "Deploymnt"), ("apps/v9", "Deployment"), ("v1", "Deployment")] {
        refused(vec![(kind, of(version, kind), of("apps/v1", "Deployment"), "k/a.yaml floating-tag")]);
    }
    for (version, kind) in
        [("extensions/v1beta1", "Deployment"), ("apps/v1", "StatefulSet"), ("batch/v1", "Job")]
    {
        left_alone(vec![(kind, of(version, kind), of("apps/v1", "Deployment"))]);
    }
}
