//! Directories that a tool fetched: what stands there is somebody else's, and the next fetch writes over it.
//!
//! `node_modules` is one by its name, `vendor` where the tool has left its mark, and a chart inside a chart where the
//! `Chart.lock` of that says that it was fetched.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::located::Scan;
use super::look_away::{LookAway, LookAwayReason};
use super::scan::SIZE_MAX;
use super::syntax::source::{SourceText, text_of};
use crate::source::tree::Tree;
use crate::text::count;

/// What becomes of vendored directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendoredTrees {
    /// They are like any other.
    Read,
    /// They are left out, but for what a kustomization or a chart of the repository reads.
    LeaveOut,
    /// The same for the gate: the charts inside charts are judged, because Helm renders them, and what is left out makes
    /// tagpin look away.
    Tell,
}

/// A directory that was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VendoredTree {
    /// Its path below the root.
    pub path: String,
    /// How many files with images, or files that cannot be read, it has.
    pub files: usize,
    /// How many images they name.
    pub images: usize,
}

/// A directory that was left out, and its path below the root.
pub(super) struct LeftOut {
    pub(super) root_path: String,
    pub(super) tree: VendoredTree,
}

/// A file: as reports call it, below the root, and what it holds.
pub(super) type VendoredFile<'f> = (&'f str, &'f str, &'f Scan);

/// What tools leave in a `vendor` directory, and beside one: Go; jsonnet-bundler, Composer, Bundler, Cargo, vendir.
const MARKS_INSIDE: [&str; 1] = ["modules.txt"];
const MARKS_BESIDE: [&str; 5] =
    ["jsonnetfile.lock.json", "composer.lock", "Gemfile.lock", "Cargo.lock", "vendir.lock.yml"];

const CHART_LOCK: &str = "Chart.lock";

/// What the paths of a tree tell of vendored directories, seen one by one.
#[derive(Debug, Default)]
pub(super) struct VendoredPaths {
    node_modules: BTreeSet<String>,
    vendor: BTreeSet<String>,
    /// The directories of marks: those inside, and those beside.
    marked: HashSet<String>,
    marked_beside: HashSet<String>,
    /// `Chart.lock`s, as reports call them, by the directory below the root.
    locks: BTreeMap<String, String>,
    /// Every chart inside a chart.
    charts: BTreeSet<String>,
    /// The `Chart.yaml`s, as reports call them and below the root: they may name a chart in a directory.
    chart_files: Vec<(String, String)>,
}

impl VendoredPaths {
    /// Looks at a file that reports call `path`.
    pub(super) fn see(&mut self, path: &str, root_path: &str) {
        let (above, name) = root_path.rsplit_once('/').unwrap_or(("", root_path));
        if MARKS_INSIDE.contains(&name) {
            self.marked.insert(above.to_owned());
        } else if MARKS_BESIDE.contains(&name) {
            self.marked_beside.insert(above.to_owned());
        } else if name == CHART_LOCK {
            self.locks.insert(above.to_owned(), path.to_owned());
        } else if name == "Chart.yaml" {
            self.chart_files.push((path.to_owned(), root_path.to_owned()));
        }
        let mut start = 0;
        while let Some(length) = root_path[start..].find('/') {
            let end = start + length;
            match &root_path[start..end] {
                "node_modules" => _ = self.node_modules.insert(root_path[..end].to_owned()),
                "vendor" => _ = self.vendor.insert(root_path[..end].to_owned()),
                "charts" => {
                    let chart = root_path[end + 1..].find('/').map(|length| &root_path[..end + 1 + length]);
                    self.charts.extend(chart.map(str::to_owned));
                }
                _ => {}
            }
            start = end + 1;
        }
    }

    /// Returns the directories of `tree` that a tool fetched, the outermost, without those that the command line names.
    fn directories<T: Tree>(&self, tree: &T, with_charts: bool) -> BTreeSet<String> {
        let is_marked = |vendor: &&String| {
            self.marked.contains(*vendor) || self.marked_beside.contains(directory(vendor))
        };
        let mut found: BTreeSet<String> =
            self.vendor.iter().filter(is_marked).chain(&self.node_modules).cloned().collect();
        let mut fetched: BTreeMap<&str, HashSet<String>> = BTreeMap::new();
        for chart in self.charts.iter().filter(|_| with_charts) {
            // `shop/charts/redis` is a chart of `shop`.
            let (owner, name) = (directory(directory(chart)), &chart[directory(chart).len() + 1..]);
            let Some(lock) = self.locks.get(owner) else { continue };
            if fetched.entry(owner).or_insert_with(|| fetched_charts(tree, lock)).contains(name) {
                found.insert(chart.clone());
            }
        }
        found.retain(|directory| !tree.is_asked_for(directory));
        let outer = found.clone();
        let above = |path: &str| path.match_indices('/').any(|(at, _)| outer.contains(&path[..at]));
        found.retain(|directory| !above(directory));
        found
    }

