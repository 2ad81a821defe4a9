//! Tekton: the values of parameters that steps take for their images.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::LazyLock;

use super::finder::Finder;
use super::parameters::Parameters;
use super::pattern::Pattern;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What has parameters and steps, or tasks, of its own.
static SPECS: LazyLock<[Option<Pattern>; 3]> =
    LazyLock::new(|| ["/spec", "/spec/**/taskSpec", "/spec/**/pipelineSpec"].map(Pattern::parse));

/// Under these keys stands what is run with the parameters beside it.
const INNER_SPECS: [&str; 2] = ["taskSpec", "pipelineSpec"];

/// Adds the defaults of parameters that are images wherever they are used, and nothing else (Tekton, "Specifying Parameters"), and what
/// tasks and runs give to those whose specification stands beside it. A run may set another value, so that what uses them stays a
/// variable.
pub(super) fn find(finder: &mut Finder<'_, '_>, object: NodeId) {
    let tree = finder.tree;
    let specs: Vec<NodeId> = SPECS.iter().flatten().flat_map(|path| path.find(tree, object)).collect();
    let mut parameters = Parameters::default();
    for spec in &specs {
        for (name, declared) in named(tree, *spec) {
            let parameter = parameters.declare(*spec, name);
            if let Some(default) = tree.get(declared, "default") {
                parameters.give(parameter, default);
            }
        }
    }
    if parameters.is_empty() {
        return;
    }
    for spec in specs {
        // Its own are not those of what it stands in.
        if tree.key_of(spec).is_none_or(|key| !INNER_SPECS.contains(&key)) {
            uses(tree, spec, &mut parameters);
        }
    }
    parameters.add_images(finder);
}

/// Returns the items of the list of parameters of a mapping, by their names.
fn named<'t>(tree: &'t SyntaxTree<'_>, holder: NodeId) -> impl Iterator<Item = (&'t str, NodeId)> {
    let items = tree.get(holder, "params").map(|list| tree.items(list)).unwrap_or_default();
    items.iter().filter_map(|item| Some((tree.get_str(*item, "name")?, *item)))
}

/// Adds how parameters are used in the texts below `spec`. A task inside a pipeline takes those of the pipeline (Tekton,
/// "Propagated Parameters"), but for those of its own.
fn uses<'t>(tree: &'t SyntaxTree<'_>, spec: NodeId, parameters: &mut Parameters<'t>) {
    let (mut open, mut handed) = (vec![(spec, Rc::new(vec![spec]))], HashSet::new());
    while let Some((node, mut scopes)) = open.pop() {
        if node != spec && tree.key_of(node).is_some_and(|key| INNER_SPECS.contains(&key)) {
            scopes = Rc::new([&[node], scopes.as_slice()].concat());
        }
        let find = |inner: &str, parameters: &Parameters<'_>| {
            let name = parameter(inner)?;
            scopes.iter().find_map(|scope| parameters.of(*scope, name))
        };
        if let Some(inner) = INNER_SPECS.iter().find_map(|key| tree.get(node, key)) {
            for (name, item) in named(tree, node) {
                let (Some(to), Some(value)) = (parameters.of(inner, name), tree.get(item, "value")) else {
                    continue;
                };
                let whole = tree.text_of(value).and_then(|text| text.strip_prefix("$(")?.strip_suffix(')'));
                match whole.and_then(|inner| find(inner, parameters)) {
                    Some(from) => {
                        parameters.hand_on(from, to);
                        handed.insert(value);
                    }
                    None => parameters.give(to, value),
                }
            }
        }
        let entries = tree.entries(node).iter().map(|(_, value)| value);
        open.extend(tree.items(node).iter().chain(entries).map(|below| (*below, Rc::clone(&scopes))));
        let Some(text) = tree.text_of(node).filter(|text| text.contains("$(") && !handed.contains(&node))
        else {
            continue;
        };
        for inner in text.split("$(").skip(1).filter_map(|rest| rest.split(')').next()) {
            let Some(used) = find(inner, parameters) else { continue };
            if tree.key_of(node) == Some("image") && text.len() == inner.len() + "$()".len() {
                parameters.is_image(used);
            } else {
                parameters.is_other(used);
            }
        }
    }
}
/// Returns the parameter that `params.NAME`, `params["NAME"]` or, before v1, `inputs.params.NAME` names.
fn parameter(inner: &str) -> Option<&str> {
    let rest = inner.trim().strip_prefix("inputs.").unwrap_or(inner.trim()).strip_prefix("params")?;
    let quoted = |mark: char| rest.strip_prefix('[')?.strip_prefix(mark)?.split(mark).next();
    // Of an array or an object, `NAME[*]` and `NAME.key` are parts.
    let plain = || rest.strip_prefix('.').map(|name| name.split(['[', '.']).next().unwrap_or(name));
    quoted('"').or_else(|| quoted('\'')).or_else(plain)
}
