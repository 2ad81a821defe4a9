//! Which repository a URL names, and whether it is at home where an API is.

use std::fmt;

use url::{Host, Url};

/// Where a repository is on its forge: the segments of its path, one after the other, without `.git`. How many there have to
/// be, and of which characters, is for each forge to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgePath(Vec<String>);

impl ForgePath {
    /// Returns the path of the repository that `url` clones: `https://host/a/b[.git]`, `ssh://git@host/a/b.git` or
    /// `git@host:a/b.git`. `None` for paths of this machine.
    pub fn of_url(url: &str) -> Option<Self> {
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
        let segments: Vec<&str> = path.strip_suffix(".git").unwrap_or(path).split('/').collect();
        let is_whole = segments.iter().all(|segment| !matches!(*segment, "" | "." | ".."));
        is_whole.then(|| Self(segments.into_iter().map(str::to_owned).collect()))
    }

    /// Returns its segments, at least one.
    pub fn segments(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ForgePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// Returns whether the API's token may go to the host of `clone_url`: the forge's own scheme, host and port. `git_host` says
/// on which host git is, where the API has another one. Plain HTTP is for loopback alone.
pub(super) fn hosts_match(base_url: &str, clone_url: &str, git_host: fn(&str) -> &str) -> bool {
    let (Ok(api), Ok(clone)) = (Url::parse(base_url), Url::parse(clone_url)) else {
        return false;
    };
    let (Some(api_host), Some(clone_host)) = (api.host_str(), clone.host_str()) else {
        return false;
    };
    let safe = match api.scheme() {
        "https" => true,
        "http" => is_loopback(&api),
        _ => false,
    };
    safe && api.scheme() == clone.scheme()
        && git_host(api_host) == clone_host
        && api.port_or_known_default() == clone.port_or_known_default()
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
