//! Images that a build makes: what is deployed is what was built, and a digest of the registry's would keep it from that.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::tree_file::{TreeFile, directory};
use crate::manifest::formats::compose::{self, Role};
use crate::manifest::located::Located;
use crate::manifest::look_away::{LookAway, LookAwayReason, LookAwaySpot};
use crate::manifest::site::{Site, Skip, State};
use crate::reference::Reference;
use crate::source::tree::directory_of;

/// Skips what the base of a Compose project builds in the files beside it that override it, and the artifacts of a
/// `skaffold.yaml` in the manifests at and below its directory.
pub(super) fn skip(files: &mut [TreeFile<'_>]) {
    skip_services(files);
    skip_artifacts(files);
}

fn skip_services(files: &mut [TreeFile<'_>]) {
    let mut built: HashMap<String, HashSet<String>> = HashMap::new();
    for (path, scan) in files.iter().filter(|(_, scan)| !scan.built.is_empty()) {
        built.entry(directory_of(path).to_owned()).or_default().extend(scan.built.iter().cloned());
    }
    for (path, scan) in files {
        let Some(built) = built.get(directory_of(path)) else { continue };
        if compose::role(path) != Some(Role::Override) {
            continue;
        }
        for located in &mut scan.sites {
            if located.site.path.strip_suffix("/image").is_some_and(|service| built.contains(service)) {
                let floats = located.site.state == State::Floating;
                scan.looks_away.extend(floats.then(|| look_away(located)));
                located.site.skip(Skip::BuildOutput);
            }
        }
    }
}

/// Returns the files that say that a build makes the image of a file, both by their index.
pub(super) fn makers(files: &[TreeFile<'_>], (file, site): (usize, usize)) -> Vec<String> {
    let (path, scan) = &files[file];
    let site = &scan.sites[site].site;
    let name = site.reference.as_ref().map(key).filter(|_| RENDERED.contains(&&*site.format));
    let service = site.path.strip_suffix("/image").filter(|_| compose::role(path) == Some(Role::Override));
    let is_above =
        |other: &str| directory(other).is_empty() || path.starts_with(&format!("{}/", directory(other)));
    let makes = |(other, scan): &&TreeFile<'_>| {
        let is_artifact = |text: &String| Reference::parse(text).is_ok_and(|it| Some(key(&it)) == name);
        let is_built =
            |built: &String| Some(built.as_str()) == service && directory(other) == directory(path);
        (is_above(other) && scan.artifacts.iter().any(is_artifact)) || scan.built.iter().any(is_built)
    };
    files.iter().filter(makes).map(|(other, _)| (*other).to_owned()).collect()
}

fn look_away(located: &Located) -> LookAway {
    let Site { document, path, image, .. } = &located.site;
    let spot = LookAwaySpot { document: *document, path: path.clone(), place: located.place() };
    LookAway::at(LookAwayReason::ComposeBuild, image.as_str(), spot)
}

/// The formats that Skaffold renders. It leaves references with digests alone, so that a pinned one is never replaced by
/// what it has built.
const RENDERED: [&str; 4] = ["kubernetes", "kustomize", "helm-values", "json-patch"];

fn skip_artifacts(files: &mut [TreeFile<'_>]) {
    let mut artifacts: HashMap<String, HashSet<(String, String)>> = HashMap::new();
    for (path, scan) in files.iter().filter(|(_, scan)| !scan.artifacts.is_empty()) {
        let names = scan.artifacts.iter().filter_map(|name| Reference::parse(name).ok());
        artifacts.entry(directory_of(path).to_owned()).or_default().extend(names.map(|name| key(&name)));
    }
    if artifacts.is_empty() {
        return;
    }
    let mut used: HashSet<(String, String)> = HashSet::new();
    for (path, scan) in files.iter_mut() {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        let known: Vec<_> = above.chain([""]).filter_map(|directory| artifacts.get(directory)).collect();
        if known.is_empty() {
            continue;
        }
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            let is_open = matches!(site.state, State::Floating | State::Pinned);
            if is_open
                && RENDERED.contains(&&*site.format)
                && let Some(name) = site.reference.as_ref().map(key)
                && known.iter().any(|artifacts| artifacts.contains(&name))
            {
                site.skip(Skip::BuildOutput);
                used.insert(name);
            }
        }
    }
    for (_, scan) in files {
        let built: BTreeSet<&String> = scan.artifacts.iter().collect();
        let is_used = |name: &&String| Reference::parse(name).is_ok_and(|name| used.contains(&key(&name)));
        let look_away = |name: &String| LookAway::of_file(LookAwayReason::SkaffoldBuild, name.as_str());
        let found: Vec<LookAway> = built.into_iter().filter(is_used).map(look_away).collect();
        scan.looks_away.extend(found);
    }
}

fn key(reference: &Reference) -> (String, String) {
    (reference.registry().to_owned(), reference.repository())
}
