//! What steps of pipelines, tasks of Ansible, sections of a tool's settings and objects of deployers are given, and what modules and
//! included files get for their variables. As rows of [`super::led_to`].

use super::begun::{OLD, WORKFLOW, leaked, steps};
use super::led_to::{Files, left_alone, refused};

const COMPOSE: &str = "services: {o: {image: \"nginx:1.27\"}}\n";
pub(super) const FOUND: &str = "looks-away";

/// A tree with what nobody deploys.
fn base(path: &'static str, text: &'static str) -> Files {
    vec![(path, text), ("k/old/d.yaml", OLD), ("old/compose.yaml", COMPOSE), ("docs/a.md", "# a\n")]
}

pub(super) fn is_refused(path: &'static str, before: &'static str, after: &[&'static str]) {
    for text in after {
        refused(vec![(text, base(path, before), vec![(path, text)], leaked(format!("{path} {FOUND}")))]);
    }
}

pub(super) fn is_left_alone(path: &'static str, before: &'static str, after: &[&'static str]) {
    for text in after {
        left_alone(vec![(text, base(path, before), vec![(path, text)])]);
    }
}

#[test]
fn what_a_step_gives_a_deployer_runs_since_then() {
    const SHA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let uses = |action: &str, with: &str| steps(&format!("[{{uses: {action}{SHA}, with: {{{with}}}}}]"));
    is_refused(
        WORKFLOW,
        steps("[{run: make}]"),
        &[
            uses("Azure/k8s-deploy@", "manifests: k/old"),
            uses("azure/k8s-deploy@", "manifests: \"${{ github.workspace }}/k/old\""),
            uses("actions-hub/kubectl@", "args: apply -f k/old/d.yaml"),
            uses("acme/helm-deploy@", "chart-path: k/old"),
            uses("azure/k8s-bake@", "overrides: \"image.tag:1.28\""),
        ],
    );
    is_left_alone(
        WORKFLOW,
        steps("[{run: make}]"),
        &[
            uses("acme/kubernetes-lint@", "manifests: k/old"),
            uses("actions-hub/kubectl@", "args: diff -f k/old/d.yaml"),
            uses("azure/k8s-deploy@", "manifests: docs"),
            uses("actions/upload-artifact@", "path: k/old"),
        ],
    );
    is_refused(
        "azure-pipelines.yml",
        "steps:\n- script: make\n",
        &[
            "steps:\n- task: KubernetesManifest@1\n  inputs: {action: deploy, manifests: k/old}\n",
            "steps:\n- task: KubernetesManifest@1\n  inputs:\n    manifests: |\n      $(Build.SourcesDirectory)/k/old/*.yaml\n",
            "steps:\n- task: Kubernetes@1\n  inputs: {command: apply, arguments: -f k/old}\n",
            "steps:\n- task: HelmDeploy@0\n  inputs: {command: upgrade, overrideValues: image=nginx}\n",
            "steps:\n- task: AzureWebAppContainer@1\n  inputs: {containers: acme.azurecr.io/web}\n",
        ],
    );
    is_left_alone(
        "azure-pipelines.yml",
        "steps:\n- script: make\n",
        &["steps:\n- task: Kubernetes@1\n  inputs: {command: diff, arguments: -f k/old}\n"],
    );
    let step = |words: &str| {
        leaked(format!("steps:\n- name: gcr.io/cloud-builders/{words}\n").replace("BUILDER", "kubectl@"))
    };
    refused(
        ["BUILDER\n  args: [apply, -f, k/old]", "gke-deploy@\n  args: [run, --filename=k/old]"]
            .map(|words| {
                let before = base("cloudbuild.yaml", step("BUILDER\n  args: [version]"));
                (words, before, vec![("cloudbuild.yaml", step(words))], "cloudbuild.yaml looks-away")
            })
            .into(),
    );
}

#[test]
fn what_a_task_or_a_section_gives_a_deployer_runs_since_then() {
    is_refused(
        "site.yml",
        "- hosts: all\n  tasks: []\n",
        &[
            "- hosts: all\n  tasks:\n  - community.docker.docker_compose_v2: {project_src: old}\n",
            "- hosts: all\n  tasks:\n  - community.docker.docker_compose_v2: {project_src: \"{{ playbook_dir }}/old\"}\n",
            "- hosts: all\n  tasks:\n  - kubernetes.core.k8s: {definition: \"{{ lookup('file', 'k/old/d.yaml') | from_yaml }}\"}\n",
            "- hosts: all\n  tasks:\n  - kubernetes.core.k8s: {definition: \"{{ lookup('kubernetes.core.kustomize', dir='k/old') }}\"}\n",
            "- hosts: all\n  tasks:\n  - docker_container: name=web image=nginx state=started\n",
            "- hosts: all\n  tasks:\n  - kubernetes.core.helm: {name: w, chart_ref: a/b, set_values: [{value: image.digest=}]}\n",
        ],
    );
    is_refused(
        "devspace.yaml",
        "version: v2beta1\nname: x\n",
        &["version: v2beta1\nname: x\ndeployments: {o: {kubectl: {manifests: [k/old]}}}\n"],
    );
    is_refused(
        "skaffold.yaml",
        "apiVersion: skaffold/v4beta11\nkind: Config\n",
        &[
            "apiVersion: skaffold/v4beta11\nkind: Config\nmanifests: {helm: {releases: [{name: w, chartPath: c, setValues: {image.digest: \"\"}}]}}\n",
        ],
    );
    is_refused(
        "Tiltfile",
        "print('a')\n",
        &["k8s_yaml(['k/old/d.yaml'])\n", "k8s_yaml(kustomize(\"k/old\"))\n"],
    );
    is_refused(
        "Jenkinsfile",
        "pipeline { agent any }\n",
        &["pipeline { agent { kubernetes { yamlFile 'k/old/d.yaml' } } }\n"],
    );
    is_refused(
        ".devcontainer/devcontainer.json",
        "{\"dockerComposeFile\": \"../old/compose.yaml\", \"service\": \"a\"}\n",
        &["{\"dockerComposeFile\": \"../old/compose.yaml\", \"service\": \"a\", \"runServices\": [\"o\"]}\n"],
    );
}

#[test]
fn what_an_object_has_a_deployer_deploy_runs_since_then() {
    for object in [
        "apiVersion: configsync.gke.io/v1beta1\nkind: RootSync\nmetadata: {name: o}\nspec: {git: {repo: a, dir: k/old}}\n",
        "apiVersion: kappctrl.k14s.io/v1alpha1\nkind: App\nmetadata: {name: o}\nspec: {fetch: [{git: {url: a, subPath: k/old}}]}\n",
        "apiVersion: apps.open-cluster-management.io/v1\nkind: Subscription\nmetadata:\n  name: o\n  annotations: {apps.open-cluster-management.io/git-path: k/old}\nspec: {channel: a/b}\n",
        "apiVersion: gitops.kluctl.io/v1beta1\nkind: KluctlDeployment\nmetadata: {name: o}\nspec: {source: {git: {url: a, path: k/old}}}\n",
        "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux}\nspec: {sync: {kind: GitRepository, url: a, path: k/old}}\n",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: o}\nspec: {sourceHydrator: {drySource: {repoURL: a, path: k/old}}}\n",
    ] {
        refused(vec![(
            object,
            base("a.yaml", "a: b\n"),
            vec![("o.yaml", object)],
            "k/old/d.yaml floating-tag",
        )]);
        left_alone(vec![(
            object,
            base("a.yaml", "a: b\n"),
            vec![("o.yaml", leaked(object.replace("k/old", "docs")))],
        )]);
    }
}

const MODULE: &str = "variable \"tag\" {\n  default = \"1.27@\"\n}\nresource \"docker_container\" \"w\" {\n  image = \"nginx:${var.tag}\"\n}\n";

#[test]
fn what_a_module_or_an_included_file_is_given_counts_more_than_its_default() {
    let module = |text| vec![("main.tf", MODULE), (WORKFLOW, text), ("dev.tfvars", "tag = \"1.28\"\n")];
    let run = steps("[{run: terraform apply}]");
    for after in [
        "[{run: terraform apply, env: {TF_VAR_tag: \"1.28\"}}]",
        "[{run: \"export TF_VAR_tag=1.28; terraform apply\"}]",
        "[{run: terraform apply, env: {TF_CLI_ARGS_apply: -var-file=dev.tfvars}}]",
        "[{run: terraform apply -var-file=dev.tfvars}]",
    ] {
        refused(vec![(
            after,
            module(run),
            vec![(WORKFLOW, steps(after))],
            ".github/workflows/d.yml looks-away",
        )]);
    }
    left_alone(vec![(
        "another variable",
        module(run),
        vec![(WORKFLOW, steps("[{run: terraform apply, env: {TF_VAR_region: \"eu-1\"}}]"))],
    )]);
    let template = "spec:\n  inputs:\n    img: {default: \"node:20@\"}\n    tag:\n      default: \"20@\"\n---\na: {image: \"$[[ inputs.img ]]\", script: [x]}\nb: {image: \"node:$[[ inputs.tag ]]\", script: [x]}\n";
    let pipeline = |rest: &str| leaked(format!("include: [{{local: ci/t.yml{rest}}}]\n"));
    for inputs in [", inputs: {img: node}", ", inputs: {tag: \"22\"}"] {
        refused(vec![(
            inputs,
            vec![(".gitlab-ci.yml", pipeline("")), ("ci/t.yml", template)],
            vec![(".gitlab-ci.yml", pipeline(inputs))],
            ".gitlab-ci.yml looks-away",
        )]);
    }
    let action = "inputs:\n  v: {default: \"20@\"}\nruns:\n  using: composite\n  steps: [{run: \"docker run node:${{ inputs.v }}\", shell: bash}]\n";
    refused(vec![(
        "an action of the repository",
        vec![(WORKFLOW, steps("[{uses: ./a}]")), ("a/action.yml", action)],
        vec![(WORKFLOW, steps("[{uses: ./a, with: {v: \"22\"}}]"))],
        ".github/workflows/d.yml looks-away",
    )]);
    left_alone(vec![(
        "another input",
        vec![(WORKFLOW, steps("[{uses: ./a}]")), ("a/action.yml", action)],
        vec![(WORKFLOW, steps("[{uses: ./a, with: {level: \"22\"}}]"))],
    )]);
}

#[test]
fn what_was_said_before_a_command_counts_for_it() {
    let gitlab = |file: &str| {
        leaked(format!(
            "d:\n  image: alpine/helm:3@\n  script:\n  - cd charts/w\n  - helm upgrade w .{file}\n"
        ))
    };
    let chart = || {
        vec![
            ("charts/w/Chart.yaml", "apiVersion: v2\nname: w\nversion: 1.0.0\n"),
            ("charts/w/values.yaml", "image: nginx:1@\n"),
            ("charts/w/dev.yaml", "image: nginx:1.28\n"),
            (
                "charts/w/templates/d.yaml",
                "kind: Pod\nspec: {containers: [{image: \"{{ .Values.image }}\"}]}\n",
            ),
            (".gitlab-ci.yml", gitlab("")),
        ]
    };
    refused(vec![(
        "a directory that the line before goes to",
        chart(),
        vec![(".gitlab-ci.yml", gitlab(" -f dev.yaml"))],
        ".gitlab-ci.yml looks-away",
    )]);
    let compose = |file: &str| steps(&format!("[{{run: docker compose{file} up -d, working-directory: s}}]"));
    refused(vec![(
        "variables in the directory of the step",
        vec![
            ("s/compose.yaml", "services: {w: {image: \"nginx:${TAG:-1@}\"}}\n"),
            ("s/dev.env", "TAG=1.28\n"),
            (WORKFLOW, compose("")),
        ],
        vec![(WORKFLOW, compose(" --env-file dev.env"))],
        ".github/workflows/d.yml looks-away",
    )]);
    is_refused(
        WORKFLOW,
        steps("[{run: make}]"),
        &[steps("[{run: 'echo \"IMG=nginx\" >> \"$GITHUB_ENV\"'}, {run: 'docker run --rm \"$IMG\"'}]")],
    );
    is_left_alone(
        WORKFLOW,
        steps("[{run: make}]"),
        &[steps("[{run: 'echo \"IMG=my-app\" >> \"$GITHUB_ENV\"'}, {run: 'docker run --rm \"$IMG\"'}]")],
    );
}

#[test]
fn what_a_chart_or_a_helmfile_takes_along_runs_since_then() {
    const CHART: &str = "apiVersion: v2\nname: dbg\nversion: 1.0.0\n";
    let base = |path: &'static str, text: &'static str| {
        vec![
            (path, text),
            ("old/dbg/Chart.yaml", CHART),
            ("old/dbg/templates/d.yaml", OLD),
            (
                "old/helmfile.yaml",
                "releases: [{name: o, chart: a/b, values: [{image: {repository: nginx, tag: \"1.27\"}}]}]\n",
            ),
        ]
    };
    refused(vec![
        (
            "a chart that lies elsewhere",
            base("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            vec![(
                "c/Chart.yaml",
                "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n- {name: dbg, version: 1.0.0, repository: file://../old/dbg}\n",
            )],
            "c/Chart.yaml looks-away",
        ),
        (
            "another helmfile",
            base("helmfile.yaml", "helmfiles: []\nreleases: []\n"),
            vec![("helmfile.yaml", "helmfiles: [old/helmfile.yaml]\nreleases: []\n")],
            "old/helmfile.yaml floating-tag",
        ),
    ]);
}

