//! What commands run, and what reads like an image only by what stands around it.

use super::led_to::{left_alone, refused};

const WORKFLOW: &str = ".github/workflows/d.yml";
const GOOD_DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: a, image: \"acme/web:1@\"}]}}}\n";
const OTHER: &str = "on: push\njobs: {d: {runs-on: x, steps: [{run: echo hi}]}}\n";

fn step(run: &str) -> &'static str {
    let run = run.replace('\n', "\n          ");
    let text =
        format!("on: push\njobs:\n  d:\n    runs-on: x\n    steps:\n      - run: |\n          {run}\n");
    Box::leak(text.into_boxed_str())
}

#[test]
fn what_a_command_runs_is_judged() {
    for run in [
        "sudo docker run -d --name w acme/web",
        "$CONTAINER_ENGINE run --rm -v $PWD:/w golangci/golangci-lint golangci-lint run",
        "docker run \\\n  -d -p 80:80 \\\n  acme/web:live",
        "podman pull gcr.io/web:live",
        "oc new-app acme/web --name w",
        "ssh host \"docker pull acme/web && docker restart web\"",
        "echo docker build -t acme/web:1\ndocker run acme/web:1",
        "docker build -t acme/web .\ndocker pull acme/web",
        "docker build -t acme/web .\ndocker run --pull=always acme/web",
        "gcloud run deploy w --image=gcr.io/web:live",
        "az containerapp update -n w --image acme.azurecr.io/web:live",
        "docker buildx create --driver docker-container --driver-opt image=moby/buildkit",
        "helm upgrade --install w r/w --version 1.2.3 --set image.repository=acme/web,image.tag=live",
        "helm upgrade w r/w --set-json 'image={\"repository\":\"acme/web\",\"tag\":\"live\"}'",
        "argocd app set web -p image.tag=live",
        "nomad job run -var tag=live web.nomad",
        "terraform apply -auto-approve -var image_tag=live",
        "docker --context prod run acme/web",
        "buildah from acme/web",
        "helm upgrade w r/w --set image.digest=",
        "kubectl apply -k gitlab.com/acme/k8s//prod",
        "podman kube play https://example.com/a.yaml",
    ] {
        refused(vec![(
            run,
            vec![(WORKFLOW, OTHER)],
            vec![(WORKFLOW, step(run))],
            ".github/workflows/d.yml looks-away",
        )]);
    }
    for run in [
        "docker run -d acme/web@",
        "docker build -t acme/web .\ndocker run --rm acme/web test",
        "docker compose run --rm web acme/web",
        "docker build -t acme/web:ci .\nkind load docker-image acme/web:ci\ndocker run acme/web:ci",
        "docker run -v acme/data:/data -w /src nginx@",
        "helm upgrade w r/w --set image.tag=1.27@ --set replicas=2",
        "git commit -p image.tag=live",
        "trivy image --severity HIGH ghcr.io/acme/web:1.2.3",
        "docker compose up -d && curl -fsS https://example.com/ready",
    ] {
        left_alone(vec![(run, vec![(WORKFLOW, OTHER)], vec![(WORKFLOW, step(run))])]);
    }
}

