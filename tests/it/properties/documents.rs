//! The generator of documents, each line as it is before and as it must be after.

use super::*;

/// A line before, and the lines that must stand there after.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) before: String,
    after: Vec<String>,
}

pub(super) fn same(text: impl Into<String>) -> Line {
    let before = text.into();
    Line { after: vec![before.clone()], before }
}

/// A document, how its lines end, and under which name it stands.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) path: &'static str,
    pub(super) lines: Vec<Line>,
    /// How many images are annotated.
    pub(super) annotated: usize,
    /// Whether `annotations:` stands there before.
    pub(super) has_annotations: bool,
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) document: Document,
    ends: Vec<&'static str>,
    bom: bool,
    final_newline: bool,
}

impl File {
    pub(super) fn before(&self) -> Vec<u8> {
        self.render(|line| vec![line.before.clone()])
    }

    pub(super) fn after(&self) -> Vec<u8> {
        self.render(|line| line.after.clone())
    }

    fn render(&self, lines: impl Fn(&Line) -> Vec<String>) -> Vec<u8> {
        let mut text = if self.bom { "\u{feff}".to_owned() } else { String::new() };
        let last = self.document.lines.len() - 1;
        for (index, line) in self.document.lines.iter().enumerate() {
            let end = |index: usize| self.ends[index % self.ends.len()];
            // Where the text ends without a line end, an added line ends the last one as the line before ended.
            let (between, at_end) = match index == last && !self.final_newline {
                true => (end(index.saturating_sub(1)), ""),
                false => (end(index), end(index)),
            };
            text += &lines(line).join(between);
            text += at_end;
        }
        text.into_bytes()
    }
}

/// An image as it is named and as it must be named.
pub(super) fn pinned(image: &str) -> (String, String) {
    let reference = Reference::parse(image).unwrap();
    let digest = digest_of(&TagRef::new(&reference));
    let tag = if reference.tag().is_some() { "" } else { ":latest" };
    (image.to_owned(), format!("{image}{tag}@{digest}"))
}

pub(super) fn image() -> impl Strategy<Value = String> {
    let host = select(vec!["", "ghcr.io/", "registry.example:5000/", "localhost:5000/"]);
    let tag = select(vec!["", ":1", ":1.10", ":v1.2.3-rc.1", ":latest", ":007", ":1e5", ":null_"]);
    (host, "[a-z]{1,6}(/[a-z0-9]{1,6}){0,2}", tag).prop_map(|(host, path, tag)| format!("{host}x{path}{tag}"))
}

/// The lines of `key: value` in one of the scalar styles; `dash` stands before the key.
pub(super) fn scalar_lines(
    style: usize,
    indent: &str,
    dash: &str,
    key: &str,
    value: (&str, &str),
) -> Vec<Line> {
    let head = format!("{indent}{dash}{key}:");
    let inner = format!("{indent}{}  ", " ".repeat(dash.len()));
    let one = |before: String, after: String| vec![Line { before, after: vec![after] }];
    let (old, new) = value;
    let around = |open: &str, close: &str| {
        one(format!("{head} {open}{old}{close}"), format!("{head} {open}{new}{close}"))
    };
    let below = |indicator: &str, extra: &[&str]| {
        let mut lines = vec![same(format!("{head}{indicator}"))];
        lines.extend(one(format!("{inner}{old}"), format!("{inner}{new}")));
        lines.extend(extra.iter().map(|line| same(*line)));
        lines
    };
    match style {
        0 => around("", ""),
        1 => around("'", "'"),
        2 => around("\"", "\""),
        3 => below(" >-", &[]),
        4 => below(" |", &[]),
        5 => below(" |+ # keep", &["", ""]),
        6 => below("", &[]),
        7 => below(" # comment", &[]),
        8 => around("&anchor ", " # ünï 'comment\": {"),
        9 => around("!!str \"", "\"\t# x"),
        10 => {
            let escaped: String = old.chars().map(|c| format!("\\x{:02x}", c as u32)).collect();
            one(format!("{head} \"{escaped}\""), format!("{head} \"{new}\""))
        }
        _ => around("  ", "   "),
    }
}

