//! The entry that would make an image of an unknown place known, tried before anybody is told to write it.

use std::collections::{BTreeMap, BTreeSet};

use super::pin;
use crate::manifest::examine::examine;
use crate::manifest::formats::missing_entry::{Documents, MissingEntry, NoEntry};
use crate::manifest::inventory::FileScan;
use crate::manifest::site::{Site, Skip, State};
use crate::manifest::{Located, SIZE_MAX};
use crate::policy::Settings;
use crate::source::tree::{Tree, TreeError};

/// An image of an unknown place, and what makes it known.
#[derive(Clone, Debug)]
pub struct UnknownImage<'i> {
    /// The file that it stands in.
    pub file: &'i FileScan,
    /// Where it stands.
    pub located: &'i Located,
    /// The entry that the catalogue lacks, or why none helps.
    pub entry: Result<MissingEntry, NoEntry>,
}

/// Returns the images of unknown places in files of a tree with the entries that make them known. All entries are tried: one that leaves the
/// place unknown is none.
///
/// # Errors
/// The tree itself cannot be read again.
pub fn unknown_images<'i, T: Tree>(
    tree: &T,
    files: impl IntoIterator<Item = &'i FileScan>,
    settings: &Settings,
) -> Result<Vec<UnknownImage<'i>>, TreeError> {
    let catalogue = settings.catalogue();
    let mut all = Vec::new();
    for file in files {
        let unknown: Vec<&Located> = file.scan.sites.iter().filter(|located| is_unknown(located)).collect();
        if unknown.is_empty() {
            continue;
        }
        let sites: Vec<&Site> = unknown.iter().map(|it| &it.site).collect();
        let bytes = tree.read(&file.path, SIZE_MAX).unwrap_or_default();
        let missing = examine(&file.root_path, &bytes, &catalogue, &sites, 0..=0).missing;
        let images = unknown.into_iter().zip(missing);
        all.extend(images.map(|(located, entry)| UnknownImage { file, located, entry }));
    }
    try_entries(tree, settings, &mut all)?;
    Ok(all)
}

/// Takes back the entries with which an image is as unknown as before.
fn try_entries<T: Tree>(
    tree: &T,
    settings: &Settings,
    all: &mut [UnknownImage<'_>],
) -> Result<(), TreeError> {
    let mut entries: BTreeMap<&Documents, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for entry in all.iter().filter_map(|image| image.entry.as_ref().ok()) {
        let (images, fields) = entries.entry(&entry.documents).or_default();
        (if entry.is_split { fields } else { images }).insert(entry.path.clone());
    }
    if entries.is_empty() {
        return Ok(());
    }
    let mut tried = settings.clone();
    tried
        .locations
        .extend(entries.iter().map(|(documents, (images, fields))| documents.location(images, fields)));
    let found = pin::take_inventory(tree, &tried)?;
    let known = found.sites().filter(|(_, located)| !is_unknown(located));
    let known: BTreeSet<(&str, usize)> =
        known.map(|(file, located)| (file.path.as_str(), located.site.span.start)).collect();
    for image in all.iter_mut().filter(|image| image.entry.is_ok()) {
        if !known.contains(&(image.file.path.as_str(), image.located.site.span.start)) {
            image.entry = Err(NoEntry::NotTaken);
        }
    }
    Ok(())
}

fn is_unknown(located: &Located) -> bool {
    located.site.state == State::Skipped(Skip::UnknownLocation)
}
