//! Bare repositories, filled and looked at with git2 alone.

use std::path::{Path, PathBuf};

use git2::{BranchType, FileMode, Oid, Repository, Signature, Time};
use jiff::Timestamp;

/// When everything is committed.
pub(crate) const COMMITTED: Timestamp = Timestamp::constant(1_700_000_000, 0);

/// A bare repository with `main` as its default branch, to be filled and looked at.
pub(crate) struct BareRepository {
    pub(crate) path: PathBuf,
    git: Repository,
}

impl BareRepository {
    pub(crate) fn create(path: &Path) -> Self {
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).mkpath(true).external_template(false).initial_head("main");
        Self { path: path.to_owned(), git: Repository::init_opts(path, &options).unwrap() }
    }

    pub(crate) fn open(path: &Path) -> Self {
        Self { path: path.to_owned(), git: Repository::open_bare(path).unwrap() }
    }

    /// Commits these files as the first commit of `main`.
    pub(crate) fn seed(&self, files: &[(&str, &str)]) -> Oid {
        self.commit_on("main", files, "human@example.com")
    }

    /// Commits these files on top of `branch`, which is made if there is none.
    pub(crate) fn commit_on(&self, branch: &str, files: &[(&str, &str)], author: &str) -> Oid {
        let files: Vec<_> =
            files.iter().map(|(path, content)| (*path, content.as_bytes(), FileMode::Blob)).collect();
        self.commit_modes(branch, &files, author)
    }

    /// Commits files of any mode: executables, links, submodules (whose content is a commit's hex).
    pub(crate) fn commit_modes(&self, branch: &str, files: &[(&str, &[u8], FileMode)], author: &str) -> Oid {
        let parent = self.head(branch).map(|oid| self.git.find_commit(oid).unwrap());
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, content, mode) in files {
            let id = match mode {
                FileMode::Commit => Oid::from_str(str::from_utf8(content).unwrap()).unwrap(),
                _ => self.git.blob(content).unwrap(),
            };
            update.upsert(*path, id, *mode);
        }
        let base = match &parent {
            Some(parent) => parent.tree().unwrap(),
            None => self.git.find_tree(self.git.treebuilder(None).unwrap().write().unwrap()).unwrap(),
        };
        let tree = self.git.find_tree(update.create_updated(&self.git, &base).unwrap()).unwrap();
        let author = Signature::new("Somebody", author, &Time::new(COMMITTED.as_second(), 0)).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let message = format!("change {} files", files.len());
        let name = format!("refs/heads/{branch}");
        self.git.commit(Some(&name), &author, &author, &message, &tree, &parents).unwrap()
    }

    pub(crate) fn head(&self, branch: &str) -> Option<Oid> {
        Some(self.git.find_branch(branch, BranchType::Local).ok()?.get().target().unwrap())
    }

    pub(crate) fn branches(&self) -> Vec<String> {
        let all = self.git.branches(Some(BranchType::Local)).unwrap();
        all.map(|branch| branch.unwrap().0.name().unwrap().unwrap().to_owned()).collect()
    }

    pub(crate) fn move_branch(&self, branch: &str, to: Oid) {
        self.git.reference(&format!("refs/heads/{branch}"), to, true, "moved").unwrap();
    }

    pub(crate) fn delete_branch(&self, branch: &str) {
        self.git.find_branch(branch, BranchType::Local).unwrap().delete().unwrap();
    }

    pub(crate) fn read(&self, branch: &str, path: &str) -> Option<Vec<u8>> {
        let tree = self.git.find_commit(self.head(branch)?).unwrap().tree().unwrap();
        let id = tree.get_path(Path::new(path)).ok()?.id();
        Some(self.git.find_blob(id).unwrap().content().to_vec())
    }

    pub(crate) fn mode(&self, branch: &str, path: &str) -> Option<i32> {
        let tree = self.git.find_commit(self.head(branch)?).unwrap().tree().unwrap();
        Some(tree.get_path(Path::new(path)).ok()?.filemode())
    }

    /// Returns the name of a branch's tree.
    pub(crate) fn tree(&self, branch: &str) -> String {
        self.git.find_commit(self.head(branch).unwrap()).unwrap().tree_id().to_string()
    }

    /// Returns the address of who committed the head of `branch`.
    pub(crate) fn committer(&self, branch: &str) -> String {
        let commit = self.git.find_commit(self.head(branch).unwrap()).unwrap();
        commit.committer().email().unwrap().to_owned()
    }

    /// Returns the commits of a branch with their messages, the newest first.
    pub(crate) fn log(&self, branch: &str) -> Vec<(Oid, String)> {
        let mut walk = self.git.revwalk().unwrap();
        walk.push(self.head(branch).unwrap()).unwrap();
        walk.map(|id| {
            let id = id.unwrap();
            (id, self.git.find_commit(id).unwrap().message().unwrap().to_owned())
        })
        .collect()
    }
}
