//! Many repositories in one run: which they are, a bounded number at the same time, each on its own.

use std::any::Any;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::Mutex;

pub use super::action_summary::{ActionSummary, SUMMARY_MAX};
pub use super::cache_lock::{CacheLock, LockError};
pub use super::discover::{RunTarget, Targets, discover, is_meant};
pub use super::report::report;
pub use super::tally::RunStats;
use crate::registry::Registry;
use crate::run::{self, RepositoryOutcome, RunContext, RunError};

/// Does the repositories, at most `at_once` of them at the same time, and hands each over with its index as soon as it has
/// ended. Whatever goes wrong with one, a panic included, is its own result: the others go on.
///
/// # Errors
/// The first error of `ended`; what was not done by then is abandoned.
pub async fn each<R: Registry, E>(
    context: &RunContext<'_, R>,
    targets: &[RunTarget],
    at_once: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
    mut ended: impl FnMut(usize, Result<RepositoryOutcome, RunError>) -> Result<(), E>,
) -> Result<(), E> {
    // Several branches of one repository share a clone, and so take turns.
    let turns: HashMap<&str, Mutex<()>> =
        targets.iter().map(|target| (target.repository.url.as_str(), Mutex::default())).collect();
    let turns = &turns;
    let one = |(index, target): (usize, &RunTarget)| {
        let repository = target.repository.clone();
        async move {
            let turn = match turns.get(repository.url.as_str()) {
                Some(turn) => Some(turn.lock().await),
                None => None,
            };
            let work = run::repository(context, &repository, progress);
            let result = AssertUnwindSafe(work).catch_unwind().await;
            drop(turn);
            (index, result.unwrap_or_else(|panic| Err(RunError::Broken(panic_message(&*panic)))))
        }
    };
    let mut running =
        std::pin::pin!(stream::iter(targets.iter().enumerate().map(one)).buffer_unordered(at_once));
    while let Some((index, result)) = running.next().await {
        ended(index, result)?;
    }
    Ok(())
}

/// Returns what a panic said.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("tagpin panicked, which is a bug that should be reported: {}", text.unwrap_or("it said nothing"))
}
