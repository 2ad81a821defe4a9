use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::{ObjectType, Oid};

use super::{EntryKind, Tree, TreeEntry, TreeError};
use crate::source::git::{BareClone, GitError, RevisionError, mark_damaged, open_revision};

/// How many files a commit may have. Trees may name each other again and again, so a few kilobytes can stand for more
/// files than any machine holds.
const FILES_MAX: usize = 2_000_000;

/// How many trees are opened on the way, for the same reason.
const TREES_MAX: usize = 500_000;

/// The longest path that is followed, in bytes: Linux's limit.
const PATH_MAX: usize = 4096;

/// The files of a commit in a bare clone, read from the object database: nothing is checked out.
///
/// Submodules are not files. Files in Git LFS are the small pointers that stand in the commit.
pub struct CommitTree {
    git: Mutex<git2::Repository>,
    entries: Vec<TreeEntry>,
    blobs: HashMap<String, (Oid, EntryKind)>,
    problems: Vec<TreeError>,
    /// Keeps other processes from throwing the clone away; `None` where the repository is not ours.
    lock: Option<Arc<File>>,
}

impl CommitTree {
    /// Returns the files of a commit that was fetched into `clone` or made in it.
    ///
    /// # Errors
    /// The clone is damaged, or has no such commit.
    pub fn of_clone(clone: &BareClone, commit: Oid) -> Result<Self, GitError> {
        let (git, lock) = clone.reopen()?;
        Self::open(git, commit, Some(lock)).map_err(|error| clone.damaged(&error))
    }

    /// Returns the files of the commit that `revision` names in the git repository around `directory`.
    ///
    /// # Errors
    /// There is no repository, no such commit in it, or it cannot be read.
    pub fn of_revision(directory: &Path, revision: &str) -> Result<Self, RevisionError> {
        let (git, commit) = open_revision(directory, revision)?;
        Ok(Self::open(git, commit, None)?)
    }

    fn open(git: git2::Repository, commit: Oid, lock: Option<Arc<File>>) -> Result<Self, git2::Error> {
        let mut found = CommitFiles::default();
        found.walk(&git, commit)?;
        let CommitFiles { mut files, problems, .. } = found;
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let blobs = files.iter().map(|(entry, id)| (entry.path.clone(), (*id, entry.kind))).collect();
        let entries = files.into_iter().map(|(entry, _)| entry).collect();
        Ok(Self { git: Mutex::new(git), entries, blobs, problems, lock })
    }

    fn git(&self) -> MutexGuard<'_, git2::Repository> {
        self.git.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tree for CommitTree {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        Ok(self.entries.clone())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let path = || path.to_owned();
        let (id, kind) = self.blobs.get(&path()).ok_or_else(|| TreeError::NotFound { path: path() })?;
        if *kind == EntryKind::Symlink {
            return Err(TreeError::Symlink { path: path() });
        }
        let git = self.git();
        let content = || {
            let odb = git.odb()?;
            let size = odb.read_header(*id)?.0 as u64;
            Ok(if size > limit { Err(size) } else { Ok(odb.read(*id)?.data().to_vec()) })
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

    fn problems(&self) -> &[TreeError] {
        &self.problems
    }
}

fn broken(path: String, error: &git2::Error) -> TreeError {
    TreeError::Git { path, message: error.message().to_owned() }
}

#[derive(Default)]
struct CommitFiles {
    files: Vec<(TreeEntry, Oid)>,
    problems: Vec<TreeError>,
    trees: usize,
}

impl CommitFiles {
    fn walk(&mut self, git: &git2::Repository, commit: Oid) -> Result<(), git2::Error> {
        let odb = git.odb()?;
        let mut pending = vec![(String::new(), git.find_commit(commit)?.tree_id())];
        while let Some((directory, id)) = pending.pop() {
            self.trees += 1;
            if self.trees > TREES_MAX || self.files.len() > FILES_MAX {
                return Err(git2::Error::from_str(
                    "the commit has more files or directories than tagpin reads",
                ));
            }
            for entry in &git.find_tree(id)? {
                let Ok(name) = entry.name() else {
                    let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                    self.problem(format!("{directory}{name}"), "the name is not UTF-8");
                    continue;
                };
                let path = format!("{directory}{name}");
                // git itself refuses to make such trees; a remote can make anything.
                if path.len() > PATH_MAX
                    || name.is_empty()
                    || name.contains('/')
                    || matches!(name, "." | ".." | ".git")
                {
                    self.problem(path.chars().take(200).collect(), "no checkout could hold this path");
                    continue;
                }
                let kind = match entry.filemode() {
                    0o040_000 => {
                        pending.push((format!("{path}/"), entry.id()));
                        continue;
                    }
                    0o120_000 => EntryKind::Symlink,
                    0o100_644 | 0o100_755 => EntryKind::File,
                    _ => continue,
                };
                let (size, object) = odb.read_header(entry.id())?;
                if object != ObjectType::Blob {
                    self.problem(path, "the tree calls this a file, but it is none");
                    continue;
                }
                self.files.push((TreeEntry { path, size: size as u64, kind }, entry.id()));
            }
        }
        Ok(())
    }

    fn problem(&mut self, path: String, message: &str) {
        self.problems.push(TreeError::Git { path, message: message.to_owned() });
    }
}
