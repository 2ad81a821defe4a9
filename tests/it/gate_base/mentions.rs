//! What a change mentions and nobody judges: images by their looks, wherever they stand, and values by the names that images
//! ask for.

use super::PIN;
use super::looked_behind::{GONE, Owned, fine, text, told};

/// A tree, the file in it that changes, and its text with `@` where a value with a digest becomes one without.
type Row = (&'static str, Vec<(&'static str, &'static str)>, &'static str, &'static str);

fn trees(row: &Row, value: &str) -> (Owned, Owned) {
    let (_, others, file, template) = row;
    let put = |value: &str| (*file, text(&template.replace('@', value)));
    let mut before: Owned = others.iter().map(|(path, others)| (*path, text(others))).collect();
    before.push(put(&format!("{value}@{PIN}")));
    (before, vec![put(value)])
}

fn refused(rows: Vec<Row>, value: &str) {
    for row in rows {
        let (before, after) = trees(&row, value);
        told(&[(row.0, &before, &after, &format!("{} looks-away", row.2))]);
    }
}

#[test]
fn an_image_is_seen_where_no_place_is_known() {
    refused(
        vec![
            (
                "a text among values",
                vec![],
                "values.yaml",
                "extra: |\n  kind: Pod\n  spec: {containers: [{name: a, image: \"@\"}]}\n",
            ),
            (
                "a default of a parameter",
                vec![],
                "t.yaml",
                "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  params: [{name: ref, default: \"@\"}]\n",
            ),
            (
                "a patch of any kind",
                vec![],
                "p.yaml",
                "apiVersion: policy.karmada.io/v1alpha1\nkind: OverridePolicy\nspec: {overriders: {plaintext: [{path: /a, value: \"@\"}]}}\n",
            ),
            (
                "a default inside of a text",
                vec![],
                "k.yaml",
                "apiVersion: kro.run/v1alpha1\nkind: ResourceGraphDefinition\nspec: {schema: {spec: {ref: 'string | default=\"@\"'}}}\n",
            ),
            (
                "a patch in JSON in a text",
                vec![],
                "w.yaml",
                "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n  podSpecPatch: '{\"containers\":[{\"name\":\"main\",\"image\":\"@\"}]}'\n",
            ),
            (
                "files of a machine",
                vec![],
                "m.yaml",
                "apiVersion: x/v1\nkind: KubeadmControlPlane\nspec:\n  files:\n  - path: /etc/a.yaml\n    content: |\n      spec:\n        containers:\n        - image: @\n",
            ),
            (
                "a file of no known name",
                vec![(
                    "kustomization.yaml",
                    "configMapGenerator: [{name: v, files: [values.yaml=conf/prod.conf]}]\n",
                )],
                "conf/prod.conf",
                "image:\n  repository: acme/app\n  other: \"@\"\n",
            ),
            (
                "values of a variable",
                vec![("main.tf", "variable \"ref\" {}\n")],
                "prod.tfvars",
                "ref = \"@\"\n",
            ),
            (
                "a text in a text",
                vec![],
                "kustomization.yaml",
                "patches:\n- patch: |\n    kind: ConfigMap\n    metadata: {name: v}\n    data:\n      values.yaml: |\n        extra: \"@\"\n",
            ),
        ],
        "nginx:1.27",
    );
}

#[test]
fn a_secret_is_read_through_its_encoding() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let secret = |tag: &str| {
        let values = BASE64_STANDARD.encode(format!("image:\n  repository: nginx\n  tag: \"{tag}\"\n"));
        text(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: v}}\ndata: {{values.yaml: {values}}}\n"
        ))
    };
    let before = vec![("s.yaml", secret(&format!("1.27@{PIN}")))];
    told(&[("values in a Secret", &before, &[("s.yaml", secret("1.27"))], "s.yaml looks-away")]);
}

