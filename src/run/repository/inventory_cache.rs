//! What a base commit held when it was read last, kept beside the clone: a commit that was read once, with this
//! configuration and this version of tagpin, is neither fetched nor read again as long as nothing in it has to change.
//!
//! A file here is a shortcut and nothing else: digests are asked for in every run, and as soon as there is something to
//! write, the commit itself is read.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::cache_file::{CacheFile, hash};
use super::own_file::OwnFile;
use crate::config::{Config, ConfigError};
use crate::history::ledger::{LedgerView, TagObservation};
use crate::manifest::UnreadReason;
use crate::manifest::inventory::Inventory;
use crate::plan::verify::verify;
use crate::plan::{Pinned, pin};
use crate::policy::Settings;
use crate::registry::Registry;
use crate::run::RunSession;
use crate::source::git::{BareClone, Oid};

const FILE: CacheFile = CacheFile { magic: "tagpin-sites 2", size_max: 64 << 20 };

/// What a commit held.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CachedInventory {
    /// Every image.
    inventory: Inventory,
    /// The repository's own configuration: its path, its text, and what is to be said about it.
    own: Option<OwnFile>,
}

/// Where the inventory of one branch is kept, and what it has to be of.
#[derive(Clone, Debug)]
pub(crate) struct CacheKey {
    file: PathBuf,
    key: String,
}

/// Returns the file for the inventory of `branch`, beside the clone.
pub(crate) fn file(repository: &BareClone, branch: &str) -> PathBuf {
    let name = &hash([branch.as_bytes()])[..16];
    repository.beside(&format!("{name}.sites"))
}

/// Returns what tells this build from others of its version, which may find other images: the length of the program and when it
/// was made; nothing where that is not known.
fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let program = std::env::current_exe().and_then(std::fs::metadata);
        program.map(|it| format!("{} {:?}", it.len(), it.modified().ok())).unwrap_or_default()
    })
}

impl CacheKey {
    /// Returns the key of the commit `base`, read in a run of this kind, in `file`.
    pub(crate) fn new(file: PathBuf, base: Oid, session: &RunSession) -> Self {
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        let key = hash([version, build().as_bytes(), base.as_bytes(), session.settings_hash.as_bytes()]);
        Self { file, key }
    }

    /// Returns what is known of the commit; `None` where that is nothing, or not to be believed.
    pub(crate) fn load(&self) -> Option<CachedInventory> {
        let cached = read(&self.file, &self.key);
        tracing::debug!(file = %self.file.display(), known = cached.is_some(), "the sites of the base");
        cached
    }

    /// Keeps what the commit held, where reading it again would say the same. A file that cannot be written costs a
    /// reading in the next run, and no more.
    pub(crate) fn keep(&self, inventory: &Inventory, own: Option<OwnFile>) {
        if !is_settled(inventory) {
            return;
        }
        let cached = CachedInventory { inventory: inventory.clone(), own };
        if let Err(error) = write(&self.file, &self.key, &cached) {
            tracing::warn!(%error, file = %self.file.display(), "what the repository holds cannot be kept");
        }
    }
}

impl CachedInventory {
    /// Returns `config` narrowed by the repository's own file, and what is to be said about that.
    ///
    /// # Errors
    /// The file is refused.
    pub(crate) fn narrowed(&self, config: &Config) -> Result<(Config, Option<String>), ConfigError> {
        match &self.own {
            None => Ok((config.clone(), None)),
            Some(own) => {
                let keys = |path: &str| own.keys.get(path).cloned();
                Ok((config.narrowed(&own.path, own.text.as_bytes(), keys)?, own.warning.clone()))
            }
        }
    }

    /// Asks the registries what the images are now; returns `None` where something has to change, so that the commit
    /// has to be read.
    pub(crate) async fn unchanged<R: Registry>(
        self,
        settings: &Settings,
        past: &LedgerView,
        registry: &R,
        progress: impl Fn(usize, usize),
    ) -> Option<Pinned> {
        let inventory = self.inventory;
        let (mut verdicts, answers) = pin::foresee(settings, past, registry, &inventory, progress).await;
        verify(registry, &settings.policy, &inventory, &mut verdicts).await;
        let settled = verdicts.iter().all(|verdict| verdict.change.is_none());
        let sightings = TagObservation::all(&answers);
        settled.then(|| Pinned { inventory: inventory.into(), verdicts, sightings, ..Pinned::default() })
    }
}

/// Returns whether the verdicts follow from the inventory alone: what could not be read only this time is not in it.
fn is_settled(inventory: &Inventory) -> bool {
    inventory.unread().all(|(_, unread)| unread.reason != UnreadReason::Unreadable)
}

fn read(file: &Path, key: &str) -> Option<CachedInventory> {
    serde_json::from_slice(&FILE.read(file, key)?).ok()
}

fn write(file: &Path, key: &str, cached: &CachedInventory) -> std::io::Result<()> {
    FILE.write(file, key, &serde_json::to_vec(cached)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::formats::catalogue::BUILT_IN;
    use crate::source::tree::DirectoryTree;

    /// Everything that the cases hold: every kind of site there is.
    fn everything() -> Inventory {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
        crate::manifest::inventory::take(
            &DirectoryTree::open(&root).unwrap(),
            &BUILT_IN,
            |_| true,
            crate::manifest::VendoredTrees::Read,
        )
        .unwrap()
    }

    #[test]
    fn what_was_kept_comes_back_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.sites");
        let mut cached = CachedInventory { inventory: everything(), own: None };
        // What reading has cost is not kept: what is kept was not read.
        cached.inventory.files.iter_mut().for_each(|file| file.scan = file.scan.clone().kept());
        assert!(cached.inventory.sites().count() > 300);
        write(&file, "key", &cached).unwrap();
        let back = read(&file, "key").unwrap();
        assert_eq!(format!("{:?}", back.inventory), format!("{:?}", cached.inventory));
    }

    #[test]
    fn what_is_no_inventory_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.sites");
        write(&file, "key", &CachedInventory { inventory: Inventory::default(), own: None }).unwrap();
        assert!(read(&file, "key").is_some());
        // Right by its hash all the same.
        FILE.write(&file, "key", b"[]").unwrap();
        assert!(read(&file, "key").is_none());
    }
}
