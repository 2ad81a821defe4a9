//! Which hosts are asked for a repository, and in which order: rules and mirrors, as containers-registries.conf(5)
//! has them. Pure.

use url::Url;

use super::error::NotAllowed;
use super::rule::{PullFromMirror, RegistryRule, TlsFiles};
use crate::http;
use crate::reference::{DOCKER_HUB, without_https_port};

const DOCKER_HUB_API: &str = "registry-1.docker.io";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `host[:port]` to connect to.
    pub(crate) host: String,
    pub(crate) repository: String,
    /// Whether plain HTTP is spoken and certificates are not checked.
    pub(crate) insecure: bool,
    /// Whether the host has certificates of its own in the configuration: then it speaks TLS.
    pub(crate) has_certificates: bool,
    /// The rule that it comes from, by its place in the list.
    pub(crate) rule: Option<usize>,
    pub(crate) is_mirror: bool,
}

/// What is asked for: a mirror may be allowed to serve one and not the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Tag,
    Digest,
}

impl Endpoint {
    /// Returns the host as people and `docker login` name it.
    pub(crate) fn shown(&self) -> &str {
        if self.host == DOCKER_HUB_API { DOCKER_HUB } else { &self.host }
    }

    /// Returns this with what `rules` know of the host's certificates.
    fn certified(self, rules: &[RegistryRule]) -> Self {
        let is_of_host =
            |rule: &RegistryRule| rule.tls != TlsFiles::default() && host(&rule.location) == self.host;
        Self { has_certificates: rules.iter().any(is_of_host), ..self }
    }

    /// Returns the schemes to try, in order; there is one unless plain HTTP is allowed.
    ///
    /// On loopback HTTP goes first, since a plain server may wait for the end of a TLS greeting; elsewhere, and where the
    /// configuration has certificates for the host, HTTPS does.
    pub(crate) fn schemes(&self) -> &'static [&'static str] {
        match (is_loopback(&self.host) && !self.has_certificates, self.insecure) {
            (true, _) => &["http", "https"],
            (false, true) => &["https", "http"],
            (false, false) => &["https"],
        }
    }
}

/// Returns the endpoints for a repository, in the order in which they are asked. The origin comes last, and is always
/// there.
///
/// # Errors
/// The rule says that the repository is blocked.
pub(crate) fn endpoints(
    rules: &[RegistryRule],
    registry: &str,
    repository: &str,
    wanted: Purpose,
) -> Result<Vec<Endpoint>, Box<NotAllowed>> {
    let name = format!("{registry}/{repository}");
    let Some((index, matched)) = matching(rules, &name) else {
        return Ok(vec![endpoint(&name, false)]);
    };
    let rule = &rules[index];
    if rule.blocked {
        return Err(Box::new(NotAllowed::Blocked { image: name, prefix: rule.prefix.clone() }));
    }
    let serves = |pull: PullFromMirror| match pull {
        PullFromMirror::All => true,
        PullFromMirror::DigestOnly => wanted == Purpose::Digest,
        PullFromMirror::TagOnly => wanted == Purpose::Tag,
    };
    let mirrors = rule
        .mirrors
        .iter()
        .filter(|mirror| serves(mirror.pull))
        .map(|mirror| (&*mirror.location, mirror.insecure, true));
    let found =
        mirrors.chain([(&*rule.location, rule.insecure, false)]).map(|(location, insecure, is_mirror)| {
            let place = match is_wildcard(location) {
                true => name.clone(),
                false => format!("{}{}", location.trim_end_matches('/'), &name[matched..]),
            };
            Endpoint { rule: Some(index), is_mirror, ..endpoint(&place, insecure) }.certified(rules)
        });
    Ok(found.collect())
}

pub(crate) fn mirrors(rules: &[RegistryRule], registry: &str, repository: &str) -> Vec<Endpoint> {
    let name = format!("{registry}/{repository}");
    let Some((index, matched)) = matching(rules, &name) else { return Vec::new() };
    let place = |location: &str| format!("{}{}", location.trim_end_matches('/'), &name[matched..]);
    let mirrors = rules[index].mirrors.iter();
    let all = mirrors.map(|mirror| {
        let found = endpoint(&place(&mirror.location), mirror.insecure);
        Endpoint { rule: Some(index), is_mirror: true, ..found }.certified(rules)
    });
    all.collect()
}

