//! What runs because something else leads to it: a command, an order, a part of a file, a label, a revision, a file that leaves others
//! out. Rows of a name, the files of before and what becomes of some of them, with `@` for a digest behind an image, and the findings'
//! file and rule.

use super::PIN;
use super::looked_behind::{GONE, Owned, fine, told};

pub(super) type Files = Vec<(&'static str, &'static str)>;

pub(super) fn put(files: &[(&'static str, &'static str)]) -> Owned {
    files.iter().map(|(path, said)| (*path, said.replace('@', &format!("@{PIN}")))).collect()
}

pub(super) fn refused(rows: Vec<(&str, Files, Files, &str)>) {
    for (name, before, after, finding) in rows {
        told(&[(name, &put(&before), &put(&after), finding)]);
    }
}

pub(super) fn left_alone(rows: Vec<(&str, Files, Files)>) {
    for (name, before, after) in rows {
        fine(&[(name, &put(&before), &put(&after))]);
    }
}

pub(super) const GOOD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"nginx:1.27@\"}]}\n";
const OLD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"nginx:1.27\"}]}\n";
const PINNED: &str = "image: {repository: nginx, tag: \"1.27@\"}\n";
const FLOATING: &str = "image: {repository: nginx, tag: \"1.27\"}\n";

#[test]
fn paths_of_commands_and_their_order_count() {
    let step = |run: &'static str| -> &'static str {
        Box::leak(
            format!("on: push\njobs: {{d: {{runs-on: x, steps: [{{run: {run}}}]}}}}\n").into_boxed_str(),
        )
    };
    let workflow = ".github/workflows/d.yml";
    let values = || vec![("v/base.yaml", FLOATING), ("v/prod.yaml", PINNED)];
    refused(vec![
        (
            "a file that a command applies",
            vec![(workflow, step("kubectl apply -f good.yaml")), ("good.yaml", GOOD), ("old.yaml", OLD)],
            vec![(workflow, step("kubectl apply -f old.yaml"))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "a file that is one word with its flag",
            vec![(workflow, step("kubectl apply -fgood.yaml")), ("good.yaml", GOOD), ("old.yaml", OLD)],
            vec![(workflow, step("kubectl apply -fold.yaml"))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "a directory behind flags that are one word",
            vec![(workflow, step("kubectl apply -Rf good")), ("good/a.yaml", GOOD), ("old/a.yaml", OLD)],
            vec![(workflow, step("kubectl apply -Rf old"))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "a directory that a command changes to",
            vec![(workflow, step("cd good && kubectl apply -f .")), ("good/a.yaml", GOOD), ("old/a.yaml", OLD)],
            vec![(workflow, step("cd old && kubectl apply -f ."))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "a directory that a command builds",
            vec![
                (workflow, step("kubectl apply -k prod")),
                (
                    "prod/kustomization.yaml",
                    "resources: [../base]\nimages: [{name: nginx, newTag: \"1.27@\"}]\n",
                ),
                ("base/kustomization.yaml", "resources: [a.yaml]\n"),
                ("base/a.yaml", OLD),
            ],
            vec![(workflow, step("kubectl apply -k base"))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "the order of values in a command",
            [vec![(workflow, step("helm upgrade a c -f v/base.yaml -f v/prod.yaml"))], values()].concat(),
            vec![(workflow, step("helm upgrade a c -f v/prod.yaml -f v/base.yaml"))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "the order of Compose files in a variable",
            vec![
                (".env", "X=1\nCOMPOSE_FILE=a.yaml:b.yaml\n"),
                ("a.yaml", "services: {a: {image: \"nginx:1.27\"}}\n"),
                ("b.yaml", "services: {a: {image: \"nginx:1.27@\"}}\n"),
            ],
            vec![(".env", "X=1\nCOMPOSE_FILE=b.yaml:a.yaml\n")],
            ".env looks-away",
        ),
        (
            "a chart in another directory",
            vec![
                ("helmfile.yaml", "releases: [{name: w, chart: ./good}]\n"),
                ("good/templates/a.yaml", GOOD),
                ("old/templates/a.yaml", OLD),
            ],
            vec![("helmfile.yaml", "releases: [{name: w, chart: ./old}]\n")],
            "helmfile.yaml looks-away",
        ),
        (
            "more files of a pattern",
            vec![
                (
                    "skaffold.yaml",
                    "apiVersion: skaffold/v4beta6\nkind: Config\nmanifests: {rawYaml: [good/*.yaml]}\n",
                ),
                ("good/a.yaml", GOOD),
                ("old/a.yaml", OLD),
            ],
            vec![(
                "skaffold.yaml",
                "apiVersion: skaffold/v4beta6\nkind: Config\nmanifests: {rawYaml: [\"*/*.yaml\"]}\n",
            )],
            "skaffold.yaml looks-away",
        ),
        (
            "the order of values in Terraform",
            [vec![("m.tf", "resource \"helm_release\" \"w\" {\n  chart = \"./c\"\n  values = [file(\"v/base.yaml\"), file(\"v/prod.yaml\")]\n}\n")], values()].concat(),
            vec![("m.tf", "resource \"helm_release\" \"w\" {\n  chart = \"./c\"\n  values = [file(\"v/prod.yaml\"), file(\"v/base.yaml\")]\n}\n")],
            "m.tf looks-away",
        ),
        (
            "manifests from elsewhere",
            vec![(workflow, step("echo"))],
            vec![(workflow, step("kubectl apply -f \"https://example.com/a.yaml\""))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "an image of a variable",
            vec![(workflow, step("echo"))],
            vec![(workflow, step("\"IMG=nginx; docker run -d $IMG:1.27\""))],
            ".github/workflows/d.yml looks-away",
        ),
        (
            "a command in a list",
            vec![("a.yaml", "#cloud-config\nruncmd: [[echo]]\n")],
            vec![("a.yaml", "#cloud-config\nruncmd: [[docker, run, -d, ghcr.io/acme/web]]\n")],
            "a.yaml looks-away",
        ),
    ]);
    left_alone(vec![
        (
            "another order of what has no digest",
            [
                vec![(workflow, step("helm lint c -f v/a.yaml -f v/b.yaml"))],
                vec![("v/a.yaml", "a: b\n"), ("v/b.yaml", "a: c\n")],
            ]
            .concat(),
            vec![(workflow, step("helm lint c -f v/b.yaml -f v/a.yaml"))],
        ),
        (
            "a file that a command only reads",
            vec![(workflow, step("echo")), ("old.yaml", OLD)],
            vec![(workflow, step("git diff --exit-code old.yaml"))],
        ),
    ]);
}

const WORKFLOW: &str = "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {name: m}\nspec:\n  workflowSpec:\n    entrypoint: good\n    templates:\n    - name: good\n      container: {image: \"nginx:1.27@\"}\n    - name: old\n      container: {image: \"nginx:1.27\"}\n";
const GITLAB: &str = ".old: {image: \"nginx:1.27\"}\n.good: {image: \"nginx:1.27@\"}\nbuild:\n  extends: .good\n  script: [make]\n";

#[test]
fn a_part_that_is_named_counts() {
    let workflow = Box::leak(WORKFLOW.replace("entrypoint: good", "entrypoint: old").into_boxed_str());
    let gitlab = Box::leak(GITLAB.replace("extends: .good", "extends: .old").into_boxed_str());
    refused(vec![
        ("a template", vec![("w.yaml", WORKFLOW)], vec![("w.yaml", workflow)], "w.yaml looks-away"),
        (
            "a hidden job",
            vec![(".gitlab-ci.yml", GITLAB)],
            vec![(".gitlab-ci.yml", gitlab)],
            ".gitlab-ci.yml looks-away",
        ),
        (
            "a service of another file",
            vec![
                (".devcontainer/devcontainer.json", "{\"dockerComposeFile\":\"c.yml\",\"service\":\"good\"}"),
                (
                    ".devcontainer/c.yml",
                    "services: {good: {image: \"nginx:1.27@\"}, old: {image: \"nginx:1.27\"}}\n",
                ),
            ],
            vec![(
                ".devcontainer/devcontainer.json",
                "{\"dockerComposeFile\":\"c.yml\",\"service\":\"old\"}",
            )],
            ".devcontainer/devcontainer.json looks-away",
        ),
        (
            "a version of a catalogue",
            vec![
                (
                    "a.yaml",
                    "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: a}\nspec: {imageCatalogRef: {kind: ImageCatalog, name: c, major: 16}}\n",
                ),
                (
                    "c.yaml",
                    "apiVersion: postgresql.cnpg.io/v1\nkind: ImageCatalog\nmetadata: {name: c}\nspec: {images: [{major: 15, image: \"acme/pg:15\"}, {major: 16, image: \"acme/pg:16@\"}]}\n",
                ),
            ],
            vec![(
                "a.yaml",
                "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: a}\nspec: {imageCatalogRef: {kind: ImageCatalog, name: c, major: 15}}\n",
            )],
            "a.yaml looks-away",
        ),
        (
            "a workload of another object",
            vec![
                (
                    "a.yaml",
                    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: w}\nspec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: good}}\n",
                ),
                (
                    "d.yaml",
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: old}\nspec: {replicas: 0, template: {spec: {containers: [{name: a, image: \"nginx:1.27\"}]}}}\n",
                ),
            ],
            vec![(
                "a.yaml",
                "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: w}\nspec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: old}}\n",
            )],
            "a.yaml looks-away",
        ),
        (
            "a kind that an object defines",
            vec![(
                "d.yaml",
                "apiVersion: kro.run/v1alpha1\nkind: ResourceGraphDefinition\nmetadata: {name: old}\nspec: {schema: {kind: Old}, resources: [{id: a, template: {spec: {containers: [{name: a, image: \"nginx:1.27\"}]}}}]}\n",
            )],
            vec![("a.yaml", "apiVersion: kro.run/v1alpha1\nkind: Old\nmetadata: {name: p}\nspec: {}\n")],
            "a.yaml looks-away",
        ),
    ]);
}

pub(super) const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {tier: web}\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        image: nginx:1.27\n";

#[test]
fn what_a_patch_finds_an_object_by_counts() {
    let base = |target: &'static str| -> Files {
        let text = format!("resources: [../base]\npatches:\n- path: pin.yaml\n  target: {target}\n");
        vec![
            ("base/kustomization.yaml", "resources: [d.yaml]\n"),
            ("base/d.yaml", DEPLOYMENT),
            ("prod/kustomization.yaml", Box::leak(text.into_boxed_str())),
            (
                "prod/pin.yaml",
                "- {op: replace, path: /spec/template/spec/containers/0/image, value: \"nginx:1.27@\"}\n",
            ),
        ]
    };
    let edited = |from: &str, to: &str| -> Files {
        vec![("base/d.yaml", Box::leak(DEPLOYMENT.replace(from, to).into_boxed_str()))]
    };
    let told = "base/d.yaml looks-away";
    refused(vec![
        ("its label", base("{labelSelector: \"tier=web\"}"), edited("tier: web", "tier: front"), told),
        (
            "its name",
            base("{kind: Deployment, name: web}"),
            edited("  name: web\n  labels", "  name: web2\n  labels"),
            told,
        ),
        (
            "a pattern for its name",
            base("{name: web.*}"),
            edited("  name: web\n  labels", "  name: old\n  labels"),
            told,
        ),
        ("its kind", base("{kind: Deployment}"), edited("kind: Deployment", "kind: DaemonSet"), told),
        ("its namespace", base("{namespace: \"|a\"}"), edited("  labels", "  namespace: b\n  labels"), told),
        (
            "a set of labels",
            base("{labelSelector: \"tier in (web, api)\"}"),
            edited("tier: web", "tier: front"),
            told,
        ),
        (
            "what its labels are not",
            base("{labelSelector: \"tier!=old\"}"),
            edited("tier: web", "tier: old"),
            told,
        ),
        (
            "a patch of a deployer's object",
            vec![
                ("base/kustomization.yaml", "resources: [d.yaml]\n"),
                ("base/d.yaml", DEPLOYMENT),
                (
                    "flux.yaml",
                    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: w}\nspec:\n  path: ./base\n  patches:\n  - target: {kind: Deployment, name: web}\n    patch: |\n      - {op: replace, path: /spec/template/spec/containers/0/image, value: \"nginx:1.27@\"}\n",
                ),
            ],
            edited("  name: web\n  labels", "  name: web2\n  labels"),
            told,
        ),
        (
            "the name of an application",
            vec![
                ("m/.argocd-source-w.yaml", "kustomize: {images: [\"nginx=nginx@\"]}\n"),
                ("m/d.yaml", DEPLOYMENT),
                (
                    "app.yaml",
                    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: w}\nspec: {source: {path: m}}\n",
                ),
            ],
            vec![(
                "app.yaml",
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: w2}\nspec: {source: {path: m}}\n",
            )],
            "app.yaml looks-away",
        ),
    ]);
    left_alone(vec![
        ("another label", base("{labelSelector: \"tier=web\"}"), edited("{tier: web}", "{tier: web, a: b}")),
        (
            "a name that matches, too",
            base("{name: w.*}"),
            edited("  name: web\n  labels", "  name: www\n  labels"),
        ),
    ]);
}

#[test]
fn a_file_that_others_keep_from_being_deployed_is_new_where_they_do_not() {
    refused(vec![
        (
            "a file that leaves it out",
            vec![
                ("apps/fleet.yaml", "defaultNamespace: a\n"),
                ("apps/.fleetignore", "# not yet\nb.yaml\n"),
                ("apps/b.yaml", OLD),
            ],
            vec![("apps/.fleetignore", "# not yet\n")],
            "apps/b.yaml floating-tag",
        ),
        (
            "a Compose file that comes before it",
            vec![
                ("compose.yml", "services: {a: {image: \"nginx:1.27@\"}}\n"),
                ("docker-compose.yml", "services: {a: {image: \"nginx:1.27\"}}\n"),
            ],
            vec![("compose.yml", GONE)],
            "docker-compose.yml floating-tag",
        ),
        (
            "a service of an override",
            vec![
                ("compose.yaml", "services: {a: {image: \"nginx:1.27\"}, b: {image: \"nginx:1.27@\"}}\n"),
                ("compose.override.yaml", "services: {a: {image: \"nginx:1.27@\"}, b: {init: true}}\n"),
            ],
            vec![("compose.override.yaml", "services: {b: {init: true}}\n")],
            "compose.override.yaml looks-away",
        ),
        (
            "a hidden job",
            vec![(".gitlab-ci.yml", ".a: {image: \"nginx:1.27\", script: [x]}\n")],
            vec![(".gitlab-ci.yml", "a: {image: \"nginx:1.27\", script: [x]}\n")],
            ".gitlab-ci.yml floating-tag",
        ),
        (
            "a job that never runs",
            vec![(".gitlab-ci.yml", "a: {image: \"nginx:1.27\", script: [x], rules: [{when: never}]}\n")],
            vec![(".gitlab-ci.yml", "a: {image: \"nginx:1.27\", script: [x], rules: [{when: always}]}\n")],
            ".gitlab-ci.yml floating-tag",
        ),
        (
            "a job whose condition is false",
            vec![(
                ".github/workflows/a.yml",
                "on: push\njobs: {a: {if: false, runs-on: x, steps: [], container: \"nginx:1.27\"}}\n",
            )],
            vec![(
                ".github/workflows/a.yml",
                "on: push\njobs: {a: {runs-on: x, steps: [], container: \"nginx:1.27\"}}\n",
            )],
            ".github/workflows/a.yml floating-tag",
        ),
        (
            "what says where images are",
            vec![
                (
                    "a/kustomization.yaml",
                    "resources: [x.yaml]\nconfigurations: [c.yaml]\nimages: [{name: nginx, newTag: \"1.27@\"}]\n",
                ),
                ("a/c.yaml", "images: [{path: spec/image, kind: My}]\n"),
                (
                    "a/x.yaml",
                    "apiVersion: a/v1\nkind: My\nmetadata: {name: a}\nspec: {image: \"nginx:1.27\"}\n",
                ),
            ],
            vec![(
                "a/kustomization.yaml",
                "resources: [x.yaml]\nimages: [{name: nginx, newTag: \"1.27@\"}]\n",
            )],
            "a/kustomization.yaml looks-away",
        ),
    ]);
}

const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web}\nspec:\n  destination: {namespace: prod}\n  source: {path: c, targetRevision: HEAD, helm: {kubeVersion: \"1.29.0\"}}\n";

#[test]
fn what_a_chart_asks_of_its_release_counts() {
    let template = |condition: &str| -> &'static str {
        let text = DEPLOYMENT.replace(
            "image: nginx:1.27",
            &format!(
                "image: {{{{ if {condition} }}}}nginx:1.27@{{{{ else }}}}{{{{ .Values.old }}}}{{{{ end }}}}"
            ),
        );
        Box::leak(text.into_boxed_str())
    };
    let around = |condition: &str| -> &'static str {
        Box::leak(format!("{{{{ if {condition} }}}}\n{DEPLOYMENT}{{{{ end }}}}\n").into_boxed_str())
    };
    let files = |template: &'static str| -> Files {
        vec![
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/values.yaml", "old: nginx:1.27\n"),
            ("c/templates/d.yaml", template),
            ("app.yaml", APPLICATION),
        ]
    };
    let edited = |from: &str, to: &str| -> Files {
        vec![("app.yaml", Box::leak(APPLICATION.replace(from, to).into_boxed_str()))]
    };
    let asked = "c/templates/d.yaml unverifiable";
    refused(vec![
        ("the name", files(template("eq .Release.Name \"web\"")), edited("name: web", "name: web2"), asked),
        ("the namespace", files(template("eq .Release.Namespace \"prod\"")), edited("prod", "prod2"), asked),
        (
            "the cluster",
            files(template("semverCompare \"<1.30\" .Capabilities.KubeVersion.Version")),
            edited("1.29", "1.31"),
            asked,
        ),
        (
            "around the object",
            files(around("eq .Release.Namespace \"prod2\"")),
            edited("prod", "prod2"),
            "c/templates/d.yaml floating-tag",
        ),
        (
            "a commit that is no longer said",
            vec![(
                "g.yaml",
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: w}\nspec: {ref: {commit: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}\n",
            )],
            vec![(
                "g.yaml",
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: w}\nspec: {ref: {branch: main}}\n",
            )],
            "g.yaml looks-away",
        ),
        (
            "another revision of what is here",
            files(around("true")),
            edited("targetRevision: HEAD", "targetRevision: old-release"),
            "app.yaml looks-away",
        ),
    ]);
}

#[test]
fn values_at_another_key_are_other_values() {
    let release = |values: &str| -> &'static str {
        Box::leak(format!("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: a}}\nspec: {{chart: {{spec: {{chart: x}}}}, values: {values}}}\n").into_boxed_str())
    };
    refused(vec![
        (
            "of a release",
            vec![("h.yaml", release("{web: {image: {repository: nginx, tag: \"1.27@\"}}}"))],
            vec![("h.yaml", release("{web: {a: b}, wbe: {image: {repository: nginx, tag: \"1.27@\"}}}"))],
            "h.yaml looks-away",
        ),
        (
            "of a chart",
            vec![("c/values.yaml", "sub: {image: \"nginx:1.27@\"}\n")],
            vec![("c/values.yaml", "web: {image: \"nginx:1.27@\"}\n")],
            "c/values.yaml looks-away",
        ),
    ]);
}
