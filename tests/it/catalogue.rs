//! The catalogue: every entry of it finds an image in the smallest document that it is for, and docs/formats.md says
//! what it has.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tagpin::manifest::formats::catalogue::{BUILT_IN, Form, Location, TextForm};
use tagpin::manifest::formats::pattern::Pattern;
use tagpin::manifest::scan;
use tagpin::manifest::site::{Skip, State};
use tagpin::manifest::syntax::language::Language;

/// Puts `leaf` at `pattern` below `at`, making what is missing on the way.
fn put(at: &mut Value, segments: &[&str], leaf: Value) {
    let Some((segment, rest)) = segments.split_first() else {
        match (at, leaf) {
            (Value::Object(old), Value::Object(new)) => old.extend(new),
            (at, leaf) => *at = leaf,
        }
        return;
    };
    let (name, test) =
        segment.split_once('[').map_or((*segment, ""), |(name, test)| (name, test.trim_end_matches(']')));
    let (name, own) = name.split_once('=').unwrap_or((name, ""));
    let name = name.replace("~1", "/").replace("~0", "~");
    if name == "**" {
        return put(at, rest, leaf);
    }
    let as_item = name.is_empty() || (name == "*" && at.is_array());
    if as_item && !at.is_array() {
        *at = json!([null]);
    } else if !as_item && at.is_array() {
        *at = at[0].take();
    }
    let child = match (at, name.as_str()) {
        (Value::Array(items), _) => &mut items[0],
        (Value::Object(map), "*") => map.entry("any").or_insert(Value::Null),
        (Value::Object(map), key) => map.entry(key).or_insert(Value::Null),
        (other, key) => {
            *other = json!({});
            &mut other[if key == "*" { "any" } else { key }]
        }
    };
    let leaf = if rest.is_empty() && !own.is_empty() {
        json!(own.replace("~1", "/").replace('*', "x"))
    } else {
        leaf
    };
    put(child, rest, leaf);
    if !test.is_empty() && !child.is_object() {
        *child = json!({});
    }
    if let Some((key, value)) = test.split_once('=') {
        child[key] = json!(value.replace("~1", "/").replace('*', "x"));
    } else if !test.is_empty() && child.get(test).is_none() {
        child[test] = json!("x");
    }
}

fn segments(pattern: &Pattern) -> Vec<String> {
    // No pattern of the catalogue has a slash in a condition.
    pattern.to_string()[1..].split('/').map(str::to_owned).collect()
}

fn put_pattern(at: &mut Value, pattern: &Pattern, leaf: Value) {
    let segments = segments(pattern);
    put(at, &segments.iter().map(String::as_str).collect::<Vec<_>>(), leaf);
}

/// Returns a path that one of the globs of an entry matches.
fn path(location: &Location) -> String {
    let glob = location.files.first().map_or("a/file.yaml", String::as_str);
    glob.replace("**", "a").replace("y*ml", "yaml").replace('*', "x")
}

/// Returns the smallest documents that an entry is for, each with `leaf` at `pattern`.
fn documents(location: &Location, pattern: &Pattern, leaf: &Value) -> Vec<(String, Value)> {
    let root = json!({});
    if location.format.is_none() {
        let group = location.group.as_deref().unwrap_or("acme.example");
        let kind = location.kinds.first().filter(|kind| *kind != "*").map_or("Any", String::as_str);
        let mut root = json!({"apiVersion": format!("{group}/v1").trim_start_matches('/'), "kind": kind});
        put_pattern(&mut root, pattern, leaf.clone());
        return vec![("a/file.yaml".to_owned(), root)];
    }
    let mut has: Vec<Option<&Pattern>> = location.has.iter().map(Some).collect();
    if has.is_empty() {
        has.push(None);
    }
    has.into_iter()
        .map(|has| {
            let mut document = root.clone();
            if let Some(has) = has {
                put_pattern(&mut document, has, json!("x"));
            }
            put_pattern(&mut document, pattern, leaf.clone());
            (path(location), document)
        })
        .collect()
}

