//! What decides what an image of a chart in the tree becomes, wherever it stands, and actions that write one.

use super::PIN;
use super::looked_behind::{Owned, fine_all, text, told_all};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n";

fn pod(image: &str) -> String {
    format!("{POD}    image: {image}\n")
}

fn chart_file(more: &str) -> (&'static str, String) {
    ("c/Chart.yaml", format!("apiVersion: v2\nname: c\nversion: 1.0.0\n{more}"))
}

/// Returns a chart with one pod, its values, and more.
fn chart(image: &str, values: &str, more: Owned) -> Owned {
    let base = vec![chart_file(""), ("c/templates/a.yaml", pod(image)), ("c/values.yaml", text(values))];
    let base = base.into_iter().filter(|(path, _)| more.iter().all(|(other, _)| other != path));
    base.chain(more.clone()).collect()
}

fn file(path: &'static str, content: &str) -> Owned {
    vec![(path, text(content))]
}

fn define(body: &str) -> String {
    format!("{{{{ define \"c.ref\" }}}}{body}{{{{ end }}}}\n")
}

const INCLUDE: &str = "{{ include \"c.ref\" . }}";
const HERE: &str = "c/templates/a.yaml unverifiable";
const LOOKS: &str = "c/templates/a.yaml looks-away";

#[test]
fn a_definition_decides_wherever_it_stands() {
    let pinned = || file("c/templates/_h.tpl", &define(&format!("redis:7@{PIN}")));
    let helped = |more: Owned| chart(INCLUDE, "a: b\n", [pinned(), more].concat());
    let other = define("redis:7");
    let split = define("{{ list \"redis\" \"7\" | join \":\" }}");
    let nested = format!(
        "{}{{{{ define \"c.tag\" }}}}7@{PIN}{{{{ end }}}}",
        define("redis:{{ include \"c.tag\" . }}")
    );
    told_all(&[
        ("notes", helped(vec![]), file("c/templates/NOTES.txt", &format!("{other}hello\n")), HERE),
        ("a text", helped(vec![]), file("c/templates/z.txt", &other), HERE),
        ("a manifest", helped(vec![]), file("c/templates/z.yaml", &other), HERE),
        ("a test", helped(vec![]), file("c/templates/tests/z.json", &other), HERE),
        ("put together", helped(vec![]), file("c/templates/z.tpl", &split), HERE),
        (
            "decoded",
            helped(vec![]),
            file("c/templates/_z.tpl", &define("{{ \"cmVkaXM6Nw==\" | b64dec }}")),
            HERE,
        ),
        (
            "by an escape",
            chart(INCLUDE, "a: b\n", file("c/templates/_h.tpl", &define("redis{{ \"x3a7\" }}"))),
            file("c/templates/_h.tpl", &define("redis{{ \"\\x3a7\" }}")),
            HERE,
        ),
        (
            "of a chart inside",
            helped(vec![("c/charts/s/Chart.yaml", text("apiVersion: v2\nname: s\nversion: 1.0.0\n"))]),
            file("c/charts/s/templates/_z.tpl", &other),
            HERE,
        ),
        (
            "one that it includes",
            chart(INCLUDE, "a: b\n", file("c/templates/_h.tpl", &nested)),
            file("c/templates/_h.tpl", &nested.replace(&format!("@{PIN}"), "")),
            HERE,
        ),
        (
            "by a name that is not written",
            chart("{{ include (print \"c.\" \"ref\") . }}", "a: b\n", pinned()),
            file("c/templates/z.txt", &other),
            HERE,
        ),
        (
            "a variable",
            chart(
                "a",
                "a: b\n",
                vec![(
                    "c/templates/a.yaml",
                    format!("{{{{ $i := \"redis:7@{PIN}\" }}}}\n{}", pod("{{ $i }}")),
                )],
            ),
            vec![("c/templates/a.yaml", format!("{{{{ $i := \"redis:7\" }}}}\n{}", pod("{{ $i }}")))],
            HERE,
        ),
    ]);
    let labels = "{{ define \"c.labels\" }}app: c{{ end }}\n";
    fine_all(&[
        ("another definition", helped(vec![]), file("c/templates/_z.tpl", labels)),
        ("notes that say it", helped(vec![]), file("c/templates/NOTES.txt", "{{ include \"c.ref\" . }}\n")),
        (
            "a comment",
            helped(vec![]),
            vec![("c/templates/_h.tpl", format!("{{{{/* x */}}}}\n{}", pinned()[0].1))],
        ),
    ]);
}

