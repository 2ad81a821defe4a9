//! What the gate reads.

use crate::manifest::inventory::{self, FileScan, Inventory};
use crate::manifest::{LookAway, LookAwayReason, Scan, VendoredTrees};
use crate::policy::Settings;
use crate::source::tree::{Tree, TreeError};

/// Returns the images in `tree` that `settings` let the gate read, and everything that it does not understand: each
/// document that may hold an image is read by two readers.
///
/// # Errors
/// The tree itself cannot be read.
pub fn take_inventory<T: Tree>(tree: &T, settings: &Settings) -> Result<Inventory, TreeError> {
    take(tree, settings, VendoredTrees::Read)
}

/// Does what [`take_inventory`] does for files that are judged as they are: unless `settings` let them be read, directories that a
/// tool fetched are left out and said, and so are submodules. What a change adds is judged wherever it stands: nobody passes the gate by a
/// directory's name.
///
/// # Errors
/// The tree itself cannot be read.
pub fn take_what_is_there<T: Tree>(tree: &T, settings: &Settings) -> Result<Inventory, TreeError> {
    let vendored = if settings.policy.vendored { VendoredTrees::Read } else { VendoredTrees::Tell };
    let mut inventory = take(tree, settings, vendored)?;
    for (path, root_path) in tree.submodules() {
        if !settings.policy.reads(&root_path) {
            continue;
        }
        let looks_away = vec![LookAway::of_file(LookAwayReason::Submodule, "")];
        let at = inventory.files.partition_point(|file| file.path < path);
        let scan = Scan::told(looks_away);
        inventory.files.insert(at, FileScan { path, root_path, scan });
    }
    Ok(inventory)
}

fn take<T: Tree>(tree: &T, settings: &Settings, vendored: VendoredTrees) -> Result<Inventory, TreeError> {
    let reads = |path: &str| settings.policy.reads(path);
    inventory::take_strictly(tree, &settings.catalogue(), reads, vendored)
}
