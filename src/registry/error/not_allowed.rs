//! Where tagpin does not ask.

use super::asked::Asked;

/// Why tagpin does not ask somewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// A rule blocks the image.
    #[error("`{image}` is blocked by the [[registry]] with the prefix `{prefix}`")]
    Blocked {
        /// `registry/repository`
        image: String,
        /// The prefix of the rule.
        prefix: String,
    },
    /// The host is at an address where names in files may not lead.
    #[error("tagpin does not ask {asked}: {address}")]
    Address {
        /// Who would have been asked, and for what.
        asked: Asked,
        /// The address.
        address: RefusedAddress,
    },
}

/// Why an address is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{host}` is {kind}, where names in scanned files may not lead; describe it in a [[registry]] if it is right"
)]
pub struct RefusedAddress {
    /// The host, and its address where that was looked up.
    pub host: String,
    /// What kind of address it is, for messages.
    pub kind: &'static str,
}
