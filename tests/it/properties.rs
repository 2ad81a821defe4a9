//! Properties of an edit, on generated documents: exactly the expected bytes change, whatever the document looks like;
//! the proof holds, and refuses every text but the right one; a second run changes nothing.
//!
//! The generator writes each line as it is before and as it must be after, so nothing here trusts the parser, the
//! splices or the proof.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use tagpin::manifest::edit::proof::{ProofError, prove};
use tagpin::manifest::edit::splice::{Plan, Splice};
use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::scan_whole;
use tagpin::manifest::syntax::tree::SyntaxTree;
use tagpin::manifest::syntax::yaml;
use tagpin::policy::Policy;
use tagpin::reference::Reference;
use tagpin::registry::TagRef;

use crate::support::pinning::{digest_of, pin, pin_twice, policy};

const KEY: &str = "deployed-image-digest";

static POLICY: LazyLock<Policy> = LazyLock::new(|| policy("tag+digest"));
static DIGEST: LazyLock<Policy> = LazyLock::new(|| policy("digest"));

/// What a damaged document may get anywhere.
const TOKENS: [&str; 36] = [
    "\n",
    "\r",
    "\t",
    " ",
    "  ",
    "\n  ",
    "# ",
    " # c\n",
    "---\n",
    "...\n",
    "- ",
    ": ",
    "? ",
    ",",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\\",
    "|\n",
    ">-\n  ",
    "&a ",
    "*a ",
    "<<: *a\n",
    "!!str ",
    "!t ",
    "~",
    "null",
    "é",
    "\u{feff}",
    "{{ x }}",
    "@",
    "$",
    "deployed-image-digest: old\n    ",
];

/// A line before, and the lines that must stand there after.
#[derive(Clone, Debug)]
struct Line {
    before: String,
    after: Vec<String>,
}

fn same(text: impl Into<String>) -> Line {
    let before = text.into();
    Line { after: vec![before.clone()], before }
}

/// A document, how its lines end, and under which name it stands.
#[derive(Clone, Debug)]
struct Document {
    path: &'static str,
    lines: Vec<Line>,
    /// How many images are annotated.
    annotated: usize,
    /// Whether `annotations:` stands there before.
    has_annotations: bool,
}

#[derive(Clone, Debug)]
struct File {
    document: Document,
    ends: Vec<&'static str>,
    bom: bool,
    final_newline: bool,
}

impl File {
    fn before(&self) -> Vec<u8> {
        self.render(|line| vec![line.before.clone()])
    }

