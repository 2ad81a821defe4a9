//! Which files deployers take objects from, and which ones they take since a change.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use crate::manifest::file_scan::FileScan;
use crate::manifest::formats::{DeployedPath, GivenValues, is_named};
use crate::source::tree::directory_of;

/// What the deployers of a tree name.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Deployers {
    /// The files and directories that a file has a deployer take objects from, by its path below the root.
    pub(in crate::manifest) names: BTreeMap<String, Vec<DeployedPath>>,
    /// The charts that a file gives values to, by its path.
    #[serde(skip)]
    pub(in crate::manifest) gives: BTreeMap<String, Vec<GivenValues>>,
    /// The components: nothing comes out of one that nobody names.
    pub(in crate::manifest) components: BTreeSet<String>,
    /// The directories of charts.
    pub(in crate::manifest) charts: BTreeSet<String>,
}

impl Deployers {
    /// Returns what the `files` of a tree name that has files at `paths`.
    pub(in crate::manifest) fn of<'p>(files: &[FileScan], paths: impl Iterator<Item = &'p str>) -> Self {
        let mut found = Self::default();
        for FileScan { root_path, scan, .. } in files {
            let is_one = scan.kustomize.overlays.iter().any(|overlay| overlay.is_named);
            if is_one || !scan.kustomize.names.is_empty() {
                let names = found.names.entry(root_path.clone()).or_default();
                names.extend(scan.kustomize.names.iter().cloned());
            }
            if !scan.kustomize.gives.is_empty() {
                let gives = found.gives.entry(root_path.clone()).or_default();
                gives.extend(scan.kustomize.gives.iter().cloned());
            }
            if scan.kustomize.is_component {
                found.components.insert(root_path.clone());
            }
        }
        let paths: Vec<&str> = paths.collect();
        for names in found.names.values_mut() {
            let more: Vec<DeployedPath> = names.iter().flat_map(|named| matched(named, &paths)).collect();
            names.extend(more);
        }
        let charts = paths.iter().filter(|path| **path == "Chart.yaml" || path.ends_with("/Chart.yaml"));
        found.charts = charts.map(|path| directory_of(path).to_owned()).collect();
        found
    }

    /// Returns who gives values to the chart in a directory, each with the files that it takes for that.
    pub(in crate::manifest) fn givers(&self, chart: &str) -> Vec<(&str, Vec<&str>)> {
        let named = self.names.iter().filter(|(_, names)| names.iter().any(|named| named.path == chart));
        let named = named.map(|(by, names)| {
            (by.as_str(), names.iter().map(|named| named.path.as_str()).collect::<Vec<_>>())
        });
        let given = self.gives.iter().flat_map(|(by, gives)| gives.iter().map(move |given| (by, given)));
        let given = given.filter(|(_, given)| given.chart == chart);
        let given = given
            .map(|(by, given)| (by.as_str(), given.files.iter().map(String::as_str).collect::<Vec<_>>()));
        named.chain(given).collect()
    }

    /// Adds the files that a `.env` has Compose take, by its path.
    pub(in crate::manifest) fn add_projects(&mut self, projects: Vec<(String, Vec<String>)>) {
        for (by, files) in projects {
            let named = files.into_iter().map(|path| DeployedPath { path, ..DeployedPath::default() });
            self.names.entry(by).or_default().extend(named);
        }
    }
}

/// Why a file is deployed since a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewlyDeployed {
    /// The file of the deployer, below the root: a kustomization, a `Chart.yaml`, a manifest with an object.
    pub by: String,
    /// What that names now: the file itself, or something that leads to it.
    pub what: String,
    /// Every file that names something since the change that leads to it.
    pub all: BTreeSet<String>,
}

/// Who names what, and under which condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Naming {
    what: String,
    by: String,
    condition: String,
    /// Whether somebody has to say so first.
    is_by_hand: bool,
}

struct Reach<'i> {
    deployers: &'i Deployers,
    files: BTreeSet<&'i str>,
    namings: BTreeSet<Naming>,
}

