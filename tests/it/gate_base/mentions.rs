//! What a change mentions and nobody judges: images by their looks, wherever they stand, and values by the names that images
//! ask for.

use super::PIN;
use super::looked_behind::{GONE, Owned, fine, fine_all, text, told};

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
fn a_value_that_had_a_digest_is_missed() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec:\n  chart: {spec: {chart: ./c}}\n  values: {web: {v: \"1.27@sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd\"}}\n";
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources: [{repoURL: https://git.test/r, ref: r}, {chart: web, helm: {valueFiles: [$r/env/prod.conf], fileParameters: [{name: image.tag, path: $r/tag.txt}]}}]\n";
    refused(
        vec![
            (
                "a value of any name in a file of any name",
                vec![("app.argo.yaml", application)],
                "env/prod.conf",
                "v: \"@\"\n",
            ),
            ("a file of one word", vec![("app.argo.yaml", application)], "tag.txt", "@\n"),
            (
                "a patch over a value elsewhere",
                vec![("hr.yaml", release)],
                "kustomization.yaml",
                "resources: [hr.yaml]\npatches:\n- patch: |\n    kind: HelmRelease\n    metadata: {name: a}\n    spec: {values: {web: {v: \"@\"}}}\n",
            ),
            (
                "an operation over a value elsewhere",
                vec![("hr.yaml", release)],
                "kustomization.yaml",
                "resources: [hr.yaml]\npatches:\n- target: {kind: HelmRelease}\n  patch: '[{\"op\": \"replace\", \"path\": \"/spec/values/web/v\", \"value\": \"@\"}]'\n",
            ),
            (
                "values of a generator",
                vec![("kustomization.yaml", "secretGenerator: [{name: v, files: [values.yaml=v.txt]}]\n")],
                "v.txt",
                "image:\n  repository: nginx\n  tag: \"@\"\n",
            ),
            (
                "an expression",
                vec![("main.tf", "resource \"docker_image\" \"a\" {\n  name = local.ref\n}\n")],
                "l.tf",
                "locals {\n  ref = join(\":\", [\"nginx\", \"@\"])\n}\n",
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
fn a_digest_that_is_gone_is_missed_wherever_it_stood() {
    let rows = [
        (
            "an image without a tag",
            "cr.yaml",
            "apiVersion: x.test/v1\nkind: Thing\nmetadata: {name: a}\nspec: {image: \"acme/app:1@\"}\n",
            "apiVersion: x.test/v1\nkind: Thing\nmetadata: {name: a}\nspec: {image: acme/app}\n",
        ),
        (
            "the key",
            "cr.yaml",
            "apiVersion: x.test/v1\nkind: Thing\nmetadata: {name: a}\nspec: {image: \"ghcr.io/acme/app:1@\", size: 1}\n",
            "apiVersion: x.test/v1\nkind: Thing\nmetadata: {name: a}\nspec: {size: 1}\n",
        ),
        (
            "values",
            "hr.yaml",
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec: {values: {image: {repository: a, tag: \"1@\"}, replicas: 1}}\n",
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec: {values: {replicas: 1}}\n",
        ),
        (
            "a parameter",
            "app.argo.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {source: {helm: {parameters: [{name: x, value: \"1@\"}, {name: y, value: a}]}}}\n",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {source: {helm: {parameters: [{name: y, value: a}]}}}\n",
        ),
        (
            "an argument",
            "d.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {args: \"--image=acme/app:1@\"}\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {args: \"--image=acme/app:prod\"}\n",
        ),
        (
            "a parameter of a pipeline behind another",
            "p.yaml",
            "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: a}\nspec: {params: [{name: rel, default: \"1@\"}], tasks: [{name: t, params: [{name: tag, value: $(params.rel)}]}]}\n",
            "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: a}\nspec: {params: [{name: rel, default: \"1\"}], tasks: [{name: t, params: [{name: tag, value: $(params.rel)}]}]}\n",
        ),
    ];
    for (name, file, before, after) in rows {
        let before = vec![(file, before.replace('@', &format!("@{PIN}")))];
        told(&[(name, &before, &[(file, text(after))], &format!("{file} looks-away"))]);
    }
}

#[test]
fn what_a_patch_takes_away_is_missed() {
    let release = format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: a}}\nspec: {{values: {{image: {{tag: \"1@{PIN}\"}}}}}}\n"
    );
    for patch in [
        "[{\"op\": \"remove\", \"path\": \"/spec/values/image\"}]",
        "[{\"op\": \"replace\", \"path\": \"/spec/values\", \"value\": {}}]",
        "[{\"op\": \"move\", \"from\": \"/spec/ref/digest\", \"path\": \"/metadata/namespace\"}]",
        "{kind: HelmRelease, apiVersion: v1, metadata: {name: a}, spec: {values: {$patch: delete}}}",
    ] {
        let kustomization =
            format!("resources: [hr.yaml]\npatches:\n- target: {{kind: HelmRelease}}\n  patch: '{patch}'\n");
        let before =
            vec![("hr.yaml", release.clone()), ("kustomization.yaml", text("resources: [hr.yaml]\n"))];
        told(&[(patch, &before, &[("kustomization.yaml", kustomization)], "kustomization.yaml looks-away")]);
    }
}

#[test]
fn a_tool_that_changes_images_is_said() {
    let pod = |note: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, annotations: {{{note}: \"x\"}}}}\nspec: {{containers: [{{name: a, image: \"a:1@{PIN}\"}}]}}\n"
        )
    };
    for note in
        ["argocd-image-updater.argoproj.io/image-list", "keel.sh/policy", "image.openshift.io/triggers"]
    {
        let before = vec![("a.yaml", pod("note"))];
        told(&[(note, &before, &[("a.yaml", pod(note))], "a.yaml looks-away")]);
    }
}

#[test]
fn one_image_of_a_text_does_not_stand_for_another() {
    let application = |args: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  source:\n    chart: a\n    helm:\n      values: |\n        image: nginx:1.27@{PIN}\n        args: [{args}]\n"
        )
    };
    let before = vec![("a.yaml", application("--verbose"))];
    told(&[(
        "an argument",
        &before,
        &[("a.yaml", application("\"--sidecar=nginx:1.27\""))],
        "a.yaml looks-away",
    )]);
}

#[test]
fn an_image_that_moves_is_another() {
    let pod = |note: &str, arg: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, annotations: {{from: \"{note}\"}}}}\nspec: {{containers: [{{name: a, image: \"a:1@{PIN}\", args: [\"{arg}\"]}}]}}\n"
        )
    };
    let before = vec![("a.yaml", pod("nginx:1.27", "x"))];
    told(&[(
        "from a note to an argument",
        &before,
        &[("a.yaml", pod("x", "nginx:1.27"))],
        "a.yaml looks-away",
    )]);
}

#[test]
fn files_and_encodings_of_other_kinds_are_read() {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let wrapped = BASE64_URL_SAFE_NO_PAD.encode("image:\n  repository: nginx\n  tag: \"1.27\"\n");
    let (first, rest) = wrapped.split_at(20);
    let rows = [
        (
            "an environment",
            "kustomization.yaml",
            "configMapGenerator: [{name: v, envs: [v.env]}]\n",
            "v.env",
            text("REF=nginx:1.27\n"),
        ),
        (
            "a page",
            "kustomization.yaml",
            "configMapGenerator: [{name: v, files: [values.yaml=v.md]}]\n",
            "v.md",
            text("image:\n  repository: nginx\n  tag: \"1.27\"\n"),
        ),
        (
            "settings",
            "kustomization.yaml",
            "configMapGenerator: [{name: v, files: [a.cfg]}]\n",
            "a.cfg",
            text("[kubernetes]\nworker_container = nginx:1.27\n"),
        ),
        (
            "another base64",
            "x.yaml",
            "x: 1\n",
            "s.yaml",
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: v}}\ndata:\n  values.yaml: |\n    {first}\n    {rest}\n"
            ),
        ),
        (
            "a URL",
            "x.yaml",
            "x: 1\n",
            "m.yaml",
            text(
                "kind: MachineConfig\napiVersion: v1\nmetadata: {name: a}\nspec: {source: \"data:,image%3A%20nginx%3A1.27%0Ax%3A%201\"}\n",
            ),
        ),
        (
            "packed",
            "x.yaml",
            "x: 1\n",
            "k.yaml",
            text(
                "kind: KubeadmConfig\napiVersion: v1\nmetadata: {name: a}\nspec: {content: H4sIAAAAAAAAA8vMTUxPtVLITMpLLSrJzMsHAKkfcSQQAAAA}\n",
            ),
        ),
    ];
    for (name, naming, names, file, after) in rows {
        let before = vec![(naming, text(names))];
        told(&[(name, &before, &[(file, after)], &format!("{file} looks-away"))]);
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

#[test]
fn what_a_build_makes_is_not_taken_for_an_image_to_run() {
    let workflow = |steps: &str| {
        format!(
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n{steps}"
        )
    };
    let steps = "      - uses: docker/metadata-action@v5\n        with:\n          images: |\n            ghcr.io/acme/app\n            \
                 acme/app\n      - uses: docker/build-push-action@v6\n        with:\n          tags: ghcr.io/acme/app:1.2.3\n          \
                 cache-from: type=registry,ref=ghcr.io/acme/app:cache\n          cache-to: |\n            \
                 type=registry,ref=ghcr.io/acme/app:cache,mode=max\n          outputs: type=image,name=ghcr.io/acme/app:1.2.3\n      - \
                 uses: docker/build-push-action@v6\n        with:\n          tags: |\n            ghcr.io/acme/app:1.2.3\n            \
                 ghcr.io/acme/app:latest\n      - uses: docker/bake-action@v6\n        with:\n          set: |\n            \
                 *.tags=ghcr.io/acme/app:1.2.3\n            *.cache-to=type=registry,ref=ghcr.io/acme/app:cache\n      - uses: \
                 redhat-actions/buildah-build@v2\n        with: {image: acme/app, tags: ghcr.io/acme/app:1 ghcr.io/acme/app:2}\n";
    let gitlab = |script: &str| format!("stages: [a]\nbuild:\n  stage: a\n  script:\n    - make\n{script}");
    let script = "    - buildah bud -t ghcr.io/acme/app:1.2.3 .\n    - docker push ghcr.io/acme/app:1.2.3\n    - /kaniko/executor \
                  --destination ghcr.io/acme/app:1.2.3 --destination=ghcr.io/acme/app:latest\n    - docker buildx build \
                  --cache-from type=registry,ref=ghcr.io/acme/app:cache .\n";
    let compose = "services:\n  a:\n    build:\n      context: .\n";
    let build = "      tags: [ghcr.io/acme/app:1.2.3]\n      cache_from: ['type=registry,ref=ghcr.io/acme/app:cache', acme/app:c]\n";
    let container = |build: &str| format!("{{\"build\": {{\"dockerfile\": \"Dockerfile\"{build}}}}}");
    let rows: Vec<(&str, Owned, Owned)> = vec![
        (
            "a workflow",
            vec![(".github/workflows/a.yaml", workflow(""))],
            vec![(".github/workflows/a.yaml", workflow(steps))],
        ),
        (
            "a pipeline of GitLab",
            vec![(".gitlab-ci.yml", gitlab(""))],
            vec![(".gitlab-ci.yml", gitlab(script))],
        ),
        (
            "a build of Compose",
            vec![("compose.yaml", text(compose))],
            vec![("compose.yaml", format!("{compose}{build}"))],
        ),
        (
            "a cache of a development container",
            vec![("devcontainer.json", container(""))],
            vec![("devcontainer.json", container(", \"cacheFrom\": \"ghcr.io/acme/dev:cache\""))],
        ),
    ];
    fine_all(&rows);
    let takes = "      - uses: docker/bake-action@v6\n        with:\n          set: |\n            *.args.BASE=ghcr.io/acme/base:1\n";
    let other = "      - uses: acme/deploy@v1\n        with: {tags: 'ghcr.io/acme/app:1.2.3'}\n";
    for steps in [takes, other] {
        let before = [(".github/workflows/a.yaml", workflow(""))];
        let after = [(".github/workflows/a.yaml", workflow(steps))];
        told(&[("what is run", &before, &after, ".github/workflows/a.yaml looks-away")]);
    }
}
