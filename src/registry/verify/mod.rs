//! Who vouches for a digest: signatures and attestations that are attached to it, and what policy demands of them. Pure but
//! for [`vouch`], which asks.
//!
//! Signatures are verified with public keys, offline: there is no Rekor, no Fulcio and no TUF here, so that what was signed
//! with a certificate ("keyless") counts as attached and not as verified.

pub(crate) mod artifact;
mod dsse;
pub(crate) mod fetch;
mod public_key;
mod simple_signing;

use std::collections::BTreeSet;
use std::fmt;

pub use dsse::{Bundle, Envelope, Signed, kind_of};
pub use public_key::{FILE_MAX, KeyError, PublicKey};
pub use simple_signing::simple_signing;

pub use crate::plan::verify::vouch;
use crate::reference::Digest;

/// The predicate type of a statement that is a signature and says nothing more (cosign, `pkg/types/predicate.go`).
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// What may be attached to a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArtifactKind {
    /// Somebody says that it is theirs: cosign's simple signing, or a signed statement without a predicate.
    Signature,
    /// Somebody says something about it: a signed in-toto statement with a predicate.
    Attestation,
}

impl ArtifactKind {
    /// Returns the word of settings and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Attestation => "attestation",
        }
    }
}

/// What must be attached to a digest before it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Demand {
    /// What must be there; empty where nothing is demanded.
    pub require: BTreeSet<ArtifactKind>,
    /// The keys, one of which must have made it; where there are none, nobody verifies what is attached.
    pub keys: Vec<PublicKey>,
    /// What an attestation must be about, one of these; any where there are none. Only with keys.
    pub predicate_types: Vec<String>,
}

impl Demand {
    /// Returns the demand for `kinds` alone.
    #[must_use]
    pub fn only(&self, kinds: impl IntoIterator<Item = ArtifactKind>) -> Self {
        Self { require: kinds.into_iter().collect(), ..self.clone() }
    }

    /// Tells whether an attestation of this type is one that is asked for.
    pub fn takes_predicate(&self, predicate_type: &str) -> bool {
        self.predicate_types.is_empty() || self.predicate_types.iter().any(|wanted| wanted == predicate_type)
    }

    /// Returns what is looked for, for people: "a signature by `cosign.pub`".
    pub fn wanted(&self, kind: ArtifactKind) -> String {
        let quoted = |names: &mut dyn Iterator<Item = &str>| {
            names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
        };
        let mut text = match kind {
            ArtifactKind::Signature => "a signature".to_owned(),
            ArtifactKind::Attestation if self.predicate_types.is_empty() => "an attestation".to_owned(),
            ArtifactKind::Attestation => {
                let types = quoted(&mut self.predicate_types.iter().map(String::as_str));
                format!("an attestation of the type {types}")
            }
        };
        if !self.keys.is_empty() {
            text = format!("{text} by {}", quoted(&mut self.keys.iter().map(PublicKey::name)));
        }
        text
    }
}

/// One thing that is attached to a digest and is what was demanded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proof {
    /// What it is.
    pub kind: ArtifactKind,
    /// The name of the key that made it; `None` where nobody verified it.
    pub key: Option<String>,
    /// What an attestation is about, as its signed text says; `None` where nobody verified it.
    pub predicate_type: Option<String>,
}

impl fmt::Display for Proof {
    /// Writes what was verified, and no more than that, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.key, &self.predicate_type) {
            (ArtifactKind::Signature, Some(key), _) => write!(f, "signed, key {key}"),
            (ArtifactKind::Signature, None, _) => f.write_str("a signature is attached, not verified"),
            (ArtifactKind::Attestation, Some(key), Some(about)) => write!(f, "attested ({about}), key {key}"),
            (ArtifactKind::Attestation, Some(key), None) => write!(f, "attested, key {key}"),
            (ArtifactKind::Attestation, None, _) => f.write_str("an attestation is attached, not verified"),
        }
    }
}

/// What was found attached to a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What meets the demand, one for each kind at most.
    pub proofs: BTreeSet<Proof>,
    /// What is still missing, with where it was looked for and what was refused.
    pub missing: Vec<(ArtifactKind, String)>,
}

