use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::{ObjectType, Oid};

use super::{EntryKind, Tree, TreeEntry, TreeError};
use crate::repository_budget::{BudgetItem, OverBudget, RepositoryBudget};
use crate::source::git::{
    BareClone, GitError, RevisionError, is_marked_damaged, mark_damaged, open_revision,
};

/// The longest path that is followed, in bytes: Linux's limit.
const PATH_MAX: usize = 4096;

/// The files of a commit in a bare clone, read from the object database: nothing is checked out.
///
/// Submodules are not files. Files in Git LFS are the small pointers that stand in the commit.
pub struct CommitTree {
    git: Mutex<git2::Repository>,
    /// Sorted by path.
    entries: Vec<TreeEntry>,
    /// The contents, in the order of `entries`.
    blobs: Vec<Oid>,
    submodules: BTreeMap<String, Oid>,
    problems: Vec<TreeError>,
    /// What the problems are about, in the order of `problems`.
    refused: Vec<Oid>,
    /// Keeps other processes from throwing the clone away; `None` where the repository is not ours.
    lock: Option<Arc<File>>,
    budget: Arc<RepositoryBudget>,
}

impl CommitTree {
    /// Returns the files of a commit that was fetched into `clone` or made in it.
    ///
    /// # Errors
    /// The clone is damaged, has no such commit, or the commit has more in it than one repository may have.
    pub fn of_clone(clone: &BareClone, commit: Oid) -> Result<Self, GitError> {
        Self::within(Arc::default(), clone, commit)
    }

    /// Does what [`CommitTree::of_clone`] does, within what is left of the repository's `budget`.
    ///
    /// # Errors
    /// Those of [`CommitTree::of_clone`].
    pub fn within(budget: Arc<RepositoryBudget>, clone: &BareClone, commit: Oid) -> Result<Self, GitError> {
        let (git, lock) = clone.reopen()?;
        Self::open(git, commit, Some(lock), budget).map_err(|error| match error {
            OpenError::OverBudget(over) => over.into(),
            OpenError::Git(error) => clone.damaged(&error),
        })
    }

    /// Returns the files of the commit that `revision` names in the git repository around `directory`.
    ///
    /// # Errors
    /// There is no repository, no such commit in it, or it cannot be read.
    pub fn of_revision(directory: &Path, revision: &str) -> Result<Self, RevisionError> {
        let (git, commit) = open_revision(directory, revision)?;
        Ok(Self::open(git, commit, None, Arc::default())?)
    }

