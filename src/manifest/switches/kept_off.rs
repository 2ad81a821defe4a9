//! What overlays, components and deployers keep off that other files bring: an object that a patch deletes, a container that it takes
//! out, a count of zero.

use std::collections::{BTreeSet, HashMap};

use super::switch::{Switch, SwitchScope, literal, of_tree};
use super::switch_words::{Sense, is_off, sense};
use crate::manifest::deploy::Deployers;
use crate::manifest::file_scan::FileScan;
use crate::manifest::formats::matches_pattern;
use crate::manifest::located::Scan;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::syntax::yaml;
use crate::source::tree::{directory_of, path_from};

/// The keys of patches: of kustomize, of Flux, of Argo CD.
const PATCHES: [&str; 3] = ["patches", "patchesStrategicMerge", "patchesJson6902"];

/// Something that a patch keeps off, or a count of zero.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PatchedOff {
    /// The kind and the name of the object, each empty where any is.
    kind: String,
    name: String,
    /// The name of the container that is taken out.
    container: Option<String>,
    /// How the JSON pointers start of what is kept off, in lower case.
    below: String,
    said: String,
}

/// Returns the switches that stand in other files, those of deployers, for the objects of each of `files`, by its path; `text` returns
/// what is written in a file.
pub(super) fn of_others(
    files: &[FileScan],
    deployers: &Deployers,
    text: impl Fn(&str) -> Option<String>,
) -> HashMap<String, Vec<Switch>> {
    let mut found: HashMap<String, Vec<Switch>> = HashMap::new();
    for path in deployers.names.keys() {
        let Some(own) = text(path).filter(|text| may_keep_off(text)) else { continue };
        let kept = kept_off_by(path, &own, &text);
        if kept.is_empty() {
            continue;
        }
        for by in takers(path, deployers) {
            let reach = reach(&by, deployers);
            for file in files.iter().filter(|file| is_in(&file.root_path, &reach)) {
                let switches = kept.iter().flat_map(|kept| kept.switches(&by, &file.scan));
                found.entry(file.root_path.clone()).or_default().extend(switches);
            }
        }
    }
    found
}

fn may_keep_off(text: &str) -> bool {
    text.contains("patches") || text.contains("replicas:") && text.contains("count:")
}

/// Returns the files that have a file keep things off: itself, but those that take a component where it is one.
fn takers(path: &str, deployers: &Deployers) -> Vec<String> {
    if !deployers.components.contains(path) {
        return vec![path.to_owned()];
    }
    let takes = |named: &str| named == path || named == directory_of(path);
    let all = deployers.names.iter().filter(|(_, names)| names.iter().any(|named| takes(&named.path)));
    all.map(|(by, _)| by.clone()).collect()
}

/// Returns the files and the directories that a file has deployed.
fn reach(by: &str, deployers: &Deployers) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![by.to_owned()];
    while let Some(by) = open.pop() {
        for named in deployers.names.get(&by).into_iter().flatten() {
            if found.insert(named.path.clone()) {
                let below = |file: &str| match named.path.as_str() {
                    "" => file.to_owned(),
                    path => format!("{path}/{file}"),
                };
                let files = ["kustomization.yaml", "kustomization.yml", "Kustomization"].map(below);
                open.extend(files.into_iter().filter(|file| deployers.names.contains_key(file)));
                open.push(named.path.clone());
            }
        }
    }
    found
}

fn is_in(path: &str, reach: &BTreeSet<String>) -> bool {
    let above = path.match_indices('/').map(|(at, _)| &path[..at]);
    reach.contains(path) || reach.contains("") || above.into_iter().any(|above| reach.contains(above))
}

impl PatchedOff {
    fn switches(&self, by: &str, scan: &Scan) -> Vec<Switch> {
        let sites = scan.sites.iter().filter(|located| {
            let site = &located.site;
            let is = |said: &str, own: Option<&str>| {
                said.is_empty() || own.is_some_and(|own| matches_pattern(own, said))
            };
            let container = site.owner.as_ref().and_then(|owner| owner.container.as_deref());
            is(&self.kind, site.kind.as_deref())
                && is(&self.name, site.name.as_deref())
                && self.container.as_deref().is_none_or(|name| container == Some(name))
                && site.path.to_lowercase().contains(&self.below)
        });
        let switches = sites.map(|located| Switch {
            scope: SwitchScope::Below(located.site.document, located.site.path.to_lowercase()),
            condition: self.said.clone(),
            by: Some(by.to_owned()),
            path: String::new(),
            object: None,
        });
        switches.collect()
    }
}