pub(super) const STYLES: usize = 12;

#[derive(Clone, Debug)]
pub(super) struct Container {
    image: String,
    style: usize,
    shape: usize,
}

pub(super) fn container() -> impl Strategy<Value = Container> {
    (image(), 0..STYLES, 0..5usize).prop_map(|(image, style, shape)| Container { image, style, shape })
}

pub(super) fn container_lines(index: usize, indent: &str, container: &Container) -> Vec<Line> {
    let value = pinned(&container.image);
    let value = (value.0.as_str(), value.1.as_str());
    let inner = format!("{indent}  ");
    let flow = |open: &str, close: &str| {
        let line = |image: &str| format!("{indent}{open}{image}{close}");
        vec![Line { before: line(value.0), after: vec![line(value.1)] }]
    };
    match container.shape {
        0 => {
            let mut lines = vec![same(format!("{indent}- name: c{index} # the name"))];
            lines.extend(scalar_lines(container.style, &inner, "", "image", value));
            lines
        }
        1 => {
            let mut lines = scalar_lines(container.style, indent, "- ", "image", value);
            lines.push(same(format!("{inner}name: 'c{index}'")));
            lines
        }
        2 => flow(&format!("- {{name: c{index}, image: "), "}"),
        3 => flow(&format!("- {{\"name\": \"c{index}\", \"image\": \""), "\", \"args\": []}"),
        _ => {
            let mut lines = vec![same(format!("{indent}- {{ # flow")), same(format!("{inner}image:"))];
            let line = |image: &str| format!("{inner}  {image} , # é");
            lines.push(Line { before: line(value.0), after: vec![line(value.1)] });
            lines.push(same(format!("{inner}name: c{index},")));
            lines.push(same(format!("{indent}  }}")));
            lines
        }
    }
}

/// Metadata in several shapes, without annotations of tagpin.
pub(super) fn metadata(shape: usize, indent: &str) -> (Vec<Line>, bool) {
    let lines: &[&str] = match shape {
        0 => &["metadata:", "  name: app"],
        1 => &["metadata:", "  annotations:", "      note: x", "      # comment", "  name: app"],
        2 => &["metadata: {name: app}"],
        3 => &["metadata: {annotations: {note: x}, name: \"app\"}"],
        4 => &["metadata:", "  name: app", "  annotations: {}"],
        5 => &[
            "metadata:",
            "  annotations:",
            "    \"note\": |",
            "      x",
            "    other: 'y' # z",
            "  name: app",
        ],
        _ => &["metadata:", "      name: >-", "        app", "", "      labels: {a: b}"],
    };
    let has = matches!(shape, 1 | 3 | 4 | 5);
    (lines.iter().map(|line| same(format!("{indent}{line}"))).collect(), has)
}

pub(super) fn workload(
    indent: &str,
    kind: usize,
    shape: usize,
    containers: &[Container],
) -> (Vec<Line>, bool) {
    let (kind, path): (_, &[&str]) = match kind {
        0 => ("apps/v1 Deployment", &["spec:", " template:", "  spec:"]),
        1 => (
            "batch/v1 CronJob",
            &["spec:", "   jobTemplate:", "      spec:", "       template:", "        spec:"],
        ),
        _ => ("apps/v1 DaemonSet", &["\"spec\":", " 'template':", "     spec: &pod # anchored"]),
    };
    let (version, kind) = kind.split_once(' ').unwrap();
    let mut lines =
        vec![same(format!("{indent}apiVersion: {version}")), same(format!("{indent}kind: {kind}"))];
    let (metadata, has) = metadata(shape, indent);
    lines.extend(metadata);
    lines.extend(path.iter().map(|line| same(format!("{indent}{line}"))));
    let indent = format!("{indent}         ");
    lines.push(same(format!("{indent}containers:")));
    for (index, container) in containers.iter().enumerate() {
        lines.push(same("# a comment: at { the wrong \" place"));
        lines.extend(container_lines(index, &indent, container));
    }
    lines.push(same(format!("{indent}dnsPolicy: Default")));
    (lines, has)
}

