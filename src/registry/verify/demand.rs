//! What policy demands to be attached to a digest before it is written.

use std::collections::BTreeSet;

use super::public_key::PublicKey;
use crate::text::quoted;

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

    /// Returns whether an attestation of this type is one that is asked for.
    pub fn takes_predicate(&self, predicate_type: &str) -> bool {
        self.predicate_types.is_empty() || self.predicate_types.iter().any(|wanted| wanted == predicate_type)
    }

    /// Returns what is looked for, for people: "a signature by `cosign.pub`".
    pub fn wanted(&self, kind: ArtifactKind) -> String {
        let mut text = match kind {
            ArtifactKind::Signature => "a signature".to_owned(),
            ArtifactKind::Attestation if self.predicate_types.is_empty() => "an attestation".to_owned(),
            ArtifactKind::Attestation => {
                let types = quoted(&self.predicate_types, " or ");
                format!("an attestation of the type {types}")
            }
        };
        if !self.keys.is_empty() {
            text = format!("{text} by {}", quoted(self.keys.iter().map(PublicKey::name), " or "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_said_in_words() {
        let mut demand = Demand { require: [ArtifactKind::Signature].into(), ..Demand::default() };
        assert_eq!(demand.wanted(ArtifactKind::Signature), "a signature");
        demand.predicate_types = vec!["https://slsa.dev/provenance/v1".to_owned()];
        assert_eq!(
            demand.wanted(ArtifactKind::Attestation),
            "an attestation of the type `https://slsa.dev/provenance/v1`"
        );
    }
}
