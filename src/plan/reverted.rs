//! What a person took back is not proposed again: the top reason why people switch such bots off is that they undo a
//! rollback (issue 7).

use std::collections::BTreeSet;

use super::Pinned;
use crate::history::{self, keys};
use crate::plan::{Reason, Verdict, pin};
use crate::policy::Settings;
use crate::policy::target::Target;
use crate::source::git::{Log, LogError};
use crate::source::tree::Tree;

/// How many commits of the base branch are looked through.
pub const DEPTH: u16 = 200;

/// Holds the images that would get a digest which they had, and which somebody else than tagpin replaced: until the tag is
/// another one. The files are edited anew without them.
///
/// # Errors
/// The history cannot be read.
pub fn hold<T: Tree>(pinned: &mut Pinned, tree: &T, settings: &Settings, log: &Log) -> Result<(), LogError> {
    let changing: BTreeSet<&str> = pinned.files.iter().map(|file| file.path.as_str()).collect();
    let files = pinned.inventory.files.iter().filter(|file| changing.contains(file.path.as_str()));
    let target = Target::files(files.map(|file| file.root_path.clone()).collect());
    let history = history::of(log, settings, &target)?;
    let mut verdicts = pinned.verdicts.iter_mut();
    let mut found = false;
    for file in &pinned.inventory.files {
        let sites = &file.scan.sites;
        // As many verdicts as sites: those of the next file follow.
        for (key, verdict) in keys(sites).iter().zip(verdicts.by_ref().take(sites.len())) {
            let Some(change) = &verdict.change else { continue };
            let Some(event) =
                history.reverted_by(&file.root_path, key, &change.digest, change.tag.as_deref())
            else {
                continue;
            };
            let detail = format!(
                "`{}` was here and was taken back by commit {:.12}, `{}`: it is not proposed again, another digest is",
                change.digest, event.commit, event.title
            );
            *verdict = Verdict::held(Reason::Reverted, detail);
            found = true;
        }
    }
    if found {
        let (files, notes) =
            pin::edit(tree, settings, &pinned.inventory, &mut pinned.verdicts, &pinned.mended);
        (pinned.files, pinned.notes) = (files, notes);
    }
    Ok(())
}
