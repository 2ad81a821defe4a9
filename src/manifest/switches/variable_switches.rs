//! Switches whose value is a variable: what a file says of it, or what stands for it where nobody does, lets things run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aho_corasick::AhoCorasick;

use super::statements::{Statements, statements_of};
use super::switch::{OffCondition, Switch};
use super::variable_value::VariableScope;
use crate::manifest::formats::helm_values::has_name;
use crate::manifest::scan::is_candidate;
use crate::manifest::variables::env_file;
use crate::source::tree::{Tree, directory_of, path_from};

/// What files say of variables, by their names in lower case: the file, the value, and the directory of the module that it is for
/// where it is one of Terraform.
#[derive(Default)]
pub(super) struct SaidVariables {
    by_name: HashMap<String, Vec<SaidVariable>>,
}

struct SaidVariable {
    file: String,
    literal: String,
    module: Option<ModuleFiles>,
}

/// Which modules of Terraform a value is for.
enum ModuleFiles {
    /// The one in a directory.
    In(String),
    /// Those in, above and below a directory.
    Around(String),
}

impl SaidVariable {
    fn is_for(&self, scope: VariableScope, file: &str) -> bool {
        let directory = directory_of(file);
        match (scope, &self.module) {
            (VariableScope::Tree, None) => true,
            (VariableScope::Module, Some(ModuleFiles::In(module))) => module == directory,
            (VariableScope::Module, Some(ModuleFiles::Around(around))) => {
                is_in(around, directory) || is_in(directory, around)
            }
            _ => false,
        }
    }
}

fn is_in(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

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
                    found.add(names, &name, path, value, None);
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
            path_from(directory, &source).map(ModuleFiles::In)
        };
        for said in &all {
            let keys: Vec<&str> = said.path.split('/').skip(1).collect();
            let (keys, name) = match keys.as_slice() {
                [above @ .., name, "default" | "value"] if !above.is_empty() => (above, *name),
                [above @ .., name] => (above, *name),
                [] => continue,
            };
            let holder = keys.last().copied().unwrap_or_default();
            let module = match keys {
                [] if is_values => Some(ModuleFiles::Around(directory.to_owned())),
                ["variable"] | ["locals", _] if is_module => Some(ModuleFiles::In(directory.to_owned())),
                ["module", module] if is_module => match called(&format!("/module/{module}")) {
                    None => continue,
                    module => module,
                },
                // Terragrunt's.
                ["inputs"] if path.ends_with(".hcl") => match called("/terraform/0") {
                    None => continue,
                    module => module,
                },
                // What is set by a name and a value, behind a flag, or in a file of variables.
                [] if said.object.is_none() && !is_module && !has_name(path) => None,
                _ if is_module || is_values || !HOLDERS.contains(&holder) => continue,
                _ => None,
            };
            self.add(names, name, path, said.literal.clone(), module);
        }
    }

    fn add(
        &mut self,
        names: &BTreeSet<String>,
        name: &str,
        file: &str,
        literal: String,
        module: Option<ModuleFiles>,
    ) {
        let name = name.to_ascii_lowercase();
        if names.contains(&name) && literal != "…" {
            self.by_name.entry(name).or_default().push(SaidVariable {
                file: file.to_owned(),
                literal,
                module,
            });
        }
    }

    /// Returns the switches of a file, of which those whose value is a variable say who turns them on; without those of whose variables
    /// nobody says anything.
    pub(super) fn decide(&self, file: &str, switches: Vec<Switch>) -> Vec<Switch> {
        let decided = |mut switch: Switch| {
            let Some(variable) = switch.variable.take() else { return Some(switch) };
            let all = self.by_name.get(&variable.name).into_iter().flatten();
            let all = all.filter(|said| said.is_for(variable.scope, file));
            let all = all.map(|said| (said.file.as_str(), said.literal.as_str()));
            let own = variable.default.as_deref().map(|default| (file, default));
            let (on, off): (Vec<_>, Vec<_>) =
                all.chain(own).partition(|(_, literal)| variable.lets_run(literal));
            if on.is_empty() && off.is_empty() {
                return variable.is_off_unless_said().then_some(switch);
            }
            let mut but_in: BTreeMap<String, usize> = BTreeMap::new();
            for (file, _) in &on {
                *but_in.entry((*file).to_owned()).or_default() += 1;
            }
            switch.off = OffCondition { but_in, is_over: off.is_empty(), ..switch.off };
            Some(switch)
        };
        switches.into_iter().filter_map(decided).collect()
    }
}
