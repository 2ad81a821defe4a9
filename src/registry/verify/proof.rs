//! What was found attached to a digest.

use std::collections::BTreeSet;
use std::fmt;

use super::demand::ArtifactKind;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_said_in_words() {
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
