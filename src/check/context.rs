//! What the rules of the gate judge by.

use std::collections::BTreeMap;
use std::ops::Range;

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
    /// What was there before the change that is judged; `None` where the files are judged as they are.
    pub base: Option<Base<'c>>,
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
    /// Where the change makes tagpin look away.
    pub looks_away: &'c [LookAway],
}

/// Something that a change adds or alters and that is not a file: what a deployer reads there is not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookAway {
    /// Its path, as reports name it.
    pub path: String,
    /// Its path below the root of its git work tree.
    pub root_path: String,
    /// What it is.
    pub what: LookAwayKind,
}

/// What makes tagpin look away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookAwayKind {
    /// A symbolic link that the change adds or alters.
    Link {
        /// Where it leads, as it is written.
        target: String,
    },
    /// A symbolic link that was there, to a file that the change edits and that has no name of a manifest.
    LinkToEdited {
        /// The file below the root.
        target: String,
    },
    /// A submodule that the change adds or moves.
    Submodule,
}

impl LookAway {
    /// Returns what it is and what to do about it, as a sentence.
    pub fn reason(&self) -> String {
        match &self.what {
            LookAwayKind::Link { target } => format!(
                "the change makes it a symbolic link to `{target}`, which tagpin does not follow; commit the file itself"
            ),
            LookAwayKind::LinkToEdited { target } => format!(
                "it is a symbolic link, which tagpin does not follow, to `{target}`, which the change edits; commit the file itself"
            ),
            LookAwayKind::Submodule => "the change adds or moves this submodule, which tagpin does not read; check its repository by \
                itself"
                .to_owned(),
        }
    }
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
}
