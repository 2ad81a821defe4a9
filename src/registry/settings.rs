//! What a [`HttpRegistry`](super::HttpRegistry) is made with.

use std::path::PathBuf;
use std::time::Duration;

use super::auth::credentials::Credentials;
use super::http::ssrf::Trust;

/// Where a registry is really asked, and how: the field names of containers-registries.conf(5), and some of our own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryRule {
    /// The names that this rule is for: `host[:port]`, `host[:port]/path` or `*.host`, matched at segment ends; the
    /// longest wins.
    pub prefix: String,
    /// What `prefix` is replaced by for the look-up; equal to `prefix` where the config names none.
    pub location: String,
    /// Whether plain HTTP is spoken and certificates are not checked.
    pub insecure: bool,
    /// Whether these names are never asked for.
    pub blocked: bool,
    /// How many questions the registry gets at the same time; `None` is [`Limits::at_once`]. Only where `prefix` is a
    /// whole registry.
    pub concurrency: Option<usize>,
    /// PEM files for connections to the location's host.
    pub tls: TlsFiles,
    /// Other hosts that hand out tokens for this registry, and so get its credential, `host[:port]`.
    pub token_hosts: Vec<String>,
    /// The environment variable with the password, for the location only.
    pub token_env: Option<TokenEnv>,
    /// Other places that serve the same images, in order of preference.
    pub mirrors: Vec<Mirror>,
}

/// Certificates for one host, as PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities that are trusted beside the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate, with what leads to its authority, and its private key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// A credential from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEnv {
    /// The name of the variable.
    pub name: String,
    /// The user that goes with it.
    pub user: String,
}

/// A mirror of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// `host[:port][/path]`
    pub location: String,
    /// Whether plain HTTP is spoken and certificates are not checked.
    pub insecure: bool,
    /// What may be asked there.
    pub pull: PullFromMirror,
}

/// What a mirror may be asked for. A mirror may be stale, so tags are asked at the origin unless this says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullFromMirror {
    /// Tags and digests.
    All,
    /// Digests only: the default.
    DigestOnly,
    /// Tags only.
    TagOnly,
}

/// Everything that a client needs to know. [`Default`] is no rule, no credential and the usual limits.
#[derive(Debug, Default)]
pub struct ClientSettings {
    /// Where registries are really asked.
    pub rules: Vec<RegistryRule>,
    /// Where credentials are; none by default.
    pub credentials: Credentials,
    /// More root certificates beside the system's, each a PEM file's content.
    pub roots: Vec<Vec<u8>>,
    /// How much and how long is asked.
    pub limits: Limits,
    /// How far the names that are asked for are trusted.
    pub trust: Trust,
}

/// How much and how long a registry is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many questions one registry gets at the same time.
    pub at_once: usize,
    /// How long making a connection may take, the look-up of the name included.
    pub connect: Duration,
    /// How long a server may say nothing.
    pub read: Duration,
    /// How long one request may take, its body included.
    pub request: Duration,
    /// How long one question may take, repeated requests included; waiting for its turn does not count.
    pub question: Duration,
    /// How often a request is repeated that failed for a moment.
    pub retries: usize,
    /// The pause before the first repeated request.
    pub retry_delay: Duration,
    /// The longest pause that a registry may ask for and get (`Retry-After`, `ratelimit-reset`).
    pub longest_pause: Duration,
    /// The longest manifest that is read, in bytes.
    pub manifest: usize,
    /// The longest image config that is read for details, in bytes.
    pub config: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            at_once: 8,
            connect: crate::http::CONNECT_TIMEOUT,
            read: Duration::from_secs(15),
            request: Duration::from_secs(20),
            question: Duration::from_secs(60),
            retries: 2,
            retry_delay: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            manifest: 8 << 20,
            config: 1 << 20,
        }
    }
}

/// Why a client cannot be made: something in its settings is wrong.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A rule's prefix or location is no `host[:port][/path]`.
    #[error("`{0}` is not a registry location; write `host[:port][/path]`, without `https://`")]
    Location(String),
    /// A file with certificates cannot be read.
    #[error("`{}`, which has certificates for `{host}`, cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The host that it is for.
        host: String,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A client certificate or its key is damaged, or they do not belong together.
    #[error("the client certificate or its key for `{host}` cannot be used; PEM is expected")]
    ClientCertificate {
        /// The host that it is for.
        host: String,
        /// Why.
        #[source]
        error: reqwest::Error,
    },
    /// Two rules give one host different certificates.
    #[error("`{0}` is given two different sets of certificates; name them in one [[registry]] only")]
    TwoCertificates(String),
    /// A root certificate is damaged.
    #[error("a root certificate cannot be read; PEM is expected")]
    Certificate(#[source] reqwest::Error),
    /// A file that should have root certificates has none.
    #[error("a file of root certificates has none in it; PEM is expected")]
    NoCertificate,
    /// The TLS stack does not start.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}
