//! Changes that want the gate to work without end: each is answered in time that grows with its length. What each took before it was
//! bounded is beside it.

use std::time::{Duration, Instant};

use super::begun::leaked;
use super::led_to::{Files, GOOD, put};
use super::looked_behind::judged;

/// Far more than any of them needs, even unoptimised on a busy machine.
const LONGEST: Duration = Duration::from_secs(90);

fn chart(template: String, values: &'static str) -> Files {
    vec![
        ("c/Chart.yaml", "name: c\nversion: 1.0.0\n"),
        ("c/values.yaml", values),
        ("c/templates/a.yaml", leaked(template)),
    ]
}

#[test]
fn nothing_takes_longer_than_its_length_tells() {
    let many = |count: usize, part: &str| part.repeat(count);
    let numbered = |count: usize, part: fn(usize) -> String| (0..count).map(part).collect::<String>();
    let image = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: \"nginx:1.27@\"}]}\n";
    let ranges = many(30_000, "{{range .a}}") + image + &many(30_000, "{{end}}");
    let includes = "{{ define \"a\" }}".to_owned() + &many(20_000, "{{ .Values.b }}") + "{{ end }}";
    let includes = includes
        + &many(3, &format!("{{{{ if or {} }}}}x{{{{ end }}}}", many(500, "(include \"a\" .) ")))
        + image;
    let script = |text: &str| vec![("deploy.sh", leaked(format!("#!/bin/sh\n{text}\n")))];
    let switches =
        leaked(numbered(8_000, |at| format!("a{at}: {{enabled: false, image: \"nginx:1.27@\"}}\n")));
    let objects = numbered(200, |at| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{at}}}\ndata: {{a{at}: \"nginx:1.27@\"}}\n"
        )
    });
    let replacements = numbered(200, |at| {
        let source = format!("{{kind: ConfigMap, name: c{at}, fieldPath: data.a{at}}}");
        let fields = format!("data.a{}, spec.containers.0.image", at + 1);
        format!("- source: {source}\n  targets: [{{select: {{kind: Pod}}, fieldPaths: [{fields}]}}]\n")
    });
    for (name, files) in [
        // More than a minute.
        ("variables that set themselves", chart(many(1_000, "{{ $a = $a }}\n") + image, "a: b\n")),
        // More than a minute, and 12 GB.
        (
            "texts in texts",
            vec![(
                "a.yaml",
                leaked(format!("kind: ConfigMap\ndata: {{a: \"{}x\"}}\n", many(100_000, "data:,"))),
            )],
        ),
        // 2 GB.
        (
            "directories and brackets",
            script(&(many(10_000, "cd a\n") + &many(40_000, "(\n") + "kubectl apply -f a")),
        ),
        // Two minutes.
        (
            "commands that are dry",
            script(&(numbered(20_000, |at| format!("a{at}=--dry-run b\n")) + "kubectl apply -f a")),
        ),
        // More than half a minute, and 650 MB.
        ("ranges in ranges", chart(ranges, "a: b\n")),
        // More than half a minute.
        ("definitions that are included", chart(includes, "b: c\n")),
        // More than a minute.
        ("switches", vec![("v/values.yaml", switches), ("v/values-a.yaml", switches)]),
        // More than a minute and a half, optimised: each file once for each replacement of each way.
        (
            "replacements of replacements",
            vec![
                ("k/a.yaml", leaked(objects)),
                (
                    "k/kustomization.yaml",
                    leaked(format!("resources: [a.yaml]\nreplacements:\n{replacements}")),
                ),
            ],
        ),
        // An abort: its last value would have 10 TB.
        (
            "variables of variables",
            vec![
                ("compose.yaml", "services: {a: {image: \"nginx:${A40}\"}}\n"),
                (
                    ".env",
                    leaked(
                        "A0=xxxxxxxxxx\n".to_owned()
                            + &numbered(40, |at| format!("A{}=$A{at}$A{at}\n", at + 1)),
                    ),
                ),
            ],
        ),
        // An overflow of the stack.
        (
            "defaults in defaults",
            vec![(
                "compose.yaml",
                leaked(format!(
                    "services: {{a: {{image: \"{}{}\"}}}}\n",
                    many(100_000, "${A:-"),
                    many(100_000, "}")
                )),
            )],
        ),
    ] {
        let start = Instant::now();
        let (code, findings) = judged(&put(&[("keep.yaml", GOOD)]), &put(&files));
        assert!(code < 4, "{name}: {code} {findings:?}");
        assert!(start.elapsed() < LONGEST, "{name} took {:?}", start.elapsed());
    }
}
