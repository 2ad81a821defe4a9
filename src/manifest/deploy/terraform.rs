//! Terraform: an image that is the value of a name counts only where all files of its module use that name as an image.

use std::collections::{BTreeSet, HashMap};

use super::TreeFile;
use crate::manifest::inventory::directory;
use crate::manifest::site::Skip;

/// Leaves the definitions alone that a file beside them uses for more than an image, and those that nobody uses as one.
/// What files say of names is taken out of them.
pub(super) fn settle(files: &mut [TreeFile<'_>]) {
    let mut modules: HashMap<&str, (BTreeSet<String>, BTreeSet<String>)> = HashMap::new();
    for (path, scan) in files.iter() {
        let (images, others) = modules.entry(directory(path)).or_default();
        images.extend(scan.module.images.iter().cloned());
        others.extend(scan.module.others.iter().cloned());
    }
    for (path, scan) in files.iter_mut() {
        let Some((images, others)) = modules.get(directory(path)) else { continue };
        for (name, pointer) in std::mem::take(&mut scan.module).definitions {
            if images.contains(&name) && !others.contains(&name) {
                continue;
            }
            for located in scan.sites.iter_mut().filter(|located| located.site.path == pointer) {
                located.site.skip(Skip::UnknownLocation);
            }
        }
    }
}
