//! Switches whose value is a variable: what a file says of it, or what stands for it where nobody does, lets things run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use aho_corasick::AhoCorasick;

use super::statements::{Statements, statements_of};
use super::switch::{OffCondition, Switch};
use super::variable_value::{LetsRun, VariableScope, VariableValue};
use crate::manifest::formats::helm_values::has_name;
use crate::manifest::scan::is_candidate;
use crate::manifest::variables::env_file;
use crate::source::tree::{Tree, directory_of, path_from};

/// What files say of variables.
#[derive(Default)]
pub(super) struct SaidVariables {
    /// By the names of the variables, in lower case, and by whom it is for.
    said: BTreeMap<(String, SaidFor), Vec<SaidValue>>,
    /// What was asked of those that any file has.
    counted: HashMap<(String, LetsRun), Rc<SaidCount>>,
}

/// A file, and what it says.
struct SaidValue {
    file: String,
    literal: String,
}

/// Whom a value is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SaidFor {
    /// Any file.
    Any,
    /// The module of Terraform in a directory.
    Module(String),
    /// Those in, above and below a directory.
    ModulesAround(String),
}

/// Who lets things run by a variable, and whether somebody keeps them off.
#[derive(Clone, Debug, Default)]
struct SaidCount {
    on: BTreeMap<String, usize>,
    is_off: bool,
}

impl SaidCount {
    fn add(&mut self, file: &str, is_on: bool) {
        if is_on {
            *self.on.entry(file.to_owned()).or_default() += 1;
        } else {
            self.is_off = true;
        }
    }
}

/// How many files that let something run are told apart.
const NAMED_MAX: usize = 64;

/// The keys below which files say what variables are, in lower case.
const HOLDERS: [&str; 10] = [
    "data",
    "env",
    "environment",
    "inputs",
    "locals",
    "parameters",
    "stringdata",
    "substitute",
    "variables",
    "vars",
];

