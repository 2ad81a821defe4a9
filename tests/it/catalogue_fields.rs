//! What the schemas of public custom resources call an image, field by field: `fixtures/catalogue/fields.tsv` says of each
//! whether a container image stands there, and what of tagpin finds it.

use std::collections::{BTreeMap, BTreeSet};

use fs_err as fs;
use serde_json::{Map, Value, json};
use tagpin::manifest::formats::catalogue::{BUILT_IN, Form, Location};
use tagpin::manifest::scan;
use tagpin::manifest::site::{Skip, State};

const IMAGE: &str = "registry.example.com/team/app:1.0";
const NAME: &str = "registry.example.com/team/app";

/// What is not a container image, and what such a field holds instead.
const NO_IMAGE: [(&str, &str); 11] = [
    ("- block device", "volume-1"),
    ("- disk", "ubuntu-24.04"),
    ("- picture", "https://example.com/a.png"),
    // Somebody wrote these down: nothing pulls what stands there.
    ("- status", IMAGE),
    ("- record", IMAGE),
    ("- match", IMAGE),
    ("- output", IMAGE),
    ("- name", "my-image"),
    ("- settings", "debug"),
    // The tag is in a field of its own, or put together of several.
    ("- repository", NAME),
    ("- parts", NAME),
];

/// A line of the table.
#[derive(Clone, Debug)]
struct Row {
    /// As the collection of schemas names it: those of OpenShift are in one folder.
    group: String,
    kind: String,
    path: String,
    /// `text`, the keys of a mapping, or `beside:` and keys that stand beside.
    content: String,
    answer: String,
}

fn rows() -> Vec<Row> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/catalogue/fields.tsv");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut cell = || cells.next().unwrap_or_default();
        Row { group: cell(), kind: cell(), path: cell(), content: cell(), answer: cell() }
    });
    rows.collect()
}

impl Row {
    fn is_image(&self) -> bool {
        !self.answer.starts_with('-')
    }

    /// Returns the API group and the kind. Where the catalogue names the kind, it is spelled as there.
    fn object(&self) -> (String, String) {
        let (kind, group) = match (self.group.as_str(), self.kind.split_once('_')) {
            ("openshift", Some((kind, group))) => (kind, group),
            ("openshift", None) => (self.kind.as_str(), ""),
            (group, _) => (self.kind.as_str(), group),
        };
        let not_pulled = BUILT_IN.not_pulled().iter();
        let not_pulled = not_pulled.filter(|of| of.group == group).flat_map(|of| &of.kinds);
        let known = BUILT_IN.locations().iter().filter(|of| of.group.as_deref() == Some(group));
        let spelled =
            known.flat_map(|of| &of.kinds).chain(not_pulled).find(|of| of.eq_ignore_ascii_case(kind));
        (group.to_owned(), spelled.map_or(kind, String::as_str).to_owned())
    }

    /// Returns what stands at the path, and what stands beside it.
    fn leaf(&self, text: &str) -> (Value, Map<String, Value>) {
        if let Some(keys) = self.content.strip_prefix("beside:") {
            let is_split = keys.contains("repository");
            let beside = keys.split(',').map(|key| {
                let value = match key {
                    "repository" => "registry.example.com/team",
                    "digest" => "",
                    _ => "1.0",
                };
                (key.to_owned(), json!(value))
            });
            // An image set has digests alone.
            let name = if is_split { "app" } else { NAME };
            let mut beside: Map<String, Value> = beside.collect();
            if beside.contains_key("digest") {
                beside.insert("tag".to_owned(), json!("1.0"));
            }
            return (json!(name), beside);
        }
        if self.content == "text" {
            return (json!(text), Map::new());
        }
        let split = self.content.contains("repo");
        let values = self.content.split(',').map(|key| {
            let value = match key {
                _ if !self.is_image() => text,
                "registry" | "digest" => "",
                "repository" | "repo" => NAME,
                "tag" => "1.0",
                "url" => "oci://registry.example.com/team/app:1.0",
                _ if split => "",
                _ => IMAGE,
            };
            (key.to_owned(), json!(value))
        });
        (Value::Object(values.collect()), Map::new())
    }

    /// Returns the smallest object that has the field, with `text` in it where it is a text.
    fn document(&self, api_version: &str, kind: &str, text: &str) -> Value {
        let (leaf, beside) = self.leaf(text);
        let mut value = leaf;
        let segments: Vec<&str> = self.path.split('/').skip(1).collect();
        for (index, segment) in segments.iter().enumerate().rev() {
            let is_last = index + 1 == segments.len();
            value = match *segment {
                "[]" => json!([value]),
                "*" => json!({"any": value}),
                key => {
                    let mut map = Map::new();
                    // A container has a name.
                    if index > 0 && segments[index - 1] == "[]" {
                        map.insert("name".to_owned(), json!("app"));
                    }
                    if is_last {
                        map.extend(beside.clone());
                    }
                    if is_last && index > 0 && segments[index - 1] == "rbd" {
                        map.insert("monitors".to_owned(), json!([]));
                    }
                    map.insert(key.to_owned(), value);
                    Value::Object(map)
                }
            };
        }
        value["apiVersion"] = json!(api_version);
        value["kind"] = json!(kind);
        value
    }