#[test]
fn who_does_not_change_what_runs_is_left_alone() {
    let jobs = |more: &str| {
        leaked(format!(".n: {{image: \"node:22\"}}\na: {{extends: .n, script: [make]}}\n{more}"))
    };
    left_alone(vec![
        (
            "another job of a template that jobs have",
            vec![(".gitlab-ci.yml", jobs(""))],
            vec![(".gitlab-ci.yml", jobs("b: {extends: .n, script: [x]}\n"))],
        ),
        (
            "a template that was written in the job",
            vec![(".gitlab-ci.yml", "a: {image: \"node:22\", script: [make]}\n")],
            vec![(".gitlab-ci.yml", jobs(""))],
        ),
        (
            "a form for people",
            vec![("a.yaml", "a: b\n")],
            vec![(
                ".github/ISSUE_TEMPLATE/bug.yml",
                "name: Bug\nbody:\n- {type: input, attributes: {label: Image, placeholder: \"ghcr.io/acme/web:1.2.3\"}}\n",
            )],
        ),
    ]);
    refused(vec![(
        "a template that no job had",
        vec![(".gitlab-ci.yml", ".n: {image: \"node:22\"}\n")],
        vec![(".gitlab-ci.yml", jobs(""))],
        ".gitlab-ci.yml looks-away",
    )]);
    let renamed = ".o: {image: \"node:22\"}\n";
    refused(vec![(
        "a template that no job had, with another name",
        vec![(".gitlab-ci.yml", renamed)],
        vec![(".gitlab-ci.yml", jobs(""))],
        ".gitlab-ci.yml looks-away",
    )]);
}

