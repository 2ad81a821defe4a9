//! What else of a chart decides what its images become: the version of the application, files that templates take.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use super::content;
use super::deploy::Deployers;
use super::file_scan::FileScan;
use super::inputs;
use super::scan::SIZE_MAX;
use super::site::{Skip, State};
use super::syntax::yaml;
use crate::source::tree::{EntryKind, Tree, TreeEntry, directory_of, path_from, path_to};

/// Puts beside every image of `files` that a chart's templates complete what they take for that which no values say. The
/// `entries` are all files of the tree, with their paths below the root.
pub(super) fn add<T: Tree>(
    tree: &T,
    entries: &[(TreeEntry, String)],
    deployers: &Deployers,
    files: &mut [FileScan],
) {
    let is_open = |state| matches!(state, State::Skipped(Skip::Template | Skip::TagElsewhere));
    let paths: BTreeMap<&str, &TreeEntry> = entries
        .iter()
        .filter(|(entry, _)| entry.kind == EntryKind::File)
        .map(|(entry, path)| (path.as_str(), entry))
        .collect();
    let read = |path: &str| {
        let bytes = tree.read(&paths.get(path)?.path, SIZE_MAX).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut known: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for file in files.iter_mut() {
        if !file.scan.sites.iter().any(|located| is_open(located.site.state)) {
            continue;
        }
        let Some(chart) = chart_of(&file.root_path, deployers) else { continue };
        let said = known.entry(chart.to_owned()).or_insert_with(|| taken(chart, &paths, &read));
        let directory = directory_of(&file.root_path);
        let said: BTreeSet<(String, String)> =
            said.iter().map(|(path, text)| (path_to(directory, path), text.clone())).collect();
        if said.is_empty() {
            continue;
        }
        for located in file.scan.sites.iter_mut().filter(|located| is_open(located.site.state)) {
            inputs::add(&mut located.deployed.get_or_insert_default().inputs, said.clone());
        }
    }
}

/// Returns the nearest chart around a file.
fn chart_of<'p>(path: &'p str, deployers: &Deployers) -> Option<&'p str> {
    let above = path.rmatch_indices('/').map(|(at, _)| &path[..at]).chain([""]);
    above.into_iter().find(|directory| deployers.charts.contains(*directory))
}

/// Returns what the templates of a chart take that no values say, each with its file.
fn taken(
    chart: &str,
    paths: &BTreeMap<&str, &TreeEntry>,
    read: &impl Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let joined = |name: &str| if chart.is_empty() { name.to_owned() } else { format!("{chart}/{name}") };
    let prefix = joined("templates/");
    let templates = paths
        .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
        .take_while(|(path, _)| path.starts_with(&prefix));
    let mut found = BTreeMap::new();
    for text in templates.filter_map(|(path, _)| read(path)) {
        if text.contains(".AppVersion") || text.contains("appVersion") {
            let own = joined("Chart.yaml");
            let text = read(&own).unwrap_or_default();
            let parsed = yaml::parse(&text);
            let root = parsed.documents.first().and_then(|document| document.root);
            let version = root.and_then(|root| parsed.get_str(root, "appVersion")).unwrap_or_default();
            found.insert(own, format!("appVersion={version}"));
        }
        for name in text.split(".Files.").skip(1).filter_map(|rest| rest.split('"').nth(1)) {
            if let Some(path) = path_from(chart, name).filter(|path| paths.contains_key(path.as_str())) {
                let text = read(&path).unwrap_or_default();
                found.insert(path, content::of_bytes(text.as_bytes()));
            }
        }
    }
    found.into_iter().collect()
}
