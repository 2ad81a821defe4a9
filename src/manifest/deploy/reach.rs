//! Which files deployers take objects from.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
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

/// Some files that one file names, all under one condition. Thousands may name the same thousands of files, which are kept once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Naming<'i> {
    pub(super) by: Cow<'i, str>,
    pub(super) condition: &'i str,
    /// Whether somebody has to say so first.
    pub(super) is_by_hand: bool,
    /// What is named, by its place in [`Reach::groups`].
    pub(super) group: usize,
}

/// What leads to what in a tree.
pub(super) struct Reach<'i> {
    deployers: &'i Deployers,
    pub(super) files: BTreeSet<&'i str>,
    /// Files that are named together.
    pub(super) groups: Vec<BTreeSet<String>>,
    /// In the order of those who name.
    pub(super) namings: Vec<Naming<'i>>,
    /// The namings of each group, in their order.
    of_group: Vec<Vec<usize>>,
}

impl<'i> Reach<'i> {
    pub(super) fn of((files, deployers): (&'i [FileScan], &'i Deployers)) -> Self {
        let own = deployers.names.keys().map(String::as_str);
        let files = files.iter().map(|file| file.root_path.as_str()).chain(own).collect();
        let mut reach =
            Self { deployers, files, groups: Vec::new(), namings: Vec::new(), of_group: Vec::new() };
        let mut known = BTreeMap::new();
        let mut namings = Vec::new();
        for (by, names) in &deployers.names {
            for DeployedPath { path, condition, except, directory, is_by_hand } in names {
                let group = *known.entry((path, except, directory)).or_insert_with(|| {
                    let is_taken = |what: &str| {
                        let below = what.strip_prefix(path.as_str()).unwrap_or(what).trim_start_matches('/');
                        directory.as_ref().is_none_or(|it| is_named(what) || what == path || it.takes(below))
                    };
                    let is_left_out =
                        |what: &String| !is_taken(what) || except.iter().any(|except| is_in(what, except));
                    reach.groups.push(reach.at(path).into_iter().filter(|what| !is_left_out(what)).collect());
                    reach.groups.len() - 1
                });
                namings.push(Naming { by: by.into(), group, condition, is_by_hand: *is_by_hand });
            }
        }
        for chart in &deployers.charts {
            reach.groups.push(reach.of_chart(chart).into_iter().collect());
            let (by, group) = (joined(chart, "Chart.yaml").into(), reach.groups.len() - 1);
            namings.push(Naming { by, group, condition: "", is_by_hand: false });
        }
        namings.sort();
        namings.dedup();
        reach.of_group = vec![Vec::new(); reach.groups.len()];
        for (index, naming) in namings.iter().enumerate() {
            reach.of_group[naming.group].push(index);
        }
        reach.namings = namings;
        reach
    }

    /// Returns the namings of one file.
    pub(super) fn of_file(&self, by: &str) -> &[Naming<'i>] {
        let start = self.namings.partition_point(|naming| *naming.by < *by);
        let length = self.namings[start..].partition_point(|naming| *naming.by == *by);
        &self.namings[start..start + length]
    }

    /// Returns the namings of a group.
    pub(super) fn of_group(&self, group: usize) -> impl Iterator<Item = (usize, &Naming<'i>)> {
        self.of_group[group].iter().map(|index| (*index, &self.namings[*index]))
    }

    /// Returns the files that somebody else names.
    pub(super) fn named(&self) -> HashSet<&str> {
        let mut found = HashSet::new();
        for (group, files) in self.groups.iter().enumerate() {
            let mut by = self.of_group(group).map(|(_, naming)| &*naming.by);
            let Some(first) = by.next() else { continue };
            let is_one = by.all(|by| by == first);
            found.extend(files.iter().map(String::as_str).filter(|what| !is_one || *what != first));
        }
        found
    }

    /// Returns the roots and everything that they lead to, where `takes` says so of who names what.
    pub(super) fn from<'r>(
        &'r self,
        roots: impl IntoIterator<Item = &'r str>,
        takes: impl Fn(&Naming<'_>, &str) -> bool,
    ) -> BTreeSet<&'r str> {
        let (mut found, mut open) = (BTreeSet::new(), roots.into_iter().collect::<Vec<_>>());
        // Who names itself is found already.
        let mut seen: HashSet<(usize, &str, bool)> = HashSet::new();
        while let Some(path) = open.pop() {
            if !found.insert(path) {
                continue;
            }
            for naming in self.of_file(path) {
                if seen.insert((naming.group, naming.condition, naming.is_by_hand)) {
                    let whats = self.groups[naming.group].iter().map(String::as_str);
                    open.extend(whats.filter(|what| takes(naming, what)));
                }
            }
        }
        found
    }

    /// Returns the files by which something is deployed that nobody has to name.
    pub(super) fn roots(&self) -> impl Iterator<Item = &str> {
        let own = self.deployers.names.keys().map(String::as_str);
        let charts = self.namings.iter().map(|naming| &*naming.by);
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
