//! Many repositories in one run: which they are, a bounded number at the same time, each on its own.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;

pub use super::action_summary::{ActionSummary, SUMMARY_MAX};
pub use super::cache_lock::{CacheLock, LockError};
pub use super::discover::{RunTarget, Targets, discover, is_meant};
pub use super::report::report;
pub use super::tally::RunStats;
use crate::registry::Registry;
use crate::repository_budget::{BudgetItem, OverBudget};
use crate::run::{self, RepositoryOutcome, RunContext, RunError};
use crate::text::panic_message;

/// Does the repositories, at most `at_once` of them at the same time, and hands each over with its index as soon as it has
/// ended. Whatever goes wrong with one, a panic included, is its own result: the others go on.
///
/// Each has a thread of its own, so that one that computes keeps no other from going on: the operating system shares the
/// processors out. `runtime` drives the connections. Blocks.
///
/// # Errors
/// The first error of `ended`; no other repository is begun then.
pub fn each<R: Registry, E>(
    context: &RunContext<'_, R>,
    targets: &[RunTarget],
    at_once: usize,
    runtime: &Handle,
    progress: &(dyn Fn(usize, usize) + Sync),
    mut ended: impl FnMut(usize, Result<RepositoryOutcome, RunError>) -> Result<(), E>,
) -> Result<(), E> {
    // Several branches of one repository share a clone, and so take turns.
    let turns: HashMap<&str, Mutex<()>> =
        targets.iter().map(|target| (target.repository.url.as_str(), Mutex::default())).collect();
    let next = AtomicUsize::new(0);
    let one = |target: &RunTarget| {
        let _turn = turns.get(target.repository.url.as_str()).map(|turn| lock(turn));
        let work = AssertUnwindSafe(|| runtime.block_on(in_time(context, target, progress)));
        catch_unwind(work).unwrap_or_else(|panic| Err(RunError::Broken(panic_message(&*panic))))
    };
    std::thread::scope(|scope| {
        // An outcome is handed over before the next repository is begun: they do not pile up.
        let (sender, outcomes) = sync_channel(0);
        for _ in 0..at_once.min(targets.len()) {
            let (sender, next, one) = (sender.clone(), &next, &one);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(target) = targets.get(index) else { break };
                    // Nobody listens any more where `ended` has failed.
                    if sender.send((index, one(target))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        outcomes.into_iter().try_for_each(|(index, result)| ended(index, result))
    })
}

/// Does one repository, which may take so long and no longer.
async fn in_time<R: Registry>(
    context: &RunContext<'_, R>,
    target: &RunTarget,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<RepositoryOutcome, RunError> {
    let limit = context.config.limits.time;
    let work = run::repository(context, &target.repository, progress);
    let late = |_| Err(OverBudget { item: BudgetItem::Time, limit: limit.as_secs() }.into());
    tokio::time::timeout(limit, work).await.unwrap_or_else(late)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
