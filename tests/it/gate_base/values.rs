//! What is deployed floats because a value elsewhere changes: a part of an image in other values, in a deployer's parameters.

use super::PIN;
use super::looked_behind::{GONE, Owned, fine_all, text, told, told_all};

const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

fn chart(values: &str) -> Owned {
    let template = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    image: \"{{ .Values.image.repository }}:{{ .Values.image.tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}\"\n";
    vec![
        ("c/Chart.yaml", text(CHART)),
        ("c/templates/a.yaml", text(template)),
        ("c/values.yaml", text(values)),
    ]
}

fn pinned_chart() -> Owned {
    chart(&format!("image:\n  repository: redis\n  tag: \"7\"\n  digest: {PIN}\n"))
}

fn inline_chart() -> Owned {
    chart(&format!("image:\n  repository: redis\n  tag: \"7@{PIN}\"\n"))
}

fn release(values: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: a}}\nspec:\n  chart: {{spec: {{chart: a}}}}\n{values}"
    )
}

fn application(helm: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  source:\n    chart: a\n    helm:\n{helm}"
    )
}

fn config_map(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: v}}\ndata: {data}\n")
}

#[test]
fn a_part_of_an_image_in_other_values_is_judged() {
    let rows = [
        ("tag and empty digest", "image: {tag: \"8\", digest: \"\"}\n", "floating-tag"),
        ("an empty digest", "image: {digest: \"\"}\n", "floating-tag"),
        ("a digest of null", "image: {digest: null}\n", "floating-tag"),
        ("a digest of nothing", "image:\n  digest:\n", "floating-tag"),
        ("an image of null", "image: null\n", "unverifiable"),
        ("an image of nothing", "image:\n", "unverifiable"),
        ("a name and no digest", "image: {repository: evil/redis, digest: \"\"}\n", "unverifiable"),
        ("a name", "image: {repository: \"\", tag: \"8\", digest: \"\"}\n", "unverifiable"),
        ("a merge", "x: &x {tag: \"8\", digest: \"\"}\nimage:\n  <<: *x\n", "floating-tag"),
        ("an alias", "x: &x {tag: \"8\", digest: \"\"}\nimage: *x\n", "floating-tag"),
        ("an alias of the text", "x: &x \"\"\nimage: {digest: *x}\n", "floating-tag"),
        ("in JSON", "{\"image\": {\"digest\": \"\"}}\n", "floating-tag"),
        ("spelled otherwise", "\"im\\u0061ge\": {\"dig\\u0065st\": \"\"}\n", "floating-tag"),
    ];
    let (chart, inline) = (pinned_chart(), inline_chart());
    for (name, values, rule) in rows {
        for file in ["c/values-prod.yaml", "c/prod.values.yaml"] {
            told(&[(name, &chart, &[(file, text(values))], &format!("{file} {rule}"))]);
        }
    }
    told(&[
        (
            "a tag that held the digest",
            &inline,
            &[("c/values-prod.yaml", text("image: {tag: \"8\"}\n"))],
            "c/values-prod.yaml floating-tag",
        ),
        (
            "another whole name",
            &inline,
            &[("c/values-prod.yaml", text("image: {tag: latest}\n"))],
            "c/values-prod.yaml floating-tag",
        ),
    ]);
    // A chart that is elsewhere.
    for (name, values) in [
        ("a tag", "image: {tag: \"8\"}\n"),
        ("a tag below", "web: {image: {tag: \"8\"}}\n"),
        ("an empty digest", "image: {digest: \"\"}\n"),
        ("a name", "image: {repository: redis}\n"),
        ("a registry", "image: {registry: evil.example}\n"),
        ("a whole name", "image: redis\n"),
        ("flat", "imageTag: \"8\"\n"),
        ("flat with a stem", "web_image_tag: \"8\"\n"),
        ("a flat digest", "webImageDigest: \"\"\n"),
        ("a tag alone", "tag: \"8\"\n"),
        ("a tag in something", "web: {tag: v8.1}\n"),
        ("a tag in a list", "jobs: [{image: {tag: \"8\"}}]\n"),
        ("in a map of images", "images: {web: {tag: \"8\"}}\n"),
        ("of all", "global: {tag: v8}\n"),
        ("the registry of all", "global: {imageRegistry: evil.example}\n"),
    ] {
        told(&[
            (name, &[], &[("envs/values-prod.yaml", text(values))], "envs/values-prod.yaml unverifiable"),
            (
                name,
                &[("a.yaml", release(""))],
                &[("a.yaml", release(&format!("  values:\n    {}\n", values.trim_end())))],
                "a.yaml unverifiable",
            ),
        ]);
    }
    told(&[
        (
            "any name",
            &[],
            &[("envs/prod.yaml", text("image: {tag: \"8\"}\n"))],
            "envs/prod.yaml unverifiable",
        ),
        (
            "another tag",
            &[("values-prod.yaml", text("image: {tag: \"8\"}\n"))],
            &[("values-prod.yaml", text("image: {tag: \"9\"}\n"))],
            "values-prod.yaml unverifiable",
        ),
        (
            "a digest less",
            &[("values-prod.yaml", format!("image: {{tag: \"8\", digest: {PIN}}}\n"))],
            &[("values-prod.yaml", text("image: {tag: \"8\"}\n"))],
            "values-prod.yaml unverifiable",
        ),
        (
            "elsewhere in the file",
            &[(
                "values-prod.yaml",
                format!("a: {{image: {{tag: \"8\", digest: {PIN}}}}}\nb: {{image: {{tag: \"8\"}}}}\n"),
            )],
            &[("values-prod.yaml", text("a: {image: {tag: \"8\"}}\n"))],
            "values-prod.yaml unverifiable",
        ),
        (
            "another release in the file",
            &[(
                "a.yaml",
                format!(
                    "{}---\n{}",
                    release("  values: {image: {tag: \"8\"}}\n"),
                    release(&format!("  values: {{image: {{tag: \"8\", digest: {PIN}}}}}\n"))
                        .replace("name: a", "name: b")
                ),
            )],
            &[(
                "a.yaml",
                format!(
                    "{}---\n{}",
                    release(&format!("  values: {{image: {{tag: \"8\", digest: {PIN}}}}}\n")),
                    release("  values: {image: {tag: \"8\"}}\n").replace("name: a", "name: b")
                ),
            )],
            "a.yaml unverifiable",
        ),
    ]);
}

