//! Entries of the settings that are for nothing: a pattern with a slip in it guards, or allows, nobody. Pure.

use super::settings::{CheckSettings, Matcher, is_among};
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::policy::{Globs, Settings};

/// Returns a remark for each entry of the settings whose patterns match nothing in a whole repository: allow-list, rules of
/// the gate and of policy, environments.
pub fn unmatched(inventory: &Inventory, settings: &Settings, check: &CheckSettings) -> Vec<String> {
    let for_nothing =
        |matcher: &Matcher| !is_for_something(inventory, matcher.paths.as_ref(), matcher.images.as_ref());
    let mut entries = Vec::new();
    for allow in check.allows.iter().filter(|allow| for_nothing(&allow.matcher)) {
        let (file, line) = (&allow.origin.file, allow.origin.place.line);
        entries.push((
            format!("[[check.allow]] at {file}:{line}"),
            patterns(&allow.matcher.paths, &allow.matcher.images),
        ));
    }
    for (number, rule) in (1..).zip(&check.rules).filter(|(_, rule)| for_nothing(&rule.matcher)) {
        entries.push((
            format!("[[check.rule]] number {number}"),
            patterns(&rule.matcher.paths, &rule.matcher.images),
        ));
    }
    for (number, rule) in (1..).zip(&settings.policy.rules) {
        if !is_for_something(inventory, rule.paths.as_ref(), rule.images.as_ref()) {
            entries.push((format!("[[policy.rule]] number {number}"), patterns(&rule.paths, &rule.images)));
        }
    }
    for environment in &settings.environments {
        // A copy that has no file is as bad as an environment that has none.
        for pattern in environment.empty_copies(|copy| is_for_something(inventory, Some(copy), None)) {
            entries.push((format!("[[environment]] `{}`", environment.name), format!("`{pattern}`")));
        }
    }
    let remark = |(entry, patterns)| format!("{entry} matches nothing that is here: {patterns}");
    entries.into_iter().map(remark).collect()
}

/// Returns whether the patterns match a file with images or one that was not read, and an image in it.
fn is_for_something(inventory: &Inventory, paths: Option<&Globs>, images: Option<&Globs>) -> bool {
    let is_path = |path: &str| paths.is_none_or(|paths| paths.matches(path));
    let is_image = |located: &Located| images.is_none_or(|images| is_among(images, &located.site.image));
    let in_file = |file: &FileScan| {
        is_path(&file.root_path)
            && (images.is_none() && paths.is_some() || file.scan.sites.iter().any(is_image))
    };
    // Who names neither is for every finding, those of files without images too.
    (paths.is_none() && images.is_none()) || inventory.files.iter().any(in_file)
}

fn patterns(paths: &Option<Globs>, images: &Option<Globs>) -> String {
    let list = |name: &str, globs: &Globs| format!("{name} = {:?}", globs.patterns());
    let parts =
        [paths.as_ref().map(|paths| list("paths", paths)), images.as_ref().map(|it| list("images", it))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
