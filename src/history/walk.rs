//! Walks through the commits of a log, and reads what each did to the images of a target.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;

use super::event::{History, HistoryEvent};
use super::key::{ImageKey, keys};
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::{self, SIZE_MAX};
use crate::policy::Settings;
use crate::policy::target::Target;
use crate::reference::Reference;
use crate::source::git::{Log, LogError, LoggedCommit, Oid};

/// What a state of the past is named by.
#[derive(Clone, Debug, Default)]
pub struct PastNames(HashMap<String, String>);

impl PastNames {
    /// Returns what the file that was called `path` is called at the end of the history.
    pub fn now<'n>(&'n self, path: &'n str) -> &'n str {
        self.0.get(path).map_or(path, String::as_str)
    }

    /// Follows the files of `target` that `step` renamed, back to their old names.
    fn follow(&mut self, step: &LoggedCommit, target: &Target) {
        for change in &step.changes {
            let (Some((old, _)), Some((new, _))) = (&change.before, &change.after) else { continue };
            if old != new && target.has_file(self.now(new)) {
                let now = self.now(new).to_owned();
                self.0.insert(old.clone(), now);
            }
        }
    }
}

/// Returns what happened to the images of `target` in the files that `settings` let it read.
///
/// # Errors
/// The git history cannot be read.
pub fn of(log: &Log, settings: &Settings, target: &Target) -> Result<History, LogError> {
    let mut history = History::default();
    walk(log, settings, target, |step, events| {
        history.events.extend(events);
        if step.is_cut {
            history.cut_at = Some(step.when);
        }
        ControlFlow::Continue(())
    })?;
    Ok(history)
}

/// Hands each commit and what it did to the images of `target` to `visit`, the newest first, until it has enough.
pub(super) fn walk(
    log: &Log,
    settings: &Settings,
    target: &Target,
    mut visit: impl FnMut(&LoggedCommit, Vec<HistoryEvent>) -> ControlFlow<()>,
) -> Result<(), LogError> {
    let catalogue = settings.catalogue();
    let mut reader = HistoryReader { log, catalogue: &catalogue, target, last: HashMap::new() };
    let mut names = PastNames::default();
    for step in log.steps() {
        let step = step?;
        // A name in the past is followed from the commit that gave the new one.
        names.follow(&step, target);
        let is_meant = |path: &str| target.has_file(names.now(path)) && settings.policy.reads(path);
        let mut events = Vec::new();
        for change in &step.changes {
            let side = |side: &Option<(String, Oid)>| {
                side.clone()
                    .filter(|(path, _)| is_meant(path) && (manifest::is_judged(path) || target.is_files()))
            };
            let (before, after) = (side(&change.before), side(&change.after));
            if before.is_some() || after.is_some() {
                reader.compare(&step, before, after, &names, &mut events);
            }
        }
        if visit(&step, events).is_break() {
            break;
        }
    }
    Ok(())
}

/// What a branch was at some time.
pub enum At {
    /// This commit, in which the files had these names.
    Commit(Box<LoggedCommit>, PastNames),
    /// Nothing yet: the history begins with a later commit.
    NotYet {
        /// When that was committed.
        first: Timestamp,
        /// Whether it goes on and is not here.
        is_cut: bool,
    },
}

/// Returns what `log` had at the end of `moment`, and how the files of `target` were called then.
///
/// # Errors
/// The git history cannot be read.
pub fn at(log: &Log, target: &Target, moment: Timestamp) -> Result<At, LogError> {
    let mut names = PastNames::default();
    let (mut first, mut is_cut) = (moment, false);
    for step in log.steps() {
        let step = step?;
        if step.when <= moment {
            return Ok(At::Commit(Box::new(step), names));
        }
        names.follow(&step, target);
        (first, is_cut) = (step.when, step.is_cut);
    }
    Ok(At::NotYet { first, is_cut })
}

/// The images of one version of a file: which, the line, and what is declared.
type DeclaredImages = Arc<Vec<(ImageKey, usize, Reference)>>;

/// The images of one version; `None` where nobody could read it.
type ReadImages = Option<DeclaredImages>;

