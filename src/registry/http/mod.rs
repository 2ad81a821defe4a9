//! What carries requests: connections, pauses, retries, and the count of it all.

pub(crate) mod attempt;
pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod circuit_breaker;
pub(crate) mod once_map;
pub(crate) mod retry;
pub(crate) mod ssrf;
pub(crate) mod transport;
