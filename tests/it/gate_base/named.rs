//! What a change names and drops by name, and what it has tools write: rows of a name, the files of before and what becomes of
//! some of them, with `@` for a digest behind an image, and the file that the finding is about.

use super::PIN;
use super::looked_behind::{GONE, Owned, fine, text, told};

type Row = (&'static str, Vec<(&'static str, &'static str)>, Vec<(&'static str, &'static str)>, &'static str);

fn put(files: &[(&'static str, &'static str)]) -> Owned {
    files.iter().map(|(path, said)| (*path, said.replace('@', &format!("@{PIN}")))).collect()
}

fn refused(rows: Vec<Row>) {
    for (name, before, after, file) in rows {
        told(&[(name, &put(&before), &put(&after), &format!("{file} looks-away"))]);
    }
}

const GENERATOR: &str = "configMapGenerator: [{name: v, files: [values.yaml]}]\n";
const PINNED: &str = "image: {repository: nginx, tag: \"1.27@\"}\n";
const FLOATING: &str = "image: {repository: nginx, tag: \"1.27\"}\n";
const MAPS: &str = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: good}\ndata:\n  values.yaml: |\n    image: {tag: \"1.27@\"}\n  old.yaml: |\n    image: {tag: \"1.27\"}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: old}\ndata:\n  values.yaml: |\n    image: {tag: \"1.27\"}\n";
const CHARTS: &str = "kind: OCIRepository\napiVersion: source.toolkit.fluxcd.io/v1\nmetadata: {name: old}\nspec: {url: \"oci://ghcr.io/acme/chart\", ref: {tag: \"1\"}}\n";

const HELM: &str = "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\nmetadata: {name: a}\nspec: {chartRef: {kind: OCIRepository, name: good}, valuesFrom: [{kind: ConfigMap, name: good}]}\n";

#[test]
fn what_was_there_and_nobody_named_is_new_where_it_is_named() {
    refused(vec![
        (
            "a file of a generator",
            vec![
                ("a/kustomization.yaml", GENERATOR),
                ("a/values.yaml", PINNED),
                ("old/values.yaml", FLOATING),
            ],
            vec![(
                "a/kustomization.yaml",
                "configMapGenerator: [{name: v, files: [values.yaml=../old/values.yaml]}]\n",
            )],
            "a/kustomization.yaml",
        ),
        (
            "another object with values",
            vec![("hr.yaml", HELM), ("cm.yaml", MAPS)],
            vec![(
                "hr.yaml",
                "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\nmetadata: {name: a}\nspec: {chartRef: {kind: OCIRepository, name: good}, valuesFrom: [{kind: ConfigMap, name: good}, {kind: ConfigMap, name: old}]}\n",
            )],
            "hr.yaml",
        ),
        (
            "another key of the same",
            vec![("hr.yaml", HELM), ("cm.yaml", MAPS)],
            vec![(
                "hr.yaml",
                "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\nmetadata: {name: a}\nspec: {chartRef: {kind: OCIRepository, name: good}, valuesFrom: [{kind: ConfigMap, name: good, valuesKey: old.yaml}]}\n",
            )],
            "hr.yaml",
        ),
        (
            "another chart",
            vec![("hr.yaml", HELM), ("oci.yaml", CHARTS)],
            vec![(
                "hr.yaml",
                "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\nmetadata: {name: a}\nspec: {chartRef: {kind: OCIRepository, name: old}, valuesFrom: [{kind: ConfigMap, name: good}]}\n",
            )],
            "hr.yaml",
        ),
        (
            "a task",
            vec![
                (
                    "task.yaml",
                    "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: old}\nspec: {steps: [{name: a, image: \"nginx:1.27\"}]}\n",
                ),
                (
                    "run.yaml",
                    "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: r}\nspec: {pipelineSpec: {tasks: [{name: a, taskRef: {name: good}}]}}\n",
                ),
            ],
            vec![(
                "run.yaml",
                "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: r}\nspec: {pipelineSpec: {tasks: [{name: a, taskRef: {name: old}}]}}\n",
            )],
            "run.yaml",
        ),
    ]);
}

#[test]
fn a_digest_behind_a_name_goes_with_the_name() {
    const REMOTE: &str = "resources: [\"https://github.com/acme/x//deploy?ref=v1\"]\n";
    let overlay = |rest: &str| text(&format!("{REMOTE}{rest}\n")).replace('@', &format!("@{PIN}"));
    let patch = |name: &str| {
        text(&format!(
            "kind: Deployment\napiVersion: apps/v1\nmetadata: {{name: {name}}}\nspec: {{template: {{spec: {{containers: [{{name: a, image: \"nginx:1.27@{PIN}\"}}]}}}}}}\n"
        ))
    };
    refused(vec![
        (
            "values that another object has",
            vec![("hr.yaml", HELM), ("cm.yaml", MAPS)],
            vec![(
                "hr.yaml",
                "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\nmetadata: {name: a}\nspec: {chartRef: {kind: OCIRepository, name: good}}\n",
            )],
            "hr.yaml",
        ),
        (
            "a file that is gone",
            vec![
                (
                    "app.argo.yaml",
                    "kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: a}\nspec: {source: {chart: a, helm: {ignoreMissingValueFiles: true, valueFiles: [prod.yaml]}}}\n",
                ),
                ("prod.yaml", PINNED),
            ],
            vec![("prod.yaml", GONE)],
            "app.argo.yaml",
        ),
    ]);
    let file = "kustomization.yaml";
    let rows: [(&str, Owned, Owned, &str); 5] = [
        (
            "an image that is found by its name",
            vec![(file, overlay("images: [{name: nginx, newTag: \"1.27@\"}]"))],
            vec![(file, overlay("images: [{name: nginx2, newTag: \"1.27@\"}]"))],
            file,
        ),
        (
            "a patch in a file",
            vec![(file, overlay("patches: [{path: p.yaml}]")), ("p.yaml", patch("web"))],
            vec![(file, overlay("")), ("p.yaml", text(GONE))],
            file,
        ),
        (
            "whom a patch is for",
            vec![(file, overlay("patches: [{path: p.yaml, target: {name: web}}]")), ("p.yaml", patch("web"))],
            vec![(file, overlay("patches: [{path: p.yaml, target: {name: web2}}]"))],
            file,
        ),
        (
            "whom a patch in a file is for",
            vec![(file, overlay("patches: [{path: p.yaml}]")), ("p.yaml", patch("web"))],
            vec![("p.yaml", patch("web2"))],
            "p.yaml",
        ),
        (
            "whom a patch in a text is for",
            vec![(
                file,
                overlay(
                    "patches:\n- patch: |\n    kind: Deployment\n    metadata: {name: web}\n    spec: {a: {image: \"nginx:1.27@\"}}",
                ),
            )],
            vec![(
                file,
                overlay(
                    "patches:\n- patch: |\n    kind: Deployment\n    metadata: {name: web2}\n    spec: {a: {image: \"nginx:1.27@\"}}",
                ),
            )],
            file,
        ),
    ];
    for (name, before, after, file) in rows {
        told(&[(name, &before, &after, &format!("{file} looks-away"))]);
    }
}

const BASE: &str = "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: a, image: \"ghcr.io/acme/web:1\"}]}}}\n";
const LIST: &str = "resources: [d.yaml]\n";
const OVERLAY: &str = "resources: [../base]\nimages: [{name: ghcr.io/acme/web, newTag: \"1@\"}]\n";
const FLUX: &str = "kind: Kustomization\napiVersion: kustomize.toolkit.fluxcd.io/v1\nmetadata: {name: a}\nspec: {path: ./prod, components: [../pins], sourceRef: {kind: GitRepository, name: r}}\n";
const ARGO: &str = "kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: a}\nspec: {source: {path: c, helm: {valueFiles: [all.yaml, prod.yaml]}}}\n";

#[test]
fn who_is_deployed_by_whom_and_in_which_order_counts() {
    let tree = || {
        vec![("base/d.yaml", BASE), ("base/kustomization.yaml", LIST), ("prod/kustomization.yaml", OVERLAY)]
    };
    let with = |more: &[(&'static str, &'static str)]| [tree(), more.to_vec()].concat();
    let rows: Vec<Row> = vec![
        (
            "another overlay",
            with(&[("dev/kustomization.yaml", "resources: [../base]\n"), ("f.yaml", FLUX)]),
            vec![(
                "f.yaml",
                "kind: Kustomization\napiVersion: kustomize.toolkit.fluxcd.io/v1\nmetadata: {name: a}\nspec: {path: ./dev, components: [../pins], sourceRef: {kind: GitRepository, name: r}}\n",
            )],
            "f.yaml",
        ),
        (
            "no component",
            vec![
                ("base/d.yaml", BASE),
                ("base/kustomization.yaml", LIST),
                ("prod/kustomization.yaml", "resources: [../base]\n"),
                (
                    "pins/kustomization.yaml",
                    "kind: Component\nimages: [{name: ghcr.io/acme/web, newTag: \"1@\"}]\n",
                ),
                ("f.yaml", FLUX),
            ],
            vec![(
                "f.yaml",
                "kind: Kustomization\napiVersion: kustomize.toolkit.fluxcd.io/v1\nmetadata: {name: a}\nspec: {path: ./prod, sourceRef: {kind: GitRepository, name: r}}\n",
            )],
            "f.yaml",
        ),
        (
            "an order of values",
            vec![("a.yaml", ARGO), ("c/all.yaml", FLOATING), ("c/prod.yaml", PINNED)],
            vec![(
                "a.yaml",
                "kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: a}\nspec: {source: {path: c, helm: {valueFiles: [prod.yaml, all.yaml]}}}\n",
            )],
            "a.yaml",
        ),
        (
            "values that are taken instead of others",
            vec![(
                "a.yaml",
                "kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: a}\nspec:\n  source:\n    chart: c\n    helm:\n      values: |\n        image: \"nginx:1.27@\"\n",
            )],
            vec![(
                "a.yaml",
                "kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {name: a}\nspec:\n  source:\n    chart: c\n    helm:\n      values: |\n        image: \"nginx:1.27@\"\n      valuesObject: {replicas: 3}\n",
            )],
            "a.yaml",
        ),
        (
            "an order of environments",
            vec![
                ("c/compose.yaml", "include: [{path: w.yaml, env_file: [a.env, b.env]}]\n"),
                ("c/w.yaml", "services: {a: {image: \"${IMG}\"}}\n"),
                ("c/a.env", "IMG=nginx:1.27\n"),
                ("c/b.env", "IMG=nginx:1.27@\n"),
            ],
            vec![("c/compose.yaml", "include: [{path: w.yaml, env_file: [b.env, a.env]}]\n")],
            "c/compose.yaml",
        ),
        (
            "values that Terraform reads by their names",
            vec![("tf/main.tf", "variable \"v\" {}\n"), ("tf/b.auto.tfvars", "v = \"nginx:1@\"\n")],
            vec![("tf/b.auto.tfvars", GONE)],
            "tf/main.tf",
        ),
    ];
    refused(rows);
    // Nothing changes what the base says any more where it is built as it is.
    let direct = "kind: Kustomization\napiVersion: kustomize.toolkit.fluxcd.io/v1\nmetadata: {name: b}\nspec: {path: ./base, sourceRef: {kind: GitRepository, name: r}}\n";
    told(&[("the base itself", &put(&tree()), &[("f.yaml", text(direct))], "base/d.yaml floating-tag")]);
}

#[test]
fn images_without_a_tag_are_seen_where_something_calls_them_so() {
    let script = |line: &str| {
        text(&format!(
            "kind: Job\napiVersion: batch/v1\nmetadata: {{name: a}}\nspec:\n  args:\n  - |\n    set -e\n    {line}\n"
        ))
    };
    let map = |data: &str| {
        text(&format!("kind: ConfigMap\napiVersion: v1\nmetadata: {{name: a}}\ndata: {{{data}}}\n"))
    };
    for (name, after) in [
        ("a terminal", script("docker run --rm -t nginx:1.27")),
        ("a branch", script("docker run -d ghcr.io/acme/web:main")),
        ("a registry", script("docker run -d registry.acme.io/web:prod")),
        ("a number", script("docker run -d registry.acme.io/web:20417")),
        ("no tag", script("podman run -d -v /a:/b nginx")),
        ("a chart's", script("helm upgrade --install web ./c --set image.tag=main")),
        ("a container's", script("kubectl set image deploy/web web=acme/web")),
        ("an environment's", map("SIDECAR_IMAGE: acme/sidecar")),
        ("a flag's", map("args: \"--proxy-image=acme/proxy\"")),
        ("an annotation's", map("sidecar.test/proxyImage: acme/proxy")),
        (
            "an object's",
            text("kind: Thing\napiVersion: a.test/v1\nmetadata: {name: a}\nspec: {image: acme/web}\n"),
        ),
    ] {
        let (code, findings) = super::looked_behind::judged(&[], &[("a.yaml", after)]);
        assert!(
            code == 1 && findings.iter().any(|it| it.starts_with("a.yaml ")),
            "{name}: {code} {findings:?}"
        );
    }
    for (name, after) in [
        ("a picture", map("image: img/logo.png")),
        ("a preset", text("{\"extends\": [\"docker:pinDigests\", \"config:recommended\"]}\n")),
        ("a build", script("docker build -t acme/web:1 . && docker push acme/web:1")),
        ("words", map("text: \"image: see the docs\"")),
    ] {
        fine(&[(name, &[], &[("a.json", after)])]);
    }
}

#[test]
fn what_writes_images_while_they_run_is_said() {
    let rows: [(&str, &str); 10] = [
        (
            "an assignment",
            "apiVersion: mutations.gatekeeper.sh/v1\nkind: Assign\nmetadata: {name: t}\nspec: {location: \"spec.containers[name:web].image\", parameters: {assign: {value: acme/app}}}\n",
        ),
        (
            "an assignment of parts",
            "apiVersion: mutations.gatekeeper.sh/v1alpha1\nkind: AssignImage\nmetadata: {name: t}\nspec: {location: \"spec.containers[name:*].image\", parameters: {assignPath: acme/app, assignTag: \":1.27\"}}\n",
        ),
        (
            "an override",
            "apiVersion: policy.karmada.io/v1alpha1\nkind: OverridePolicy\nmetadata: {name: t}\nspec: {overrideRules: [{overriders: {plaintext: [{path: /spec/template/spec/containers/0/image, operator: replace, value: acme/app}]}}]}\n",
        ),
        (
            "an event",
            "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: t}\nspec: {triggers: [{template: {k8s: {parameters: [{src: {value: acme/app}, dest: spec.containers.0.image}]}}}]}\n",
        ),
        (
            "a mutation by an expression",
            "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: t}\nspec: {rules: [{name: s, mutate: {foreach: [{list: request.object.spec.containers, patchStrategicMerge: {spec: {containers: [{name: a, image: \"{{ trim_prefix(element.image, 'x') }}\"}]}}}]}}]}\n",
        ),
        (
            "a mutation by a program",
            "apiVersion: admissionregistration.k8s.io/v1beta1\nkind: MutatingAdmissionPolicy\nmetadata: {name: t}\nspec:\n  mutations:\n  - applyConfiguration:\n      expression: >\n        Object{spec: Object.spec{containers: [Object.spec.containers{name: \"web\", image: \"nginx:\" + \"1.27\"}]}}\n",
        ),
        (
            "a difference that is ignored",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: t}\nspec: {ignoreDifferences: [{kind: Deployment, jsonPointers: [/spec/template/spec/containers/0/image]}]}\n",
        ),
        (
            "a composition",
            "apiVersion: apiextensions.crossplane.io/v1\nkind: Composition\nmetadata: {name: t}\nspec: {resources: [{patches: [{fromFieldPath: spec.image, toFieldPath: \"spec.forProvider.manifest.spec.containers[0].image\"}]}]}\n",
        ),
        (
            "a part of an image",
            "apiVersion: policy.karmada.io/v1alpha1\nkind: OverridePolicy\nmetadata: {name: t}\nspec: {overrideRules: [{overriders: {imageOverrider: [{component: Tag, operator: replace, value: \"1.28\"}]}}]}\n",
        ),
        (
            "a trigger",
            "apiVersion: apps.openshift.io/v1\nkind: DeploymentConfig\nmetadata: {name: t}\nspec: {triggers: [{type: ImageChange, imageChangeParams: {automatic: true, from: {kind: ImageStreamTag, name: web}}}]}\n",
        ),
    ];
    for (name, policy) in rows {
        told(&[(name, &[], &[("p.yaml", text(policy))], "p.yaml looks-away")]);
    }
}

