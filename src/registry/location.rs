//! Which hosts are asked for a repository, and in which order: rules and mirrors, as containers-registries.conf(5)
//! has them. Pure.

use url::{Host, Url};

use super::{PullFromMirror, Rule};
use crate::reference::DOCKER_HUB;

/// The host that serves Docker Hub's registry API.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// One host to ask for one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `host[:port]` to connect to.
    pub(super) host: String,
    /// The repository's path there.
    pub(super) repository: String,
    /// Whether plain HTTP is spoken and certificates are not checked.
    pub(super) insecure: bool,
}

/// What is asked for: a mirror may be allowed to serve one and not the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What a tag is now.
    Tag,
    /// What a digest names.
    Digest,
}

impl Endpoint {
    /// Returns the host as people and `docker login` name it.
    pub(super) fn shown(&self) -> &str {
        if self.host == DOCKER_HUB_API { DOCKER_HUB } else { &self.host }
    }

    /// Returns the schemes to try, in order; there is one unless plain HTTP is allowed.
    ///
    /// On loopback HTTP goes first, since a plain server may wait for the end of a TLS greeting; elsewhere HTTPS does.
    pub(super) fn schemes(&self) -> &'static [&'static str] {
        match (is_loopback(&self.host), self.insecure) {
            (true, _) => &["http", "https"],
            (false, true) => &["https", "http"],
            (false, false) => &["https"],
        }
    }
}

/// Returns the endpoints for a repository, in the order in which they are asked. The origin comes last, and is always
/// there.
pub(super) fn endpoints(rules: &[Rule], registry: &str, repository: &str, wanted: Wanted) -> Vec<Endpoint> {
    let name = format!("{registry}/{repository}");
    let matching = rules
        .iter()
        .filter_map(|rule| Some((rule, below(&name, &rule.prefix)?)))
        .max_by_key(|(rule, _)| rule.prefix.trim_end_matches('/').len());
    let Some((rule, rest)) = matching else {
        return vec![endpoint(&name, false)];
    };
    let serves = |pull: PullFromMirror| match pull {
        PullFromMirror::All => true,
        PullFromMirror::DigestOnly => wanted == Wanted::Digest,
        PullFromMirror::TagOnly => wanted == Wanted::Tag,
    };
    rule.mirrors
        .iter()
        .filter(|mirror| serves(mirror.pull))
        .map(|mirror| (&mirror.location, mirror.insecure))
        .chain([(&rule.location, rule.insecure)])
        .map(|(location, insecure)| endpoint(&format!("{}{rest}", location.trim_end_matches('/')), insecure))
        .collect()
}

/// Tells whether `host[:port]` is this machine by its very name: `localhost`, 127.0.0.0/8, `[::1]`.
pub(super) fn is_loopback(host: &str) -> bool {
    Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_loopback_url(&url))
}

/// Tells whether the host of `url` is this machine by its very name.
pub(super) fn is_loopback_url(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Tells whether `text` is `host[:port][/path]`, which is what a prefix and a location must be.
pub(super) fn is_location(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]/".contains(&b);
    !text.contains("//")
        && !text.starts_with("http:")
        && !text.starts_with("https:")
        && text.bytes().all(plain)
        && Url::parse(&format!("https://{host}/")).is_ok_and(|url| url.has_host())
}

/// Returns what follows `prefix` in `name`, if it ends there or at a segment's end.
fn below<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(prefix.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn endpoint(name: &str, insecure: bool) -> Endpoint {
    let (host, repository) = name.split_once('/').unwrap_or((name, ""));
    let host = if matches!(host, DOCKER_HUB | "index.docker.io") { DOCKER_HUB_API } else { host };
    Endpoint { host: host.to_owned(), repository: repository.to_owned(), insecure }
}

#[cfg(test)]
mod tests {
    use super::super::Mirror;
    use super::*;

    fn rule(prefix: &str, location: &str, mirrors: &[(&str, PullFromMirror)]) -> Rule {
        let mirrors = mirrors
            .iter()
            .map(|(location, pull)| Mirror { location: (*location).to_owned(), insecure: false, pull: *pull })
            .collect();
        Rule { prefix: prefix.to_owned(), location: location.to_owned(), insecure: false, mirrors }
    }

    fn asked(rules: &[Rule], registry: &str, repository: &str, wanted: Wanted) -> Vec<String> {
        endpoints(rules, registry, repository, wanted)
            .into_iter()
            .map(|endpoint| format!("{}/{}", endpoint.host, endpoint.repository))
            .collect()
    }

    #[test]
    fn without_a_rule_the_registry_itself_is_asked() {
        for (registry, repository, expected) in [
            ("docker.io", "library/nginx", "registry-1.docker.io/library/nginx"),
            ("ghcr.io", "acme/api", "ghcr.io/acme/api"),
            ("localhost:5000", "app", "localhost:5000/app"),
        ] {
            assert_eq!(asked(&[], registry, repository, Wanted::Tag), [expected]);
        }
    }

    #[test]
    fn the_longest_prefix_at_a_segment_end_wins() {
        let rules = [
            rule("docker.io", "mirror.example/hub", &[]),
            rule("docker.io/acme", "acme.example", &[]),
            rule("docker.io/acme/api", "api.example/x/y", &[]),
        ];
        for (repository, expected) in [
            ("library/nginx", "mirror.example/hub/library/nginx"),
            ("acme/web", "acme.example/web"),
            ("acme-two/web", "mirror.example/hub/acme-two/web"),
            ("acme/api", "api.example/x/y"),
        ] {
            assert_eq!(asked(&rules, "docker.io", repository, Wanted::Tag), [expected]);
        }
        assert_eq!(asked(&rules, "docker.io.evil.example", "a", Wanted::Tag), ["docker.io.evil.example/a"]);
    }

    #[test]
    fn a_mirror_is_asked_for_a_tag_only_where_that_is_said() {
        use PullFromMirror::{All, DigestOnly, TagOnly};
        let rules = [rule(
            "docker.io",
            "docker.io",
            &[("a.example", DigestOnly), ("b.example/p", All), ("c.example", TagOnly)],
        )];
        let origin = "registry-1.docker.io/library/nginx";
        assert_eq!(
            asked(&rules, "docker.io", "library/nginx", Wanted::Tag),
            ["b.example/p/library/nginx", "c.example/library/nginx", origin]
        );
        assert_eq!(
            asked(&rules, "docker.io", "library/nginx", Wanted::Digest),
            ["a.example/library/nginx", "b.example/p/library/nginx", origin]
        );
    }

    #[test]
    fn plain_http_is_for_loopback_and_where_insecure_says_so() {
        let schemes = |host: &str, insecure| {
            Endpoint { host: host.to_owned(), repository: "a".to_owned(), insecure }.schemes().join(" ")
        };
        for host in ["localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"] {
            assert_eq!(schemes(host, false), "http https", "{host}");
        }
        for host in ["registry.example", "localhost.example", "127.0.0.1.example", "10.0.0.1:5000", "0.0.0.0"]
        {
            assert_eq!(schemes(host, false), "https", "{host}");
        }
        assert_eq!(schemes("registry.example", true), "https http");
    }

    #[test]
    fn a_location_is_a_host_and_a_path() {
        for good in ["ghcr.io", "cache.corp.example:5000/hub", "[::1]:5000", "localhost"] {
            assert!(is_location(good), "{good}");
        }
        for bad in ["", "https://ghcr.io", "user@host", "a b", "host?x", "/path", "host#x", "https:x"] {
            assert!(!is_location(bad), "{bad}");
        }
    }
}