#[test]
fn what_overlays_values_and_goes_is_judged() {
    let floating = chart("image:\n  repository: redis\n  tag: \"7\"\n  digest: \"\"\n");
    let with = |values: String| [floating.clone(), vec![("c/values-prod.yaml", values)]].concat();
    let partial = with(format!("image: {{digest: {PIN}}}\n"));
    let whole = with(format!("image: {{repository: redis, tag: \"7\", digest: {PIN}}}\n"));
    told(&[
        ("a part", &partial, &[("c/values-prod.yaml", text("replicas: 1\n"))], "c/values.yaml floating-tag"),
        ("a whole", &whole, &[("c/values-prod.yaml", text("replicas: 1\n"))], "c/values.yaml floating-tag"),
        ("the file", &whole, &[("c/values-prod.yaml", text(GONE))], "c/values.yaml floating-tag"),
    ]);
}

#[test]
fn parameters_of_deployers_are_judged() {
    let parameters = |list: &str| application(&format!("      parameters: {list}\n"));
    let argo = |list: &str| vec![("a.yaml", parameters(list))];
    let pinned = format!("      valuesObject: {{image: {{repository: redis, tag: \"7\", digest: {PIN}}}}}\n");
    let over = |list: &str| vec![("a.yaml", application(&format!("{pinned}      parameters: {list}\n")))];
    let set = |rest: &str| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: a}}\nspec:\n  generators: [{{list: {{elements: [{{a: b}}]}}}}]\n{rest}"
        );
        vec![("a.yaml", text)]
    };
    let of_generator = |tag: &str, source: &str| {
        let text = set(&format!("  template: {{spec: {{source: {{{source}}}}}}}\n")).remove(0).1;
        vec![("a.yaml", text.replace("{a: b}", &format!("{{tag: \"{tag}\"}}")))]
    };
    let generated =
        |tag: &str| of_generator(tag, "helm: {parameters: [{name: image.tag, value: \"{{.tag}}\"}]}");
    let generated_image = |tag: &str| of_generator(tag, "kustomize: {images: [\"redis:{{tag}}\"]}");
    let file = |rest: &str| vec![("apps/a/.argocd-source.yaml", text(rest))];
    let helmfile =
        |rest: &str| vec![("helmfile.yaml", format!("releases:\n- name: a\n  chart: b/a\n{rest}"))];
    let app = || vec![("a.yaml", application("      releaseName: a\n"))];
    let cases: Vec<(&str, Owned, Owned, &str)> = vec![
        ("a tag", app(), argo("[{name: image.tag, value: \"8\"}]"), "a.yaml unverifiable"),
        ("a tag below", app(), argo("[{name: web.image.tag, value: \"8\"}]"), "a.yaml unverifiable"),
        ("an item", app(), argo("[{name: \"jobs[0].image.tag\", value: \"8\"}]"), "a.yaml unverifiable"),
        ("an empty digest", app(), argo("[{name: image.digest, value: \"\"}]"), "a.yaml unverifiable"),
        ("a name", app(), argo("[{name: image.repository, value: evil/x}]"), "a.yaml unverifiable"),
        ("a whole image", app(), argo("[{name: image, value: \"redis:8\"}]"), "a.yaml floating-tag"),
        ("name and tag", app(), argo("[{name: image.repository, value: redis}, {name: image.tag, value: \"8\"}]"), "a.yaml floating-tag"),
        ("of all", app(), argo("[{name: global.tag, value: v8}]"), "a.yaml unverifiable"),
        ("flat", app(), argo("[{name: imageTag, value: \"8\"}]"), "a.yaml unverifiable"),
        ("several", app(), vec![("a.yaml", application("      releaseName: a\n").replace("  source:\n", "  sources:\n  -\n").replace("releaseName: a", "parameters: [{name: image.tag, value: \"8\"}]"))], "a.yaml unverifiable"),
        ("a file", app(), vec![("a.yaml", application("      fileParameters: [{name: image.tag, path: tag.txt}]\n"))], "a.yaml unverifiable"),
        ("over values", vec![], over("[{name: image.digest, value: \"\"}]"), "a.yaml floating-tag"),
        ("values as a text", app(), vec![("a.yaml", application("      values: |\n        image: {tag: \"8\"}\n"))], "a.yaml unverifiable"),
        ("values as a quoted text", app(), vec![("a.yaml", application("      values: \"image: {tag: '8'}\"\n"))], "a.yaml unverifiable"),
        ("values as an object", app(), vec![("a.yaml", application("      valuesObject: {image: {tag: \"8\"}}\n"))], "a.yaml unverifiable"),
        ("a set", vec![], set("  template: {spec: {source: {chart: a, helm: {parameters: [{name: image.tag, value: \"8\"}]}}}}\n"), "a.yaml unverifiable"),
        ("a set of several", vec![], set("  template: {spec: {sources: [{chart: a, helm: {valuesObject: {image: {tag: \"8\"}}}}]}}\n"), "a.yaml unverifiable"),
        ("a set's patch", vec![], set("  templatePatch: |\n    spec:\n      source:\n        helm:\n          valuesObject: {image: {tag: \"8\"}}\n"), "a.yaml unverifiable"),
        ("a generator's template", vec![], set("  generators: [{git: {template: {spec: {source: {helm: {parameters: [{name: image.tag, value: \"8\"}]}}}}}}]\n").into_iter().map(|(path, text)| (path, text.replacen("  generators: [{list: {elements: [{a: b}]}}]\n", "", 1))).collect(), "a.yaml unverifiable"),
        (
            "what a generator gives",
            generated(&format!("7@{PIN}")),
            generated("8"),
            "a.yaml unverifiable",
        ),
        (
            "what a generator gives to an image",
            generated_image(&format!("7@{PIN}")),
            generated_image("8"),
            "a.yaml floating-tag",
        ),
        ("beside the source", vec![], file("helm:\n  parameters:\n  - {name: image.tag, value: \"8\"}\n"), "apps/a/.argocd-source.yaml unverifiable"),
        ("beside the source, of one", vec![], vec![("apps/a/.argocd-source-shop.yaml", text("helm:\n  parameters:\n  - {name: image.tag, value: \"8\", forcestring: true}\n"))], "apps/a/.argocd-source-shop.yaml unverifiable"),
        ("beside the source, images", vec![], file("kustomize:\n  images: [\"redis:8\"]\n"), "apps/a/.argocd-source.yaml floating-tag"),
        ("beside the source, values", vec![], file("helm:\n  valuesObject: {image: {tag: \"8\"}}\n"), "apps/a/.argocd-source.yaml unverifiable"),
        ("helmfile's set", vec![], helmfile("  set: [{name: image.tag, value: \"8\"}]\n"), "helmfile.yaml unverifiable"),
        ("helmfile's set of a file", vec![], helmfile("  set: [{name: image.tag, file: a.txt}]\n"), "helmfile.yaml unverifiable"),
        ("helmfile's values", vec![], helmfile("  values: [{image: {tag: \"8\"}}]\n"), "helmfile.yaml unverifiable"),
        ("helmfile's environments", vec![], vec![("helmfile.yaml", text("environments: {prod: {values: [{image: {tag: \"8\"}}]}}\nreleases: [{name: a, chart: b/a}]\n"))], "helmfile.yaml unverifiable"),
        (
            "a value from elsewhere",
            vec![("a.yaml", release("  valuesFrom: [{kind: ConfigMap, name: v, valuesKey: tag, targetPath: image.tag}]\n")), ("v.yaml", config_map(&format!("{{tag: \"8@{PIN}\"}}")))],
            vec![("v.yaml", config_map("{tag: \"8\"}"))],
            "a.yaml unverifiable",
        ),
        (
            "a value from elsewhere that comes",
            vec![("a.yaml", release("")), ("v.yaml", config_map("{tag: \"8\"}"))],
            vec![("a.yaml", release("  valuesFrom: [{kind: ConfigMap, name: v, valuesKey: tag, targetPath: image.tag}]\n"))],
            "a.yaml unverifiable",
        ),
        (
            "a value from a secret",
            vec![("a.yaml", release(""))],
            vec![("a.yaml", release("  valuesFrom: [{kind: Secret, name: v, valuesKey: tag, targetPath: image.tag}]\n"))],
            "a.yaml unverifiable",
        ),
        (
            "values in a map",
            vec![("v.yaml", config_map("{values.yaml: \"a: b\"}"))],
            vec![("v.yaml", config_map("{values.yaml: \"image: {tag: '8'}\"}"))],
            "v.yaml unverifiable",
        ),
        (
            "whole values in a map",
            vec![("v.yaml", config_map("{values.yaml: \"a: b\"}"))],
            vec![("v.yaml", config_map("\n  values.yaml: |\n    image: {repository: redis, tag: \"8\"}"))],
            "v.yaml floating-tag",
        ),
        ("k3s", vec![], vec![("a.yaml", text("apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: a}\nspec: {chart: a, set: {image.tag: \"8\"}}\n"))], "a.yaml unverifiable"),
        ("k3s as a text", vec![], vec![("a.yaml", text("apiVersion: helm.cattle.io/v1\nkind: HelmChartConfig\nmetadata: {name: a}\nspec:\n  valuesContent: |\n    image: {tag: \"8\"}\n"))], "a.yaml unverifiable"),
        ("a chart of kustomize", vec![("kustomization.yaml", text("helmCharts: [{name: a}]\n"))], vec![("kustomization.yaml", text("helmCharts: [{name: a, valuesInline: {image: {tag: \"8\"}}}]\n"))], "kustomization.yaml unverifiable"),
        ("values of a chart of kustomize", vec![("kustomization.yaml", text("helmCharts: [{name: a, additionalValuesFiles: [prod.yaml]}]\n")), ("prod.yaml", text("a: b\n"))], vec![("prod.yaml", text("image: {tag: \"8\"}\n"))], "prod.yaml unverifiable"),
        ("values of a chart of kustomize, by any name", vec![("kustomization.yaml", text("helmCharts: [{name: a, valuesFile: prod.txt}]\n")), ("prod.txt", text("a: b\n"))], vec![("prod.txt", text("image: {tag: \"8\"}\n"))], "prod.txt unverifiable"),
        ("an image after rendering", vec![], vec![("a.yaml", release("  postRenderers: [{kustomize: {images: [{name: redis, newTag: \"8\"}]}}]\n"))], "a.yaml floating-tag"),
        ("a patch after rendering", vec![], vec![("a.yaml", release("  postRenderers: [{kustomize: {patchesStrategicMerge: [{kind: Deployment, apiVersion: apps/v1, metadata: {name: a}, spec: {template: {spec: {containers: [{name: a, image: \"redis:8\"}]}}}}]}}]\n"))], "a.yaml floating-tag"),
        ("a JSON patch after rendering", vec![], vec![("a.yaml", release("  postRenderers: [{kustomize: {patchesJson6902: [{target: {kind: Deployment}, patch: [{op: replace, path: /spec/template/spec/containers/0/image, value: \"redis:8\"}]}]}}]\n"))], "a.yaml floating-tag"),
    ];
    told_all(&cases);
}