#[test]
fn images_are_seen_in_keys_commands_actions_and_layers() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let mut packed = text("kind: Pod\nspec: {containers: [{name: a, image: \"nginx:1.27\"}]}\n");
    for _ in 0..6 {
        packed = BASE64_STANDARD.encode(&packed);
    }
    let rows = [
        (
            "a key",
            "a.yaml",
            text(
                "apiVersion: a.test/v1\nkind: Preload\nmetadata: {name: t}\nspec: {pull: {\"nginx:1.27\": {}}}\n",
            ),
        ),
        (
            "a key of an expression",
            "m.tf",
            text("resource \"a\" \"b\" {\n  for_each = { \"nginx:1.27\" = 1 }\n}\n"),
        ),
        (
            "a command without a tag",
            "a.yaml",
            text(
                "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t}\ndata: {run: \"kubectl create deployment web --image nginx\"}\n",
            ),
        ),
        (
            "an action of a template in a text",
            "a.yaml",
            text(
                "kind: Composition\napiVersion: apiextensions.crossplane.io/v1\nmetadata: {name: t}\nspec:\n  template: |\n    {{- $ref := \"nginx:1.27\" }}\n    kind: Pod\n    image: {{ $ref }}\n",
            ),
        ),
        (
            "base64 of base64",
            "a.yaml",
            format!("kind: Secret\napiVersion: v1\nmetadata: {{name: t}}\ndata: {{a: \"{packed}\"}}\n"),
        ),
        (
            "a program of manifests",
            "d.jsonnet",
            text("{kind: \"Pod\", spec: {containers: [{image: \"nginx:1.27\"}]}}\n"),
        ),
        (
            "a policy to pull what is built elsewhere",
            "compose.override.yaml",
            text("services: {web: {pull_policy: always}}\n"),
        ),
        ("a unit of systemd", "w.service", text("[Service]\nExecStart=/usr/bin/podman run nginx:1.27\n")),
        (
            "a key that a deployer fills",
            "a.yaml",
            text(
                "kind: Pod\napiVersion: v1\nmetadata: {name: t}\nspec: {containers: [{name: web, \"${K}\": nginx}]}\n",
            ),
        ),
        (
            "a second document that is broken",
            "a.yaml",
            text(
                "kind: ConfigMap\napiVersion: v1\nmetadata: {name: t}\ndata:\n  x.yaml: |\n    a: b\n    ---\n    c: {{{ x\n    ref: evil.io/x/y:9.9\n",
            ),
        ),
    ];
    for (name, file, after) in rows {
        told(&[(name, &[], &[(file, after)], &format!("{file} looks-away"))]);
    }
    let inner = |tag: &str| {
        text(&format!(
            "kind: ExternalSecret\napiVersion: external-secrets.io/v1\nmetadata: {{name: t}}\nspec:\n  data:\n    values.yaml: |\n      pw: {{{{ .pw }}}}\n      image: {{{{ printf \"nginx:%s\" \"{tag}\" }}}}\n"
        ))
    };
    let before = vec![("a.yaml", inner(&format!("1.27@{PIN}")))];
    told(&[("an action that had a digest", &before, &[("a.yaml", inner("1.27"))], "a.yaml looks-away")]);
    let chart = |packed: &str| {
        text(&format!(
            "kind: HelmChart\napiVersion: helm.cattle.io/v1\nmetadata: {{name: a}}\nspec:\n  chartContent: {packed}\n"
        ))
    };
    let before = vec![("a.yaml", chart("H4sIAAAAAAACA8tLz8yrsDLUMzJ3KM5INDI1s0pMogwCAMNtt19SAAAA"))];
    let after = [("a.yaml", chart("H4sIAAAAAAACA8tLz8yrsDLUMzIHACsW4iMKAAAA"))];
    told(&[("another packed chart", &before, &after, "a.yaml looks-away")]);
    let script = |image: &str| text(&format!("#!/bin/sh\ndocker run {image}\n"));
    let before = vec![("run.sh", script(&format!("nginx:1.27@{PIN}")))];
    told(&[(
        "a script that had a digest",
        &before,
        &[("run.sh", script("nginx:1.27"))],
        "run.sh looks-away",
    )]);
    fine(&[("a page that had one", &[("a.md", script(&format!("a:1@{PIN}")))], &[("a.md", script("a:1"))])]);
}