pub(super) fn kubernetes() -> impl Strategy<Value = Document> {
    let object = (0..3usize, 0..7usize, vec(container(), 1..4));
    (object, any::<bool>()).prop_map(|((kind, shape, containers), list)| {
        let (lines, has_annotations) = if list {
            let mut lines = vec![same("kind: List"), same("apiVersion: v1"), same("items:")];
            let (mut item, has) = workload("    ", kind, shape, &containers);
            item[0] = same(item[0].before.replacen("    ", "  - ", 1));
            lines.append(&mut item);
            (lines, has)
        } else {
            workload("", kind, shape, &containers)
        };
        Document { path: "deploy.yaml", lines, annotated: containers.len(), has_annotations }
    })
}

pub(super) fn kustomization() -> impl Strategy<Value = Document> {
    let tag = select(vec!["v1", "1.10", "2024-01-01", "1e5"]);
    vec(("[a-z]{1,5}", tag, 0..6usize), 1..5).prop_map(|entries| {
        let mut lines = vec![same("images:")];
        for (name, tag, shape) in entries {
            let name = format!("x{name}");
            let image = pinned(&format!("{name}:{tag}")).1;
            let digest = image.rsplit_once('@').unwrap().1;
            let added = |before: String, line: String| {
                let after = vec![before.clone(), line];
                Line { before, after }
            };
            let flow = |text: String| {
                let before = format!("{text}}}");
                Line { before, after: vec![format!("{text}, digest: {digest}}}")] }
            };
            match shape {
                0 => {
                    lines.push(same(format!("- name: {name}")));
                    lines.push(added(format!("  newTag: {tag} # why"), format!("  digest: {digest}")));
                }
                1 => {
                    lines.push(added(format!("-    newTag: '{tag}'"), format!("     digest: {digest}")));
                    lines.push(same(format!("     name: {name}")));
                }
                2 => lines.push(flow(format!("- {{name: {name}, newTag: {tag}"))),
                3 => {
                    lines.extend([
                        same("- newTag: |-"),
                        added(format!("    {tag}"), format!("  digest: {digest}")),
                    ]);
                    lines.push(same(format!("  name: {name}")));
                }
                4 => {
                    lines.push(same(format!("- name: {name}")));
                    lines.push(same(format!("  newTag: \"{tag}\"")));
                    let before = "  digest: # none".to_owned();
                    lines.push(Line { before, after: vec![format!("  digest: {digest} # none")] });
                }
                _ => {
                    lines.push(same(format!("- {{\"name\": \"{name}\",")));
                    let tag = format!("   \"newTag\": \"{tag}\"");
                    let after = vec![format!("{tag},"), format!("   \"digest\": \"{digest}\"")];
                    lines.push(Line { before: tag, after });
                    lines.push(same("  }"));
                }
            }
        }
        Document { path: "kustomization.yaml", lines, annotated: 0, has_annotations: false }
    })
}

pub(super) fn values() -> impl Strategy<Value = Document> {
    let tag = select(vec!["v1", "1.10", "2", "1e5"]);
    vec(("[a-z]{1,5}", tag, 0..STYLES, any::<bool>()), 1..4).prop_map(|entries| {
        let mut lines = Vec::new();
        for (index, (name, tag, style, quoted)) in entries.into_iter().enumerate() {
            let name = format!("x{name}");
            let new = pinned(&format!("{name}:{tag}")).1;
            let new = &new[name.len() + 1..];
            lines.push(same(format!("part{index}:")));
            lines.push(same("  image:"));
            lines.push(same(format!("    repository: {}", if quoted { format!("'{name}'") } else { name })));
            // An anchored tag may be read by others.
            let style = if style == 8 { 0 } else { style };
            lines.extend(scalar_lines(style, "    ", "", "tag", (tag, new)));
        }
        Document { path: "values.yaml", lines, annotated: 0, has_annotations: false }
    })
}

