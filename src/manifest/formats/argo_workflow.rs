//! Argo Workflows: the values of parameters that templates take for their images.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::finder::Finder;
use super::parameters::Parameters;
use super::pattern::Pattern;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What has parameters and templates.
static SPECS: LazyLock<[Option<Pattern>; 2]> =
    LazyLock::new(|| ["/spec", "/spec/workflowSpec"].map(Pattern::parse));

/// What names the parameters of the whole workflow, and those of a template.
const PREFIXES: [&str; 2] = ["workflow.parameters.", "inputs.parameters."];

/// Adds the values of a workflow's parameters, and of those of its templates, that are images wherever they are used, and nothing else
/// (Argo Workflows, "Workflow Variables"). Who submits it may give another value, so that what uses them stays a template.
pub(super) fn find(finder: &mut Finder<'_, '_>, object: NodeId) {
    let tree = finder.tree;
    for spec in SPECS.iter().flatten().flat_map(|path| path.find(tree, object)) {
        let mut workflow = Workflow::of(tree, tree.resolve(spec));
        if !workflow.parameters.is_empty() {
            workflow.read();
            workflow.parameters.add_images(finder);
        }
    }
}

struct Workflow<'t, 'a> {
    tree: &'t SyntaxTree<'a>,
    spec: NodeId,
    templates: HashMap<&'t str, NodeId>,
    parameters: Parameters<'t>,
}

impl<'t, 'a> Workflow<'t, 'a> {
    fn of(tree: &'t SyntaxTree<'a>, spec: NodeId) -> Self {
        let list = tree.get(spec, "templates").map(|list| tree.items(list)).unwrap_or_default();
        let list = list.iter().map(|template| tree.resolve(*template));
        let templates = list.filter_map(|item| Some((tree.get_str(item, "name")?, item))).collect();
        let mut workflow = Self { tree, spec, templates, parameters: Parameters::default() };
        let templates: Vec<NodeId> = workflow.templates.values().copied().collect();
        let inputs = templates.into_iter().map(|template| (template, "inputs"));
        for (scope, key) in inputs.chain([(spec, "arguments")]) {
            for (name, item) in named(tree, scope, key) {
                let parameter = workflow.parameters.declare(scope, name);
                for value in ["value", "default"].iter().filter_map(|key| tree.get(item, key)) {
                    workflow.parameters.give(parameter, value);
                }
            }
        }
        workflow
    }

    /// Adds how parameters are used in the texts of the workflow.
    fn read(&mut self) {
        let tree = self.tree;
        // The template that it begins with gets its parameters.
        let first = tree.get_str(self.spec, "entrypoint").and_then(|name| self.templates.get(name)).copied();
        for (name, _) in first.iter().flat_map(|_| named(tree, self.spec, "arguments")) {
            let to = first.and_then(|first| self.parameters.of(first, name));
            if let (Some(from), Some(to)) = (self.parameters.of(self.spec, name), to) {
                self.parameters.hand_on(from, to);
            }
        }
        let (mut open, mut handed) = (vec![(self.spec, self.spec)], HashSet::new());
        while let Some((node, mut template)) = open.pop() {
            let name = tree.get_str(node, "name").unwrap_or_default();
            if self.templates.get(name) == Some(&node) {
                template = node;
            }
            let called = tree.get_str(node, "template").and_then(|name| self.templates.get(name)).copied();
            for (name, item) in called.iter().flat_map(|_| named(tree, node, "arguments")) {
                let to = called.and_then(|called| self.parameters.of(called, name));
                let (Some(to), Some(value)) = (to, tree.get(item, "value")) else { continue };
                match tree.text_of(value).and_then(|text| self.whole(text, template)) {
                    Some(from) => {
                        self.parameters.hand_on(from, to);
                        handed.insert(value);
                    }
                    None => self.parameters.give(to, value),
                }
            }
            let entries = tree.entries(node).iter().map(|(_, value)| value);
            open.extend(tree.items(node).iter().chain(entries).map(|below| (*below, template)));
            let Some(text) = tree.text_of(node).filter(|text| text.contains("{{") && !handed.contains(&node))
            else {
                continue;
            };
            match self.whole(text, template).filter(|_| tree.key_of(node) == Some("image")) {
                Some(parameter) => self.parameters.is_image(parameter),
                None => self.others(text, template),
            }
        }
    }

    /// Says that what a text in `template` fills in is something else than an image.
    fn others(&mut self, text: &str, template: NodeId) {
        for inner in text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
            match self.named_by(inner, template) {
                Some(parameter) => self.parameters.is_other(parameter),
                None if names_all(inner) => self.parameters.all_are_others(),
                // An expression.
                None if inner.contains("parameters") => {
                    let words = inner.split(|c: char| !is_in_word(c) && c != '-');
                    words
                        .chain(inner.split(|c| !is_in_word(c)))
                        .for_each(|word| self.parameters.are_others(word));
                }
                None => {}
            }
        }
    }

    /// Returns the parameter that a text in `template` is as a whole.
    fn whole(&self, text: &str, template: NodeId) -> Option<usize> {
        let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
        self.named_by(inner, template)
    }

    fn named_by(&self, inner: &str, template: NodeId) -> Option<usize> {
        let scopes = [self.spec, template].into_iter().zip(PREFIXES);
        scopes
            .into_iter()
            .find_map(|(scope, prefix)| self.parameters.of(scope, inner.trim().strip_prefix(prefix)?))
    }
}

fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns whether an expression has all parameters at once.
fn names_all(inner: &str) -> bool {
    let behind = inner.split("parameters").skip(1).map(str::trim_start);
    inner.trim() == "workflow.parameters.json" || behind.into_iter().any(|rest| !rest.starts_with(['.', '[']))
}

/// Returns the items of the list of parameters below `key` of a mapping, by their names.
fn named<'t>(
    tree: &'t SyntaxTree<'_>,
    holder: NodeId,
    key: &str,
) -> impl Iterator<Item = (&'t str, NodeId)> + use<'t> {
    let list = tree.get(holder, key).and_then(|arguments| tree.get(arguments, "parameters"));
    let items = list.map(|list| tree.items(list)).unwrap_or_default();
    items.iter().filter_map(|item| Some((tree.get_str(*item, "name")?, *item)))
}
