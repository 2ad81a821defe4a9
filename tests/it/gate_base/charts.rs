//! What Helm reads of a chart beside manifests, where the change edits it.

use super::begun::leaked;
use super::led_to::{Files, left_alone, refused};
use super::{Change, PIN};

fn chart(path: &'static str, text: &str) -> Vec<(&'static str, String)> {
    vec![("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n".to_owned()), (path, text.to_owned())]
}

fn define(body: &str) -> String {
    format!("{{{{- define \"c.x\" -}}}}\n{body}\n{{{{- end }}}}\n")
}

const LABELS: &str = "{{- define \"c.labels\" -}}\napp: {{ .Chart.Name }}\n{{- end }}\n";

#[test]
fn a_helper_that_makes_an_image_is_what_it_was() {
    let (at, pinned) = ("c/templates/_helpers.tpl", format!("redis:6@{PIN}"));
    let block = "- name: a\n  image: {{ .image }}";
    let mut failures = Vec::new();
    for (name, path, before, after) in [
        (
            "a digest that is taken out",
            at,
            define("{{ printf \"%s@%s\" .repository .digest }}"),
            define("{{ printf \"%s:%s\" .repository .tag }}"),
        ),
        ("a digest between actions", at, define("{{ .r }}:{{ .t }}@{{ .d }}"), define("{{ .r }}:{{ .t }}")),
        ("a digest that stands there", at, define(&pinned), define("redis:6")),
        ("another default", at, define("{{ .tag | default \"6\" }}"), define("{{ .tag | default \"7\" }}")),
        (
            "a part with a container",
            "c/templates/_h.yaml",
            define(block),
            define(&block.replace(".image", ".other")),
        ),
        ("a new definition", at, LABELS.to_owned(), format!("{LABELS}{}", define("{{ .r }}:{{ .t }}"))),
        (
            "a variable before them",
            at,
            format!("{{{{ $image := .a }}}}{LABELS}"),
            format!("{{{{ $image := .b }}}}{LABELS}"),
        ),
        (
            "a template of another name",
            "c/templates/a.tpl",
            format!("image: {pinned}\n"),
            "image: redis:6\n".to_owned(),
        ),
        ("a text", "c/templates/sub/a.txt", "image: {{ .a }}\n".to_owned(), "image: {{ .b }}\n".to_owned()),
        ("a packed chart", "c/charts/a-1.tgz", "a".to_owned(), "b".to_owned()),
    ] {
        for (how, judged) in Change::of(&chart(path, &before), &[(path, after.clone())]).judged() {
            let is_told = judged.findings.iter().any(|(file, rule, message)| {
                file == path
                    && rule == "looks-away"
                    && (message.contains("the change edits")
                        || ["a new definition", "a digest that stands there"].contains(&name))
            });
            if judged.code != 1 || !is_told {
                failures.push(format!("{name} {how}: {judged:?}"));
            }
        }
        // Without a change to judge it is told, and stops nobody.
        let change = Change::of(&chart(path, &before), &[(path, after)]);
        let plain = change.judged_by(&["check", "--format", "json"], b"");
        if !plain.findings.iter().any(|(file, rule, _)| file == path && rule == "looks-away") {
            failures.push(format!("{name}, as it is: {plain:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn honest_helpers_are_no_findings() {
    let (at, image) = ("c/templates/_helpers.tpl", define("{{ .repository }}:{{ .tag }}"));
    let both = format!("{LABELS}{image}");
    for (name, path, before, after) in [
        ("a label", at, both.clone(), both.replace("app:", "name:")),
        (
            "another definition",
            at,
            both.clone(),
            format!("{both}{{{{ define \"c.name\" }}}}x{{{{ end }}}}\n"),
        ),
        ("an empty line", at, both.clone(), format!("{both}\n")),
        ("a comment", at, both.clone(), format!("# who owns this\n{both}")),
        (
            "another order",
            at,
            both.clone(),
            both.replace("app: {{ .Chart.Name }}", "a: b\napp: {{ .Chart.Name }}"),
        ),
        ("notes", "c/templates/NOTES.txt", "image: redis:6\n".to_owned(), "image: redis:7\n".to_owned()),
        ("a file of nothing", "c/templates/.gitkeep", String::new(), "x\n".to_owned()),
    ] {
        for (how, judged) in Change::of(&chart(path, &before), &[(path, after.clone())]).judged() {
            assert_eq!((judged.code, judged.findings.len()), (0, 0), "{name} {how}: {judged:?}");
        }
    }
}

#[test]
fn values_that_a_template_begins_to_write_as_a_whole_are_judged() {
    let chart = |template: &'static str| -> Files {
        vec![
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            (
                "c/values.yaml",
                "sidecars: [{name: a, image: redis}]\nresources: {limits: {cpu: 1}}\nextra: |\n  apiVersion: v1\n  kind: Pod\n  metadata: {name: x}\n  spec: {containers: [{name: x, image: redis}]}\n",
            ),
            ("c/templates/a.yaml", template),
        ]
    };
    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - {name: a, image: \"nginx:1.27@\"}\n";
    let with = |more: &str| leaked(format!("{POD}{more}"));
    for more in [
        "  {{- toYaml .Values.sidecars | nindent 2 }}\n",
        "  {{- with .Values.sidecars }}\n  {{- toYaml . | nindent 2 }}\n  {{- end }}\n",
        "{{ tpl .Values.extra . }}\n",
    ] {
        let after = vec![("c/templates/a.yaml", with(more))];
        refused(vec![(more, chart(POD), after, "c/templates/a.yaml looks-away")]);
    }
    let more = "{{- with .Values.resources }}\nlimits: {{ toYaml . | nindent 2 }}\n{{- end }}\n";
    let written = with("  {{- toYaml .Values.sidecars | nindent 2 }}\n");
    let ranged =
        with("  {{- range .Values.sidecars }}\n  {{- toYaml (list .) | nindent 2 }}\n  {{- end }}\n");
    left_alone(vec![
        ("no images", chart(POD), vec![("c/templates/a.yaml", with(more))]),
        ("written before", chart(written), vec![("c/templates/a.yaml", ranged)]),
    ]);
}

/// What a chart from elsewhere renders is not in the tree: whether anything has the name nobody sees.
#[test]
fn the_name_that_a_renderer_pins_stays() {
    let release = |name: &str| -> Files {
        let images = format!("[{{name: {name}, digest: \"{PIN}\"}}]");
        let spec = format!(
            "postRenderers: [{{kustomize: {{images: {images}}}}}], chart: {{spec: {{chart: shop, version: 1.2.3}}}}"
        );
        let head = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\n";
        vec![("a.yaml", leaked(format!("{head}spec: {{{spec}}}\n")))]
    };
    refused(vec![("another name", release("acme/shop"), release("acme/shopp"), "a.yaml looks-away")]);
}
