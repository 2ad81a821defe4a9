//! What differs between the image that was pinned and the one that is. Pure: descriptions in, values out.

use std::collections::{BTreeMap, BTreeSet};

use crate::platform::Platform;
use crate::reference::Digest;
use crate::registry::{Description, ImageConfig};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) platforms: Platforms,
    /// The settings that differ, each with what it was and what it is.
    pub(super) settings: Vec<(&'static str, String, String)>,
    pub(super) environment: NameDiff,
    pub(super) ports: NameDiff,
    /// Whether both configs are known, so that what is not named here is equal.
    pub(super) compared: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Platforms {
    pub(super) added: Vec<Platform>,
    pub(super) lost: Vec<Platform>,
    /// With another manifest.
    pub(super) changed: Vec<Platform>,
    pub(super) same: Vec<Platform>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NameDiff {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Difference {
    pub(super) fn between(old: &Description, new: &Description) -> Self {
        let mut difference = Self { platforms: Platforms::between(old, new), ..Self::default() };
        let (Some(old), Some(new)) = (&old.config, &new.config) else { return difference };
        difference.compared = true;
        difference.environment = NameDiff::between(&old.environment, &new.environment);
        difference.ports = NameDiff::between(&old.ports, &new.ports);
        let base = |config: &ImageConfig, part| config.label(part).unwrap_or_default().to_owned();
        let (name, digest) = ("base.name", "base.digest");
        let settings = [
            ("entrypoint", old.entrypoint.clone(), new.entrypoint.clone()),
            ("command", old.command.clone(), new.command.clone()),
            ("user", old.user.clone(), new.user.clone()),
            ("base image", base(old, name), base(new, name)),
            ("base image's digest", base(old, digest), base(new, digest)),
        ];
        difference.settings.extend(settings.into_iter().filter(|(_, old, new)| old != new));
        difference
    }

    /// Returns whether what runs is set up as before: another build of the same.
    pub(super) fn runs_the_same(&self) -> bool {
        self.compared
            && self.settings.is_empty()
            && self.environment == NameDiff::default()
            && self.ports == NameDiff::default()
    }
}

impl Platforms {
    fn between(old: &Description, new: &Description) -> Self {
        let mut platforms = Self::default();
        let (old, new) = (manifests(old), manifests(new));
        if old.is_empty() || new.is_empty() {
            return platforms;
        }
        for (platform, digest) in &new {
            let list = match old.get(platform) {
                None => &mut platforms.added,
                Some(old) if old == digest => &mut platforms.same,
                Some(_) => &mut platforms.changed,
            };
            list.push((*platform).clone());
        }
        platforms.lost = old.keys().filter(|old| !new.contains_key(*old)).map(|old| (*old).clone()).collect();
        platforms
    }
}

/// Returns the manifest of each platform: the first, as container engines do.
fn manifests(description: &Description) -> BTreeMap<&Platform, Option<&Digest>> {
    let mut manifests = BTreeMap::new();
    for entry in &description.platforms {
        manifests.entry(&entry.platform).or_insert(entry.digest.as_ref());
    }
    manifests
}

impl NameDiff {
    fn between(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Self {
        let added = new.difference(old).cloned().collect();
        Self { added, removed: old.difference(new).cloned().collect() }
    }
}