#[test]
fn the_chart_and_its_files_decide() {
    let named = |field: &str, text: &str| vec![chart_file(&format!("{field}: \"{text}\"\n"))];
    let of_chart = |image: &str, field: &str| chart(image, "a: b\n", named(field, &format!("redis:7@{PIN}")));
    let files = |image: &str| chart(image, "file: f/i.txt\n", vec![("c/f/i.txt", format!("redis:7@{PIN}"))]);
    let seven = || file("c/f/i.txt", "redis:7");
    let whole = |action: &str| {
        let pinned = pod(&format!("redis:7@{PIN}"));
        let template = file("c/templates/a.yaml", action);
        let pinned = vec![("c/f/i.txt", pinned)];
        (chart("a", "file: f/i.txt\n", [template, pinned].concat()), vec![("c/f/i.txt", pod("redis:7"))])
    };
    let mut cases = vec![
        (
            "the description",
            of_chart("{{ .Chart.Description }}", "description"),
            named("description", "redis:7"),
            HERE,
        ),
        ("the home", of_chart("{{ .Chart.Home }}", "home"), named("home", "redis:7"), HERE),
        ("by index", of_chart("{{ index .Chart \"Home\" }}", "home"), named("home", "redis:7"), HERE),
        ("with", of_chart("{{ with .Chart }}{{ .Home }}{{ end }}", "home"), named("home", "redis:7"), HERE),
        ("a file in backticks", files("{{ .Files.Get `f/i.txt` }}"), seven(), HERE),
        ("a file by a value", files("{{ .Files.Get .Values.file }}"), seven(), HERE),
        ("a file by a name put together", files("{{ .Files.Get (print \"f/\" \"i.txt\") }}"), seven(), HERE),
        ("with files", files("{{ with .Files }}{{ .Get \"f/i.txt\" }}{{ end }}"), seven(), HERE),
        (
            "another file by a value",
            files("{{ .Files.Get .Values.file }}"),
            file("c/values.yaml", "file: f/j.txt\n"),
            HERE,
        ),
    ];
    for (name, action) in [
        ("a whole file", "{{ .Files.Get \"f/i.txt\" }}"),
        ("a file as a template", "{{ tpl (.Files.Get \"f/i.txt\") . }}"),
        ("some files", "{{ range $p, $_ := .Files.Glob \"f/*\" }}\n---\n{{ $.Files.Get $p }}\n{{ end }}"),
        ("a whole file by a value", "{{ .Files.Get .Values.file }}"),
    ] {
        let (before, after) = whole(action);
        cases.push((name, before, after, LOOKS));
    }
    told_all(&cases);
    fine_all(&[
        (
            "a release",
            of_chart("redis@{{ .Chart.Home }}", "home"),
            vec![(
                "c/Chart.yaml",
                format!(
                    "apiVersion: v2\nname: c\nversion: 1.0.1\nappVersion: \"2\"\nhome: \"redis:7@{PIN}\"\n"
                ),
            )],
        ),
        ("another file", files("{{ .Files.Get \"f/i.txt\" }}"), file("c/f/j.txt", "redis:7")),
        (
            "a version in labels",
            chart(
                &format!("redis:7@{PIN}\n  # {{{{ .Chart.AppVersion }}}}"),
                "a: b\n",
                named("appVersion", "1"),
            ),
            named("appVersion", "2"),
        ),
    ]);
}

