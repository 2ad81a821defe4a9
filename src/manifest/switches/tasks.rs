//! Task definitions of ECS that nothing runs: no service and no target takes them, or what takes them is disabled.

use std::collections::BTreeSet;

use super::statements::{SaidValue, Statements};
use super::switch::{OffCondition, Switch, SwitchScope};
use crate::manifest::located::Scan;
use crate::manifest::scan::is_candidate;
use crate::source::tree::Tree;

/// A task definition of a file.
struct TaskDefinition {
    /// Where its resource stands, as a JSON pointer in lower case.
    at: String,
    /// What others call it, in lower case.
    name: String,
}

/// Returns the switches for what nothing runs of a file: of CloudFormation the file says so, of Terraform those beside it do, too.
pub(super) fn unused<T: Tree>(
    file: &str,
    scan: &Scan,
    beside: &[&str],
    statements: &mut Statements<'_, T>,
) -> Vec<Switch> {
    let may_be = |path: &str| ["taskdefinition", "task_definition"].iter().any(|word| path.contains(word));
    let documents: BTreeSet<usize> = scan.sites.iter().map(|located| located.site.document).collect();
    let is_terraform = [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|ending| file.ends_with(ending));
    let own = scan.sites.iter().any(|located| located.site.path.to_lowercase().starts_with("/resource"));
    if !own || !is_candidate(file) {
        return Vec::new();
    }
    let said = statements.of(file);
    let tasks: Vec<TaskDefinition> = said
        .iter()
        .filter_map(|said| match said.path.split('/').collect::<Vec<_>>()[..] {
            ["", "resource", "aws_ecs_task_definition", name] if is_terraform => Some(TaskDefinition {
                at: said.path.clone(),
                name: format!("aws_ecs_task_definition.{name}"),
            }),
            ["", "resources", name, "type"]
                if may_be(&said.literal.to_ascii_lowercase()) && !is_terraform =>
            {
                Some(TaskDefinition { at: format!("/resources/{name}"), name: name.to_owned() })
            }
            _ => None,
        })
        .collect();
    if tasks.is_empty() {
        return Vec::new();
    }
    let others = beside.iter().filter(|other| is_terraform && **other != file && other.ends_with(".tf"));
    let all: Vec<SaidValue> = others
        .flat_map(|other| statements.of(other).iter().cloned().collect::<Vec<_>>())
        .chain(said.iter().cloned())
        .collect();
    let is_unused = |task: &&TaskDefinition| {
        let takers = all
            .iter()
            .filter(|said| names(&said.literal, &task.name))
            .filter_map(|said| resource(&said.path));
        !takers.filter(|taker| *taker != task.at).any(|taker| !is_disabled(taker, &all))
    };
    let condition = "nothing that is enabled takes the task definition";
    tasks
        .iter()
        .filter(is_unused)
        .flat_map(|task| {
            documents.iter().map(|document| SwitchScope::Below(*document, format!("{}/", task.at)))
        })
        .map(|scope| Switch::elsewhere(scope, OffCondition::here(condition.to_owned())))
        .collect()
}

/// Returns the pointer of the resource that a pointer stands in.
fn resource(path: &str) -> Option<&str> {
    let depth = if path.starts_with("/resources/") { 2 } else { 3 };
    if !path.starts_with("/resource") {
        return None;
    }
    Some(path.match_indices('/').nth(depth).map_or(path, |(at, _)| &path[..at]))
}

/// Returns whether a text has a name as a word.
fn names(text: &str, name: &str) -> bool {
    let text = text.to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part))
}

/// Returns whether a resource is disabled, or names one that is: the rule of a target.
fn is_disabled(taker: &str, all: &[SaidValue]) -> bool {
    let off = |at: &str| {
        all.iter().any(|said| {
            let key = said.path.strip_prefix(at).and_then(|rest| rest.strip_prefix('/'));
            let literal = said.literal.trim_matches('"');
            match key {
                Some("state" | "properties/state") => literal.eq_ignore_ascii_case("disabled"),
                Some("is_enabled") => literal == "false",
                _ => false,
            }
        })
    };
    let rule = all.iter().find(|said| said.path.strip_prefix(taker) == Some("/rule"));
    let rule = rule.and_then(|said| {
        let mut parts = said.literal.trim_matches(['"', '$', '{', '}']).split('.');
        Some(format!("/resource/{}/{}", parts.next()?, parts.next()?).to_lowercase())
    });
    off(taker) || rule.is_some_and(|rule| off(&rule))
}
