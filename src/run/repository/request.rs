//! What a person asks for, done in a clone and proposed in a pull request of its own.

use std::sync::Arc;

use super::clone::{open, require_undamaged, was_damaged};
use super::context::RepositoryContext;
use super::credentials::Access;
use super::own_file::narrowed;
use super::propose;
use crate::config::RepositoryConfig;
use crate::history::ledger::LedgerView;
use crate::manifest::SIZE_MAX;
use crate::pull_request::marker;
use crate::registry::Registry;
use crate::repository_budget::RepositoryBudget;
use crate::run::cpu_clock::thread_time;
use crate::run::request::{Request, Workspace};
use crate::run::{RepositoryOutcome, RunContext, RunError};
use crate::source::git::LogError;
use crate::source::tree::{Tree as _, TreeError};

/// How many commits of the base branch are fetched where the history is asked.
const DEPTH: u16 = 10_000;

/// Does what a person asks for in the repository `target`: one branch and its pull request, which no other run touches.
/// Paths are seen from the directory `seen_from` below the root. Where the clone that is kept turns out to be damaged, it is
/// made anew, and the work begun again once.
///
/// # Errors
/// What is named does not exist, or the repository could not be cloned, read or pushed. What failed for single images is
/// in the verdicts.
pub async fn run_request<R: Registry>(
    context: &RunContext<'_, R>,
    target: &RepositoryConfig,
    request: &Request,
    seen_from: &str,
) -> Result<RepositoryOutcome, RunError> {
    let result = attempt(context, target, request, seen_from, true).await;
    if was_damaged(&result) { attempt(context, target, request, seen_from, false).await } else { result }
}

async fn attempt<R: Registry>(
    context: &RunContext<'_, R>,
    target: &RepositoryConfig,
    request: &Request,
    seen_from: &str,
    may_be_damaged: bool,
) -> Result<RepositoryOutcome, RunError> {
    let access = Access::new(context, target).await?;
    let heads = open(context.cache_dir, &access.remote, target.branch.clone(), None).await?;
    let (mut cloned, tree) =
        heads.fetch(Arc::new(RepositoryBudget::new(context.config.limits, thread_time))).await?;
    let (config, own) = narrowed(context.config, &tree)?;
    let warning = own.as_ref().and_then(|own| own.warning.clone());
    let own_file = own.map_or_else(|| "tagpin.toml".to_owned(), |own| own.path);
    let settings = &config.settings;
    let only = request.occasion(settings, seen_from, &own_file);
    let branch = cloned.branches.of(&only.0);
    cloned.heads.retain(|name, _| *name == branch);

    let plan = {
        let (tree, request, now) = (Arc::clone(&tree), request.clone(), context.now);
        let (settings, seen_from) = (settings.clone(), seen_from.to_owned());
        let (branch, base) = (cloned.base_branch.clone(), cloned.base);
        cloned.git.with(move |git| {
            let read = |path: &str| match tree.read(path, SIZE_MAX) {
                Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Err(TreeError::NotFound { .. }) => Ok(String::new()),
                Err(error) => Err(std::io::Error::other(error.to_string())),
            };
            let place = Workspace {
                tree: &*tree,
                settings: &settings,
                seen_from: &seen_from,
                own_file: &own_file,
                read: &read,
            };
            let log = || {
                let log = git.history(&branch, base, DEPTH, marker::is_own);
                log.map_err(|error| LogError::NotFetched(error.to_string()))
            };
            Ok(request.plan(place, log, now)?)
        })
    };
    let past = LedgerView::unknown(context.now);
    let done = async { Ok(plan.await?.carry_out(&*tree, settings, &past, context.registry).await?) };
    let done: Result<_, RunError> = done.await;
    // Nothing was written yet, and what cannot be done may be there where all can be read.
    if may_be_damaged {
        require_undamaged(&tree, &access.remote)?;
    }
    let done = done?;
    let about = done.about;
    let notes = done.notes.into_iter().chain(done.pinned.notes.iter().cloned()).chain(warning).collect();
    let (pinned, is_refused) = (done.pinned, !done.complete);
    let mut outcome = RepositoryOutcome { pinned, notes, is_refused, ..RepositoryOutcome::default() };
    if context.dry_run {
        outcome = outcome.of_dry_run();
    } else {
        let wanted = changes(&outcome);
        let (config, cloned, tree) = (&config, &cloned, &*tree);
        let context = RepositoryContext { run: context, access: &access, config, cloned, tree };
        outcome = propose::propose(&context, Some(&only), None, outcome).await?;
        // What was held while it was being proposed was not done either.
        outcome.is_refused |= changes(&outcome) < wanted;
    }
    outcome.pinned.keep(|file| about.has_file(&file.root_path));
    Ok(outcome)
}

/// Returns how many images change.
fn changes(outcome: &RepositoryOutcome) -> usize {
    outcome.pinned.verdicts.iter().filter(|verdict| verdict.change.is_some()).count()
}
