//! What the files of a tree say under which path: in values, in values inside of deployers' objects, in patches.

use std::collections::HashMap;
use std::rc::Rc;

use super::switch::{literal, object_at};
use super::switch_words::is_no;
use crate::manifest::scan::SIZE_MAX;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::source::SourceText;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};
use crate::manifest::syntax::yaml;
use crate::source::tree::{EntryKind, Tree, TreeEntry};

/// How many texts inside of texts are read.
const DEPTH_MAX: usize = 3;

/// How many elements of generators are looked at for one parameter.
const ELEMENTS_MAX: usize = 100;

/// Something that a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manifest) struct SaidValue {
    /// The JSON pointer, in lower case; of a parameter or a patch the one that it is for.
    pub(in crate::manifest) path: String,
    /// The last key, as it is written.
    pub(super) key: String,
    /// What is written; `…` for what is no scalar, `[]` and `{}` where that is empty.
    pub(in crate::manifest) literal: String,
    /// The kind and the name of the object that it is about, each empty where any is.
    pub(super) object: Option<(String, String)>,
}

/// The files of a tree, read as they are asked for.
pub(in crate::manifest) struct Statements<'t, T> {
    tree: &'t T,
    entries: HashMap<&'t str, &'t TreeEntry>,
    known: HashMap<String, Rc<Vec<SaidValue>>>,
}

impl<'t, T: Tree> Statements<'t, T> {
    pub(in crate::manifest) fn new(tree: &'t T, entries: &'t [(TreeEntry, String)]) -> Self {
        let entries = entries.iter().map(|(entry, root_path)| (root_path.as_str(), entry)).collect();
        Self { tree, entries, known: HashMap::new() }
    }

    /// Returns the text of a file; nothing where it cannot be read, which is said elsewhere.
    pub(in crate::manifest) fn text(&self, root_path: &str) -> Option<String> {
        let entry = self.entries.get(root_path).filter(|entry| entry.kind == EntryKind::File)?;
        String::from_utf8(self.tree.read(&entry.path, SIZE_MAX).ok()?).ok()
    }

    /// Returns what the file at `root_path` says.
    pub(in crate::manifest) fn of(&mut self, root_path: &str) -> Rc<Vec<SaidValue>> {
        if let Some(known) = self.known.get(root_path) {
            return Rc::clone(known);
        }
        let found = self.text(root_path).map(|text| statements_of(root_path, &text)).unwrap_or_default();
        let found = Rc::new(found);
        self.known.insert(root_path.to_owned(), Rc::clone(&found));
        found
    }
}

/// Returns what a text at a path says.
pub(super) fn statements_of(path: &str, text: &str) -> Vec<SaidValue> {
    let mut found = Vec::new();
    match Language::of(path) {
        // A script, a recipe.
        None if !path.ends_with(".gotmpl") && !is_data(text) => add_sets(text, "", &|_| None, &mut found),
        Some(Language::Yaml) | None => add(text, "", 0, &mut found),
        Some(_) => add_tree(&SourceText::new(text, path).parse(), "", 0, &mut found),
    }
    found
}

fn add(text: &str, below: &str, depth: usize, found: &mut Vec<SaidValue>) {
    add_tree(&yaml::parse(text), below, depth, found);
}

fn add_tree(tree: &SyntaxTree<'_>, below: &str, depth: usize, found: &mut Vec<SaidValue>) {
    for root in tree.documents.iter().filter_map(|document| document.root) {
        walk(tree, root, below, None, depth, found);
    }
}

fn walk(
    tree: &SyntaxTree<'_>,
    node: NodeId,
    path: &str,
    object: Option<&(String, String)>,
    depth: usize,
    found: &mut Vec<SaidValue>,
) {
    let own = object_at(tree, node);
    let object = own.as_ref().or(object);
    match tree.kind(node) {
        NodeKind::Scalar { value, .. } => {
            if let Some(literal) = literal(tree, node) {
                say(found, path, literal, object);
            }
            add_sets(value, "", &|name| variable_of(tree, node, name), found);
            // As Ansible sets them (`kubernetes.core.helm`).
            let is_set = || tree.key_of(node) == Some("value") && path.contains("/set_values/");
            if let Some((key, set)) = value.split_once('=').filter(|_| is_set()) {
                say(found, &format!("/{}", key.replace('.', "/")), set.to_owned(), None);
            }
            if depth < DEPTH_MAX && value.contains([':', '{']) && value.contains([' ', '\n', '{']) {
                add(value, path, depth + 1, found);
            }
        }
        NodeKind::Sequence { items, .. } => {
            let written = if items.is_empty() { "[]" } else { "…" };
            say(found, path, written.to_owned(), object);
            for (index, item) in items.iter().enumerate() {
                walk(tree, *item, &format!("{path}/{index}"), object, depth, found);
            }
        }
        NodeKind::Mapping { entries, .. } => {
            let written = if entries.is_empty() { "{}" } else { "…" };
            say(found, path, written.to_owned(), object);
            let get = |key| tree.get(node, key);
            let value = |key| get(key).and_then(|node| literal(tree, node));
            let text = |key| tree.get_str(node, key);
            // A parameter of a deployer, an operation of a patch, the replicas of a kustomization, what scales an object.
            if let (Some(name), Some(value)) = (text("name"), value("value")) {
                // What is set has the type that it looks like, also in quotes.
                let value =
                    generated(tree, node, &value).unwrap_or_else(|| value.trim_matches('"').to_owned());
                let unescaped = name.replace("\\.", "~2").replace(['.', '['], "/").replace(']', "");
                say(found, &format!("/{}", unescaped.replace("~2", ".")), value, None);
            }
            // A file of parameters of CloudFormation.
            if let (Some(name), Some(value)) = (text("ParameterKey"), value("ParameterValue")) {
                say(found, &format!("/{name}"), value, None);
            }
            if let (Some(path), Some(value)) = (text("path"), value("value")) {
                say(found, path, value, Some(&(String::new(), String::new())));
            }
            if let (Some(name), Some(count)) = (text("name"), value("count")) {
                say(found, "/spec/replicas", count, Some(&(String::new(), name.to_owned())));
            }
            if let Some(name) = get("scaleTargetRef").and_then(|target| tree.get_str(target, "name")) {
                let count = if is_paused_at_zero(tree, node) { "0" } else { "1" };
                say(found, "/spec/replicas", count.to_owned(), Some(&(String::new(), name.to_owned())));
            }
            for (key, value) in entries {
                let Some(key) = tree.text_of(*key) else { continue };
                let key = key.replace('~', "~0").replace('/', "~1");
                if matches!(tree.kind(*value), NodeKind::Alias(_)) {
                    if let Some(literal) = literal(tree, *value) {
                        say(found, &format!("{path}/{key}"), literal, object);
                    }
                    continue;
                }
                walk(tree, *value, &format!("{path}/{key}"), object, depth, found);
            }
        }
        NodeKind::Alias(_) => {}
    }
}

