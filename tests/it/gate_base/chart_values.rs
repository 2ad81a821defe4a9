//! What is deployed floats because of a value that only the templates of its chart call a part of an image, or that they put
//! into several.

use super::PIN;
use super::looked_behind::{Owned, fine_all, text, told_all};

fn chart(image: &str, values: &str) -> Owned {
    let template = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n  - name: a\n    image: {image}\n    args: [\"{{{{ .Values.plain }}}}\"]\n"
    );
    let helpers = "{{- define \"c.image\" -}}\n{{ .source }}:{{ .release }}\n{{- end }}\n";
    vec![
        ("c/Chart.yaml", text("apiVersion: v2\nname: c\nversion: 1.0.0\n")),
        ("c/templates/_helpers.tpl", text(helpers)),
        ("c/templates/a.yaml", template),
        ("c/values.yaml", text(values)),
    ]
}

const SPLIT: &str = "\"{{ .Values.web.source }}:{{ .Values.web.release }}\"";

#[test]
fn what_templates_put_into_images_is_judged() {
    let pinned = format!("web: {{source: redis, release: \"7@{PIN}\"}}\n");
    let other = |values: &str| vec![("c/values.yaml", text(values))];
    let prod = |values: &str| vec![("c/values-prod.yaml", text(values))];
    let (here, there) = ("c/values.yaml unverifiable", "c/values-prod.yaml unverifiable");
    let whole = format!("web: redis:7@{PIN}\n");
    told_all(&[
        ("a tag", chart(SPLIT, &pinned), other("web: {source: redis, release: \"8\"}\n"), here),
        ("in other values", chart(SPLIT, &pinned), prod("web: {release: \"8\"}\n"), there),
        ("emptied", chart(SPLIT, &pinned), prod("web: {release: \"\"}\n"), there),
        (
            "by a helper",
            chart("{{ include \"c.image\" .Values.web }}", &pinned),
            prod("web: {release: \"8\"}\n"),
            there,
        ),
        (
            "by printf",
            chart("{{ printf \"%s:%s\" .Values.web.source .Values.web.release | quote }}", &pinned),
            prod("web: {release: \"8\"}\n"),
            there,
        ),
        (
            "with",
            chart("{{ with .Values.web }}{{ .source }}:{{ .release }}{{ end }}", &pinned),
            prod("web: {release: \"8\"}\n"),
            there,
        ),
        (
            "by index",
            chart("\"redis:{{ index .Values \"web\" \"release\" }}\"", &pinned),
            prod("web: {release: \"8\"}\n"),
            there,
        ),
        (
            "a default",
            chart("\"redis:{{ .Values.web.release | default .Chart.AppVersion }}\"", &pinned),
            prod("web: {release: \"8\"}\n"),
            there,
        ),
        ("an alias", chart(SPLIT, &pinned), prod("x: &x \"8\"\nweb: {release: *x}\n"), there),
        (
            "a whole image",
            chart("{{ .Values.web }}", &whole),
            other("web: redis:8\n"),
            "c/values.yaml floating-tag",
        ),
        (
            "a whole image in other values",
            chart("{{ .Values.web }}", &whole),
            prod("web: redis:8\n"),
            "c/values-prod.yaml floating-tag",
        ),
        (
            "of all",
            chart("\"redis:{{ .Values.global.release }}\"", &format!("global: {{release: \"7@{PIN}\"}}\n")),
            prod("global: {release: \"8\"}\n"),
            there,
        ),
        (
            "one tag for another",
            chart(SPLIT, "web: {source: redis, release: \"7\"}\n"),
            other("web: {source: redis, release: \"8\"}\n"),
            here,
        ),
    ]);
    fine_all(&[
        ("a digest", chart(SPLIT, &pinned), prod(&format!("web: {{release: \"8@{PIN}\"}}\n"))),
        ("a name over a digest", chart(SPLIT, &pinned), prod("web: {source: mirror.example/redis}\n")),
        ("something else", chart(SPLIT, &pinned), prod("plain: \"8\"\nweb: {replicas: 8}\n")),
        (
            "what was there",
            chart(SPLIT, "web: {source: redis, release: \"7\"}\n"),
            other("# x\nplain: \"1\"\nweb: {source: redis, release: \"7\"}\n"),
        ),
    ]);
}

