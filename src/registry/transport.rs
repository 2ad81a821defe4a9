//! The HTTP clients: which one for which host, with which certificates.

use reqwest::Certificate;
use reqwest::redirect::Policy;

use super::location::{Endpoint, is_loopback_url};
use super::{Rule, SettingsError};
use crate::http;

/// The clients. None follows a redirect by itself: a credential must not travel along.
#[derive(Debug)]
pub(super) struct Transport {
    checked: Pair,
    /// Built only where a rule says `insecure`.
    unchecked: Option<Pair>,
}

/// Two clients with the same certificates.
#[derive(Debug)]
struct Pair {
    /// Obeys the environment's proxies.
    proxied: reqwest::Client,
    /// For loopback, where no proxy can be of use.
    direct: reqwest::Client,
}

impl Transport {
    /// Returns clients that trust the system's certificates and those in `roots` (PEM).
    pub(super) fn new(roots: &[Vec<u8>], rules: &[Rule]) -> Result<Self, SettingsError> {
        let mut certificates = Vec::new();
        for pem in roots {
            let bundle = Certificate::from_pem_bundle(pem).map_err(SettingsError::Certificate)?;
            if bundle.is_empty() {
                return Err(SettingsError::NoCertificate);
            }
            certificates.extend(bundle);
        }
        let insecure =
            rules.iter().any(|rule| rule.insecure || rule.mirrors.iter().any(|mirror| mirror.insecure));
        let unchecked = insecure.then(|| Pair::new(&certificates, true)).transpose()?;
        Ok(Self { checked: Pair::new(&certificates, false)?, unchecked })
    }

    /// Returns the client for a request to `url` on behalf of `endpoint`.
    ///
    /// Certificates go unchecked only on the very host that is marked insecure, not where it redirects to.
    pub(super) fn client(&self, endpoint: &Endpoint, url: &url::Url) -> &reqwest::Client {
        let pair = match &self.unchecked {
            Some(unchecked) if endpoint.insecure && same_name(endpoint, url) => unchecked,
            _ => &self.checked,
        };
        if is_loopback_url(url) { &pair.direct } else { &pair.proxied }
    }
}

impl Pair {
    fn new(roots: &[Certificate], unchecked: bool) -> Result<Self, SettingsError> {
        let builder = || {
            http::builder()
                .redirect(Policy::none())
                .referer(false)
                .tls_certs_merge(roots.iter().cloned())
                .tls_danger_accept_invalid_certs(unchecked)
        };
        // What is inside the PEM is only looked at here.
        let failed = |error| {
            if roots.is_empty() { SettingsError::Client(error) } else { SettingsError::Certificate(error) }
        };
        Ok(Self {
            proxied: builder().build().map_err(failed)?,
            direct: builder().no_proxy().build().map_err(failed)?,
        })
    }
}

/// Tells whether `url` is on the endpoint's host, whatever the port.
pub(super) fn same_name(endpoint: &Endpoint, url: &url::Url) -> bool {
    url::Url::parse(&format!("https://{}/", endpoint.host))
        .is_ok_and(|own| own.host_str().is_some() && own.host_str() == url.host_str())
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is longer than the limit; reading stopped there.
    TooLong,
    /// The connection broke off.
    Broken(reqwest::Error),
}

/// Returns the body, which may have `limit` bytes and no more: a length that is announced is not believed.
pub(super) async fn read(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, Unread> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(Unread::TooLong);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        if chunk.len() > limit - body.len() {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
