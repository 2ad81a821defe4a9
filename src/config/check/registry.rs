//! `[[registry]]` and `[[registry.mirror]]`, with the field names of containers-registries.conf(5).

use super::Checker;
use super::network::CONCURRENCY;
use crate::config::raw::{RawMirror, RawRegistry, SpannedText};
use crate::reference::{DOCKER_HUB, Reference, with_folded_host};
use crate::registry::{Mirror, PullFromMirror, RegistryRule, TlsFiles, TokenEnv};

/// The user that goes with a token, where the registry does not care: GitHub's word for it.
const TOKEN_USER: &str = "x-access-token";

/// The words of `pull-from-mirror`.
pub(in crate::config) const PULLS: [(&str, PullFromMirror); 3] = [
    ("all", PullFromMirror::All),
    ("digest-only", PullFromMirror::DigestOnly),
    ("tag-only", PullFromMirror::TagOnly),
];

impl Checker<'_> {
    pub(super) fn registries(&mut self, raw: &[RawRegistry]) -> Vec<RegistryRule> {
        let mut rules: Vec<RegistryRule> = Vec::new();
        for entry in raw {
            let prefix = self.prefix(&entry.prefix);
            let location = entry.location.as_ref().map(|location| self.place("location", location));
            let mirrors: Vec<Mirror> = entry.mirror.iter().filter_map(|mirror| self.mirror(mirror)).collect();
            let (Some(prefix), true) = (prefix, location.as_ref().is_none_or(Option::is_some)) else {
                continue;
            };
            let location = location.flatten().unwrap_or_else(|| prefix.clone());
            let rule = RegistryRule {
                concurrency: self.concurrency(entry, &prefix),
                tls: self.tls(entry),
                token_hosts: self.token_hosts(entry),
                token_env: self.registry_token(entry, &location),
                prefix,
                location,
                insecure: entry.insecure,
                blocked: entry.blocked,
                mirrors,
            };
            match rules.iter().find(|other| other.prefix == rule.prefix) {
                // Docker Hub may be described under each of its names.
                Some(other) if *other == rule => {}
                Some(_) => {
                    let prefix = &rule.prefix;
                    self.fail(entry.prefix.span(), format!("the registry `{prefix}` is described twice"));
                }
                None => rules.push(rule),
            }
        }
        rules
    }

    fn concurrency(&mut self, entry: &RawRegistry, prefix: &str) -> Option<usize> {
        let number = entry.concurrency.as_ref()?;
        if prefix.contains('/') {
            self.fail_hint(
                number.span(),
                "`concurrency` is for a whole registry",
                "put it into the [[registry]] whose `prefix` is the host alone",
            );
            return None;
        }
        self.number("concurrency", number, CONCURRENCY)
    }

    fn tls(&mut self, entry: &RawRegistry) -> TlsFiles {
        let mut path = |key, text: &Option<SpannedText>| text.as_ref().and_then(|text| self.path(key, text));
        let ca = path("ca-file", &entry.ca_file);
        let certificate = path("client-certificate", &entry.client_certificate);
        let key = path("client-key", &entry.client_key);
        if entry.client_certificate.is_some() != entry.client_key.is_some() {
            self.fail(entry.prefix.span(), "`client-certificate` and `client-key` go together");
        }
        TlsFiles { ca, client: certificate.zip(key) }
    }

    fn token_hosts(&mut self, entry: &RawRegistry) -> Vec<String> {
        let hosts = entry.token_hosts.as_ref().map_or(&[][..], |hosts| hosts.get_ref());
        let mut found = Vec::new();
        for host in hosts {
            if is_place(host.get_ref()) && !host.get_ref().contains('/') {
                found.push(with_folded_host(host.get_ref()).into_owned());
            } else {
                self.fail_hint(
                    host.span(),
                    "`token-hosts` takes `host` or `host:port`",
                    "it is the host of the `realm` that the registry names, for example `auth.corp.example`",
                );
            }
        }
        found
    }

    fn registry_token(&mut self, entry: &RawRegistry, location: &str) -> Option<TokenEnv> {
        let Some(name) = &entry.token_env else {
            if let Some(user) = &entry.username {
                self.fail(user.span(), "`username` goes with `token-env`");
            }
            return None;
        };
        if is_wildcard(location) {
            self.fail(name.span(), "`token-env` is for one host, and not for all below one");
        }
        let user = match &entry.username {
            Some(user) => self.filled("username", user)?,
            None => TOKEN_USER.to_owned(),
        };
        if user.contains(':') {
            self.fail(entry.prefix.span(), "`username` cannot hold `:`, which ends it (RFC 7617)");
        }
        Some(TokenEnv { name: self.token_env(name)?, user })
    }

    fn mirror(&mut self, raw: &RawMirror) -> Option<Mirror> {
        let location = self.place("location", &raw.location);
        let pull = match &raw.pull_from_mirror {
            None => Some(PullFromMirror::DigestOnly),
            Some(word) => self.word("pull-from-mirror", word, &PULLS),
        };
        Some(Mirror { location: location?, insecure: raw.insecure, pull: pull? })
    }

    /// A prefix is compared with normalised names, which know Docker Hub under one name only.
    fn prefix(&mut self, text: &SpannedText) -> Option<String> {
        if text.get_ref().strip_prefix("*.").is_some_and(is_place) {
            return Some(with_folded_host(text.get_ref()).into_owned());
        }
        let prefix = self.place("prefix", text)?;
        let (host, path) = prefix.split_at(prefix.find('/').unwrap_or(prefix.len()));
        match host {
            "index.docker.io" | "registry-1.docker.io" => Some(format!("{DOCKER_HUB}{path}")),
            _ => Some(prefix),
        }
    }

    /// Returns `host[:port][/path]`.
    fn place(&mut self, key: &str, text: &SpannedText) -> Option<String> {
        let value = text.get_ref();
        let message = match value.as_str() {
            url if url.contains("://") => "`prefix` and `location` take a host, no URL",
            place if place.contains('@') => "`prefix` and `location` take no user name, password or digest",
            place if is_place(place) => return Some(with_folded_host(place).into_owned()),
            _ => {
                "`prefix` and `location` take `host`, `host:port` or `host/path`, without a tag and a slash at the end"
            }
        };
        let problem = self
            .problem(text.span(), format!("`{key}` is not a place of a registry: {message}"))
            .hint("write for example `docker.io` or `mirror.corp.example:5000/docker.io`; plain HTTP is `insecure = true`");
        self.problems.push(if value.contains('@') { problem.unquoted() } else { problem });
        None
    }
}

fn is_wildcard(place: &str) -> bool {
    place.starts_with("*.")
}

/// A place is what makes an image name when a path is put behind it, and names its host.
fn is_place(text: &str) -> bool {
    let host = with_folded_host(text.split('/').next().unwrap_or_default());
    Reference::parse(&format!("{text}/x")).is_ok_and(|reference| {
        reference.registry() == host || matches!(&*host, "index.docker.io" | "registry-1.docker.io")
    })
}

#[cfg(test)]
mod tests {
    use super::is_place;

    #[test]
    fn places_have_a_host() {
        for place in
            ["docker.io", "registry-1.docker.io", "localhost", "localhost:5000", "ghcr.io/acme", "[::1]:5000"]
        {
            assert!(is_place(place), "{place}");
        }
        for place in
            ["", "acme", "ghcr.io/", "/acme", "ghcr.io/acme:1.0", "*.example.com", "ghcr.io/Acme", "a b.c"]
        {
            assert!(!is_place(place), "{place}");
        }
    }
}
