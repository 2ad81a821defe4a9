//! The edits of a whole tree: what was found, decided, and is to be written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::reason::Reason;
use super::verdict::Verdict;
use crate::history::ledger::TagObservation;
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::{self, Located};

/// What was found in a tree, what was decided, and what is to be written.
#[derive(Clone, Debug, Default)]
pub struct Pinned {
    /// Every image. Many branches share it.
    pub inventory: Arc<Inventory>,
    /// The verdict on every site, in the order of [`Inventory::sites`].
    pub verdicts: Vec<Verdict>,
    /// The files that change.
    pub files: Vec<FileEdit>,
    /// Files that change along with them, and hold no image.
    pub beside: Vec<FileEdit>,
    /// The paths of files whose annotations are mended where any image changes, in these files or in others.
    pub mended: BTreeSet<String>,
    /// Remarks that are not failures.
    pub notes: Vec<String>,
    /// What the registries said the tags are, for the ledger.
    pub sightings: Vec<TagObservation>,
}

impl Pinned {
    /// Leaves out what the report need not say: the files that are not `wanted`. None of them may change.
    pub fn keep(&mut self, wanted: impl Fn(&FileScan) -> bool) {
        let mut verdicts = std::mem::take(&mut self.verdicts).into_iter();
        Arc::make_mut(&mut self.inventory).files.retain(|file| {
            let wanted = wanted(file);
            let mine: Vec<Verdict> = verdicts.by_ref().take(file.scan.sites.len()).collect();
            if wanted {
                self.verdicts.extend(mine);
            }
            wanted
        });
    }

    /// Leaves out the files in which no image changes, but annotations alone.
    pub fn drop_unchanged(&mut self) {
        self.mend_along();
        let mended = std::mem::take(&mut self.mended);
        self.files.retain(|file| !mended.contains(&file.path));
    }

    /// Lets the files in which annotations alone change wait for an image that does: without one, nothing is written.
    pub fn mend_along(&mut self) {
        let sites = self.inventory.sites().zip(&self.verdicts);
        let changed =
            sites.filter(|(_, verdict)| verdict.change.is_some()).map(|((file, _), _)| file.path.as_str());
        let changed: BTreeSet<&str> = changed.collect();
        let paths = self.files.iter().map(|file| file.path.as_str());
        self.mended = paths.filter(|path| !changed.contains(path)).map(str::to_owned).collect();
        if changed.is_empty() {
            self.files.clear();
        }
    }

    /// Returns the images of the files that change, as they stand there after it: annotations move them. They are in the order
    /// that they have before.
    pub fn sites_after(&self, catalogue: &Catalogue) -> BTreeMap<String, Vec<Located>> {
        let edited = self.files.iter().filter_map(|edit| {
            let before = self.inventory.files.iter().find(|file| file.path == edit.path)?;
            let sites = manifest::scan(&before.scan.read_as(&before.root_path), &edit.after, catalogue).sites;
            (sites.len() == before.scan.sites.len()).then(|| (edit.path.clone(), sites))
        });
        edited.collect()
    }

    /// Takes the files in `paths` out of what is to be written; their sites are held for `reason`.
    pub fn hold(&mut self, paths: &BTreeSet<String>, reason: Reason, detail: &str) {
        self.files.retain(|file| !paths.contains(&file.path));
        for ((file, _), verdict) in self.inventory.sites().zip(&mut self.verdicts) {
            if verdict.change.is_some() && paths.contains(&file.path) {
                *verdict = Verdict::held(reason, detail);
            }
        }
    }
}

/// One file that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// The path that reports name.
    pub path: String,
    /// The bytes before.
    pub before: Vec<u8>,
    /// The bytes after, proven.
    pub after: Vec<u8>,
    /// How many spans differ.
    pub spans: usize,
}
