//! File formats that the catalogue describes: Compose, GitHub Actions, GitLab CI and the like.

use super::{Finder, compose, quadlet};
use crate::manifest::formats::catalogue::Location;
use crate::manifest::syntax::tree::NodeId;

/// Adds the sites of a document whose format has these entries.
pub(super) fn find(finder: &mut Finder<'_, '_>, entries: &[&Location], root: NodeId) {
    finder.set_aside(entries, root);
    match finder.format.as_str() {
        "compose" => compose::outputs(finder, root),
        "quadlet" => quadlet::other_units(finder, root),
        _ => {}
    }
    finder.add_locations(entries, root, |_, _| true);
    if finder.format == "compose" {
        compose::platforms(finder, root);
    }
}
