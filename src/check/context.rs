//! What the rules of the gate judge by.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;

use super::baseline::Baseline;
use super::facts::{RegistryFacts, SiteFacts};
use super::finding::{SiteOf, sites};
use super::settings::CheckSettings;
use crate::manifest::inventory::Inventory;
use crate::policy::Settings;

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct CheckContext<'c> {
    /// The files that are checked.
    pub inventory: &'c Inventory,
    /// What should be pinned, and how.
    pub settings: &'c Settings,
    /// The levels and the allow-list.
    pub check: &'c CheckSettings,
    /// What today is, where the command runs.
    pub today: Date,
    /// The moment by which holds are judged.
    pub now: Timestamp,
    /// What was there before the change that is judged; `None` where the files are judged as they are.
    pub base: Option<Base<'c>>,
    /// Whether the files are those of a change, before or after it: what a change adds may count more.
    pub is_change: bool,
    /// The findings that are known.
    pub baseline: Option<&'c Baseline>,
    /// What the registries say; `None` offline.
    pub online: Option<&'c RegistryFacts>,
}

impl<'c> CheckContext<'c> {
    /// Returns every site with what the registries say of it; none offline.
    pub(super) fn facts(&self) -> impl Iterator<Item = (SiteOf<'c>, &'c SiteFacts)> + use<'c> {
        let facts = self.online.map(|online| online.sites.as_slice()).unwrap_or_default();
        sites(self.inventory).zip(facts)
    }
}

/// What a change is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Base<'c> {
    /// The same files before the change.
    pub inventory: &'c Inventory,
    /// What of the gate itself the change edits.
    pub edited: &'c [EditedSettings],
    /// The files below the root that the change touches, and the lines of theirs, from 1.
    pub touched: &'c BTreeMap<String, Vec<Range<usize>>>,
    /// The names that files have now and had before, below the root.
    pub renamed: &'c BTreeMap<String, String>,
    /// Every path below the root that is there now.
    pub there: &'c HashSet<String>,
}

/// A file with settings of the gate that a change edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedSettings {
    /// The file, as reports name it.
    pub file: String,
    /// The file below the root of its git work tree.
    pub root_path: String,
    /// What it has, for people.
    pub what: &'static str,
    /// Why nobody can read it any more, where that is so.
    pub broken: Option<String>,
}