#[test]
fn what_commands_in_other_files_run_is_judged() {
    refused(vec![
        (
            "a command of a service",
            vec![("compose.yaml", "services: {w: {image: \"nginx:1.27@\"}}\n")],
            vec![(
                "compose.yaml",
                "services: {w: {image: \"nginx:1.27@\", command: [docker, run, -d, grafana/grafana]}}\n",
            )],
            "compose.yaml looks-away",
        ),
        (
            "a unit of systemd",
            vec![("a.yaml", "a: b\n")],
            vec![("w.service", "[Service]\nExecStart=/usr/bin/docker run --name w grafana/grafana\n")],
            "w.service looks-away",
        ),
        (
            "a unit of systemd whose image had a digest",
            vec![("w.service", "[Service]\nExecStart=/usr/bin/docker run --name w nginx:1.27@\n")],
            vec![("w.service", "[Service]\nExecStart=/usr/bin/docker run --name w web\n")],
            "w.service looks-away",
        ),
        (
            "a mount of an image",
            vec![("w.container", "[Container]\nImage=nginx:1.27@\n")],
            vec![(
                "w.container",
                "[Container]\nImage=nginx:1.27@\nMount=type=image,source=docker.io/acme/data,destination=/d\n",
            )],
            "w.container looks-away",
        ),
        (
            "objects that a unit names",
            vec![("a.yaml", "a: b\n")],
            vec![
                ("w.kube", "[Kube]\nYaml=w.txt\n"),
                (
                    "w.txt",
                    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: acme/x}]}\n",
                ),
            ],
            "w.txt looks-away",
        ),
        (
            "a template of Ansible",
            vec![
                (
                    "roles/w/tasks/main.yml",
                    "- template: {src: docker-compose.yml.j2, dest: /srv/docker-compose.yml}\n",
                ),
                ("roles/w/templates/docker-compose.yml.j2", "services:\n  w:\n    image: nginx:1.27@\n"),
            ],
            vec![(
                "roles/w/templates/docker-compose.yml.j2",
                "services:\n  w:\n    image: nginx:{{ tag }}\n",
            )],
            "roles/w/templates/docker-compose.yml.j2 looks-away",
        ),
    ]);
}

#[test]
fn what_stands_around_says_that_it_is_an_image() {
    let template = |image: &str| -> &'static str {
        let text = format!(
            "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      ContainerDefinitions:\n      - Name: w\n        Image: {image}\n"
        );
        Box::leak(text.into_boxed_str())
    };
    let kustomization =
        "resources: [d.yaml]\npatches: [{path: \"https://raw.githubusercontent.com/acme/x/main/p.yaml\"}]\n";
    for (name, path, text) in [
        ("joined by CloudFormation", "cfn.yaml", template("!Join [\":\", [nginx, \"1.27\"]]")),
        ("joined by it, in full", "cfn.yaml", template("{\"Fn::Join\": [\":\", [acme/web, live]]}")),
        (
            "an action's images",
            WORKFLOW,
            "jobs: {d: {steps: [{uses: a/b@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, with: {images: \"acme.azurecr.io/web:live\"}}]}}\n",
        ),
        (
            "what Elastic Beanstalk runs",
            "Dockerrun.aws.json",
            "{\"Image\": {\"Name\": \"acme/web\", \"Update\": \"true\"}}",
        ),
        (
            "the default of a schema",
            "x.yaml",
            "kind: CustomResourceDefinition\nspec: {versions: [{schema: {openAPIV3Schema: {properties: {image: {type: string, default: acme/web}}}}}]}\n",
        ),
        (
            "a key that is an expression",
            "m.tf",
            "resource \"kubernetes_manifest\" \"w\" {\n  manifest = { apiVersion = \"v1\", kind = \"Pod\", spec = { containers = [{ name = \"w\", (local.k) = \"docker.io/library/nginx\" }] } }\n}\n",
        ),
        ("a remote patch", "kustomization.yaml", kustomization),
        (
            "a pointer of Git LFS",
            "k/x.yaml",
            "version https://git-lfs.github.com/spec/v1\noid sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\nsize 512\n",
        ),
        ("a file of git-crypt", "k/x.yaml", "\0GITCRYPT\0abc"),
    ] {
        refused(vec![(
            name,
            vec![("a.yaml", "a: b\n"), ("d.yaml", "kind: ConfigMap\n")],
            vec![(path, text)],
            Box::leak(format!("{path} looks-away").into_boxed_str()),
        )]);
    }
    left_alone(vec![(
        "joined with a digest",
        vec![("a.yaml", "a: b\n")],
        vec![("cfn.yaml", template("!Join [\"\", [nginx, \"@\"]]"))],
    )]);
}