#[test]
fn a_value_is_seen_that_an_image_asks_for_by_name() {
    let pipeline = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  params: [{name: v}]\n  steps: [{name: a, image: \"nginx:$(params.v)\"}]\n";
    let flux = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"nginx:${VER}\"}]}\n";
    let set = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  generators: [{git: {repoURL: https://git.test/r, files: [{path: 'cfg/*.json'}]}}]\n  template: {spec: {source: {chart: a, helm: {parameters: [{name: image.tag, value: '{{v}}'}]}}}}\n";
    refused(
        vec![
            (
                "a parameter of a run elsewhere",
                vec![("tasks/t.yaml", pipeline)],
                "runs/r.yaml",
                "apiVersion: tekton.dev/v1\nkind: TaskRun\nspec:\n  params: [{name: v, value: \"@\"}]\n",
            ),
            (
                "a substitute by a patch",
                vec![("apps/d.yaml", flux)],
                "c/kustomization.yaml",
                "patches:\n- patch: |\n    apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    metadata: {name: a}\n    spec: {postBuild: {substitute: {VER: \"@\"}}}\n",
            ),
            (
                "a substitute by an operation",
                vec![("apps/d.yaml", flux)],
                "c/kustomization.yaml",
                "patches:\n- target: {kind: ConfigMap}\n  patch: '[{\"op\":\"replace\",\"path\":\"/data/VER\",\"value\":\"@\"}]'\n",
            ),
            (
                "what a generator of files reads",
                vec![("as.yaml", set)],
                "cfg/a.json",
                "{\"name\": \"a\", \"v\": \"@\"}\n",
            ),
            (
                "a parameter by its name",
                vec![],
                "as.yaml",
                "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  templatePatch: |\n    spec: {source: {helm: {parameters: [{name: image.tag, value: '@'}]}}}\n",
            ),
        ],
        "1.27",
    );
}

#[test]
fn a_digest_that_a_merge_takes_away_is_missed() {
    let kustomization = |patch: &str| {
        text(&format!(
            "resources: [o.yaml]\npatches:\n- patch: |\n    apiVersion: source.toolkit.fluxcd.io/v1\n    kind: OCIRepository\n    metadata: {{name: o}}\n    spec: {{{patch}}}\n"
        ))
    };
    let before = vec![
        (
            "o.yaml",
            text(&format!(
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: o}}\nspec: {{url: \"oci://ghcr.io/acme/chart\", ref: {{tag: \"1\", digest: \"{PIN}\"}}}}\n"
            )),
        ),
        ("kustomization.yaml", kustomization("interval: 5m")),
    ];
    for patch in ["ref: {digest: null}", "ref: null", "ref: {$patch: replace, tag: \"2\"}"] {
        let after = [("kustomization.yaml", kustomization(patch))];
        told(&[(patch, &before, &after, "kustomization.yaml looks-away")]);
    }
}

#[test]
fn what_reads_like_no_image_is_left_alone() {
    let before = vec![(
        "d.yaml",
        text(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: a, image: \"nginx:1.27@{PIN}\"}}]}}\n"
        )),
    )];
    let rows = [
        (
            "addresses",
            "a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {REDIS: \"redis:6379\", DB: \"db.prod.svc:80\", URL: \"https://a:8080/x\"}\n",
        ),
        (
            "words",
            "a.yaml",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: a}\nsubjects: [{kind: Group, name: \"system:masters\"}]\n",
        ),
        ("rules", "a.yaml", "groups: [{name: g, rules: [{record: \"job:request_rate:sum5m\", expr: up}]}]\n"),
        (
            "a pinned image in a text",
            "a.yaml",
            &format!(
                "extra: |\n  kind: Pod\n  spec: {{containers: [{{name: a, image: \"nginx:1.27@{PIN}\"}}]}}\n"
            ),
        ),
        (
            "a description",
            "a.yaml",
            "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  params: [{name: ref, description: \"such as nginx:1.27\"}]\n",
        ),
        ("a page", "README.md", "    docker run nginx:1.27\n"),
        ("a digest of null among values", "svc.yaml", "digest: null\n"),
    ];
    for (name, file, after) in rows {
        fine(&[(name, &before, &[(file, text(after))])]);
    }
}

#[test]
fn what_a_file_mentioned_before_is_no_news() {
    let values = "extra: |\n  kind: Pod\n  spec: {containers: [{name: a, image: \"nginx:1.27\"}]}\n";
    let before = vec![("a/values.yaml", text(values))];
    fine(&[
        ("a comment", &before, &[("a/values.yaml", text(&format!("# x\n{values}other: 1\n")))]),
        ("another name", &before, &[("a/values.yaml", text(GONE)), ("b/values.yaml", text(values))]),
    ]);
}
