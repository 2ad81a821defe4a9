//! The grammar of image references: `[host[:port]/]path[:tag][@digest]`.
//!
//! A [`Reference`] keeps the name as the user spelled it; [`Reference::registry`] and
//! [`Reference::repository`] are the normalised forms, for the look-up only.

use std::borrow::Cow;
use std::fmt;

use sha2::{Digest as _, Sha256, Sha512};

/// The tag that a reference without tag and digest stands for.
pub const LATEST: &str = "latest";

/// The registry that a reference without a host stands for.
pub const DOCKER_HUB: &str = "docker.io";

/// The longest repository path that registries take (distribution/reference `NameTotalLengthMax`).
const NAME_MAX: usize = 255;

/// A content digest: `sha256:` and 64 lower-case hex digits, or `sha512:` and 128.
///
/// Nothing else is accepted: `@sha256:abc` and upper-case hex are not digests (OCI image-spec, descriptor.md).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no well-formed digest")
    }
}

impl Digest {
    /// Returns the digest that `text` spells, or `None` where it is not a well-formed one.
    pub fn parse(text: &str) -> Option<Self> {
        let (algorithm, hex) = text.split_once(':')?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let well_formed =
            hex.len() == length && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// Returns the sha256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex::encode(Sha256::digest(bytes))))
    }

    /// Returns the digest of `bytes` under this digest's own algorithm.
    pub fn same_algorithm(&self, bytes: &[u8]) -> Self {
        match self.algorithm() {
            "sha512" => Self(format!("sha512:{}", hex::encode(Sha512::digest(bytes)))),
            _ => Self::sha256(bytes),
        }
    }

    /// Returns `sha256` or `sha512`.
    pub fn algorithm(&self) -> &str {
        self.0.split_once(':').map_or("", |(algorithm, _)| algorithm)
    }

    /// Returns the hex part alone, as charts with a bare `sha:` field want it.
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// Returns the first twelve hex digits, for people.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }

    /// Returns the whole text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A parsed image name, kept as the user spelled it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Reference {
    name: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is not an image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// There is nothing, or nothing before the tag.
    #[error("the image name is empty")]
    Empty,
    /// A host or path component breaks the grammar.
    #[error("the image name has a part that registries do not accept")]
    Name,
    /// The repository path has an upper-case letter.
    #[error("the repository must be lower case")]
    UpperCase,
    /// The repository is longer than 255 characters.
    #[error("the image name is longer than {NAME_MAX} characters")]
    TooLong,
    /// The tag breaks the grammar `[\w][\w.-]{{0,127}}`.
    #[error("the tag is malformed")]
    Tag,
    /// What follows `@` is not a sha256 or sha512 digest.
    #[error("the digest is malformed: `sha256:` and 64 lower-case hex digits are expected")]
    Digest,
}

impl Reference {
    /// Parses `text`, which must be a reference from its first to its last byte.
    ///
    /// # Errors
    /// Says which part breaks the grammar of distribution/reference.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest).ok_or(ReferenceError::Digest)?)),
            None => (text, None),
        };
        // A colon after the last slash starts the tag; one before it belongs to the port.
        let path_start = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[path_start..].find(':') {
            Some(at) => (&rest[..path_start + at], Some(&rest[path_start + at + 1..])),
            None => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag);
        }
        check_name(name)?;
        Ok(Self { name: name.to_owned(), tag: tag.map(str::to_owned), digest })
    }

    /// Returns host and path as the user spelled them.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the tag that is written, if one is.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest that is written, if one is.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns the registry's host and port, normalised: `docker.io` where no host is written, else in one of the
    /// spellings that name the same host (RFC 3986 §3.2.2).
    pub fn registry(&self) -> Cow<'_, str> {
        let Some(host) = split_host(&self.name).0 else { return DOCKER_HUB.into() };
        let host = folded_host(host);
        if matches!(&*host, "index.docker.io" | "registry-1.docker.io") { DOCKER_HUB.into() } else { host }
    }

    /// Returns the names under which a rule may know the image: as it is spelled, normalised, and without the port that
    /// HTTPS has anyway.
    pub fn names(&self) -> Vec<Cow<'_, str>> {
        let Image(normalised) = Image::of(self);
        let portless = without_https_port(&normalised).map(Cow::Owned);
        [self.name().into(), Cow::Owned(normalised)].into_iter().chain(portless).collect()
    }

    /// Returns the repository's path, normalised: `library/` is added to Docker Hub's one-segment names.
    pub fn repository(&self) -> String {
        let path = split_host(&self.name).1;
        if self.registry() == DOCKER_HUB && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        }
    }

    /// Returns this reference at `digest`, with a tag always written: no tag means [`LATEST`].
    #[must_use]
    pub fn pinned(&self, digest: &Digest) -> Self {
        let tag = Some(self.tag.clone().unwrap_or_else(|| LATEST.to_owned()));
        Self { name: self.name.clone(), tag, digest: Some(digest.clone()) }
    }

    /// Returns this reference with another tag and without digest; `tag` is one, see [`is_tag`].
    #[must_use]
    pub fn tagged(&self, tag: &str) -> Self {
        Self { name: self.name.clone(), tag: Some(tag.to_owned()), digest: None }
    }

    /// Returns this reference without its digest.
    #[must_use]
    pub fn without_digest(&self) -> Self {
        Self { name: self.name.clone(), tag: self.tag.clone(), digest: None }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Returns `host` as all its spellings are compared: in lower case, and in capitals where nothing but them tells a host
/// from the first segment of a path.
fn folded_host(host: &str) -> Cow<'_, str> {
    match is_told_by_signs(host) {
        true if host.bytes().any(|b| b.is_ascii_uppercase()) => host.to_ascii_lowercase().into(),
        false if host.bytes().any(|b| b.is_ascii_lowercase()) => host.to_ascii_uppercase().into(),
        _ => host.into(),
    }
}