#[test]
fn who_names_otherwise_and_changes_no_image_is_left_alone() {
    let renamed = vec![("a/kustomization.yaml", GENERATOR), ("a/values.yaml", PINNED)];
    let floating = vec![("a/kustomization.yaml", GENERATOR), ("a/values.yaml", FLOATING)];
    let moved = |values: &'static str| {
        vec![
            ("a/kustomization.yaml", "configMapGenerator: [{name: v, files: [values.yaml=v2.yaml]}]\n"),
            ("a/values.yaml", GONE),
            ("a/v2.yaml", values),
        ]
    };
    let rows: Vec<(&str, Vec<_>, Vec<_>)> = vec![
        ("a pinned file of another name", renamed.clone(), moved(PINNED)),
        ("a file of another name that floats as before", floating, moved(FLOATING)),
        (
            "what is no longer deployed",
            vec![
                ("kustomization.yaml", "resources: [cm.yaml, b.yaml]\n"),
                (
                    "cm.yaml",
                    "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {image: \"nginx:1.27@\"}\n",
                ),
                ("b.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: b}\ndata: {a: b}\n"),
            ],
            vec![("kustomization.yaml", "resources: [b.yaml]\n"), ("cm.yaml", GONE)],
        ),
        (
            "a policy that only judges",
            vec![],
            vec![(
                "p.yaml",
                "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: t}\nspec: {rules: [{name: s, validate: {message: a digest, foreach: [{list: request.object.spec.containers, deny: {conditions: {any: [{key: \"{{ element.image }}\", operator: NotEquals, value: \"*@*\"}]}}}]}}]}\n",
            )],
        ),
        (
            "a host by a variable",
            vec![],
            vec![(
                "i.yaml",
                "kind: Service\napiVersion: v1\nmetadata: {name: a, annotations: {\"dns.${DOMAIN}/name\": x}}\nspec: {}\n",
            )],
        ),
        (
            "a build that starts for a file",
            vec![("old.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {a: b}\n")],
            vec![(".github/workflows/a.yaml", "on: {push: {paths: [old.yaml]}}\njobs: {}\n")],
        ),
    ];
    for (name, before, after) in rows {
        fine(&[(name, &put(&before), &put(&after))]);
    }
}
