//! Where registries are really asked: rules and mirrors.

use std::path::PathBuf;

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
