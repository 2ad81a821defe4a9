//! `[forge]` and `[[repository]]`: the places that get a credential.

use std::collections::HashSet;
use std::net::IpAddr;

use url::{Host, Url};

use super::Checker;
use crate::config::diagnostic::is_token;
use crate::config::raw::{RawForge, RawRepository, SpannedText};
use crate::config::{Commits, ForgeSettings, RepositoryConfig};
use crate::forge::{AppConfig, ForgeKind};

/// The words of `commits`.
pub(in crate::config) const COMMITS: [(&str, Commits); 3] =
    [("auto", Commits::Auto), ("git", Commits::Git), ("api", Commits::Api)];

impl Checker<'_> {
    pub(super) fn forge(&mut self, raw: &RawForge) -> ForgeSettings {
        let kind = raw.kind.as_ref().and_then(|kind| self.word("kind", kind, &ForgeKind::WORDS));
        let mut forge = ForgeSettings::of(kind.unwrap_or_default());
        self.capabilities = forge.kind.profile().capabilities;
        if let Some(url) = raw.base_url.as_ref().and_then(|url| self.base_url(url)) {
            forge.base_url = url;
        }
        if let Some(name) = raw.author_name.as_ref().and_then(|name| self.author("author-name", name)) {
            forge.author_name = name;
        }
        if let Some(email) = raw.author_email.as_ref().and_then(|email| self.author("author-email", email)) {
            forge.author_email = email;
        }
        forge.sign_off = raw.sign_off.unwrap_or_default();
        if let Some(commits) =
            raw.commits.as_ref().and_then(|commits| self.word("commits", commits, &COMMITS))
        {
            forge.commits = commits;
        }
        if let (Commits::Api, Some(text)) = (forge.commits, &raw.commits)
            && !forge.kind.profile().capabilities.api_commits
        {
            let kinds = ForgeKind::words_where(|kind| kind.profile().capabilities.api_commits);
            self.fail(text.span(), format!("`commits = \"api\"` needs `kind = {kinds}`"));
        }
        forge.app = self.app(raw);
        forge
    }

    fn app(&mut self, raw: &RawForge) -> Option<AppConfig> {
        let key_file = raw.app_key_file.as_ref().and_then(|file| self.path("app-key-file", file));
        let Some(text) = &raw.app_id else {
            if let Some(file) = &raw.app_key_file {
                self.fail_hint(
                    file.span(),
                    "`app-key-file` without `app-id`",
                    "add the App's client id or number",
                );
            }
            return None;
        };
        let id = text.get_ref();
        let well_formed = (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !well_formed || is_token(id) {
            let problem = self
                .problem(text.span(), "`app-id` is the client id or the number of a GitHub App")
                .hint("both stand on the App's page under \"Developer settings\"");
            self.problems.push(problem.unquoted());
            return None;
        }
        Some(AppConfig { id: id.clone(), key_file })
    }

    pub(super) fn repositories(&mut self, raw: &[RawRepository]) -> Vec<RepositoryConfig> {
        let mut repositories: Vec<RepositoryConfig> = Vec::new();
        let mut known = HashSet::new();
        for entry in raw {
            let url = self.repository_url(&entry.url, entry.token_env.is_some());
            let branch = entry.branch.as_ref().and_then(|branch| self.branch(branch));
            let token_env = entry.token_env.as_ref().and_then(|name| self.token_env(name));
            let Some(url) = url else { continue };
            if !known.insert((bare(&url), branch.clone())) {
                self.fail(
                    entry.url.span(),
                    format!("the repository `{url}` is listed twice with the same branch"),
                );
                continue;
            }
            repositories.push(RepositoryConfig { url, branch, token_env });
        }
        repositories
    }

    fn base_url(&mut self, text: &SpannedText) -> Option<Url> {
        let url = self.url("base-url", text)?;
        if url.query().is_some() || url.fragment().is_some() {
            self.fail(text.span(), "`base-url` ends with the path: no query, no fragment");
            return None;
        }
        if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
            return Some(url);
        }
        self.fail_hint(
            text.span(),
            "`base-url` must start with `https://`",
            "the forge gets a token, which must not cross a network in the clear",
        );
        None
    }

    /// Returns a URL of https, http or file, or an absolute path, as it is written.
    fn repository_url(&mut self, text: &SpannedText, has_token: bool) -> Option<String> {
        let value = text.get_ref();
        if value.starts_with('/') && !value.contains(char::is_control) {
            if has_token {
                self.fail(text.span(), "a path takes no `token-env`");
            }
            return Some(value.clone());
        }
        if !value.contains("://") {
            // Before an `@` there may be a password.
            let shown = value.rsplit('@').next().unwrap_or_default();
            let problem = self
                .problem(text.span(), format!("`{shown}` is not a URL that tagpin can clone"))
                .hint("write `https://host/path` or an absolute path; ssh is not supported");
            self.problems.push(problem.unquoted());
            return None;
        }
        let url = self.url("url", text)?;
        match url.scheme() {
            "https" => {}
            "http" if !has_token || is_loopback(&url) => {}
            "file" if !has_token => {}
            "http" => self.fail_hint(
                text.span(),
                "`token-env` would send the password in the clear",
                "use `https://`, or leave `token-env` out",
            ),
            "file" => self.fail(text.span(), "a `file://` URL takes no `token-env`"),
            scheme => self.fail_hint(
                text.span(),
                format!("tagpin cannot clone over `{scheme}`"),
                "use `https://`, `http://`, `file://` or an absolute path",
            ),
        }
        Some(value.clone())
    }

    /// Parses a URL without a credential in it. No message shows the text: it may hold one.
    fn url(&mut self, key: &str, text: &SpannedText) -> Option<Url> {
        let url = match Url::parse(text.get_ref()) {
            Ok(url) => url,
            Err(error) => {
                self.problems.push(self.problem(text.span(), format!("`{key}` is not a URL: {error}")));
                return None;
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            let problem = self
                .problem(text.span(), format!("`{key}` holds a user name or password"))
                .hint("take it out, and name the environment variable that has it with `token-env` of `[[repository]]`");
            self.problems.push(problem.unquoted());
            return None;
        }
        Some(url)
    }

    /// Refuses what git refuses (git-check-ref-format(1)).
    fn branch(&mut self, text: &SpannedText) -> Option<String> {
        let name = text.get_ref();
        let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
        let well_formed = !name.is_empty()
            && !name.contains(odd)
            && !name.contains("..")
            && !name.contains("@{")
            && !name.starts_with('-')
            && !name.ends_with('.')
            && name != "@"
            && name
                .split('/')
                .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"));
        if well_formed && !name.starts_with("refs/") {
            return Some(name.clone());
        }
        self.fail_hint(
            text.span(),
            format!("`{name}` is not a branch name"),
            "write it without `refs/heads/`, for example `main`",
        );
        None
    }

    /// The name of an environment variable. What stands there may be the token itself, so it is never shown.
    pub(super) fn token_env(&mut self, text: &SpannedText) -> Option<String> {
        let name = text.get_ref();
        let well_formed = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
        if well_formed && !is_token(name) {
            return Some(name.clone());
        }
        let problem = self
            .problem(
                text.span(),
                "`token-env` is the name of an environment variable, not the password itself",
            )
            .hint("put the password into a variable such as CLUSTERS_TOKEN and write its name here");
        self.problems.push(problem.unquoted());
        None
    }

    /// A name or address that a git signature can hold.
    fn author(&mut self, key: &str, text: &SpannedText) -> Option<String> {
        let value = self.filled(key, text)?;
        if value.contains(['<', '>']) {
            self.fail(
                text.span(),
                format!("`{key}` cannot hold `<` or `>`: git puts the address between them"),
            );
            return None;
        }
        Some(value)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// Returns a URL without what makes no difference to a git host.
fn bare(url: &str) -> String {
    // A host is written in lower case, and a port that its scheme has anyway is left out.
    let url = Url::parse(url).map_or_else(|_a_path| url.to_owned(), String::from);
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url).to_owned()
}