/// Returns the rule for `name` and how much of it the prefix covers. The most wins; a name goes before a wildcard.
fn matching(rules: &[RegistryRule], name: &str) -> Option<(usize, usize)> {
    let portless = without_https_port(name);
    let covered = |prefix: &str| {
        covered(name, prefix).or_else(|| Some(covered(portless.as_deref()?, prefix)? + ":443".len()))
    };
    let matches = rules.iter().enumerate().filter_map(|(i, rule)| Some((i, covered(&rule.prefix)?)));
    matches.max_by_key(|(i, covered)| (*covered, !is_wildcard(&rules[*i].prefix)))
}

/// Returns how many bytes of `name` the prefix covers, if it ends there or at a segment's end.
///
/// `*.example.com` stands for the hosts below example.com, without a port, as in containers-registries.conf(5).
fn covered(name: &str, prefix: &str) -> Option<usize> {
    let prefix = prefix.trim_end_matches('/');
    let end = match prefix.strip_prefix('*') {
        Some(suffix) => {
            let host = name.split('/').next().unwrap_or(name);
            let (domain, path) = suffix.split_at(suffix.find('/').unwrap_or(suffix.len()));
            let below = host.strip_suffix(domain).is_some_and(|label| !label.is_empty());
            (below && name[host.len()..].starts_with(path)).then_some(host.len() + path.len())?
        }
        None => name.strip_prefix(prefix).map(|_| prefix.len())?,
    };
    let rest = &name[end..];
    (rest.is_empty() || rest.starts_with('/')).then_some(end)
}

/// Returns whether `name` is `location` or below it.
pub(crate) fn is_below(name: &str, location: &str) -> bool {
    covered(name, location).is_some()
}

pub(crate) fn is_wildcard(place: &str) -> bool {
    place.starts_with("*.")
}

/// Returns how many questions `registry` may get at once, where a rule for the whole of it says so.
pub(crate) fn concurrency(rules: &[RegistryRule], registry: &str) -> Option<usize> {
    let whole = rules.iter().filter(|rule| !rule.prefix.contains('/') && rule.concurrency.is_some());
    let best = whole.filter_map(|rule| Some((covered(registry, &rule.prefix)?, rule)));
    best.max_by_key(|(_, rule)| !is_wildcard(&rule.prefix)).and_then(|(_, rule)| rule.concurrency)
}

/// Returns whether `url` is on a host that some rule names: as location, mirror, or for tokens.
pub(crate) fn is_configured(rules: &[RegistryRule], url: &Url) -> bool {
    rules.iter().any(|rule| {
        let places = rule.mirrors.iter().map(|mirror| &mirror.location).chain([&rule.location]);
        let mut hosts = places.map(|place| host(place)).chain(rule.token_hosts.iter().map(|host| &**host));
        hosts.any(|host| match host.strip_prefix('*') {
            Some(domain) => url.port().is_none() && url.host_str().is_some_and(|host| host.ends_with(domain)),
            None => is_at(host, url),
        })
    })
}

pub(crate) fn is_at(host: &str, url: &Url) -> bool {
    Url::parse(&format!("{}://{host}/", url.scheme())).is_ok_and(|own| {
        own.host().is_some()
            && own.host() == url.host()
            && own.port_or_known_default() == url.port_or_known_default()
    })
}

/// Returns the `host[:port]` of `url`, for messages: no user, no path, no query.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Returns the `host[:port]` that is connected to for a location.
pub(crate) fn host(location: &str) -> &str {
    match location.split('/').next().unwrap_or(location) {
        DOCKER_HUB | "index.docker.io" => DOCKER_HUB_API,
        host => host,
    }
}

/// Returns whether `host[:port]` is this machine by its very name.
pub(crate) fn is_loopback(host: &str) -> bool {
    Url::parse(&format!("http://{host}/")).is_ok_and(|url| http::is_loopback(&url))
}

