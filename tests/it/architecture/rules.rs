//! What the arrows between files may not do.

use std::collections::{BTreeMap, BTreeSet};

use super::resolve::Arrows;
use super::source::Modules;

/// How many files may import each other in a circle.
const LARGEST_CIRCLE: usize = 3;

/// Returns the folder of a file, or the name of a file without one.
pub(super) fn room(file: &str) -> &str {
    file.split_once('/').map_or_else(|| file.trim_end_matches(".rs"), |(room, _)| room)
}

/// Returns what is wrong with the arrows, one line each.
pub(super) fn violations(arrows: &Arrows, order: &[&[&str]]) -> Vec<String> {
    let rank = |file: &str| order.iter().position(|rooms| rooms.contains(&room(file)));
    let mut violations = BTreeSet::new();
    for (from, targets) in arrows {
        if rank(from).is_none() {
            violations.insert(format!("{from} stands in a folder that has no place in the order"));
        }
        for to in targets {
            if room(from) != room(to) && rank(from) < rank(to) {
                violations.insert(format!("{from} -> {to}: {} stands above {}", room(to), room(from)));
            }
            if from < to && arrows.get(to).is_some_and(|back| back.contains(from)) {
                violations.insert(format!("{from} <-> {to}: they import each other"));
            }
        }
    }
    for circle in circles(arrows).into_iter().filter(|circle| circle.len() > LARGEST_CIRCLE) {
        let files: Vec<_> = circle.into_iter().collect();
        violations.insert(format!("a circle of {} files: {}", files.len(), files.join(", ")));
    }
    violations.into_iter().collect()
}

/// Returns the largest sets of files each of which leads to all others.
pub(super) fn circles(arrows: &Arrows) -> Vec<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|file| (file.as_str(), reach(arrows, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, far) in &reached {
        let circle: BTreeSet<&str> = far
            .iter()
            .copied()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reach<'a>(arrows: &'a Arrows, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(file) = open.pop() {
        let targets = arrows.get(file).into_iter().flatten();
        open.extend(targets.map(String::as_str).filter(|target| reached.insert(*target)));
    }
    reached
}

/// Returns the number of type names, and those that are declared more than once, with their files.
pub(super) fn doubled_names(modules: &Modules) -> (usize, Vec<String>) {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for module in modules.0.values() {
        for name in &module.types {
            files.entry(name).or_default().push(&module.file);
        }
    }
    let doubled = files.iter().filter(|(_, files)| files.len() > 1);
    (files.len(), doubled.map(|(name, files)| format!("{name}: {}", files.join(", "))).collect())
}
