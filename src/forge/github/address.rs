//! Which repository a URL names, and which hosts belong to an API.

use url::{Host, Url};

/// Returns owner and name of the GitHub repository that `url` clones: `https://host/owner/name[.git]`,
/// `ssh://git@host/owner/name.git` or `git@host:owner/name.git`. `None` for paths and for everything deeper.
pub fn repository_of(url: &str) -> Option<(String, String)> {
    let path = if url.contains("://") {
        let url = Url::parse(url).ok()?;
        if !matches!(url.scheme(), "https" | "http" | "ssh" | "git") || url.host().is_none() {
            return None;
        }
        url.path().to_owned()
    } else {
        // scp-like; a slash before the colon, or a drive letter, makes it a path (git-fetch(1), GIT URLS).
        let (host, path) = url.split_once(':')?;
        if host.contains('/') || host.len() < 2 {
            return None;
        }
        path.to_owned()
    };
    let path = path.trim_matches('/');
    let (owner, name) = path.strip_suffix(".git").unwrap_or(path).split_once('/')?;
    (is_name(owner) && is_name(name)).then(|| (owner.to_owned(), name.to_owned()))
}

/// Tells whether the API's token may go to the host of `clone_url`: the forge's own scheme, host and port.
///
/// `api.github.com` is at home on `github.com`, and `api.NAME.ghe.com` on `NAME.ghe.com`; GitHub Enterprise Server has
/// both on one host. Plain HTTP is for loopback alone.
pub fn api_host_matches(base_url: &str, clone_url: &str) -> bool {
    let (Ok(api), Ok(clone)) = (Url::parse(base_url), Url::parse(clone_url)) else {
        return false;
    };
    let (Some(api_host), Some(clone_host)) = (api.host_str(), clone.host_str()) else {
        return false;
    };
    let git_host = match api_host.strip_prefix("api.") {
        Some(host) if host == "github.com" || host.ends_with(".ghe.com") => host,
        _ => api_host,
    };
    let safe = match api.scheme() {
        "https" => true,
        "http" => is_loopback(&api),
        _ => false,
    };
    safe && api.scheme() == clone.scheme()
        && git_host == clone_host
        && api.port_or_known_default() == clone.port_or_known_default()
}

/// Tells whether `url` stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Tells whether `text` can be an owner or a repository, and so can stand in a request's path as it is.
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
