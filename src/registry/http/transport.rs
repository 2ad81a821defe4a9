//! The HTTP clients: which one for which host, with which certificates, over a proxy or not, to which addresses.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity};
use secrecy::{ExposeSecret as _, SecretSlice};
use url::Url;

use super::ssrf::{Resolver, Trust, refused_host};
use crate::http::{self, is_loopback};
use crate::registry::endpoint::{self, Endpoint, is_at};
use crate::registry::error::{RefusedAddress, SettingsError};
use crate::registry::limits::Limits;
use crate::registry::rule::{RegistryRule, TlsFiles};

/// The clients. None follows a redirect by itself: a credential must not travel along.
#[derive(Debug)]
pub(crate) struct Transport {
    rules: Vec<RegistryRule>,
    trust: Trust,
    proxies: Matcher,
    general: Clients,
    /// By the host that has certificates of its own.
    own: HashMap<String, Clients>,
}

#[derive(Debug)]
struct Clients {
    checked: Reaching,
    /// Built only where a rule says `insecure`.
    unchecked: Option<Reaching>,
}

#[derive(Debug)]
struct Reaching {
    recipe: ClientRecipe,
    pooled: ByRoute,
    /// Made when the first is asked for.
    fresh: OnceLock<ByRoute>,
}

#[derive(Debug)]
struct ByRoute {
    /// Obeys the environment's proxies, which look names up themselves.
    proxied: reqwest::Client,
    /// Connects to every address: for what is configured, and for loopback, where no proxy can be of use.
    direct: reqwest::Client,
    guarded: reqwest::Client,
}

/// What clients are made of.
#[derive(Debug)]
struct ClientRecipe {
    roots: Vec<Certificate>,
    identity: Option<Identity>,
    unchecked: bool,
    trust: Trust,
    limits: Limits,
}

/// Over which connection a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// One that is open, if there is one.
    Pooled,
    /// One of its own: over an open one, who answered wrong would answer again.
    Fresh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Over a proxy, which decides on the address.
    Proxy,
    Direct,
}

impl Transport {
    /// Returns clients that trust the system's certificates, those in `roots`, and for each host those of its rule.
    pub(crate) fn new(
        rules: &[RegistryRule],
        roots: &[Vec<u8>],
        limits: &Limits,
        trust: Trust,
    ) -> Result<Self, SettingsError> {
        let pems = roots;
        let mut roots = Vec::new();
        for pem in pems {
            roots.extend(certificates(pem)?);
        }
        let insecure =
            rules.iter().any(|rule| rule.insecure || rule.mirrors.iter().any(|mirror| mirror.insecure));
        let clients = |roots: &[Certificate], identity: Option<&Identity>| {
            let reaching = |unchecked| {
                let (roots, identity, limits) = (roots.to_vec(), identity.cloned(), *limits);
                Reaching::new(ClientRecipe { roots, identity, unchecked, trust, limits })
            };
            let unchecked = insecure.then(|| reaching(true)).transpose();
            Ok(Clients { checked: reaching(false)?, unchecked: unchecked? })
        };
        // What is inside the PEM is only looked at when a client is built.
        let general = clients(&roots, None).map_err(|error| match roots.is_empty() {
            true => SettingsError::Client(error),
            false => SettingsError::Certificate(error),
        })?;
        let mut own = HashMap::new();
        let mut files: HashMap<&str, &TlsFiles> = HashMap::new();
        for rule in rules.iter().filter(|rule| rule.tls != TlsFiles::default()) {
            let host = endpoint::host(&rule.location);
            match files.insert(host, &rule.tls) {
                Some(other) if *other != rule.tls => {
                    return Err(SettingsError::TwoCertificates(host.to_owned()));
                }
                Some(_) => continue,
                None => {}
            }
            let mut roots = roots.clone();
            if let Some(path) = &rule.tls.ca {
                roots.extend(certificates(read_file(path, host)?.expose_secret())?);
            }
            let client = rule.tls.client.as_ref();
            let identity = client.map(|(certificate, key)| identity(certificate, key, host)).transpose()?;
            let built = clients(&roots, identity.as_ref()).map_err(|error| match &identity {
                Some(_) => SettingsError::ClientCertificate { host: host.to_owned(), error },
                None => SettingsError::Certificate(error),
            })?;
            own.insert(host.to_owned(), built);
        }
        let proxies = Matcher::from_system();
        Ok(Self { rules: rules.to_vec(), trust, proxies, general, own })
    }

