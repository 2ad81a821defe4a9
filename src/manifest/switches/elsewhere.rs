//! Switches that are turned in another file: other values of a chart, a deployer's parameters, a patch, the settings of Compose.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::{Asks, of_template};
use super::statements::{SaidValue, Statements, statements_of};
use super::switch::{Switch, SwitchScope, is_no, is_off, may_switch, sense};
use crate::manifest::deploy::Deployers;
use crate::manifest::file_scan::FileScan;
use crate::manifest::formats::helm_values::has_name;
use crate::manifest::located::Scan;
use crate::manifest::scan::is_candidate;
use crate::manifest::syntax::yaml;
use crate::manifest::variables::env_file;
use crate::source::tree::{Tree, TreeEntry, directory_of};

/// Leaves of the switches in `files` those that nothing turns on elsewhere in the tree, and adds those that stand elsewhere:
/// conditions in templates of charts, and of charts in charts. The `entries` are all files of the tree, with their paths below the
/// root.
pub(in crate::manifest) fn settle<T: Tree>(
    tree: &T,
    entries: &[(TreeEntry, String)],
    deployers: &Deployers,
    files: &mut [FileScan],
) {
    for file in files.iter_mut() {
        let mut switches = std::mem::take(&mut file.scan.switches);
        switches.retain(|switch| keeps(&file.scan, switch));
        file.scan.switches = switches;
    }
    let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, root_path) in entries {
        paths.entry(directory_of(root_path)).or_default().push(root_path);
    }
    let mut others =
        Elsewhere { statements: Statements::new(tree, entries), deployers, paths, patched: None };
    for file in files.iter_mut() {
        let path = file.root_path.clone();
        file.scan.switches.retain(|switch| !others.turns_on(&path, switch));
        let more = others.of_charts(&path, &file.scan);
        file.scan.switches.extend(more);
    }
}

/// Returns whether there is something in a file that a switch is about.
fn keeps(scan: &Scan, switch: &Switch) -> bool {
    let has = |document, path: &str, start| switch.scope.has(document, path, start);
    scan.sites.iter().any(|it| has(it.site.document, &it.site.path, it.place().span.start))
        || scan.partials.iter().any(|it| has(it.document, &it.path, it.place.span.start))
        || scan.looks_away.iter().any(|it| {
            it.spot.as_ref().is_some_and(|spot| has(spot.document, &spot.path, spot.place.span.start))
        })
}

struct Elsewhere<'e, T> {
    statements: Statements<'e, T>,
    deployers: &'e Deployers,
    /// The files of each directory.
    paths: BTreeMap<&'e str, Vec<&'e str>>,
    /// What objects and their patches turn on, once that was asked.
    patched: Option<PatchedSwitches>,
}

/// The files that turn on a switch of an object of some kind and name, by its JSON pointer in lower case.
type PatchedSwitches = BTreeMap<String, BTreeSet<(String, (String, String))>>;

