//! What can be asked of a registry, whoever answers.

use std::collections::BTreeMap;
use std::future::Future;

use super::error::{Outage, ResolveError};
use super::http::budget::Budget;
use super::question::{MirrorComparison, Probe, Probed, Resolution};
use super::tag_ref::TagRef;
use super::verify::{Demand, Evidence};
use crate::reference::Digest;

/// A registry client: the network edge between sites and plan.
pub trait Registry: Send + Sync {
    /// Takes note of questions that will be asked, so that what they have in common is asked for once. Asks nothing.
    fn announce(&self, _questions: &[&TagRef]) {}

    /// Forgets what failed for a moment, so that it can be asked again: tags, and what was looked at behind them. `pass` is
    /// how often it was asked, from 1. A registry that is left alone gets one question more in each pass, and all others
    /// where that is answered.
    fn forget_failures(&self, _failed: &[(TagRef, Option<Probe>)], _pass: u32) {}

    /// Returns what the tag is now: one HEAD, or one GET where the body is to be `read` or HEAD does not say it.
    fn resolve(
        &self,
        question: &TagRef,
        read: bool,
    ) -> impl Future<Output = Result<Resolution, ResolveError>> + Send;

    /// Asks for the very digest in the repository of `question`, so that a header that lied is found out. Returns what
    /// belongs to the kind of `look`; [`ResolveError::NotFound`] where there is nothing under the digest.
    fn look(
        &self,
        question: &TagRef,
        look: &Probe,
    ) -> impl Future<Output = Result<Probed, ResolveError>> + Send;

    /// Reads the index `digest`, which the registry has just named for the tag: a copy that an earlier run kept will do,
    /// because what a digest lists does not change. Otherwise as [`Registry::look`] with [`Probe::Body`].
    fn read_index(
        &self,
        question: &TagRef,
        digest: &Digest,
    ) -> impl Future<Output = Result<Probed, ResolveError>> + Send {
        async move { self.look(question, &Probe::Body(digest.clone())).await }
    }

    /// Does what [`Registry::look`] does for what is only good to know: [`ResolveError::RateLimited`], without a request,
    /// where the registry has refused one, has few pulls left, or got `most` such requests in this run. Asks once.
    fn peek(
        &self,
        question: &TagRef,
        look: &Probe,
        _most: u64,
    ) -> impl Future<Output = Result<Probed, ResolveError>> + Send {
        self.look(question, look)
    }

    /// Returns what is attached to `digest` in the repository of `question`: what meets `demand`, and what of it is missing.
    /// Some GET requests: docs/provenance.md counts them. By default nobody can tell.
    ///
    /// An error is neither "it is signed" nor "it is not".
    fn evidence(
        &self,
        question: &TagRef,
        _digest: &Digest,
        _demand: &Demand,
    ) -> impl Future<Output = Result<Evidence, ResolveError>> + Send {
        let error = Outage::NoEvidence { registry: question.registry.clone() };
        std::future::ready(Err(error.into()))
    }

    /// Returns the requests so far, by registry host; nothing where there are none to count.
    fn budgets(&self) -> BTreeMap<String, Budget> {
        BTreeMap::new()
    }

    /// Returns what each place says that may be asked for the tag: the mirrors that serve tags, and the registry itself.
    fn compare(&self, _question: &TagRef) -> impl Future<Output = MirrorComparison> + Send {
        std::future::ready(MirrorComparison::default())
    }
}
