//! The clone with the commits that matter: the base, and the heads of tagpin's branches.

use std::collections::BTreeMap;
use std::path::Path;

use super::ledger::Book;
use crate::pull_request::group::Branches;
use crate::run::RunError;
use crate::source::git::{BareClone, Oid, Remote, trailer};
use crate::source::tree::CommitTree;

/// A clone.
pub(crate) struct FetchedClone {
    pub(crate) repository: BareClone,
    pub(crate) base_branch: String,
    pub(crate) base: Oid,
    /// How the branches for this base are named.
    pub(crate) branches: Branches,
    /// Those that there are.
    pub(crate) heads: BTreeMap<String, BranchHead>,
}

/// The head of one of tagpin's branches.
#[derive(Clone, Debug)]
pub(crate) struct BranchHead {
    pub(crate) id: Oid,
    /// tagpin's commit, at the head or below plain merges of the base; `None` where somebody else had a hand in it.
    pub(crate) own: Option<TagpinCommit>,
}

/// A commit of tagpin's.
#[derive(Clone, Debug)]
pub(crate) struct TagpinCommit {
    pub(crate) id: Oid,
    /// The hash of its changes, from its trailer.
    pub(crate) changes: Option<String>,
}

/// A clone that knows where the remote's branches are, and may lack what is in them.
pub(crate) struct RemoteHeads {
    pub(crate) repository: BareClone,
    pub(crate) base_branch: String,
    /// Where the base was listed.
    pub(crate) base: Oid,
    branches: Branches,
    /// tagpin's branches for this base, and where they were listed.
    known: BTreeMap<String, Oid>,
    /// What runs remember of tags; `None` where they do not.
    pub(crate) book: Option<Book>,
}

impl RemoteHeads {
    /// Tells whether there is any branch of tagpin's for this base.
    pub(crate) fn has_branches(&self) -> bool {
        !self.known.is_empty()
    }
}

/// Opens the clone and asks the remote where its branches are: one request. The ledger on the branch of that name is read,
/// which is a fetch where the clone does not have it.
pub(crate) fn open(
    cache_dir: &Path,
    remote: Remote,
    branch: Option<String>,
    ledger: Option<String>,
) -> Result<RemoteHeads, RunError> {
    let repository = BareClone::open(cache_dir, remote)?;
    let heads = repository.heads()?;
    let no_branch = |what: &str| RunError::NoBranch { url: repository.url(), what: what.to_owned() };
    let Some(base_branch) = branch.or_else(|| heads.default.clone()) else {
        return Err(no_branch("it has no default branch; set `branch` for it"));
    };
    let Some(base) = heads.branches.get(&base_branch).copied() else {
        return Err(no_branch(&format!("`{base_branch}` does not exist")));
    };
    let branches = Branches::new(&base_branch, heads.default.as_deref());
    let book = ledger.map(|name| {
        let head = heads.branches.get(&name).copied();
        Book::read(&repository, &name, &base_branch, head)
    });
    let known = heads.branches.into_iter().filter(|(name, _)| branches.has(name)).collect();
    Ok(RemoteHeads { repository, base_branch, base, branches, known, book })
}

/// Brings the base and tagpin's branches for it into the clone, unless it has them.
pub(crate) fn fetch(opened: RemoteHeads) -> Result<(FetchedClone, CommitTree), RunError> {
    let RemoteHeads { repository, base_branch, base, branches, known, book: _ } = opened;
    let base = repository.fetch(&base_branch, base)?;
    let mut heads = BTreeMap::new();
    for (name, id) in known {
        let head = head(&repository, &name, id, &base_branch, base)?;
        heads.insert(name, head);
    }
    let tree = CommitTree::of_clone(&repository, base)?;
    Ok((FetchedClone { repository, base_branch, base, branches, heads }, tree))
}

fn head(
    repository: &BareClone,
    name: &str,
    id: Oid,
    base: &str,
    base_head: Oid,
) -> Result<BranchHead, RunError> {
    let id = repository.fetch(name, id)?;
    let mut own = trailer::is_own(&repository.describe(id)?).then_some(id);
    if own.is_none() {
        own = repository.below_updates(name, id, base, base_head)?;
    }
    let own = match own {
        None => None,
        Some(id) => {
            let commit = repository.describe(id)?;
            let changes = trailer::value(&commit.message, trailer::CHANGES).map(str::to_owned);
            Some(TagpinCommit { id, changes })
        }
    };
    Ok(BranchHead { id, own })
}
