//! Which files have values for the same chart, or for the same part of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::manifest::deploy::Deployers;
use crate::manifest::formats::helm_values::has_name;
use crate::manifest::scan::is_candidate;
use crate::source::tree::{TreeEntry, directory_of};

/// The files of a tree by their directories, and what deployers take of them.
pub(in crate::manifest) struct RelatedValues<'e> {
    deployers: &'e Deployers,
    /// The files of each directory.
    pub(super) paths: BTreeMap<&'e str, Vec<&'e str>>,
    /// What deployers name, and their own files.
    given: HashSet<&'e str>,
}

impl<'e> RelatedValues<'e> {
    /// Returns those of the `entries`, which are all files of the tree with their paths below the root.
    pub(in crate::manifest) fn of(entries: &'e [(TreeEntry, String)], deployers: &'e Deployers) -> Self {
        let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (_, root_path) in entries {
            paths.entry(directory_of(root_path)).or_default().push(root_path);
        }
        let named = deployers.names.iter();
        let named =
            named.flat_map(|(by, all)| all.iter().map(|named| named.path.as_str()).chain([by.as_str()]));
        let gives = deployers.gives.iter();
        let gives = gives.flat_map(|(by, all)| {
            all.iter().flat_map(|given| &given.files).map(String::as_str).chain([by.as_str()])
        });
        let given = named.chain(gives).collect();
        Self { deployers, paths, given }
    }

    /// Returns whether somebody is known to give a file to a chart: a deployer of the tree, or Helm by itself.
    pub(super) fn is_given(&self, file: &str) -> bool {
        let name = file.rsplit('/').next().unwrap_or(file);
        let is_own = matches!(name, "values.yaml" | "values.yml");
        is_own && self.deployers.charts.contains(directory_of(file)) || self.given.contains(file)
    }

    /// Returns the files with other values for what the one at `file` has values for.
    pub(in crate::manifest) fn beside(&self, file: &str) -> BTreeSet<String> {
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
}
