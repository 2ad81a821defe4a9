//! What variables and local values of Terraform are where their module says how often something is made: by what stands for them,
//! files of variables, and who calls the module.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::statements::Statements;
use crate::manifest::syntax::hcl_values::{Evaluation, HclValue, KnownValues};
use crate::manifest::syntax::source::SourceText;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::{Tree, directory_of, path_from};

/// How many sets of values of one module are looked at.
const WAYS_MAX: usize = 50;

/// How far callers of callers are followed.
const DEPTH_MAX: usize = 3;

/// How often local values that stand for each other are gone through.
const ROUNDS_MAX: usize = 6;

type Expressions = BTreeMap<String, String>;

/// The modules of a tree, by their directories; a job of Nomad is one by itself.
#[derive(Debug)]
pub(super) struct TerraformModules {
    modules: BTreeMap<String, TerraformModule>,
    /// Who calls a module, by its directory.
    calls: HashMap<String, Vec<ModuleCall>>,
    evaluation: Evaluation,
    known: HashMap<String, Rc<Vec<ModuleValues>>>,
}

#[derive(Debug, Default)]
struct TerraformModule {
    /// What stands for its variables where nobody says.
    defaults: Expressions,
    locals: Expressions,
    /// Its files of variables, and what these say.
    files: BTreeMap<String, Expressions>,
}

#[derive(Debug)]
struct ModuleCall {
    file: String,
    inputs: Expressions,
}

/// The values that a module is made with.
#[derive(Debug)]
struct ModuleValues {
    /// The file that gives some; the module's directory where nobody does.
    by: String,
    known: KnownValues,
}

