//! One repository, end to end: clone, pin, commit, push, open or update the pull request.

pub(crate) mod action_summary;
pub(crate) mod cache_lock;
pub(crate) mod discover;
pub mod fleet;
pub(crate) mod report;
pub mod repository;
pub mod request;
pub mod serve;
mod session;
pub(crate) mod tally;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::config::{self, Config, ConfigError, RepositoryConfig};
use crate::forge::ForgeError;
use crate::history::ledger::Past;
use crate::manifest::SIZE_MAX;
use crate::plan::Pinned;
use crate::plan::pin;
use crate::plan::reverted;
use crate::pull_request::{Operation, Settled};
use crate::registry::Registry;
use crate::registry::verify::FILE_MAX;
use crate::run::repository::inventory_cache::{OwnFile, Place};
use crate::run::request::ErrandError;
use crate::source::git::{GitError, Identity, LogError, Repository};
use crate::source::tree::{CommitTree, Tree, TreeError};

use repository::clone::{Cloned, Opened, fetch, open};
use repository::credentials::Access;
use repository::ledger::Book;
pub use repository::ledger::{RecordState, Recorded};
pub use repository::request::errand;
pub use session::Session;

/// The branch that tagpin pushes where all changes are one group.
pub const BRANCH: &str = "tagpin/pin-digests";

/// What a run needs beside its configuration.
pub struct Context<'c, R> {
    /// The configuration.
    pub config: &'c Config,
    /// The registries.
    pub registry: &'c R,
    /// Where clones are kept.
    pub cache_dir: &'c Path,
    /// The forge's token.
    pub token: Option<SecretString>,
    /// Looks a variable of the environment up, for `token-env`.
    pub lookup: &'c (dyn Fn(&str) -> Option<SecretString> + Sync),
    /// The time on commits.
    pub now: Timestamp,
    /// Whether nothing is pushed and nothing opened.
    pub dry_run: bool,
    /// What the repositories of this run share.
    pub session: &'c Session,
}

/// What became of one repository.
///
/// Branch, commit and pull request are those of the first of `groups` that has something to say: the only one, unless
/// `[pull-request]` divides the changes.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// What was found and decided.
    pub pinned: Pinned,
    /// What became of the branch.
    pub branch: BranchState,
    /// The commit that the branch is at, where tagpin made it.
    pub commit: Option<String>,
    /// The pull request.
    pub pull_request: Option<Settled>,
    /// Why there is none, or why it is not as it should be. What was pushed stays, and the next run goes on from there.
    pub pull_request_error: Option<ForgeError>,
    /// What became of each group of changes, by the names of their branches.
    pub groups: Vec<Proposed>,
    /// Whether something that a person or the configuration asks for cannot be done.
    pub is_refused: bool,
    /// What became of the ledger of tags; `None` where none is kept.
    pub ledger: Option<Recorded>,
    /// Remarks that are no failures.
    pub notes: Vec<String>,
}

/// What became of one group of changes.
#[derive(Clone, Debug, Default)]
pub struct Proposed {
    /// What people call the group; `None` where it is everything.
    pub group: Option<String>,
    /// The name of its branch.
    pub branch_name: String,
    /// What became of the branch.
    pub branch: BranchState,
    /// The commit that the branch is at, where tagpin made it.
    pub commit: Option<String>,
    /// How many files change.
    pub files: usize,
    /// The pull request.
    pub pull_request: Option<Settled>,
    /// What went wrong. The other groups are done all the same.
    pub error: Option<String>,
}

/// What became of the branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BranchState {
    /// There is nothing to change, so nothing was pushed.
    #[default]
    NothingToDo,
    /// It would have been pushed, but for `--dry-run`.
    DryRun,
    /// It holds these changes already.
    UpToDate,
    /// It was pushed.
    Pushed,
    /// Somebody else committed to it, so it was left alone.
    LeftAlone,
    /// A label on the pull request halts tagpin.
    Stopped,
    /// It was merged, or there is nothing left to propose: it was deleted.
    Deleted,
}

impl BranchState {
    /// Returns the kebab-case word for reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NothingToDo => "nothing-to-do",
            Self::DryRun => "dry-run",
            Self::UpToDate => "up-to-date",
            Self::Pushed => "pushed",
            Self::LeftAlone => "left-alone",
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
        }
    }
}

