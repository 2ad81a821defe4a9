//! The HTTP client's settings that registry, forge and git share.

use std::error::Error;
use std::time::Duration;

use url::{Host, Url};

/// What tagpin calls itself.
pub const USER_AGENT: &str = concat!("tagpin/", env!("CARGO_PKG_VERSION"));

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may say nothing.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns a builder for the asynchronous client: one TLS stack, time limits, proxies from the environment.
pub fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
}

/// Returns the innermost message: `Connection refused`, not `error sending request`. No URL is in it.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Returns whether the host of `url` is this machine by its very name: `localhost`, 127.0.0.0/8, `[::1]`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
