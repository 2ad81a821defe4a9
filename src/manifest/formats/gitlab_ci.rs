//! GitLab CI: the values of variables that jobs take for their images.

use std::collections::HashMap;

use super::fields::Fields;
use super::finder::Finder;
use super::image_keys::has_tag_or_digest;
use super::module_texts::nodes;
use super::unknown::{self, names_image};
use crate::manifest::site::{Skip, State, classify};
use crate::manifest::syntax::tree::NodeId;

/// Where a file gives values to variables; those of a matrix are in the names of jobs, too.
const VALUES: [&str; 4] = ["/variables/*", "/variables/*/value", "/*/variables/*", "/*/rules/[]/variables/*"];

/// The file that GitLab reads by itself.
const OWN_NAME: &str = ".gitlab-ci.yml";

/// Adds the values of variables that are images wherever the file at `path` uses them, and nothing else (GitLab, "CI/CD YAML syntax
/// reference", `image`). What another file may use, too, is only reported; a pipeline may be given other values, so that what uses them
/// stays a variable.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId, path: &str) {
    let tree = finder.tree;
    let mut values: Vec<(&str, NodeId)> = Vec::new();
    for value in VALUES.iter().flat_map(|path| nodes(tree, root, path)) {
        let name = match tree.key_of(value) {
            Some("value") => tree.nodes[value].parent().and_then(|variable| tree.key_of(variable)),
            name => name,
        };
        if let Some(name) = name.filter(|_| tree.text_of(value).is_some()) {
            values.push((name, value));
        }
    }
    split(finder, &values);
    let is_image = |value: NodeId| matches!(classify(tree.written(value)).0, State::Floating | State::Pinned);
    values.retain(|(_, value)| tree.string_of(*value).is_some() && is_image(*value));
    if values.is_empty() {
        return;
    }
    let mut images: HashMap<String, usize> = HashMap::new();
    for site in finder.sites.iter().filter(|site| site.state == State::Skipped(Skip::Variable)) {
        let inner = site.image.strip_prefix('$').unwrap_or_default();
        let name = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(inner);
        *images.entry(name.to_owned()).or_default() += 1;
    }
    let mut uses: HashMap<&str, usize> = values.iter().map(|(name, _)| (*name, 0)).collect();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        open.extend(tree.items(node));
        open.extend(tree.entries(node).iter().map(|(_, value)| *value));
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for word in tree.text_of(node).into_iter().flat_map(|text| text.split(|c| !is_word(c))) {
            uses.entry(word).and_modify(|uses| *uses += 1);
        }
    }
    let is_alone = path.rsplit('/').next() == Some(OWN_NAME) && tree.get(root, "include").is_none();
    for (name, value) in values {
        let used = uses.get(name).copied().unwrap_or_default();
        match images.get(name) {
            Some(count) if *count == used && is_alone => finder.add_scalar(value, ""),
            Some(_) => finder.add_unknown(value),
            None if used == 0 && names_image(finder, name) && has_tag_or_digest(tree, value) => {
                finder.add_unknown(value);
            }
            None => {}
        }
    }
}

/// Reports the images that are put together of two variables, a name and a tag, where each has one value here.
fn split(finder: &mut Finder<'_, '_>, values: &[(&str, NodeId)]) {
    let value = |name: &str| {
        let mut of_name = values.iter().filter(|(other, _)| *other == name).map(|(_, value)| *value);
        of_name.next().filter(|_| of_name.next().is_none())
    };
    let both: Vec<_> = finder
        .sites
        .iter()
        .filter(|site| site.state == State::Skipped(Skip::Variable))
        .filter_map(|site| site.image.split_once(':'))
        .filter_map(|(name, tag)| value(variable(name)?).zip(value(variable(tag)?)))
        .collect();
    for (repository, tag) in both {
        unknown::split(finder, Fields { repository: Some(repository), tag: Some(tag), ..Fields::default() });
    }
}

/// Returns the name of the variable that a text is as a whole.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(name);
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
}
