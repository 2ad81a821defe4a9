//! Where a change makes tagpin look away: links and submodules, which are never followed, and what Helm reads beside
//! manifests.

use std::collections::{BTreeMap, HashSet};

use super::diff_base::DiffBase;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::{LookAway, LookAwayReason, SIZE_MAX, Scan, Unread, UnreadReason, is_candidate};
use crate::reference::Reference;
use crate::source::tree::{CommitTree, EntryKind, ObjectKind, PatchedLink, Tree as _, target_of};

/// Something that a change adds or alters and that is not a file: what a deployer reads there is not judged.
#[derive(Clone, Debug)]
pub(super) struct UnfollowedPath {
    /// Its path, as reports name it.
    pub(super) path: String,
    root_path: String,
    what: LookAway,
}

impl UnfollowedPath {
    fn unread(&self) -> Option<Unread> {
        let reason = match self.what.reason {
            LookAwayReason::Submodule => UnreadReason::Unreadable,
            LookAwayReason::ChartTemplate | LookAwayReason::ChartArchive => return None,
            _ => UnreadReason::Symlink,
        };
        Some(Unread { document: None, reason, detail: Some(self.what.message()) })
    }

    /// Adds it to what makes tagpin look away, and to what could not be read.
    pub(super) fn add_to(&self, inventory: &mut Inventory) {
        let files = &mut inventory.files;
        let at = files.partition_point(|file| file.path < self.path);
        if files.get(at).is_none_or(|file| file.path != self.path) {
            let (path, root_path) = (self.path.clone(), self.root_path.clone());
            files.insert(at, FileScan { path, root_path, scan: Scan::default() });
        }
        let scan = &mut files[at].scan;
        if let Some(unread) = self.unread() {
            // It is known better now.
            scan.unread.retain(|unread| unread.reason != UnreadReason::Symlink);
            scan.looks_away.retain(|found| found.reason != LookAwayReason::Link);
            scan.unread.push(unread);
        }
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
    let links = links.filter(|entry| entry.kind == EntryKind::Symlink).map(|entry| entry.path);
    let mut found = Vec::new();
    for path in links {
        let written = head.link_target(&path).unwrap_or_default();
        let target = target_of(&path, &written);
        let is_file = |target: &String| head.object(target).is_some_and(|(kind, _)| kind == ObjectKind::File);
        let file = target.filter(is_file);
        let what = if changed.contains(path.as_str()) {
            // Nothing reads a file by a name that no manifest has: what stands there is judged by its own name.
            let is_harmless = file.is_some() && !is_candidate(&path) && !directories.contains(&path);
            let target = String::from_utf8_lossy(&written).into_owned();
            (!is_harmless).then(|| LookAway::of_file(LookAwayReason::Link, target))
        } else {
            let is_edited = |target: &String| changed.contains(target.as_str()) && !is_candidate(target);
            let target = file.filter(|target| is_candidate(&path) && is_edited(target));
            target.map(|target| LookAway::of_file(LookAwayReason::LinkToEdited, target))
        };
        found.extend(what.map(|what| (path, what)));
    }
    for path in &changed {
        found.extend(of_chart(head, path).map(|reason| ((*path).to_owned(), LookAway::of_file(reason, ""))));
    }
    for path in changed {
        if head.object(path).is_some_and(|(kind, _)| kind == ObjectKind::Submodule) {
            found.push((path.to_owned(), submodule()));
        }
    }
    // What is there both as a link and as a part of a chart is said once.
    found.dedup_by(|a, b| a.0 == b.0);
    let is_wanted = |path: &str| is_selected(place, path) || directories.contains(path);
    listed(found, place, |path| is_wanted(path) && reads(path))
}

/// Returns why a file of a chart of `head` is not judged though Helm reads it: a template that is not called like a manifest,
/// a helper that holds an image, a packed chart.
fn of_chart(head: &CommitTree, path: &str) -> Option<LookAwayReason> {
    let is_chart = |directory: &str| {
        let chart =
            if directory.is_empty() { "Chart.yaml".to_owned() } else { format!("{directory}/Chart.yaml") };
        matches!(head.object(&chart), Some((ObjectKind::File, _)))
    };
    let is_in = |part: &str| {
        let whole = format!("/{path}");
        whole.match_indices(part).any(|(at, _)| is_chart(whole[..at].trim_start_matches('/')))
    };
    if !matches!(head.object(path), Some((ObjectKind::File, _))) {
        return None;
    }
    if path.ends_with(".tgz") {
        return is_in("/charts/").then_some(LookAwayReason::ChartArchive);
    }
    // Nothing comes out of a helper but where a template asks for it.
    let is_helper = path.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
    // Notes are printed and not applied.
    if is_candidate(path) && !is_helper || path.ends_with("/NOTES.txt") || !is_in("/templates/") {
        return None;
    }
    let may_name = || match head.read(path, SIZE_MAX) {
        Ok(bytes) => names_image(&String::from_utf8_lossy(&bytes)),
        Err(_) => true,
    };
    (!is_helper || may_name()).then_some(LookAwayReason::ChartTemplate)
}

/// Returns whether a word of a template is an image with a tag.
fn names_image(text: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | '{' | '}' | ',');
    text.split(ends).any(|word| {
        matches!(Reference::parse(word), Ok(reference) if reference.tag().is_some() && reference.digest().is_none())
    })
}

/// Returns what a patch adds or alters that is not a file.
pub(super) fn of_patch(
    links: &BTreeMap<String, PatchedLink>,
    place: &DiffBase,
    reads: impl Fn(&str) -> bool,
) -> Vec<UnfollowedPath> {
    let is_harmless = |path: &str, what: &PatchedLink| {
        let PatchedLink::Link(target) = what else { return false };
        let target = target_of(path, target.as_bytes());
        !is_candidate(path) && target.is_some_and(|target| place.root.join(target).is_file())
    };
    let found = links.iter().filter(|(path, what)| !is_harmless(path, what));
    let kind = |what: &PatchedLink| match what {
        PatchedLink::Link(target) => LookAway::of_file(LookAwayReason::Link, target.clone()),
        PatchedLink::Submodule => submodule(),
    };
    let found = found.map(|(path, what)| (path.clone(), kind(what))).collect();
    listed(found, place, |path| is_selected(place, path) && reads(path))
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
