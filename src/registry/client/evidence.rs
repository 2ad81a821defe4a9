//! Asking for what is attached to a digest: cosign's tags first, then the referrers (distribution-spec, "Listing Referrers").
//!
//! Everything here is untrusted: answers are bounded, what is named by a digest is hashed, and only a key of the policy
//! turns something that is attached into something that is verified.

use std::collections::BTreeSet;

use url::Url;

use super::http_registry::HttpRegistry;
use super::request::{HttpAnswer, Request, RequestKind};
use crate::reference::Digest;
use crate::registry::endpoint::Purpose;
use crate::registry::error::{InvalidAnswer, Outage, ReferrersFault, ResolveError};
use crate::registry::http::transport::Connection;
use crate::registry::http::waiting_time::WaitingTime;
use crate::registry::tag_ref::TagRef;
use crate::registry::trace::step;
use crate::registry::verify::artifact::{self, Artifact, ArtifactForm, Layer, Referrer};
use crate::registry::verify::{
    ArtifactKind, Bundle, Demand, Envelope, Evidence, Proof, PublicKey, Rejected, cosign_tag, referrers_tag,
    simple_signing,
};

const PAGES: usize = 8;

const CANDIDATES: usize = 64;

/// The longest payload of simple signing that is read, in bytes.
const PAYLOAD_MAX: usize = 64 << 10;

/// The longest envelope or bundle that is read, in bytes: some hold the list of all that an image was made of.
const ENVELOPE_MAX: usize = 8 << 20;

/// How many reasons a message names.
const NAMED: usize = 3;

struct EvidenceSearch<'s> {
    registry: &'s HttpRegistry,
    question: &'s TagRef,
    digest: &'s Digest,
    demand: &'s Demand,
    proofs: BTreeSet<Proof>,
    rejected: Vec<String>,
    /// The first answer that made no sense: with another one it may yet turn out well.
    senseless: Option<ResolveError>,
    /// How many more candidates are looked into.
    left: usize,
}

impl HttpRegistry {
    pub(crate) async fn search(
        &self,
        question: &TagRef,
        digest: &Digest,
        demand: &Demand,
    ) -> Result<Evidence, ResolveError> {
        let mut search = EvidenceSearch {
            registry: self,
            question,
            digest,
            demand,
            proofs: BTreeSet::new(),
            rejected: Vec::new(),
            senseless: None,
            left: CANDIDATES,
        };
        for kind in &demand.require {
            let Some(tag) = cosign_tag(digest, *kind) else { continue };
            if let Some(body) = search.tagged(&tag).await? {
                search.look_into(&body, false).await?;
            }
        }
        if search.lacking().next().is_some() {
            for referrer in search.referrers().await? {
                search.follow(&referrer).await?;
            }
        }
        search.ended()
    }
}