#[test]
fn honest_values_are_left_alone() {
    let (chart, inline) = (pinned_chart(), inline_chart());
    let other = |values: &str| vec![("c/values-prod.yaml", text(values))];
    let digest = format!("image: {{tag: \"8\", digest: {PIN}}}\n");
    let at = |values: &str| vec![("envs/values-prod.yaml", text(values))];
    let parameters = |list: &str| vec![("a.yaml", application(&format!("      parameters: {list}\n")))];
    let cases: Vec<(&str, Owned, Owned)> = vec![
        ("a policy", chart.clone(), other("image: {pullPolicy: Always}\nreplicas: 2\n")),
        ("a tag beside a digest", chart.clone(), other(&digest)),
        ("a digest", chart.clone(), other(&format!("image: {{digest: {PIN}}}\n"))),
        ("a tag over a digest that stays", chart.clone(), other("image: {tag: \"8\"}\n")),
        ("a mirror of a digest that stays", chart.clone(), other("image: {registry: mirror.example}\n")),
        ("a tag with a digest", inline.clone(), other(&format!("image: {{tag: \"8@{PIN}\"}}\n"))),
        ("elsewhere", vec![], at(&digest)),
        ("elsewhere, a policy", vec![], at("image: {pullPolicy: Always}\nimagePullSecrets: []\n")),
        (
            "a tag of something else",
            vec![],
            at("fluentd: {tag: \"kube.*\"}\ngit: {url: a/b, tag: v1}\ntags: [a]\n"),
        ),
        (
            "parameters",
            vec![],
            parameters("[{name: replicas, value: \"2\"}, {name: image.pullPolicy, value: Always}]"),
        ),
        (
            "a parameter with a digest",
            vec![],
            parameters(&format!("[{{name: image.tag, value: \"8@{PIN}\"}}]")),
        ),
        (
            "two parameters",
            vec![],
            parameters(&format!(
                "[{{name: image.tag, value: \"8\"}}, {{name: image.digest, value: \"{PIN}\"}}]"
            )),
        ),
        (
            "what was there",
            vec![("values-prod.yaml", text("image: {tag: \"8\"}\n"))],
            vec![("values-prod.yaml", text("# x\nreplicas: 2\nimage: {tag: \"8\"}\n"))],
        ),
        (
            "a list that grows",
            vec![("values-prod.yaml", text("jobs:\n- image: {tag: \"8\"}\n"))],
            vec![(
                "values-prod.yaml",
                format!("jobs:\n- image: {{tag: \"9\", digest: {PIN}}}\n- image: {{tag: \"8\"}}\n"),
            )],
        ),
    ];
    fine_all(&cases);
}