    /// Returns which of the `files` are left out, by their index: those of vendored directories, but for those that are named, and
    /// what a kustomization or a chart outside of them reads.
    pub(super) fn left_out<T: Tree>(
        &self,
        tree: &T,
        files: &[VendoredFile<'_>],
        how: VendoredTrees,
    ) -> (HashSet<usize>, Vec<LeftOut>) {
        let directories = self.directories(tree, how == VendoredTrees::LeaveOut);
        if directories.is_empty() {
            return Default::default();
        }
        let vendored = |path: &str| {
            let mut above = path.match_indices('/').map(|(at, _)| &path[..at]);
            above.find(|above| directories.contains(*above)).map(str::to_owned)
        };
        let mut reached: BTreeSet<String> = BTreeSet::new();
        for (path, root_path) in self.chart_files.iter().filter(|(_, path)| vendored(path).is_none()) {
            reached.extend(charts_beside(tree, path, directory(root_path)));
        }
        let is_let_in = |root_path: &str, reached: &BTreeSet<String>| {
            let above = root_path.match_indices('/').map(|(at, _)| &root_path[..at]);
            vendored(root_path).is_none() || above.chain([root_path]).any(|path| reached.contains(path))
        };
        // What is reached may reach more: each file is looked at once, when it is.
        let (mut open, mut waiting): (Vec<&VendoredFile<'_>>, BTreeMap<&str, &VendoredFile<'_>>) =
            Default::default();
        for file in files {
            if is_let_in(file.1, &reached) {
                open.push(file);
            } else {
                waiting.insert(file.1, file);
            }
        }
        while let Some((_, _, scan)) = open.pop() {
            for path in scan.kustomize.reads().filter(|path| !reached.contains(*path)).collect::<Vec<_>>() {
                reached.insert(path.to_owned());
                let below = format!("{path}/");
                let inside: Vec<&str> = waiting
                    .range(below.as_str()..)
                    .map(|(path, _)| *path)
                    .take_while(|path| path.starts_with(&below))
                    .chain([path])
                    .collect();
                open.extend(inside.into_iter().filter_map(|path| waiting.remove(path)));
            }
        }
        let mut indices = HashSet::new();
        let mut left: BTreeMap<String, VendoredTree> = BTreeMap::new();
        for (index, (path, root_path, scan)) in files.iter().enumerate() {
            let Some(directory) = vendored(root_path) else { continue };
            if tree.is_named(path) || is_let_in(root_path, &reached) {
                continue;
            }
            indices.insert(index);
            let found = left.entry(directory).or_insert_with_key(|directory| {
                // As reports call it: the working directory may be below the root.
                let rest = root_path.len() - directory.len();
                let shown = path[..path.len().saturating_sub(rest)].to_owned();
                VendoredTree { path: shown, ..VendoredTree::default() }
            });
            found.files += 1;
            found.images += scan.sites.len();
        }
        let left = left.into_iter().map(|(root_path, tree)| LeftOut { root_path, tree });
        (indices, left.collect())
    }
}

impl LeftOut {
    /// Returns what the gate says of it.
    pub(super) fn look_away(&self) -> LookAway {
        let VendoredTree { files, images, .. } = &self.tree;
        let what = format!("{} in {}", count(*images, "image"), count(*files, "file"));
        LookAway::of_file(LookAwayReason::Vendored, what)
    }
}

/// Returns the names of the charts that a `Chart.lock` says come from a repository of charts.
fn fetched_charts<T: Tree>(tree: &T, lock: &str) -> HashSet<String> {
    let Ok(bytes) = tree.read(lock, SIZE_MAX) else { return HashSet::new() };
    let Ok(text) = text_of(&bytes) else { return HashSet::new() };
    let source = SourceText::new(text, lock);
    let tree = source.parse();
    let mut names = HashSet::new();
    for root in tree.documents.iter().filter_map(|document| document.root) {
        for entry in tree.get(root, "dependencies").map(|list| tree.items(list)).unwrap_or_default() {
            let repository = tree.get_str(*entry, "repository").unwrap_or_default();
            let is_fetched = repository.contains("://") && !repository.starts_with("file:");
            names.extend(tree.get_str(*entry, "name").filter(|_| is_fetched).map(str::to_owned));
        }
    }
    names
}

/// Returns the directories below the root that the `Chart.yaml` in `directory` takes charts from (`file://../x`).
fn charts_beside<T: Tree>(tree: &T, path: &str, directory: &str) -> Vec<String> {
    let Ok(bytes) = tree.read(path, SIZE_MAX) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let addresses = text.split("file://").skip(1);
    let written = addresses.filter_map(|rest| rest.split(['"', '\'', '\n', '\r', ' ', ',', '}']).next());
    written.filter_map(|relative| joined(directory, relative)).collect()
}

fn joined(directory: &str, relative: &str) -> Option<String> {
    let mut segments: Vec<&str> = directory.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in relative.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop()?,
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// Returns the directory of the file at `path`, empty for the root.
fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
