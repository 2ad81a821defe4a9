//! What the JSON patches of kustomizations set.

use std::collections::{HashMap, HashSet};

use super::tree_file::TreeFile;
use crate::manifest::formats::{ImagePatch, Overlay};
use crate::manifest::located::Located;

/// The JSON pointers that files with operations set, by their path.
pub(super) struct PatchFiles<'b>(HashMap<&'b str, &'b [String]>);

impl<'b> PatchFiles<'b> {
    pub(super) fn of(files: &'b [TreeFile<'_>]) -> Self {
        let sets = files.iter().map(|(path, scan)| (*path, scan.kustomize.sets.as_slice()));
        Self(sets.filter(|(_, sets)| !sets.is_empty()).collect())
    }

    /// Returns where a patch sets an image, or something that has one.
    fn set_by(&self, patch: &'b ImagePatch) -> &'b [String] {
        match &patch.file {
            Some(file) => self.0.get(file.as_str()).copied().unwrap_or_default(),
            None => &patch.sets,
        }
    }

    /// Returns everything that a kustomization sets by JSON patches, in whatever object.
    pub(super) fn all(&self, overlay: &'b Overlay) -> impl Iterator<Item = &'b str> {
        overlay.json_patches.iter().flat_map(|patch| self.set_by(patch)).map(String::as_str)
    }

    /// Returns whether a JSON patch of a kustomization sets an image.
    pub(super) fn sets(&self, overlay: &'b Overlay, located: &Located) -> bool {
        let site = &located.site;
        let (Some(kind), Some(name)) = (site.kind.as_deref(), site.name.as_deref()) else { return false };
        let group = site.group.as_deref().unwrap_or_default();
        let patches = overlay.json_patches.iter().filter(|patch| patch.is_for(group, kind, name));
        let mut sets = patches.flat_map(|patch| self.set_by(patch));
        sets.any(|set| at_and_above(located).any(|at| at == set))
    }
}

/// Returns whether an image, or something that it stands in, is one of these JSON pointers.
pub(super) fn is_at(located: &Located, pointers: &HashSet<&str>) -> bool {
    !pointers.is_empty() && at_and_above(located).any(|at| pointers.contains(at))
}

fn at_and_above(located: &Located) -> impl Iterator<Item = &str> {
    let path = located.site.path.as_str();
    std::iter::once(path).chain(path.rmatch_indices('/').map(|(at, _)| &path[..at]))
}
