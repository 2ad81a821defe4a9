//! Where a checkout comes from.

use std::path::Path;

use url::Url;

use super::{GitError, initialise};

/// Returns the address of the remote `origin` of the repository around `directory`, without credentials. An SSH address is
/// told as the `https` one of the same repository, because that is what takes a token.
///
/// # Errors
/// There is no repository, or it has no such remote.
pub fn origin(directory: &Path) -> Result<String, GitError> {
    initialise();
    let git = git2::Repository::open(directory)
        .map_err(|_none| GitError::Address("there is no git repository around this directory".to_owned()))?;
    let remote = git
        .find_remote("origin")
        .map_err(|_none| GitError::Address("this repository has no remote `origin`".to_owned()))?;
    let url = remote.url().unwrap_or_default();
    over_https(url).ok_or_else(|| {
        GitError::Address(
            "the address of `origin` is none that tagpin can use: name the repository in a [[repository]]"
                .to_owned(),
        )
    })
}

/// Returns the branch that is checked out in the repository around `directory`; `None` where that is none.
pub fn checked_out(directory: &Path) -> Option<String> {
    initialise();
    let git = git2::Repository::open(directory).ok()?;
    let head = git.head().ok()?;
    head.is_branch().then(|| head.shorthand().ok().map(str::to_owned))?
}

/// Returns the `https` address for `git@host:owner/name` and `ssh://git@host/owner/name`, and others without user and password;
/// `None` where it is none of these: it may hold a secret anywhere.
fn over_https(url: &str) -> Option<String> {
    if !url.contains("://") {
        let Some((host, path)) = url.split_once(':').filter(|(host, _)| !host.contains('/')) else {
            return (!url.is_empty()).then(|| url.to_owned());
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        return Some(format!("https://{host}/{}", path.trim_start_matches('/')));
    }
    let mut url = Url::parse(url).ok()?;
    match url.scheme() {
        // An SSH port is none of the web's.
        "ssh" => Some(format!("https://{}{}", url.host_str()?, url.path())),
        "http" | "https" => {
            url.set_username("").ok()?;
            url.set_password(None).ok()?;
            Some(url.to_string())
        }
        "file" => Some(url.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_a_token_and_holds_none() {
        for (url, expected) in [
            ("git@github.com:acme/x.git", Some("https://github.com/acme/x.git")),
            ("ssh://git@github.com:22/acme/x.git", Some("https://github.com/acme/x.git")),
            ("https://u:secret@github.com/acme/x", Some("https://github.com/acme/x")),
            ("http://127.0.0.1:8080/acme/x.git", Some("http://127.0.0.1:8080/acme/x.git")),
            ("/srv/git/x.git", Some("/srv/git/x.git")),
            ("./a:b", Some("./a:b")),
            ("file:///srv/git/x.git", Some("file:///srv/git/x.git")),
            ("https://u:pa#ss@host/a/b", None),
            ("git+https://u:secret@host/a/b", None),
            ("", None),
        ] {
            assert_eq!(over_https(url).as_deref(), expected, "{url}");
        }
    }
}
