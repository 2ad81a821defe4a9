//! What a person asks for, done in a clone and proposed in a pull request of its own.

use std::sync::Arc;

use super::clone::{fetch, open};
use super::credentials::Access;
use super::propose;
use crate::config::RepositoryConfig;
use crate::history::ledger::LedgerView;
use crate::manifest::SIZE_MAX;
use crate::pull_request::marker;
use crate::registry::Registry;
use crate::run::request::{Errand, RequestPlan, Workspace};
use crate::run::{BranchState, RepositoryOutcome, RunContext, RunError, blocking, narrowed};
use crate::source::tree::{Tree as _, TreeError};

/// How many commits of the base branch are fetched where the history is asked.
const DEPTH: u16 = 10_000;

/// Does what a person asks for in the repository `target`: one branch and its pull request, which no other run touches.
/// Paths are seen from the directory `seen_from` below the root.
///
/// # Errors
/// What is named is nothing, or the repository could not be cloned, read or pushed. What failed for single images is in
/// the verdicts.
pub async fn errand<R: Registry>(
    context: &RunContext<'_, R>,
    target: &RepositoryConfig,
    errand: &Errand,
    seen_from: &str,
) -> Result<RepositoryOutcome, RunError> {
    let access = Access::new(context, target).await?;
    let (cache_dir, branch) = (context.cache_dir.to_owned(), target.branch.clone());
    let remote = access.remote.clone();
    let (mut cloned, tree) = blocking(move || fetch(open(&cache_dir, remote, branch, None)?)).await?;
    let (config, own) = narrowed(context.config, &tree)?;
    let warning = own.as_ref().and_then(|own| own.warning.clone());
    let own_file = own.map_or_else(|| "tagpin.toml".to_owned(), |own| own.path);
    let (group, occasion) = errand.occasion(&config.settings, seen_from, &own_file);
    let wanted = cloned.branches.of(&group);
    cloned.heads.retain(|name, _| *name == wanted);

    let tree = Arc::new(tree);
    let (files, asked, now) = (Arc::clone(&tree), errand.clone(), context.now);
    let (settings, seen_from) = (config.settings.clone(), seen_from.to_owned());
    let (cloned, planned) = blocking(move || {
        let read = |path: &str| match files.read(path, SIZE_MAX) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(TreeError::NotFound { .. }) => Ok(String::new()),
            Err(error) => Err(std::io::Error::other(error.to_string())),
        };
        let place = Workspace {
            tree: &*files,
            settings: &settings,
            seen_from: &seen_from,
            own_file: &own_file,
            read: &read,
        };
        let log = || {
            let log = cloned.repository.history(&cloned.base_branch, cloned.base, DEPTH, marker::is_own);
            log.map_err(|error| crate::source::git::LogError::Git(error.to_string()))
        };
        let planned = match &asked {
            Errand::Promote(asked) => RequestPlan::Promote(Box::new(asked.plan(place, log, now)?)),
            Errand::Rollback(asked) => RequestPlan::Rollback(Box::new(asked.plan(place, log)?)),
        };
        Ok((cloned, planned))
    })
    .await?;
    let carried = planned
        .carry_out(&*tree, &config.settings, &LedgerView::unknown(context.now), context.registry)
        .await?;
    let mut done =
        RepositoryOutcome { pinned: carried.pinned, notes: carried.notes, ..RepositoryOutcome::default() };
    done.notes.extend(done.pinned.notes.iter().cloned().chain(warning));
    done.is_refused = !carried.complete;
    if context.dry_run {
        if !done.pinned.files.is_empty() {
            done.branch = BranchState::DryRun;
        }
    } else {
        let only = (group, occasion);
        let wanted = changes(&done);
        propose::propose(context, &access, &config, (cloned, &tree), Some(&only), &mut done).await?;
        done.summarise();
        // What was held while it was being proposed was not done either.
        done.is_refused |= changes(&done) < wanted;
    }
    done.pinned.keep(|file| carried.about.has_file(&file.root_path));
    Ok(done)
}

/// Returns how many images change.
fn changes(done: &RepositoryOutcome) -> usize {
    done.pinned.verdicts.iter().filter(|verdict| verdict.change.is_some()).count()
}
