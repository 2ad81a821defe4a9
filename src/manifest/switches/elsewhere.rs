//! Switches that are turned in another file: other values of a chart, a deployer's parameters, a patch, the settings of Compose.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::{ABOUT_RELEASE, Asks, WRITTEN, of_template};
use super::ignore_files::IgnoreFiles;
use super::related::RelatedValues;
use super::release::said_of_release;
use super::statements::{SaidValue, Statements, statements_of};
use super::switch::{Switch, SwitchScope, is_no, is_off, may_switch, sense};
use crate::manifest::deploy::Deployers;
use crate::manifest::file_scan::FileScan;
use crate::manifest::formats::compose::DEFAULT_FILES;
use crate::manifest::located::Scan;
use crate::manifest::scan::is_candidate;
use crate::manifest::syntax::yaml;
use crate::manifest::variables::env_file;
use crate::source::tree::{Tree, TreeEntry};

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
    let related = RelatedValues::of(entries, deployers);
    let statements = Statements::new(tree, entries);
    let ignores = IgnoreFiles::of(related.paths.values().flatten().copied(), |path| statements.text(path));
    let mut others = Elsewhere { statements, deployers, related, patched: None };
    for file in files.iter_mut() {
        let path = file.root_path.clone();
        file.scan.switches.retain(|switch| !others.turns_on(&path, switch));
        let more = others.of_charts(&path, &file.scan);
        file.scan.switches.extend(more);
        let names = ignores.of_path(&path).into_iter().map(|ignore| format!("{ignore} leaves it out"));
        let names = names.chain(others.comes_before(&path).map(|other| format!("{other} comes before it")));
        let all = names.map(|condition| Switch {
            scope: SwitchScope::Within(0..usize::MAX),
            condition,
            path: String::new(),
            object: None,
        });
        let all: Vec<Switch> = all.filter(|switch| keeps(&file.scan, switch)).collect();
        file.scan.switches.extend(all);
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
    related: RelatedValues<'e>,
    /// What objects and their patches turn on, once that was asked.
    patched: Option<PatchedSwitches>,
}

/// The files that turn on a switch of an object of some kind and name, by its JSON pointer in lower case.
type PatchedSwitches = BTreeMap<String, BTreeSet<(String, (String, String))>>;

impl<T: Tree> Elsewhere<'_, T> {
    /// Returns the file that Compose takes instead of the one at `path`.
    fn comes_before(&self, path: &str) -> Option<&'static str> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let at = DEFAULT_FILES.iter().position(|known| *known == name)?;
        let beside = self.related.paths.get(directory)?;
        let is_there = |name: &str| beside.iter().any(|path| path.rsplit('/').next().unwrap_or(path) == name);
        DEFAULT_FILES[..at].iter().copied().find(|name| is_there(name))
    }

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
            None => self.related.beside(file).iter().any(|other| {
                let all = self.statements.of(other);
                all.iter().any(|said| said.path.ends_with(&path) && is_on(&said))
            }),
        }
    }

    /// Returns what objects, and patches of them, turn on.
    fn patched(&mut self) -> &PatchedSwitches {
        if self.patched.is_none() {
            let all: Vec<&str> = self.related.paths.values().flatten().copied().collect();
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
            found.extend(self.of_library(chart));
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
        if let Some(condition) = value.strip_prefix(WRITTEN) {
            return Some(format!("if {condition}"));
        }
        if let Some(asked) = value.strip_prefix(ABOUT_RELEASE) {
            let said = said_of_release(&mut self.statements, self.deployers, chart);
            let said: BTreeSet<String> = said.into_iter().map(|(_, said)| said).collect();
            return Some(format!("{asked} by {}", said.into_iter().collect::<Vec<_>>().join(" ")));
        }
        let own = if chart.is_empty() { "values.yaml".to_owned() } else { format!("{chart}/values.yaml") };
        let default = self.statements.of(&own).iter().rev().find(|said| said.path == value).cloned();
        let default = default.map(|said| said.literal).unwrap_or_default();
        let related = self.related.beside(&own);
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
        let own = if chart.is_empty() { "values.yaml".to_owned() } else { format!("{chart}/values.yaml") };
        let mut off = Vec::new();
        // One that is taken twice comes out where one of them does.
        for entry in tree.items(dependencies).iter().filter(is_it) {
            let condition = tree.get_str(*entry, "condition").unwrap_or_default().to_owned();
            let values = condition.split(',').filter(|value| !value.trim().is_empty());
            let values = values.map(|value| format!("/{}", value.trim().replace('.', "/")).to_lowercase());
            let values: Vec<String> = values.collect();
            // The first that is there counts; where none is, the chart is not left out.
            let said = self.statements.of(&own);
            let value = values.into_iter().find(|value| said.iter().any(|said| said.path == *value));
            off.push(match value {
                Some(value) => self.off(chart, &value, Asks::Yes)?,
                None => {
                    let tags = tree.get(*entry, "tags").map(|tags| tree.items(tags)).unwrap_or_default();
                    let tags: Vec<String> =
                        tags.iter().filter_map(|tag| tree.string_of(*tag).map(str::to_lowercase)).collect();
                    self.tags_off(&own, &tags)?
                }
            });
        }
        let condition = off.first()?.clone();
        Some(Switch {
            scope: SwitchScope::Within(0..usize::MAX),
            condition,
            path: String::new(),
            object: None,
        })
    }

    /// Returns the condition under which the values of a chart leave out what has these tags: none of them is on, and one is off.
    fn tags_off(&mut self, own: &str, tags: &[String]) -> Option<String> {
        let mut files = self.related.beside(own);
        files.insert(own.to_owned());
        let mut said = Vec::new();
        for tag in tags {
            let end = format!("/tags/{tag}");
            for file in &files {
                let all = self.statements.of(file);
                said.extend(
                    all.iter().filter(|said| said.path.ends_with(&end)).map(|said| said.literal.clone()),
                );
            }
        }
        let is_off = !said.is_empty() && said.iter().all(|said| is_no(said));
        is_off.then(|| format!("tags {}", tags.join(",")))
    }

    /// Returns the condition under which nothing of a chart comes out by itself: it is a library.
    fn of_library(&self, chart: &str) -> Option<Switch> {
        let path = if chart.is_empty() { "Chart.yaml".to_owned() } else { format!("{chart}/Chart.yaml") };
        let text = self.statements.text(&path)?;
        let tree = yaml::parse(&text);
        let root = tree.documents.first()?.root?;
        (tree.get_str(root, "type") == Some("library")).then(|| Switch {
            scope: SwitchScope::Within(0..usize::MAX),
            condition: "type: library".to_owned(),
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
