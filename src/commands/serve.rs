//! `tagpin serve`

use std::path::Path;
use std::sync::Arc;

use super::run::{context, lock, secret};
use super::{registry, runtime};
use crate::commands::args::{Globals, ServeArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::plan::{Outcome, Reason};
use crate::registry::{Memo, Trust};
use crate::run::fleet::{RunStats, Targets};
use crate::run::serve::{Ended, ServeError, ServeStatus, Worker};
use crate::run::{GroupOutcome, RepositoryOutcome, RunError, RunSession, fleet};

/// Does `tagpin run` whenever the schedule says so, until it is told to end.
///
/// # Errors
/// The configuration is wrong, or the worker cannot begin.
pub fn run(_: &ServeArgs, globals: &Globals, environment: &Variables) -> Result<Exit, Failure> {
    globals.require_network("serve")?;
    let load = || Config::load(globals.config.as_deref(), environment);
    let config = load()?;
    if config.schedule.is_none() {
        return Err(Failure::usage(
            "`schedule` is missing",
            "write for example `schedule = \"17 5 * * *\"` at the top of the configuration",
        ));
    }
    if config.repositories.is_empty() && config.discover.is_empty() {
        return Err(Failure::usage(
            "no repository is configured",
            "add a [[repository]] with its `url`, or a [[discover]], to the file and give it with --config",
        ));
    }
    let _lock = lock(config.cache_dir()?)?;
    // What is wrong with it is said before the first run.
    registry(&config, Trust::Scanned)?;
    let status = Arc::new(ServeStatus::default());
    let job = {
        let status = Arc::clone(&status);
        let first = Arc::new(RunSession::new(&config));
        move |config: &Config| one(config, &RunSession::new(config).after(&first), &status)
    };
    let runtime = runtime()?;
    let worked = runtime.block_on(Worker { job, load, status }.work(config));
    // A run that was abandoned may hang in a request: it is not waited for.
    runtime.shutdown_background();
    match worked {
        Ok(whole) => Ok(Exit::of(false, whole)),
        Err(error @ (ServeError::NoSchedule | ServeError::Listen { .. })) => {
            let hint = match error {
                ServeError::Listen { .. } => "`listen` in [serve] names another address, or \"\" for none",
                _ => "look at `schedule` in the configuration",
            };
            Err(Failure::usage(error_chain(&error), hint))
        }
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}

fn error_chain(error: &ServeError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

/// Does one run. Blocks.
fn one(config: &Config, session: &RunSession, status: &ServeStatus) -> Ended {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the run cannot begin");
        Ended::Failed
    };
    let cache_dir: &Path = match config.cache_dir() {
        Ok(directory) => directory,
        Err(error) => return failed(&error),
    };
    let registry = match registry(config, Trust::Scanned) {
        Ok(registry) => Memo::new(registry.keeping(cache_dir.join("indexes"))),
        Err(error) => return failed(&error),
    };
    let context = context(config, &registry, cache_dir, false, session);
    let handle = tokio::runtime::Handle::current();
    let Targets { targets, problems, .. } =
        handle.block_on(fleet::discover(config, context.token.as_ref(), &secret));
    for error in &problems {
        tracing::error!(error, "not all repositories could be found");
    }
    let mut tally = RunStats { complete: problems.is_empty(), ..RunStats::default() };
    let ended = |index: usize,
                 result: Result<RepositoryOutcome, RunError>|
     -> Result<(), std::convert::Infallible> {
        let target = &targets[index];
        let result = if target.is_new(&result) { Ok(RepositoryOutcome::default()) } else { result };
        let report = result.as_ref().ok().map(|done| fleet::report(done, &target.repository.url));
        let complete = report.as_ref().is_some_and(|report| report.complete);
        tally.add(&result, report.as_ref());
        status.metrics.repository(&result, complete);
        log(&target.repository.url, &result, report.map(|report| report.notes).unwrap_or_default(), complete);
        Ok(())
    };
    let Ok(()) = fleet::each(&context, &targets, config.concurrency.0, &handle, &|_, _| {}, ended);
    status.metrics.requests(&registry.inner().answered());
    let RunStats { ended, changed, failed, incomplete, complete } = tally;
    tracing::info!(repositories = ended, changed, failed, incomplete, "the repositories are done");
    if complete { Ended::Complete } else { Ended::Incomplete }
}

/// Logs the outcome of one repository.
fn log(repository: &str, result: &Result<RepositoryOutcome, RunError>, notes: Vec<String>, complete: bool) {
    let done = match result {
        Ok(done) => done,
        Err(error) => {
            return tracing::error!(
                repository,
                error = crate::run::report::error_chain(error),
                "a repository failed"
            );
        }
    };
    let pull_request = done.pull_request.as_ref();
    tracing::info!(
        repository,
        complete,
        branch = done.branch.as_str(),
        files = done.pinned.files.len(),
        images = done.pinned.verdicts.len(),
        groups = done.groups.len(),
        pull_request = pull_request.map(|settled| settled.pull_request.url.as_str()),
        operation = pull_request.map(|settled| settled.operation.as_str()),
        "a repository is done"
    );
    if done.groups.len() > 1 {
        done.groups.iter().for_each(|group| log_group(repository, group));
    }
    for group in &done.groups {
        if let Some(error) = &group.error {
            tracing::error!(repository, branch = group.branch_name, error, "no pull request");
        }
    }
    for ((file, located), verdict) in done.pinned.inventory.sites().zip(&done.pinned.verdicts) {
        if verdict.outcome == Outcome::Failed {
            let (file, line, image) = (file.path.as_str(), located.line, located.site.image.as_str());
            tracing::warn!(
                repository,
                file,
                line,
                image,
                reason = verdict.reason.map(Reason::as_str),
                detail = verdict.detail,
                "an image failed"
            );
        }
    }
    if let Some(error) = done.pull_request_error.as_ref().filter(|_| done.groups.is_empty()) {
        tracing::error!(repository, %error, "no pull request");
    }
    for note in notes {
        tracing::warn!(repository, note, "a remark");
    }
}

/// Logs the outcome of one group of changes.
fn log_group(repository: &str, group: &GroupOutcome) {
    let (branch, state) = (group.branch_name.as_str(), group.branch.as_str());
    let pull_request = group.pull_request.as_ref();
    tracing::info!(
        repository,
        group = group.group.as_deref(),
        branch,
        state,
        files = group.files,
        pull_request = pull_request.map(|settled| settled.pull_request.url.as_str()),
        operation = pull_request.map(|settled| settled.operation.as_str()),
        "a branch is done"
    );
}
