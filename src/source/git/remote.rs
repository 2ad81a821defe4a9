use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::GitError;

/// The longest readable part of a cache directory's name, in bytes.
const NAME_MAX: usize = 80;

/// A user name and a token, sent by HTTP Basic to one remote and nowhere else.
#[derive(Clone, Debug)]
pub struct BasicAuth {
    /// The user name, as the forge wants it with a token.
    pub username: String,
    /// The token or password.
    pub secret: SecretString,
}

/// Where a repository is cloned from and pushed to. The address holds no credentials.
#[derive(Clone, Debug)]
pub struct Remote {
    address: Address,
    auth: Option<BasicAuth>,
}

#[derive(Clone, Debug)]
enum Address {
    /// `http` or `https`, without user, query and fragment, and without a slash at the end.
    Http(Url),
    Directory(PathBuf),
}

impl Remote {
    /// Returns the remote at `url`: `https://…`, `http://…`, `file:///…` or a path.
    ///
    /// A user name with a password in the URL becomes the remote's credentials, instead of `auth`.
    ///
    /// # Errors
    /// [`GitError::Address`] where the address is of another kind, or has a user name without a password (which may be
    /// a token), a query or a fragment. The message never repeats an address that may hold a secret.
    pub fn new(url: &str, auth: Option<BasicAuth>) -> Result<Self, GitError> {
        let refuse = |why: &str| Err(GitError::Address(why.to_owned()));
        let Some((scheme, _)) = url.split_once("://") else {
            return match url.split_once(':') {
                Some((host, _)) if !host.contains('/') => refuse(
                    "an SSH address is not supported: use the repository's `https://` address and a token",
                ),
                _ if url.is_empty() => refuse("it is empty"),
                _ => Ok(Self { address: Address::Directory(absolute(Path::new(url))?), auth: None }),
            };
        };
        let parsed = Url::parse(url).map_err(|error| GitError::Address(error.to_string()))?;
        match parsed.scheme() {
            "http" | "https" => Self::http(parsed, auth),
            "file" => match parsed.to_file_path() {
                Ok(path) => Ok(Self { address: Address::Directory(path), auth: None }),
                Err(()) => refuse("a `file://` address names an absolute path and no host"),
            },
            _ => Err(GitError::Address(format!("`{scheme}://` is not supported: use `https://` or a path"))),
        }
    }

    fn http(mut url: Url, mut auth: Option<BasicAuth>) -> Result<Self, GitError> {
        if url.query().is_some() || url.fragment().is_some() {
            return Err(GitError::Address(
                "it has a query or a fragment, which no git remote has".to_owned(),
            ));
        }
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        match url.password().map(decode) {
            Some(secret) => {
                auth = Some(BasicAuth { username: decode(url.username()), secret: secret.into() });
            }
            None if !url.username().is_empty() => {
                return Err(GitError::Address(
                    "it has a user name: leave it out, and give the token in the environment".to_owned(),
                ));
            }
            None => {}
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        // Neither call can fail for an URL with a host, which `http` and `https` always have.
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(GitError::Address("it has no host".to_owned()));
        }
        Ok(Self { address: Address::Http(url), auth })
    }

    /// Returns the address without credentials: fit for messages.
    pub fn url(&self) -> String {
        match &self.address {
            Address::Http(url) => url.to_string(),
            Address::Directory(path) => path.display().to_string(),
        }
    }

    pub(super) fn directory(&self) -> Option<&Path> {
        match &self.address {
            Address::Http(_) => None,
            Address::Directory(path) => Some(path),
        }
    }

    pub(super) fn http_url(&self) -> Option<&Url> {
        match &self.address {
            Address::Http(url) => Some(url),
            Address::Directory(_) => None,
        }
    }

    /// Returns the credentials for `url`: none unless scheme, host and port are those of this remote.
    pub(super) fn auth_for(&self, url: &Url) -> Option<&BasicAuth> {
        let own = self.http_url()?;
        self.auth.as_ref().filter(|_| own.origin() == url.origin())
    }

    /// Returns the credentials whatever they are for: to keep them out of messages.
    pub(super) fn auth(&self) -> Option<&BasicAuth> {
        self.auth.as_ref()
    }

    /// Returns the name of the clone's directory: readable, and different for different addresses.
    pub(super) fn cache_name(&self) -> String {
        let url = self.url();
        let readable = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let readable = readable.strip_suffix(".git").unwrap_or(readable).trim_matches('/');
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
        let readable: String = readable.chars().map(plain).take(NAME_MAX).collect();
        let hash = hex::encode(Sha256::digest(url.as_bytes()));
        format!("{}-{}.git", readable.trim_start_matches(['.', '-']), &hash[..16])
    }
}

fn absolute(path: &Path) -> Result<PathBuf, GitError> {
    std::path::absolute(path).map_err(|error| GitError::Address(error.to_string()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn credentials_leave_the_url() {
        let remote = Remote::new("https://bot:p%40ss@git.example:8443/acme/x.git/", None).unwrap();
        assert_eq!(remote.url(), "https://git.example:8443/acme/x.git");
        assert!(!format!("{remote:?}").contains("p@ss") && !format!("{remote:?}").contains("p%40ss"));
        let own = Url::parse("https://git.example:8443/other").unwrap();
        let auth = remote.auth_for(&own).unwrap();
        assert_eq!((auth.username.as_str(), auth.secret.expose_secret()), ("bot", "p@ss"));
    }

    #[test]
    fn credentials_are_for_one_scheme_host_and_port() {
        let remote = Remote::new(
            "https://git.example/acme/x",
            Some(BasicAuth { username: "bot".to_owned(), secret: "secret".to_owned().into() }),
        )
        .unwrap();
        for (url, sent) in [
            ("https://git.example/acme/x/info/refs", true),
            ("https://git.example:443/acme/x/info/refs", true),
            ("http://git.example/acme/x/info/refs", false),
            ("https://git.example:444/acme/x/info/refs", false),
            ("https://evil.example/acme/x/info/refs", false),
            ("https://git.example.evil.example/acme/x", false),
        ] {
            assert_eq!(remote.auth_for(&Url::parse(url).unwrap()).is_some(), sent, "{url}");
        }
    }

    #[test]
    fn an_address_that_is_not_usable_is_refused_without_repeating_it() {
        for url in [
            "",
            "https://ghp_secret@github.com/acme/x",
            "https://github.com/acme/x?token=ghp_secret",
            "https://github.com/acme/x#ghp_secret",
            "git@github.com:acme/ghp_secret.git",
            "ssh://ghp_secret@github.com/acme/x",
            "https://user:ghp_secret@:99999/x",
        ] {
            let error = Remote::new(url, None).unwrap_err().to_string();
            assert!(!error.contains("ghp_secret"), "{error}");
        }
    }

    #[test]
    fn a_cache_name_is_readable_and_distinct() {
        let name = |url: &str| Remote::new(url, None).unwrap().cache_name();
        assert!(name("https://github.com/acme/clusters.git").starts_with("github.com-acme-clusters-"));
        assert_ne!(name("https://github.com/acme/a-b"), name("https://github.com/acme-a/b"));
        assert_ne!(name("https://github.com/acme/a"), name("http://github.com/acme/a"));
        assert!(name(&format!("https://github.com/{}/a", "../".repeat(200))).len() < 120);
        assert!(!name("/../../etc").contains('/'));
    }
}
