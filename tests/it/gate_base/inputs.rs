//! A look-away of before is old only where everything that it depends on is what it was.

use super::{Change, pinned};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    next: NEXT\n    other: OTHER\nspec:\n  containers:\n  - name: a\n    image: IMAGE\n";

fn image() -> String {
    format!("redis:6@{}", super::PIN)
}

/// A pod with an annotation.
fn pod(next: &str) -> String {
    POD.replace("NEXT", next).replace("IMAGE", &image())
}

fn map(image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: images}}\ndata:\n  image: {image}\n  other: x\n"
    )
}

const REPLACES: &str = "source: {kind: ConfigMap, name: images, fieldPath: data.image}\n  targets:\n  - select: {kind: Pod}\n    fieldPaths: [spec.containers.0.image]\n";

fn replacing(rest: &str) -> String {
    format!("resources: [pod.yaml]\nreplacements:\n- {REPLACES}{rest}")
}

fn patching(rest: &str) -> String {
    format!("resources: [pod.yaml]\npatches:\n- path: p.yaml\n  target: {{kind: Pod}}\n{rest}")
}

fn copy(from: &str) -> String {
    format!("- {{op: copy, from: {from}, path: /spec/containers/0/image}}\n")
}

const COPY: &str = "/metadata/annotations/next";

/// A name, the files that were there, the one that the change writes, the file that looks away, and the input that it names.
type Case<'c> = (&'c str, Vec<(&'c str, String)>, (&'c str, String), &'c str, &'c str);

