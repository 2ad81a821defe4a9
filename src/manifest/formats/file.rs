//! File formats that the catalogue describes: Compose, GitHub Actions and the like.

use super::{Finder, Form};
use crate::manifest::catalogue::FileEntry;
use crate::manifest::site::Skip;
use crate::manifest::yaml::NodeId;

/// Adds the sites of a document that has the format `entry`.
pub(super) fn find(finder: &mut Finder<'_, '_>, entry: &FileEntry, root: NodeId) {
    for (pattern, form) in entry.locations() {
        for (node, holder) in pattern.find_with_holders(finder.yaml, root) {
            let output = entry.outputs_beside.iter().any(|key| finder.yaml.get(holder, key).is_some());
            let before = finder.sites.len();
            finder.add(node, form);
            if let Some(site) = finder.sites.get_mut(before).filter(|_| output) {
                site.skip(Skip::BuildOutput);
            }
        }
    }
    for volumes in entry.image_volumes.iter().flat_map(|pattern| pattern.find(finder.yaml, root)) {
        image_volumes(finder, volumes);
    }
}

/// Compose: `volumes: [{type: image, source: REF}]`.
fn image_volumes(finder: &mut Finder<'_, '_>, volumes: NodeId) {
    for volume in finder.yaml.items(volumes).to_vec() {
        if finder.yaml.get_str(volume, "type") == Some("image")
            && let Some(source) = finder.yaml.get(volume, "source")
        {
            finder.add(source, Form::Image);
        }
    }
}
