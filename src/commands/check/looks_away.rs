//! Where a change makes tagpin look away: links and submodules, which are never followed.

use std::collections::{BTreeMap, HashSet};

use super::diff_base::DiffBase;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::{LookAway, LookAwayReason, Scan, Unread, UnreadReason, is_candidate, mentions};
use crate::source::tree::{CommitTree, EntryKind, ObjectKind, PatchedLink, PatchedTree, Tree, target_of};

/// How many links are followed, one to another: Linux's limit.
const LINKS_MAX: usize = 40;

/// Something that a change adds or alters and that is not a file: what a deployer reads there is not judged.
#[derive(Clone, Debug)]
pub(super) struct UnfollowedPath {
    /// Its path, as reports name it.
    pub(super) path: String,
    root_path: String,
    what: LookAway,
}

impl UnfollowedPath {
    fn unread(&self) -> Unread {
        let reason = match self.what.reason {
            LookAwayReason::Submodule => UnreadReason::Unreadable,
            _ => UnreadReason::Symlink,
        };
        Unread { document: None, reason, detail: Some(self.what.message()) }
    }

    /// Adds it to what makes tagpin look away, and to what could not be read.
    pub(super) fn add_to(&self, inventory: &mut Inventory) {
        let files = &mut inventory.files;
        let at = files.partition_point(|file| file.path < self.path);
        if files.get(at).is_none_or(|file| file.path != self.path) {
            let (path, root_path) = (self.path.clone(), self.root_path.clone());
            files.insert(at, FileScan { path, root_path, scan: Scan::told(Vec::new()) });
        }
        let scan = &mut files[at].scan;
        // It is known better now.
        scan.unread.retain(|unread| unread.reason != UnreadReason::Symlink);
        scan.looks_away.retain(|found| found.reason != LookAwayReason::Link);
        scan.unread.push(self.unread());
        scan.looks_away.push(self.what.clone());
    }
}

/// Returns where `head` has a link or a submodule that `base` has not, and where a file that the change edits is reached
/// through a link alone. `reads` returns whether the settings let a path be read.
pub(super) fn of_commits(
    base: &CommitTree,
    head: &CommitTree,
    place: &DiffBase,
    reads: impl Fn(&str) -> bool,
) -> Vec<UnfollowedPath> {
    let changed = head.changed_since(base);
    let mut directories = HashSet::new();
    for entry in base.entries().unwrap_or_default() {
        for (at, _) in entry.path.match_indices('/') {
            if !directories.contains(&entry.path[..at]) {
                directories.insert(entry.path[..at].to_owned());
            }
        }
    }
    let links = head.entries().unwrap_or_default().into_iter();
    let links = links.filter(|entry| entry.kind == EntryKind::Symlink);
    let links: BTreeMap<String, String> = links
        .map(|entry| {
            let target = head.link_target(&entry.path).unwrap_or_default();
            (entry.path, target)
        })
        .collect();
    let is_changed = |path: &str| changed.contains(path);
    let is_file = |path: &str| head.object(path).is_some_and(|(kind, _)| kind == ObjectKind::File);
    let mut found =
        of_links(&links, &changed, is_changed, is_file, |path| directories.contains(path), &reads);
    for path in &changed {
        if head.object(path).is_some_and(|(kind, _)| kind == ObjectKind::Submodule) {
            found.push(((*path).to_owned(), submodule()));
        }
    }
    let is_wanted = |path: &str| is_selected(place, path) || directories.contains(path);
    listed(found, place, |path| is_wanted(path) && reads(path))
}

