use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{AutotagOption, Direction, ErrorCode, FetchOptions, RepositoryInitOptions};

use super::error::is_unreadable;
use super::redact::redacted;
use super::{Commit, GitError, IsOwn, Log, Oid, Remote, initialise, transport};

/// How many packs a clone may have. Every fetch adds one and libgit2 never joins them, so past this number a new
/// shallow clone is cheaper than the old one.
const PACKS_MAX: usize = 64;

/// How many loose objects a clone may have in one of the 256 directories for them: some 7,000 in all, which is where git
/// packs them (`gc.auto`). Every commit that is pushed leaves some, and libgit2 never packs them.
const LOOSE_MAX: usize = 27;

/// The directory that tells for all: object ids are even.
const LOOSE_SAMPLE: &str = "objects/17";

/// The file that marks a clone as damaged, so that the next run makes it anew.
const DAMAGED: &str = "tagpin-damaged";

/// The branches of a remote, from one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The branch that HEAD names, if HEAD names one that exists.
    pub default: Option<String>,
    /// Every branch, without `refs/heads/`, and its commit.
    pub branches: BTreeMap<String, Oid>,
}

/// A bare clone in the cache directory, held by one process at a time.
pub struct BareClone {
    pub(super) git: git2::Repository,
    pub(super) remote: Remote,
    lock: Arc<File>,
}

impl BareClone {
    /// Opens the clone of `remote` below `cache_dir`, or makes an empty one. No request is made yet.
    ///
    /// # Errors
    /// [`GitError::Locked`] while another process has it open; [`GitError::Cache`] where the directory cannot be used.
    /// A clone that is broken is thrown away and made anew.
    pub fn open(cache_dir: &Path, remote: Remote) -> Result<Self, GitError> {
        initialise();
        fs_err::create_dir_all(cache_dir).map_err(GitError::Cache)?;
        let path = cache_dir.join(remote.cache_name());
        let lock = lock(&path.with_extension("lock"))?;
        let git = match usable(&path) {
            Some(git) => git,
            None => create(&path)?,
        };
        Ok(Self { git, remote, lock: Arc::new(lock) })
    }

    /// Asks the remote for its branches: one request.
    pub fn heads(&self) -> Result<Heads, GitError> {
        if let Some(path) = self.remote.directory() {
            return directory_heads(path).map_err(|error| self.explain(&error));
        }
        let mut remote = self.git.remote_anonymous(&self.remote.url())?;
        self.online(|| {
            let connection = remote.connect_auth(Direction::Fetch, None, None)?;
            let mut heads = Heads::default();
            for head in connection.list()? {
                if let Some(branch) = head.name().strip_prefix("refs/heads/") {
                    heads.branches.insert(branch.to_owned(), head.oid());
                } else if head.name() == "HEAD" {
                    let target = head.symref_target().and_then(|name| name.strip_prefix("refs/heads/"));
                    heads.default = target.map(str::to_owned);
                }
            }
            heads.default.take_if(|default| !heads.branches.contains_key(default));
            Ok(heads)
        })
    }

    /// Brings the head of `branch` into the clone, without its history, and returns it.
    ///
    /// Nothing is asked where the clone already has `expected`, which is what [`BareClone::heads`] said. Otherwise the
    /// answer may be newer than that. A remote that is a directory is fetched whole: libgit2 knows no shallow fetch there.
    ///
    /// # Errors
    /// [`GitError::NoBranch`] where the remote has no such branch (any more), or why the remote does not answer.
    pub fn fetch(&self, branch: &str, expected: Oid) -> Result<Oid, GitError> {
        let name = branch_ref(branch)?;
        if self.git.refname_to_id(&name).is_ok_and(|at| at == expected) && self.has(expected) {
            return Ok(expected);
        }
        self.download(branch, 1)
    }

    pub(super) fn download(&self, branch: &str, depth: i32) -> Result<Oid, GitError> {
        let name = branch_ref(branch)?;
        let mut options = FetchOptions::new();
        options.download_tags(AutotagOption::None);
        let local = match self.remote.directory() {
            Some(path) => Some(directory_heads(path).map_err(|error| self.explain(&error))?),
            None => {
                options.depth(depth);
                None
            }
        };
        let mut remote = self.git.remote_anonymous(&self.remote.url())?;
        let found = self.online(|| {
            let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
            let found = match &local {
                Some(heads) => heads.branches.get(branch).copied(),
                None => connection.list()?.iter().find(|head| head.name() == name).map(|head| head.oid()),
            };
            if found.is_some() {
                connection.remote().download(&[format!("+{name}:{name}")], Some(&mut options))?;
            }
            Ok(found)
        })?;
        let no_branch = || GitError::NoBranch { url: self.remote.url(), branch: branch.to_owned() };
        let found = found.ok_or_else(no_branch)?;
        // Only now, when libgit2 has written the pack and the shallow boundary: a crash before leaves nothing that
        // looks complete.
        self.git.reference(&name, found, true, "fetch").map_err(|error| self.damaged(&error))?;
        Ok(found)
    }

