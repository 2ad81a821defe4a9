//! What a scheduled run does in one repository: it pins what the base names and proposes that.

use std::sync::Arc;

use super::clone::{FetchedClone, RemoteHeads, SharedClone, open, require_undamaged, was_damaged};
use super::context::RepositoryContext;
use super::credentials::Access;
use super::inventory_cache::CacheKey;
use super::ledger::Book;
use super::own_file::narrowed;
use super::{promotions, propose};
use crate::config::RepositoryConfig;
use crate::history::ledger::LedgerView;
use crate::plan::{Pinned, pin, reverted};
use crate::policy::Settings;
use crate::pull_request::marker;
use crate::registry::Registry;
use crate::repository_budget::RepositoryBudget;
use crate::run::cpu_clock::thread_time;
use crate::run::{LedgerUpdate, RepositoryOutcome, RunContext, RunError};
use crate::source::git::Identity;
use crate::source::tree::CommitTree;

/// Does one repository. Where the clone that is kept turns out to be damaged, it is made anew, and the work begun again once.
///
/// # Errors
/// It could not be cloned, read or pushed. What failed for single images is in the verdicts, and what failed at the forge
/// in [`RepositoryOutcome::pull_request_error`].
pub async fn repository<R: Registry>(
    context: &RunContext<'_, R>,
    target: &RepositoryConfig,
    progress: impl Fn(usize, usize),
) -> Result<RepositoryOutcome, RunError> {
    let result = attempt(context, target, &progress, true).await;
    if was_damaged(&result) { attempt(context, target, &progress, false).await } else { result }
}

/// Does one repository. What cannot be read of it is the damage of the clone where it `may_be_damaged`, and the repository's
/// own otherwise.
async fn attempt<R: Registry>(
    context: &RunContext<'_, R>,
    target: &RepositoryConfig,
    progress: impl Fn(usize, usize),
    may_be_damaged: bool,
) -> Result<RepositoryOutcome, RunError> {
    // First of all, so that nothing is pushed that could not be proposed.
    let access = Access::new(context, target).await?;
    let ledger = &context.config.ledger;
    let ledger = ledger.enabled.then(|| ledger.branch.clone());
    let mut heads = open(context.cache_dir, &access.remote, target.branch.clone(), ledger).await?;
    let (git, listed, book) = (heads.git.clone(), heads.base, heads.book.take());
    let past = book.as_ref().map_or_else(|| LedgerView::unknown(context.now), |book| book.past(context.now));
    let key = CacheKey::new(heads.inventory_file.clone(), listed, context.session);
    if let Some(outcome) = unchanged(context, &heads, &key, &past, &progress).await? {
        let update = record(context, &git, book, &outcome.pinned).await?;
        return Ok(outcome.with(update));
    }
    let (cloned, tree) =
        heads.fetch(Arc::new(RepositoryBudget::new(context.config.limits, thread_time))).await?;
    let (config, own_file) = narrowed(context.config, &tree)?;
    let settings = &config.settings;
    let repository =
        RepositoryContext { run: context, access: &access, config: &config, cloned: &cloned, tree: &tree };
    let mut known = None;
    let hold = async |pinned| {
        let (pinned, histories) = propose::without_declined(&repository, pinned).await;
        known = histories;
        pinned
    };
    let mut pinned = pin::pin_unless(&*tree, settings, &past, context.registry, progress, hold).await?;
    // Nothing was written yet.
    if may_be_damaged {
        require_undamaged(&tree, &access.remote)?;
    }
    // What says nothing new of an image waits for something that does, and goes with that.
    pinned.mend_along();
    // Before anything else can fail: what was seen for the first time begins to age.
    let update = record(context, &git, book, &pinned).await?;
    let warning = own_file.as_ref().and_then(|file| file.warning.clone());
    let mut problems = Vec::new();
    if promotions::is_due(&pinned.inventory, settings) {
        (pinned, problems) = promotions::add(context, settings, &past, &cloned, &tree, pinned).await?;
    }
    if !pinned.files.is_empty() {
        pinned = hold_reverted(&cloned, &tree, settings, pinned).await?;
    } else if cloned.base == listed {
        // Otherwise the branch has moved on since it was listed.
        key.keep(&pinned.inventory, own_file);
    }
    let is_refused = !problems.is_empty();
    let notes = warning.into_iter().chain(problems).chain(pinned.notes.clone());
    let notes = notes.chain(hold_notes(context, settings, &pinned)).collect();
    let outcome =
        RepositoryOutcome { notes, pinned, is_refused, ..RepositoryOutcome::default() }.with(update);
    if context.dry_run {
        return Ok(outcome.of_dry_run());
    }
    propose::propose(&repository, None, known, outcome).await
}

/// Writes what the registries said into the ledger, where one is kept and something is new.
async fn record<R: Registry>(
    context: &RunContext<'_, R>,
    git: &SharedClone,
    book: Option<Book>,
    pinned: &Pinned,
) -> Result<Option<LedgerUpdate>, RunError> {
    let Some(book) = book else { return Ok(None) };
    let (sightings, now, dry_run) = (pinned.sightings.clone(), context.now, context.dry_run);
    let forge = &context.config.forge;
    let author = Identity { name: forge.author_name.clone(), email: forge.author_email.clone() };
    git.with(move |git| Ok(Some(book.write(git, &sightings, now, &author, dry_run)))).await
}

/// Returns the outcome where nothing changes in a base that was read in an earlier run: then nothing is fetched.
/// A branch of tagpin's has to be looked at, so the base is read where there is one.
async fn unchanged<R: Registry>(
    context: &RunContext<'_, R>,
    heads: &RemoteHeads,
    key: &CacheKey,
    past: &LedgerView,
    progress: impl Fn(usize, usize),
) -> Result<Option<RepositoryOutcome>, RunError> {
    if heads.has_branches() {
        return Ok(None);
    }
    let Some(cached) = key.load() else { return Ok(None) };
    let (config, warning) = cached.narrowed(context.config)?;
    let settings = &config.settings;
    // Confirmed is only what is written, so not here.
    let pinned = cached.unchanged(settings, past, context.registry, progress).await;
    let pinned = pinned.filter(|pinned| !promotions::is_due(&pinned.inventory, settings));
    Ok(pinned.map(|pinned| {
        let notes = warning.into_iter().chain(hold_notes(context, settings, &pinned)).collect();
        RepositoryOutcome { pinned, notes, ..RepositoryOutcome::default() }
    }))
}

/// Returns remarks on the holds that have ended and on those that hold nothing.
fn hold_notes<R>(context: &RunContext<'_, R>, settings: &Settings, pinned: &Pinned) -> Vec<String> {
    let holds = settings.holds.at(context.now);
    holds.ended().chain(holds.unmatched(&settings.holds.matched(&pinned.inventory))).collect()
}

/// Holds what somebody took back. The history that tells is fetched where something is to change.
async fn hold_reverted(
    cloned: &FetchedClone,
    tree: &Arc<CommitTree>,
    settings: &Settings,
    mut pinned: Pinned,
) -> Result<Pinned, RunError> {
    let (branch, base) = (cloned.base_branch.clone(), cloned.base);
    let (tree, settings) = (Arc::clone(tree), settings.clone());
    cloned
        .git
        .with(move |git| {
            let log = git.history(&branch, base, reverted::DEPTH, marker::is_own)?;
            reverted::hold(&mut pinned, &*tree, &settings, &log)?;
            Ok(pinned)
        })
        .await
}