/// Returns whether a first segment is a host, however it is written, because of a dot, a colon or its name.
fn is_told_by_signs(first: &str) -> bool {
    first.contains(['.', ':']) || first.eq_ignore_ascii_case("localhost")
}

/// Returns `name`, a name or a prefix or a pattern of such, with its host in the spelling that is compared.
pub fn with_folded_host(name: &str) -> Cow<'_, str> {
    let (host, path) = name.split_at(name.find('/').unwrap_or(name.len()));
    match folded_host(host) {
        Cow::Owned(host) if is_told_by_signs(&host) => format!("{host}{path}").into(),
        _ => name.into(),
    }
}

/// Returns `name` without the port that HTTPS has where none is written; `None` where that is not its port.
pub(crate) fn without_https_port(name: &str) -> Option<String> {
    let (host, path) = name.split_at(name.find('/').unwrap_or(name.len()));
    host.strip_suffix(":443").map(|host| format!("{host}{path}"))
}

/// Returns whether `text` is a tag: `[\w][\w.-]{0,127}` (OCI distribution-spec, pulling manifests).
pub fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().enumerate().all(|(i, b)| word(b) || (i > 0 && (b == b'.' || b == b'-')))
}

/// Splits a name into its host, if it has one, and its path.
///
/// The first segment is a host if it has a dot, a colon or an upper-case letter, or is `localhost`.
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|b| b.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, name),
    }
}

fn check_name(name: &str) -> Result<(), ReferenceError> {
    if name.is_empty() {
        return Err(ReferenceError::Empty);
    }
    let (host, path) = split_host(name);
    if host.is_some_and(|host| !is_host(host)) || path.is_empty() {
        return Err(ReferenceError::Name);
    }
    if name.len() > NAME_MAX {
        return Err(ReferenceError::TooLong);
    }
    if path.split('/').all(is_path_component) {
        Ok(())
    } else if path.to_ascii_lowercase().split('/').all(is_path_component) {
        Err(ReferenceError::UpperCase)
    } else {
        Err(ReferenceError::Name)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` (OCI distribution-spec, pulling manifests).
fn is_path_component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    if !bytes.first().copied().is_some_and(alphanumeric) || !bytes.last().copied().is_some_and(alphanumeric) {
        return false;
    }
    text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
                return after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
            }
            _ => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    port.is_none_or(is_port)
        && host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() && text.bytes().all(|b| b.is_ascii_digit())
}

/// An image, without tag and digest: registry and repository, normalised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Image(pub String);

impl Image {
    /// Returns the image that `reference` names.
    pub fn of(reference: &Reference) -> Self {
        Self(format!("{}/{}", reference.registry(), reference.repository()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_normalised_for_the_look_up_only() {
        for (text, registry, repository) in [
            ("nginx", "docker.io", "library/nginx"),
            ("nginx:1.27", "docker.io", "library/nginx"),
            ("bitnami/redis", "docker.io", "bitnami/redis"),
            ("docker.io/nginx", "docker.io", "library/nginx"),
            ("index.docker.io/library/nginx", "docker.io", "library/nginx"),
            ("localhost/app", "localhost", "app"),
            ("localhost:5000/app:1", "localhost:5000", "app"),
            ("registry.example.com:443/a/b__c/d-e:v1", "registry.example.com:443", "a/b__c/d-e"),
            ("[::1]:5000/app:1", "[::1]:5000", "app"),
            ("ghcr.io/acme/api", "ghcr.io", "acme/api"),
            ("GHCR.io/acme/api", "ghcr.io", "acme/api"),
            ("LocalHost/app", "localhost", "app"),
            ("Docker.IO/nginx", "docker.io", "library/nginx"),
            ("INDEX.docker.io/nginx", "docker.io", "library/nginx"),
            ("Acme/app", "ACME", "app"),
            ("[::A]:5000/app:1", "[::a]:5000", "app"),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(
                (&*reference.registry(), reference.repository().as_str()),
                (registry, repository),
                "{text}"
            );
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_reference_is_refused_with_the_part_that_is_wrong() {
        use ReferenceError::{Digest, Empty, Name, Tag, UpperCase};
        for (text, error) in [
            ("", Empty),
            (":1", Empty),
            ("nginx:", Tag),
            ("nginx:-1", Tag),
            ("nginx:1:2", Tag),
            ("nginx:1 ", Tag),
            ("acme/Api:1", UpperCase),
            ("a b", Name),
            ("a//b", Name),
            ("https://x/y", Name),
            ("./logo.png", Name),
            ("${IMAGE}", Name),
            ("a_-b", Name),
            ("nginx@", Digest),
            ("nginx@sha256:abc", Digest),
            ("nginx@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", Digest),
        ] {
            assert_eq!(Reference::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_pin_keeps_the_name_and_always_writes_a_tag() {
        let digest = Digest::parse(&format!("sha256:{HEX}")).unwrap();
        for (text, pinned) in [("nginx", "nginx:latest"), ("docker.io/nginx:1", "docker.io/nginx:1")] {
            let reference = Reference::parse(text).unwrap().pinned(&digest);
            assert_eq!(reference.to_string(), format!("{pinned}@sha256:{HEX}"));
            assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
        }
    }
}
