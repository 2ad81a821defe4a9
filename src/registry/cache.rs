//! One answer to a question in one run, however many repositories ask it.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::api::Registry;
use super::error::ResolveError;
use super::http::budget::Budget;
use super::question::{Probe, Probed, Resolution, looks_at};
use super::tag_ref::TagRef;
use super::verify::{Demand, Evidence};
use crate::reference::Digest;

/// A registry that is asked once for each question; a second asker waits for the first one's answer. Refusals are
/// answers too. Made for one run and dropped with it: a tag's digest is never remembered for the next.
#[derive(Debug)]
pub struct Memo<R> {
    inner: R,
    resolved: CachedCell<TagRef, Resolution>,
    seen: CachedCell<(TagRef, Probe), Probed>,
    peeked: CachedCell<(TagRef, Probe), Probed>,
    evidence: CachedCell<(String, String, Digest, Demand), Evidence>,
}

/// Filled by the first who asks; the others wait for it.
type CachedAnswer<T> = Arc<OnceCell<Result<T, ResolveError>>>;

#[derive(Debug)]
struct CachedCell<K, T>(Mutex<HashMap<K, CachedAnswer<T>>>);

impl<K: Eq + Hash, T> CachedCell<K, T> {
    fn cell(&self, key: K) -> CachedAnswer<T> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(key).or_default())
    }

    /// Returns the answer, where there is one.
    fn known(&self, key: &K) -> Option<CachedAnswer<T>> {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.get(key).filter(|cell| cell.initialized()).cloned()
    }

    fn forget(&self, key: &K, is_wrong: impl FnOnce(&Result<T, ResolveError>) -> bool) {
        if self.known(key).is_some_and(|cell| cell.get().is_some_and(is_wrong)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
    }
}

impl<R> Memo<R> {
    /// Returns `inner` with a memory that is empty.
    pub fn new(inner: R) -> Self {
        let (resolved, seen) = (CachedCell(Mutex::default()), CachedCell(Mutex::default()));
        let (peeked, evidence) = (CachedCell(Mutex::default()), CachedCell(Mutex::default()));
        Self { inner, resolved, seen, peeked, evidence }
    }

    /// Returns the registry that is asked.
    pub fn inner(&self) -> &R {
        &self.inner
    }
}

impl<R: Registry> Registry for Memo<R> {
    fn announce(&self, questions: &[&TagRef]) {
        let resolved = self.resolved.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |question: &&&TagRef| !resolved.contains_key(**question);
        let new: Vec<&TagRef> = questions.iter().filter(is_new).copied().collect();
        self.inner.announce(&new);
    }

    fn forget_failures(&self, failed: &[(TagRef, Option<Probe>)], pass: u32) {
        let may_pass = |error: &ResolveError| error.may_pass();
        for (question, look) in failed {
            match look {
                None => self.resolved.forget(question, |answer| match answer {
                    Err(error) => error.may_pass(),
                    // What is not there cannot be what the tag is.
                    Ok(resolution) => looks_at(&resolution.digest).into_iter().any(|look| {
                        let seen = self.seen.known(&(question.clone(), look));
                        seen.is_some_and(|cell| matches!(cell.get(), Some(Err(ResolveError::NotFound(_)))))
                    }),
                }),
                Some(look) => {
                    let key = (question.clone(), look.clone());
                    self.seen.forget(&key, |seen| seen.as_ref().is_err_and(may_pass));
                }
            }
        }
        self.inner.forget_failures(failed, pass);
    }

    /// Who wants the body of what was only named so far reads it by its digest: a tag is not asked for again, because
    /// it may have moved in between.
    async fn resolve(&self, question: &TagRef, read: bool) -> Result<Resolution, ResolveError> {
        let cell = self.resolved.cell(question.clone());
        cell.get_or_init(|| self.inner.resolve(question, read)).await.clone()
    }

    async fn look(&self, question: &TagRef, look: &Probe) -> Result<Probed, ResolveError> {
        let cell = self.seen.cell((question.clone(), look.clone()));
        cell.get_or_init(|| self.inner.look(question, look)).await.clone()
    }

    async fn read_index(&self, question: &TagRef, digest: &Digest) -> Result<Probed, ResolveError> {
        let cell = self.seen.cell((question.clone(), Probe::Body(digest.clone())));
        cell.get_or_init(|| self.inner.read_index(question, digest)).await.clone()
    }

    /// What was looked at need not be asked for. What could not be spared is remembered apart: who must know still looks.
    async fn peek(&self, question: &TagRef, look: &Probe, most: u64) -> Result<Probed, ResolveError> {
        let key = (question.clone(), look.clone());
        if let Some(Ok(seen)) = self.seen.cell(key.clone()).get() {
            return Ok(seen.clone());
        }
        let cell = self.peeked.cell(key);
        cell.get_or_init(|| self.inner.peek(question, look, most)).await.clone()
    }

    /// What is attached to a digest does not depend on the tag that led to it.
    async fn evidence(
        &self,
        question: &TagRef,
        digest: &Digest,
        demand: &Demand,
    ) -> Result<Evidence, ResolveError> {
        let (registry, repository) = (question.registry.clone(), question.repository.clone());
        let cell = self.evidence.cell((registry, repository, digest.clone(), demand.clone()));
        cell.get_or_init(|| self.inner.evidence(question, digest, demand)).await.clone()
    }

    fn budgets(&self) -> BTreeMap<String, Budget> {
        self.inner.budgets()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::reference::{Digest, Reference};
    use crate::registry::error::Asked;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Registry for Counting {
        async fn resolve(&self, _: &TagRef, _: bool) -> Result<Resolution, ResolveError> {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Err(ResolveError::NotFound(Box::new(Asked::content("r.example", count.to_string()))))
        }

        async fn look(&self, _: &TagRef, _: &Probe) -> Result<Probed, ResolveError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Probed::MediaType(String::new()))
        }
    }

    #[tokio::test]
    async fn everybody_gets_the_first_answer() {
        let memo = Memo::new(Counting::default());
        let question = |text: &str| TagRef::new(&Reference::parse(text).unwrap());
        let (nginx, same, other) =
            (question("nginx"), question("docker.io/library/nginx:latest"), question("nginx:1"));
        let (a, b, c) =
            tokio::join!(memo.resolve(&nginx, false), memo.resolve(&same, true), memo.resolve(&other, false));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(memo.inner().0.load(Ordering::Relaxed), 2);
        let look = Probe::Head(Digest::sha256(b"x"));
        for _ in 0..2 {
            memo.look(&nginx, &look).await.unwrap();
        }
        assert_eq!(memo.inner().0.load(Ordering::Relaxed), 3);
    }
}