impl<T: Tree> Elsewhere<'_, T> {
    fn turns_on(&mut self, file: &str, switch: &Switch) -> bool {
        if switch.profiles().next().is_some() {
            return self.activates(file, switch);
        }
        let key = switch.path.rsplit('/').next().unwrap_or_default();
        let Some((sense, _)) = sense(key) else { return false };
        let path = switch.path.to_lowercase();
        let is_on = |said: &&SaidValue| said.literal != "…" && !is_off(sense, &said.literal);
        match &switch.object {
            Some((kind, name)) => self.patched().get(&path).is_some_and(|all| {
                all.iter().any(|(other, of)| {
                    let (of_kind, named) = of;
                    other != file
                        && (of_kind.is_empty() || of_kind == kind)
                        && (named.is_empty() || named == name)
                })
            }),
            None => self.related(file).iter().any(|other| {
                let all = self.statements.of(other);
                all.iter().any(|said| said.path.ends_with(&path) && is_on(&said))
            }),
        }
    }

    /// Returns what objects, and patches of them, turn on.
    fn patched(&mut self) -> &PatchedSwitches {
        if self.patched.is_none() {
            let all: Vec<&str> = self.paths.values().flatten().copied().collect();
            let mut found = PatchedSwitches::new();
            for path in all.into_iter().filter(|path| is_candidate(path)) {
                let Some(text) = self.statements.text(path).filter(|text| may_switch(text)) else { continue };
                for SaidValue { path: at, key, literal, object } in statements_of(&text) {
                    let is_on =
                        || sense(&key).is_some_and(|(sense, _)| literal != "…" && !is_off(sense, &literal));
                    if let Some(object) = object.filter(|_| is_on()) {
                        found.entry(at).or_default().insert((path.to_owned(), object));
                    }
                }
            }
            self.patched = Some(found);
        }
        self.patched.get_or_insert_default()
    }

    /// Returns whether a service runs though it has profiles: the `.env` of its project names one, or another service extends it
    /// that has none.
    fn activates(&self, file: &str, switch: &Switch) -> bool {
        if self.statements.text(file).is_some_and(|text| is_extended(&text, &switch.path)) {
            return true;
        }
        let above = file.match_indices('/').map(|(at, _)| &file[..at]);
        std::iter::once("").chain(above).any(|directory| {
            let path = if directory.is_empty() { ".env".to_owned() } else { format!("{directory}/.env") };
            let Some(text) = self.statements.text(&path) else { return false };
            let values: BTreeMap<String, String> = env_file::parse(&text);
            let named = values.get("COMPOSE_PROFILES").map(String::as_str).unwrap_or_default();
            named
                .split(',')
                .map(str::trim)
                .any(|named| named == "*" || switch.profiles().any(|profile| profile == named))
        })
    }

    /// Returns the files with other values for what the one at `file` has values for.
    fn related(&self, file: &str) -> BTreeSet<String> {
        let directory = directory_of(file);
        let in_directory = |directory: &str| {
            let all = self.paths.get(directory).map(Vec::as_slice).unwrap_or_default();
            all.iter().copied().filter(|path| is_candidate(path))
        };
        let mut found: BTreeSet<String> = in_directory(directory).map(str::to_owned).collect();
        if self.deployers.charts.contains(directory) && !directory.is_empty() {
            let prefix = format!("{directory}/");
            let below = self.paths.iter().filter(|(path, _)| path.starts_with(&prefix));
            let below =
                below.flat_map(|(_, paths)| paths).filter(|path| has_name(path) && is_candidate(path));
            found.extend(below.map(|path| (*path).to_owned()));
        }
        let above = directory.match_indices('/').map(|(at, _)| &directory[..at]).chain([""]);
        for chart in above.filter(|above| self.deployers.charts.contains(*above)) {
            found.extend(in_directory(chart).filter(|path| has_name(path)).map(str::to_owned));
        }
        for (by, names) in &self.deployers.names {
            if names.iter().any(|named| named.path == directory || named.path == file) {
                found.insert(by.clone());
                found.extend(names.iter().map(|named| named.path.clone()));
            }
        }
        for (by, files) in self.deployers.givers(directory) {
            found.insert(by.to_owned());
            found.extend(files.into_iter().map(str::to_owned));
        }
        found.remove(file);
        found
    }

    /// Returns the switches for a file of a chart that stand in its own conditions, and in those of the charts that it is in.
    fn of_charts(&mut self, file: &str, scan: &Scan) -> Vec<Switch> {
        if scan.sites.is_empty() && scan.partials.is_empty() && scan.looks_away.is_empty() {
            return Vec::new();
        }
        let above: Vec<&str> = file.match_indices('/').map(|(at, _)| &file[..at]).chain([""]).collect();
        let charts: Vec<&str> =
            above.into_iter().filter(|above| self.deployers.charts.contains(*above)).collect();
        let mut found = Vec::new();
        for chart in &charts {
            let below = file.strip_prefix(chart).unwrap_or(file).trim_start_matches('/');
            if let Some(name) = below.strip_prefix("charts/").and_then(|rest| rest.split('/').next()) {
                found.extend(self.of_dependency(chart, name));
            }
        }
        let chart = charts.iter().copied().max_by_key(|chart| chart.len());
        let is_template = |chart: &&str| {
            file.strip_prefix(chart).unwrap_or(file).trim_start_matches('/').starts_with("templates/")
        };
        if let Some(chart) = chart.filter(is_template)
            && let Some(text) = self.statements.text(file).filter(|text| text.contains("{{"))
        {
            for condition in of_template(&text) {
                let scope = SwitchScope::Within(condition.range);
                for value in condition.values {
                    let off = self.off(chart, &value, condition.asks);
                    found.extend(off.map(|condition| Switch {
                        scope: scope.clone(),
                        condition,
                        path: String::new(),
                        object: None,
                    }));
                }
            }
        }
        found.retain(|switch| keeps(scan, switch));
        found
    }

    /// Returns the condition of a chart's value that keeps something from running.
    fn off(&mut self, chart: &str, value: &str, asks: Asks) -> Option<String> {
        let own = if chart.is_empty() { "values.yaml".to_owned() } else { format!("{chart}/values.yaml") };
        let default = self.statements.of(&own).iter().rev().find(|said| said.path == value).cloned();
        let default = default.map(|said| said.literal).unwrap_or_default();
        let related = self.related(&own);
        let mut others = related.iter().flat_map(|other| {
            let all = self.statements.of(other);
            let said = all.iter().filter(|said| said.path.ends_with(value));
            said.map(|said| said.literal.clone()).collect::<Vec<_>>()
        });
        match asks {
            Asks::Yes => (is_no(&default) && others.all(|said| is_no(&said))).then(|| format!("if {value}")),
            Asks::No => {
                (!is_no(&default) && others.all(|said| !is_no(&said))).then(|| format!("unless {value}"))
            }
            Asks::What => {
                let all: BTreeSet<String> = others.chain([default.clone()]).collect();
                Some(format!("{value} is {}", all.into_iter().collect::<Vec<_>>().join(" or ")))
            }
        }
    }

    /// Returns the condition under which the chart `name` inside of another one is left out.
    fn of_dependency(&mut self, chart: &str, name: &str) -> Option<Switch> {
        let path = if chart.is_empty() { "Chart.yaml".to_owned() } else { format!("{chart}/Chart.yaml") };
        let text = self.statements.text(&path)?;
        let tree = yaml::parse(&text);
        let root = tree.documents.first()?.root?;
        let dependencies = tree.get(root, "dependencies")?;
        let is_it = |entry: &&usize| {
            let said = |key| tree.get_str(**entry, key) == Some(name);
            said("name") || said("alias")
        };
        let entry = tree.items(dependencies).iter().find(is_it)?;
        let condition = tree.get_str(*entry, "condition")?.to_owned();
        let values = condition.split(',').map(|value| format!("/{}", value.trim().replace('.', "/")));
        let own = if chart.is_empty() { "values.yaml".to_owned() } else { format!("{chart}/values.yaml") };
        let values: Vec<String> = values.map(|value| value.to_lowercase()).collect();
        // The first that is there counts; where none is, the chart is not left out.
        let said = self.statements.of(&own);
        let value = values.iter().find(|value| said.iter().any(|said| said.path == **value))?.clone();
        let condition = self.off(chart, &value, Asks::Yes)?;
        Some(Switch {
            scope: SwitchScope::Within(0..usize::MAX),
            condition,
            path: String::new(),
            object: None,
        })
    }
}

/// Returns whether a service without profiles extends the one with the switch at `path`, in the same file.
fn is_extended(text: &str, path: &str) -> bool {
    let tree = yaml::parse(text);
    let roots = tree.documents.iter().filter_map(|document| document.root);
    roots.filter_map(|root| tree.get(root, "services")).any(|services| {
        tree.entries(services).iter().any(|(_, service)| {
            let base = tree.get(*service, "extends").filter(|base| tree.get(*base, "file").is_none());
            let name = base.and_then(|base| tree.string_of(base).or_else(|| tree.get_str(base, "service")));
            let profiles = tree.get(*service, "profiles").map_or(0, |profiles| tree.items(profiles).len());
            let is_it = |name: &str| {
                path == format!("/services/{}/profiles", name.replace('~', "~0").replace('/', "~1"))
            };
            profiles == 0 && tree.get(*service, "image").is_none() && name.is_some_and(is_it)
        })
    })
}
