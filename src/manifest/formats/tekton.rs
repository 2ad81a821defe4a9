//! Tekton: the default of a parameter that steps take for their images.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::LazyLock;

use super::finder::Finder;
use super::pattern::Pattern;
use crate::manifest::site::{State, classify};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What has parameters and steps of its own.
static SPECS: LazyLock<[Option<Pattern>; 2]> =
    LazyLock::new(|| ["/spec", "/spec/**/taskSpec"].map(Pattern::parse));

/// How a parameter is used below what declares it.
#[derive(Default)]
struct Uses {
    /// As the whole image of a step, a sidecar or a step template.
    images: usize,
    others: usize,
}

/// Adds the defaults of parameters that are images wherever they are used, and nothing else (Tekton, "Specifying Parameters").
/// A run may set another value, so that what uses them stays a variable.
pub(super) fn find(finder: &mut Finder<'_, '_>, object: NodeId) {
    let tree = finder.tree;
    for spec in SPECS.iter().flatten().flat_map(|path| path.find(tree, object)) {
        let parameters = tree.get(spec, "params").map(|list| tree.items(list)).unwrap_or_default();
        let default = |parameter: &NodeId| {
            let default = tree.get(*parameter, "default").filter(|node| tree.string_of(*node).is_some())?;
            Some((tree.get_str(*parameter, "name")?, default))
        };
        let defaults: Vec<(&str, NodeId)> = parameters.iter().filter_map(default).collect();
        if defaults.is_empty() {
            continue;
        }
        let uses = uses(tree, spec);
        for (name, default) in defaults {
            let is_image = uses.get(name).is_some_and(|uses| uses.images > 0 && uses.others == 0);
            let (state, _) = classify(tree.written(default));
            if is_image && matches!(state, State::Floating | State::Pinned) {
                finder.add_image(default);
            }
        }
    }
}

/// Returns how the parameters are used in the texts below `spec`. A task inside a pipeline takes those of the pipeline
/// (Tekton, "Propagated Parameters"), but for those of its own.
fn uses<'t>(tree: &'t SyntaxTree<'_>, spec: NodeId) -> HashMap<&'t str, Uses> {
    let (mut found, mut open) = (HashMap::<&str, Uses>::new(), vec![(spec, Rc::new(HashSet::new()))]);
    while let Some((node, mut hidden)) = open.pop() {
        if node != spec && tree.key_of(node) == Some("taskSpec") {
            let own = tree.get(node, "params").map(|list| tree.items(list)).unwrap_or_default();
            let own = own.iter().filter_map(|parameter| tree.get_str(*parameter, "name"));
            hidden = Rc::new(hidden.iter().copied().chain(own).collect());
        }
        let entries = tree.entries(node).iter().map(|(_, value)| value);
        open.extend(tree.items(node).iter().chain(entries).map(|below| (*below, Rc::clone(&hidden))));
        let Some(text) = tree.text_of(node).filter(|text| text.contains("$(")) else { continue };
        for inner in text.split("$(").skip(1).filter_map(|rest| rest.split(')').next()) {
            let Some(name) = parameter(inner).filter(|name| !hidden.contains(*name)) else { continue };
            let uses = found.entry(name).or_default();
            let is_whole = tree.key_of(node) == Some("image") && text.len() == inner.len() + "$()".len();
            if is_whole {
                uses.images += 1;
            } else {
                uses.others += 1;
            }
        }
    }
    found
}

/// Returns the parameter that `params.NAME`, `params["NAME"]` or, before v1, `inputs.params.NAME` names.
fn parameter(inner: &str) -> Option<&str> {
    let rest = inner.trim().strip_prefix("inputs.").unwrap_or(inner.trim()).strip_prefix("params")?;
    let quoted = |mark: char| rest.strip_prefix('[')?.strip_prefix(mark)?.split(mark).next();
    // Of an array or an object, `NAME[*]` and `NAME.key` are parts.
    let plain = || rest.strip_prefix('.').map(|name| name.split(['[', '.']).next().unwrap_or(name));
    quoted('"').or_else(|| quoted('\'')).or_else(plain)
}
