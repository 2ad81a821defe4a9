//! Since when what a place declares stands there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::key::{ImageKey, keys};
use super::walk::walk;
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::policy::Settings;
use crate::policy::target::Target;
use crate::reference::{Digest, Image, Reference};
use crate::source::git::{Log, LogError};

/// Since when a digest is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Since this commit of the base branch.
    Commit(Timestamp),
    /// At least since this commit, where the history that is here ends.
    AtLeast(Timestamp),
}

impl Since {
    /// Returns the time of the commit.
    pub fn time(self) -> Timestamp {
        let (Self::Commit(when) | Self::AtLeast(when)) = self;
        when
    }
}

/// How long an image has had its digest where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It has no digest.
    NotPinned,
    /// Since this commit without a break.
    Declared(Since),
    /// No commit has it there yet.
    NotCommitted,
    /// Nobody knows: there is no history, or it goes back further than it is looked through.
    Unknown,
}

impl Age {
    /// Returns what can be said of an image without a history.
    pub fn untold(located: &Located) -> Self {
        let digest = located.site.reference.as_ref().and_then(Reference::digest);
        if digest.is_some() { Self::Unknown } else { Self::NotPinned }
    }
}

/// Returns the age of each site of `inventory` that `is_meant`, and `None` for the others, in the order of
/// [`Inventory::sites`]. No more of the history is read than it takes.
///
/// # Errors
/// The git history cannot be read.
pub fn ages(
    log: &Log,
    settings: &Settings,
    inventory: &Inventory,
    is_meant: impl Fn(&FileScan, &Located) -> bool,
) -> Result<Vec<Option<Age>>, LogError> {
    let mut ages = Vec::new();
    let mut open: HashMap<(String, ImageKey), OpenAge> = HashMap::new();
    for file in &inventory.files {
        for (located, key) in file.scan.sites.iter().zip(keys(&file.scan.sites)) {
            let digest = located.site.reference.as_ref().and_then(Reference::digest);
            let age = is_meant(file, located).then_some(Age::NotPinned);
            if let (Some(_), Some(digest)) = (age, digest) {
                let open =
                    open.entry((file.root_path.clone(), key)).or_insert_with(|| OpenAge::new(digest.clone()));
                open.sites.push(ages.len());
            }
            ages.push(age);
        }
    }
    let files: BTreeSet<String> = open.keys().map(|(file, _)| file.clone()).collect();
    let earliest = log.earliest()?;
    let mut cut = None;
    walk(log, settings, &Target::files(files), |step, events| {
        let when = earliest.get(&step.id).copied().unwrap_or(step.when);
        for event in events {
            let key = (event.file_now, event.key);
            let Some(one) = open.get_mut(&key) else { continue };
            let had = event.before.as_ref().and_then(Reference::digest) == Some(&one.digest);
            let has = event.after.as_ref().and_then(Reference::digest) == Some(&one.digest);
            let age = match (one.is_committed || has, had) {
                (false, _) => Age::NotCommitted,
                (true, true) => {
                    one.is_committed = true;
                    continue;
                }
                // In the last commit of a shallow clone everything looks as if it were new.
                (true, false) if step.is_cut && event.before.is_none() => Age::Declared(Since::AtLeast(when)),
                (true, false) => Age::Declared(Since::Commit(when)),
            };
            one.sites.iter().for_each(|site| ages[*site] = Some(age));
            open.remove(&key);
        }
        if step.is_cut {
            cut = Some((when, step.parent.is_some()));
        }
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    for one in open.into_values() {
        let age = match cut {
            Some((when, _)) if one.is_committed => Age::Declared(Since::AtLeast(when)),
            Some((_, true)) => Age::Unknown,
            _ => Age::NotCommitted,
        };
        one.sites.iter().for_each(|site| ages[*site] = Some(age));
    }
    Ok(ages)
}

/// A place whose age is not known yet.
struct OpenAge {
    digest: Digest,
    /// Whether the newest commit that changed it left this digest.
    is_committed: bool,
    /// The indexes of the sites.
    sites: Vec<usize>,
}

impl OpenAge {
    fn new(digest: Digest) -> Self {
        Self { digest, is_committed: false, sites: Vec::new() }
    }
}

/// Returns since when each image and digest is declared: since the earliest, where several places declare it. What is not
/// committed is not there.
pub fn earliest(inventory: &Inventory, ages: &[Option<Age>]) -> BTreeMap<(Image, Digest), Since> {
    let mut all: BTreeMap<(Image, Digest), Since> = BTreeMap::new();
    for ((_, located), age) in inventory.sites().zip(ages) {
        let (Some(Age::Declared(since)), Some(reference)) = (age, &located.site.reference) else { continue };
        let Some(digest) = reference.digest() else { continue };
        let known = all.entry((Image::of(reference), digest.clone())).or_insert(*since);
        if since.time() < known.time() {
            *known = *since;
        }
    }
    all
}
