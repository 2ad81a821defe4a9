//! The switches of one file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::known_kinds::is_of_nobody;
use super::switch_words::{AWAY, BY_HAND, MARKERS, Sense, WHEN, WORDS, is_marker, is_off, sense};
use super::unused_anchors;
use super::variable_value::VariableValue;
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::{NodeId, NodeKind, ScalarStyle, SyntaxTree};

/// Something that keeps what stands around it from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// What it keeps from running.
    pub scope: SwitchScope,
    /// What it says.
    pub off: OffCondition,
    /// Its JSON pointer; empty where it is elsewhere.
    pub(super) path: String,
    /// The kind and the name of the object that it is in.
    pub(super) object: Option<(String, String)>,
    /// The variable that it is set to; `None` where what it is set to stands here.
    pub(super) variable: Option<VariableValue>,
}

/// Why something does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OffCondition {
    /// What tells it from others about the same place: a key and what it is set to. With another one, other things run.
    pub condition: String,
    /// The path below the root of the other file that says so; `None` where it is said beside what it is about.
    pub by: Option<String>,
    /// The paths below the root of the files that say otherwise, and that nobody is known to take, and how often each does.
    pub but_in: BTreeMap<String, usize>,
    /// Whether nobody says it any more: then it is no reason, and is there for what is compared with it.
    pub is_over: bool,
}

impl OffCondition {
    /// Returns the condition that is said beside what it is about.
    pub(super) fn here(condition: String) -> Self {
        Self { condition, ..Self::default() }
    }