fn argo(source: &str) -> (&'static str, String) {
    (
        "argo.yaml",
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  source:\n    repoURL: https://git.example/a\n    path: c\n    helm:\n      {source}\n"
        ),
    )
}

/// Deployers give values to a chart from anywhere.
#[test]
fn what_templates_put_into_images_is_judged_wherever_the_values_stand() {
    let pinned = format!("web: {{source: redis, release: \"7@{PIN}\"}}\n");
    let with = |more: Owned| [chart(SPLIT, &pinned), more].concat();
    let eight = || text("web: {release: \"8\"}\n");
    let nothing = || text("a: b\n");
    let ref_to_here = |file: &str| {
        (
            "argo.yaml",
            format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  sources:\n  - {{repoURL: https://git.example/a, ref: here}}\n  - repoURL: https://git.example/a\n    path: c\n    helm: {{valueFiles: [$here/{file}]}}\n"
            ),
        )
    };
    let release = |rest: &str| {
        (
            "flux.yaml",
            format!(
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: a}}\nspec:\n  chart: {{spec: {{chart: ./c, sourceRef: {{kind: GitRepository, name: a}}{rest}\n"
            ),
        )
    };
    told_all(&[
        (
            "a file of Argo CD",
            with(vec![argo("valueFiles: [../envs/prod.yaml]"), ("envs/prod.yaml", nothing())]),
            vec![("envs/prod.yaml", eight())],
            "envs/prod.yaml unverifiable",
        ),
        (
            "of any name",
            with(vec![argo("valueFiles: [../envs/prod.txt]"), ("envs/prod.txt", nothing())]),
            vec![("envs/prod.txt", eight())],
            "envs/prod.txt unverifiable",
        ),
        (
            "by a reference",
            with(vec![ref_to_here("envs/prod.yaml"), ("envs/prod.yaml", nothing())]),
            vec![("envs/prod.yaml", eight())],
            "envs/prod.yaml unverifiable",
        ),
        (
            "a file that is named",
            with(vec![argo("releaseName: a"), ("envs/prod.yaml", eight())]),
            vec![argo("valueFiles: [../envs/prod.yaml]")],
            "envs/prod.yaml unverifiable",
        ),
        (
            "an object of Argo CD",
            with(vec![argo("releaseName: a")]),
            vec![argo("valuesObject: {web: {release: \"8\"}}")],
            "argo.yaml unverifiable",
        ),
        (
            "a text of Argo CD",
            with(vec![argo("releaseName: a")]),
            vec![argo("values: |\n        web: {release: \"8\"}")],
            "argo.yaml unverifiable",
        ),
        (
            "a text of Argo CD in quotes",
            with(vec![argo("releaseName: a")]),
            vec![argo("values: \"web: {release: '8'}\"")],
            "argo.yaml unverifiable",
        ),
        (
            "a parameter",
            with(vec![argo("releaseName: a")]),
            vec![argo("parameters: [{name: web.release, value: \"8\"}]")],
            "argo.yaml unverifiable",
        ),
        (
            "values of Flux",
            with(vec![release("}}")]),
            vec![release("}}\n  values: {web: {release: \"8\"}}")],
            "flux.yaml unverifiable",
        ),
        (
            "a file of Flux",
            with(vec![release(", valuesFiles: [./envs/a.yaml]}}"), ("envs/a.yaml", nothing())]),
            vec![("envs/a.yaml", eight())],
            "envs/a.yaml unverifiable",
        ),
    ]);
    fine_all(&[
        (
            "a digest",
            with(vec![argo("valueFiles: [../envs/prod.yaml]"), ("envs/prod.yaml", nothing())]),
            vec![("envs/prod.yaml", format!("web: {{release: \"8@{PIN}\"}}\n"))],
        ),
        (
            "something else",
            with(vec![argo("releaseName: a")]),
            vec![argo("valuesObject: {web: {replicas: 2}}")],
        ),
        (
            "a parameter with a digest",
            with(vec![argo("releaseName: a")]),
            vec![argo(&format!("parameters: [{{name: web.release, value: \"8@{PIN}\"}}]"))],
        ),
        ("a file of nobody", with(vec![argo("releaseName: a")]), vec![("envs/prod.yaml", eight())]),
        (
            "what was there",
            with(vec![argo("valuesObject: {web: {release: \"8\"}}")]),
            vec![argo("valuesObject: {web: {release: \"8\"}} # x")],
        ),
    ]);
}

#[test]
fn what_else_gives_values_to_a_chart_is_judged() {
    let pinned = format!("web: {{source: redis, release: \"7@{PIN}\"}}\n");
    let with = |more: Owned| [chart(SPLIT, &pinned), more].concat();
    let eight = || text("web: {release: \"8\"}\n");
    let source = |rest: &str| argo(rest);
    let helmfile =
        |rest: &str| vec![("helmfile.yaml", format!("releases: [{{name: a, chart: ./c{rest}}}]\n"))];
    let fleet = |rest: &str| vec![("c/fleet.yaml", format!("helm: {{releaseName: a}}\n{rest}"))];
    let inner = |directory: &str, alias: &str, repository: &str| -> Owned {
        let inner: Owned = chart("\"redis:{{ .Values.web.release }}\"", &pinned);
        let inner = inner.into_iter().map(|(path, text)| {
            let path: &'static str = Box::leak(path.replacen('c', directory, 1).into_boxed_str());
            (path, text)
        });
        let outer = format!(
            "apiVersion: v2\nname: u\nversion: 1.0.0\ndependencies: [{{name: c, version: 1.0.0{alias}{repository}}}]\n"
        );
        inner.chain([("u/Chart.yaml", outer), ("u/values.yaml", text("a: b\n"))]).collect()
    };
    let template =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    image: ";
    let made = |image: &str, more: Owned| -> Owned {
        [
            vec![
                (
                    "c/Chart.yaml",
                    format!("apiVersion: v2\nname: c\nversion: 1.0.0\nappVersion: \"7@{PIN}\"\n"),
                ),
                ("c/templates/a.yaml", format!("{template}{image}\n")),
            ],
            more,
        ]
        .concat()
    };
    told_all(&[
        (
            "a file parameter",
            with(vec![source("releaseName: a"), ("c/v.txt", text("8"))]),
            vec![source("fileParameters: [{name: web.release, path: v.txt}]")],
            "argo.yaml unverifiable",
        ),
        (
            "beside a chart of Argo CD",
            with(vec![source("releaseName: a")]),
            vec![(
                "c/.argocd-source-a.yaml",
                text("helm: {parameters: [{name: web.release, value: \"8\"}]}\n"),
            )],
            "c/.argocd-source-a.yaml unverifiable",
        ),
        (
            "helmfile",
            with(helmfile("")),
            helmfile(", values: [{web: {release: \"8\"}}]"),
            "helmfile.yaml unverifiable",
        ),
        (
            "a file of helmfile",
            with(helmfile("")),
            [helmfile(", values: [v.yaml]"), vec![("v.yaml", eight())]].concat(),
            "v.yaml unverifiable",
        ),
        (
            "a value of helmfile",
            with(helmfile("")),
            helmfile(", set: [{name: web.release, value: \"8\"}]"),
            "helmfile.yaml unverifiable",
        ),
        (
            "Fleet",
            with(fleet("")),
            vec![("c/fleet.yaml", text("helm: {releaseName: a, values: {web: {release: \"8\"}}}\n"))],
            "c/fleet.yaml unverifiable",
        ),
        (
            "a target of Fleet",
            with(fleet("")),
            fleet("targetCustomizations: [{name: x, helm: {values: {web: {release: \"8\"}}}}]\n"),
            "c/fleet.yaml unverifiable",
        ),
        (
            "a chart that depends on it",
            inner("c", "", ", repository: \"file://../c\""),
            vec![("u/values.yaml", text("c: {web: {release: \"8\"}}\n"))],
            "u/values.yaml unverifiable",
        ),
        (
            "under another name",
            inner("u/charts/c", ", alias: t", ""),
            vec![("u/values.yaml", text("t: {web: {release: \"8\"}}\n"))],
            "u/values.yaml unverifiable",
        ),
        (
            "a template in a value",
            chart(
                "\"{{ tpl .Values.whole . }}\"",
                &format!("whole: \"{{{{ .Values.name }}}}\"\nname: redis:7@{PIN}\n"),
            ),
            vec![("c/values.yaml", text("whole: \"{{ .Values.name }}\"\nname: redis:8\n"))],
            "c/values.yaml unverifiable",
        ),
        (
            "the version of the application",
            made("\"redis:{{ .Chart.AppVersion }}\"", vec![]),
            vec![("c/Chart.yaml", text("apiVersion: v2\nname: c\nversion: 1.0.0\nappVersion: \"8\"\n"))],
            "c/templates/a.yaml unverifiable",
        ),
        (
            "a file of the chart",
            made("\"{{ .Files.Get \"image.txt\" }}\"", vec![("c/image.txt", format!("redis:7@{PIN}"))]),
            vec![("c/image.txt", text("redis:8"))],
            "c/templates/a.yaml unverifiable",
        ),
    ]);
    fine_all(&[
        (
            "a release of the chart",
            made("\"redis:{{ .Chart.AppVersion }}\"", vec![]),
            vec![(
                "c/Chart.yaml",
                format!("apiVersion: v2\nname: c\nversion: 1.0.1\nappVersion: \"7@{PIN}\"\n"),
            )],
        ),
        (
            "a digest of helmfile",
            with(helmfile("")),
            helmfile(&format!(", values: [{{web: {{release: \"8@{PIN}\"}}}}]")),
        ),
        ("other values of helmfile", with(helmfile("")), helmfile(", values: [{web: {replicas: 2}}]")),
    ]);
}

#[test]
fn one_tag_for_many_images_is_said() {
    let two = "\"{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n  - name: b\n    image: \"exporter:{{ .Values.image.tag }}\"";
    let values = |tag: &str| format!("image: {{repository: redis, tag: \"{tag}\"}}\n");
    let digest = "\"redis@{{ .Values.image.digest }}\"\n  - name: b\n    image: \"{{ .Values.other }}@{{ .Values.image.digest }}\"";
    let global = "\"{{ .Values.a.repository }}:{{ .Values.global.tag }}\"\n  - name: b\n    image: \"{{ .Values.b.repository }}:{{ .Values.global.tag }}\"";
    let names = |tag: &str| {
        format!("global: {{tag: \"{tag}\"}}\na: {{repository: redis}}\nb: {{repository: exporter}}\n")
    };
    let file = |values: String| vec![("c/values.yaml", values)];
    told_all(&[
        (
            "a digest behind the tag",
            chart(two, &values("7")),
            file(values(&format!("7@{PIN}"))),
            "c/values.yaml unverifiable",
        ),
        ("a tag", chart(two, &values("7")), file(values("8")), "c/values.yaml floating-tag"),
        (
            "a digest",
            chart(digest, "image: {repository: redis, tag: \"7\", digest: \"\"}\nother: exporter\n"),
            file(format!("image: {{repository: redis, tag: \"7\", digest: {PIN}}}\nother: exporter\n")),
            "c/values.yaml unverifiable",
        ),
        ("of all", chart(global, &names("7")), file(names("8")), "c/values.yaml unverifiable"),
        (
            "of all, in other values",
            chart(global, &names("7")),
            vec![("c/values-prod.yaml", text("global: {tag: \"8\"}\n"))],
            "c/values-prod.yaml unverifiable",
        ),
        (
            "of all, emptied",
            chart(global, &names("7")),
            vec![("c/values-prod.yaml", text("global: {tag: \"\"}\n"))],
            "c/values-prod.yaml unverifiable",
        ),
    ]);
    fine_all(&[("what was there", chart(two, &values("7")), file(format!("# x\n{}", values("7"))))]);
}
