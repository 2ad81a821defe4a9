//! What a branch holds for images that a run could not confirm: read from its files, for comparison alone. Nothing of it is
//! ever written.

use std::collections::BTreeMap;

use super::decide::{Rules, left_alone, style_of};
use super::pin::edit;
use super::{Change, Pinned, Verdict};
use crate::history::ledger::LedgerView;
use crate::manifest::inventory::FileScan;
use crate::manifest::{SIZE_MAX, deploy, scan};
use crate::policy::Settings;
use crate::source::tree::Tree;

/// Returns `pinned` with the digests that `branch` has where its verdicts say that nothing could be confirmed in this run, and
/// these verdicts by the indices of their sites. The files are edited anew with them.
/// A file of `branch` that cannot be read has nothing to say.
pub fn adopt<T: Tree, B: Tree>(
    tree: &T,
    branch: &B,
    settings: &Settings,
    past: &LedgerView,
    mut pinned: Pinned,
) -> (Pinned, BTreeMap<usize, Verdict>) {
    let (rules, catalogue) = (Rules::new(settings, past), settings.catalogue());
    let mut unconfirmed = BTreeMap::new();
    let mut first = 0;
    for file in &pinned.inventory.files {
        let sites = first..first + file.scan.sites.len();
        first = sites.end;
        if !pinned.verdicts[sites.clone()].iter().any(Verdict::is_unconfirmed) {
            continue;
        }
        let Ok(bytes) = branch.read(&file.path, SIZE_MAX) else { continue };
        let mut scan = scan(&file.root_path, &bytes, &catalogue);
        for (there, here) in scan.sites.iter_mut().zip(&file.scan.sites) {
            deploy::adopt(there, here);
        }
        let there = FileScan { scan, ..file.clone() };
        if there.scan.sites.len() != sites.len() {
            continue;
        }
        for (index, (here, found)) in sites.zip(file.scan.sites.iter().zip(&there.scan.sites)) {
            let verdict = &mut pinned.verdicts[index];
            let Some(reference) = found.site.reference.as_ref().filter(|_| verdict.is_unconfirmed()) else {
                continue;
            };
            let (Some(digest), Ok(style)) = (reference.digest(), style_of(file, rules, here)) else {
                continue;
            };
            let tag_here = here.site.reference.as_ref().and_then(|here| here.tag());
            let tag = reference.tag().filter(|tag| Some(*tag) != tag_here).map(str::to_owned);
            if here.site.digest() == Some(digest) && tag.is_none() {
                continue;
            }
            let change = Change::unconfirmed(digest.clone(), tag, style);
            let behind = left_alone(&there, rules, found).behind;
            let adopted = Verdict { behind, ..Verdict::changed(here, change) };
            unconfirmed.insert(index, std::mem::replace(verdict, adopted));
        }
    }
    if !unconfirmed.is_empty() {
        pinned.files = edit(tree, settings, &pinned.inventory, &mut pinned.verdicts, &pinned.mended).0;
    }
    (pinned, unconfirmed)
}