#[test]
fn a_digest_of_a_word_in_a_list_or_a_command_is_missed() {
    for service in [
        "environment: [WORKER=acme/worker@]",
        "command: --runner acme/worker@",
        "labels: [\"ofelia.job-run.a.image=acme/worker@\"]",
    ] {
        let text = |service: &str| leaked(format!("services:\n  w:\n    image: nginx:1@\n    {service}\n"));
        refused(vec![(
            service,
            vec![("compose.yaml", text(service))],
            vec![("compose.yaml", text(&service.replace('@', "")))],
            "compose.yaml looks-away",
        )]);
    }
}

#[test]
fn directories_that_variables_name_are_followed() {
    let base = |text| vec![(WORKFLOW, text), ("o/prod/d.yaml", "a: b\n"), ("o/dev/d.yaml", OLD)];
    let matrix = |env: &str| {
        leaked(format!(
            "on: push\njobs: {{d: {{runs-on: x, strategy: {{matrix: {{env: [{env}]}}}}, steps: [{{run: \"kubectl apply -f o/${{{{ matrix.env }}}}\"}}]}}}}\n"
        ))
    };
    let variable = |env: &str| {
        leaked(format!(
            "on: push\nenv: {{ENV: {env}}}\njobs: {{d: {{runs-on: x, steps: [{{run: \"kubectl apply -f o/$ENV\"}}]}}}}\n"
        ))
    };
    for (before, after) in [(matrix("prod"), matrix("prod, dev")), (variable("prod"), variable("dev"))] {
        refused(vec![(after, base(before), vec![(WORKFLOW, after)], ".github/workflows/d.yml looks-away")]);
    }
    left_alone(vec![("another one", base(matrix("prod")), vec![(WORKFLOW, matrix("prod, stage"))])]);
}