/// Why a repository could not be done. The others go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Cloning, fetching or pushing.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The forge's settings: nothing was sent.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The commit's files.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The history that tells what somebody took back.
    #[error(transparent)]
    History(#[from] LogError),
    /// The repository's own configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing to clone.
    #[error("`{url}` has no branch to read: {what}")]
    NoBranch {
        /// The repository.
        url: String,
        /// What was looked for.
        what: String,
    },
    /// The address is not one of the forge's.
    #[error(
        "`{url}` is not a repository of the GitHub at `{base_url}`: write `https://HOST/OWNER/NAME`, set `base-url` in \
         [forge] to the API of your GitHub Enterprise, or set `kind = \"none\"` there to push a branch without a pull \
         request"
    )]
    NotOnForge {
        /// The repository.
        url: String,
        /// The forge's API.
        base_url: String,
    },
    /// What a person asked for cannot be done.
    #[error(transparent)]
    Errand(#[from] ErrandError),
    /// A thread of ours died.
    #[error("the work on the repository broke off: {0}")]
    Broken(String),
}

/// Does one repository.
///
/// # Errors
/// It could not be cloned, read or pushed. What failed for single images is in the verdicts, and what failed at the forge
/// in [`Done::pull_request_error`].
pub async fn repository<R: Registry>(
    context: &Context<'_, R>,
    target: &RepositoryConfig,
    progress: impl Fn(usize, usize),
) -> Result<Done, RunError> {
    // First of all, so that nothing is pushed that could not be proposed.
    let access = Access::new(context, target).await?;
    let (cache_dir, branch) = (context.cache_dir.to_owned(), target.branch.clone());
    let remote = access.remote.clone();
    let ledger = &context.config.ledger;
    let ledger = ledger.enabled.then(|| ledger.branch.clone());
    let mut opened = blocking(move || open(&cache_dir, remote, branch, ledger)).await?;
    let book = opened.book.take();
    let past = book.as_ref().map(|book| book.past(context.now)).unwrap_or_default();
    let listed = opened.base;
    let place = Place::new(&opened.repository, &opened.base_branch, listed, context.config);
    if let Some(done) = unchanged(context, &opened, &place, &past, &progress).await? {
        let (_, recorded) = record(context, opened.repository, book, &done.pinned).await?;
        return Ok(done.with(recorded));
    }
    let (mut cloned, mut tree) = blocking(move || fetch(opened)).await?;
    let (mut config, own) = narrowed(context.config, &tree)?;
    config.holds.tell(context.now);
    config.ledger.past = past;
    let mut pinned = pin::pin(&tree, &config, context.registry, progress).await?;
    // Before anything else can fail: what was seen for the first time begins to be old.
    let recorded;
    (cloned.repository, recorded) = record(context, cloned.repository, book, &pinned).await?;
    let warning = own.as_ref().and_then(|own| own.warning.clone());
    let mut problems = Vec::new();
    if repository::promotions::is_due(&pinned.inventory, &config) {
        (cloned, pinned, problems) =
            repository::promotions::add(context, &config, cloned, &tree, pinned).await?;
    }
    if pinned.files.is_empty() {
        // The branch may have moved on since it was listed.
        if cloned.base == listed {
            place.keep(&pinned.inventory, own);
        }
    } else {
        let config = config.clone();
        (cloned, tree, pinned) = blocking(move || hold_reverted(cloned, tree, pinned, &config)).await?;
    }
    let holds = config.holds.ended().chain(config.holds.unmatched(&pinned.inventory));
    let is_refused = !problems.is_empty();
    let notes = warning.into_iter().chain(problems).chain(pinned.notes.clone()).chain(holds).collect();
    let mut done = Done { notes, pinned, is_refused, ..Done::default() }.with(recorded);
    if context.dry_run {
        if !done.pinned.files.is_empty() {
            done.branch = BranchState::DryRun;
        }
        return Ok(done);
    }
    repository::propose::propose(context, &access, &config, (cloned, &tree), None, &mut done).await?;
    done.summarise();
    Ok(done)
}

/// git calls block: they get a thread of their own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| RunError::Broken(error.to_string()))?
}

/// Writes what the registries said into the ledger, where one is kept and something is new.
async fn record<R: Registry>(
    context: &Context<'_, R>,
    repository: Repository,
    book: Option<Book>,
    pinned: &Pinned,
) -> Result<(Repository, Option<Recorded>), RunError> {
    let Some(book) = book else { return Ok((repository, None)) };
    let (sightings, now, dry_run) = (pinned.sightings.clone(), context.now, context.dry_run);
    let forge = &context.config.forge;
    let author = Identity { name: forge.author_name.clone(), email: forge.author_email.clone() };
    blocking(move || {
        let recorded = book.write(&repository, &sightings, now, &author, dry_run);
        Ok((repository, Some(recorded)))
    })
    .await
}