/// Returns what a generator of Argo CD's fills in for a value that is nothing but a parameter (Argo CD, "List Generator"): of several
/// elements what the first one says by which something may run.
fn generated(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Option<String> {
    let name = value.trim_matches('"').trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let name = name.trim().trim_start_matches('.');
    let object =
        std::iter::successors(tree.nodes[node].parent(), |node| tree.nodes[*node].parent()).last()?;
    let generators = |of: NodeId| tree.get(of, "generators").map(|all| tree.items(all)).unwrap_or_default();
    let inner = |generator: NodeId| ["matrix", "merge"].into_iter().find_map(|key| tree.get(generator, key));
    let outer = generators(tree.get(object, "spec")?);
    let all = outer.iter().chain(outer.iter().filter_map(|one| inner(*one)).flat_map(generators));
    let lists = all.filter_map(|generator| tree.get(tree.get(*generator, "list")?, "elements"));
    let elements = lists.flat_map(|list| tree.items(list)).take(ELEMENTS_MAX);
    let said: Vec<&str> = elements.filter_map(|element| tree.get_str(*element, name)).collect();
    said.iter().find(|said| !is_no(said)).or(said.first()).map(|said| (*said).to_owned())
}

/// Adds what the commands of a text set for a chart; `variable` returns what a variable of theirs is.
fn add_sets(text: &str, below: &str, variable: &dyn Fn(&str) -> Option<String>, found: &mut Vec<SaidValue>) {
    for (key, set) in set_by_commands(text) {
        let name = set.strip_prefix('$').map(|name| name.trim_matches(['{', '}']));
        let set = name.and_then(variable).unwrap_or_else(|| set.to_owned());
        say(found, &format!("{below}/{}", key.replace('.', "/")), set, None);
    }
    // `--set-json 'a={"b":true}'`
    for (at, flag) in text.match_indices("--set-json") {
        let rest = text[at + flag.len()..].trim_start_matches(['=', ' ']);
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
        let given = rest[1..].split(quote).next().unwrap_or_default();
        if let Some((key, value)) = given.split_once('=') {
            add(value, &format!("/{}", key.replace('.', "/")), DEPTH_MAX, found);
        }
    }
}

/// Returns what a variable is in the environments around a command: of its step, its job, the whole.
fn variable_of(tree: &SyntaxTree<'_>, node: NodeId, name: &str) -> Option<String> {
    let mut above = std::iter::successors(tree.nodes[node].parent(), |node| tree.nodes[*node].parent());
    above.find_map(|mapping| {
        let all = ["env", "environment", "variables"].into_iter().filter_map(|key| tree.get(mapping, key));
        all.filter_map(|all| tree.get_str(all, name)).map(str::to_owned).next()
    })
}

/// Returns whether a text reads like YAML, and not like commands.
fn is_data(text: &str) -> bool {
    !text.contains("--set")
}

/// Returns whether KEDA keeps what the object around `spec` scales at none.
fn is_paused_at_zero(tree: &SyntaxTree<'_>, spec: NodeId) -> bool {
    let metadata = tree.nodes[spec].parent().and_then(|object| tree.get(object, "metadata"));
    let notes = metadata.and_then(|metadata| tree.get(metadata, "annotations"));
    notes.and_then(|notes| tree.get_str(notes, "autoscaling.keda.sh/paused-replicas")) == Some("0")
}

/// Returns what the commands of a text set for a chart: `--set a.b=c,d=e`.
fn set_by_commands(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let sets = text.match_indices("--set").filter_map(|(at, _)| {
        let rest = text[at + "--set".len()..].trim_start_matches("-string").trim_start_matches("-literal");
        rest.trim_start_matches(['=', ' ', '"', '\'']).split([' ', '\n', '"', '\'']).next()
    });
    sets.flat_map(|set| set.split(',')).filter_map(|set| set.split_once('='))
}

fn say(found: &mut Vec<SaidValue>, path: &str, literal: String, object: Option<&(String, String)>) {
    let key = path.rsplit('/').next().unwrap_or_default().to_owned();
    found.push(SaidValue { path: path.to_lowercase(), key, literal, object: object.cloned() });
}