/// Returns the files of `head` that were in `base`, with the name that `old_name` returns, and that a deployer takes objects
/// from since then; both are files with what deployers name.
pub fn newly_deployed(
    head: (&[FileScan], &Deployers),
    base: (&[FileScan], &Deployers),
    old_name: impl Fn(&str) -> String,
) -> BTreeMap<String, NewlyDeployed> {
    let (now, then) = (Reach::of(head), Reach::of(base));
    let before: BTreeSet<Naming> = now
        .namings
        .iter()
        .map(|naming| Naming { what: old_name(&naming.what), by: old_name(&naming.by), ..naming.clone() })
        .collect();
    // What nobody named was deployed by somebody, perhaps. What somebody names since then was not.
    let named_now: HashSet<&str> = before.iter().map(|naming| naming.what.as_str()).collect();
    let named_then: HashSet<&str> = then.namings.iter().map(|naming| naming.what.as_str()).collect();
    let is_root = |path: &&str| !named_now.contains(path) || named_then.contains(path);
    let conditions: HashSet<(&str, &str)> =
        before.iter().map(|naming| (naming.what.as_str(), naming.condition.as_str())).collect();
    let holds = |naming: &&Naming| {
        naming.condition.is_empty() || conditions.contains(&(naming.what.as_str(), naming.condition.as_str()))
    };
    let (ways_then, ways_now) = (
        Ways::of(then.namings.iter().filter(|naming| !naming.is_by_hand).filter(holds)),
        Ways::of(now.namings.iter()),
    );
    let deployed_then = ways_then.from(then.roots().filter(is_root));
    let deployed_now = ways_now.from(now.roots());
    let is_new = |naming: &Naming| {
        let naming = Naming { what: old_name(&naming.what), by: old_name(&naming.by), ..naming.clone() };
        !then.namings.contains(&naming)
    };
    // What one of several deployers takes since the change, others may have taken before: it is new there.
    let mut gained: HashSet<&str> = HashSet::new();
    let mut taken: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for naming in now.namings.iter().filter(|naming| is_new(naming)) {
        if let Some(by) = then.files.get(old_name(&naming.by).as_str()) {
            taken.entry(by).or_default().push(&naming.what);
        }
    }
    for (by, whats) in taken {
        let had = ways_then.from(std::iter::once(by));
        let has = ways_now.from(whats.into_iter());
        gained.extend(has.into_iter().filter(|path| !had.contains(old_name(path).as_str())));
    }
    let mut found = BTreeMap::new();
    for path in deployed_now {
        let old = old_name(path);
        let was_deployed = deployed_then.contains(old.as_str()) && !gained.contains(path);
        if !then.files.contains(old.as_str()) || was_deployed {
            continue;
        }
        let above = now.above(path);
        let mut namings = above.into_iter().filter(|naming| is_new(naming)).peekable();
        if let Some(Naming { what, by, .. }) = namings.peek().copied() {
            let all = namings.map(|naming| naming.by.clone()).collect();
            found.insert(path.to_owned(), NewlyDeployed { by: by.clone(), what: what.clone(), all });
        }
    }
    found
}

impl<'i> Reach<'i> {
    fn of((files, deployers): (&'i [FileScan], &'i Deployers)) -> Self {
        let own = deployers.names.keys().map(String::as_str);
        let files = files.iter().map(|file| file.root_path.as_str()).chain(own).collect();
        let mut reach = Self { deployers, files, namings: BTreeSet::new() };
        let mut namings = BTreeSet::new();
        for (by, names) in &deployers.names {
            for DeployedPath { path, condition, except, directory, is_by_hand } in names {
                let is_taken = |what: &str| {
                    let below = what.strip_prefix(path.as_str()).unwrap_or(what).trim_start_matches('/');
                    directory.as_ref().is_none_or(|it| is_named(what) || what == path || it.takes(below))
                };
                let is_left_out =
                    |what: &String| !is_taken(what) || except.iter().any(|except| is_in(what, except));
                let all = reach.at(path).into_iter().filter(|what| what != by && !is_left_out(what));
                let naming = |what| Naming {
                    what,
                    by: by.clone(),
                    condition: condition.clone(),
                    is_by_hand: *is_by_hand,
                };
                namings.extend(all.map(naming));
            }
        }
        for chart in &deployers.charts {
            let by = joined(chart, "Chart.yaml");
            for what in reach.of_chart(chart) {
                namings.insert(Naming { what, by: by.clone(), condition: String::new(), is_by_hand: false });
            }
        }
        reach.namings = namings;
        reach
    }

    /// Returns the files by which something is deployed that nobody has to name.
    fn roots(&self) -> impl Iterator<Item = &str> {
        let own = self.deployers.names.keys().map(String::as_str);
        let charts = self.namings.iter().map(|naming| naming.by.as_str());
        own.chain(charts).filter(|path| !self.deployers.components.contains(*path))
    }

