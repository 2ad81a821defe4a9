//! Signatures and attestations that are attached to a digest, and what policy demands of them. Pure.
//!
//! Signatures are verified with public keys, offline: there is no Rekor, no Fulcio and no TUF here, so that what was signed
//! with a certificate ("keyless") counts as attached and not as verified.

pub(crate) mod artifact;
mod demand;
mod dsse;
mod proof;
mod public_key;
mod rejected;
mod simple_signing;
mod tags;

pub use demand::{ArtifactKind, Demand};
pub use dsse::{Bundle, Envelope, Signed, kind_of};
pub use proof::{Evidence, Proof};
pub use public_key::{FILE_MAX, KeyError, PublicKey};
pub use rejected::Rejected;
pub use simple_signing::simple_signing;
pub use tags::{cosign_tag, referrers_tag};
