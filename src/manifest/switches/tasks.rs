//! Task definitions of ECS that nothing runs: no service and no target takes them, or what takes them is disabled.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::statements::{SaidValue, Statements};
use super::switch::{OffCondition, Switch, SwitchScope};
use crate::manifest::located::Scan;
use crate::source::tree::{Tree, directory_of};

/// What Terraform calls one.
const KIND: &str = "aws_ecs_task_definition";

/// What the modules of Terraform in a tree take, by their directories, as it is asked for.
#[derive(Default)]
pub(super) struct TakenTasks {
    known: HashMap<String, Rc<HashSet<String>>>,
}

impl TakenTasks {
    /// Returns the switches for what nothing runs of the file at `path`: of CloudFormation the file says so, of Terraform those `beside`
    /// it do, too.
    pub(super) fn unused<T: Tree>(
        &mut self,
        path: &str,
        scan: &Scan,
        beside: &[&str],
        statements: &mut Statements<'_, T>,
    ) -> Vec<Switch> {
        if !scan.sites.iter().any(|located| located.site.path.to_lowercase().starts_with("/resource")) {
            return Vec::new();
        }
        let said = statements.of(path);
        let tasks: Vec<(&str, String)> = said.iter().filter_map(|said| task(path, said)).collect();
        if tasks.is_empty() {
            return Vec::new();
        }
        let taken = if !is_terraform(path) {
            Rc::new(taken(said.iter()))
        } else if let Some(known) = self.known.get(directory_of(path)) {
            Rc::clone(known)
        } else {
            let files = beside.iter().filter(|other| is_terraform(other));
            let all: Vec<Rc<Vec<SaidValue>>> = files.map(|other| statements.of(other)).collect();
            let found = Rc::new(taken(all.iter().flat_map(|all| all.iter())));
            self.known.insert(directory_of(path).to_owned(), Rc::clone(&found));
            found
        };
        let documents: BTreeSet<usize> = scan.sites.iter().map(|located| located.site.document).collect();
        let condition = || OffCondition::here("nothing that is enabled takes the task definition".to_owned());
        let unused = tasks.iter().filter(|(_, name)| !taken.contains(name));
        let scopes = unused.flat_map(|(at, _)| {
            documents.iter().map(move |document| SwitchScope::Below(*document, format!("{at}/")))
        });
        scopes.map(|scope| Switch::elsewhere(scope, condition())).collect()
    }
}

fn is_terraform(path: &str) -> bool {
    [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|ending| path.ends_with(ending))
}

/// Returns where the task definition stands whose resource this statement begins, and what others call it, both in lower case.
fn task<'s>(path: &str, said: &'s SaidValue) -> Option<(&'s str, String)> {
    if let Some(name) = said.path.strip_prefix("/resource/").and_then(|rest| rest.strip_prefix(KIND)) {
        let name = name.strip_prefix('/').filter(|name| !name.contains('/') && is_terraform(path))?;
        return Some((&said.path, format!("{KIND}.{name}")));
    }
    let at = said.path.strip_suffix("/type").filter(|_| is_definition(&said.literal))?;
    let name = at.strip_prefix("/resources/").filter(|name| !name.contains('/'))?;
    Some((at, name.to_owned()))
}

/// Returns whether a resource of CloudFormation with this type is a task definition.
fn is_definition(kind: &str) -> bool {
    kind.trim_matches('"').ends_with("::TaskDefinition")
}

/// Returns the words, in lower case, that stand in resources which are not disabled, and are no task definitions.
fn taken<'s>(all: impl Iterator<Item = &'s SaidValue> + Clone) -> HashSet<String> {
    let mut off: HashSet<&str> = HashSet::new();
    let mut rules: HashMap<&str, String> = HashMap::new();
    for said in all.clone() {
        let Some(taker) = resource(&said.path) else { continue };
        let literal = said.literal.trim_matches('"');
        let is_off = match said.path[taker.len()..].trim_start_matches('/') {
            "state" | "properties/state" => literal.eq_ignore_ascii_case("disabled"),
            "is_enabled" => literal == "false",
            "type" => is_definition(literal),
            "rule" => {
                let mut parts = literal.trim_matches(['$', '{', '}']).split('.');
                if let (Some(kind), Some(name)) = (parts.next(), parts.next()) {
                    rules.insert(taker, format!("/resource/{kind}/{name}").to_lowercase());
                }
                false
            }
            _ => false,
        };
        if is_off || taker.strip_prefix("/resource/").is_some_and(|rest| rest.starts_with(KIND)) {
            off.insert(taker);
        }
    }
    let mut found = HashSet::new();
    for said in all {
        let Some(taker) = resource(&said.path) else { continue };
        if off.contains(taker) || rules.get(taker).is_some_and(|rule| off.contains(rule.as_str())) {
            continue;
        }
        let literal = said.literal.to_lowercase();
        let words = literal.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
        for word in words.filter(|word| !word.is_empty()) {
            // `KIND.NAME.ATTRIBUTE` of Terraform, `NAME.ATTRIBUTE` of CloudFormation.
            let parts = if word.starts_with(KIND) { 2 } else { 1 };
            let end = word.match_indices('.').nth(parts - 1).map_or(word.len(), |(at, _)| at);
            found.insert(word[..end].to_owned());
        }
    }
    found
}

/// Returns the pointer of the resource that a pointer stands in.
fn resource(path: &str) -> Option<&str> {
    let depth = if path.starts_with("/resources/") { 2 } else { 3 };
    path.starts_with("/resource")
        .then(|| path.match_indices('/').nth(depth).map_or(path, |(at, _)| &path[..at]))
}
