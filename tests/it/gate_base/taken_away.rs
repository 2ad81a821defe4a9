//! What a change takes away with all that ran it is not missed, and what it only records or asks about is no image.

use super::PIN;
use super::led_to::{DEPLOYMENT, GOOD, left_alone, refused};
use crate::support::checkout::Scene;

#[test]
fn what_goes_with_all_that_runs_it_is_not_missed() {
    let job = |steps: &str| -> &'static str {
        Box::leak(
            format!("on: push\njobs: {{a: {{runs-on: x, steps: [{{uses: \"./a\"}}{steps}]}}}}\n")
                .into_boxed_str(),
        )
    };
    let annotated = |annotations: &str, more: &str| -> &'static str {
        Box::leak(format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a, annotations: {annotations}}}\nspec: {{template: {{spec: {{containers: [{{name: a, image: \"nginx:1.27@\"}}{more}]}}}}}}\n").into_boxed_str())
    };
    let record = |name: &str| -> String { format!("{{{name}: \"{PIN}\"}}") };
    let chart = |more: &str| -> &'static str {
        Box::leak(format!("{DEPLOYMENT}{more}").replace("nginx:1.27", "nginx:1.27@").into_boxed_str())
    };
    left_alone(vec![
        (
            "the record of a digest",
            vec![("d.yaml", annotated(&record("deployed-image-digest"), ""))],
            vec![(
                "d.yaml",
                annotated(&record("deployed-image-digest.a"), ", {name: b, image: \"redis:7@\"}"),
            )],
        ),
        (
            "a step without a name",
            vec![(".github/workflows/a.yml", job(", {uses: \"docker://alpine:3.20@\"}"))],
            vec![(".github/workflows/a.yml", job(""))],
        ),
        (
            "a variable that nothing asks for",
            vec![(
                "m.tf",
                "variable \"log\" {\n  default = \"fluent/fluent-bit:3.1@\"\n}\nresource \"docker_container\" \"a\" {\n  image = var.log\n}\n",
            )],
            vec![("m.tf", "resource \"docker_network\" \"a\" {\n}\n")],
        ),
        (
            "values of a chart that no template asks for",
            vec![
                ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
                ("c/values.yaml", "a: b\nsidecar: {image: \"redis:7@\"}\n"),
                (
                    "c/templates/d.yaml",
                    chart("      - name: sidecar\n        image: {{ .Values.sidecar.image }}\n"),
                ),
            ],
            vec![("c/values.yaml", "a: b\n"), ("c/templates/d.yaml", chart(""))],
        ),
        (
            "an override over what is pinned",
            vec![
                ("base/kustomization.yaml", "resources: [a.yaml]\n"),
                ("base/a.yaml", GOOD),
                (
                    "prod/kustomization.yaml",
                    "resources: [../base]\nimages: [{name: nginx, newTag: \"1.28@\"}]\n",
                ),
            ],
            vec![("prod/kustomization.yaml", "resources: [../base]\n")],
        ),
        (
            "a resource",
            vec![(
                "m.tf",
                "module \"a\" {\n  source = \"x/a/a\"\n  image = \"redis:7@\"\n}\nresource \"docker_container\" \"b\" {\n  image = \"redis:7@\"\n}\n",
            )],
            vec![("m.tf", "resource \"docker_container\" \"b\" {\n  image = \"redis:7@\"\n}\n")],
        ),
        (
            "an order of objects that are applied",
            vec![
                ("a.sh.yaml", "run: kubectl apply -f p/a.yaml && kubectl apply -f p/b.yaml\n"),
                ("p/a.yaml", GOOD),
                ("p/b.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {a: b}\n"),
            ],
            vec![("a.sh.yaml", "run: kubectl apply -f p/b.yaml && kubectl apply -f p/a.yaml\n")],
        ),
        (
            "a repository of images that is scanned",
            vec![],
            vec![(
                "r.yaml",
                "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: shop}\nspec: {image: ghcr.io/acme/shop}\n",
            )],
        ),
        (
            "the label of a chart",
            vec![("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n")],
            vec![(
                "c/templates/_helpers.tpl",
                "{{- define \"c.chart\" -}}\n{{- printf \"%s-%s\" .Chart.Name .Chart.Version }}\n{{- end }}\n",
            )],
        ),
        (
            "a query of a dashboard",
            vec![],
            vec![(
                "d.json",
                "{\"panels\": [{\"targets\": [{\"expr\": \"up{image=\\\"nginx:1.27\\\"}\"}]}]}\n",
            )],
        ),
        (
            "a baseline",
            vec![],
            vec![(
                "tagpin-baseline.json",
                "{\"version\": 1, \"findings\": [{\"file\": \"a.yaml\", \"rule\": \"floating-tag\", \"about\": \"nginx:1.27\", \"fingerprint\": \"91f95e33be70f1f16f4108de11ba55cf\"}]}\n",
            )],
        ),
    ]);
    refused(vec![(
        "values that a template still asks for",
        vec![
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/values.yaml", "a: b\nsidecar: {image: \"redis:7@\"}\n"),
            (
                "c/templates/d.yaml",
                chart("      - name: sidecar\n        image: {{ .Values.sidecar.image }}\n"),
            ),
        ],
        vec![("c/values.yaml", "a: b\n")],
        "c/values.yaml looks-away",
    )]);
    let of_chart = |fields: &'static str, template: &'static str| {
        vec![
            ("c/Chart.yaml", fields),
            ("c/values.yaml", "a: b\nsidecar: {image: \"redis:7@\"}\n"),
            ("c/templates/d.yaml", template),
        ]
    };
    let values = || vec![("c/values.yaml", "a: b\n")];
    let told = "c/values.yaml looks-away";
    refused(vec![
        (
            "values that a template takes as a whole",
            of_chart("apiVersion: v2\nname: c\nversion: 1.0.0\n", "data: {{ toYaml .Values | quote }}\n"),
            values(),
            told,
        ),
        (
            "values of a chart that is fetched",
            of_chart(
                "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: other, repository: \"https://x.example\"}]\n",
                "a: b\n",
            ),
            values(),
            told,
        ),
        (
            "an argument of a module from elsewhere",
            vec![(
                "m.tf",
                "module \"a\" {\n  source = \"terraform.example/a/a\"\n  image = \"redis:7@\"\n}\n",
            )],
            vec![("m.tf", "module \"a\" {\n  source = \"terraform.example/a/a\"\n}\n")],
            "m.tf looks-away",
        ),
        (
            "a container in values",
            vec![(
                "h.yaml",
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec: {chart: {spec: {chart: x}}, values: {containers: {web: {image: \"redis:7@\"}}}}\n",
            )],
            vec![(
                "h.yaml",
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec: {chart: {spec: {chart: x}}, values: {containers: {}}}\n",
            )],
            "h.yaml looks-away",
        ),
        (
            "a service of a file that is given beside another",
            vec![
                ("compose.yaml", "services: {a: {image: \"redis:7\"}}\n"),
                ("compose.prod.yaml", "services: {a: {image: \"redis:7@\"}, b: {init: true}}\n"),
            ],
            vec![("compose.prod.yaml", "services: {b: {init: true}}\n")],
            "compose.prod.yaml looks-away",
        ),
    ]);
}

#[test]
fn what_the_operator_says_is_no_image_is_none() {
    let worker = |tag: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  WORKER_IMAGE: acme/worker:{tag}\n"
        )
    };
    let scene = Scene::new(&[("a.yaml", &worker("1"))]);
    let base = scene.head();
    scene.write("a.yaml", &worker("2"));
    scene.commit();
    assert_eq!(scene.judged(&["check", "--changed-since", &base]).0, 1, "nobody says so");
    let mine = scene.directory.path().join("mine.toml");
    let location = "[[location]]\ngroup = \"\"\nkinds = [\"ConfigMap\"]\nignore = [\"/data/WORKER_IMAGE\"]\n";
    fs_err::write(&mine, location).unwrap();
    let args = ["check", "--config", mine.to_str().unwrap(), "--changed-since", &base];
    let (code, findings, _, err) = scene.judged(&args);
    assert_eq!((code, findings.len()), (0, 0), "{findings:?} {err}");
}
