//! Images that a build makes: what is deployed is what was built, and a digest of the registry's would keep it from that.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::tree_file::TreeFile;
use crate::manifest::formats::compose::{self, Role};
use crate::manifest::located::Located;
use crate::manifest::look_away::{LookAway, LookAwayReason, LookAwaySpot};
use crate::manifest::rare::Rare;
use crate::manifest::site::{Site, Skip, State};
use crate::reference::Reference;
use crate::source::tree::directory_of;

/// Skips what the base of a Compose project builds in the files beside it that override it, what its other services take of
/// that, the same among the containers of a Terraform module and of a file of Ansible's, and the artifacts of a `skaffold.yaml` in the manifests at
/// and below its directory.
pub(super) fn skip(files: &mut [TreeFile<'_>]) {
    skip_services(files);
    skip_built_by_others(files);
    skip_artifacts(files);
}

/// Skips the images that a build of the same Compose project or Terraform module makes under another name.
fn skip_built_by_others(files: &mut [TreeFile<'_>]) {
    let mut found: BTreeSet<(usize, usize)> = BTreeSet::new();
    for project in projects(files) {
        let made: HashSet<String> = project.iter().flat_map(|file| made_by(&files[*file])).collect();
        if made.is_empty() {
            continue;
        }
        for file in project {
            let sites = files[file].1.sites.iter().enumerate();
            let taken = sites.filter(|(_, located)| takes_built(&files[file], &located.site, &made));
            found.extend(taken.map(|(site, _)| (file, site)));
        }
    }
    for (file, site) in found {
        let scan = &mut files[file].1;
        let known = look_away(&scan.sites[site]);
        scan.looks_away.push(known);
        scan.sites[site].site.skip(Skip::BuildOutput);
    }
    files.iter_mut().for_each(|(_, scan)| scan.compose = Rare::default());
}

/// Returns the files that are deployed together, by their index: each Compose file with those beside it that make one
/// project and with those that they take services from, and the modules of Terraform.
fn projects(files: &[TreeFile<'_>]) -> Vec<BTreeSet<usize>> {
    let mut together: BTreeMap<(&str, &str), BTreeSet<usize>> = BTreeMap::new();
    for (index, (path, scan)) in files.iter().enumerate() {
        let has = |format: &str| scan.sites.iter().any(|located| &*located.site.format == format);
        if compose::role(path).is_some() {
            together.entry((directory_of(path), "compose")).or_default().insert(index);
        } else if has("compose") || has("ansible") || !scan.compose.takes.is_empty() {
            together.entry((path, "file")).or_default().insert(index);
        } else if has("terraform") {
            together.entry((directory_of(path), "terraform")).or_default().insert(index);
        }
    }
    let takes_any = files.iter().any(|(_, scan)| !scan.compose.takes.is_empty());
    let by_path: HashMap<&str, usize> = if takes_any {
        files.iter().enumerate().map(|(index, (path, _))| (*path, index)).collect()
    } else {
        HashMap::new()
    };
    let mut projects: Vec<BTreeSet<usize>> = together.into_values().collect();
    for project in &mut projects {
        let mut open: Vec<usize> = project.iter().copied().collect();
        while let Some(file) = open.pop() {
            let taken = &files[file].1.compose.takes;
            open.extend(
                taken
                    .iter()
                    .filter_map(|path| by_path.get(path.as_str()))
                    .filter(|file| project.insert(**file)),
            );
        }
    }
    projects
}

/// Returns the images that the builds of a file make, with their tags.
fn made_by<'f>((_, scan): &'f TreeFile<'_>) -> impl Iterator<Item = String> + 'f {
    let made = scan.sites.iter().map(|located| &located.site).filter(|site| {
        let is_name = match &*site.format {
            "compose" => site.path.ends_with("/image") || site.path.contains("/build/tags/"),
            "terraform" => site.path.starts_with("/resource/docker_image/"),
            "ansible" => true,
            _ => false,
        };
        is_name && site.state == State::Skipped(Skip::BuildOutput)
    });
    made.filter_map(|site| {
        let image = Reference::parse(&site.image).ok()?;
        // Ansible's modules take the tag beside the name.
        let is_any = image.tag().is_none() && &*site.format == "ansible";
        Some(if is_any { name_of(&image) } else { named(&image) })
    })
}

/// Returns whether an image of a file that floats is one of those that are `made`, and nothing has it pulled all the same.
fn takes_built((_, scan): &TreeFile<'_>, site: &Site, made: &HashSet<String>) -> bool {
    let is_pulled =
        || site.path.strip_suffix("/image").is_some_and(|at| scan.compose.pulls.iter().any(|it| it == at));
    let may_be = match &*site.format {
        "compose" => !is_pulled(),
        "build-argument" => true,
        "terraform" => site.path.starts_with("/resource/docker_container/"),
        "ansible" => site.path.contains("_container/"),
        _ => false,
    };
    may_be
        && site.state == State::Floating
        && site.reference.as_ref().is_some_and(|image| {
            let is_of_ansible = &*site.format == "ansible";
            made.contains(&named(image)) || (is_of_ansible && made.contains(&name_of(image)))
        })
}

fn name_of(image: &Reference) -> String {
    format!("{}/{}", image.registry(), image.repository())
}

fn named(image: &Reference) -> String {
    format!("{}/{}:{}", image.registry(), image.repository(), image.tag().unwrap_or("latest"))
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
pub(super) fn makers(files: &[TreeFile<'_>], (file, index): (usize, usize)) -> Vec<String> {
    let (path, scan) = &files[file];
    let site = &scan.sites[index].site;
    let name = site.reference.as_ref().map(key).filter(|_| RENDERED.contains(&&*site.format));
    let service = site.path.strip_suffix("/image").filter(|_| compose::role(path) == Some(Role::Override));
    let is_above = |other: &str| {
        directory_of(other).is_empty() || path.starts_with(&format!("{}/", directory_of(other)))
    };
    let makes = |(other, scan): &&TreeFile<'_>| {
        let is_artifact = |text: &String| Reference::parse(text).is_ok_and(|it| Some(key(&it)) == name);
        let is_built =
            |built: &String| Some(built.as_str()) == service && directory_of(other) == directory_of(path);
        (is_above(other) && scan.artifacts.iter().any(is_artifact)) || scan.built.iter().any(is_built)
    };
    let found = files.iter().filter(makes).map(|(other, _)| (*other).to_owned());
    let beside = built_beside(files, (file, index)).into_iter();
    let all: BTreeSet<String> = found.chain(beside.map(|file| files[file].0.to_owned())).collect();
    all.into_iter().collect()
}

/// Returns the files of the same Compose project, Terraform module or play that build the image of a file, by their index.
fn built_beside(files: &[TreeFile<'_>], (file, site): (usize, usize)) -> BTreeSet<usize> {
    let site = &files[file].1.sites[site].site;
    let takes = |made: String| takes_built(&files[file], site, &HashSet::from([made]));
    let projects = projects(files).into_iter().filter(|project| project.contains(&file));
    projects.flatten().filter(|other| made_by(&files[*other]).any(takes)).collect()
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
    (reference.registry().into_owned(), reference.repository())
}