/// Returns what a file keeps off by its patches and counts.
fn kept_off_by(path: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<PatchedOff> {
    let tree = yaml::parse(text);
    let mut found = Vec::new();
    for node in 0..tree.nodes.len() {
        for (key, value) in tree.entries(node) {
            let Some(key) = tree.text_of(*key) else { continue };
            for item in tree.items(*value) {
                if PATCHES.contains(&key) {
                    found.extend(of_patch(&tree, *item, |file| read(&path_from(directory_of(path), file)?)));
                } else if key == "replicas"
                    && let Some(name) = tree.get_str(*item, "name")
                    && tree.get(*item, "count").is_some_and(|count| {
                        literal(&tree, count).is_some_and(|count| is_off(Sense::Count, &count))
                    })
                {
                    let (name, said) = (name.to_owned(), format!("replicas of {name}: 0"));
                    let below = "/spec/".to_owned();
                    found.push(PatchedOff { kind: String::new(), name, container: None, below, said });
                }
            }
        }
    }
    found
}

/// Returns what an item of a list of patches keeps off.
fn of_patch(tree: &SyntaxTree<'_>, item: NodeId, read: impl Fn(&str) -> Option<String>) -> Vec<PatchedOff> {
    let inline = |text: &str| text.contains('\n') || text.contains(": ");
    let text = match tree.string_of(item) {
        Some(text) if inline(text) => Some(text.to_owned()),
        Some(file) => read(file),
        None => match tree.get_str(item, "patch") {
            Some(text) => Some(text.to_owned()),
            None => tree.get_str(item, "path").and_then(read),
        },
    };
    let Some(text) = text else { return Vec::new() };
    let target = tree.get(item, "target").map(|target| {
        let word = |key| tree.get_str(target, key).unwrap_or_default().to_owned();
        (word("kind"), word("name"))
    });
    let patch = yaml::parse(&text);
    let mut found = Vec::new();
    for (document, root) in patch.documents.iter().enumerate().filter_map(|(at, it)| Some((at, it.root?))) {
        let own = || {
            let name = patch.get(root, "metadata").and_then(|metadata| patch.get_str(metadata, "name"));
            let kind = patch.get_str(root, "kind");
            (kind.unwrap_or_default().to_owned(), name.unwrap_or_default().to_owned())
        };
        let (kind, name) = target.clone().unwrap_or_else(own);
        let mut keep_off = |container: Option<String>, below: String, said: String| {
            let (kind, name) = (kind.clone(), name.clone());
            found.push(PatchedOff { kind, name, container, below, said });
        };
        for operation in patch.items(root) {
            let Some(at) = patch.get_str(*operation, "path") else { continue };
            let value = patch.get(*operation, "value").and_then(|value| literal(&patch, value));
            match (patch.get_str(*operation, "op"), value) {
                (Some("remove"), _) => keep_off(None, at.to_lowercase(), format!("remove {at}")),
                (Some("add" | "replace"), Some(value)) => {
                    let (above, key) = at.rsplit_once('/').unwrap_or(("", at));
                    if sense(key).is_some_and(|(sense, _)| is_off(sense, &value)) {
                        keep_off(None, format!("{}/", above.to_lowercase()), format!("{key}: {value}"));
                    }
                }
                _ => {}
            }
        }
        for node in (0..patch.nodes.len()).filter(|node| patch.get_str(*node, "$patch") == Some("delete")) {
            let is_object = node == root || patch.get(node, "kind").is_some();
            let container = patch.get_str(node, "name").filter(|_| !is_object).map(str::to_owned);
            if is_object || container.is_some() {
                keep_off(container, String::new(), "$patch: delete".to_owned());
            }
        }
        for switch in of_tree(&patch) {
            if let SwitchScope::Below(at, below) = switch.scope
                && at == document
            {
                keep_off(None, below, switch.condition);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_patch_keeps_off_is_told_by_the_object_and_what_is_said() {
        let told = |text: &str| {
            let read = |path: &str| {
                (path == "o/p.yaml").then(|| "kind: Job\nmetadata: {name: b}\n$patch: delete\n".to_owned())
            };
            let all = kept_off_by("o/kustomization.yaml", text, read).into_iter();
            all.map(|it| format!("{}/{} {} {}", it.kind, it.name, it.below, it.said)).collect::<Vec<_>>()
        };
        for (text, expected) in [
            ("patches: [{path: p.yaml}]", "Job/b  $patch: delete"),
            ("patchesStrategicMerge: [p.yaml]", "Job/b  $patch: delete"),
            ("patches: [{path: p.yaml, target: {kind: Pod, name: c}}]", "Pod/c  $patch: delete"),
            ("replicas: [{name: a, count: 0}]", "/a /spec/ replicas of a: 0"),
            (
                "patches: [{target: {name: a}, patch: '[{op: remove, path: /spec/x/1}]'}]",
                "/a /spec/x/1 remove /spec/x/1",
            ),
            (
                "patches: [{target: {name: a}, patch: '[{op: replace, path: /spec/replicas, value: 0}]'}]",
                "/a /spec/ replicas: 0",
            ),
            (
                "patches: [{patch: \"kind: CronJob\\nmetadata: {name: a}\\nspec: {suspend: true}\\n\"}]",
                "CronJob/a /spec/ suspend: true",
            ),
        ] {
            assert_eq!(told(text), [expected], "{text}");
        }
        for text in [
            "replicas: [{name: a, count: 2}]",
            "patches: [{path: none.yaml}]",
            "patches: [{target: {name: a}, patch: '[{op: replace, path: /spec/replicas, value: 2}]'}]",
            "patches: [{patch: \"kind: Pod\\nmetadata: {name: a}\\nspec: {x: 1}\\n\"}]",
        ] {
            assert_eq!(told(text), Vec::<String>::new(), "{text}");
        }
    }
}