/// Returns whether `text` is `host[:port][/path]`, which is what a prefix and a location must be.
pub(crate) fn is_location(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]/".contains(&b);
    let host = host.strip_prefix("*.").unwrap_or(host);
    let text = text.strip_prefix("*.").unwrap_or(text);
    !text.contains("//")
        && !text.starts_with("http:")
        && !text.starts_with("https:")
        && text.bytes().all(plain)
        && Url::parse(&format!("https://{host}/")).is_ok_and(|url| url.has_host())
}

fn endpoint(name: &str, insecure: bool) -> Endpoint {
    let repository = name.split_once('/').map_or("", |(_, path)| path).to_owned();
    Endpoint {
        host: host(name).to_owned(),
        repository,
        insecure,
        has_certificates: false,
        rule: None,
        is_mirror: false,
    }
}

#[cfg(test)]
impl Endpoint {
    pub(crate) fn bare(host: &str, repository: &str) -> Self {
        endpoint(&format!("{host}/{repository}"), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::rule::Mirror;

    fn rule(prefix: &str, location: &str, mirrors: &[(&str, PullFromMirror)]) -> RegistryRule {
        let mirrors = mirrors
            .iter()
            .map(|(location, pull)| Mirror { location: (*location).to_owned(), insecure: false, pull: *pull })
            .collect();
        RegistryRule {
            prefix: prefix.to_owned(),
            location: location.to_owned(),
            mirrors,
            ..RegistryRule::default()
        }
    }

    fn asked(rules: &[RegistryRule], registry: &str, repository: &str, wanted: Purpose) -> Vec<String> {
        endpoints(rules, registry, repository, wanted)
            .unwrap()
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
            assert_eq!(asked(&[], registry, repository, Purpose::Tag), [expected]);
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
            assert_eq!(asked(&rules, "docker.io", repository, Purpose::Tag), [expected]);
        }
        assert_eq!(asked(&rules, "docker.io.evil.example", "a", Purpose::Tag), ["docker.io.evil.example/a"]);
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
            asked(&rules, "docker.io", "library/nginx", Purpose::Tag),
            ["b.example/p/library/nginx", "c.example/library/nginx", origin]
        );
        assert_eq!(
            asked(&rules, "docker.io", "library/nginx", Purpose::Digest),
            ["a.example/library/nginx", "b.example/p/library/nginx", origin]
        );
    }

    #[test]
    fn a_wildcard_stands_for_the_hosts_below_and_yields_to_a_name() {
        let rules = [
            rule("*.corp.example", "*.corp.example", &[("cache.example/c", PullFromMirror::All)]),
            rule("*.corp.example/acme", "acme.example", &[]),
            rule("a.corp.example", "exact.example", &[]),
        ];
        for (registry, repository, expected) in [
            ("b.corp.example", "x/y", &["cache.example/c/x/y", "b.corp.example/x/y"][..]),
            ("c.b.corp.example", "x", &["cache.example/c/x", "c.b.corp.example/x"]),
            ("b.corp.example", "acme/api", &["acme.example/api"]),
            ("b.corp.example", "acme2/api", &["cache.example/c/acme2/api", "b.corp.example/acme2/api"]),
            ("a.corp.example", "x", &["exact.example/x"]),
            ("corp.example", "x", &["corp.example/x"]),
            ("b.corp.example:5000", "x", &["b.corp.example:5000/x"]),
            ("evilcorp.example", "b.corp.example/x", &["evilcorp.example/b.corp.example/x"]),
        ] {
            assert_eq!(asked(&rules, registry, repository, Purpose::Tag), expected, "{registry}");
        }
    }