/// Returns what there is to say where nothing changes in a base that was read in an earlier run: then nothing is fetched.
/// A branch of tagpin's has to be looked at, so the base is read where there is one.
async fn unchanged<R: Registry>(
    context: &Context<'_, R>,
    opened: &Opened,
    place: &Place,
    past: &Past,
    progress: impl Fn(usize, usize),
) -> Result<Option<Done>, RunError> {
    if opened.has_branches() {
        return Ok(None);
    }
    let Some(remembered) = place.recall() else { return Ok(None) };
    let (mut config, warning) = remembered.narrowed(context.config)?;
    config.holds.tell(context.now);
    config.ledger.past = past.clone();
    let pinned = remembered.unchanged(&config, context.registry, progress).await?;
    let pinned = pinned.filter(|pinned| !repository::promotions::is_due(&pinned.inventory, &config));
    Ok(pinned.map(|pinned| {
        let holds = config.holds.ended().chain(config.holds.unmatched(&pinned.inventory));
        let notes = warning.into_iter().chain(holds).collect();
        Done { pinned, notes, ..Done::default() }
    }))
}

/// Applies the repository's own file, which can only narrow, and returns it.
fn narrowed(config: &Config, tree: &CommitTree) -> Result<(Config, Option<OwnFile>), RunError> {
    let entries = tree.entries()?;
    let Some(found) = config::discover(entries.iter().map(|entry| entry.path.as_str())) else {
        return Ok((config.clone(), None));
    };
    let bytes = tree.read(found.path, SIZE_MAX)?;
    let keys = RefCell::new(BTreeMap::new());
    let narrowed = config.narrowed(found.path, &bytes, |path| {
        let bytes = tree.read(path, FILE_MAX).ok()?;
        keys.borrow_mut().insert(path.to_owned(), bytes.clone());
        Some(bytes)
    })?;
    let (text, keys) = (String::from_utf8_lossy(&bytes).into_owned(), keys.into_inner());
    let (path, warning) = (found.path.to_owned(), found.warning());
    Ok((narrowed, Some(OwnFile { path, text, keys, warning })))
}

/// Holds what somebody took back: the history that tells is fetched where something is to change.
fn hold_reverted(
    cloned: Cloned,
    tree: CommitTree,
    mut pinned: Pinned,
    config: &Config,
) -> Result<(Cloned, CommitTree, Pinned), RunError> {
    let log = cloned.repository.history(&cloned.base_branch, cloned.base, reverted::DEPTH)?;
    reverted::hold(&mut pinned, &tree, config, &log)?;
    Ok((cloned, tree, pinned))
}

impl Done {
    /// Returns this with what became of the ledger.
    fn with(mut self, recorded: Option<Recorded>) -> Self {
        self.notes.extend(recorded.as_ref().and_then(Recorded::remark));
        self.ledger = recorded;
        self
    }

    /// Tells whether something was written: a branch or a pull request.
    pub fn changed(&self) -> bool {
        self.groups.iter().any(|group| {
            let settled = group.pull_request.as_ref();
            let written = settled.is_some_and(|settled| settled.operation != Operation::None);
            written || matches!(group.branch, BranchState::Pushed | BranchState::Deleted)
        })
    }

    /// Tells whether everything that should be proposed is.
    pub fn is_proposed(&self) -> bool {
        !self.is_refused
            && self.pull_request_error.is_none()
            && self.groups.iter().all(|group| group.error.is_none())
    }

    /// Returns the name of the branch that `branch` and `commit` are about.
    pub fn branch_name(&self) -> &str {
        self.first().map_or(BRANCH, |group| &group.branch_name)
    }

    /// Returns the group that stands for all: what was deleted is the end of an earlier story.
    fn first(&self) -> Option<&Proposed> {
        let goes_on = |group: &&Proposed| group.branch != BranchState::Deleted;
        self.groups.iter().find(goes_on).or(self.groups.first())
    }

    /// Fills in what stands for the groups.
    fn summarise(&mut self) {
        if let Some(first) = self.first().cloned() {
            self.branch = first.branch;
            self.commit = first.commit;
            self.pull_request = first.pull_request;
        }
    }
}
