//! What was written before and did nothing, and does since a change: another verb of a command, a step that is let run, a value that is
//! handed on, a source from elsewhere. As rows of [`super::led_to`].

use super::led_to::{Files, left_alone, refused};
use super::looked_behind::GONE;

pub(super) const WORKFLOW: &str = ".github/workflows/d.yml";
const GOOD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"nginx:1.27@\"}]}\n";
pub(super) const OLD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: old}\nspec: {template: {spec: {containers: [{name: a, image: \"nginx:1.27\"}]}}}\n";
const COMPOSE: &str = "services:\n  web: {image: \"nginx:1.27@\"}\n  old: {image: \"nginx:1.27\"}\n";

pub(super) fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

pub(super) fn steps(steps: &str) -> &'static str {
    leaked(format!("on: push\njobs: {{d: {{runs-on: x, steps: {steps}}}}}\n"))
}

fn step(run: &str) -> &'static str {
    let run = run.replace('\n', "\n          ");
    leaked(format!("on: push\njobs:\n  d:\n    runs-on: x\n    steps:\n      - run: |\n          {run}\n"))
}

pub(super) fn tree(run: &str) -> Files {
    vec![
        (WORKFLOW, step(run)),
        ("old/d.yaml", OLD),
        (
            "old/main.tf",
            "resource \"docker_container\" \"a\" {\n  name = \"a\"\n  image = \"nginx:1.27\"\n}\n",
        ),
        ("old/my app.yaml", OLD),
        ("good/a.yaml", GOOD),
        ("good/b.yaml", GOOD),
        ("c/templates/d.yaml", OLD),
        ("c/Chart.yaml", "name: c\nversion: 1.0.0\n"),
        ("compose.yaml", COMPOSE),
    ]
}

#[test]
fn a_command_that_begins_to_deploy_is_judged() {
    for (before, after) in [
        ("kubectl delete -f old/d.yaml", "kubectl apply -f old/d.yaml"),
        ("kubectl delete -f old", "kubectl apply -f old"),
        ("kubectl diff -k old || true", "kubectl apply -k old"),
        ("kubectl apply --dry-run=client -f old/d.yaml", "kubectl apply -f old/d.yaml"),
        ("kustomize build old > /dev/null", "kustomize build old | kubectl apply -f -"),
        ("helm lint ./c", "helm upgrade --install c ./c"),
        ("helm template ./c", "helm upgrade --install c ./c"),
        ("docker compose -f compose.yaml config -q", "docker compose -f compose.yaml up -d"),
        ("docker compose down", "docker compose up -d"),
        ("docker compose up -d web", "docker compose up -d web old"),
        ("cd old && terraform validate", "cd old && terraform apply -auto-approve"),
        ("terraform -chdir=good apply", "terraform -chdir=old apply"),
        ("make -C good deploy", "make -C old deploy"),
        ("echo x\n# kubectl apply -f old/d.yaml", "echo x\nkubectl apply -f old/d.yaml"),
        ("echo kubectl apply -f old/d.yaml", "kubectl apply -f old/d.yaml"),
        ("kubectl apply -f good/a.yaml", "kubectl apply -f {good,old}/d.yaml"),
        ("kubectl apply -f good/a.yaml", "kubectl apply -f good/a.yaml -f \"old/my app.yaml\""),
        (
            "find good -name '*.yaml' -exec kubectl apply -f {} +",
            "find good old -name '*.yaml' -exec kubectl apply -f {} +",
        ),
        ("argocd app set web --path good", "argocd app set web --path old"),
        ("echo x", "kubectl scale deploy/old --replicas=1"),
        ("kubectl scale deploy/old --replicas=0", "kubectl scale deploy/old --replicas=2"),
        (
            "kubeconform old/d.yaml\nkubectl apply -f good",
            "kubeconform old/d.yaml\nkubectl apply -f good\nkubectl apply -f old/d.yaml",
        ),
        ("terraform -chdir=old plan", "terraform -chdir=old apply"),
        ("cd old && terraform init && terraform plan", "cd old && terraform init && terraform apply"),
        ("helm template ./c | kubeconform -", "helm template ./c | kubectl apply -f -"),
        ("echo x", "kubectl patch deployment old -p '{}'"),
        ("helm upgrade c r/c", "helm upgrade c r/c --set-json 'image.digest=\"\"'"),
        ("helm upgrade c r/c", "helm upgrade c r/c --set-file image.tag=tag.txt"),
        (
            "pushd old\nyamllint .\npopd\nkubectl apply -f good",
            "pushd old\nkubectl apply -f .\npopd\nkubectl apply -f good",
        ),
        (
            "(cd old && yamllint .)\nkubectl apply -f good",
            "(cd old && kubectl apply -f .)\nkubectl apply -f good",
        ),
        (
            "for d in good; do\n  kubectl apply -f $d\ndone",
            "for d in good old; do\n  kubectl apply -f $d\ndone",
        ),
        ("D=--dry-run=server\nkubectl apply $D -f old/d.yaml", "D=\nkubectl apply $D -f old/d.yaml"),
        ("argocd app diff w --local old", "argocd app sync w --local old"),
        ("skaffold render -f old/skaffold.yaml", "skaffold run -f old/skaffold.yaml"),
        ("sam validate -t old/d.yaml", "sam deploy -t old/d.yaml"),
    ] {
        refused(vec![(
            after,
            tree(before),
            vec![(WORKFLOW, step(after))],
            ".github/workflows/d.yml looks-away",
        )]);
    }
    for (before, after) in [
        ("kubectl apply -f old", "kubectl apply --server-side -f old"),
        ("kubectl apply -f old", "kubectl delete -f old"),
        ("echo x", "kubectl diff -f old"),
        ("kubectl apply -f good", "kubeconform old/d.yaml\nkubectl apply -f good"),
        ("kubectl apply -f good", "git diff -- old\nkubectl apply -f good"),
        ("kubectl apply -f good", "kubectl apply -f good\nkubectl rollout status deploy/old"),
        ("echo x", "kubectl scale deploy/old --replicas 0"),
        ("echo x", "terraform -chdir=old validate"),
        (
            "echo x",
            "docker build -t ghcr.io/acme/web:${{ github.sha }} .\ndocker run ghcr.io/acme/web:${{ github.sha }}",
        ),
        ("echo x", "# kubectl apply -f old"),
        ("echo x", "helm lint ./c"),
        ("docker compose up -d", "docker compose up -d --wait"),
        ("kustomize build old | kubectl apply -f -", "kubectl apply -k old"),
        ("cd old && terraform apply", "cd old && terraform init && terraform apply"),
        ("kubectl apply -f good", "kubectl apply -R -f good"),
        ("echo x", "docker rmi redis:7 acme/web:7\ndocker image inspect redis:7"),
        ("kubectl apply -f good", "(cd old && yamllint .)\nkubectl apply -f good"),
        (
            "kubectl apply -f good",
            "D=--dry-run=server\nkubectl apply $D -f old/d.yaml\nkubectl apply -f good",
        ),
    ] {
        left_alone(vec![(after, tree(before), vec![(WORKFLOW, step(after))])]);
    }
}

#[test]
fn a_step_that_is_let_run_is_judged_with_what_it_runs() {
    for (before, after) in [
        ("[{if: false, run: docker run -d acme/web:live}]", "[{run: docker run -d acme/web:live}]"),
        (
            "[{if: '${{ false }}', run: kubectl apply -f old/d.yaml}]",
            "[{if: '${{ true }}', run: kubectl apply -f old/d.yaml}]",
        ),
        ("[{if: false, run: kubectl apply -f old}]", "[{run: kubectl apply -f old}]"),
    ] {
        let files = |text: &str| vec![(WORKFLOW, steps(text)), ("old/d.yaml", OLD)];
        refused(vec![(
            after,
            files(before),
            vec![(WORKFLOW, steps(after))],
            ".github/workflows/d.yml looks-away",
        )]);
        left_alone(vec![(before, files(after), vec![(WORKFLOW, steps(before))])]);
    }
}

#[test]
fn what_is_set_so_that_it_is_there_is_judged() {
    let object = |kind: &str, rest: &str| {
        leaked(format!("apiVersion: x.test/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{{rest}}}\n"))
    };
    let play = |rest: &str| {
        leaked(format!(
            "- hosts: web\n  tasks:\n  - community.docker.docker_container: {{name: w, image: \"acme/old:1\"}}\n    {rest}\n"
        ))
    };
    for (path, before, after) in [
        (
            "a.yaml",
            object("Vm", "running: false, image: \"acme/old:1\""),
            object("Vm", "running: true, image: \"acme/old:1\""),
        ),
        (
            "a.yaml",
            object("Vm", "runStrategy: Halted, image: \"acme/old:1\""),
            object("Vm", "runStrategy: Always, image: \"acme/old:1\""),
        ),
        (
            "a.yaml",
            object("Db", "db: {size: 0, image: \"acme/old:1\"}"),
            object("Db", "db: {size: 3, image: \"acme/old:1\"}"),
        ),
        (
            "a.yaml",
            object("Db", "numberOfInstances: 0, image: \"acme/old:1\""),
            object("Db", "numberOfInstances: 2, image: \"acme/old:1\""),
        ),
        (
            "a.yaml",
            object("Run", "status: TaskRunPending, image: \"acme/old:1\""),
            object("Run", "image: \"acme/old:1\""),
        ),
        ("site.yml", play("tags: [never]"), play("tags: [web]")),
        (
            "site.yml",
            "- hosts: web\n  tasks:\n  - community.docker.docker_container: {name: w, image: \"acme/old:1\", state: absent}\n",
            "- hosts: web\n  tasks:\n  - community.docker.docker_container: {name: w, image: \"acme/old:1\", state: started}\n",
        ),
        (
            "m.tf",
            "resource \"docker_container\" \"a\" {\n  for_each = toset([])\n  name = \"a\"\n  image = \"acme/old:1\"\n}\n",
            "resource \"docker_container\" \"a\" {\n  for_each = toset([\"a\"])\n  name = \"a\"\n  image = \"acme/old:1\"\n}\n",
        ),
        (
            ".gitlab-ci.yml",
            "old: {image: \"acme/old:1\", script: [make], only: [never]}\n",
            "old: {image: \"acme/old:1\", script: [make], only: [main]}\n",
        ),
        (
            "m.tf",
            "resource \"docker_container\" \"a\" {\n  count = 0\n  name  = \"a\"\n  image = \"acme/old:1\"\n}\n",
            "resource \"docker_container\" \"a\" {\n  count = 1\n  name  = \"a\"\n  image = \"acme/old:1\"\n}\n",
        ),
        (
            ".woodpecker.yml",
            "steps: [{name: a, image: \"acme/old:1\", when: {event: none}}]\n",
            "steps: [{name: a, image: \"acme/old:1\", when: {event: push}}]\n",
        ),
    ] {
        refused(vec![(
            after,
            vec![(path, before)],
            vec![(path, after)],
            leaked(format!("{path} floating-tag")),
        )]);
        left_alone(vec![(before, vec![(path, after)], vec![(path, before)])]);
    }
}

#[test]
fn a_condition_of_a_template_that_never_held_is_one() {
    let chart = |condition: &str| {
        vec![
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/templates/d.yaml", leaked(format!("{{{{- if {condition} }}}}\n{OLD}{{{{- end }}}}\n"))),
        ]
    };
    for (before, after) in
        [("false", "true"), ("eq \"a\" \"b\"", "eq \"a\" \"a\""), ("and true false", "true")]
    {
        refused(vec![(after, chart(before), chart(after), "c/templates/d.yaml floating-tag")]);
    }
}

#[test]
fn what_is_handed_to_what_runs_an_image_is_judged() {
    let reusable = "on: {workflow_call: {inputs: {tag: {default: \"1@\"}}}}\njobs: {a: {runs-on: x, steps: [], container: \"acme/a:${{ inputs.tag }}\"}}\n";
    let matrix = |tags: &str| {
        leaked(format!(
            "on: push\njobs: {{a: {{runs-on: x, strategy: {{matrix: {{tag: [{tags}]}}}}, container: \"acme/a:${{{{ matrix.tag }}}}\", steps: []}}}}\n"
        ))
    };
    let caller =
        |with: &str| leaked(format!("on: push\njobs: {{d: {{uses: ./.github/workflows/r.yml{with}}}}}\n"));
    let azure = "jobs: [{job: a, container: {image: \"acme/a:${{ parameters.tag }}\"}}]\n";
    refused(vec![
        (
            "a matrix",
            vec![(WORKFLOW, matrix("\"1@\""))],
            vec![(WORKFLOW, matrix("\"1@\", live"))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "an input of a workflow",
            vec![(WORKFLOW, caller("")), (".github/workflows/r.yml", reusable)],
            vec![(WORKFLOW, caller(", with: {tag: live}"))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "a parameter of a template",
            vec![("azure-pipelines.yml", "jobs: [{template: ci/t.yml}]\n"), ("ci/t.yml", azure)],
            vec![("azure-pipelines.yml", "jobs: [{template: ci/t.yml, parameters: {tag: live}}]\n")],
            "azure-pipelines.yml looks-away",
        ),
        (
            "variables of another file",
            vec![
                (
                    ".gitlab-ci.yml",
                    "include: [{local: ci/extra.yml}]\nbuild: {image: \"acme/a:$TAG\", script: [make]}\n",
                ),
                ("ci/extra.yml", "variables: {X: y}\n"),
            ],
            vec![("ci/extra.yml", "variables: {X: y, TAG: live}\n")],
            "ci/extra.yml looks-away",
        ),
        (
            "a matrix of GitLab",
            vec![(
                ".gitlab-ci.yml",
                "build: {image: \"acme/a:$TAG\", variables: {TAG: \"1@\"}, script: [make]}\n",
            )],
            vec![(
                ".gitlab-ci.yml",
                "build: {image: \"acme/a:$TAG\", variables: {TAG: \"1@\"}, script: [make], parallel: {matrix: [{TAG: [live]}]}}\n",
            )],
            ".gitlab-ci.yml looks-away",
        ),
    ]);
    left_alone(vec![
        (
            "a matrix that is pinned",
            vec![(WORKFLOW, matrix("\"1@\""))],
            vec![(WORKFLOW, matrix("\"1@\", \"2@\""))],
        ),
        (
            "a tag that no image asks for",
            vec![(WORKFLOW, caller("")), (".github/workflows/r.yml", reusable)],
            vec![(WORKFLOW, caller(", with: {version: live}"))],
        ),
    ]);
}

#[test]
fn what_comes_from_another_repository_is_said() {
    let source = |url: &str, rest: &str| {
        leaked(format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: other, namespace: flux-system}}\nspec: {{url: \"{url}\", ref: {{branch: main}}{rest}}}\n"
        ))
    };
    let flux = |name: &str, path: &str| {
        leaked(format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: flux-system}}\nspec: {{interval: 5m, prune: true, path: {path}, sourceRef: {{kind: GitRepository, name: {name}}}}}\n"
        ))
    };
    let argo = |name: &str, home: &str| {
        leaked(format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd}}\nspec: {{project: default, destination: {{namespace: web}}, source: {{repoURL: \"{home}\", path: prod}}}}\n"
        ))
    };
    let (home, evil) = ("https://git.example/config", "https://git.example/evil");
    let base = || {
        vec![
            ("f.yaml", flux("flux-system", "./prod")),
            ("g.yaml", source(home, "")),
            ("a.yaml", argo("a", home)),
            ("prod/d.yaml", GOOD),
        ]
    };
    refused(vec![
        ("another source", base(), vec![("f.yaml", flux("other", "./prod"))], "f.yaml looks-away"),
        ("another address", base(), vec![("g.yaml", source(evil, ""))], "g.yaml looks-away"),
        (
            "what it ignores",
            base(),
            vec![("g.yaml", source(home, ", ignore: \"!/old\""))],
            "g.yaml looks-away",
        ),
        ("another repository", base(), vec![("b.yaml", argo("b", evil))], "b.yaml looks-away"),
    ]);
    left_alone(vec![
        ("another path", base(), vec![("f2.yaml", flux("flux-system", "./prod"))]),
        ("the same repository", base(), vec![("b.yaml", argo("b", home))]),
        ("the same source in another cluster", base(), vec![("clusters/b/g.yaml", source(home, ""))]),
    ]);
}

#[test]
fn what_a_set_makes_of_its_list_is_deployed() {
    let set = |elements: &str, path: &str| {
        leaked(format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: s}}\nspec:\n  generators: [{{list: {elements}}}]\n  template: {{metadata: {{name: x}}, spec: {{project: d, destination: {{name: x}}, source: {{repoURL: \"https://git.example/a\", targetRevision: HEAD, path: \"{path}\"}}}}}}\n"
        ))
    };
    for (path, before, after) in [
        ("envs/{{path}}", "{elements: [{path: prod}]}", "{elements: [{path: prod}, {path: old}]}"),
        ("envs/{{.env | lower}}", "{elements: [{env: PROD}]}", "{elements: [{env: PROD}, {env: OLD}]}"),
        (
            "envs/{{path}}",
            "{elementsYaml: '[{\"path\": \"prod\"}]'}",
            "{elementsYaml: '[{\"path\": \"prod\"}, {\"path\": \"old\"}]'}",
        ),
    ] {
        let files = |elements| {
            vec![("s.yaml", set(elements, path)), ("envs/prod/d.yaml", GOOD), ("envs/old/d.yaml", OLD)]
        };
        refused(vec![(
            after,
            files(before),
            vec![("s.yaml", set(after, path))],
            "envs/old/d.yaml floating-tag",
        )]);
    }
}

#[test]
fn an_action_of_the_tree_is_judged_where_a_step_uses_it() {
    let action = "name: a\nruns: {using: docker, image: \"docker://acme/old:1\"}\n";
    refused(vec![(
        "used since",
        vec![(WORKFLOW, steps("[{run: echo x}]")), ("actions/old/action.yml", action)],
        vec![(WORKFLOW, steps("[{uses: ./actions/old}]"))],
        ".github/workflows/d.yml looks-away",
    )]);
}

#[test]
fn modules_and_roles_are_judged_where_they_are_taken_in() {
    let module = "resource \"docker_container\" \"a\" {\n  name  = \"a\"\n  image = \"acme/old:1\"\n}\n";
    let role = "- community.docker.docker_container: {name: w, image: \"acme/old:1\"}\n";
    refused(vec![
        (
            "a module",
            vec![("main.tf", "locals {\n  a = 1\n}\n"), ("modules/old/main.tf", module)],
            vec![("main.tf", "locals {\n  a = 1\n}\nmodule \"old\" {\n  source = \"./modules/old\"\n}\n")],
            "main.tf looks-away",
        ),
        (
            "a role",
            vec![("site.yml", "- hosts: web\n  roles: [web]\n"), ("roles/old/tasks/main.yml", role)],
            vec![("site.yml", "- hosts: web\n  roles: [web, old]\n")],
            "site.yml looks-away",
        ),
        (
            "a role that a task takes in",
            vec![("site.yml", "- hosts: web\n  tasks: []\n"), ("roles/old/tasks/main.yml", role)],
            vec![("site.yml", "- hosts: web\n  tasks: [{include_role: {name: old}}]\n")],
            "site.yml looks-away",
        ),
    ]);
    let variable = |more: &str| {
        leaked(format!(
            "variable \"image\" {{\n{more}  default = \"acme/old:1\"\n}}\nresource \"docker_container\" \"a\" {{\n  name  = \"a\"\n  image = var.image\n}}\n"
        ))
    };
    left_alone(vec![(
        "a variable is described",
        vec![("m.tf", variable(""))],
        vec![("m.tf", variable("  type = string\n  description = \"what runs\"\n"))],
    )]);
}

#[test]
fn a_file_that_comes_to_where_a_command_deploys_is_judged() {
    let base = |run: &str| vec![(WORKFLOW, step(run)), ("k8s/a.yaml", GOOD), ("archive/old.yaml", OLD)];
    let to = |path: &'static str| vec![("archive/old.yaml", GONE), (path, OLD)];
    refused(vec![(
        "deployed since",
        base("kubectl apply -f k8s"),
        to("k8s/old.yaml"),
        "k8s/old.yaml floating-tag",
    )]);
    left_alone(vec![
        ("elsewhere", base("kubectl apply -f k8s"), to("attic/old.yaml")),
        ("only compared", base("kubectl diff -f k8s"), to("k8s/old.yaml")),
    ]);
}