    #[test]
    fn what_is_blocked_has_no_endpoint() {
        let blocked = RegistryRule { blocked: true, ..rule("ghcr.io/evil", "ghcr.io/evil", &[]) };
        let rules = [blocked, rule("ghcr.io/evil/fine", "ghcr.io/evil/fine", &[])];
        let error = endpoints(&rules, "ghcr.io", "evil/api", Purpose::Tag).unwrap_err();
        let (image, prefix) = ("ghcr.io/evil/api".to_owned(), "ghcr.io/evil".to_owned());
        assert_eq!(*error, NotAllowed::Blocked { image, prefix });
        assert!(endpoints(&rules, "ghcr.io:443", "evil/api", Purpose::Tag).is_err(), "the port of HTTPS");
        assert_eq!(asked(&rules, "ghcr.io:8443", "evil/api", Purpose::Tag), ["ghcr.io:8443/evil/api"]);
        assert_eq!(asked(&rules, "ghcr.io", "evil/fine", Purpose::Tag), ["ghcr.io/evil/fine"]);
        assert_eq!(asked(&rules, "ghcr.io", "evil2/api", Purpose::Tag), ["ghcr.io/evil2/api"]);
    }

    #[test]
    fn a_configured_host_is_known_with_its_port() {
        let mut rules =
            vec![rule("docker.io", "127.0.0.1:5000/hub", &[("cache.example", PullFromMirror::All)])];
        rules.push(rule("*.corp.example", "*.corp.example", &[]));
        rules[0].token_hosts = vec!["auth.example:8443".to_owned()];
        for (url, expected) in [
            ("http://127.0.0.1:5000/v2/", true),
            ("https://127.0.0.1:5000/v2/", true),
            ("http://127.0.0.1:5001/v2/", false),
            ("http://127.0.0.1/v2/", false),
            ("http://cache.example/v2/", true),
            ("https://cache.example:443/v2/", true),
            ("https://cache.example:444/v2/", false),
            ("https://auth.example:8443/token", true),
            ("https://auth.example/token", false),
            ("https://a.corp.example/", true),
            ("https://a.corp.example:1/", false),
            ("https://corp.example/", false),
            ("https://registry-1.docker.io/", false),
        ] {
            assert_eq!(is_configured(&rules, &Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn the_concurrency_of_a_whole_registry_counts() {
        let with = |prefix: &str, concurrency| RegistryRule {
            concurrency: Some(concurrency),
            ..rule(prefix, prefix, &[])
        };
        let rules = [with("ghcr.io/acme", 1), with("ghcr.io", 2), with("*.example", 3), with("a.example", 4)];
        for (registry, expected) in
            [("ghcr.io", Some(2)), ("b.example", Some(3)), ("a.example", Some(4)), ("quay.io", None)]
        {
            assert_eq!(concurrency(&rules, registry), expected, "{registry}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_and_where_insecure_says_so() {
        let schemes =
            |host: &str, insecure| Endpoint { insecure, ..Endpoint::bare(host, "a") }.schemes().join(" ");
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
    fn a_loopback_registry_with_certificates_is_not_asked_in_plain_text() {
        let with = |ca: Option<&str>, insecure| {
            let tls = TlsFiles { ca: ca.map(Into::into), client: None };
            let rules = [RegistryRule {
                tls,
                insecure,
                ..rule("hub.example", "localhost:5000/hub", &[("localhost:5001", PullFromMirror::All)])
            }];
            let found = endpoints(&rules, "hub.example", "a", Purpose::Tag).unwrap();
            found.iter().map(|found| found.schemes().join(" ")).collect::<Vec<_>>()
        };
        // The mirror is another host, which nobody gave a certificate to.
        assert_eq!(with(None, false), ["http https", "http https"]);
        assert_eq!(with(Some("ca.pem"), false), ["http https", "https"]);
        assert_eq!(with(Some("ca.pem"), true), ["http https", "https http"]);
    }

    #[test]
    fn a_location_is_a_host_and_a_path() {
        for good in [
            "*.corp.example",
            "*.corp.example/acme",
            "ghcr.io",
            "cache.corp.example:5000/hub",
            "[::1]:5000",
            "localhost",
        ] {
            assert!(is_location(good), "{good}");
        }
        for bad in [
            "*",
            "*.",
            "a.*.b",
            "",
            "https://ghcr.io",
            "user@host",
            "a b",
            "host?x",
            "/path",
            "host#x",
            "https:x",
        ] {
            assert!(!is_location(bad), "{bad}");
        }
    }
}
