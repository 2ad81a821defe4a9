//! What the gate reads.

use crate::manifest::inventory::{self, Inventory};
use crate::policy::Settings;
use crate::source::tree::{Tree, TreeError};

/// Returns the images in `tree` that `settings` let the gate read, and everything that it does not understand: each
/// document that may hold an image is read by two readers.
///
/// # Errors
/// The tree itself cannot be read.
pub fn take_inventory<T: Tree>(tree: &T, settings: &Settings) -> Result<Inventory, TreeError> {
    let reads = |path: &str| settings.policy.reads(path);
    inventory::take_strictly(tree, &settings.catalogue(), reads)
}
