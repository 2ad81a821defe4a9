//! The clone with the commits that matter: the base, and the heads of tagpin's branches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::cache_file::hash;
use super::inventory_cache;
use super::ledger::Book;
use crate::pull_request::decision::BranchOwner;
use crate::pull_request::group::Branches;
use crate::repository_budget::RepositoryBudget;
use crate::run::RunError;
use crate::run::request::RequestError;
use crate::source::git::{BareClone, GitError, LogError, Oid, Remote, trailer};
use crate::source::tree::CommitTree;

/// A clone that is asked by one at a time.
#[derive(Clone)]
pub(crate) struct SharedClone(Arc<Mutex<BareClone>>);

/// A clone that has what the remote has.
pub(crate) struct FetchedClone {
    pub(crate) git: SharedClone,
    /// Where the inventory of the base is kept, and what is kept beside it.
    inventory_file: PathBuf,
    pub(crate) base_branch: String,
    pub(crate) base: Oid,
    /// How the branches for this base are named.
    pub(crate) branches: Branches,
    /// Those that there are.
    pub(crate) heads: BTreeMap<String, BranchHead>,
}

impl FetchedClone {
    /// Returns the file with what was learnt of the images on `branch`.
    pub(crate) fn details_file(&self, branch: &str) -> PathBuf {
        let name = &hash([branch.as_bytes()])[..16];
        self.inventory_file.with_extension(format!("{name}.details"))
    }
}

/// The head of one of tagpin's branches.
#[derive(Clone, Debug)]
pub(crate) struct BranchHead {
    pub(crate) id: Oid,
    /// What says that it is tagpin's; `None` where somebody else had a hand in it.
    pub(crate) claim: Option<OwnClaim>,
    /// Whether the base is there, too: then nothing is on it that somebody could merge.
    pub(crate) is_base: bool,
}

impl BranchHead {
    /// Returns whose branch it says it is.
    pub(crate) fn owner(&self) -> BranchOwner {
        if self.claim.is_some() { BranchOwner::Own } else { BranchOwner::Foreign }
    }
}

/// A commit that says that tagpin made it, at the head or below plain merges of the base. Anybody can write that: what it
/// holds and says is compared before it counts.
#[derive(Clone, Debug)]
pub(crate) struct OwnClaim {
    pub(crate) commit: Oid,
    pub(crate) message: String,
    /// Its tree, and that of the merges above it, each with the commit of the base that it has to be built on.
    pub(crate) trees: Vec<(Oid, Oid)>,
}

/// A clone that knows where the remote's branches are, and may lack what is in them.
pub(crate) struct RemoteHeads {
    pub(crate) git: SharedClone,
    /// Where the inventory of the base is kept.
    pub(crate) inventory_file: PathBuf,
    pub(crate) base_branch: String,
    /// Where the base was listed.
    pub(crate) base: Oid,
    branches: Branches,
    /// tagpin's branches for this base, and where they were listed.
    known: BTreeMap<String, Oid>,
    /// What runs remember of tags; `None` where they do not.
    pub(crate) book: Option<Book>,
}

impl SharedClone {
    /// Does `work` with the clone. git's calls block: they get a thread of their own.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&BareClone) -> Result<T, RunError> + Send + 'static,
    ) -> Result<T, RunError> {
        let Self(clone) = self.clone();
        blocking(move || {
            let clone = clone.lock().unwrap_or_else(PoisonError::into_inner);
            work(&clone).map_err(|error| match error {
                RunError::Git(GitError::Unreadable(message))
                | RunError::History(LogError::Git(message))
                | RunError::Request(RequestError::History(LogError::Git(message))) => {
                    clone.unreadable(&message).into()
                }
                error => error,
            })
        })
        .await
    }
}

/// Returns whether the clone that is kept turned out to be damaged: it is made anew then, and the work begun again once.
pub(crate) fn was_damaged<T>(result: &Result<T, RunError>) -> bool {
    let Err(RunError::Git(GitError::Damaged { url, message })) = result else { return false };
    tracing::warn!(repository = url, message, "the clone is damaged and is made anew");
    true
}

/// Fails where something of the tree could not be read that the clone should have: what the damage hides must not look like
/// what is gone.
pub(crate) fn require_undamaged(tree: &CommitTree, remote: &Remote) -> Result<(), RunError> {
    if !tree.is_damaged() {
        return Ok(());
    }
    let (url, message) = (remote.url(), "an object cannot be read".to_owned());
    Err(GitError::Damaged { url, message }.into())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| RunError::Broken(error.to_string()))?
}

impl RemoteHeads {
    /// Returns whether there is any branch of tagpin's for this base.
    pub(crate) fn has_branches(&self) -> bool {
        !self.known.is_empty()
    }

    /// Brings the base and tagpin's branches for it into the clone, unless it has them. What is read of the base counts in
    /// `budget`.
    pub(crate) async fn fetch(
        self,
        budget: Arc<RepositoryBudget>,
    ) -> Result<(FetchedClone, Arc<CommitTree>), RunError> {
        let Self { git, inventory_file, base_branch, base, branches, known, .. } = self;
        let name = base_branch.clone();
        let fetched = git.with(move |repository| {
            let base = repository.fetch(&name, base)?;
            let mut heads = BTreeMap::new();
            for (branch, id) in known {
                let head = head(repository, &branch, id, &name, base)?;
                heads.insert(branch, head);
            }
            Ok((base, heads, Arc::new(CommitTree::within(budget, repository, base)?)))
        });
        let (base, heads, tree) = fetched.await?;
        Ok((FetchedClone { git, inventory_file, base_branch, base, branches, heads }, tree))
    }
}

/// Opens the clone and asks the remote where its branches are: one request. The ledger on the branch of that name is read,
/// which is a fetch where the clone does not have it.
pub(crate) async fn open(
    cache_dir: &Path,
    remote: &Remote,
    branch: Option<String>,
    ledger: Option<String>,
) -> Result<RemoteHeads, RunError> {
    let (cache_dir, remote) = (cache_dir.to_owned(), remote.clone());
    blocking(move || list(BareClone::open(&cache_dir, remote)?, branch, ledger)).await
}

fn list(
    repository: BareClone,
    branch: Option<String>,
    ledger: Option<String>,
) -> Result<RemoteHeads, RunError> {
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
    let inventory_file = inventory_cache::file(&repository, &base_branch);
    let git = SharedClone(Arc::new(Mutex::new(repository)));
    Ok(RemoteHeads { git, inventory_file, base_branch, base, branches, known, book })
}

fn head(
    repository: &BareClone,
    name: &str,
    id: Oid,
    base: &str,
    base_head: Oid,
) -> Result<BranchHead, RunError> {
    let id = repository.fetch(name, id)?;
    let head = repository.describe(id)?;
    let is_base = id == base_head;
    if trailer::is_own(&head) {
        let trees = head.parents.iter().map(|parent| (head.tree, *parent)).collect();
        let claim = OwnClaim { commit: id, message: head.message, trees };
        return Ok(BranchHead { id, claim: Some(claim), is_base });
    }
    let Some(updated) = repository.below_updates(name, id, base, base_head)? else {
        return Ok(BranchHead { id, claim: None, is_base });
    };
    let own = repository.describe(updated.commit)?;
    let below = own.parents.iter().map(|parent| (own.tree, *parent));
    let trees = below.chain([(head.tree, updated.merged)]).collect();
    let claim = OwnClaim { commit: updated.commit, message: own.message, trees };
    Ok(BranchHead { id, claim: Some(claim), is_base })
}