    fn after(&self) -> Vec<u8> {
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
fn pinned(image: &str) -> (String, String) {
    let reference = Reference::parse(image).unwrap();
    let digest = digest_of(&TagRef::new(&reference));
    let tag = if reference.tag().is_some() { "" } else { ":latest" };
    (image.to_owned(), format!("{image}{tag}@{digest}"))
}

fn image() -> impl Strategy<Value = String> {
    let host = select(vec!["", "ghcr.io/", "registry.example:5000/", "localhost/"]);
    let tag = select(vec!["", ":1", ":1.10", ":v1.2.3-rc.1", ":latest", ":007", ":1e5", ":null_"]);
    (host, "[a-z]{1,6}(/[a-z0-9]{1,6}){0,2}", tag).prop_map(|(host, path, tag)| format!("{host}x{path}{tag}"))
}

/// The lines of `key: value` in one of the scalar styles; `dash` stands before the key.
fn scalar_lines(style: usize, indent: &str, dash: &str, key: &str, value: (&str, &str)) -> Vec<Line> {
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

const STYLES: usize = 12;

#[derive(Clone, Debug)]
struct Container {
    image: String,
    style: usize,
    shape: usize,
}

fn container() -> impl Strategy<Value = Container> {
    (image(), 0..STYLES, 0..5usize).prop_map(|(image, style, shape)| Container { image, style, shape })
}

fn container_lines(index: usize, indent: &str, container: &Container) -> Vec<Line> {
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
fn metadata(shape: usize, indent: &str) -> (Vec<Line>, bool) {
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

fn workload(indent: &str, kind: usize, shape: usize, containers: &[Container]) -> (Vec<Line>, bool) {
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

fn kubernetes() -> impl Strategy<Value = Document> {
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

fn kustomization() -> impl Strategy<Value = Document> {
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

fn values() -> impl Strategy<Value = Document> {
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

fn compose() -> impl Strategy<Value = Document> {
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

/// A document among others that have nothing to do with it.
fn document() -> impl Strategy<Value = Document> {
    let document = prop_oneof![3 => kubernetes(), 1 => kustomization(), 1 => values(), 1 => compose()];
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

fn file() -> impl Strategy<Value = File> {
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

/// Returns `after` without what annotations add: whole lines, or entries of a flow mapping.
fn without_annotations(after: &str, had: bool) -> String {
    let mut text = after.to_owned();
    while let Some(at) = text.find(KEY) {
        let end = at + text[at..].find("sha256:").unwrap() + "sha256:".len() + 64;
        let line = text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let range = if text[line..at].trim().is_empty() {
            let rest = &text[end..];
            let next = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
            line..end + next
        } else if text[..at].ends_with(", ") {
            at - 2..end
        } else if text[end..].starts_with(", ") {
            at..end + 2
        } else {
            at..end
        };
        text.replace_range(range, "");
    }
    if !had {
        text = text.replace(", annotations: {}", "");
        while let Some(at) = text.find("annotations:") {
            let line = text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
            let end = at + "annotations:".len();
            let next = if text[end..].starts_with("\r\n") { 2 } else { 1 };
            text.replace_range(line..end + next, "");
        }
    }
    text
}

/// Plans every edit of a file as `tagpin pin` does.
fn plan_of(path: &str, text: &str, yaml: &SyntaxTree<'_>) -> Plan {
    let mut plan = Plan::default();
    for located in scan_whole(path, text.as_bytes(), &BUILT_IN).sites {
        let (Some(write), Some(reference)) = (&located.site.write, &located.site.reference) else { continue };
        let digest = digest_of(&TagRef::new(reference));
        plan.pin(yaml, write, reference, &digest).unwrap();
    }
    plan
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_expected_bytes_change(file in file()) {
        let before = file.before();
        let run = pin_twice(file.document.path, &before, &POLICY, None);
        let after = run.edited.map_or(before, |edited| edited.after);
        prop_assert_eq!(String::from_utf8(after).unwrap(), String::from_utf8(file.after()).unwrap());
    }

    #[test]
    fn annotations_are_added_and_nothing_else(file in file()) {
        let before = file.before();
        let run = pin_twice(file.document.path, &before, &POLICY, Some(KEY));
        let edited = run.edited.unwrap();
        prop_assert_eq!(&edited.notes, &Vec::<String>::new());
        let after = String::from_utf8(edited.after).unwrap();
        prop_assert_eq!(after.matches(KEY).count(), file.document.annotated);
        let expected = String::from_utf8(file.after()).unwrap();
        prop_assert_eq!(without_annotations(&after, file.document.has_annotations), expected);
    }

    #[test]
    fn damaged_documents_are_pinned_as_planned_or_refused(
        file in file(),
        damages in vec((any::<prop::sample::Index>(), 0..4usize, select(TOKENS.to_vec())), 1..6),
    ) {
        let mut text = String::from_utf8(file.before()).unwrap();
        for (at, damage, token) in damages {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.is_empty() {
                break;
            }
            let at = places[at.index(places.len())];
            let end = text[at..].find(['\n', ' ']).map_or(text.len(), |length| at + length);
            match damage {
                0 => text.insert_str(at, token),
                1 => text.replace_range(at..end, ""),
                2 => text.replace_range(at..end, token),
                _ => {
                    let twice = text[at..end].repeat(2);
                    text.replace_range(at..end, &twice);
                }
            }
        }
        for path in [file.document.path, "values.yaml"] {
            pin_twice(path, text.as_bytes(), &POLICY, None);
            pin_twice(path, text.as_bytes(), &POLICY, Some(KEY));
            pin_twice(path, text.as_bytes(), &DIGEST, Some(KEY));
        }
    }

    #[test]
    fn the_proof_refuses_every_other_text(file in file(), at in any::<prop::sample::Index>(), edit in 0..4usize,
                                          with in select(vec![' ', 'x', '\n', '#', '&', '"', '-', ':', 'é', '~'])) {
        let text = String::from_utf8(file.before()).unwrap();
        let text = text.trim_start_matches('\u{feff}');
        let yaml = yaml::parse(text);
        let plan = plan_of(file.document.path, text, &yaml);
        let after = plan.apply(text).unwrap();
        prop_assert_eq!(prove(&yaml, &after, &plan), Ok(()));
        let mut characters: Vec<char> = after.chars().collect();
        let at = at.index(characters.len());
        match edit {
            0 => characters[at] = with,
            1 => characters.insert(at, with),
            2 => drop(characters.remove(at)),
            _ => characters.truncate(at),
        }
        let other: String = characters.into_iter().collect();
        if other != after {
            prop_assert_eq!(prove(&yaml, &other, &plan), Err(ProofError::Bytes));
        }
    }

    #[test]
    fn a_plan_that_does_more_than_it_says_is_refused(file in file(), at in any::<prop::sample::Index>(),
                                                     text in select(vec!["x", "x: y\n", "- ", "&a ", "'"])) {
        let before = String::from_utf8(file.before()).unwrap();
        let before = before.trim_start_matches('\u{feff}');
        let yaml = yaml::parse(before);
        let mut plan = plan_of(file.document.path, before, &yaml);
        // Text in a comment or between tokens may be spliced without a change of meaning: everything else is found.
        let scalars: Vec<_> = yaml.nodes.iter().enumerate().filter(|(id, node)| {
            !node.span.is_empty() && yaml.text_of(*id).is_some() && !plan.tree.set.contains_key(id)
        }).collect();
        let (_, node) = scalars[at.index(scalars.len())];
        let at = node.span.start;
        plan.splices.push(Splice { span: at..at, text: text.to_owned() });
        if let Some(after) = plan.apply(before) {
            prop_assert!(prove(&yaml, &after, &plan).is_err(), "{}", after);
        }
    }
}

#[test]
fn the_generated_documents_have_every_style() {
    // A generator that makes nothing but plain scalars would prove little.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut texts, mut unchanged) = (String::new(), 0);
    for _ in 0..200 {
        let file = file().new_tree(&mut runner).unwrap().current();
        let run = pin(file.document.path, &file.before(), &POLICY, None);
        unchanged += usize::from(run.edited.is_none());
        texts += &String::from_utf8(file.before()).unwrap();
    }
    assert_eq!(unchanged, 0);
    for sign in [
        "'x", "\"x", ">-", "|+", "&anchor", "!!str", "\\x78", "\u{feff}", "\r\n", "\rspec", "newTag", "<<: *",
    ] {
        assert!(texts.contains(sign), "{sign}");
    }
}
