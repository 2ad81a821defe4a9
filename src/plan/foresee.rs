//! What would change, before anybody confirms it: what is not going to be written needs no request of its own.

use crate::reference::Digest;
use crate::registry::verify::{Demand, Evidence};
use crate::registry::{Probe, Probed, Registry, Resolution, ResolveError, TagRef};

/// A registry that is taken at its word: whatever a tag is said to be counts as confirmed. Nothing may be written by what it
/// says.
pub(super) struct AtItsWord<'r, R>(pub(super) &'r R);

impl<R: Registry> Registry for AtItsWord<'_, R> {
    fn announce(&self, questions: &[&TagRef]) {
        self.0.announce(questions);
    }

    fn forget_failures(&self, failed: &[(TagRef, Option<Probe>)], pass: u32) {
        self.0.forget_failures(failed, pass);
    }

    async fn resolve(&self, question: &TagRef, read: bool) -> Result<Resolution, ResolveError> {
        self.0.resolve(question, read).await
    }

    async fn look(&self, question: &TagRef, look: &Probe) -> Result<Probed, ResolveError> {
        match look {
            Probe::Head(_) => Ok(Probed::MediaType(String::new())),
            look => self.0.look(question, look).await,
        }
    }

    async fn read_index(&self, question: &TagRef, digest: &Digest) -> Result<Probed, ResolveError> {
        self.0.read_index(question, digest).await
    }

    async fn evidence(
        &self,
        question: &TagRef,
        digest: &Digest,
        demand: &Demand,
    ) -> Result<Evidence, ResolveError> {
        self.0.evidence(question, digest, demand).await
    }
}