    /// Returns the client for a request to `url` on behalf of `endpoint`, and how it gets there.
    ///
    /// Certificates go unchecked only on the very host that is marked insecure, not where it redirects to. What is
    /// configured may be at any address; all else only where names of this trust may lead.
    ///
    /// # Errors
    /// The host of `url` is a refused address by its very name.
    pub(crate) fn client(
        &self,
        endpoint: &Endpoint,
        url: &Url,
        connection: Connection,
    ) -> Result<(&reqwest::Client, Route), RefusedAddress> {
        let clients =
            self.own.iter().find(|(host, _)| is_at(host, url)).map_or(&self.general, |(_, clients)| clients);
        let reaching = match &clients.unchecked {
            Some(unchecked) if endpoint.insecure && same_name(endpoint, url) => unchecked,
            _ => &clients.checked,
        };
        let by_route = reaching.over(connection);
        let trusted = endpoint::is_configured(&self.rules, url)
            || (is_at(&endpoint.host, url) && (self.trust == Trust::Typed || endpoint.rule.is_some()));
        // Who typed a name has not typed what it redirects to.
        let trust = if self.trust == Trust::Typed { Trust::Scanned } else { self.trust };
        if !trusted && let Some(refused) = refused_host(url, trust) {
            return Err(refused);
        }
        if is_loopback(url) {
            return Ok((&by_route.direct, Route::Direct));
        }
        // Without naming the `http` crate: the type follows from what is asked.
        let proxied = url.as_str().parse().is_ok_and(|address| self.proxies.intercept(&address).is_some());
        Ok(match (proxied, trusted) {
            (true, _) => (&by_route.proxied, Route::Proxy),
            (false, true) => (&by_route.direct, Route::Direct),
            (false, false) => (&by_route.guarded, Route::Direct),
        })
    }
}

impl Reaching {
    fn new(recipe: ClientRecipe) -> Result<Self, reqwest::Error> {
        Ok(Self { pooled: recipe.build(Connection::Pooled)?, recipe, fresh: OnceLock::new() })
    }

    fn over(&self, connection: Connection) -> &ByRoute {
        match (connection, self.fresh.get()) {
            (Connection::Pooled, _) => &self.pooled,
            (Connection::Fresh, Some(fresh)) => fresh,
            // What it is made of was good before.
            (Connection::Fresh, None) => match self.recipe.build(connection) {
                Ok(fresh) => self.fresh.get_or_init(|| fresh),
                Err(_) => &self.pooled,
            },
        }
    }
}

impl ClientRecipe {
    fn build(&self, connection: Connection) -> Result<ByRoute, reqwest::Error> {
        let builder = || {
            let builder = http::builder()
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(self.limits.connect)
                .read_timeout(self.limits.read)
                .timeout(self.limits.request)
                .tls_certs_merge(self.roots.iter().cloned())
                .tls_danger_accept_invalid_certs(self.unchecked);
            let builder = match connection {
                Connection::Pooled => builder,
                Connection::Fresh => builder.pool_max_idle_per_host(0),
            };
            match &self.identity {
                Some(identity) => builder.identity(identity.clone()),
                None => builder,
            }
        };
        let trust = if self.trust == Trust::Typed { Trust::Scanned } else { self.trust };
        Ok(ByRoute {
            proxied: builder().build()?,
            direct: builder().no_proxy().build()?,
            guarded: builder().no_proxy().dns_resolver(Arc::new(Resolver(trust))).build()?,
        })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, SettingsError> {
    let bundle = Certificate::from_pem_bundle(pem).map_err(SettingsError::Certificate)?;
    if bundle.is_empty() {
        return Err(SettingsError::NoCertificate);
    }
    Ok(bundle)
}

fn identity(certificate: &Path, key: &Path, host: &str) -> Result<Identity, SettingsError> {
    let (certificate, key) = (read_file(certificate, host)?, read_file(key, host)?);
    let pem: SecretSlice<u8> = [certificate.expose_secret(), b"\n", key.expose_secret()].concat().into();
    Identity::from_pem(pem.expose_secret())
        .map_err(|error| SettingsError::ClientCertificate { host: host.to_owned(), error })
}

fn read_file(path: &Path, host: &str) -> Result<SecretSlice<u8>, SettingsError> {
    let mut bytes = Vec::new();
    // Not fs_err: the error names the file already.
    std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_to_end(&mut file, &mut bytes))
        .map_err(|error| SettingsError::Unreadable { path: path.to_owned(), host: host.to_owned(), error })?;
    Ok(bytes.into())
}

/// Returns whether `url` is on the endpoint's host, whatever the port.
pub(crate) fn same_name(endpoint: &Endpoint, url: &Url) -> bool {
    Url::parse(&format!("https://{}/", endpoint.host))
        .is_ok_and(|own| own.host_str().is_some() && own.host_str() == url.host_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::error::{Asked, ResolveError};
    use crate::registry::http::attempt::AttemptError;

    #[tokio::test]
    async fn what_a_name_resolves_to_is_checked_where_it_is_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let (roots, limits) = (Vec::new(), Limits::default());
        let recipe = ClientRecipe { roots, identity: None, unchecked: false, trust: Trust::Scanned, limits };
        let clients = recipe.build(Connection::Pooled).unwrap();
        let error = clients.guarded.get(&url).send().await.unwrap_err();
        let asked = Asked::content("localhost", "a:1");
        let refused = AttemptError::unreachable(asked, &error).error;
        assert!(matches!(refused, ResolveError::NotAllowed(_)), "{refused:?}");

        let answer = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // An answer to a request that was not sent yet is an error.
            tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 512]).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
        });
        assert_eq!(clients.direct.get(&url).send().await.unwrap().status(), 204);
        answer.await.unwrap();
    }
}
