//! Files that deployers take for values of a chart, whatever they are called.

use std::collections::{HashMap, HashSet};

use globset::{GlobBuilder, GlobMatcher};

use super::file_scan::FileScan;
use super::formats::helm_values;
use super::scan::is_candidate;
use crate::source::tree::{EntryKind, TreeEntry};

/// What stands for a part of a path that a generator or an environment gives.
const GIVEN: (&str, &str) = ("{{", "}}");

/// Returns the files among `entries` and `others`, each with its path below the root, that a release of `files` takes values
/// from, and that are not called like values.
pub(super) fn named(
    files: &[FileScan],
    entries: &[(TreeEntry, String)],
    others: &[(TreeEntry, String)],
) -> Vec<(TreeEntry, String)> {
    let mut maps: HashMap<&(String, String), Vec<&String>> = HashMap::new();
    for map in files.iter().flat_map(|file| &file.scan.releases.maps) {
        maps.entry(&map.name).or_default().extend(&map.files);
    }
    let (mut paths, mut patterns) = (HashSet::new(), Vec::new());
    for release in files.iter().flat_map(|file| &file.scan.releases.installed) {
        let of_maps = release.values_from.iter().filter_map(|name| maps.get(name)).flatten().copied();
        for path in release.files.iter().chain(of_maps).filter(|path| !path.ends_with('/')) {
            match path.contains(GIVEN.0) {
                true => patterns.extend(given(path)),
                false => drop(paths.insert(path.as_str())),
            }
        }
    }
    if paths.is_empty() && patterns.is_empty() {
        return Vec::new();
    }
    let is_named = |path: &str| paths.contains(path) || patterns.iter().any(|pattern| pattern.is_match(path));
    let is_one = |(entry, path): &&(TreeEntry, String)| {
        entry.kind == EntryKind::File && !helm_values::has_name(path) && is_named(path)
    };
    entries.iter().chain(others).filter(is_one).cloned().collect()
}

/// Puts files that were `read` as values in the place of what was made of them by their own names. What is no YAML is left
/// alone where nobody else would read it.
pub(super) fn replace(files: &mut Vec<FileScan>, read: Vec<FileScan>) {
    let known: HashMap<String, usize> =
        files.iter().enumerate().map(|(at, file)| (file.path.clone(), at)).collect();
    for mut file in read {
        file.scan.is_values = true;
        match known.get(&file.path).map(|at| &mut files[*at]) {
            Some(known) if known.scan.sites.len() <= file.scan.sites.len() => *known = file,
            Some(_) => {}
            None if is_candidate(&file.path) || file.scan.unread.is_empty() => files.push(file),
            None => {}
        }
    }
}

/// Returns what matches a path of which a generator gives parts, none of which has a `/`; `None` where it leaves the directory
/// open.
fn given(path: &str) -> Option<GlobMatcher> {
    let (start, mut rest) = path.split_once(GIVEN.0)?;
    let mut pattern = globset::escape(start);
    loop {
        let (_, after) = rest.split_once(GIVEN.1)?;
        match after.split_once(GIVEN.0) {
            Some((part, next)) => {
                pattern = pattern + "*" + &globset::escape(part);
                rest = next;
            }
            None => {
                let is_open = !start.contains('/') || after.is_empty();
                let pattern = pattern + "?*" + &globset::escape(after);
                let glob = GlobBuilder::new(&pattern).literal_separator(true).build().ok()?;
                return (!is_open).then(|| glob.compile_matcher());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_generator_gives_is_a_part_of_a_path() {
        for (pattern, path, expected) in [
            ("env/{{ env }}/web.yaml", "env/prod/web.yaml", Some(true)),
            ("env/{{ env }}/web.yaml", "env/prod/eu/web.yaml", Some(false)),
            ("env/{{env}}-{{.region}}.yaml", "env/prod-eu.yaml", Some(true)),
            ("env/{{env}}-{{.region}}.yaml", "env/prod.yaml", Some(false)),
            ("{{path}}/web.yaml", "a/web.yaml", None),
            ("env/{{file}}", "env/web.yaml", None),
            ("env/{{file", "env/web.yaml", None),
        ] {
            let found = given(pattern).map(|pattern| pattern.is_match(path));
            assert_eq!(found, expected, "{pattern} {path}");
        }
    }
}
