//! Work on many things at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does the `work` for each of the `items`, on as many threads as there are processors; returns what came of it, in no order.
pub(crate) fn filter_map<I: Sync, R: Send>(items: &[I], work: impl Fn(&I) -> Option<R> + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let take_turns = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(result) = work(item) {
                done.lock().unwrap_or_else(PoisonError::into_inner).push(result);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(take_turns);
        }
        take_turns();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
