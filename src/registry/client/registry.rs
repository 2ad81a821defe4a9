//! The registries of the world, as [`Registry`] has it.

use std::collections::BTreeMap;

use super::http_registry::{HttpRegistry, Priority};
use crate::reference::Digest;
use crate::registry::api::Registry;
use crate::registry::endpoint::Purpose;
use crate::registry::error::ResolveError;
use crate::registry::http::budget::Budget;
use crate::registry::http::waiting_time::WaitingTime;
use crate::registry::image::manifest::ManifestContent;
use crate::registry::question::{MirrorComparison, Probe, Probed, Resolution};
use crate::registry::tag_ref::TagRef;
use crate::registry::verify::{Demand, Evidence};

impl Registry for HttpRegistry {
    async fn compare(&self, question: &TagRef) -> MirrorComparison {
        let mut places = self.endpoints(question, Purpose::Tag).unwrap_or_default();
        places.retain(|place| place.is_mirror);
        let mirrors = self.tag_at(question, places).await;
        let origin = if mirrors.is_empty() { None } else { self.at_origin(question).await };
        MirrorComparison { origin, mirrors }
    }

    fn announce(&self, questions: &[&TagRef]) {
        for question in questions {
            // What has no endpoint fails when it is asked.
            let endpoints = self.endpoints(question, Purpose::Tag).unwrap_or_default();
            if let Some(first) = endpoints.into_iter().next() {
                self.client.auth.announce(first);
            }
        }
    }

    fn forget_failures(&self, failed: &[(TagRef, Option<Probe>)], pass: u32) {
        self.forgive(failed.iter().map(|(question, _)| question), pass);
    }

    async fn resolve(&self, question: &TagRef, read: bool) -> Result<Resolution, ResolveError> {
        let waiting = WaitingTime::default();
        self.in_time(question, &waiting, self.resolve_anywhere(question, read, &waiting)).await
    }

    async fn look(&self, question: &TagRef, look: &Probe) -> Result<Probed, ResolveError> {
        let waiting = WaitingTime::default();
        let work = self.look_anywhere(question, look, Priority::Yes, &waiting);
        self.in_time(question, &waiting, work).await
    }

    async fn read_index(&self, question: &TagRef, digest: &Digest) -> Result<Probed, ResolveError> {
        match self.client.indexes.as_ref().and_then(|store| store.load(digest)) {
            Some(index @ ManifestContent::Index(_)) => Ok(Probed::Content(index)),
            _ => self.look(question, &Probe::Body(digest.clone())).await,
        }
    }

    async fn peek(&self, question: &TagRef, look: &Probe, most: u64) -> Result<Probed, ResolveError> {
        let waiting = WaitingTime::default();
        let work = self.look_anywhere(question, look, Priority::No(most), &waiting);
        self.in_time(question, &waiting, work).await
    }

    async fn evidence(
        &self,
        question: &TagRef,
        digest: &Digest,
        demand: &Demand,
    ) -> Result<Evidence, ResolveError> {
        self.search(question, digest, demand).await
    }

    fn budgets(&self) -> BTreeMap<String, Budget> {
        self.budget()
    }
}
