//! Asks for what policy demands to be attached to the digests that are about to be written: no more of them are written.

use std::collections::{BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};

use crate::manifest::inventory::Inventory;
use crate::plan::{Reason, Verdict};
use crate::policy::Policy;
use crate::reference::Digest;
use crate::registry::verify::{ArtifactKind, Demand, Evidence, Proof};
use crate::registry::{Registry, ResolveError, TagRef};

/// How many digests are looked for at once.
const AT_ONCE: usize = 32;

/// What is asked about one digest.
#[derive(PartialEq, Eq, Hash)]
struct DigestToVerify {
    question: TagRef,
    digest: Digest,
    /// The index that lists the digest, which was read: who vouches for that vouches for the digest.
    index: Option<Digest>,
    demands: Vec<Demand>,
}

/// Holds back each change of `verdicts`, which are on the sites of `inventory`, whose digest lacks what `policy` demands to be
/// attached to it; what was found goes into the change. Where nobody can tell, the verdict is that it failed.
///
/// Nothing is asked about a digest that stands in the file already.
pub(crate) async fn verify<R: Registry>(
    registry: &R,
    policy: &Policy,
    inventory: &Inventory,
    verdicts: &mut [Verdict],
) {
    let mut claims: HashMap<DigestToVerify, Vec<usize>> = HashMap::new();
    for (site, ((file, located), verdict)) in inventory.sites().zip(&*verdicts).enumerate() {
        let (Some(change), Some(reference)) = (&verdict.change, &located.site.reference) else { continue };
        if located.site.digest() == Some(&change.digest) {
            continue;
        }
        let platform = located.site.platform.as_deref();
        let demands = policy.decide(&file.root_path, reference, platform).demands;
        if demands.is_empty() {
            continue;
        }
        let (digest, question) = (change.digest.clone(), TagRef::new(&change.applied_to(reference)));
        let index = verdict.behind.as_ref().map(|behind| behind.index.clone());
        claims.entry(DigestToVerify { question, digest, index, demands }).or_default().push(site);
    }
    let found: Vec<_> = stream::iter(claims)
        .map(async |(claim, sites)| (sites, found(registry, &claim).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (sites, found) in found {
        for site in sites {
            if let Some(verdict) = verdicts.get_mut(site) {
                apply(verdict, &found);
            }
        }
    }
}

/// Puts what was found into the verdict.
fn apply(verdict: &mut Verdict, found: &Result<Evidence, ResolveError>) {
    match found {
        Err(error) => {
            *verdict = Verdict::unresolved(error);
        }
        Ok(Evidence { missing, .. }) if !missing.is_empty() => {
            let details: Vec<&str> = missing.iter().map(|(_, detail)| detail.as_str()).collect();
            *verdict = Verdict::held(Reason::Unsigned, details.join("; "));
        }
        Ok(Evidence { proofs, .. }) => {
            if let Some(change) = &mut verdict.change {
                change.proofs.clone_from(proofs);
            }
        }
    }
}

/// Returns what is attached to a digest; all of the demands have to be met.
async fn found<R: Registry>(registry: &R, claim: &DigestToVerify) -> Result<Evidence, ResolveError> {
    let mut proofs: BTreeSet<Proof> = BTreeSet::new();
    let mut missing: Vec<(ArtifactKind, String)> = Vec::new();
    for demand in &claim.demands {
        let first = claim.index.as_ref().unwrap_or(&claim.digest);
        let mut evidence = registry.evidence(&claim.question, first, demand).await?;
        if !evidence.missing.is_empty() && claim.index.is_some() {
            let rest = demand.only(evidence.missing.iter().map(|(kind, _)| *kind));
            let more = registry.evidence(&claim.question, &claim.digest, &rest).await?;
            evidence.proofs.extend(more.proofs);
            // What is signed is the index, mostly: what is said of that helps more.
            evidence.missing.retain(|(kind, _)| more.missing.iter().any(|(other, _)| other == kind));
        }
        proofs.extend(evidence.proofs);
        missing.extend(evidence.missing);
    }
    Ok(Evidence { proofs, missing })
}