    /// Returns the files that a path leads to: itself, what builds the directory, or what lies in it.
    fn at(&self, path: &str) -> Vec<String> {
        if self.files.contains(path) {
            return vec![path.to_owned()];
        }
        if let Some(built) = self.built_by(path) {
            return vec![built];
        }
        let mut found = BTreeSet::new();
        for file in self.below(path) {
            let above = file.match_indices('/').map(|(at, _)| &file[..at]);
            let mut above = above.filter(|above| above.len() > path.len());
            found.insert(
                above.find_map(|directory| self.built_by(directory)).unwrap_or_else(|| file.to_owned()),
            );
        }
        found.into_iter().collect()
    }

    /// Returns the kustomization or the chart in a directory.
    fn built_by(&self, directory: &str) -> Option<String> {
        let names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
        let kustomization = names.map(|name| joined(directory, name)).into_iter();
        let kustomization =
            kustomization.filter(|path| is_named(path)).find(|path| self.files.contains(path.as_str()));
        let chart = || self.deployers.charts.contains(directory).then(|| joined(directory, "Chart.yaml"));
        kustomization.or_else(chart)
    }

    fn below<'s>(&'s self, directory: &str) -> impl Iterator<Item = &'i str> + use<'s, 'i> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let below = self.files.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        below.copied().take_while(move |path| path.starts_with(&prefix))
    }

    /// Returns the files that Helm renders or reads of a chart. What starts with `_` is for other templates.
    fn of_chart(&self, chart: &str) -> Vec<String> {
        let is_read = |file: &&str| {
            let below = file.strip_prefix(chart).unwrap_or(file).trim_start_matches('/');
            let name = below.rsplit('/').next().unwrap_or(below);
            (below.starts_with("templates/") && !name.starts_with('_'))
                || below.starts_with("crds/")
                || below == "values.yaml"
        };
        let inner = format!("{}/", joined(chart, "charts"));
        let inner = self.deployers.charts.iter().filter(|other| other.starts_with(&inner));
        let inner = inner.map(|chart| joined(chart, "Chart.yaml"));
        self.below(chart).filter(is_read).map(str::to_owned).chain(inner).collect()
    }

    /// Returns the namings on the ways to a file, the nearest first.
    fn above(&self, path: &str) -> Vec<&Naming> {
        let (mut seen, mut open, mut found) = (HashSet::from([path]), vec![path], Vec::new());
        while !open.is_empty() {
            let mut next = Vec::new();
            for path in open {
                let (what, by, condition) = (path.to_owned(), String::new(), String::new());
                let from = Naming { what, by, condition, is_by_hand: false };
                for naming in self.namings.range(from..).take_while(|naming| naming.what == path) {
                    found.push(naming);
                    if seen.insert(naming.by.as_str()) {
                        next.push(naming.by.as_str());
                    }
                }
            }
            open = next;
        }
        found
    }
}

/// What each file leads to.
struct Ways<'n>(HashMap<&'n str, Vec<&'n str>>);

impl<'n> Ways<'n> {
    fn of(namings: impl Iterator<Item = &'n Naming>) -> Self {
        let mut ways: HashMap<&str, Vec<&str>> = HashMap::new();
        namings.for_each(|naming| ways.entry(&naming.by).or_default().push(&naming.what));
        Self(ways)
    }

    /// Returns the roots and everything that they lead to.
    fn from(&self, roots: impl Iterator<Item = &'n str>) -> BTreeSet<&'n str> {
        let (mut found, mut open) = (BTreeSet::new(), roots.collect::<Vec<_>>());
        while let Some(path) = open.pop() {
            if found.insert(path) {
                open.extend(self.0.get(path).into_iter().flatten());
            }
        }
        found
    }
}

/// Returns the files among `paths` that a name with a pattern or an action of a template stands for.
fn matched(named: &DeployedPath, paths: &[&str]) -> Vec<DeployedPath> {
    if !named.path.contains(['*', '?', '[', '{']) {
        return Vec::new();
    }
    // What an action says may be anything.
    let mut pattern = named.path.clone();
    while let Some(start) = pattern.find("{{") {
        let end = pattern[start..].find("}}").map_or(pattern.len(), |end| start + end + 2);
        pattern.replace_range(start..end, "*");
    }
    let Ok(pattern) = globset::Glob::new(&pattern) else { return Vec::new() };
    let pattern = pattern.compile_matcher();
    let found = paths.iter().filter(|path| pattern.is_match(path));
    found.map(|path| DeployedPath { path: (*path).to_owned(), ..named.clone() }).collect()
}

fn is_in(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn joined(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