/// Why something that is attached is not what is demanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is not what it says it is.
    #[error("{0}")]
    Malformed(String),
    /// It is about something else.
    #[error("it is about `{0}`, another digest")]
    OtherDigest(String),
    /// None of the keys made it.
    #[error("none of the keys has made it")]
    OtherKey,
    /// The signed text is no in-toto statement.
    #[error("it signs a `{0}`, which is no in-toto statement")]
    PayloadType(String),
    /// It is about something that nobody asked for.
    #[error("its type is `{0}`")]
    PredicateType(String),
    /// Its manifest belongs to something else.
    #[error("its manifest says that it belongs to {0}, not to the digest")]
    OtherSubject(String),
    /// It is longer than tagpin reads.
    #[error("it has {0} bytes, more than tagpin reads")]
    TooLong(u64),
    /// It cannot be verified with a key.
    #[error("it is a signature of a kind that tagpin does not verify")]
    NotVerifiable,
}

/// Tells whether `key` has made one of `signatures` over `message`; returns the first key that has.
fn signer<'k>(keys: &'k [PublicKey], message: &[u8], signatures: &[Vec<u8>]) -> Option<&'k PublicKey> {
    let made = |key: &&PublicKey| signatures.iter().any(|signature| key.has_signed(message, signature));
    keys.iter().find(made)
}

/// Returns the tag under which cosign keeps what is attached to `digest` (SIGNATURE_SPEC, "Tag-based Discovery"); `None`
/// where that is too long for a tag.
pub fn cosign_tag(digest: &Digest, kind: ArtifactKind) -> Option<String> {
    let suffix = match kind {
        ArtifactKind::Signature => "sig",
        ArtifactKind::Attestation => "att",
    };
    let tag = format!("{}-{}.{suffix}", digest.algorithm(), digest.hex());
    (tag.len() <= TAG_MAX).then_some(tag)
}

/// Returns the tag under which a registry without the referrers API keeps the list (distribution-spec, "Referrers Tag
/// Schema").
pub fn referrers_tag(digest: &Digest) -> String {
    let hex: String = digest.hex().chars().take(64).collect();
    format!("{}-{hex}", digest.algorithm())
}

/// The longest tag that there may be (distribution-spec, "Pulling manifests").
const TAG_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_of_the_specifications() {
        let digest = Digest::sha256(b"x");
        let hex = digest.hex();
        assert_eq!(cosign_tag(&digest, ArtifactKind::Signature), Some(format!("sha256-{hex}.sig")));
        assert_eq!(cosign_tag(&digest, ArtifactKind::Attestation), Some(format!("sha256-{hex}.att")));
        assert_eq!(referrers_tag(&digest), format!("sha256-{hex}"));
        let long = Digest::parse(&format!("sha512:{}", "a".repeat(128))).unwrap();
        assert_eq!(cosign_tag(&long, ArtifactKind::Signature), None);
        assert_eq!(referrers_tag(&long), format!("sha512-{}", "a".repeat(64)));
    }

    #[test]
    fn what_is_wanted_and_what_was_found_is_said_in_words() {
        let mut demand = Demand { require: [ArtifactKind::Signature].into(), ..Demand::default() };
        assert_eq!(demand.wanted(ArtifactKind::Signature), "a signature");
        demand.predicate_types = vec!["https://slsa.dev/provenance/v1".to_owned()];
        assert_eq!(
            demand.wanted(ArtifactKind::Attestation),
            "an attestation of the type `https://slsa.dev/provenance/v1`"
        );
        let proof =
            |kind, key: Option<&str>| Proof { kind, key: key.map(str::to_owned), predicate_type: None };
        for (proof, words) in [
            (proof(ArtifactKind::Signature, Some("cosign.pub")), "signed, key cosign.pub"),
            (proof(ArtifactKind::Signature, None), "a signature is attached, not verified"),
            (proof(ArtifactKind::Attestation, None), "an attestation is attached, not verified"),
        ] {
            assert_eq!(proof.to_string(), words);
        }
    }
}