    /// Returns what `HEAD` of the git repository around `directory` is compared with, when it is judged since `revision`.
    ///
    /// # Errors
    /// There is no repository, no such commit in it, or it cannot be read.
    pub fn of_comparison(directory: &Path, revision: &str) -> Result<Comparison, RevisionError> {
        let (git, named) = open_revision(directory, revision)?;
        let (_, head) = open_revision(directory, "HEAD")?;
        let base = match git.merge_base(named, head) {
            Ok(base) => Some(base),
            Err(error) if error.code() == git2::ErrorCode::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let tree = |commit| {
            Ok::<_, RevisionError>(Self::open(
                open_revision(directory, "HEAD")?.0,
                commit,
                None,
                Arc::default(),
            )?)
        };
        let settings = if base == Some(named) { None } else { Some(tree(named)?) };
        Ok(Comparison {
            has_common_ancestor: base.is_some(),
            base: tree(base.unwrap_or(named))?,
            settings,
            head: tree(head)?,
        })
    }

    fn open(
        git: git2::Repository,
        commit: Oid,
        lock: Option<Arc<File>>,
        budget: Arc<RepositoryBudget>,
    ) -> Result<Self, OpenError> {
        let mut found = CommitFiles::default();
        found.walk(&git, commit, &budget)?;
        let CommitFiles { mut files, submodules, problems, refused } = found;
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (entries, blobs) = files.into_iter().unzip();
        Ok(Self { git: Mutex::new(git), entries, blobs, submodules, problems, refused, lock, budget })
    }

    fn blob(&self, path: &str) -> Option<(Oid, EntryKind)> {
        let at = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        Some((*self.blobs.get(at)?, self.entries.get(at)?.kind))
    }

    /// Returns the bytes of the file at `path`, or `None` where the commit has nothing there. The path is resolved as text.
    ///
    /// # Errors
    /// A symbolic link or a submodule stands on the way or at the end, or the file cannot be read.
    pub fn file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        for above in path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]) {
            if self.submodules.contains_key(above) {
                return Err(TreeError::Submodule { path: above.to_owned() });
            }
            if self.blob(above).is_some_and(|(_, kind)| kind == EntryKind::Symlink) {
                return Err(TreeError::Symlink { path: above.to_owned() });
            }
        }
        if self.blob(path).is_some() { self.read(path, limit).map(Some) } else { Ok(None) }
    }

    /// Returns what the commit has at `path`: its kind, and the id of its content.
    pub fn object(&self, path: &str) -> Option<(ObjectKind, Oid)> {
        let blob = self.blob(path).map(|(id, kind)| (ObjectKind::from(kind), id));
        blob.or_else(|| self.submodules.get(path).map(|id| (ObjectKind::Submodule, *id)))
    }

    /// Returns the paths at which this commit has something that `base` has not: files, links and submodules. What has no
    /// path that can be read is in [`CommitTree::problems_since`].
    pub fn changed_since(&self, base: &Self) -> HashSet<&str> {
        let files = self.entries.iter().map(|entry| entry.path.as_str());
        let paths = files.chain(self.submodules.keys().map(String::as_str));
        paths.filter(|path| self.object(path) != base.object(path)).collect()
    }

    /// Returns the paths of the problems that `base` has not, or has with another content.
    pub fn problems_since(&self, base: &Self) -> HashSet<&str> {
        fn all(tree: &CommitTree) -> impl Iterator<Item = (&str, Oid)> {
            tree.problems.iter().map(TreeError::path).zip(tree.refused.iter().copied())
        }
        let old: HashSet<(&str, Oid)> = all(base).collect();
        all(self).filter(|problem| !old.contains(problem)).map(|(path, _)| path).collect()
    }

    /// Returns whether an object of a clone of ours turned out to be unreadable.
    pub(crate) fn is_damaged(&self) -> bool {
        self.lock.is_some() && is_marked_damaged(self.git().path())
    }

    fn git(&self) -> MutexGuard<'_, git2::Repository> {
        self.git.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change as git has it: the commits that it is judged by.
pub struct Comparison {
    /// Where the change began: the merge base of the revision and `HEAD`; the revision itself where there is none.
    pub base: CommitTree,
    /// The revision, where it is not the base: it has settings that were reviewed later.
    pub settings: Option<CommitTree>,
    /// The commit that is judged.
    pub head: CommitTree,
    /// Whether the revision and `HEAD` have a common ancestor here.
    pub has_common_ancestor: bool,
}

/// What stands at a path of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A regular file, executable or not.
    File,
    /// A symbolic link.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

impl From<EntryKind> for ObjectKind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File => Self::File,
            EntryKind::Symlink => Self::Symlink,
        }
    }
}

impl Tree for CommitTree {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        Ok(self.entries.clone())
    }

    fn read(&self, at: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let path = || at.to_owned();
        let (id, kind) = self.blob(at).ok_or_else(|| TreeError::NotFound { path: path() })?;
        if kind == EntryKind::Symlink {
            return Err(TreeError::Symlink { path: path() });
        }
        let git = self.git();
        let content = || {
            let odb = git.odb()?;
            let size = odb.read_header(id)?.0 as u64;
            Ok(if size > limit { Err(size) } else { Ok(odb.read(id)?.data().to_vec()) })
        };
        match content() {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(size)) => Err(TreeError::TooLarge { path: path(), size, limit }),
            Err(error) => {
                if self.lock.is_some() {
                    mark_damaged(git.path());
                }
                Err(broken(path(), &error))
            }
        }
    }

    fn link_target(&self, path: &str) -> Option<String> {
        let (id, _) = self.blob(path).filter(|(_, kind)| *kind == EntryKind::Symlink)?;
        let git = self.git();
        let blob = git.find_blob(id).ok()?;
        String::from_utf8(blob.content().to_vec()).ok()
    }

    fn problems(&self) -> &[TreeError] {
        &self.problems
    }

    fn budget(&self) -> &RepositoryBudget {
        &self.budget
    }
}