    /// Returns the condition that another file says.
    pub(super) fn said_by(file: &str, condition: String) -> Self {
        Self { by: Some(file.to_owned()), ..Self::here(condition) }
    }
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchScope {
    /// What in a document has a JSON pointer that starts with this, in lower case.
    Below(usize, String),
    /// Some bytes of the file.
    Within(Range<usize>),
}

/// Kinds whose images run where something else makes objects of them.
const TEMPLATES: [&str; 1] = ["PodTemplate"];

/// Returns what keeps a document from running as a whole, or one of its jobs: it is only a template, or hidden as GitLab does it.
fn of_root(tree: &SyntaxTree<'_>, root: NodeId, document: usize) -> Vec<Switch> {
    let switch = |condition: String, prefix: String| {
        Switch::elsewhere(SwitchScope::Below(document, prefix.to_lowercase()), OffCondition::here(condition))
    };
    let written = |key: &str| tree.get(root, key).filter(|node| !tree.is_masked(*node));
    let said = |key: &str| written(key).and_then(|node| tree.string_of(node));
    let kind = said("kind").filter(|kind| TEMPLATES.contains(kind));
    // A patch may say neither.
    let nobody = said("kind").zip(said("apiVersion")).filter(|(kind, version)| is_of_nobody(version, kind));
    let nobody = nobody.map(|(kind, version)| format!("apiVersion: {version}, kind: {kind}"));
    let keys = tree.entries(root).iter().filter(|(_, value)| tree.is_mapping(*value));
    // Pipelines of Bitbucket that somebody starts.
    let custom = tree.get(root, "pipelines").and_then(|pipelines| tree.get(pipelines, "custom"));
    let custom = custom.map(|_| switch("custom".to_owned(), "/pipelines/custom/".to_owned()));
    let hidden = keys.filter_map(|(key, _)| tree.text_of(*key)).filter(|key| key.starts_with('.'));
    let hidden = hidden.map(|key| switch("hidden".to_owned(), format!("/{key}/")));
    let hidden = hidden.chain(by_others(tree, root).map(|it| switch(it, "/jobs/".to_owned())));
    let whole = kind.map(|kind| format!("kind: {kind}")).into_iter().chain(nobody);
    custom.into_iter().chain(hidden).chain(whole.map(|it| switch(it, String::new()))).collect()
}

/// Returns what starts a workflow of GitHub where that is nothing but another workflow, or somebody.
fn by_others(tree: &SyntaxTree<'_>, root: NodeId) -> Option<String> {
    let on = tree.get(root, "on").filter(|_| tree.get(root, "jobs").is_some())?;
    let keys = tree.entries(on).iter().filter_map(|(key, _)| tree.text_of(*key));
    let items = tree.items(on).iter().filter_map(|item| tree.string_of(*item));
    let all: BTreeSet<&str> = keys.chain(items).chain(tree.string_of(on)).collect();
    let is_other = |it: &&str| matches!(*it, "repository_dispatch" | "workflow_call" | "workflow_dispatch");
    let asked: Vec<&str> = all.iter().filter(|it| is_other(it)).copied().collect();
    (asked.len() == all.len()).then(|| "nothing starts it by itself".to_owned())
}

/// What a scalar is set to, as it is written: what is in quotes is a text, also `"false"`.
pub(super) fn literal(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
    let node = tree.resolve(node);
    match tree.kind(node) {
        NodeKind::Scalar { .. } if tree.is_masked(node) => None,
        NodeKind::Scalar { value, style } => {
            let tag = tree.tag(node);
            let written = if style == ScalarStyle::Plain { value.to_owned() } else { format!("\"{value}\"") };
            let is_tagged = !(tag.is_empty() || style == ScalarStyle::Plain && tag == EXPRESSION);
            Some(if is_tagged { format!("{tag} {written}") } else { written })
        }
        _ => None,
    }
}

/// Returns the switches of a file that are off, and those whose value is a variable.
pub(in crate::manifest) fn of_tree(tree: &SyntaxTree<'_>) -> Vec<Switch> {
    let mut found = Vec::new();
    for (document, root) in tree.documents.iter().enumerate().filter_map(|(at, it)| Some((at, it.root?))) {
        found.extend(of_root(tree, root, document));
        let unused = unused_anchors::of_root(tree, root).into_iter();
        found.extend(unused.map(|at| {
            let scope = SwitchScope::Below(document, format!("{at}/").to_lowercase());
            Switch::elsewhere(scope, OffCondition::here("no alias takes it".to_owned()))
        }));
    }
    for node in 0..tree.nodes.len() {
        if let NodeKind::Mapping { entries, .. } = tree.kind(node) {
            let own = entries.iter().filter_map(|(key, _)| tree.text_of(*key));
            for key in own.filter(|key| *key != "<<") {
                found.extend(of_entry(tree, node, key));
            }
            if tree.is_linked && tree.own_entry(node, "<<").is_some() {
                let merged = WORDS.iter().map(|(word, _)| *word).chain(["profiles"]);
                let merged = merged.filter(|word| tree.own_entry(node, word).is_none());
                found.extend(merged.filter_map(|word| of_entry(tree, node, word)));
            }
        }
    }
    found
}

/// Returns the switches of a file that are off whatever other files say.
pub(in crate::manifest) fn off_in(tree: &SyntaxTree<'_>) -> Vec<Switch> {
    let is_off = |switch: &Switch| switch.variable.as_ref().is_none_or(VariableValue::is_off_unless_said);
    of_tree(tree).into_iter().filter(is_off).collect()
}

fn of_entry(tree: &SyntaxTree<'_>, mapping: NodeId, key: &str) -> Option<Switch> {
    let mut variable = None;
    let is_note = matches!(tree.key_of(mapping), Some("annotations" | "labels"));
    let said = if is_note { sense_of_note(tree, mapping, key) } else { sense(key) };
    let (condition, stem) = match said.clone() {
        Some((sense, stem)) => {
            let literal = literal(tree, tree.get(mapping, key)?)?;
            variable = VariableValue::of(key, Some(sense), &literal);
            let written = match &variable {
                Some(variable) => variable.written(&literal),
                None => Some(literal).filter(|literal| is_off(sense, literal))?,
            };
            (format!("{key}: {written}"), stem)
        }
        None if MARKERS.iter().any(|(marker, _)| key == *marker) => {
            let literal = literal(tree, tree.get(mapping, key)?).filter(|literal| is_marker(key, literal))?;
            (format!("{key}: {literal}"), String::new())
        }
        None if key == "when" && VariableValue::of_task(tree.get_str(mapping, key)?).is_some() => {
            let said = tree.get_str(mapping, key)?;
            variable = VariableValue::of_task(said);
            (format!("{key}: {said}"), String::new())
        }
        None if matches!(key, "trigger" | "when") => {
            let never = literal(tree, tree.get(mapping, key)?);
            let never = never.filter(|it| matches!(it.trim_matches('"'), "never" | "manual" | "false"))?;
            (format!("{key}: {never}"), String::new())
        }
        // The last days of February, and one that no month has.
        None if key == "schedule" && is_no_day(tree.get_str(mapping, key).unwrap_or_default()) => {
            (format!("{key}: never"), String::new())
        }
        // A resource of CloudFormation that is made under a condition.
        None if key == "Condition" && tree.get(mapping, "Type").is_some() => {
            let name = literal(tree, tree.get(mapping, key)?)?;
            (format!("{key}: {name} {}", condition_of_stack(tree, mapping, &name)), String::new())
        }
        // A job of GitLab for neither branches nor tags.
        None if key == "except" && all_of(tree, tree.get(mapping, key)?, &["branches", "tags"]) => {
            (format!("{key}: branches, tags"), String::new())
        }
        // What waits for somebody who gives it parameters (Nomad), and what is only looked at (Crossplane).
        None if key == "parameterized"
            && tree.get(mapping, key).is_some_and(|it| tree.is_mapping(it) || tree.is_sequence(it)) =>
        {
            (key.to_owned(), String::new())
        }
        None if key == "managementPolicies" && are_all(tree, tree.get(mapping, key)?, &["Observe"]) => {
            (format!("{key}: Observe"), String::new())
        }
        None if key.ends_with("State") && tree.get_str(mapping, key) == Some("stop") => {
            (format!("{key}: stop"), String::new())
        }
        None if WHEN.contains(&key) && is_never(tree, mapping, key) => {
            (format!("{key}: never"), String::new())
        }
        None if matches!(key, "schedulingGates" | "for_each") => {
            let value = tree.get(mapping, key)?;
            let is_empty = tree.items(value).is_empty() && tree.entries(value).is_empty();
            let written = || tree.original.get(tree.nodes[value].span()).unwrap_or_default();
            let is_none = || EMPTY.contains(&written().replace(char::is_whitespace, "").as_str());
            let is_off = if key == "for_each" { is_empty && is_none() } else { !is_empty };
            if is_off {
                (key.to_owned(), String::new())
            } else {
                let value = VariableValue::of(key, None, written())?;
                let condition = format!("{key}: {}", value.written(written()));
                variable = Some(value);
                (condition, String::new())
            }
        }
        None if key == "profiles" => {
            let profiles = tree.get(mapping, key)?;
            let all: Vec<&str> = tree.items(profiles).iter().filter_map(|it| tree.string_of(*it)).collect();
            if all.is_empty() || all.len() < tree.items(profiles).len() {
                return None;
            }
            (profiles_of(&all), String::new())
        }
        None if key == "state" && VariableValue::of_state(tree.get_str(mapping, key)?).is_some() => {
            let said = tree.get_str(mapping, key)?;
            variable = VariableValue::of_state(said);
            (format!("{key}: {said}"), String::new())
        }
        // How something is fetched, or begins again, is no matter of whether it runs.
        None if !key.to_ascii_lowercase().ends_with("policy") => {
            let away = literal(tree, tree.get(mapping, key)?);
            let away =
                away.filter(|it| AWAY.contains(&it.trim_matches('"').to_ascii_lowercase().as_str()))?;
            (format!("{key}: {away}"), String::new())
        }
        None => return None,
    };
    let (root, document) = root_of(tree, mapping)?;
    let mut about = mapping;
    // `deploy.replicas` of Compose is about the service, an annotation about its object.
    let list = tree.nodes[mapping].parent().filter(|list| tree.is_sequence(*list));
    if list.is_some_and(|list| tree.key_of(list) == Some("rules") && another_lets_run(tree, list, mapping)) {
        return None;
    }
    let levels = match tree.key_of(list.unwrap_or(mapping)) {
        Some("deploy") => 1,
        // One that lets something be added is about those beside it that say what.
        Some("annotations" | "labels") if !matches!(said, Some((Sense::On, _))) => 2,
        // A rule of a job is about the job.
        Some("rules") if matches!(key, "if" | "when") => match tree.nodes[list.unwrap_or(mapping)].parent() {
            // Of a whole pipeline.
            Some(workflow) if tree.key_of(workflow) == Some("workflow") => 3,
            _ => 2,
        },
        // Of a cluster with groups of nodes.
        Some("nodeSets" | "nodePools") => 2,
        // When a step runs.
        Some("when") => 1,
        // What a part of an operator's object says of all of it: of Kubeflow's jobs, of Flink, of a job of Nomad.
        Some("runPolicy") => 1,
        Some("job") if key == "state" => 1,
        Some("periodic") if key == "enabled" => 1,
        Some("replicated") => {
            if list.is_some() {
                4
            } else {
                2
            }
        }
        _ => 0,
    };
    for _ in 0..levels {
        about = tree.nodes[about].parent().unwrap_or(about);
    }
    // A service of ECS is about the task that it is made of, which stands elsewhere in the file.
    let task = ["TaskDefinition", "task_definition"].iter().find_map(|key| tree.get_str(mapping, key));
    let prefix = match task.map(|task| task.split('.').collect::<Vec<_>>()).as_deref() {
        Some([task]) => format!("/resources/{task}/").to_lowercase(),
        Some([kind, name, ..]) => format!("/resource/{kind}/{name}/").to_lowercase(),
        _ => format!("{}/{stem}", tree.pointer(about)).to_lowercase(),
    };
    let path = format!("{}/{}", tree.pointer(mapping), key.replace('~', "~0").replace('/', "~1"));
    Some(Switch {
        scope: SwitchScope::Below(document, prefix),
        off: OffCondition::here(condition),
        path,
        object: object_around(tree, mapping, root),
        variable,
    })
}

/// Returns whether a schedule of cron names a day that never comes; with a day of the week, that one comes.
fn is_no_day(schedule: &str) -> bool {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    matches!(
        fields[..],
        [_, _, "30" | "31", "2" | "FEB" | "feb", "*" | "?"] | [_, _, "31", "4" | "6" | "9" | "11", "*" | "?"]
    )
}

/// What nothing is made for each of.
const EMPTY: [&str; 5] = ["[]", "{}", "tomap({})", "toset([])", "toset({})"];

/// Returns whether what says when something runs says never.
fn is_never(tree: &SyntaxTree<'_>, mapping: NodeId, key: &str) -> bool {
    let Some(value) = tree.get(mapping, key) else { return false };
    let items = tree.items(value).iter().filter_map(|item| tree.string_of(*item));
    let mut all = items.chain(tree.string_of(value));
    all.any(|said| AWAY.contains(&said) || matches!(said, "none" | "nothing"))
        || key.starts_with("event") && are_all(tree, value, &BY_HAND)
}

/// Returns whether one of the other rules of a job of GitLab may let it run.
fn another_lets_run(tree: &SyntaxTree<'_>, rules: NodeId, rule: NodeId) -> bool {
    let is_off = |rule: NodeId| matches!(tree.get_str(rule, "when"), Some("never" | "manual"));
    tree.items(rules).iter().any(|other| tree.resolve(*other) != rule && !is_off(*other))
}

/// Returns what is written of a condition in a template of CloudFormation, and of what stands for the parameters in it.
fn condition_of_stack(tree: &SyntaxTree<'_>, resource: NodeId, name: &str) -> String {
    let Some((root, _)) = root_of(tree, resource) else { return String::new() };
    let at = |all: &str, name: &str| tree.get(tree.get(root, all)?, name);
    let written = |node: NodeId| tree.original.get(tree.nodes[node].span()).unwrap_or_default();
    let condition = at("Conditions", name.trim_matches('"')).map(written).unwrap_or_default();
    let ends = |c: char| !c.is_alphanumeric();
    let defaults = condition.split(ends).filter(|word| !word.is_empty()).filter_map(|word| {
        let default = tree.get(at("Parameters", word)?, "Default")?;
        Some(format!(" {word}={}", written(default)))
    });
    format!("{condition}{}", defaults.collect::<String>())
}

/// Returns whether a list has each of `words`.
fn all_of(tree: &SyntaxTree<'_>, list: NodeId, words: &[&str]) -> bool {
    let items: Vec<&str> = tree.items(list).iter().filter_map(|item| tree.string_of(*item)).collect();
    words.iter().all(|word| items.contains(word))
}

/// Returns whether a list has items, and all of them are some of `words`.
fn are_all(tree: &SyntaxTree<'_>, list: NodeId, words: &[&str]) -> bool {
    let items = tree.items(list);
    !items.is_empty()
        && items.iter().all(|item| tree.string_of(*item).is_some_and(|item| words.contains(&item)))
}

/// Returns how a switch is set that is an annotation or a label, and where what it is about begins: what another one of the same domain
/// says, or the object where an operator makes something of that. Nothing but an operator heeds them.
fn sense_of_note(tree: &SyntaxTree<'_>, notes: NodeId, key: &str) -> Option<(Sense, String)> {
    const STILL: [&str; 5] = ["hibernated", "paused", "stop", "stopped", "suspended"];
    let (domain, name) = key.rsplit_once('/').unwrap_or(("", key));
    let (sense, _) = sense(name)?;
    let lower = name.to_ascii_lowercase();
    let is_of_operator = || {
        let object = tree.nodes[tree.nodes[notes].parent()?].parent()?;
        let group = tree.get_str(object, "apiVersion")?.split_once('/')?.0;
        let is_annotation = tree.key_of(notes) == Some("annotations");
        (is_annotation && group.contains('.') && !group.ends_with(".k8s.io")).then_some(())
    };
    match sense {
        Sense::On => (!domain.is_empty()).then(|| (sense, format!("{domain}~1"))),
        Sense::Off if !STILL.iter().any(|word| lower.ends_with(word)) => None,
        Sense::Count if lower.ends_with("size") => None,
        Sense::Off | Sense::Count => is_of_operator().map(|()| (sense, String::new())),
    }
}

/// Returns the condition of a service that runs with some profiles of Compose alone.
fn profiles_of(profiles: &[&str]) -> String {
    let mut profiles = profiles.to_vec();
    profiles.sort_unstable();
    format!("{PROFILES}{}", profiles.join(","))
}

const PROFILES: &str = "profiles: ";

impl Switch {
    /// Returns one that stands in no entry of the file.
    pub(super) fn elsewhere(scope: SwitchScope, off: OffCondition) -> Self {
        Self { scope, off, path: String::new(), object: None, variable: None }
    }

