//! Parts of a file or an object that run where something names them: templates of workflows, jobs that others extend, services,
//! versions of a catalogue; and objects that are named with their kind.

use std::collections::HashSet;

use super::commands::{BELOW, PROFILED, activated};
use super::mention::object_name;
use super::names::{above, key_of, keys_above};
use super::patch_targets;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// Keys whose values name a part of the same file.
const RUNNING: [&str; 16] = [
    "container",
    "entrypoint",
    "executor",
    "extends",
    "handler",
    "inherits",
    "jobs",
    "notify",
    "onExit",
    "runServices",
    "service",
    "services",
    "steps",
    "template",
    "use",
    "uses",
];

/// Keys beside which another file is named.
const FILES: [&str; 2] = ["dockerComposeFile", "file"];

/// Keys of references to an object that is run, or copied.
const REFERENCES: [&str; 6] =
    ["chartRef", "clone", "jobTemplateRef", "podTemplateRef", "sourceRef", "workloadRef"];

/// Keys above the kind that an object defines.
const DEFINING: [&str; 4] = ["claimNames", "compositeTypeRef", "names", "schema"];

/// Returns the names of the parts that a scalar may mean: `#part` in its own file, `owner#part` in what is named beside it.
pub(super) fn words(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Vec<String> {
    let Some(key) = key_of(tree, node) else { return Vec::new() };
    // Handlers of Ansible are called by what they do.
    let is_word = key == "notify" || !value.contains(char::is_whitespace);
    if value.is_empty() || value.len() > 100 || !is_word {
        return Vec::new();
    }
    let Some(mapping) = above(tree, node).find(|node| tree.is_mapping(*node)) else { return Vec::new() };
    let mut found = Vec::new();
    let is_reference = || tree.nodes[node].parent().is_some_and(|list| tree.tag(list).ends_with("reference"));
    // An action of a workflow is one of another repository.
    let is_action = key == "uses" && value.contains('@');
    // Azure calls the containers that it has so, too.
    let is_definition = key == "container" && keys_above(tree, mapping).next() == Some("containers");
    if RUNNING.contains(&key) && !is_action && !is_definition || is_reference() {
        let file = FILES.iter().find_map(|key| tree.get_str(mapping, key)).unwrap_or_default();
        found.push(format!("{file}#{value}"));
    }
    if key == "uses" && value.starts_with("./") && !is_workflow(value) {
        found.extend(
            ["action.yml", "action.yaml"].map(|name| format!("{}/{name}", value.trim_end_matches('/'))),
        );
    }
    found.extend(activated(key, value));
    found.extend(source_file(tree, mapping, key, value));
    found.extend(patch_targets::identity(tree, node));
    if key == "source" && value.starts_with('.') && tree.language == Language::Terraform {
        found.push(format!("{}{BELOW}", value.trim_end_matches('/')));
    }
    found.extend(role(tree, node, key).map(|()| format!("roles/{value}{BELOW}")));
    if key == "hosts" {
        found.push(format!("group_vars/{value}.yml"));
        found.push(format!("group_vars/{value}.yaml"));
    }
    let mut keys = keys_above(tree, mapping);
    let holder = keys.next().unwrap_or_default();
    if holder == "executor" && key == "name" {
        found.push(format!("#{value}"));
    }
    let name = tree.get_str(mapping, "name");
    if let Some(name) = name.filter(|_| holder.ends_with("Ref") && !matches!(key, "name" | "kind")) {
        found.push(format!("{name}#{value}"));
    }
    if key == "name" && REFERENCES.contains(&holder) {
        let mut around = std::iter::once(mapping).chain(above(tree, mapping));
        let kind = around.find_map(|mapping| tree.get_str(mapping, "kind")).unwrap_or_default();
        found.push(object_name(kind, value));
    }
    if key == "kind" && tree.nodes[mapping].parent().is_none() {
        found.push(as_kind(value));
    }
    found
}

/// Returns the jobs that a workflow of CircleCI takes with more than their names, by the keys of the mapping at `node`, and where these
/// stand.
pub(super) fn jobs(tree: &SyntaxTree<'_>, node: NodeId) -> Vec<(NodeId, String)> {
    let list = tree.nodes[node].parent().filter(|list| tree.is_sequence(*list));
    if list.and_then(|list| tree.key_of(list)) != Some("jobs") {
        return Vec::new();
    }
    tree.entries(node)
        .iter()
        .filter_map(|(key, _)| Some((*key, format!("#{}", tree.text_of(*key)?))))
        .collect()
}

/// Returns whether a scalar is the name of a role that Ansible takes in.
fn role(tree: &SyntaxTree<'_>, node: NodeId, key: &str) -> Option<()> {
    const TAKING: [&str; 5] = [
        "ansible.builtin.import_role",
        "ansible.builtin.include_role",
        "dependencies",
        "import_role",
        "include_role",
    ];
    let holder = keys_above(tree, node).nth(1).unwrap_or_default();
    let is_one =
        key == "roles" || key == "role" || key == "name" && (TAKING.contains(&holder) || holder == "roles");
    is_one.then_some(())
}

fn is_workflow(value: &str) -> bool {
    value.ends_with(".yml") || value.ends_with(".yaml")
}

/// Returns the file in which Argo CD keeps what it changes of the application whose name a scalar is.
fn source_file(tree: &SyntaxTree<'_>, mapping: NodeId, key: &str, value: &str) -> Option<String> {
    let root = above(tree, mapping).last()?;
    let is_application = key == "name"
        && tree.get(root, "metadata") == Some(mapping)
        && tree.get_str(root, "kind") == Some("Application");
    let source = is_application.then(|| tree.get(tree.get(root, "spec")?, "source")).flatten()?;
    tree.get_str(source, "path").map(|path| format!("{path}/{SOURCE_FILE}{value}.yaml"))
}

/// How the file begins in which Argo CD keeps what it changes of an application.
const SOURCE_FILE: &str = ".argocd-source-";

/// Returns whether a name is one by which others find an object.
pub(super) fn is_identity(name: &str) -> bool {
    patch_targets::is_name(name) || name.contains(SOURCE_FILE)
}

fn as_kind(kind: &str) -> String {
    format!("(kind)#{kind}")
}

/// Returns the names of the kinds that an object defines.
pub(super) fn defined(tree: &SyntaxTree<'_>, root: NodeId) -> Vec<String> {
    let spec = tree.get(root, "spec").into_iter();
    let holders = spec.flat_map(|spec| DEFINING.into_iter().filter_map(move |key| tree.get(spec, key)));
    holders.filter_map(|holder| tree.get_str(holder, "kind")).map(as_kind).collect()
}

/// Gives `take` each of the wanted parts below a node, and its text: the values of keys of these names, and the items of lists
/// that have them for a value.
pub(super) fn find(
    tree: &SyntaxTree<'_>,
    node: NodeId,
    parts: &HashSet<String>,
    take: &mut impl FnMut(&str, &str),
) {
    match tree.kind(node) {
        NodeKind::Sequence { items, .. } => {
            for item in items {
                let values = tree.entries(*item).iter().filter_map(|(_, value)| tree.text_of(*value));
                values
                    .filter(|value| parts.contains(*value))
                    .for_each(|part| take(part, &text_of(tree, *item)));
                find(tree, *item, parts, take);
            }
        }
        NodeKind::Mapping { entries, .. } => {
            for (key, value) in entries {
                if let Some(part) = tree.text_of(*key).filter(|key| parts.contains(*key)) {
                    take(part, &text_of(tree, *value));
                }
                // A service of Compose, by its profiles.
                let profiles = tree.get(*value, PROFILED).into_iter().flat_map(|it| tree.items(it));
                for profile in profiles.filter_map(|profile| tree.string_of(*profile)) {
                    let named = [profile, PROFILED].into_iter().filter(|profile| parts.contains(*profile));
                    named.for_each(|profile| take(profile, &text_of(tree, *value)));
                }
                find(tree, *value, parts, take);
            }
        }
        // What an alias leads to stands elsewhere.
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
    }
}

/// Returns the text of a node, indented as it stands; of a text, what it says.
fn text_of(tree: &SyntaxTree<'_>, node: NodeId) -> String {
    if let Some(said) = tree.text_of(node).filter(|said| said.contains('\n')) {
        return said.to_owned();
    }
    let span = tree.nodes[node].span();
    let line = tree.original.get(..span.start).and_then(|text| text.rsplit('\n').next()).unwrap_or_default();
    let written = tree.original.get(span).unwrap_or_default();
    match tree.items(node).is_empty() && tree.entries(node).is_empty() {
        true => written.to_owned(),
        false => " ".repeat(line.chars().count()) + written,
    }
}