impl SaidVariables {
    /// Reads what the files at `paths` say of the variables that are values of `switches`.
    pub(super) fn of<'a, T: Tree>(
        switches: impl Iterator<Item = &'a Switch>,
        paths: impl Iterator<Item = &'a str>,
        statements: &Statements<'_, T>,
    ) -> Self {
        let mut found = Self::default();
        let names =
            switches.filter_map(|switch| switch.variable.as_ref()).map(|variable| variable.name.clone());
        let names: &BTreeSet<String> = &names.collect();
        if names.is_empty() {
            return found;
        }
        let Ok(searcher) = AhoCorasick::builder().ascii_case_insensitive(true).build(names) else {
            return found;
        };
        for path in paths {
            let name = path.rsplit('/').next().unwrap_or(path);
            let is_env = name == ".env" || name.ends_with(".env") || name.starts_with(".env.");
            if !is_env && !is_candidate(path) {
                continue;
            }
            let Some(text) = statements.text(path).filter(|text| searcher.is_match(text)) else {
                continue;
            };
            if is_env {
                for (name, value) in env_file::parse(&text) {
                    found.add(names, &name, path, value, SaidFor::Any);
                }
            } else {
                found.read(names, path, &text);
            }
        }
        found
    }

    fn read(&mut self, names: &BTreeSet<String>, path: &str, text: &str) {
        let is_module =
            [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|ending| path.ends_with(ending));
        let is_values = [".tfvars", ".tfvars.json"].iter().any(|ending| path.ends_with(ending));
        let all = statements_of(path, text);
        let directory = directory_of(path);
        let sources: HashMap<&str, &str> = all
            .iter()
            .filter_map(|said| Some((said.path.strip_suffix("/source")?, said.literal.trim_matches('"'))))
            .collect();
        let called = |at: &str| {
            // Two slashes stand before the part of a source that is meant.
            let source = sources.get(at)?.replace("//", "/");
            path_from(directory, &source).map(SaidFor::Module)
        };
        for said in &all {
            let keys: Vec<&str> = said.path.split('/').skip(1).collect();
            let (keys, name) = match keys.as_slice() {
                [above @ .., name, "default" | "value"] if !above.is_empty() => (above, *name),
                // What stands for it is said below.
                ["variable", _] => continue,
                [above @ .., name] => (above, *name),
                [] => continue,
            };
            let holder = keys.last().copied().unwrap_or_default();
            let whom = match keys {
                [] if is_values => Some(SaidFor::ModulesAround(directory.to_owned())),
                ["variable"] | ["locals", _] if is_module => Some(SaidFor::Module(directory.to_owned())),
                ["module", module] if is_module => called(&format!("/module/{module}")),
                // Terragrunt's.
                ["inputs"] if path.ends_with(".hcl") => called("/terraform/0"),
                // What is set by a name and a value, behind a flag, or in a file of variables.
                [] => (said.object.is_none() && !is_module && !has_name(path)).then_some(SaidFor::Any),
                _ => (!is_module && !is_values && HOLDERS.contains(&holder)).then_some(SaidFor::Any),
            };
            if let Some(whom) = whom {
                self.add(names, name, path, said.literal.clone(), whom);
            }
            // Of a generator of kustomize.
            if holder == "literals"
                && let Some((name, value)) = said.literal.trim_matches('"').split_once('=')
            {
                self.add(names, name, path, value.to_owned(), SaidFor::Any);
            }
        }
    }

    fn add(&mut self, names: &BTreeSet<String>, name: &str, file: &str, literal: String, whom: SaidFor) {
        let name = name.to_ascii_lowercase();
        if names.contains(&name) && literal != "…" {
            self.said.entry((name, whom)).or_default().push(SaidValue { file: file.to_owned(), literal });
        }
    }

    /// Returns who lets what the file at `path` has run by a variable.
    fn count(&mut self, path: &str, variable: &VariableValue) -> Rc<SaidCount> {
        let count = |all: &mut dyn Iterator<Item = &SaidValue>| {
            let mut found = SaidCount::default();
            all.for_each(|said| found.add(&said.file, variable.lets_run(&said.literal)));
            Rc::new(found)
        };
        let of = |whom: SaidFor| self.said.get(&(variable.name.clone(), whom)).into_iter().flatten();
        if variable.scope == VariableScope::Tree {
            let key = (variable.name.clone(), variable.lets_run.clone());
            let known = self.counted.get(&key).cloned();
            return known.unwrap_or_else(|| {
                let found = count(&mut of(SaidFor::Any));
                self.counted.insert(key, Rc::clone(&found));
                found
            });
        }
        let directory = directory_of(path);
        let above = directory.match_indices('/').map(|(at, _)| &directory[..at]);
        let around = above.chain([directory, ""]).collect::<BTreeSet<_>>().into_iter();
        let around = around.flat_map(|above| of(SaidFor::ModulesAround(above.to_owned())));
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let from = (variable.name.clone(), SaidFor::ModulesAround(prefix.clone()));
        let is_below = |(name, whom): &(String, SaidFor)| {
            let at = if let SaidFor::ModulesAround(at) = whom { at.as_str() } else { return false };
            *name == variable.name && at.starts_with(&prefix)
        };
        let below = self.said.range(from..).take_while(|(key, _)| is_below(key));
        let below = below.filter(|((_, whom), _)| *whom != SaidFor::ModulesAround(String::new()));
        let below = below.flat_map(|(_, said)| said);
        count(&mut of(SaidFor::Module(directory.to_owned())).chain(around).chain(below))
    }

    /// Returns the switches of a file, of which those whose value is a variable say who turns them on; without those of whose variables
    /// nobody says anything.
    pub(super) fn decide(&mut self, file: &str, switches: Vec<Switch>) -> Vec<Switch> {
        let decided = |mut switch: Switch| {
            let Some(variable) = switch.variable.take() else { return Some(switch) };
            let mut count = self.count(file, &variable);
            if let Some(default) = &variable.default {
                Rc::make_mut(&mut count).add(file, variable.lets_run(default));
            }
            if count.on.is_empty() && !count.is_off {
                return variable.is_off_unless_said().then_some(switch);
            }
            let but_in = match count.on.len() {
                0..=NAMED_MAX => count.on.clone(),
                // Who they are makes no difference any more.
                _ => BTreeMap::from([(String::new(), count.on.values().sum())]),
            };
            switch.off = OffCondition { but_in, is_over: !count.is_off, ..switch.off };
            Some(switch)
        };
        switches.into_iter().filter_map(decided).collect()
    }
}