    /// Returns the history of `branch` that ends with `commit`, which was fetched from it: at least `depth` first parents,
    /// where there are so many. What is missing is fetched, with one request more. `is_own` recognises tagpin's messages.
    ///
    /// # Errors
    /// The remote does not answer, or has no such branch any more.
    pub fn history(&self, branch: &str, commit: Oid, depth: u16, is_own: IsOwn) -> Result<Log, GitError> {
        Ok(Log::of(self.with_history(branch, commit, depth)?, commit, is_own))
    }

    /// Fetches what of the history of `branch` is missing below `commit`, and returns the clone, opened anew: which commits
    /// are the last of a shallow clone is read once.
    pub(super) fn with_history(
        &self,
        branch: &str,
        commit: Oid,
        depth: u16,
    ) -> Result<git2::Repository, GitError> {
        let name = branch_ref(branch)?;
        if self.remote.directory().is_none() && !self.reaches(commit, depth) {
            let mut options = FetchOptions::new();
            options.download_tags(AutotagOption::None).depth(i32::from(depth));
            let mut remote = self.git.remote_anonymous(&self.remote.url())?;
            self.online(|| {
                let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
                connection.remote().download(&[format!("+{name}:{name}")], Some(&mut options))
            })?;
        }
        git2::Repository::open_bare(self.git.path()).map_err(|error| self.damaged(&error))
    }

    /// Returns whether `depth` first parents of a commit are here, or all there are.
    fn reaches(&self, commit: Oid, depth: u16) -> bool {
        let mut at = commit;
        for _ in 0..depth {
            let Ok(known) = Commit::read(&self.git, at) else { return false };
            let Some(parent) = known.parents.first() else { return true };
            if !self.has(*parent) {
                return false;
            }
            at = *parent;
        }
        true
    }

    /// Opens the clone once more, for a reader that outlives this one, and shares its lock.
    pub(crate) fn reopen(&self) -> Result<(git2::Repository, Arc<File>), GitError> {
        let git = open_clone(self.git.path()).map_err(|error| self.damaged(&error))?;
        Ok((git, Arc::clone(&self.lock)))
    }

    /// Returns what a commit that was fetched or made here says of itself.
    pub fn describe(&self, commit: Oid) -> Result<Commit, GitError> {
        Commit::read(&self.git, commit).map_err(|error| match error.code() {
            ErrorCode::NotFound => {
                GitError::Local(format!("the clone has no commit `{commit}`: fetch it first"))
            }
            _ => self.damaged(&error),
        })
    }

    /// Returns the remote's address, without credentials.
    pub fn url(&self) -> String {
        self.remote.url()
    }

    /// Returns the file beside the clone that ends with `extension`: it lives as long as the clone's lock is held alone.
    pub fn beside(&self, extension: &str) -> PathBuf {
        self.git.path().with_extension(extension)
    }

    fn has(&self, commit: Oid) -> bool {
        self.git.find_commit(commit).and_then(|commit| commit.tree()).is_ok()
    }

    pub(super) fn online<T>(&self, work: impl FnOnce() -> Result<T, git2::Error>) -> Result<T, GitError> {
        transport::during(&self.remote, work, |error| self.explain(&error))
    }

    pub(super) fn explain(&self, error: &git2::Error) -> GitError {
        let url = self.remote.url();
        let message = redacted(&self.remote, error.message());
        match (self.remote.directory(), error.class()) {
            (Some(path), _) if git2::Repository::open(path).is_err() => GitError::NotFound { url },
            (None, git2::ErrorClass::Net | git2::ErrorClass::Http | git2::ErrorClass::Indexer) => {
                GitError::InvalidAnswer { url, message }
            }
            // What is asked for is told by what is here already.
            _ if is_unreadable(error) => self.damaged(error),
            _ => GitError::Local(message),
        }
    }

    pub(crate) fn damaged(&self, error: &git2::Error) -> GitError {
        self.unreadable(error.message())
    }

