//! What a chart defines comes out where it asks for it. As rows of [`super::led_to`].

use super::begun::leaked;
use super::led_to::{Files, left_alone, refused};

#[test]
fn what_a_chart_defines_comes_out_where_it_asks_for_it() {
    let chart = |template: &'static str, helper: &'static str, values: &'static str| -> Files {
        vec![
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/values.yaml", values),
            ("c/templates/p.yaml", template),
            ("c/templates/_h.tpl", helper),
        ]
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: f}\nspec:\n  containers:\n  - name: a\n    image: busybox:1\n";
    let define = |body: &str| leaked(format!("{{{{- define \"c.pod\" -}}}}\n{body}\n{{{{- end }}}}\n"));
    let labels = "{{- define \"c.labels\" }}\napp: {{ .Values.name | default \"a\" }}\n{{- end }}\n";
    let asked = "{{ include \"c.pod\" . }}\n";
    let when = |head: &str, body: &str| leaked(format!("{{{{- if {head} }}}}\n{body}{{{{- end }}}}\n"));
    let twice = leaked(format!("{}{asked}", when(".Values.on", asked)));
    let each = leaked(format!("{{{{- range .Values.jobs }}}}\n---\n{asked}{{{{- end }}}}\n"));
    let chained = leaked(format!("{}{{{{- define \"c.all\" }}}}{asked}{{{{ end }}}}\n", define(pod)));
    let (off, on) = ("on: false\n", "on: true\n");
    let values = |text: &'static str| vec![("c/values.yaml", text)];
    let found = "c/templates/_h.tpl looks-away";
    let again = leaked(format!(
        "{{{{- $on := false }}}}\n{{{{- if .Values.on }}}}{{{{ $on = true }}}}{{{{ end }}}}\n{}",
        when("$on", pod)
    ));
    refused(vec![
        ("a condition around it", chart(when(".Values.on", asked), define(pod), off), values(on), found),
        ("a condition inside", chart(asked, define(when(".Values.on", pod)), off), values(on), found),
        (
            "one of two",
            chart(asked, define(when("and .Values.on (not .Values.no)", pod)), off),
            values(on),
            found,
        ),
        ("for each of none", chart(each, define(pod), "jobs: []\n"), values("jobs: [{name: a}]\n"), found),
        (
            "by another definition",
            chart(when(".Values.on", "{{ include \"c.all\" . }}\n"), chained, off),
            values(on),
            found,
        ),
        (
            "that nothing asked for",
            chart("a: b\n", define(pod), off),
            vec![("c/templates/p.yaml", leaked(format!("a: b\n---\n{asked}")))],
            found,
        ),
        (
            "by what it is given",
            chart(
                "{{ include  \"c.pod\" (dict \"cfg\" .Values.old) }}\n",
                define(when(".cfg.on", pod)),
                "old: {on: false}\n",
            ),
            values("old: {on: true}\n"),
            found,
        ),
        (
            "by a name that is put together",
            chart("{{ include (printf \"c.%s\" .Values.kind) . }}\n", define(pod), "kind: web\n"),
            values("kind: pod\n"),
            found,
        ),
        ("once more", chart(asked, define(pod), off), vec![("c/templates/q.yaml", asked)], found),
        (
            "a variable that is set again",
            chart(again, labels, off),
            values(on),
            "c/templates/p.yaml floating-tag",
        ),
        (
            "what sprig digs for",
            chart(when("dig \"on\" false .Values.AsMap", pod), labels, off),
            values(on),
            "c/templates/p.yaml floating-tag",
        ),
    ]);
    left_alone(vec![
        ("what comes out in any case", chart(twice, define(pod), off), values(on)),
        (
            "another helper's condition",
            chart(
                asked,
                leaked(format!(
                    "{}{}",
                    define(pod),
                    "{{- define \"c.name\" }}{{ if .Values.on }}a{{ end }}{{ end }}\n"
                )),
                off,
            ),
            values(on),
        ),
        ("a helper without an image", chart(when(".Values.on", "a: b\n"), labels, off), values(on)),
    ]);
}
