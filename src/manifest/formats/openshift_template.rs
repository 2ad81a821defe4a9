//! OpenShift templates: the value of a parameter that objects take for their images.

use std::collections::HashMap;

use super::finder::Finder;
use crate::manifest::site::{Skip, State, classify};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// The groups of templates: the core's is that of before OpenShift had API groups.
const GROUPS: [&str; 2] = ["template.openshift.io", ""];

/// Returns whether an object is a template.
pub(super) fn is_one(group: &str, kind: &str) -> bool {
    kind == "Template" && GROUPS.contains(&group)
}

/// Adds the values of parameters that are whole images wherever the template uses them, and nothing else (OpenShift, "Using
/// templates"); `known` is how many sites there were before the template's. Who processes it may give another value, so that
/// what uses them stays a variable.
pub(super) fn find(finder: &mut Finder<'_, '_>, template: NodeId, known: usize) {
    let tree = finder.tree;
    let parameters = tree.get(template, "parameters").map(|list| tree.items(list)).unwrap_or_default();
    let value = |parameter: &NodeId| {
        let value = tree.get(*parameter, "value").filter(|node| tree.string_of(*node).is_some())?;
        Some((tree.get_str(*parameter, "name")?, tree.resolve(value)))
    };
    let values: Vec<(&str, NodeId)> = parameters.iter().filter_map(value).collect();
    if values.is_empty() {
        return;
    }
    let uses = uses(tree, template);
    let mut images: HashMap<String, usize> = HashMap::new();
    for site in finder.sites[known..].iter().filter(|site| site.fields.is_empty()) {
        let whole = tree.written(site.main).strip_prefix("${").and_then(|text| text.strip_suffix('}'));
        if let Some(name) = whole.filter(|_| site.state == State::Skipped(Skip::Variable)) {
            *images.entry(name.to_owned()).or_default() += 1;
        }
    }
    for (name, value) in values {
        let count = images.get(name).copied().unwrap_or_default();
        let is_image = count > 0 && uses.get(name) == Some(&count);
        if is_image && matches!(classify(tree.written(value)).0, State::Floating | State::Pinned) {
            finder.add_image(value);
        }
    }
}

/// Returns how often texts below a template have each parameter.
fn uses<'t>(tree: &'t SyntaxTree<'_>, template: NodeId) -> HashMap<&'t str, usize> {
    let (mut found, mut open) = (HashMap::new(), vec![template]);
    while let Some(node) = open.pop() {
        open.extend(tree.items(node));
        open.extend(tree.entries(node).iter().flat_map(|(key, value)| [*key, *value]));
        for rest in tree.text_of(node).into_iter().flat_map(|text| text.split("${").skip(1)) {
            // `${{NAME}}` is the same, read as JSON.
            let name = rest.trim_start_matches('{').split('}').next().unwrap_or_default();
            *found.entry(name).or_insert(0) += 1;
        }
    }
    found
}
