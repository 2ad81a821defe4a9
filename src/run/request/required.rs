//! What a request needs in order to mean something.

use super::RequestError;
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::policy::Globs;
use crate::policy::target::Target;

/// Refuses a target without an image: its paths are likely spelled wrong, and to do nothing would look like success.
///
/// # Errors
/// [`RequestError::NoImage`]
pub fn require_images(inventory: &Inventory, targets: &[&Target]) -> Result<(), RequestError> {
    let is_empty = |target: &&&Target| !inventory.sites().any(|(file, located)| target.has(file, located));
    match targets.iter().find(is_empty) {
        Some(target) => Err(RequestError::NoImage(target.name.clone())),
        None => Ok(()),
    }
}

/// Refuses `images` that are for nothing in `targets`.
///
/// # Errors
/// [`RequestError::NoMatch`]
pub fn require_match(
    images: Option<&Globs>,
    inventory: &Inventory,
    targets: &[&Target],
) -> Result<(), RequestError> {
    let Some(images) = images else { return Ok(()) };
    let is_meant = |(file, located): (&FileScan, &Located)| {
        let reference = located.site.reference.as_ref();
        targets.iter().any(|target| target.has(file, located))
            && reference.is_some_and(|reference| images.matches_image(reference))
    };
    if inventory.sites().any(is_meant) {
        return Ok(());
    }
    let quoted = |name: &str| format!("`{name}`");
    let names: Vec<String> = targets.iter().map(|target| quoted(&target.name)).collect();
    let images: Vec<String> = images.patterns().iter().map(|pattern| quoted(pattern)).collect();
    Err(RequestError::NoMatch { targets: names.join(" and "), images: images.join(" or ") })
}
