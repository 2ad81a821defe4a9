//! What carries requests: connections, pauses, retries, and the count of it all.

pub(crate) mod attempt;
pub(crate) mod body;
pub(crate) mod budget;
mod circuit_breaker;
pub(crate) mod host;
mod latency;
pub(crate) mod once_map;
mod pace;
pub(crate) mod retry;
pub(crate) mod ssrf;
pub(crate) mod transport;
pub(crate) mod waiting_time;
