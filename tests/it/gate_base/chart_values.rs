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
