//! Who reads an image and what comes out, in full: for a person who asks about one.

use std::collections::{BTreeSet, VecDeque};

use super::builds;
use super::chart::{Charts, chart_readings};
use super::image_entries::DigestFrom;
use super::kustomize::Builds;
use super::reading::Reading;
use super::tree_file::TreeFile;
use crate::manifest::formats::{KnownChart, Overlay};

/// How many ways through kustomizations are told of one image.
const WAYS_MAX: usize = 50;

/// Returns who reads the image of a file, both by their index, before anything is skipped for it.
pub(in crate::manifest) fn readings(
    files: &[TreeFile<'_>],
    charts: &Charts,
    known: &[KnownChart],
    at: (usize, usize),
) -> Vec<Reading> {
    let mut found = ways(files, at);
    found.extend(chart_readings(files, charts, known, at));
    found.extend(builds::makers(files, at).into_iter().map(|by| Reading::Build { by }));
    found
}

fn ways(files: &[TreeFile<'_>], at: (usize, usize)) -> Vec<Reading> {
    let mut builds = Builds::of(files, |file, site| (file, site) == at);
    let outs = builds.outs();
    let Some((source, flows)) = outs.iter().find(|(source, _)| builds.sources[**source].at == at) else {
        return Vec::new();
    };
    let reference = builds.sources[*source].reference;
    let mut ways = Vec::new();
    for (root, flow) in flows.iter().take(WAYS_MAX) {
        let digest = match flow.passage.digest {
            DigestFrom::Own => "own",
            DigestFrom::Given => "given",
            DigestFrom::None => "none",
        };
        let image = flow.passage.image(reference.name(), reference.tag());
        let through = through(&builds, *root, files[at.0].0);
        let way = Reading::Kustomization { through, image, digest };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

/// Returns the files of the kustomizations between a file and the one at `root`, by the shortest way.
fn through(builds: &Builds<'_>, root: usize, file: &str) -> Vec<String> {
    let mut open = VecDeque::from([vec![root]]);
    let mut seen = BTreeSet::from([root]);
    while let Some(way) = open.pop_front() {
        let Some((_, path, overlay)) = way.last().map(|last| builds.overlays[*last]) else { continue };
        if path == file || reads(overlay, file) {
            return way.iter().rev().map(|overlay| builds.overlays[*overlay].1.to_owned()).collect();
        }
        let below = overlay.resources.iter().chain(&overlay.components);
        for next in below.filter_map(|path| builds.by_path.get(path.as_str()).copied()) {
            if seen.insert(next) {
                open.push_back([way.as_slice(), &[next]].concat());
            }
        }
    }
    vec![builds.overlays[root].1.to_owned()]
}

/// Returns whether a kustomization names a file, or a directory without kustomization around it.
fn reads(overlay: &Overlay, file: &str) -> bool {
    let named = overlay.resources.iter().chain(&overlay.patches);
    let is_in = |path: &String| file.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'));
    named.clone().any(|path| path == file) || (!overlay.is_named && named.clone().any(is_in))
}