/// Returns a value as an expression of HCL: JSON, and texts of several lines as heredocs.
fn expression(value: &Value) -> String {
    match value {
        Value::String(text) if text.ends_with('\n') => format!("<<EOT\n{text}EOT\n"),
        Value::Object(entries) => {
            let entries: String =
                entries.iter().map(|(key, value)| format!("{key:?} = {}\n", expression(value))).collect();
            format!("{{\n{entries}}}")
        }
        Value::Array(items) => {
            format!("[{}\n]", items.iter().map(expression).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Returns a document in the language of the file.
fn written(path: &str, document: &Value) -> String {
    let entries = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut text = String::new();
    match Language::of(path).unwrap_or_default() {
        Language::Dockerfile => {
            let at = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
            let _ = writeln!(text, "# syntax={}", at("/syntax").unwrap_or("x"));
            let _ = writeln!(text, "FROM {}", at("/stages/0/from").unwrap_or("x"));
            for (instruction, pointer) in [
                ("COPY --from={} . .", "/stages/0/copy/0/from"),
                ("RUN --mount=from={},target=/x true", "/stages/0/mount/0/from"),
                ("ONBUILD COPY --from={} . .", "/stages/0/onbuild/copy/0/from"),
                ("ONBUILD RUN --mount=from={},target=/x true", "/stages/0/onbuild/mount/0/from"),
            ] {
                if let Some(image) = at(pointer) {
                    let _ = writeln!(text, "{}", instruction.replace("{}", image));
                }
            }
        }
        Language::Yaml => text = serde_yaml::to_string(document).unwrap(),
        Language::Hcl | Language::Terraform | Language::Bake => {
            for (name, value) in entries(document) {
                let _ = writeln!(text, "{name} = {}", expression(&value));
            }
        }
        Language::EnvFile => {}
        Language::Toml => text = toml::to_string(document).unwrap(),
        Language::Unit => {
            for (section, value) in entries(document) {
                let _ = writeln!(text, "[{section}]");
                for (name, value) in entries(&value) {
                    let _ = writeln!(text, "{name}={}", value.as_str().unwrap());
                }
            }
        }
    }
    text
}

#[test]
fn every_location_finds_an_image_in_the_smallest_document() {
    let whole = json!("ghcr.io/acme/api:1.8");
    let mut failures = String::new();
    let mut count = 0;
    for location in BUILT_IN.locations() {
        let forms = location.forms().map(|(pattern, form)| {
            let leaf = match form {
                Form::Image if location.has.iter().any(|has| has.to_string().contains("[name=gcr.io")) => {
                    json!("gcr.io/acme/api:1.8")
                }
                Form::Image | Form::TaggedImage | Form::Output => whole.clone(),
                Form::Argument => json!("--image=ghcr.io/acme/api:1.8"),
                Form::Default => json!("${IMAGE:-ghcr.io/acme/api:1.8}"),
                Form::Prefixed => json!("docker://ghcr.io/acme/api:1.8"),
                Form::Fields if pattern.to_string().contains("baseImage") => {
                    json!({"baseImage": "ghcr.io/acme/api", "tag": "1.8"})
                }
                Form::Fields if pattern.to_string().contains("[repo]") => {
                    json!({"repo": "ghcr.io/acme/api", "tag": "1.8"})
                }
                Form::Fields if pattern.to_string().contains("[repository]") => {
                    json!({"repository": "ghcr.io/acme/api", "tag": "1.8"})
                }
                Form::Fields => json!({"image": "ghcr.io/acme/api", "version": "1.8", "digest": ""}),
                Form::Artifact => json!({"url": "oci://ghcr.io/acme/api", "ref": {"tag": "1.8"}}),
                Form::Chart => json!({"repoURL": "ghcr.io/acme", "repository": "oci://ghcr.io/acme", "chart": "api", "name": "api", "version": "1.8"}),
                Form::Values => json!({"image": {"repository": "ghcr.io/acme/api", "tag": "1.8"}}),
                Form::Parameters => json!([
                    {"name": "image.repository", "value": "ghcr.io/acme/api"},
                    {"name": "image.tag", "value": "1.8"},
                ]),
                Form::Kustomize => json!([{"name": "ghcr.io/acme/api", "newTag": "1.8"}]),
                Form::KustomizeStrings => json!(["ghcr.io/acme/api:1.8"]),
            };
            (pattern, leaf, matches!(form, Form::Output | Form::Chart))
        });
        let texts = location.texts().map(|(pattern, form)| {
            let text = match form {
                TextForm::Values => "image: ghcr.io/acme/api:1.8\n",
                TextForm::Job => {
                    "job \"a\" {\ngroup \"b\" {\ntask \"c\" {\ndriver = \"docker\"\nconfig {\nimage = \"ghcr.io/acme/api:1.8\"\n}\n}\n}\n}\n"
                }
                TextForm::Pods => "containers: [{name: a, image: 'ghcr.io/acme/api:1.8'}]\n",
                TextForm::File => "services: {a: {image: 'ghcr.io/acme/api:1.8'}}\n",
                TextForm::Containers => "[{image: ghcr.io/acme/api:1.8}]\n",
                TextForm::Runners => "[[runners]]\ndocker.image = 'ghcr.io/acme/api:1.8'\n",
                TextForm::Objects => "[{op: replace, path: /image, value: 'ghcr.io/acme/api:1.8'}]\n",
            };
            (pattern, json!(text), false)
        });
        for (pattern, leaf, output) in forms.chain(texts) {
            // An entry that only adds to a format is found by another entry of it.
            for (path, document) in documents(location, pattern, &leaf) {
                count += 1;
                let text = written(&path, &document);
                let sites = scan(&path, text.as_bytes(), &BUILT_IN).sites;
                let found = sites.iter().any(|located| {
                    let right = match located.site.state {
                        // Compose is also told by `build`, beside which an image is an output.
                        State::Skipped(Skip::ByVersion) => output,
                        State::Skipped(Skip::BuildOutput) => output || text.contains("build: x"),
                        State::Floating => !output,
                        _ => false,
                    };
                    right && located.site.image.ends_with("cr.io/acme/api:1.8")
                });
                if !found {
                    let states: Vec<_> =
                        sites.iter().map(|l| (&l.site.image, l.site.state, &l.site.format)).collect();
                    let _ =
                        writeln!(failures, "{:?} {pattern} in {path}: {states:?}\n{text}", location.title);
                }
            }
        }
    }
    assert!(count > 300, "only {count} documents were made");
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn a_document_without_a_word_of_the_catalogue_is_not_parsed() {
    assert!(!BUILT_IN.may_hold_images(b"apiVersion: v1\nkind: Service\nspec: {ports: [{port: 80}]}\n"));
    assert!(BUILT_IN.may_hold_images(b"IMAGE: x"));
    let location: Location = toml::from_str("kinds = ['Robot']\nimages = ['/spec/runtime']").unwrap();
    let text = b"apiVersion: a/v1\nkind: Robot\nspec: {runtime: 'acme/robot:1'}\n";
    assert!(scan("a.yaml", text, &BUILT_IN).sites.is_empty());
    assert_eq!(scan("a.yaml", text, &BUILT_IN.with(&[location], &[])).sites.len(), 1);
}

#[test]
fn entries_are_sound() {
    for location in BUILT_IN.locations() {
        assert_eq!(location.problem(), None, "{location:?}");
        assert!(location.title.is_some(), "{location:?}");
    }
    assert!(BUILT_IN.locations().len() > 100);
    assert!(BUILT_IN.not_pulled().len() > 10);
}

const TABLES: (&str, &str) = ("<!-- tables -->\n", "<!-- end -->");

#[test]
fn the_page_of_formats_is_not_stale() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md");
    let written = fs_err::read_to_string(&path).unwrap();
    let (before, rest) = written.split_once(TABLES.0).unwrap();
    let (_, after) = rest.split_once(TABLES.1).unwrap();
    let page = format!("{before}{}{}{}{after}", TABLES.0, tables(), TABLES.1);
    if std::env::var_os("TAGPIN_BLESS").is_some() {
        fs_err::write(&path, &page).unwrap();
        return;
    }
    assert!(
        written == page,
        "docs/formats.md is stale: TAGPIN_BLESS=1 cargo test --test it catalogue:: writes it"
    );
}

fn tables() -> String {
    let mut page =
        "\n## Kubernetes objects\n\n| what | API group | kinds | paths |\n|---|---|---|---|\n".to_owned();
    for location in BUILT_IN.locations().iter().filter(|location| location.format.is_none()) {
        let group =
            location.group.as_deref().map_or("any", |group| if group.is_empty() { "core" } else { group });
        let kinds = kinds(&location.kinds);
        let _ = writeln!(page, "| {} | {group} | {kinds} | {} |", title(location), paths(location));
    }
    page += "\n## Files\n\nA document has the format where one of the paths under *told by* leads somewhere and, where file \
             names stand there,\nthe file has one of them. The first that fits counts.\n\n\
             | format | what | file names | told by | paths |\n|---|---|---|---|---|\n";
    for location in BUILT_IN.locations() {
        let Some(format) = &location.format else { continue };
        let (files, has) = (list(&location.files), list(&location.has));
        let _ = writeln!(page, "| {format} | {} | {files} | {has} | {} |", title(location), paths(location));
    }
    page += "\n## Objects that name images without pulling them\n\nNothing in them is pinned or reported, but for the \
             paths above.\n\n| what | API group | kinds |\n|---|---|---|\n";
    for selector in BUILT_IN.not_pulled() {
        let _ = writeln!(page, "| {} | {} | {} |", selector.title, selector.group, kinds(&selector.kinds));
    }
    page += "\n## What tests expect\n\nListed as `skipped: asserted`, and left alone, as is what stands in files of kuttl \
             and Chainsaw that are named for it\n(`00-assert.yaml`, `chainsaw-assert.yaml`), and in files that tests name as \
             expected (`assert.file` and `error.file` of Chainsaw,\n`assert` and `error` of a kuttl `TestStep`), where no test applies \
             them and no kustomization builds on them. So is what stands below `__snapshots__`, and in files that are\ncalled golden, or lie in \
             directories that are, among the data of tests (`test`, `tests`, `testdata`).\n\n| what | paths |\n|---|---|\n";
    for asserted in BUILT_IN.asserted() {
        let _ = writeln!(page, "| {} | {} |", asserted.title, list(&asserted.paths));
    }
    let _ = writeln!(
        page,
        "\n## Keys that look like images\n\nThose that end in `image`, and {}; where nothing else is known also those that end \
         in one of these (`BUILDER_IMAGE_NAME`).\n",
        list(BUILT_IN.image_keys())
    );
    let _ = writeln!(
        page,
        "\n## Annotations that pull\n\nOf objects and of pod templates, where the value has a slash: {}.\n",
        list(BUILT_IN.image_annotations())
    );
    page
}

fn kinds(kinds: &[String]) -> String {
    if kinds.is_empty() || kinds == ["*"] { "all".to_owned() } else { kinds.join(", ") }
}

fn title(location: &Location) -> &str {
    location.title.as_deref().unwrap_or_default()
}

fn list<T: ToString>(texts: &[T]) -> String {
    texts
        .iter()
        .map(|text| format!("`{}`", text.to_string().replace('|', "\\|")))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns the paths of an entry, by what stands there.
fn paths(location: &Location) -> String {
    let words = [
        ("", &location.images),
        ("with a tag or digest: ", &location.tagged_images),
        ("with a prefix: ", &location.prefixed),
        ("arguments: ", &location.arguments),
        ("defaults of variables: ", &location.defaults),
        ("split fields: ", &location.fields),
        ("`oci://` address and `ref`: ", &location.artifacts),
        ("charts by version: ", &location.charts),
        ("Helm values: ", &location.values),
        ("parameters of a chart: ", &location.parameters),
        ("Helm values as text: ", &location.values_text),
        ("containers of pods in a text: ", &location.pods_text),
        ("files as text, whose names stand beside them: ", &location.files_text),
        ("expressions of CEL: ", &location.expressions),
        ("objects as text: ", &location.objects_text),
        ("containers as text: ", &location.containers_text),
        ("Nomad jobs as text: ", &location.jobs_text),
        ("Dockerfiles as text: ", &location.dockerfile_text),
        ("arguments of builds: ", &location.builds),
        ("kustomize entries: ", &location.kustomize),
        ("kustomize strings: ", &location.kustomize_strings),
        ("built, not pulled: ", &location.outputs),
        ("no images: ", &location.ignore),
    ];
    let parts = words
        .iter()
        .filter(|(_, patterns)| !patterns.is_empty())
        .map(|(word, patterns)| format!("{word}{}", list(patterns)));
    parts.collect::<Vec<_>>().join("; ")
}