#[test]
fn what_lies_in_a_directory_that_a_command_is_given_is_judged() {
    const OLD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"nginx:1.27\"}]}\n";
    let base = |run: &str| {
        vec![
            (WORKFLOW, step(run)),
            ("legacy/d.yaml", OLD),
            ("chart/templates/d.yaml", OLD),
            ("chart/Chart.yaml", "name: c\nversion: 1.0.0\n"),
        ]
    };
    for run in [
        "kubectl apply -f legacy",
        "kubectl apply --server-side -f ./legacy/",
        "kubectl apply -k legacy",
        "kustomize build legacy | kubectl apply -f -",
        "helm upgrade r ./chart",
    ] {
        let both = format!("kubectl apply -f prod\n{run}");
        refused(vec![(
            run,
            base("kubectl apply -f prod"),
            vec![(WORKFLOW, step(&both))],
            ".github/workflows/d.yml looks-away",
        )]);
        // It was given before.
        let again = format!("{run}\necho {run}");
        left_alone(vec![(run, base(run), vec![(WORKFLOW, step(&again))])]);
    }
}

#[test]
fn an_application_of_this_tree_builds_on_nothing_else() {
    let application = |name: &str, home: &str, path: &str| -> &'static str {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec: {{source: {{repoURL: {home}, path: {path}, targetRevision: HEAD}}}}\n"
        );
        Box::leak(text.into_boxed_str())
    };
    let home = "https://forge.example/acme/config";
    let base =
        || vec![("apps/web.yaml", application("web", home, "k/web")), ("k/api/d.yaml", super::led_to::GOOD)];
    left_alone(vec![(
        "a directory of it",
        base(),
        vec![("apps/api.yaml", application("api", home, "k/api"))],
    )]);
    refused(vec![
        (
            "another path",
            base(),
            vec![("apps/api.yaml", application("api", home, "k/other"))],
            "apps/api.yaml looks-away",
        ),
        (
            "another repository",
            base(),
            vec![("apps/api.yaml", application("api", "https://forge.example/evil/config", "k/api"))],
            "apps/api.yaml looks-away",
        ),
    ]);
}

#[test]
fn tags_that_are_words_and_foreign_letters_hide_no_image() {
    for (name, path, text) in [
        ("a word for a tag", "v.yaml", "env:\n  RUNNER: registry.acme.io/web:live\n"),
        ("a branch for a tag", "v.yaml", "args: [\"--runner=acme.jfrog.io/web:feature-x\"]\n"),
        (
            "a file of a generator",
            "kustomization.yaml",
            "configMapGenerator: [{name: g, files: [\"a=https://example.com/a.yaml\"]}]\n",
        ),
        ("a command in a list", "j.yaml", "command: [kubectl, apply, -f, \"https://example.com/a.yaml\"]\n"),
    ] {
        refused(vec![(
            name,
            vec![("a.yaml", "a: b\n")],
            vec![(path, text)],
            Box::leak(format!("{path} looks-away").into_boxed_str()),
        )]);
    }
    left_alone(vec![(
        "labels and taints",
        vec![("a.yaml", "a: b\n")],
        vec![(
            "v.yaml",
            "args: [\"--label=topology.kubernetes.io/zone:a\", \"--taint=acme.io/dedicated:NoSchedule\"]\n",
        )],
    )]);
}

#[test]
fn what_was_only_said_and_is_run_is_judged() {
    let image = "ghcr.io/acme/web:1.2.3";
    for (before, after) in [
        ("echo docker run IMAGE", "docker run IMAGE"),
        ("# docker run IMAGE\necho hi", "docker run IMAGE\necho hi"),
        ("docker rmi IMAGE", "docker run IMAGE"),
        ("trivy image IMAGE", "docker run IMAGE"),
    ] {
        let [before, after] = [before, after].map(|run| step(&run.replace("IMAGE", image)));
        refused(vec![(
            after,
            vec![(WORKFLOW, before)],
            vec![(WORKFLOW, after)],
            ".github/workflows/d.yml looks-away",
        )]);
    }
    left_alone(vec![(
        "a flag more",
        vec![(WORKFLOW, step(&format!("docker run {image}")))],
        vec![(WORKFLOW, step(&format!("docker run --rm {image}")))],
    )]);
}