    /// Returns the states of what is found in such an object.
    fn found(&self, group: &str, kind: &str, text: &str) -> Vec<State> {
        let api_version = format!("{group}/v1");
        let document = self.document(api_version.trim_start_matches('/'), kind, text);
        let text = serde_yaml::to_string(&document).unwrap();
        scan("a.yaml", text.as_bytes(), &BUILT_IN).sites.iter().map(|located| located.site.state).collect()
    }

    /// Returns what finds the image: a pod spec's lists, other lists of containers, an entry by its title, or the rule for
    /// what is not in the catalogue.
    fn found_by(&self) -> String {
        let segments: Vec<&str> = self.path.split('/').skip(1).collect();
        if let [.., list, "[]", "image"] = segments[..] {
            if matches!(list, "containers" | "initContainers" | "ephemeralContainers")
                || (list == "volumes" && self.content == "reference")
            {
                return "pod spec".to_owned();
            }
            if ["ontainers", "idecars", "ideCars"].iter().any(|end| list.ends_with(end)) {
                return "containers".to_owned();
            }
        }
        let (group, kind) = self.object();
        let is_for = |location: &&Location| {
            location.format.is_none()
                && location.group.as_ref() == Some(&group)
                && (location.kinds.is_empty() || location.kinds.contains(&kind))
        };
        let finds = |location: &&Location| {
            location.forms().any(|(pattern, form)| {
                let pattern = pattern.to_string();
                let pattern: Vec<&str> = pattern[1..].split('/').collect();
                let end = match form {
                    Form::KustomizeStrings => segments.len() - 1,
                    Form::Fields if self.content.starts_with("beside:") => segments.len() - 1,
                    _ => segments.len(),
                };
                let below = self.content.split(',').map(|key| [&segments[..], &[key]].concat());
                leads_to(&pattern, &segments[..end])
                    || below.into_iter().any(|path| leads_to(&pattern, &path))
            })
        };
        let entry = BUILT_IN.locations().iter().filter(is_for).find(finds);
        entry.and_then(|entry| entry.title.clone()).unwrap_or_else(|| "rule".to_owned())
    }
}

/// Returns whether a pattern leads to a path of the table, whose `[]` is any item and whose `*` any key.
fn leads_to(pattern: &[&str], path: &[&str]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return path.is_empty() };
    if *first == "**" {
        return leads_to(rest, path) || path.split_first().is_some_and(|(_, path)| leads_to(pattern, path));
    }
    let Some((key, path)) = path.split_first() else { return false };
    let name = first.split_once('[').map_or(*first, |(name, _)| name);
    let is_it = match name {
        "" => *key == "[]",
        "*" => true,
        _ => name == *key,
    };
    is_it && leads_to(rest, path)
}

#[test]
fn every_field_of_public_schemas_has_an_answer() {
    let no_image = BTreeMap::from(NO_IMAGE);
    let mut failures = BTreeSet::new();
    let rows = rows();
    for row in &rows {
        let (group, kind) = row.object();
        if row.is_image() {
            let found = row.found(&group, &kind, IMAGE);
            if !found.contains(&State::Floating) {
                failures.insert(format!("not found, {found:?}: {row:?}"));
            }
            let by = row.found_by();
            if by != row.answer {
                failures.insert(format!("found by `{by}`: {row:?}"));
            }
        } else if let Some(text) = no_image.get(row.answer.as_str()) {
            let found = row.found(&group, &kind, text);
            if found.iter().any(|state| matches!(state, State::Floating | State::Pinned)) {
                failures.insert(format!("taken for an image: {row:?}"));
            }
        } else {
            failures.insert(format!("no answer: {row:?}"));
        }
    }
    let failures: Vec<String> = failures.into_iter().collect();
    assert!(failures.is_empty(), "{} fields\n{}", failures.len(), failures.join("\n"));
    assert!(rows.len() >= 1350, "the table has lost rows: {}", rows.len());
}

/// Why kinds that nobody catalogued are not left to the person who reads `unknown-location`: without a word of the
/// catalogue about them, the rule finds most of these fields, lists most of the others, and takes little for an image that
/// is none. docs/formats.md has these figures.
#[test]
fn the_rule_for_unknown_kinds_finds_most_and_little_else() {
    let no_image = BTreeMap::from(NO_IMAGE);
    let (mut images, mut found, mut listed, mut wrong, mut wrong_at_worst) = (0, 0, 0, Vec::new(), 0);
    for row in rows() {
        let states = |text| row.found("nobody.example.com", "Unknown", text);
        let is_found = |text| states(text).contains(&State::Floating);
        if row.is_image() {
            images += 1;
            if is_found(IMAGE) {
                found += 1;
            } else {
                listed += usize::from(states(IMAGE).contains(&State::Skipped(Skip::UnknownLocation)));
            }
        } else {
            wrong.extend(is_found(no_image[row.answer.as_str()]).then(|| row.clone()));
            // As if every such field held a reference with a tag, which few can.
            wrong_at_worst += usize::from(is_found(IMAGE));
        }
    }
    assert_eq!((images, found, listed), (908, 778, 89));
    assert_eq!((wrong.len(), wrong_at_worst), (12, 159), "{wrong:#?}");
}
