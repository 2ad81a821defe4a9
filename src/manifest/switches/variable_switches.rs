//! Switches whose value is a variable: what a file says of it, or what stands for it where nobody does, lets things run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use aho_corasick::AhoCorasick;

use super::statements::{Statements, statements_of};
use super::switch::{OffCondition, Switch, SwitchScope, of_tree};
use super::switch_words::{Sense, is_off};
use super::terraform_modules::{self, TerraformModules};
use super::variable_value::{LetsRun, VariableScope, VariableValue};
use crate::manifest::formats::helm_values::has_name;
use crate::manifest::located::Scan;
use crate::manifest::scan::is_candidate;
use crate::manifest::syntax::hcl_values::HclValue;
use crate::manifest::syntax::tree::SyntaxTree;
use crate::manifest::variables::env_file;
use crate::source::tree::Tree;

/// What files say of variables.
pub(super) struct SaidVariables {
    /// By the names of the variables, in lower case.
    said: HashMap<String, Vec<SaidValue>>,
    modules: Option<TerraformModules>,
    /// What was asked of those that any file has.
    counted: HashMap<(String, LetsRun), Rc<SaidCount>>,
}

/// A file, and what it says.
struct SaidValue {
    file: String,
    literal: String,
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
    /// Reads what the files at `paths` say of the variables that are values of `switches`, and modules where some of Terraform are.
    pub(super) fn of<'a, T: Tree>(
        switches: impl Iterator<Item = &'a Switch>,
        has_modules: bool,
        paths: impl Iterator<Item = &'a str>,
        statements: &Statements<'_, T>,
    ) -> Self {
        let variables = switches.filter_map(|switch| switch.variable.as_ref());
        let names =
            variables.filter(|variable| !variable.is_of_module()).map(|variable| variable.name.clone());
        let names: BTreeSet<String> = names.collect();
        let names = &names;
        let paths: Vec<&str> = paths.collect();
        let modules = has_modules.then(|| TerraformModules::of(paths.iter().copied(), statements));
        let mut found = Self { said: HashMap::new(), modules, counted: HashMap::new() };
        if names.is_empty() {
            return found;
        }
        let Ok(searcher) = AhoCorasick::builder().ascii_case_insensitive(true).build(names) else {
            return found;
        };
        for path in paths {
            let name = path.rsplit('/').next().unwrap_or(path);
            let is_env = name == ".env" || name.ends_with(".env") || name.starts_with(".env.");
            if !is_env && (!is_candidate(path) || terraform_modules::is_of_module(path)) {
                continue;
            }
            let Some(text) = statements.text(path).filter(|text| searcher.is_match(text)) else {
                continue;
            };
            if is_env {
                for (name, value) in env_file::parse(&text) {
                    found.add(names, &name, path, value);
                }
            } else {
                found.read(names, path, &text);
            }
        }
        found
    }

    fn read(&mut self, names: &BTreeSet<String>, path: &str, text: &str) {
        let all = statements_of(path, text);
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
            let is_said = match keys {
                // What is set by a name and a value, behind a flag, or in a file of variables.
                [] => said.object.is_none() && !has_name(path),
                _ => HOLDERS.contains(&holder),
            };
            if is_said {
                self.add(names, name, path, said.literal.clone());
            }
            // Of a generator of kustomize.
            if holder == "literals"
                && let Some((name, value)) = said.literal.trim_matches('"').split_once('=')
            {
                self.add(names, name, path, value.to_owned());
            }
        }
    }

    fn add(&mut self, names: &BTreeSet<String>, name: &str, file: &str, literal: String) {
        let name = name.to_ascii_lowercase();
        if names.contains(&name) && literal != "…" {
            self.said.entry(name).or_default().push(SaidValue { file: file.to_owned(), literal });
        }
    }

    /// Returns who lets what the file at `path` has run by a variable.
    fn count(&mut self, path: &str, variable: &VariableValue) -> Rc<SaidCount> {
        let mut found = SaidCount::default();
        if variable.scope == VariableScope::Module {
            let values = self.modules.as_mut().map(|modules| modules.values(path, &variable.name));
            for (by, value) in values.unwrap_or_default() {
                found.add(&by, variable.lets_run(&written(&value)));
            }
            return Rc::new(found);
        }
        let key = (variable.name.clone(), variable.lets_run.clone());
        if let Some(known) = self.counted.get(&key) {
            return Rc::clone(known);
        }
        for said in self.said.get(&variable.name).into_iter().flatten() {
            found.add(&said.file, variable.lets_run(&said.literal));
        }
        let found = Rc::new(found);
        self.counted.insert(key, Rc::clone(&found));
        found
    }

    /// Returns what keeps the module of Terraform that a file is a part of from being made: those who call it make none of it.
    pub(super) fn called(&mut self, file: &str, scan: &Scan) -> Option<Switch> {
        if scan.sites.is_empty() && scan.partials.is_empty() && scan.looks_away.is_empty() {
            return None;
        }
        let mut count = SaidCount::default();
        for (by, value) in self.modules.as_mut()?.calls(file) {
            let written = value.as_ref().map(written);
            count.add(&by, written.is_none_or(|it| it != "[]" && !is_off(Sense::Count, &it)));
        }
        let SaidCount { on: but_in, is_off } = count;
        let off =
            OffCondition { but_in, ..OffCondition::here("who calls the module makes none of it".to_owned()) };
        is_off.then(|| Switch::elsewhere(SwitchScope::Within(0..usize::MAX), off))
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

/// Returns the switches of a file that are off by what it says itself: with its own variables, whatever other files say.
pub(in crate::manifest) fn off_alone(path: &str, text: &str, tree: &SyntaxTree<'_>) -> Vec<Switch> {
    let mut found = SaidVariables { said: HashMap::new(), modules: None, counted: HashMap::new() };
    let all = of_tree(tree);
    let names = all.iter().filter_map(|switch| switch.variable.as_ref());
    let names: BTreeSet<String> = names.map(|variable| variable.name.clone()).collect();
    if !names.is_empty() {
        found.read(&names, path, text);
    }
    let decided = found.decide(path, all);
    decided.into_iter().filter(|switch| !switch.off.is_over && switch.off.but_in.is_empty()).collect()
}

/// Returns how a value of a module is written, as far as it says whether something is made.
fn written(value: &HclValue) -> String {
    let is_empty =
        value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(|it| it.is_empty());
    match value {
        _ if is_empty => "[]".to_owned(),
        HclValue::Array(_) | HclValue::Object(_) => "…".to_owned(),
        other => other.to_string(),
    }
}