/// Returns what a patch adds or alters that is not a file, and where a file that it edits is reached through a link of `now`
/// alone.
pub(super) fn of_patch<T: Tree>(
    patched: &PatchedTree<'_, T>,
    now: &T,
    place: &DiffBase,
    reads: impl Fn(&str) -> bool,
) -> Vec<UnfollowedPath> {
    let mut links = BTreeMap::new();
    for entry in
        now.entries().unwrap_or_default().into_iter().filter(|entry| entry.kind == EntryKind::Symlink)
    {
        links.insert(now.root_path(&entry.path), now.link_target(&entry.path).unwrap_or_default());
    }
    let mut found = Vec::new();
    for (path, what) in patched.links() {
        match what {
            PatchedLink::Link(target) => drop(links.insert(path.clone(), target.clone())),
            PatchedLink::Submodule => found.push((path.clone(), submodule())),
        }
    }
    let changed: HashSet<&str> = patched.changed().collect();
    let is_changed = |path: &str| patched.links().contains_key(path);
    let is_file = |path: &str| place.root.join(path).is_file();
    found.extend(of_links(&links, &changed, is_changed, is_file, |_| false, &reads));
    listed(found, place, |path| is_selected(place, path) && reads(path))
}

/// Returns which of the `links` are looked away from: new ones, but where nothing reads a file by that name, and old ones by
/// which alone a file is read as a manifest that is one of those that `changed`.
fn of_links(
    links: &BTreeMap<String, String>,
    changed: &HashSet<&str>,
    is_changed: impl Fn(&str) -> bool,
    is_file: impl Fn(&str) -> bool,
    was_directory: impl Fn(&str) -> bool,
    reads: impl Fn(&str) -> bool,
) -> Vec<(String, LookAway)> {
    let mut found = Vec::new();
    for (path, written) in links {
        if is_changed(path) {
            let is_run = is_candidate(path) || mentions::runs_images(path) || path.ends_with(".sh");
            let is_harmless = !is_run
                && !was_directory(path)
                && target_of(path, written.as_bytes()).is_some_and(|target| is_file(&target));
            let link = (!is_harmless).then(|| LookAway::of_file(LookAwayReason::Link, written.as_str()));
            found.extend(link.map(|link| (path.clone(), link)));
            continue;
        }
        let Some((target, through)) = target_through(links, path) else { continue };
        // Another link on its way leads elsewhere since.
        if let Some(turned) = through.into_iter().find(|link| is_changed(link)) {
            if is_candidate(path) || !is_file(&target) {
                found.push((path.clone(), LookAway::of_file(LookAwayReason::LinkToEdited, turned)));
            }
            continue;
        }
        // What is there is judged by its own name, where it has one that is read.
        let is_unjudged = |target: &&str| !is_candidate(target) || !reads(target);
        let edited = {
            let below = format!("{target}/");
            let mut all = changed.iter().copied().filter(|path| *path == target || path.starts_with(&below));
            all.find(|edited| is_unjudged(edited) && is_candidate(&edited.replacen(&target, path, 1)))
        };
        found.extend(
            edited.map(|edited| (path.clone(), LookAway::of_file(LookAwayReason::LinkToEdited, edited))),
        );
    }
    found
}

/// Returns where a link leads in the end, and the other links that it leads through.
fn target_through<'l>(links: &'l BTreeMap<String, String>, path: &str) -> Option<(String, Vec<&'l str>)> {
    let mut at = target_of(path, links.get(path)?.as_bytes())?;
    let mut through = Vec::new();
    for _ in 0..LINKS_MAX {
        let above = at.match_indices('/').map(|(end, _)| end).chain([at.len()]);
        let next = above.into_iter().find_map(|end| Some((end, links.get_key_value(&at[..end])?)));
        let Some((end, (link, written))) = next else { return Some((at, through)) };
        through.push(link.as_str());
        at = target_of(&at[..end], written.as_bytes())? + &at[end..];
    }
    None
}

/// Returns whether the command line names a path, one above it, or one below it.
fn is_selected(place: &DiffBase, path: &str) -> bool {
    let is_in = |path: &str, directory: &str| {
        directory.is_empty()
            || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    place.selected.iter().any(|selected| is_in(path, selected) || is_in(selected, path))
}

fn submodule() -> LookAway {
    LookAway::of_file(LookAwayReason::Submodule, "")
}

fn listed(
    found: Vec<(String, LookAway)>,
    place: &DiffBase,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<UnfollowedPath> {
    let found = found.into_iter().filter(|(path, _)| is_wanted(path));
    let found =
        found.map(|(root_path, what)| UnfollowedPath { path: place.shown(&root_path), root_path, what });
    let mut found: Vec<UnfollowedPath> = found.collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}
