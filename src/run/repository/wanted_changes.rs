//! Whether a branch holds what this run wants there: the one place that compares them, tree by tree, and what its commit says.

use std::collections::BTreeMap;

use super::clone::OwnClaim;
use super::commit::{NewBranchCommit, without_workflows};
use super::context::RepositoryContext;
use crate::history::ledger::LedgerView;
use crate::plan::{Pinned, Verdict, unconfirmed};
use crate::run::RunError;
use crate::source::git::{ChangedFile, trailer};
use crate::source::tree::CommitTree;

/// What a branch holds, which is what this run wants there.
pub(crate) struct HeldChanges {
    /// The changes. Those of workflows are held where the branch lacks them: the token may lack the permission for it.
    pub(crate) part: Pinned,
    /// What this run could not confirm of them: the verdicts on these sites, by their indices.
    pub(crate) unconfirmed: BTreeMap<usize, Verdict>,
}

impl<R> RepositoryContext<'_, R> {
    /// Returns what the branch that `claim` is about holds, where its tree is the one that the changes of `part` make of the
    /// commit of the base that it stands on, and its message that of `new`; `None` where it is another one. With
    /// `keeps_unconfirmed`, images that could not be confirmed in this run may have any digest in it.
    pub(crate) async fn compared(
        &self,
        claim: &OwnClaim,
        new: &NewBranchCommit<'_>,
        part: &Pinned,
        keeps_unconfirmed: bool,
    ) -> Result<Option<HeldChanges>, RunError> {
        let mut wanted = HeldChanges { part: part.clone(), unconfirmed: BTreeMap::new() };
        if keeps_unconfirmed && part.verdicts.iter().any(Verdict::is_unconfirmed) {
            let commit = claim.commit;
            let branch = self.cloned.git.with(move |git| Ok(CommitTree::of_clone(git, commit)?)).await?;
            let past = LedgerView::unknown(self.run.now);
            let adopted = unconfirmed::adopt(self.tree, &branch, &self.config.settings, &past, part.clone());
            wanted = HeldChanges { part: adopted.0, unconfirmed: adopted.1 };
        }
        if wanted.part.files.is_empty() {
            return Ok(None);
        }
        if self.is_built(claim, new, &wanted.part).await? {
            return Ok(Some(wanted));
        }
        let Some(rest) = without_workflows(&wanted.part).filter(|rest| !rest.files.is_empty()) else {
            return Ok(None);
        };
        let is_rest = self.is_built(claim, new, &rest).await?;
        wanted.unconfirmed.retain(|index, _| rest.verdicts[*index].change.is_some());
        Ok(is_rest.then_some(HeldChanges { part: rest, ..wanted }))
    }

    /// Returns whether every tree of `claim` is what `part` makes of a commit of the base, and whether its message is the one
    /// that `new` gets: pipelines and trackers of issues obey what a message says.
    async fn is_built(
        &self,
        claim: &OwnClaim,
        new: &NewBranchCommit<'_>,
        part: &Pinned,
    ) -> Result<bool, RunError> {
        if trailer::said(&claim.message) != trailer::said(&new.message(self.config, part)) {
            return Ok(false);
        }
        let (branch, base) = (self.cloned.base_branch.clone(), self.cloned.base);
        let (trees, files) = (claim.trees.clone(), changed_files(part));
        let compared = self.cloned.git.with(move |git| {
            for (tree, parent) in trees {
                if !git.is_in_history(&branch, base, parent)? || !git.is_built(tree, parent, &files)? {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        compared.await
    }
}

fn changed_files(part: &Pinned) -> Vec<ChangedFile> {
    let files = part.files.iter().chain(&part.beside).map(|file| ChangedFile {
        path: file.path.clone(),
        before: file.before.clone(),
        after: file.after.clone(),
    });
    files.collect()
}