/// Why a commit cannot be opened.
enum OpenError {
    OverBudget(OverBudget),
    Git(git2::Error),
}

impl From<OverBudget> for OpenError {
    fn from(error: OverBudget) -> Self {
        Self::OverBudget(error)
    }
}

impl From<git2::Error> for OpenError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

impl From<OpenError> for RevisionError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::OverBudget(over) => Self::Git(over.to_string()),
            OpenError::Git(error) => error.into(),
        }
    }
}

fn broken(path: String, error: &git2::Error) -> TreeError {
    TreeError::Git { path, message: error.message().to_owned() }
}

#[derive(Default)]
struct CommitFiles {
    files: Vec<(TreeEntry, Oid)>,
    submodules: BTreeMap<String, Oid>,
    problems: Vec<TreeError>,
    refused: Vec<Oid>,
}

impl CommitFiles {
    /// Trees may name each other again and again, so a few kilobytes can stand for more files than any machine holds: each
    /// entry is counted before anything of it is kept.
    fn walk(
        &mut self,
        git: &git2::Repository,
        commit: Oid,
        budget: &RepositoryBudget,
    ) -> Result<(), OpenError> {
        let odb = git.odb()?;
        let mut pending = vec![(String::new(), git.find_commit(commit)?.tree_id())];
        while let Some((directory, id)) = pending.pop() {
            let mut before: Option<Vec<u8>> = None;
            for entry in &git.find_tree(id)? {
                budget.spend(BudgetItem::Entries, 1)?;
                budget.spend(BudgetItem::PathBytes, (directory.len() + entry.name_bytes().len()) as u64)?;
                let is_double = before.as_deref() == Some(entry.name_bytes());
                before = Some(entry.name_bytes().to_vec());
                let Ok(name) = entry.name() else {
                    let name = String::from_utf8_lossy(entry.name_bytes());
                    self.problem(format!("{directory}{name}"), entry.id(), "its name is not UTF-8");
                    continue;
                };
                let path = format!("{directory}{name}");
                // git itself refuses to make such trees; a remote can make anything.
                if path.len() > PATH_MAX
                    || name.is_empty()
                    || name.contains('/')
                    || matches!(name, "." | ".." | ".git")
                {
                    let path = path.chars().take(200).collect();
                    self.problem(path, entry.id(), "no checkout could hold this path");
                    continue;
                }
                if is_double {
                    self.problem(path, entry.id(), "the commit has this name twice");
                    continue;
                }
                let kind = match entry.filemode() {
                    0o040_000 => {
                        pending.push((format!("{path}/"), entry.id()));
                        continue;
                    }
                    0o120_000 => EntryKind::Symlink,
                    0o100_644 | 0o100_755 => EntryKind::File,
                    _ => {
                        self.submodules.insert(path, entry.id());
                        continue;
                    }
                };
                let (size, object) = odb.read_header(entry.id())?;
                if object != ObjectType::Blob {
                    self.problem(path, entry.id(), "the commit calls this a file, and it is not one");
                    continue;
                }
                self.files.push((TreeEntry { path, size: size as u64, kind }, entry.id()));
            }
        }
        Ok(())
    }

    fn problem(&mut self, path: String, id: Oid, reason: &'static str) {
        self.problems.push(TreeError::Refused { path, reason });
        self.refused.push(id);
    }
}
