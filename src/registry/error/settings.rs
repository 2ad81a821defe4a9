//! Why a client cannot be made.

use std::path::PathBuf;

/// Why a client cannot be made: something in its settings is wrong.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A rule's prefix or location is not a `host[:port][/path]`.
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