pub(super) fn compose() -> impl Strategy<Value = Document> {
    vec((image(), 0..STYLES, any::<bool>()), 1..4).prop_map(|services| {
        let mut lines = vec![same("x-base: &base {restart: always}"), same("services:")];
        for (index, (image, style, merged)) in services.into_iter().enumerate() {
            let (old, new) = pinned(&image);
            lines.push(same(format!("  s{index}:")));
            lines.extend(scalar_lines(style, "    ", "", "image", (&old, &new)));
            lines.push(same(if merged { "    <<: *base" } else { "    ports: [\"80:80\"]" }));
        }
        Document { path: "compose.yaml", lines, annotated: 0, has_annotations: false }
    })
}

/// A file of another system that runs images: how it begins, what opens an item, and the key of the image.
pub(super) fn other_systems() -> impl Strategy<Value = Document> {
    let form = select(vec![
        ("cloudbuild.yaml", "steps:", "- id: s#", "  ", "name"),
        ("ci/any.yaml", "steps:\n- name: gcr.io/x@sha256:DIGEST\n  script: x", "- id: s#", "  ", "name"),
        ("codefresh.yml", "version: '1.0'\nsteps:", "  s#:", "    ", "image"),
        (
            "stream.yaml",
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: x}\nspec:\n  tags:",
            "  - name: t#\n    from:\n      kind: DockerImage",
            "      ",
            "name",
        ),
    ]);
    (form, vec((image(), 0..STYLES), 1..4)).prop_map(|((path, start, item, indent, key), images)| {
        let start = start.replace("DIGEST", &"1".repeat(64));
        let mut lines: Vec<Line> = start.lines().map(same).collect();
        for (index, (image, style)) in images.into_iter().enumerate() {
            let (old, new) = pinned(&image);
            let item = item.replace('#', &index.to_string());
            lines.extend(item.lines().map(same));
            lines.extend(scalar_lines(style, indent, "", key, (&old, &new)));
        }
        Document { path, lines, annotated: 0, has_annotations: false }
    })
}

/// A document among others that have nothing to do with it.
pub(super) fn document() -> impl Strategy<Value = Document> {
    let document = prop_oneof![
        6 => kubernetes(),
        2 => kustomization(),
        2 => values(),
        2 => compose(),
        1 => other_systems(),
    ];
    let before =
        option::of(select(vec!["---", "# a comment\n---", "kind: Other\n---", "%YAML 1.2\n---\n--- # x"]));
    (before, document, option::of(select(vec!["---", "...", "---\na: [b, c]"]))).prop_map(
        |(before, mut document, after)| {
            let lines = |text: Option<&str>| -> Vec<Line> {
                text.map_or(vec![], |text| text.lines().map(same).collect())
            };
            document.lines.splice(0..0, lines(before));
            document.lines.extend(lines(after));
            document
        },
    )
}

pub(super) fn file() -> impl Strategy<Value = File> {
    let ends = prop_oneof![
        Just(vec!["\n"]),
        Just(vec!["\r\n"]),
        Just(vec!["\r"]),
        vec(select(vec!["\n", "\r\n"]), 1..9),
    ];
    (document(), ends, any::<bool>(), any::<bool>()).prop_map(|(document, ends, bom, final_newline)| {
        let final_newline = final_newline || document.lines.last().is_some_and(|line| line.before.is_empty());
        File { document, ends, bom, final_newline }
    })
}
