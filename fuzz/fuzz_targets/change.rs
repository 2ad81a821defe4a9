//! Any bytes are the files of a repository before and after a change: no panic and no hang where the change is judged, and a change
//! that changes nothing adds nothing. A file ends at a NUL; those of before come first.
#![no_main]

use std::collections::{BTreeMap, HashSet};

use libfuzzer_sys::fuzz_target;
use tagpin::check::{self, Base, CheckContext, CheckSettings};
use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::inventory::Inventory;
use tagpin::manifest::mentions;
use tagpin::policy::Settings;
use tagpin::source::tree::{EntryKind, Tree, TreeEntry, TreeError};

const PATHS: [&str; 14] = [
    "c/Chart.yaml",
    "c/values.yaml",
    "c/templates/a.yaml",
    "c/templates/_h.tpl",
    "helmfile.yaml",
    "kustomization.yaml",
    "deploy.yaml",
    "main.tf",
    "prod.tfvars",
    "compose.yaml",
    "compose.override.yaml",
    "web.container",
    ".github/workflows/a.yaml",
    ".gitlab-ci.yml",
];

struct Files<'b>(Vec<(&'static str, &'b [u8])>);

impl Tree for Files<'_> {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let entry = |(path, bytes): &(&str, &[u8])| TreeEntry {
            path: (*path).to_owned(),
            size: bytes.len() as u64,
            kind: EntryKind::File,
        };
        Ok(self.0.iter().map(entry).collect())
    }

    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, TreeError> {
        let found = self.0.iter().find(|(known, _)| *known == path);
        found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| TreeError::NotFound { path: path.to_owned() })
    }
}

/// Returns how many findings a change has.
fn judged(before: &Inventory, now: &Inventory) -> usize {
    let (touched, renamed) = (BTreeMap::new(), BTreeMap::new());
    let there: HashSet<String> = PATHS.map(str::to_owned).into();
    let base = Base { inventory: before, edited: &[], touched: &touched, renamed: &renamed, there: &there };
    let context = CheckContext {
        inventory: now,
        settings: &Settings::default(),
        check: &CheckSettings::default(),
        today: jiff::civil::date(2026, 1, 1),
        now: jiff::Timestamp::UNIX_EPOCH,
        base: Some(base),
        is_change: true,
        baseline: None,
        online: None,
    };
    check::check(&context).findings.len()
}

fuzz_target!(|bytes: &[u8]| {
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let (before, after) = parts.split_at(parts.len().min(PATHS.len()));
    let before: Vec<(&'static str, &[u8])> = PATHS.into_iter().zip(before.iter().copied()).collect();
    // What is not said again is as it was.
    let now = before.iter().enumerate();
    let now = Files(now.map(|(at, (path, old))| (*path, after.get(at).copied().unwrap_or(old))).collect());
    let take = |tree: &Files<'_>| check::take_inventory(tree, &Settings::default()).expect("it can be read");
    for (path, bytes) in &now.0 {
        let found = mentions::new_mentions(path, Some(bytes), bytes, &BUILT_IN).found;
        assert!(found.is_empty(), "{path}: {found:?}");
    }
    for ((path, old), (_, new)) in before.iter().zip(&now.0) {
        mentions::new_mentions(path, Some(old), new, &BUILT_IN);
    }
    let (before, now) = (take(&Files(before)), take(&now));
    judged(&before, &now);
    assert_eq!(judged(&now, &now), 0, "what did not change is new");
});
