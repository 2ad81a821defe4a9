//! Actions of charts' templates that may write an image which stands nowhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::chart_inputs::{ChartReader, chart_of, outermost};
use super::content;
use super::deploy::{ChartSources, Deployers};
use super::file_scan::FileScan;
use super::located::{Located, Scan};
use super::look_away::{LookAway, LookAwayReason, LookAwaySpot};
use super::source_range::SourceRange;
use super::syntax::lines::Positions;
use crate::source::tree::{Tree, TreeEntry, directory_of, path_to};

/// The most letters of an action that are shown.
const SHOWN_MAX: usize = 80;

/// Adds to `files` the actions of all charts' templates, where they are `wanted`, that may write an image; each with what decides
/// about that. The `entries` are all files of the tree, with their paths below the root.
pub(super) fn add<T: Tree>(
    tree: &T,
    entries: &[(TreeEntry, String)],
    deployers: &Deployers,
    wanted: &impl Fn(&str) -> bool,
    files: &mut Vec<FileScan>,
) {
    let mut reader = ChartReader::new(tree, entries, deployers);
    let paths: BTreeMap<&str, &str> =
        entries.iter().map(|(entry, root_path)| (root_path.as_str(), entry.path.as_str())).collect();
    let places: HashMap<&str, Vec<Range<usize>>> = files
        .iter()
        .map(|file| (file.root_path.as_str(), file.scan.sites.iter().map(spans).collect()))
        .collect();
    let mut found: BTreeMap<String, Vec<LookAway>> = BTreeMap::new();
    let families: BTreeSet<&str> = deployers.charts.iter().map(|chart| outermost(chart, deployers)).collect();
    for family in families {
        let texts = reader.templates(family);
        let sources = ChartSources::of(&texts);
        for (at, (path, text)) in texts.iter().enumerate().filter(|(_, (path, _))| wanted(path)) {
            let Some(chart) = chart_of(path, deployers).filter(|chart| outermost(chart, deployers) == family)
            else {
                continue;
            };
            let known = places.get(path.as_str()).map(Vec::as_slice).unwrap_or_default();
            let (mut all, mut lines) = (Vec::new(), Positions::new(text));
            for (place, remakes) in sources.unseen(at, known) {
                let mut slice = sources.slice(at, &place);
                // Definitions are looked through by themselves, and values are judged where they stand.
                slice.said.retain(|(file, _)| file.is_empty() || remakes);
                slice.chart.retain(|field| !matches!(field.as_str(), "Name" | "Version" | "AppVersion"));
                let is_asked = remakes || slice.any_file;
                slice.asks.retain(|(key, _)| is_asked && !key.is_empty());
                slice.asks_below.clear();
                let mut inputs: BTreeMap<String, String> = BTreeMap::new();
                for (file, text) in reader.said(chart, slice) {
                    let name = if file.is_empty() { file } else { path_to(directory_of(path), &file) };
                    inputs.entry(name).or_default().push_str(&text);
                }
                let action = &text[place.clone()];
                inputs.entry(String::new()).or_default().push_str(&content::of_bytes(action.as_bytes()));
                let words = action.split_whitespace().collect::<Vec<_>>().join(" ");
                let shown: String = words.chars().take(SHOWN_MAX).collect();
                let spot = spot(&mut lines, &place);
                all.push(LookAway { inputs, ..LookAway::at(LookAwayReason::ChartAction, shown, spot) });
            }
            found.insert(path.clone(), all);
        }
    }
    for (root_path, all) in found.into_iter().filter(|(_, all)| !all.is_empty()) {
        match files.iter_mut().find(|file| file.root_path == root_path) {
            Some(file) => file.scan.looks_away.extend(all),
            None => {
                let path = paths.get(root_path.as_str()).map_or(root_path.as_str(), |path| path).to_owned();
                let at = files.partition_point(|file| file.path < path);
                let scan = Scan::told(all);
                files.insert(at, FileScan { path, root_path, scan });
            }
        }
    }
}

fn spans(located: &Located) -> Range<usize> {
    let site = &located.site;
    site.span.start + located.offset..site.span.end + located.offset
}

fn spot(lines: &mut Positions<'_>, place: &Range<usize>) -> LookAwaySpot {
    let (line, column) = lines.position(place.start);
    let (end_line, end_column) = lines.position(place.end);
    let place = SourceRange { span: place.clone(), line, column, end_line, end_column };
    LookAwaySpot { document: 0, path: String::new(), place }
}
