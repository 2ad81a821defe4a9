//! Entries of the settings that are for nothing: a pattern with a slip in it guards, or allows, nobody. Pure.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::settings::CheckSettings;
use crate::manifest::inventory::Inventory;
use crate::policy::{Globs, Scoped, ScopedList, Settings};
use crate::reference::Reference;

/// Returns a remark for each entry of the settings whose patterns match nothing in a whole repository: allow-list, rules of
/// the gate and of policy, environments.
pub fn unmatched(inventory: &Inventory, settings: &Settings, check: &CheckSettings) -> Vec<String> {
    let mut entries = Vec::new();
    for (_, allow) in for_nothing(inventory, &check.allows) {
        let (file, line) = (&allow.origin.file, allow.origin.place.line);
        entries.push((
            format!("[[check.allow]] at {file}:{line}"),
            patterns(&allow.matcher.paths, &allow.matcher.images),
        ));
    }
    for (number, rule) in for_nothing(inventory, &check.rules) {
        entries.push((
            format!("[[check.rule]] number {number}"),
            patterns(&rule.matcher.paths, &rule.matcher.images),
        ));
    }
    for (number, rule) in for_nothing(inventory, &settings.policy.rules) {
        entries.push((format!("[[policy.rule]] number {number}"), patterns(&rule.paths, &rule.images)));
    }
    // A copy that has no file is as bad as an environment that has none.
    let mut copies: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); settings.environments.len()];
    for file in &inventory.files {
        for index in settings.environments.matching_indices(&file.root_path, &[]) {
            copies[index].extend(settings.environments[index].copies_of(&file.root_path));
        }
    }
    for (environment, there) in settings.environments.iter().zip(copies) {
        for pattern in environment.empty_copies(&there) {
            entries.push((format!("[[environment]] `{}`", environment.name), format!("`{pattern}`")));
        }
    }
    let remark = |(entry, patterns)| format!("{entry} matches nothing that is here: {patterns}");
    entries.into_iter().map(remark).collect()
}

/// Returns the settings that match no file with images or one that was not read, and no image in it, with their numbers from
/// 1. Who names neither files nor images is for every finding.
fn for_nothing<'l, T: Scoped>(
    inventory: &Inventory,
    list: &'l ScopedList<T>,
) -> impl Iterator<Item = (usize, &'l T)> {
    let mut matched: Vec<bool> =
        list.iter().map(|setting| setting.paths().is_none() && setting.images().is_none()).collect();
    for file in &inventory.files {
        let mut take = |names: &[Cow<'_, str>]| {
            list.matching_indices(&file.root_path, names).for_each(|index| matched[index] = true);
        };
        take(&[]);
        for located in file.scan.sites.iter().filter(|_| !list.is_empty()) {
            let image = &located.site.image;
            match Reference::parse(image) {
                Ok(reference) => take(&reference.names()),
                // A variable or a template: what stands there.
                Err(_) => take(&[image.as_str().into()]),
            }
        }
    }
    (1..).zip(list).zip(matched).filter(|(_, matched)| !matched).map(|(setting, _)| setting)
}

fn patterns(paths: &Option<Globs>, images: &Option<Globs>) -> String {
    let list = |name: &str, globs: &Globs| format!("{name} = {:?}", globs.patterns());
    let parts =
        [paths.as_ref().map(|paths| list("paths", paths)), images.as_ref().map(|it| list("images", it))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