    /// Marks the clone, in which something cannot be read.
    pub(crate) fn unreadable(&self, message: &str) -> GitError {
        mark_damaged(self.git.path());
        GitError::Damaged { url: self.remote.url(), message: redacted(&self.remote, message) }
    }
}

/// Marks the clone at `path`; a failure to do so costs nothing but another failing run.
pub(crate) fn mark_damaged(path: &Path) {
    if let Err(error) = fs_err::File::create(path.join(DAMAGED)) {
        tracing::warn!(%error, "the damaged clone cannot be marked");
    }
}

/// Returns whether the clone at `path` was marked as damaged.
pub(crate) fn is_marked_damaged(path: &Path) -> bool {
    path.join(DAMAGED).exists()
}

/// Returns whether a branch can have this name.
pub fn is_branch(name: &str) -> bool {
    branch_ref(name).is_ok()
}

pub(super) fn branch_ref(branch: &str) -> Result<String, GitError> {
    let name = format!("refs/heads/{branch}");
    if git2::Reference::is_valid_name(&name) {
        Ok(name)
    } else {
        Err(GitError::Local(format!("`{branch}` is not a name that a branch can have")))
    }
}

fn directory_heads(path: &Path) -> Result<Heads, git2::Error> {
    let git = git2::Repository::open(path)?;
    let mut heads = Heads::default();
    for reference in git.references_glob("refs/heads/*")? {
        let reference = reference?;
        // A name that is not UTF-8 cannot be asked for.
        let Ok(name) = reference.name() else { continue };
        if let (Some(branch), Ok(commit)) = (name.strip_prefix("refs/heads/"), reference.peel_to_commit()) {
            heads.branches.insert(branch.to_owned(), commit.id());
        }
    }
    let head = git.find_reference("HEAD")?;
    let target = head.symbolic_target().ok().flatten().and_then(|name| name.strip_prefix("refs/heads/"));
    heads.default = target.filter(|default| heads.branches.contains_key(*default)).map(str::to_owned);
    Ok(heads)
}

/// How often a lock that is taken is tried again, and after which pause.
const LOCK_ATTEMPTS: u32 = 5;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// Takes the lock that is held until the file is closed, by a crash too.
fn lock(path: &Path) -> Result<File, GitError> {
    let file =
        File::options().create(true).truncate(false).write(true).open(path).map_err(GitError::Cache)?;
    // A program that is being started holds every open file for a moment, until it is itself: a credential helper's start
    // must not look like another tagpin.
    for attempt in 0..=LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(GitError::Cache(error)),
        }
    }
    Err(GitError::Locked { path: path.to_owned() })
}

/// Opens the clone at `path` with its shallow boundary: `git_repository_open_bare` leaves that out, and a push that follows
/// no fetch would look for the parents that a shallow clone lacks.
fn open_clone(path: &Path) -> Result<git2::Repository, git2::Error> {
    use git2::RepositoryOpenFlags as Flags;
    let none: [&Path; 0] = [];
    git2::Repository::open_ext(path, Flags::BARE | Flags::NO_SEARCH | Flags::NO_DOTGIT, none)
}

/// Opens the clone at `path`, unless there is none, or it is broken, marked, or grown too large.
fn usable(path: &Path) -> Option<git2::Repository> {
    if !path.exists() || is_marked_damaged(path) {
        return None;
    }
    let packs = fs_err::read_dir(path.join("objects/pack")).ok()?;
    let is_pack = |name: PathBuf| name.extension().is_some_and(|extension| extension == "pack");
    if packs.flatten().filter(|entry| is_pack(entry.path())).count() > PACKS_MAX {
        return None;
    }
    let loose = fs_err::read_dir(path.join(LOOSE_SAMPLE)).map_or(0, Iterator::count);
    if loose > LOOSE_MAX {
        return None;
    }
    let git = open_clone(path).ok()?;
    let whole =
        git.references().ok()?.all(|reference| reference.and_then(|head| head.peel_to_tree()).is_ok());
    whole.then_some(git)
}

/// Makes an empty clone, in the place of whatever is there.
fn create(path: &Path) -> Result<git2::Repository, GitError> {
    match fs_err::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs_err::remove_dir_all(path).map_err(GitError::Cache)?,
        Ok(_) => fs_err::remove_file(path).map_err(GitError::Cache)?,
        Err(_) => {}
    }
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).external_template(false);
    Ok(git2::Repository::init_opts(path, &options)?)
}
