//! Files that a test compares a cluster with, because the test says so, or its output, by their names: nobody applies them.

use std::collections::HashSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::tree_file::TreeFile;
use crate::manifest::formats::{TestFiles, is_golden};
use crate::manifest::look_away::{LookAway, LookAwayReason, LookAwaySpot};
use crate::manifest::site::{Skip, State};

/// Skips the images in files that a test only expects something of, and says so; not in those that a test applies, or that a
/// kustomization builds on.
pub(super) fn skip(files: &mut [TreeFile<'_>]) {
    let tests: Vec<TestFiles> = files.iter_mut().map(|(_, scan)| scan.tests.take()).collect();
    let expected = patterns(tests.iter().flat_map(|tests| &tests.expected));
    let applied = patterns(tests.iter().flat_map(|tests| &tests.applied));
    let built: HashSet<String> =
        files.iter().flat_map(|(_, scan)| scan.kustomize.reads()).map(str::to_owned).collect();
    for (path, scan) in files.iter_mut() {
        let path: &str = path;
        if !(expected.is_match(path) || is_golden(path)) || applied.is_match(path) || built.contains(path) {
            continue;
        }
        for located in &mut scan.sites {
            let state = located.site.state;
            if state == State::Floating {
                let (document, pointer) = (located.site.document, located.site.path.clone());
                let spot = LookAwaySpot { document, path: pointer, place: located.place() };
                let image = located.site.image.as_str();
                scan.looks_away.push(LookAway::at(LookAwayReason::Asserted, image, spot));
            }
            let unknown = State::Skipped(Skip::UnknownLocation);
            if matches!(state, State::Floating | State::Pinned) || state == unknown {
                located.site.skip(Skip::Asserted);
            }
        }
    }
}

/// Returns what matches these paths, in which a `*` stands for a part of a name.
fn patterns<'p>(paths: impl Iterator<Item = &'p String>) -> GlobSet {
    let globs = paths.filter_map(|path| GlobBuilder::new(path).literal_separator(true).build().ok());
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}