impl EvidenceSearch<'_> {
    fn lacking(&self) -> impl Iterator<Item = ArtifactKind> {
        let has = |kind: ArtifactKind| self.proofs.iter().any(|proof| proof.kind == kind);
        self.demand.require.iter().copied().filter(move |kind| !has(*kind))
    }

    fn lacks(&self, kind: ArtifactKind) -> bool {
        self.lacking().any(|lacking| lacking == kind)
    }

    /// Returns whether something of this kind is worth a request; `None` is for what only its content tells.
    fn may_help(&self, kind: Option<ArtifactKind>) -> bool {
        kind.map_or_else(|| self.lacking().next().is_some(), |kind| self.lacks(kind))
    }

    async fn tagged(&self, tag: &str) -> Result<Option<Vec<u8>>, ResolveError> {
        match self.ask(Purpose::Tag, RequestKind::Manifest, tag, None, self.registry.limits.manifest).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(ResolveError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the referrers that may be signatures or attestations: from the API, or where there is none (404) from the
    /// list under the tag that stands for it.
    async fn referrers(&self) -> Result<Vec<Referrer>, ResolveError> {
        let limit = self.registry.limits.manifest;
        let mut all = Vec::new();
        let mut query: Option<String> = None;
        for page in 0..PAGES {
            let asked =
                self.ask(Purpose::Tag, RequestKind::Referrers, self.digest.as_str(), query.as_deref(), limit);
            let answer = match asked.await {
                Ok(answer) => answer,
                Err(ResolveError::NotFound(_)) if page == 0 => {
                    let body = self.tagged(&referrers_tag(self.digest)).await?;
                    // What lies there and is not a list is taken for none (distribution-spec).
                    return Ok(body.and_then(|body| artifact::referrers(&body)).unwrap_or_default());
                }
                Err(error) => return Err(error),
            };
            let list =
                artifact::referrers(&answer.body).ok_or_else(|| self.invalid(ReferrersFault::NotAList))?;
            all.extend(list);
            if all.len() > CANDIDATES {
                return Err(self.too_many());
            }
            let Some(link) = answer.link else { return Ok(all) };
            match next_page(&link) {
                Some(ReferrersPage { path, query: next })
                    if path.ends_with(&format!("/referrers/{}", self.digest)) =>
                {
                    query = Some(next);
                }
                Some(_) => return Err(self.invalid(ReferrersFault::ForeignLink)),
                None => return Ok(all),
            }
        }
        Err(self.too_many())
    }

    async fn follow(&mut self, referrer: &Referrer) -> Result<(), ResolveError> {
        if !self.may_help(referrer.kind) {
            return Ok(());
        }
        let Some(digest) = &referrer.digest else {
            self.reject("a referrer", &Rejected::Malformed("its digest is malformed".to_owned()));
            return Ok(());
        };
        self.take()?;
        let limit = self.registry.limits.manifest;
        match self.ask(Purpose::Digest, RequestKind::Manifest, digest.as_str(), None, limit).await {
            Ok(answer) => self.look_into(&answer.body, true).await,
            Err(error) => self.passed_over(error),
        }
    }

    /// Looks at what a manifest attaches. `must_say`: it has to name the digest itself.
    async fn look_into(&mut self, body: &[u8], must_say: bool) -> Result<(), ResolveError> {
        let artifact = match Artifact::parse(body) {
            Ok(artifact) => artifact,
            Err(rejected) => {
                self.reject("what is attached", &rejected);
                return Ok(());
            }
        };
        if let Err(rejected) = artifact.belongs_to(self.digest, must_say) {
            self.reject("what is attached", &rejected);
            return Ok(());
        }
        for layer in &artifact.layers {
            if !self.may_help(layer.kind()) {
                continue;
            }
            if self.demand.keys.is_empty()
                && let Some(kind) = layer.kind()
            {
                self.proofs.insert(Proof { kind, key: None, predicate_type: None });
                continue;
            }
            self.take()?;
            if let Some(blob) = self.blob(layer).await? {
                match self.judge(layer, &blob) {
                    Ok(proof) if self.lacks(proof.kind) => {
                        self.proofs.insert(proof);
                    }
                    Ok(_) => {}
                    Err(rejected) => self.reject("what is attached", &rejected),
                }
            }
        }
        Ok(())
    }

    /// Returns the bytes of a layer, hashed; `None` where they are of no use.
    async fn blob(&mut self, layer: &Layer) -> Result<Option<Vec<u8>>, ResolveError> {
        let most =
            if matches!(layer.form, ArtifactForm::SimpleSigning(_)) { PAYLOAD_MAX } else { ENVELOPE_MAX };
        let Some(digest) = &layer.digest else {
            self.reject("what is attached", &Rejected::Malformed("its digest is malformed".to_owned()));
            return Ok(None);
        };
        if layer.size > most as u64 {
            self.reject("what is attached", &Rejected::TooLong(layer.size));
            return Ok(None);
        }
        match self.ask(Purpose::Digest, RequestKind::Blob, digest.as_str(), None, most).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(error) => self.passed_over(error).map(|()| None),
        }
    }

    fn judge(&self, layer: &Layer, blob: &[u8]) -> Result<Proof, Rejected> {
        let Demand { keys, .. } = self.demand;
        let by = |key: &PublicKey| Some(key.name().to_owned());
        let envelope = match &layer.form {
            ArtifactForm::SimpleSigning(signature) => {
                let key = simple_signing(blob, signature, self.digest, keys)?;
                return Ok(Proof { kind: ArtifactKind::Signature, key: by(key), predicate_type: None });
            }
            ArtifactForm::Envelope => Envelope::parse(blob)?,
            ArtifactForm::Bundle(_) => match Bundle::parse(blob)? {
                Bundle::Envelope(envelope) => envelope,
                Bundle::Message if keys.is_empty() => {
                    return Ok(Proof { kind: ArtifactKind::Signature, key: None, predicate_type: None });
                }
                Bundle::Message => return Err(Rejected::NotVerifiable),
            },
        };
        if keys.is_empty() {
            return Ok(Proof { kind: envelope.unverified(self.digest)?, key: None, predicate_type: None });
        }
        let signed = envelope.verified(self.digest, keys)?;
        if signed.kind == ArtifactKind::Attestation && !self.demand.takes_predicate(&signed.predicate_type) {
            return Err(Rejected::PredicateType(signed.predicate_type));
        }
        let about = Some(signed.predicate_type).filter(|_| signed.kind == ArtifactKind::Attestation);
        Ok(Proof { kind: signed.kind, key: by(signed.key), predicate_type: about })
    }

    /// Takes one of the candidates that may be looked into.
    fn take(&mut self) -> Result<(), ResolveError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| self.too_many())?;
        Ok(())
    }

    /// Goes on without something that the registry names and does not have, or not as it says; other failures end the search.
    fn passed_over(&mut self, error: ResolveError) -> Result<(), ResolveError> {
        match error {
            ResolveError::NotFound(_) => {
                self.reject(
                    "what is attached",
                    &Rejected::Malformed("the registry does not have it".to_owned()),
                );
            }
            ResolveError::InvalidAnswer(_) => {
                self.senseless.get_or_insert(error);
            }
            error => return Err(error),
        }
        Ok(())
    }

    fn reject(&mut self, what: &str, why: &Rejected) {
        let text = format!("{what} was refused: {why}");
        step(|| text.clone());
        if !self.rejected.contains(&text) {
            self.rejected.push(text);
        }
    }

    fn ended(mut self) -> Result<Evidence, ResolveError> {
        let lacking: Vec<ArtifactKind> = self.lacking().collect();
        if !lacking.is_empty()
            && let Some(error) = self.senseless.take()
        {
            return Err(error);
        }
        let missing = lacking.into_iter().map(|kind| (kind, self.lack(kind))).collect();
        Ok(Evidence { proofs: self.proofs, missing })
    }

    fn lack(&self, kind: ArtifactKind) -> String {
        let tag =
            cosign_tag(self.digest, kind).map(|tag| format!("the tag `{tag}` and ")).unwrap_or_default();
        let mut text = format!(
            "`{}` lacks {}: looked for at {tag}the referrers in `{}`",
            self.digest,
            self.demand.wanted(kind),
            self.question.image()
        );
        for rejected in self.rejected.iter().take(NAMED) {
            text.push_str(&format!("; {rejected}"));
        }
        if self.rejected.len() > NAMED {
            text.push_str(&format!("; and {} more", self.rejected.len() - NAMED));
        }
        text
    }

    fn too_many(&self) -> ResolveError {
        self.invalid(ReferrersFault::TooMany(CANDIDATES))
    }

    fn invalid(&self, fault: ReferrersFault) -> ResolveError {
        let (question, digest) = (self.question.clone(), self.digest.clone());
        InvalidAnswer::Referrers { question, digest, fault }.into()
    }

    /// Asks, and hashes what a digest names. A tag and the list of referrers are asked for at the registry itself: a mirror
    /// may be stale, or keep images only.
    async fn ask(
        &self,
        wanted: Purpose,
        kind: RequestKind,
        reference: &str,
        query: Option<&str>,
        limit: usize,
    ) -> Result<HttpAnswer, ResolveError> {
        let waiting = WaitingTime::default();
        let at_once = self.registry.at_once(&self.question.registry);
        let work = async {
            let mut endpoints = self.registry.endpoints(self.question, wanted)?;
            if wanted == Purpose::Tag {
                endpoints.drain(..endpoints.len().saturating_sub(1));
            }
            let mut result = Err(Outage::NoEndpoint(self.question.clone()).into());
            for (left, endpoint) in (0..endpoints.len()).rev().zip(&endpoints) {
                let (retries, waiting) = (left == 0, &waiting);
                let request = Request {
                    endpoint,
                    kind,
                    reference,
                    query,
                    limit,
                    retries,
                    counts: true,
                    pass: 0,
                    connection: Connection::Pooled,
                    at_once,
                    waiting,
                };
                self.registry.client.budgets.provenance(endpoint.shown());
                result = self.registry.client.content(request).await;
                if result.is_ok() {
                    break;
                }
            }
            result
        };
        self.registry.in_time(self.question, &waiting, work).await
    }
}

