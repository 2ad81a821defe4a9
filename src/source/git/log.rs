//! The history of a branch, first parents only: what was merged, and when.

use std::collections::HashMap;
use std::path::Path;

use git2::{Delta, DiffFindOptions, DiffOptions, FileMode};
use jiff::Timestamp;

use super::{Commit, Oid, RevisionError, open_revision};

/// How many commits are looked at, at most.
const STEPS_MAX: usize = 50_000;

/// How many files of one commit are compared to find out which were renamed.
const RENAMES_MAX: usize = 1000;

/// Returns whether a commit with this message is tagpin's own, or merges one that is.
pub type IsOwn = fn(message: &str) -> bool;

/// The commits of a branch in a repository on this machine.
pub struct Log {
    git: git2::Repository,
    tip: Oid,
    is_own: IsOwn,
}

/// Why a history cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is no such commit.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// What is missing of it could not be fetched.
    #[error("the git history cannot be read: {0}")]
    NotFetched(String),
    /// The repository is damaged, or something of it is missing.
    #[error("the git history cannot be read: {0}")]
    Git(String),
}

impl From<git2::Error> for LogError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}

/// One commit of a branch, and what it changed against its first parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCommit {
    /// The commit.
    pub id: Oid,
    /// When it was committed, or when its first parent was, where that is later: a commit cannot be older than what it
    /// stands on, whatever it says. Dates of authors play no part.
    pub when: Timestamp,
    /// The first line of its message; what is not UTF-8 is replaced.
    pub title: String,
    /// Whether tagpin made it, or a commit that it merges.
    pub is_own: bool,
    /// The regular files that it added, changed, renamed or removed.
    pub changes: Vec<FileChange>,
    /// Its first parent, where that is here.
    pub parent: Option<Oid>,
    /// Whether it has a parent that is not here: a shallow clone ends with it.
    pub is_cut: bool,
}

/// A file before and after a commit: its path, and the object with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// `None` where it was added.
    pub before: Option<(String, Oid)>,
    /// `None` where it was removed.
    pub after: Option<(String, Oid)>,
}

impl Log {
    /// Returns the history that ends with `revision`, in the git repository around `directory`. `is_own` recognises tagpin's
    /// messages.
    ///
    /// # Errors
    /// There is no repository, or no such commit in it.
    pub fn open(directory: &Path, revision: &str, is_own: IsOwn) -> Result<Self, LogError> {
        let (git, tip) = open_revision(directory, revision)?;
        Ok(Self::of(git, tip, is_own))
    }

    pub(super) fn of(git: git2::Repository, tip: Oid, is_own: IsOwn) -> Self {
        Self { git, tip, is_own }
    }

    /// Returns the commit that the history ends with.
    pub fn tip(&self) -> Oid {
        self.tip
    }

    /// Returns the commits from the newest to the oldest, bounded: a history that goes on is cut.
    pub fn steps(&self) -> impl Iterator<Item = Result<LoggedCommit, LogError>> {
        let mut next = Some(self.tip);
        let mut left = STEPS_MAX;
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let mut step = self.step(next.take()?);
            if let Ok(step) = &mut step {
                next = step.parent;
                step.is_cut |= left == 0 && next.is_some();
            }
            Some(step)
        })
    }

    /// Returns when each commit was there at the earliest: none is older than any that it stands on, whatever it says. A step
    /// looks at its parent alone, because one commit from the future must not move what was declared on a day.
    ///
    /// # Errors
    /// The git history cannot be read.
    pub fn earliest(&self) -> Result<HashMap<Oid, Timestamp>, LogError> {
        let (mut times, mut next) = (Vec::new(), Some(self.git.find_commit(self.tip)?));
        while let Some(commit) = next.filter(|_| times.len() < STEPS_MAX) {
            times.push((commit.id(), commit.time().seconds()));
            next = if commit.parent_count() > 0 { commit.parent(0).ok() } else { None };
        }
        let mut least = i64::MIN;
        let times = times.into_iter().rev().map(|(id, time)| {
            least = least.max(time);
            (id, Timestamp::from_second(least).unwrap_or(Timestamp::MIN))
        });
        Ok(times.collect())
    }

    /// Returns the content of a file; `None` where it is larger than `limit` bytes or not here.
    pub fn read(&self, id: Oid, limit: u64) -> Option<Vec<u8>> {
        let odb = self.git.odb().ok()?;
        let (size, _) = odb.read_header(id).ok()?;
        if size as u64 > limit {
            return None;
        }
        Some(odb.read(id).ok()?.data().to_vec())
    }

    fn step(&self, id: Oid) -> Result<LoggedCommit, LogError> {
        let commit = self.git.find_commit(id)?;
        let known = Commit::read(&self.git, id)?;
        // At the end of a shallow clone libgit2 knows of no parent.
        let parent = if commit.parent_count() > 0 { commit.parent(0).ok() } else { None };
        let own_time = commit.time().seconds();
        let seconds = parent.as_ref().map_or(own_time, |parent| own_time.max(parent.time().seconds()));
        let merged = (1..commit.parent_count()).filter_map(|index| commit.parent(index).ok());
        let mut messages = merged.map(|commit| String::from_utf8_lossy(commit.message_bytes()).into_owned());
        let own = (self.is_own)(&known.message) || messages.any(|message| (self.is_own)(&message));
        Ok(LoggedCommit {
            id,
            when: Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN),
            title: known.message.lines().next().unwrap_or_default().to_owned(),
            is_own: own,
            changes: self.changes(parent.as_ref(), &commit)?,
            parent: parent.as_ref().map(git2::Commit::id),
            is_cut: parent.is_none() && !known.parents.is_empty(),
        })
    }

    fn changes(
        &self,
        parent: Option<&git2::Commit<'_>>,
        commit: &git2::Commit<'_>,
    ) -> Result<Vec<FileChange>, LogError> {
        let before = parent.map(git2::Commit::tree).transpose()?;
        let mut options = DiffOptions::new();
        options.skip_binary_check(true).include_typechange(true);
        let mut diff =
            self.git.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), Some(&mut options))?;
        let mut similar = DiffFindOptions::new();
        similar.renames(true).rename_limit(RENAMES_MAX);
        diff.find_similar(Some(&mut similar))?;
        let side = |file: git2::DiffFile<'_>| {
            let is_file = matches!(file.mode(), FileMode::Blob | FileMode::BlobExecutable);
            let path = file.path().filter(|_| is_file)?.to_str()?;
            Some((path.to_owned(), file.id()))
        };
        let changes = diff.deltas().map(|delta| FileChange {
            before: Some(delta.old_file()).filter(|_| delta.status() != Delta::Added).and_then(side),
            after: Some(delta.new_file()).filter(|_| delta.status() != Delta::Deleted).and_then(side),
        });
        Ok(changes.filter(|change| change.before.is_some() || change.after.is_some()).collect())
    }
}