impl TerraformModules {
    /// Reads the modules of a tree.
    pub(super) fn of<'a, T: Tree>(
        paths: impl Iterator<Item = &'a str>,
        statements: &Statements<'_, T>,
    ) -> Self {
        let mut found = Self {
            modules: BTreeMap::new(),
            calls: HashMap::new(),
            evaluation: Evaluation::new(),
            known: HashMap::new(),
        };
        for path in paths.filter(|path| is_of_module(path)) {
            if let Some(text) = statements.text(path) {
                found.read(path, &SourceText::new(&text, path).parse());
            }
        }
        found
    }

    fn read(&mut self, path: &str, tree: &SyntaxTree<'_>) {
        let Some(root) = tree.documents.first().and_then(|document| document.root) else { return };
        let directory = directory_of(path);
        let written =
            |node: NodeId| tree.original.get(tree.nodes[node].span()).unwrap_or_default().to_owned();
        let named = |node: NodeId| -> Expressions {
            let entries = tree.entries(node).iter();
            entries
                .filter_map(|(key, value)| Some((tree.text_of(*key)?.to_owned(), written(*value))))
                .collect()
        };
        let module = self.modules.entry(module_of(path).to_owned()).or_default();
        if is_of_variables(path) {
            module.files.insert(path.to_owned(), named(root));
            return;
        }
        for (name, variable) in tree.get(root, "variable").map(|all| tree.entries(all)).unwrap_or_default() {
            if let (Some(name), Some(default)) = (tree.text_of(*name), tree.get(*variable, "default")) {
                module.defaults.insert(name.to_owned(), written(default));
            }
        }
        for locals in tree.get(root, "locals").into_iter().flat_map(|all| blocks(tree, all)) {
            module.locals.extend(named(locals));
        }
        let source = |block| tree.get_str(block, "source").map(str::to_owned);
        let mut calls = Vec::new();
        for (_, call) in tree.get(root, "module").map(|all| tree.entries(all)).unwrap_or_default() {
            calls.extend(
                blocks(tree, *call).into_iter().filter_map(|call| Some((source(call)?, named(call)))),
            );
        }
        // Terragrunt's.
        let taken =
            tree.get(root, "terraform").into_iter().flat_map(|all| blocks(tree, all)).find_map(source);
        if let (Some(source), Some(inputs)) = (taken, tree.get(root, "inputs")) {
            calls.push((source, named(inputs)));
        }
        for (source, inputs) in calls {
            // Two slashes stand before the part of a source that is meant.
            if let Some(module) = path_from(directory, &source.replace("//", "/")) {
                self.calls.entry(module).or_default().push(ModuleCall { file: path.to_owned(), inputs });
            }
        }
    }

    /// Returns what an expression in the file at `path` comes to, by who gives its module values.
    pub(super) fn values(&mut self, path: &str, expression: &str) -> Vec<(String, HclValue)> {
        let given = self.given(module_of(path), DEPTH_MAX);
        let value =
            |given: &ModuleValues| Some((given.by.clone(), self.evaluation.value(expression, &given.known)?));
        given.iter().filter_map(value).collect()
    }

    /// Returns how often those who call the module that a file is a part of make it, by their directories; nothing where they say nothing,
    /// or what they say is not known: it is made then.
    pub(super) fn calls(&mut self, path: &str) -> Vec<(String, Option<HclValue>)> {
        let calls = self.calls.get(module_of(path)).into_iter().flatten();
        let calls = calls.map(|call| {
            let count = ["count", "for_each"].iter().find_map(|key| call.inputs.get(*key));
            (module_of(&call.file).to_owned(), count.cloned())
        });
        let mut found = Vec::new();
        for (by, count) in calls.take(WAYS_MAX).collect::<Vec<_>>() {
            let given = self.given(&by, DEPTH_MAX);
            match count {
                Some(count) => found.extend(
                    given.iter().map(|given| (by.clone(), self.evaluation.value(&count, &given.known))),
                ),
                None => found.push((by, None)),
            }
        }
        found
    }

    fn given(&mut self, at: &str, depth: usize) -> Rc<Vec<ModuleValues>> {
        if let Some(known) = self.known.get(at) {
            return Rc::clone(known);
        }
        // Modules do not call themselves.
        self.known.insert(at.to_owned(), Rc::default());
        let callers: BTreeSet<String> =
            self.calls.get(at).into_iter().flatten().map(|call| module_of(&call.file).to_owned()).collect();
        let callers: BTreeMap<String, Rc<Vec<ModuleValues>>> = match depth.checked_sub(1) {
            Some(depth) => callers.into_iter().map(|by| (by.clone(), self.given(&by, depth))).collect(),
            None => BTreeMap::new(),
        };
        let empty = TerraformModule::default();
        let module = self.modules.get(at).unwrap_or(&empty);
        let nothing = KnownValues::of(&[]);
        let read = |all: &Expressions, known: &KnownValues| -> BTreeMap<String, HclValue> {
            let value =
                |(name, text): (&String, &String)| Some((name.clone(), self.evaluation.value(text, known)?));
            all.iter().filter_map(value).collect()
        };
        let mut base = read(&module.defaults, &nothing);
        for (_, values) in module.files.iter().filter(|(path, _)| is_taken_by_itself(path)) {
            base.extend(read(values, &nothing));
        }
        let mut ways = Vec::new();
        // Whom another module calls is given what that says, and no files of variables.
        if !self.calls.contains_key(at) {
            ways.push((at.to_owned(), base.clone()));
            for (file, values) in self.files_around(at).take(WAYS_MAX) {
                ways.push((
                    directory_of(file).to_owned(),
                    base.clone().into_iter().chain(read(values, &nothing)).collect(),
                ));
            }
        }
        let calls = self.calls.get(at).into_iter().flatten();
        let callers = calls.flat_map(|call| {
            let from = callers.get(module_of(&call.file)).into_iter().flat_map(|all| all.iter());
            from.map(move |caller| (call, caller))
        });
        for (call, caller) in callers.take(WAYS_MAX) {
            let inputs = read(&call.inputs, &caller.known);
            ways.push((module_of(&call.file).to_owned(), base.clone().into_iter().chain(inputs).collect()));
        }
        let given = ways.into_iter().map_while(|(by, variables)| {
            let known = self.with_locals(&module.locals, &variables);
            self.evaluation.affords(&known).then_some(ModuleValues { by, known })
        });
        let given = Rc::new(given.collect::<Vec<_>>());
        self.known.insert(at.to_owned(), Rc::clone(&given));
        given
    }

    /// Returns the files of variables that somebody may give a module: those in its directory, above and below it.
    fn files_around(&self, at: &str) -> impl Iterator<Item = (&String, &Expressions)> {
        let above = at.match_indices('/').map(|(end, _)| &at[..end]).chain(["", at]).collect::<BTreeSet<_>>();
        let below = format!("{at}/");
        let is_below = move |directory: &&String| !at.is_empty() && directory.starts_with(&below);
        let inner = self
            .modules
            .range(at.to_owned()..)
            .map(|(directory, _)| directory)
            .take_while(move |it| it.starts_with(at));
        let inner: Vec<&String> = inner.filter(is_below).collect();
        let outer = above.into_iter().filter_map(|above| self.modules.get(above));
        let all = outer.chain(inner.into_iter().filter_map(|directory| self.modules.get(directory)));
        all.flat_map(|module| &module.files)
            .filter(move |(path, _)| !(is_taken_by_itself(path) && directory_of(path) == at))
    }

    fn with_locals(&self, locals: &Expressions, variables: &BTreeMap<String, HclValue>) -> KnownValues {
        let mut found = BTreeMap::new();
        for _ in 0..ROUNDS_MAX {
            let known = KnownValues::of(&[("var", variables), ("local", &found)]);
            let missing: Vec<_> = locals.iter().filter(|(name, _)| !found.contains_key(*name)).collect();
            let values = missing
                .into_iter()
                .filter_map(|(name, text)| Some((name.clone(), self.evaluation.value(text, &known)?)));
            let values: Vec<_> = values.collect();
            if values.is_empty() {
                return known;
            }
            found.extend(values);
        }
        KnownValues::of(&[("var", variables), ("local", &found)])
    }
}

/// Returns the blocks of one type: one, or a list of them.
fn blocks(tree: &SyntaxTree<'_>, node: NodeId) -> Vec<NodeId> {
    if tree.is_sequence(node) { tree.items(node).to_vec() } else { vec![node] }
}

/// Returns what the file at a path is a part of: its directory, or itself, for a job of Nomad.
fn module_of(path: &str) -> &str {
    let is_job = path.ends_with(".nomad") || path.ends_with(".hcl") && !path.ends_with("terragrunt.hcl");
    if is_job { path } else { directory_of(path) }
}

/// Returns whether a file is one of a module, or says what one is given.
pub(super) fn is_of_module(path: &str) -> bool {
    let endings = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json", ".nomad", ".hcl"];
    endings.iter().any(|ending| path.ends_with(ending))
}

fn is_of_variables(path: &str) -> bool {
    path.ends_with(".tfvars") || path.ends_with(".tfvars.json")
}

/// Returns whether Terraform reads a file of variables unasked ("Variable Definitions (`.tfvars`) Files").
fn is_taken_by_itself(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".json");
    name == "terraform.tfvars" || name.ends_with(".auto.tfvars")
}
