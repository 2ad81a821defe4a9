//! What charts say of the charts that they depend on, and that lie in the tree.

use std::collections::BTreeSet;

use super::content;
use super::syntax::tree::{NodeId, SyntaxTree};
use super::syntax::yaml;
use crate::source::tree::path_from;

/// Returns the charts that a `Chart.yaml` in `directory` depends on and that lie in the tree: under which key they have their values, and
/// their directories.
pub(super) fn dependencies(text: &str, directory: &str) -> Vec<(String, String)> {
    let tree = yaml::parse(text);
    let dependency = |it: &NodeId| {
        let name = tree.get_str(*it, "name")?;
        let alias = tree.get_str(*it, "alias").filter(|alias| !alias.is_empty());
        let file = tree.get_str(*it, "repository").and_then(|it| it.strip_prefix("file://"));
        // Those inside of the chart are followed by its own name already.
        let path = match file {
            Some(file) => file.to_owned(),
            None => format!("charts/{}", alias.map(|_| name)?),
        };
        Some((alias.unwrap_or(name).to_owned(), path_from(directory, &path)?))
    };
    entries(&tree).iter().filter_map(dependency).collect()
}

fn entries(tree: &SyntaxTree<'_>) -> Vec<NodeId> {
    let root = tree.documents.first().and_then(|document| document.root);
    let all = root.and_then(|root| tree.get(root, "dependencies"));
    all.map(|all| tree.items(all).iter().map(|item| tree.resolve(*item)).collect()).unwrap_or_default()
}

fn joined(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Returns where a dependency lies that a chart in `directory` names.
fn place(tree: &SyntaxTree<'_>, entry: NodeId, directory: &str) -> Option<String> {
    match tree.get_str(entry, "repository").and_then(|it| it.strip_prefix("file://")) {
        Some(file) => path_from(directory, file),
        None => Some(joined(directory, &format!("charts/{}", tree.get_str(entry, "name")?))),
    }
}

/// Returns under which names the `charts` of a tree take one of them, each with the file that says so; `read` returns the text of
/// a file.
pub(super) fn uses_of(
    chart: &str,
    charts: &BTreeSet<String>,
    read: impl Fn(&str) -> Option<String>,
) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let own = chart.rsplit('/').next().unwrap_or(chart);
    for by in charts.iter().filter(|by| *by != chart) {
        let file = joined(by, "Chart.yaml");
        let Some(text) = read(&file).filter(|text| text.contains("alias") && text.contains(own)) else {
            continue;
        };
        let tree = yaml::parse(&text);
        let named =
            entries(&tree).into_iter().filter(|entry| place(&tree, *entry, by).as_deref() == Some(chart));
        let names: Vec<&str> = named
            .filter_map(|entry| {
                let alias = tree.get_str(entry, "alias").filter(|alias| !alias.is_empty());
                alias.or_else(|| tree.get_str(entry, "name"))
            })
            .collect();
        // Under its own name it is what it is.
        if names.as_slice() != [own] {
            found.extend(names.into_iter().map(|name| (file.clone(), format!("as {name}"))));
        }
    }
    found
}

/// Returns what a chart, or one that it lies in, takes into its values from those of its dependencies, each with the file that
/// says so; `read` returns the text of a file.
pub(super) fn imports(
    chart: &str,
    charts: &BTreeSet<String>,
    read: impl Fn(&str) -> Option<String>,
) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let above = chart.rmatch_indices('/').map(|(at, _)| &chart[..at]);
    let all: BTreeSet<&str> = std::iter::once(chart).chain(above).chain([""]).collect();
    for by in all.into_iter().filter(|by| charts.contains(*by)) {
        let file = joined(by, "Chart.yaml");
        let Some(text) = read(&file).filter(|text| text.contains("import-values")) else { continue };
        let tree = yaml::parse(&text);
        for entry in entries(&tree) {
            let Some(imported) = tree.get(entry, "import-values") else { continue };
            found.insert((file.clone(), content::of_node(&tree, imported)));
            let Some(values) = place(&tree, entry, by).map(|inner| joined(&inner, "values.yaml")) else {
                continue;
            };
            let text = read(&values).unwrap_or_default();
            let inner = yaml::parse(&text);
            let Some(root) = inner.documents.first().and_then(|document| document.root) else { continue };
            for item in tree.items(imported) {
                let child = match tree.string_of(*item) {
                    Some(key) => format!("exports.{key}"),
                    None => tree.get_str(*item, "child").unwrap_or_default().to_owned(),
                };
                let node = child.split('.').try_fold(root, |node, key| inner.get(node, key));
                found.extend(node.map(|node| (values.clone(), content::of_node(&inner, node))));
            }
        }
    }
    found
}
