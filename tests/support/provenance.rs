//! Asking who signed an image and what attests it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use tagpin::reference::Reference;
use tagpin::registry::verify::{ArtifactKind, Demand, Evidence, PublicKey};
use tagpin::registry::{ClientSettings, HttpRegistry, Limits, RegistryRule, ResolveError, TagRef, Trust};

/// The repository of the image that is asked about.
pub(crate) const REPOSITORY: &str = "acme/api";

pub(crate) fn client() -> HttpRegistry {
    client_with(Vec::new())
}

pub(crate) fn client_with(rules: Vec<RegistryRule>) -> HttpRegistry {
    let limits = Limits { retry_delay: Duration::from_millis(1), ..Limits::default() };
    HttpRegistry::new(ClientSettings { rules, limits, trust: Trust::Typed, ..ClientSettings::default() })
        .unwrap()
}

pub(crate) fn question(host: &str) -> TagRef {
    TagRef::new(&Reference::parse(&format!("{host}/{REPOSITORY}:1")).unwrap())
}

pub(crate) fn demand(kinds: &[ArtifactKind], keys: &[PublicKey]) -> Demand {
    Demand { require: kinds.iter().copied().collect(), keys: keys.to_vec(), predicate_types: Vec::new() }
}

pub(crate) fn said(evidence: Result<Evidence, ResolveError>) -> String {
    match evidence {
        Ok(Evidence { proofs, missing }) => {
            let proofs = proofs.iter().map(ToString::to_string);
            proofs.chain(missing.into_iter().map(|(_, text)| text)).collect::<Vec<_>>().join(" | ")
        }
        Err(error) => format!("{}: {error}", error.reason()),
    }
}
