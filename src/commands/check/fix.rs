//! `check --fix`: `pin`, for the images that have a finding which can be fixed.

use std::collections::{HashMap, HashSet};

use super::super::{block_on, progress, registry};
use crate::check::Finding;
use crate::commands::failure::Failure;
use crate::config::Config;
use crate::history::ledger::LedgerView;
use crate::manifest::inventory::Inventory;
use crate::plan::{Outcome, Pinned, Reason, pin};
use crate::registry::Trust;
use crate::source::tree::{DirectoryTree, Tree as _};

/// Pins the images that `findings` are about and writes the files. What could not be done has its verdict.
///
/// # Errors
/// No registry can be asked at all.
pub(super) fn fix(
    tree: &DirectoryTree,
    config: &Config,
    past: &LedgerView,
    trust: Trust,
    inventory: Inventory,
    findings: &[Finding],
    shown: bool,
) -> Result<Pinned, Failure> {
    let wanted: HashSet<usize> = findings
        .iter()
        .filter(|finding| finding.rule.fixable)
        .filter_map(|finding| finding.reference)
        .collect();
    let registry = registry(config, trust)?;
    let settings = &config.settings;
    let work = pin::pin_some(
        tree,
        settings,
        past,
        &registry,
        inventory,
        |site| wanted.contains(&site),
        progress(shown),
    );
    let mut pinned = block_on(work)?.map_err(anyhow::Error::new)?;
    super::super::pin::write_files(tree, &mut pinned);
    Ok(pinned)
}

/// What was written, and whether something could not be.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The files, by their paths below the root of the repository, with the bytes that they had.
    pub(super) files: HashMap<String, Vec<u8>>,
    pub(super) has_failed: bool,
}

impl Written {
    pub(super) fn of(pinned: Pinned, tree: &DirectoryTree) -> Self {
        Self {
            has_failed: pinned.verdicts.iter().any(|verdict| verdict.outcome == Outcome::Failed),
            files: pinned.files.into_iter().map(|file| (tree.root_path(&file.path), file.before)).collect(),
        }
    }
}

/// Returns one line for each image that was to be fixed and was not.
pub(super) fn left(pinned: &Pinned) -> Vec<String> {
    let sites = pinned.inventory.sites().zip(&pinned.verdicts);
    let left = sites.filter(|(_, verdict)| matches!(verdict.outcome, Outcome::Failed | Outcome::Held));
    let lines = left.map(|((file, located), verdict)| {
        let detail = verdict.detail.as_deref().or(verdict.reason.map(Reason::as_str)).unwrap_or_default();
        format!("not fixed: {}:{}: `{}`: {detail}", file.path, located.line, located.site.image)
    });
    lines.collect()
}