struct HistoryReader<'r> {
    log: &'r Log,
    catalogue: &'r Catalogue,
    target: &'r Target,
    /// The last version of each file that was read: what a commit found is what the one before it left.
    last: HashMap<String, (Oid, ReadImages)>,
}

impl HistoryReader<'_> {
    /// Returns the images of a version; none where the file was not there.
    fn read(&mut self, version: Option<&(String, Oid)>) -> ReadImages {
        let Some((path, id)) = version else { return Some(DeclaredImages::default()) };
        if let Some((_, declared)) = self.last.get(path).filter(|(last, _)| last == id) {
            return declared.clone();
        }
        let bytes = self.log.read(*id, SIZE_MAX);
        let scan = bytes.map(|bytes| manifest::scan(path, &bytes, self.catalogue));
        // A file of which one document can be read tells as much in every version.
        let is_unread = |scan: &manifest::Scan| {
            scan.sites.is_empty() && scan.unread.iter().any(|unread| unread.reason.is_incomplete())
        };
        let declared = scan.filter(|scan| !is_unread(scan)).map(|scan| {
            let sites = scan.sites.iter().zip(keys(&scan.sites));
            let meant = sites.filter(|(located, _)| self.target.has_site(located));
            let declared =
                meant.filter_map(|(located, key)| Some((key, located.line, located.site.reference.clone()?)));
            Arc::new(declared.collect())
        });
        self.last.insert(path.clone(), (*id, declared.clone()));
        declared
    }

    fn compare(
        &mut self,
        step: &LoggedCommit,
        before: Option<(String, Oid)>,
        after: Option<(String, Oid)>,
        names: &PastNames,
        events: &mut Vec<HistoryEvent>,
    ) {
        // A version that nobody can read, with the marks of a conflict or a slip, is taken for the one after it: no image went
        // and came back, so that no age begins anew and no revert is forgotten.
        let (new, old) = match (self.read(after.as_ref()), self.read(before.as_ref())) {
            (Some(new), Some(old)) => (new, old),
            (Some(new), None) => {
                self.last
                    .extend(before.iter().map(|(path, id)| (path.clone(), (*id, Some(Arc::clone(&new))))));
                return;
            }
            (None, _) => return,
        };
        let Some((file, _)) = after.or(before) else { return };
        let event =
            |key: &ImageKey, line, before: Option<&Reference>, after: Option<&Reference>| HistoryEvent {
                commit: step.id.to_string(),
                when: step.when,
                title: step.title.clone(),
                pull_request: pull_request(&step.title),
                is_own: step.is_own,
                file_now: names.now(&file).to_owned(),
                file: file.clone(),
                line,
                key: key.clone(),
                before: before.cloned(),
                after: after.cloned(),
            };
        let (before, after) = (by_key(&old), by_key(&new));
        for (key, line, reference) in new.iter() {
            let was = before.get(key).copied();
            if was != Some(reference) {
                events.push(event(key, *line, was, Some(reference)));
            }
        }
        for (key, line, reference) in old.iter().filter(|(key, _, _)| !after.contains_key(key)) {
            events.push(event(key, *line, Some(reference), None));
        }
    }
}

/// Returns the images by their keys; of several with one key the first.
fn by_key(images: &DeclaredImages) -> HashMap<&ImageKey, &Reference> {
    images.iter().rev().map(|(key, _, reference)| (key, reference)).collect()
}

/// Returns the number in `Merge pull request #12 from …` or `… (#12)`.
fn pull_request(title: &str) -> Option<u64> {
    let merged = title.strip_prefix("Merge pull request #").and_then(|rest| rest.split(' ').next());
    let squashed = || title.trim_end().strip_suffix(')')?.rsplit_once("(#").map(|(_, number)| number);
    merged.or_else(squashed)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_requests_are_read_from_titles() {
        for (title, number) in [
            ("Merge pull request #12 from acme/tagpin", Some(12)),
            ("Pin 3 images (#45)", Some(45)),
            ("Pin 3 images", None),
            ("Merge pull request #x", None),
            ("a (#4) b", None),
        ] {
            assert_eq!(pull_request(title), number, "{title}");
        }
    }
}