    /// Returns the profiles of Compose that it is about.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &str> {
        self.off.condition.strip_prefix(PROFILES).into_iter().flat_map(|profiles| profiles.split(','))
    }
}

fn root_of(tree: &SyntaxTree<'_>, node: NodeId) -> Option<(NodeId, usize)> {
    let mut at = node;
    while let Some(parent) = tree.nodes[at].parent() {
        at = parent;
    }
    let document = tree.documents.iter().position(|document| document.root == Some(at))?;
    Some((at, document))
}

/// Returns the kind and the name of the object around a node: the document, or an item of a list.
fn object_around(tree: &SyntaxTree<'_>, node: NodeId, root: NodeId) -> Option<(String, String)> {
    let mut at = Some(node);
    while let Some(here) = at {
        if let Some(object) = object_at(tree, here) {
            return Some(object);
        }
        at = tree.nodes[here].parent().filter(|_| here != root);
    }
    None
}

/// Returns the kind and the name of the object at a node.
pub(super) fn object_at(tree: &SyntaxTree<'_>, node: NodeId) -> Option<(String, String)> {
    let kind = tree.get_str(node, "kind")?;
    let name = tree.get(node, "metadata").and_then(|metadata| tree.get_str(metadata, "name"));
    tree.get(node, "apiVersion")?;
    Some((kind.to_owned(), name.unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::syntax::yaml;

    #[test]
    fn what_is_off_is_told_by_its_key_and_what_it_is_set_to() {
        for (text, scope) in [
            ("web: {enabled: false}", "/web/"),
            ("webEnabled: no", "/web"),
            ("web_enabled: 0", "/web"),
            ("enableWeb: false", "/web"),
            ("web: {disabled: true}", "/web/"),
            ("replicas: 0", "/"),
            ("workerReplicaCount: 0", "/worker"),
            ("a: {deploy: {replicas: 0}}", "/a/"),
            ("x: &x {enabled: false}\nweb: {<<: *x}", "/web/"),
            ("web: {enabled: \"false\"}", "/web/"),
            ("services: {a: {profiles: [b]}}", "/services/a/"),
            ("a: {running: false}", "/a/"),
            ("useSidecar: false", "/sidecar"),
            ("deployOld: false", "/old"),
            ("a: {desiredCount: 0}", "/a/"),
            ("a: {maxReplicas: 0}", "/a/"),
            ("a: {numberOfInstances: 0}", "/a/"),
            ("a: {state: absent}", "/a/"),
            ("a: {runStrategy: Halted}", "/a/"),
            ("a: {if: '${{ false }}'}", "/a/"),
            ("a: {tags: [never]}", "/a/"),
            ("a: {only: never}", "/a/"),
            ("a: {when: {event: none}}", "/a/"),
            ("a: {schedulingGates: [{name: x}]}", "/a/"),
            ("a: {hosts: none}", "/a/"),
            ("spec: {nodeSets: [{count: 0}]}", "/spec/"),
            ("a: {metadata: {annotations: {crossplane.io/paused: 'true'}}}", "/a/"),
            ("a: {Type: b, Condition: c}", "/a/"),
            ("S: {TaskDefinition: !Ref T, DesiredCount: 0}", "/resources/t/"),
            ("workflow: {rules: [{when: never}]}", "/"),
            ("a: {if: 'false && success()'}", "/a/"),
            ("on: workflow_call\njobs: {}", "/jobs/"),
            ("a: {metadata: {annotations: {helm.sh/hook: pre-delete}}}", "/a/"),
        ] {
            let found = of_tree(&yaml::parse(text));
            let has = |switch: &Switch| switch.scope == SwitchScope::Below(0, scope.to_owned());
            assert!(found.iter().any(has), "{text}: {found:?}");
        }
        for text in [
            "web: {enabled: true}",
            "replicas: 1",
            "replicas:",
            "suspend: false",
            "unenabled: false",
            "profiles: []",
            "profiles: [{a: b}]",
            "deploy: {a: b}",
            "restartPolicy: Never",
            "a: {tags: [web]}",
            "a: {metadata: {annotations: {helm.sh/hook: 'pre-install,pre-delete'}}}",
        ] {
            assert_eq!(of_tree(&yaml::parse(text)), [], "{text}");
        }
    }
}