#[test]
fn values_that_are_asked_decide() {
    let image = |more: &str| format!("image: {{repository: redis, tag: \"7\", digest: {PIN}}}\n{more}");
    let switched = "\"{{ .Values.image.repository }}{{ if .Values.pin }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}\"";
    let compared = switched.replace("if .Values.pin", "if eq .Values.mode \"strict\"");
    let other = |values: &str| file("c/values.yaml", values);
    let prod = |values: &str| file("c/values-prod.yaml", values);
    let whole = |rest: &str| format!("r: \"redis:7@{PIN}\"\n{rest}");
    let part = |rest: &str| format!("r: redis\nv: \"7@{PIN}\"\n{rest}");
    let of = |template: &str, values: &str| chart("a", values, file("c/templates/a.yaml", template));
    let merged =
        format!("{{{{ $m := mergeOverwrite (deepCopy .Values.a) .Values.b }}}}\n{}", pod("{{ $m.r }}"));
    told_all(&[
        ("a switch", chart(switched, &image("pin: true\n"), vec![]), other(&image("pin: false\n")), HERE),
        ("in other values", chart(switched, &image("pin: true\n"), vec![]), prod("pin: false\n"), HERE),
        (
            "a comparison",
            chart(&compared, &image("mode: strict\n"), vec![]),
            other(&image("mode: lax\n")),
            HERE,
        ),
        (
            "in a definition",
            chart(
                INCLUDE,
                &image("mode: strict\n"),
                file("c/templates/_h.tpl", &define(compared.trim_matches('"'))),
            ),
            other(&image("mode: lax\n")),
            HERE,
        ),
        (
            "the first",
            chart("{{ coalesce .Values.dev .Values.r }}", &whole(""), vec![]),
            other(&whole("dev: redis:7\n")),
            HERE,
        ),
        (
            "by a key among values",
            chart(
                "{{ get .Values.m .Values.env }}",
                &format!("m: {{a: \"redis:7@{PIN}\", b: \"redis:7\"}}\nenv: a\n"),
                vec![],
            ),
            other(&format!("m: {{a: \"redis:7@{PIN}\", b: \"redis:7\"}}\nenv: b\n")),
            HERE,
        ),
        (
            "put together of a list",
            chart(
                "{{ join \":\" .Values.web.parts }}",
                &format!("web: {{parts: [redis, \"7@{PIN}\"]}}\n"),
                vec![],
            ),
            other("web: {parts: [redis, \"7\"]}\n"),
            HERE,
        ),
        (
            "any of some",
            chart("redis:{{ .Values.web | values | first }}", &format!("web: {{v: \"7@{PIN}\"}}\n"), vec![]),
            other("web: {v: \"7\"}\n"),
            HERE,
        ),
        (
            "what is replaced",
            chart("{{ regexReplaceAll .Values.strip .Values.r \"\" }}", &whole("strip: zzz\n"), vec![]),
            other(&whole("strip: \"@.*\"\n")),
            HERE,
        ),
        (
            "how much is taken",
            chart("\"{{ .Values.r | trunc (int .Values.n) }}\"", &whole("n: 100\n"), vec![]),
            other(&whole("n: 7\n")),
            HERE,
        ),
        (
            "merged",
            of(&merged, &format!("a: {{r: \"redis:7@{PIN}\"}}\nb: {{}}\n")),
            other(&format!("a: {{r: \"redis:7@{PIN}\"}}\nb: {{r: redis:7}}\n")),
            HERE,
        ),
        (
            "a digest behind a condition that comes",
            chart("redis:7@{{ .Values.d }}", &format!("d: {PIN}\n"), vec![]),
            file("c/templates/b.yaml", "{{ $_ := set .Values \"d\" \"x\" }}"),
            HERE,
        ),
    ]);
    let both = "\"{{ .Values.image.repository }}:{{ .Values.image.tag }}@{{ .Values.image.digest }}\"";
    let digest = "\"{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}\"";
    let bumped = |values: String| values.replace("\"7\"", "\"8\"").replace("sha256:6965a1", "sha256:0000a1");
    fine_all(&[
        ("a bump", chart(both, &image(""), vec![]), other(&bumped(image("")))),
        ("a bump behind a condition", chart(digest, &image(""), vec![]), other(&bumped(image("")))),
        ("a new template", chart(both, &image(""), vec![]), vec![("c/templates/b.yaml", pod(both))]),
        (
            "another value",
            chart(switched, &image("pin: true\n"), vec![]),
            other(&image("pin: true\nreplicas: 2\n")),
        ),
        ("the same again", chart(switched, &image("pin: true\n"), vec![]), prod("pin: true\nreplicas: 2\n")),
        (
            "a bump of a whole",
            chart("{{ coalesce .Values.dev .Values.r }}", &whole(""), vec![]),
            other(&bumped(whole(""))),
        ),
        ("a part", chart("{{ .Values.r }}:{{ .Values.v }}", &part(""), vec![]), other(&part("x: 1\n"))),
    ]);
}