/// Returns what is wrong with the cases: a change of an input has to be an error that names it.
fn told(cases: &[Case<'_>]) {
    let mut failures = Vec::new();
    for (name, before, after, file, input) in cases {
        for (how, judged) in Change::of(before, std::slice::from_ref(after)).judged() {
            let is_told = judged.findings.iter().any(|(at, rule, message)| {
                at == file && rule == "looks-away" && message.contains(&format!("`{input}`"))
            });
            if judged.code != 1 || !is_told {
                failures.push(format!("{name} {how}: {judged:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A file's path and text.
type File<'a> = (&'a str, String);

fn fine(cases: &[(&str, Vec<File<'_>>, File<'_>)]) {
    let mut failures = Vec::new();
    for (name, before, after) in cases {
        for (how, judged) in Change::of(before, std::slice::from_ref(after)).judged() {
            if judged.code != 0 || !judged.findings.is_empty() {
                failures.push(format!("{name} {how}: {judged:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_patch_that_copies_depends_on_what_it_copies() {
    let (at, next) = ("kustomization.yaml", pod("redis:6"));
    let base = || vec![(at, patching("")), ("p.yaml", copy(COPY)), ("pod.yaml", pod(&image()))];
    let with =
        |rest: &str| [(at, patching(rest)), ("p.yaml", copy(COPY)), ("pod.yaml", pod(&image()))].to_vec();
    let writes = |image: &str| format!("- {{op: add, path: {COPY}, value: {image}}}\n");
    let sets =
        |image: &str| format!("- path: q.yaml\n  target: {{kind: Pod}}\ncommonLabels: {{a: {image}}}\n");
    let annotates = |image: &str| format!("commonAnnotations: {{next: {image}}}\n");
    let inline = |op: &str| {
        format!(
            "resources: [pod.yaml]\npatches:\n- target: {{kind: Pod}}\n  patch: |-\n    - {{op: {op}, from: {COPY}, path: /spec/containers/0/image}}\n"
        )
    };
    let merges = |image: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a, annotations: {{next: {image}}}}}\n")
    };
    told(&[
        ("an annotation", base(), ("pod.yaml", next.clone()), "p.yaml", "pod.yaml"),
        (
            "a move",
            vec![(at, inline("move")), ("pod.yaml", pod(&image()))],
            ("pod.yaml", next.clone()),
            at,
            "pod.yaml",
        ),
        (
            "in the kustomization itself",
            vec![(at, inline("copy")), ("pod.yaml", pod(&image()))],
            ("pod.yaml", next.clone()),
            at,
            "pod.yaml",
        ),
        (
            "another patch writes it",
            [with(&sets("x")), vec![("q.yaml", writes(&image()))]].concat(),
            ("q.yaml", writes("redis:6")),
            "p.yaml",
            "q.yaml",
        ),
        (
            "a merge writes it",
            [with("- path: q.yaml\n"), vec![("q.yaml", merges(&image()))]].concat(),
            ("q.yaml", merges("redis:6")),
            "p.yaml",
            "q.yaml",
        ),
        (
            "the kustomization annotates",
            with(&annotates(&image())),
            (at, patching(&annotates("redis:6"))),
            "p.yaml",
            "kustomization.yaml",
        ),
        (
            "from a base",
            vec![
                (at, patching("").replace("pod.yaml", "base")),
                ("p.yaml", copy(COPY)),
                ("base/kustomization.yaml", "resources: [pod.yaml]\n".to_owned()),
                ("base/pod.yaml", pod(&image())),
            ],
            ("base/pod.yaml", next.clone()),
            "p.yaml",
            "base/pod.yaml",
        ),
        (
            "of a component",
            vec![
                (at, "resources: [pod.yaml]\ncomponents: [c]\n".to_owned()),
                (
                    "c/kustomization.yaml",
                    format!(
                        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{}",
                        patching("").replace("resources: [pod.yaml]\n", "")
                    ),
                ),
                ("c/p.yaml", copy(COPY)),
                ("pod.yaml", pod(&image())),
            ],
            ("pod.yaml", next),
            "c/p.yaml",
            "pod.yaml",
        ),
        ("the operation itself", base(), ("p.yaml", copy("/metadata/annotations/other")), "p.yaml", "p.yaml"),
    ]);
    fine(&[
        ("another annotation", base(), ("pod.yaml", pod(&image()).replace("OTHER", "ELSE"))),
        ("a comment there", base(), ("pod.yaml", format!("# x\n\n{}", pod(&image())))),
        ("a comment in the patch", base(), ("p.yaml", format!("# x\n\n{}# y\n", copy(COPY)))),
        ("another file", base(), ("map.yaml", map("x"))),
    ]);
}

#[test]
fn a_replacement_depends_on_its_source() {
    let at = "kustomization.yaml";
    let pinned = || pod("x");
    let generated = |rest: &str| replacing(&format!("configMapGenerator:\n- name: images\n  {rest}\n"));
    let literal = |image: &str| generated(&format!("literals: [image={image}, other=x]"));
    let of_map = || {
        let kustomization = replacing("").replace("[pod.yaml]", "[pod.yaml, map.yaml]");
        vec![(at, kustomization), ("pod.yaml", pinned()), ("map.yaml", map(&image()))]
    };
    let chain = replacing("").replace("[pod.yaml]", "[pod.yaml, map.yaml]")
        + "- source: {kind: Pod, name: a, fieldPath: \"metadata.annotations.[next]\"}\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [data.image]\n";
    let annotated = replacing("commonAnnotations: {next: IMAGE}\n").replace(
        "kind: ConfigMap, name: images, fieldPath: data.image",
        "kind: Pod, fieldPath: metadata.annotations.next",
    );
    let secret = generated("envs: [prod]").replace("configMapG", "secretG").replace("ConfigMap", "Secret");
    let variable = |rest: &str| {
        format!(
            "resources: [pod.yaml, map.yaml]\nvars:\n- {{name: IMG, objref: {{apiVersion: v1, kind: ConfigMap, name: images}}, fieldref: {{fieldpath: data.image}}}}\n{rest}"
        )
    };
    told(&[
        (
            "a literal",
            vec![(at, literal(&image())), ("pod.yaml", pinned())],
            (at, literal("redis:6")),
            at,
            at,
        ),
        (
            "an env file",
            vec![
                (at, generated("envs: [prod.env]")),
                ("prod.env", format!("image={}\n", image())),
                ("pod.yaml", pinned()),
            ],
            ("prod.env", "image=redis:6\n".to_owned()),
            at,
            "prod.env",
        ),
        (
            "an old env",
            vec![
                (at, generated("env: settings")),
                ("settings", format!("image={}\n", image())),
                ("pod.yaml", pinned()),
            ],
            ("settings", "image=redis:6\n".to_owned()),
            at,
            "settings",
        ),
        (
            "a file",
            vec![(at, generated("files: [image]")), ("image", image()), ("pod.yaml", pinned())],
            ("image", "redis:6".to_owned()),
            at,
            "image",
        ),
        (
            "a file under another name",
            vec![
                (at, generated("files: [image=conf/i.properties]")),
                ("conf/i.properties", image()),
                ("pod.yaml", pinned()),
            ],
            ("conf/i.properties", "redis:6".to_owned()),
            at,
            "conf/i.properties",
        ),
        (
            "a secret",
            vec![(at, secret), ("prod", format!("image={}\n", image())), ("pod.yaml", pinned())],
            ("prod", "image=redis:6\n".to_owned()),
            at,
            "prod",
        ),
        ("an object", of_map(), ("map.yaml", map("redis:6")), at, "map.yaml"),
        (
            "an object of a base",
            vec![
                (at, replacing("").replace("[pod.yaml]", "[pod.yaml, base]")),
                ("pod.yaml", pinned()),
                ("base/kustomization.yaml", "namePrefix: a-\nresources: [map.yaml]\n".to_owned()),
                ("base/map.yaml", map(&image())),
            ],
            ("base/map.yaml", map("redis:6")),
            at,
            "base/map.yaml",
        ),
        (
            "a patch of the object",
            [
                of_map()[1..].to_vec(),
                vec![(at, of_map()[0].1.clone() + "patches: [{path: p.yaml}]\n"), ("p.yaml", map(&image()))],
            ]
            .concat(),
            ("p.yaml", map("redis:6")),
            at,
            "p.yaml",
        ),
        (
            "a replacement into the source",
            vec![(at, chain), ("pod.yaml", pod(&image())), ("map.yaml", map("x"))],
            ("pod.yaml", pod("redis:6")),
            at,
            "pod.yaml",
        ),
        (
            "an annotation of the kustomization",
            vec![(at, annotated.replace("IMAGE", &image())), ("pod.yaml", pinned())],
            (at, annotated.replace("IMAGE", "redis:6")),
            at,
            at,
        ),
        (
            "in a file of its own",
            vec![
                (at, "resources: [pod.yaml, map.yaml]\nreplacements: [{path: r.yaml}]\n".to_owned()),
                ("r.yaml", format!("- {REPLACES}")),
                ("pod.yaml", pinned()),
                ("map.yaml", map(&image())),
            ],
            ("map.yaml", map("redis:6")),
            at,
            "map.yaml",
        ),
        (
            "a variable",
            vec![
                (at, variable("")),
                ("pod.yaml", pinned().replace(&image(), "$(IMG)")),
                ("map.yaml", map(&image())),
            ],
            ("map.yaml", map("redis:6")),
            at,
            "map.yaml",
        ),
    ]);
    fine(&[
        (
            "another literal",
            vec![(at, literal(&image())), ("pod.yaml", pinned())],
            (at, literal(&image()).replace("other=x", "other=y")),
        ),
        (
            "another line of an env file",
            vec![
                (at, generated("envs: [prod.env]")),
                ("prod.env", format!("image={}\n", image())),
                ("pod.yaml", pinned()),
            ],
            ("prod.env", format!("# x\nimage={}\nother=redis\n", image())),
        ),
        ("another key", of_map(), ("map.yaml", map(&image()).replace("other: x", "other: y"))),
        ("another object", of_map(), ("pod.yaml", pod("y"))),
        (
            "a variable of no image",
            vec![(at, variable("")), ("pod.yaml", pinned()), ("map.yaml", map("x"))],
            ("map.yaml", map("y")),
        ),
    ]);
}

#[test]
fn a_plug_in_depends_on_every_file_that_it_names() {
    let at = "kustomization.yaml";
    let kustomization = |rest: &str| format!("resources: [pod.yaml]\n{rest}\n");
    let transformer = |tag: &str| {
        format!("apiVersion: builtin\nkind: ImageTagTransformer\nimageTag: {{name: redis, newTag: {tag}}}\n")
    };
    let function = "apiVersion: a.example/v1\nkind: Images\nmetadata: {name: images}\nspec:\n  files: [conf/images.env]\n  command: sh run.sh --tags=tags\n";
    let one = |list: &str, path: &'static str, text: String| {
        vec![(at, kustomization(list)), ("pod.yaml", pod("x")), (path, text)]
    };
    let of_function = || {
        [
            one("transformers: [t/fn.yaml]", "t/fn.yaml", function.to_owned()),
            vec![
                ("t/conf/images.env", format!("redis={}\n", image())),
                ("t/run.sh", "cat tags\n".to_owned()),
                ("tags", "6\n".to_owned()),
            ],
        ]
        .concat()
    };
    let chart =
        "helmCharts:\n- name: shop\n  valuesFile: prod.values\n  additionalValuesFiles: [more/values]\n";
    let of_chart = || {
        [
            one(chart, "prod.values", format!("image: {}\n", image())),
            vec![
                ("more/values", "a: 1\n".to_owned()),
                ("charts/shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n".to_owned()),
                ("charts/shop/files/images.txt", format!("{}\n", image())),
            ],
        ]
        .concat()
    };
    told(&[
        ("no ending", one("transformers: [t]", "t", transformer("a")), ("t", transformer("b")), at, "t"),
        ("a text", one("generators: [g.txt]", "g.txt", pod("x")), ("g.txt", pod("y")), at, "g.txt"),
        (
            "properties",
            one("configurations: [c.properties]", "c.properties", "a=b\n".to_owned()),
            ("c.properties", "a=c\n".to_owned()),
            at,
            "c.properties",
        ),
        (
            "a directory",
            [
                one("transformers: [../t]", "pod.yaml", pod("x"))
                    .into_iter()
                    .map(|(path, text)| {
                        (if path == at { "app/kustomization.yaml" } else { "app/pod.yaml" }, text)
                    })
                    .collect(),
                vec![
                    ("t/kustomization.yaml", "resources: [deep]\n".to_owned()),
                    ("t/deep", transformer("a")),
                ],
            ]
            .concat(),
            ("t/deep", transformer("b")),
            "app/kustomization.yaml",
            "t/deep",
        ),
        (
            "what its file names",
            of_function(),
            ("t/conf/images.env", "redis=redis:6\n".to_owned()),
            at,
            "t/conf/images.env",
        ),
        ("a script", of_function(), ("t/run.sh", "cat tags # x\n".to_owned()), at, "t/run.sh"),
        ("an argument", of_function(), ("tags", "7\n".to_owned()), at, "tags"),
        (
            "what an inline one names",
            one(
                "transformers:\n- |-\n  apiVersion: a.example/v1\n  kind: Images\n  file: images.env",
                "images.env",
                "a=b\n".to_owned(),
            ),
            ("images.env", "a=c\n".to_owned()),
            at,
            "images.env",
        ),
        ("values", of_chart(), ("prod.values", "image: redis:6\n".to_owned()), at, "prod.values"),
        ("more values", of_chart(), ("more/values", "image: redis:6\n".to_owned()), at, "more/values"),
        (
            "a chart beside it",
            of_chart(),
            ("charts/shop/files/images.txt", "redis:6\n".to_owned()),
            at,
            "charts/shop/files/images.txt",
        ),
        (
            "a file that is new",
            of_chart(),
            ("charts/shop/files/more.txt", "redis:6\n".to_owned()),
            at,
            "charts/shop/files/more.txt",
        ),
        (
            "an inflator",
            one(
                "helmChartInflationGenerator:\n- {chartName: shop, values: inflator}",
                "inflator",
                "a: 1\n".to_owned(),
            ),
            ("inflator", "a: 2\n".to_owned()),
            at,
            "inflator",
        ),
    ]);
    let plug_in = || one("transformers: [t.yaml]", "t.yaml", transformer("a"));
    let inline = "transformers:\n- |-\n  apiVersion: builtin\n  kind: ImageTagTransformer\n  imageTag: {name: redis, newTag: a}";
    fine(&[
        ("an empty line", plug_in(), ("t.yaml", transformer("a") + "\n")),
        ("a comment", plug_in(), ("t.yaml", format!("# x\n{}", transformer("a").replace('\n', " # y\n")))),
        (
            "another order of lines",
            plug_in(),
            ("t.yaml", transformer("a").replace("{name: redis, newTag: a}", "\n  name: redis\n  newTag: a")),
        ),
        (
            "a comment in the kustomization",
            plug_in(),
            (at, kustomization("# x\ntransformers:\n- t.yaml # y")),
        ),
        (
            "a comment in an inline one",
            one(inline, "x", String::new()),
            (at, kustomization(&inline.replace("apiVersion", "# x\n\n  apiVersion"))),
        ),
        ("what it transforms", plug_in(), ("pod.yaml", pod("y"))),
        ("another file", of_function(), ("t/conf/other.env", "x\n".to_owned())),
    ]);
}

/// What is not YAML is compared as it stands, but for what no reader takes: empty lines around it.
#[test]
fn a_template_is_what_it_was_where_nothing_is_said() {
    let template = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  {{ range .all }}\n  - image: {{ .image }}\n  {{ end }}\n";
    let before = || vec![("deploy/a.yaml", template.to_owned())];
    fine(&[
        ("a line behind it", before(), ("deploy/a.yaml", format!("{template}\n"))),
        ("a comment before it", before(), ("deploy/a.yaml", format!("# who owns this\n\n{template}"))),
    ]);
    let mut failures = Vec::new();
    for (name, after) in [
        ("another action", template.replace(".image", ".img")),
        ("an image", template.replace("{{ .image }}", "redis:6")),
        ("an action in a comment", format!("# {{{{ $x := 1 }}}}\n{template}")),
        ("a line that some readers end", format!("# x\u{85}image: redis:6\n{template}")),
        ("a line between", template.replace("  {{ end }}", "\n  {{ end }}")),
    ] {
        for (how, judged) in Change::of(&before(), &[("deploy/a.yaml", after.clone())]).judged() {
            if judged.code != 1 {
                failures.push(format!("{name} {how}: {judged:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(pinned().contains("redis"));
}
