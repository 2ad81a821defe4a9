//! Which repository a URL names, and which hosts belong to an API.

use crate::forge::ForgePath;
use crate::forge::address::hosts_match;

/// Returns owner and name of the GitHub repository that `url` clones; `None` for paths and for everything deeper.
pub fn repository_of(url: &str) -> Option<(String, String)> {
    match ForgePath::of_url(url)?.segments() {
        [owner, name] if is_name(owner) && is_name(name) => Some((owner.clone(), name.clone())),
        _ => None,
    }
}

/// Returns whether the API's token may go to the host of `clone_url`: the forge's own scheme, host and port.
///
/// `api.github.com` is at home on `github.com`, and `api.NAME.ghe.com` on `NAME.ghe.com`; GitHub Enterprise Server has
/// both on one host. Plain HTTP is for loopback alone.
pub fn api_host_matches(base_url: &str, clone_url: &str) -> bool {
    hosts_match(base_url, clone_url, |api| match api.strip_prefix("api.") {
        Some(host) if host == "github.com" || host.ends_with(".ghe.com") => host,
        _ => api,
    })
}

/// Returns whether `text` can be an owner or a repository, and so can stand in a request's path as it is.
pub(super) fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && !matches!(text, "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_read_from_every_spelling() {
        for url in [
            "https://github.com/acme/clusters",
            "https://github.com/acme/clusters.git",
            "https://github.com/acme/clusters/",
            "https://user@ghe.example:8443/acme/clusters.git",
            "http://127.0.0.1:1234/acme/clusters.git",
            "ssh://git@github.com:22/acme/clusters.git",
            "git@github.com:acme/clusters.git",
            "git@github.com:/acme/clusters",
        ] {
            assert_eq!(repository_of(url), Some(("acme".to_owned(), "clusters".to_owned())), "{url}");
        }
        for url in [
            "",
            "/srv/acme/clusters.git",
            "file:///acme/clusters",
            "./a:acme/clusters",
            "C:/acme/clusters",
            "https://github.com/acme",
            "https://github.com/acme/clusters/tree",
            "https://github.com/acme/a%2fb",
            "https://github.com/acme/..",
            "git@github.com:acme/a b",
        ] {
            assert_eq!(repository_of(url), None, "{url}");
        }
    }

    #[test]
    fn a_token_goes_to_the_forge_s_own_host_only() {
        for (base, clone) in [
            ("https://api.github.com", "https://github.com/acme/clusters"),
            ("https://api.github.com/", "https://GitHub.com:443/acme/clusters"),
            ("https://api.acme.ghe.com", "https://acme.ghe.com/acme/clusters"),
            ("https://ghe.example/api/v3", "https://ghe.example/acme/clusters"),
            ("https://ghe.example:8443/api/v3", "https://ghe.example:8443/acme/clusters"),
            ("http://127.0.0.1:1234/api/v3", "http://127.0.0.1:1234/acme/clusters.git"),
        ] {
            assert!(api_host_matches(base, clone), "{base} {clone}");
        }
        for (base, clone) in [
            ("https://api.github.com", "http://github.com/acme/clusters"),
            ("https://api.github.com", "https://github.com:8443/acme/clusters"),
            ("https://api.github.com", "https://github.com.evil.example/acme/clusters"),
            ("https://api.github.com", "https://github.com@evil.example/acme/clusters"),
            ("https://api.github.com", "https://evilgithub.com/acme/clusters"),
            ("https://api.evil.example", "https://evil.example/acme/clusters"),
            ("https://ghe.example/api/v3", "https://other.example/acme/clusters"),
            ("https://ghe.example/api/v3", "https://ghe.example:444/acme/clusters"),
            ("https://ghe.example/api/v3", "ssh://git@ghe.example/acme/clusters"),
            ("http://ghe.example/api/v3", "http://ghe.example/acme/clusters"),
            ("http://127.0.0.1:1234", "http://127.0.0.1:1235/acme/clusters.git"),
            ("https://api.github.com", "git@github.com:acme/clusters"),
            ("https://api.github.com", "/srv/clusters"),
        ] {
            assert!(!api_host_matches(base, clone), "{base} {clone}");
        }
    }
}
