//! Plans of system-upgrade-controller: a container without a tag gets the version of the plan as its tag
//! (`WithLatestTag`, `MungeVersion`). A tag in the image would keep the next version from it, so nothing is written.

use std::collections::BTreeMap;

use super::finder::Finder;
use super::image_keys::has_tag_or_digest;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::NodeId;

/// The API group of the plans.
pub(super) const GROUP: &str = "upgrade.cattle.io";

/// Adds the images of a plan that have no tag.
pub(super) fn find(finder: &mut Finder<'_, '_>, plan: NodeId) {
    let tree = finder.tree;
    let Some(spec) = tree.get(plan, "spec") else { return };
    // What a channel says is asked for when the plan is carried out.
    let version = tree.get_str(spec, "version").filter(|version| !version.is_empty());
    for container in ["prepare", "upgrade"].into_iter().filter_map(|part| tree.get(spec, part)) {
        let Some(image) = tree.get(container, "image").filter(|image| tree.string_of(*image).is_some())
        else {
            continue;
        };
        let name = tree.written(image);
        let (whole, skip) = match version {
            // The catalogue finds it.
            _ if has_tag_or_digest(tree, image) => continue,
            _ if name.is_empty() || name.contains(['$', '{']) => {
                finder.add_image(image);
                continue;
            }
            Some(version) if version.contains(['$', '{']) => (format!("{name}:{version}"), Skip::Variable),
            Some(version) => (format!("{name}:{}", version.replace('+', "-")), Skip::NotEditable),
            None => (name.to_owned(), Skip::TagElsewhere),
        };
        if !finder.is_ignored(image) {
            finder.push(image, BTreeMap::new(), whole, None, State::Skipped(skip), None);
        }
    }
}
