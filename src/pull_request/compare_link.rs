//! Where an image says that its source is, and what to read between two of its revisions. Pure.
//!
//! Anybody can write any label into an image: a link leads to GitHub or GitLab over HTTPS only, and holds nothing but what
//! repositories and commits are named with.

use url::Url;

use crate::registry::ImageConfig;

#[derive(PartialEq, Eq)]
enum HostKind {
    GitHub,
    GitLab,
}

#[derive(PartialEq, Eq)]
struct SourceRepository {
    kind: HostKind,
    path: String,
}

/// Returns the address that compares the revisions of two images; `None` where they do not both name one, or name
/// different repositories.
///
/// GitHub's goes over its redirector, so that no issue or commit there hears of us.
pub(super) fn compare_link(old: &ImageConfig, new: &ImageConfig) -> Option<String> {
    let source = |config: &ImageConfig| SourceRepository::parse(config.label("source")?);
    let now = source(new)?;
    if source(old).is_some_and(|old| old != now) {
        return None;
    }
    let revision =
        |config: &ImageConfig| config.label("revision").filter(|text| is_commit(text)).map(str::to_owned);
    let (from, to) = (revision(old)?, revision(new)?);
    let SourceRepository { kind, path } = now;
    (from != to).then(|| match kind {
        HostKind::GitHub => format!("https://redirect.github.com/{path}/compare/{from}...{to}"),
        HostKind::GitLab => format!("https://gitlab.com/{path}/-/compare/{from}...{to}"),
    })
}

impl SourceRepository {
    fn parse(label: &str) -> Option<Self> {
        let url = Url::parse(label.trim()).ok()?;
        let host = url.host_str()?;
        let is_plain = url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.port().is_none()
            && url.query().is_none();
        let kind = match host {
            "github.com" | "www.github.com" => HostKind::GitHub,
            "gitlab.com" => HostKind::GitLab,
            _ => return None,
        };
        let path = url.path().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let parts: Vec<&str> = path.split('/').collect();
        let is_repository = match kind {
            HostKind::GitHub => parts.len() == 2,
            HostKind::GitLab => (2..=20).contains(&parts.len()),
        };
        let well_formed =
            is_plain && is_repository && parts.iter().all(|part| is_name(part)) && path.len() <= 256;
        well_formed.then(|| Self { kind, path: path.to_owned() })
    }
}

fn is_name(part: &str) -> bool {
    let named = part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    named && !part.is_empty() && !matches!(part, "." | ".." | "-")
}

fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(source: &str, revision: &str) -> ImageConfig {
        let labels = serde_json::json!({
            "org.opencontainers.image.source": source, "org.opencontainers.image.revision": revision,
        });
        let config = serde_json::json!({ "rootfs": {}, "config": { "Labels": labels } });
        ImageConfig::parse(config.to_string().as_bytes()).unwrap()
    }

    fn link(source: &str) -> Option<String> {
        compare_link(&config(source, &"a".repeat(40)), &config(source, "bbbbbbb"))
    }

    #[test]
    fn both_revisions_of_one_repository_are_compared() {
        let between = format!("{}...bbbbbbb", "a".repeat(40));
        for source in
            ["https://github.com/acme/api", "https://github.com/acme/api.git", "https://github.com/acme/api/"]
        {
            assert_eq!(link(source), Some(format!("https://redirect.github.com/acme/api/compare/{between}")));
        }
        for (source, at) in [
            ("https://gitlab.com/acme/web/api", "gitlab.com/acme/web/api"),
            ("https://gitlab.com/a/b.git", "gitlab.com/a/b"),
        ] {
            assert_eq!(link(source), Some(format!("https://{at}/-/compare/{between}")));
        }
    }

    #[test]
    fn there_is_no_link_to_anywhere_else() {
        for source in [
            "http://github.com/acme/api",
            "https://github.com.evil.example/acme/api",
            "https://evil.example/acme/api",
            "https://gitlab.evil.example/acme/api",
            "https://github.com:8443/acme/api",
            "https://user:password@github.com/acme/api",
            "https://github.com@evil.example/acme/api",
            "https://github.com/acme",
            "https://github.com/acme/api/tree/main",
            "https://github.com/acme/api?x=y",
            "https://github.com/acme/a)b",
            "https://github.com/acme/%29%5Bx%5D",
            "https://github.com/acme/a\nb<img>",
            "javascript:alert(1)",
            "git@github.com:acme/api.git",
            "",
        ] {
            assert_eq!(link(source), None, "{source}");
        }
        let source = "https://github.com/acme/api";
        let other = config("https://github.com/acme/other", "aaaaaaa");
        assert_eq!(compare_link(&other, &config(source, "bbbbbbb")), None, "two repositories");
        for revision in ["main", "", "abc", "aaaaaaa](https://evil.example)", &"a".repeat(65)] {
            assert_eq!(
                compare_link(&config(source, revision), &config(source, "bbbbbbb")),
                None,
                "{revision}"
            );
        }
        assert_eq!(compare_link(&config(source, "bbbbbbb"), &config(source, "bbbbbbb")), None, "the same");
    }
}