#[test]
fn dependencies_decide() {
    let inner = |values: &str, template: String, more: &str| -> Owned {
        vec![
            ("c/charts/s/Chart.yaml", format!("apiVersion: v2\nname: s\nversion: 1.0.0\n{more}")),
            ("c/charts/s/templates/s.yaml", template),
            ("c/charts/s/values.yaml", text(values)),
        ]
    };
    let depends =
        |rest: &str| vec![chart_file(&format!("dependencies:\n- {{name: s, version: 1.0.0{rest}}}\n"))];
    let pinned = format!("redis:7@{PIN}");
    let float = || pod("redis:{{ .Values.v }}");
    let with =
        |values: &str, rest: &str, inner: Owned| chart(&pinned, values, [depends(rest), inner].concat());
    let set = format!("s: {{v: \"7@{PIN}\"}}\n");
    let there = "c/charts/s/templates/s.yaml unverifiable";
    let twice = vec![chart_file(
        "dependencies:\n- {name: s, version: 1.0.0}\n- {name: s, version: 1.0.0, alias: z}\n",
    )];
    let import = ", import-values: [{child: exp, parent: img}]";
    let exported = inner(&format!("exp: {{v: \"7@{PIN}\"}}\n"), text("# nothing\n"), "");
    let imported = chart("redis:{{ .Values.img.v }}", "a: b\n", [depends(import), exported.clone()].concat());
    let given = chart(
        "redis:{{ .Values.img.v }}",
        &format!("img: {{v: \"7@{PIN}\"}}\n"),
        [depends(""), exported.clone()].concat(),
    );
    told_all(&[
        ("another name", with(&set, "", inner("v: \"7\"\n", float(), "")), depends(", alias: z"), there),
        ("a second time", with(&set, "", inner("v: \"7\"\n", float(), "")), twice, there),
        ("imported values", imported, file("c/charts/s/values.yaml", "exp: {v: \"7\"}\n"), HERE),
        ("values that are imported", given, depends(import), HERE),
        (
            "a tag",
            with("tags: {front: false}\n", ", tags: [front]", inner("a: b\n", pod("redis:7"), "")),
            file("c/values.yaml", "tags: {front: true}\n"),
            "c/charts/s/templates/s.yaml floating-tag",
        ),
        (
            "a library",
            with("a: b\n", "", inner("a: b\n", pod("redis:7"), "type: library\n")),
            file("c/charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n"),
            "c/charts/s/templates/s.yaml floating-tag",
        ),
    ]);
    fine_all(&[
        (
            "another version",
            with(&set, "", inner("v: \"7\"\n", float(), "")),
            vec![chart_file("dependencies:\n- {name: s, version: 1.0.1}\n")],
        ),
        (
            "another tag",
            with("tags: {front: false}\n", ", tags: [front]", inner("a: b\n", pod("redis:7"), "")),
            file("c/values.yaml", "tags: {front: false, back: true}\n"),
        ),
    ]);
}