struct ReferrersPage {
    path: String,
    query: String,
}

/// Reads `Link: <…>; rel="next"` (RFC 8288); the host in it plays no part, since nobody else is asked.
fn next_page(link: &str) -> Option<ReferrersPage> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = |parameter: &str| matches!(parameter.trim(), "rel=\"next\"" | "rel=next");
    if !parameters.split([';', ',']).any(is_next) {
        return None;
    }
    let url = Url::parse("http://host.invalid/").ok()?.join(target).ok()?;
    Some(ReferrersPage { path: url.path().to_owned(), query: url.query().unwrap_or_default().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_and_its_host_plays_no_part() {
        for (link, expected) in [
            (
                "</v2/a/referrers/sha256:b?n=2&last=c>; rel=\"next\"",
                Some(("/v2/a/referrers/sha256:b", "n=2&last=c")),
            ),
            ("<https://evil.example/v2/a?x>; rel=\"next\"", Some(("/v2/a", "x"))),
            ("</v2/a?x>; rel=\"previous\"", None),
            ("/v2/a?x; rel=\"next\"", None),
            ("", None),
        ] {
            let page = next_page(link);
            assert_eq!(page.as_ref().map(|it| (it.path.as_str(), it.query.as_str())), expected, "{link}");
        }
    }
}
