//! Signatures and attestations: what is found, what is verified, and that nothing hostile passes for either.

mod attached;
mod demanded;

use tagpin::reference::Digest;
use tagpin::registry::verify::{ArtifactKind, Demand, Evidence};
use tagpin::registry::{Registry as _, ResolveError};

use crate::support::provenance::{REPOSITORY, client, demand, question, said};
use crate::support::registry::Registry as Loopback;
use crate::support::signing::{Attachment, Signer, payload};

const SIGNATURE: &[ArtifactKind] = &[ArtifactKind::Signature];
const ATTESTATION: &[ArtifactKind] = &[ArtifactKind::Attestation];

/// A registry with one image, and somebody whose key the policy knows.
struct World {
    registry: Loopback,
    digest: String,
    known: Signer,
    other: Signer,
}

impl World {
    async fn new() -> Self {
        let registry = Loopback::start().await;
        let digest = registry.put_index(REPOSITORY, "1", &["linux/amd64", "linux/arm64"], "a");
        Self { registry, digest, known: Signer::new("cosign.pub"), other: Signer::new("other.pub") }
    }

    /// Asks, with the key that is known.
    async fn ask(&self, kinds: &[ArtifactKind]) -> Result<Evidence, ResolveError> {
        self.ask_for(&demand(kinds, &[self.known.key()])).await
    }

    async fn ask_for(&self, demand: &Demand) -> Result<Evidence, ResolveError> {
        let digest = Digest::parse(&self.digest).unwrap();
        client().evidence(&question(&self.registry.host()), &digest, demand).await
    }

    /// Asks, and returns in words what was found, what is missing, or the reason of the error.
    async fn said(&self, demand: &Demand) -> String {
        said(self.ask_for(demand).await)
    }

    async fn said_of(&self, kinds: &[ArtifactKind]) -> String {
        self.said(&demand(kinds, &[self.known.key()])).await
    }

    fn sign(&self, attachments: &[Attachment]) {
        self.registry.attach(REPOSITORY, &self.digest, "sig", attachments);
    }

    fn attest(&self, attachments: &[Attachment]) {
        self.registry.attach(REPOSITORY, &self.digest, "att", attachments);
    }

    fn by_known(&self) -> Attachment {
        Attachment::signature(&self.known, &payload(&self.digest))
    }
}