#[test]
fn actions_that_write_an_image_are_said() {
    let base = || chart(&format!("redis:7@{PIN}"), "a: b\n", vec![]);
    let with =
        |more: &str| vec![("c/templates/a.yaml", format!("{}{more}\n", pod(&format!("redis:7@{PIN}"))))];
    told_all(&[
        ("a key", base(), with("  - name: b\n    {{ \"im\" }}age: redis:7"), LOOKS),
        ("a key in braces", base(), with("  - { name: b, {{ \"image\" }}: redis }"), LOOKS),
        ("a line", base(), with("  - name: b\n    {{ printf \"%s: redis:7\" \"image\" }}"), LOOKS),
        ("a container", base(), with("  {{ printf \"- {name: b, %s: redis:7}\" \"image\" }}"), LOOKS),
        ("decoded", base(), with("  {{ \"LSB7bmFtZTogYiwgaW1hZ2U6IHJlZGlzfQ==\" | b64dec }}"), LOOKS),
        (
            "of a map",
            base(),
            with("  - {{ dict \"name\" \"b\" \"image\" \"redis\" | toYaml | nindent 4 }}"),
            LOOKS,
        ),
        (
            "in a definition",
            base(),
            [
                with("  {{- include \"c.more\" . }}"),
                file(
                    "c/templates/z.yaml",
                    "{{ define \"c.more\" }}\n  - name: b\n    {{ \"image\" }}: redis:7\n{{ end }}\n",
                ),
            ]
            .concat(),
            "c/templates/z.yaml looks-away",
        ),
    ]);
    let labels = "{{- define \"c.labels\" -}}\napp: {{ .Chart.Name }}\nversion: {{ .Chart.AppVersion | quote }}\n{{- end }}\n{{- define \"c.name\" -}}\n{{- printf \"%s-%s\" .Release.Name .Chart.Name | trunc 63 | trimSuffix \"-\" }}\n{{- end }}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ include \"c.name\" . }}\n  labels:\n    {{- include \"c.labels\" . | nindent 4 }}\ndata:\n  {{- range $k, $v := .Values.env }}\n  {{ $k }}: {{ $v | quote }}\n  {{- end }}\n{{ (.Files.Glob \"conf/*\").AsConfig | indent 2 }}\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}}\nspec:\n  ports: [{port: {{ .Values.port | default 80 }}}]\n";
    fine_all(&[
        (
            "a map and helpers",
            base(),
            [file("c/templates/_h.tpl", labels), file("c/templates/m.yaml", map)].concat(),
        ),
        ("a service", base(), file("c/templates/s.yaml", service)),
        ("resources", base(), with("    resources:\n      {{- toYaml .Values.resources | nindent 6 }}")),
        (
            "an environment",
            base(),
            with(
                "    env:\n    {{- range $k, $v := .Values.env }}\n    - name: {{ $k }}\n      value: {{ tpl $v $ | quote }}\n    {{- end }}",
            ),
        ),
        (
            "a host",
            base(),
            with(
                "    args: [\"--at={{ .Values.host }}:{{ .Values.port }}\", {{ printf \"--to=http://%s:%d\" .Values.host .Values.port | quote }}]",
            ),
        ),
        (
            "pull secrets",
            base(),
            file(
                "c/templates/_h.tpl",
                "{{ define \"c.s\" }}\n{{- with .Values.imagePullSecrets }}\nimagePullSecrets:\n{{ toYaml . }}\n{{- end }}\n{{- end }}\n",
            ),
        ),
        ("notes", base(), file("c/templates/NOTES.txt", "{{ .Values.image }}: {{ .Files.Get \"x\" }}\n")),
    ]);
}

#[test]
fn a_version_that_stands_in_for_nothing_decides_nothing() {
    let image = "\"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}\"";
    let version = |version: &str| chart_file(&format!("appVersion: \"{version}\"\n"));
    let of = |tag: &str| {
        let values = format!("image: {{repository: redis, tag: \"{tag}\"}}\n");
        chart(image, &values, vec![version("7.0")])
    };
    fine_all(&[("a tag with a digest", of(&format!("7@{PIN}")), vec![version("7.1")])]);
    told_all(&[("no tag", of(""), vec![version("7.1")], HERE)]);
    // Nor do blanks that an action behind the image cuts off.
    let template = |before: &str, behind: &str| {
        file(
            "c/templates/a.yaml",
            &format!(
                "{before}apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n  - name: a\n    image: {image}\n{behind}"
            ),
        )
    };
    let base = || [of(&format!("7@{PIN}")), template("", "")].concat();
    fine_all(&[
        ("a condition", base(), template("{{- if .Values.image.tag }}\n", "{{- end }}\n")),
        ("resources", base(), template("", "    resources: {{- toYaml .Values.resources | nindent 6 }}\n")),
    ]);
}