#[test]
fn texts_for_people_run_nothing_and_others_may() {
    let job = |key: &str, run: &str| -> &'static str {
        Box::leak(
            format!("stages: [a]\n{key}: {{script: [\"{run}\"], image: \"node:20@\"}}\n").into_boxed_str(),
        )
    };
    refused(vec![
        (
            "a job that is called like a text for people",
            vec![(".gitlab-ci.yml", job("title", "echo"))],
            vec![(".gitlab-ci.yml", job("title", "docker run -d acme/web:live"))],
            ".gitlab-ci.yml looks-away",
        ),
        (
            "a task that is a text",
            vec![("Taskfile.yml", "version: '3'\ntasks: {help: echo}\n")],
            vec![("Taskfile.yml", "version: '3'\ntasks: {help: docker run acme/web:live}\n")],
            "Taskfile.yml looks-away",
        ),
        (
            "a line of a text with settings",
            vec![("cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n")],
            vec![(
                "cm.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: |\n    x=y\n    worker.ref=registry.acme.io/run:live\n",
            )],
            "cm.yaml looks-away",
        ),
    ]);
    left_alone(vec![
        (
            "a description",
            vec![("a.yaml", "a: b\n")],
            vec![("a.yaml", "a: b\ndescription: \"Start it with docker run acme/web:1.2, or nginx:1.27\"\n")],
        ),
        (
            "a job that goes",
            vec![(
                ".gitlab-ci.yml",
                "a: {image: \"node:20@\", script: [a]}\nb: {image: \"node:20@\", script: [b]}\n",
            )],
            vec![(".gitlab-ci.yml", "a: {image: \"node:20@\", script: [a]}\n")],
        ),
        (
            "an image that is the one of all jobs",
            vec![(
                ".gitlab-ci.yml",
                "a: {image: \"node:20@\", script: [a]}\nb: {image: \"node:20@\", script: [b]}\n",
            )],
            vec![(".gitlab-ci.yml", "default: {image: \"node:20@\"}\na: {script: [a]}\nb: {script: [b]}\n")],
        ),
        (
            "letters of more than one byte",
            vec![("a.yaml", "a: b\n")],
            vec![("a.yaml", "a: c\n# “web”: sha256:aaaa\n# →web: sha256:aaaa\n")],
        ),
        (
            "spaces of more than one byte in a template",
            vec![
                ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
                ("c/templates/a.yaml", "a: b\n"),
            ],
            vec![("c/templates/b.yaml", "a: {{ printf \"x\u{a0}y: z\" }}\n")],
        ),
    ]);
}

#[test]
fn what_a_kustomization_gives_to_all_decides_which_patches_fit() {
    let object = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: a, image: acme/web}]}}}\n";
    let patch = |image: &str| -> &'static str {
        let patch =
            format!("- {{op: replace, path: /spec/template/spec/containers/0/image, value: '{image}'}}\n");
        Box::leak(patch.into_boxed_str())
    };
    let prod = "resources: [../base]\npatches:\n- path: p.yaml\n  target: {labelSelector: tier=web}\n";
    let given = |tier: &str| -> &'static str {
        Box::leak(format!("resources: [d.yaml]\nlabels: [{{pairs: {{tier: {tier}}}}}]\n").into_boxed_str())
    };
    refused(vec![
        (
            "a label by which a patch found it",
            vec![
                ("base/kustomization.yaml", given("web")),
                ("base/d.yaml", object),
                ("prod/kustomization.yaml", prod),
                ("prod/p.yaml", patch("acme/web:1@")),
            ],
            vec![("base/kustomization.yaml", given("front"))],
            "base/kustomization.yaml looks-away",
        ),
        (
            "a label by which a patch finds it",
            vec![
                ("base/kustomization.yaml", given("front")),
                ("base/d.yaml", GOOD_DEPLOYMENT),
                ("prod/kustomization.yaml", prod),
                ("prod/p.yaml", patch("acme/web:live")),
            ],
            vec![("base/kustomization.yaml", given("web"))],
            "base/kustomization.yaml looks-away",
        ),
    ]);
    left_alone(vec![(
        "a label that nobody asks for",
        vec![
            ("base/kustomization.yaml", "resources: [d.yaml]\nlabels: [{pairs: {tier: web, v: a}}]\n"),
            ("base/d.yaml", GOOD_DEPLOYMENT),
            ("prod/kustomization.yaml", prod),
            ("prod/p.yaml", patch("acme/web:1@")),
        ],
        vec![("base/kustomization.yaml", "resources: [d.yaml]\nlabels: [{pairs: {tier: web, v: b}}]\n")],
    )]);
}
