//! One repository, end to end: clone, pin, commit, push, open or update the pull request.

pub(crate) mod action_summary;
pub(crate) mod cache_lock;
pub(crate) mod discover;
mod error;
pub mod fleet;
mod outcome;
pub(crate) mod report;
pub mod repository;
pub mod request;
pub mod serve;
mod session;
pub(crate) mod tally;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

pub use error::RunError;
use jiff::Timestamp;
pub use outcome::{BranchState, GroupOutcome, RepositoryOutcome};
use repository::clone::{FetchedClone, RemoteHeads, fetch, open};
use repository::credentials::Access;
use repository::ledger::Book;
pub use repository::ledger::{LedgerUpdate, RecordState};
pub use repository::request::errand;
use secrecy::SecretString;
pub use session::RunSession;

use crate::config::{self, Config, RepositoryConfig};
use crate::history::ledger::LedgerView;
use crate::manifest::SIZE_MAX;
use crate::plan::{Pinned, pin, reverted};
use crate::policy::Settings;
use crate::pull_request::marker;
use crate::registry::Registry;
use crate::registry::verify::FILE_MAX;
use crate::run::repository::inventory_cache::{CacheKey, OwnFile};
use crate::source::git::{BareClone, Identity};
use crate::source::tree::{CommitTree, Tree};

/// The branch that tagpin pushes where all changes are one group.
pub const BRANCH: &str = "tagpin/pin-digests";

/// What a run needs beside its configuration.
pub struct RunContext<'c, R> {
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
    pub session: &'c RunSession,
}

/// Does one repository.
///
/// # Errors
/// It could not be cloned, read or pushed. What failed for single images is in the verdicts, and what failed at the forge
/// in [`RepositoryOutcome::pull_request_error`].
pub async fn repository<R: Registry>(
    context: &RunContext<'_, R>,
    target: &RepositoryConfig,
    progress: impl Fn(usize, usize),
) -> Result<RepositoryOutcome, RunError> {
    // First of all, so that nothing is pushed that could not be proposed.
    let access = Access::new(context, target).await?;
    let (cache_dir, branch) = (context.cache_dir.to_owned(), target.branch.clone());
    let remote = access.remote.clone();
    let ledger = &context.config.ledger;
    let ledger = ledger.enabled.then(|| ledger.branch.clone());
    let mut opened = blocking(move || open(&cache_dir, remote, branch, ledger)).await?;
    let book = opened.book.take();
    let past = book.as_ref().map_or_else(|| LedgerView::unknown(context.now), |book| book.past(context.now));
    let listed = opened.base;
    let place = CacheKey::new(&opened.repository, &opened.base_branch, listed, context.config);
    if let Some(done) = unchanged(context, &opened, &place, &past, &progress).await? {
        let (_, recorded) = record(context, opened.repository, book, &done.pinned).await?;
        return Ok(done.with(recorded));
    }
    let (mut cloned, mut tree) = blocking(move || fetch(opened)).await?;
    let (config, own) = narrowed(context.config, &tree)?;
    let settings = &config.settings;
    let mut pinned = pin::pin(&tree, settings, &past, context.registry, progress).await?;
    // Before anything else can fail: what was seen for the first time begins to be old.
    let recorded;
    (cloned.repository, recorded) = record(context, cloned.repository, book, &pinned).await?;
    let warning = own.as_ref().and_then(|own| own.warning.clone());
    let mut problems = Vec::new();
    if repository::promotions::is_due(&pinned.inventory, settings) {
        (cloned, pinned, problems) =
            repository::promotions::add(context, settings, &past, cloned, &tree, pinned).await?;
    }
    if pinned.files.is_empty() {
        // The branch may have moved on since it was listed.
        if cloned.base == listed {
            place.keep(&pinned.inventory, own);
        }
    } else {
        let settings = settings.clone();
        (cloned, tree, pinned) = blocking(move || hold_reverted(cloned, tree, pinned, &settings)).await?;
    }
    let holds = settings.holds.at(context.now);
    let holds = holds.ended().chain(holds.unmatched(&pinned.inventory));
    let is_refused = !problems.is_empty();
    let notes = warning.into_iter().chain(problems).chain(pinned.notes.clone()).chain(holds).collect();
    let mut done =
        RepositoryOutcome { notes, pinned, is_refused, ..RepositoryOutcome::default() }.with(recorded);
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
    context: &RunContext<'_, R>,
    repository: BareClone,
    book: Option<Book>,
    pinned: &Pinned,
) -> Result<(BareClone, Option<LedgerUpdate>), RunError> {
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
    context: &RunContext<'_, R>,
    opened: &RemoteHeads,
    place: &CacheKey,
    past: &LedgerView,
    progress: impl Fn(usize, usize),
) -> Result<Option<RepositoryOutcome>, RunError> {
    if opened.has_branches() {
        return Ok(None);
    }
    let Some(remembered) = place.recall() else { return Ok(None) };
    let (config, warning) = remembered.narrowed(context.config)?;
    let settings = &config.settings;
    let pinned = remembered.unchanged(settings, past, context.registry, progress).await?;
    let pinned = pinned.filter(|pinned| !repository::promotions::is_due(&pinned.inventory, settings));
    Ok(pinned.map(|pinned| {
        let holds = settings.holds.at(context.now);
        let holds = holds.ended().chain(holds.unmatched(&pinned.inventory));
        let notes = warning.into_iter().chain(holds).collect();
        RepositoryOutcome { pinned, notes, ..RepositoryOutcome::default() }
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
    cloned: FetchedClone,
    tree: CommitTree,
    mut pinned: Pinned,
    settings: &Settings,
) -> Result<(FetchedClone, CommitTree, Pinned), RunError> {
    let log = cloned.repository.history(&cloned.base_branch, cloned.base, reverted::DEPTH, marker::is_own)?;
    reverted::hold(&mut pinned, &tree, settings, &log)?;
    Ok((cloned, tree, pinned))
}
