//! Reading a containers registries.conf: version 2 of containers-registries.conf(5). Pure.

use serde::Deserialize;

use super::endpoint::{is_location, is_wildcard};
use super::rule::{Mirror, PullFromMirror, RegistryRule};
use crate::reference::with_folded_host;

/// What is wrong with a registries.conf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistriesConfError {
    /// It is not TOML, or a key has a value of the wrong kind.
    #[error("{0}")]
    Toml(String),
    /// It is in the first version of the format.
    #[error(
        "it is in version 1 of the format (`[registries.search]`); write `[[registry]]`, as in version 2"
    )]
    Version1,
    /// An entry has neither prefix nor location.
    #[error("a [[registry]] has neither `prefix` nor `location`")]
    NoPrefix,
    /// A prefix or location is none.
    #[error("`{0}` is not a registry location")]
    Location(String),
    /// `pull-from-mirror` has another value.
    #[error("`pull-from-mirror` cannot be `{0}`; it takes `all`, `digest-only` or `tag-only`")]
    PullFromMirror(String),
    /// Both ways to say what a mirror may be asked for.
    #[error(
        "the [[registry]] `{0}` has `mirror-by-digest-only` and a mirror with `pull-from-mirror`; leave one out"
    )]
    Both(String),
    /// One prefix has two entries.
    #[error("the registry `{0}` is described twice")]
    Twice(String),
}

/// The file, as far as it says where images are asked for. Other keys, such as `short-name-mode`, are for those who pull.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RegistriesConf {
    #[serde(default)]
    registry: Vec<RawRegistry>,
    registries: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawRegistry {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<MirrorEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MirrorEntry {
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    pull_from_mirror: String,
}

/// Returns the rules of a registries.conf.
///
/// A mirror that does not say what may be asked there is asked for digests only, unlike where images are pulled: what a
/// tag is now is asked at the origin unless the file says `pull-from-mirror = "all"` (issue 4, point 7).
///
/// # Errors
/// Says what is wrong with the text.
pub fn parse(text: &str) -> Result<Vec<RegistryRule>, RegistriesConfError> {
    let file: RegistriesConf =
        toml::from_str(text).map_err(|error| RegistriesConfError::Toml(error.message().to_owned()))?;
    if file.registries.is_some() {
        return Err(RegistriesConfError::Version1);
    }
    let mut rules: Vec<RegistryRule> = Vec::new();
    for entry in file.registry {
        let rule = rule(entry)?;
        if rules.iter().any(|other| other.prefix == rule.prefix) {
            return Err(RegistriesConfError::Twice(rule.prefix));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(entry: RawRegistry) -> Result<RegistryRule, RegistriesConfError> {
    let (prefix, location) = match (&*entry.prefix, &*entry.location) {
        ("", "") => return Err(RegistriesConfError::NoPrefix),
        (prefix, "") => (prefix, prefix),
        ("", location) => (location, location),
        both => both,
    };
    let is_both = |mirror: &MirrorEntry| entry.mirror_by_digest_only && !mirror.pull_from_mirror.is_empty();
    if entry.mirror.iter().any(is_both) {
        return Err(RegistriesConfError::Both(prefix.to_owned()));
    }
    let mirrors = entry.mirror.iter().map(|mirror| {
        let pull = match &*mirror.pull_from_mirror {
            "" | "digest-only" => PullFromMirror::DigestOnly,
            "all" => PullFromMirror::All,
            "tag-only" => PullFromMirror::TagOnly,
            other => return Err(RegistriesConfError::PullFromMirror(other.to_owned())),
        };
        Ok(Mirror { location: mirror.location.clone(), insecure: mirror.insecure, pull })
    });
    let rule = RegistryRule {
        prefix: with_folded_host(prefix).into_owned(),
        location: with_folded_host(location).into_owned(),
        insecure: entry.insecure,
        blocked: entry.blocked,
        mirrors: mirrors.collect::<Result<_, _>>()?,
        ..RegistryRule::default()
    };
    let is_wrong = |place: &&String| !is_location(place) || (is_wildcard(place) && **place != rule.prefix);
    let mirrors = rule.mirrors.iter().map(|mirror| &mirror.location);
    let wrong = mirrors.chain([&rule.location, &rule.prefix]).find(is_wrong).cloned();
    wrong.map_or(Ok(rule), |place| Err(RegistriesConfError::Location(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_manual_is_understood() {
        let rules = parse(
            r#"
            unqualified-search-registries = ["example.com"]
            short-name-mode = "enforcing"
            [[registry]]
            prefix = "example.com/foo"
            insecure = false
            blocked = false
            location = "internal-registry-for-example.com/bar"
            [[registry.mirror]]
            location = "example-mirror-0.local/mirror-for-foo"
            [[registry.mirror]]
            location = "example-mirror-1.local/mirrors/foo"
            insecure = true
            pull-from-mirror = "all"
            [[registry]]
            location = "registry.com"
            mirror-by-digest-only = true
            [[registry.mirror]]
            location = "mirror.registry.com"
            [[registry]]
            prefix = "*.example.net"
            blocked = true
            [aliases]
            "podman-desktop" = "ghcr.io/containers/podman-desktop"
            "#,
        )
        .unwrap();
        let mirror =
            |location: &str, insecure, pull| Mirror { location: location.to_owned(), insecure, pull };
        let rule = |prefix: &str, location: &str, mirrors| RegistryRule {
            prefix: prefix.to_owned(),
            location: location.to_owned(),
            mirrors,
            ..RegistryRule::default()
        };
        let expected = [
            rule(
                "example.com/foo",
                "internal-registry-for-example.com/bar",
                vec![
                    mirror("example-mirror-0.local/mirror-for-foo", false, PullFromMirror::DigestOnly),
                    mirror("example-mirror-1.local/mirrors/foo", true, PullFromMirror::All),
                ],
            ),
            rule(
                "registry.com",
                "registry.com",
                vec![mirror("mirror.registry.com", false, PullFromMirror::DigestOnly)],
            ),
            RegistryRule { blocked: true, ..rule("*.example.net", "*.example.net", vec![]) },
        ];
        assert_eq!(rules, expected);
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("[registries.search]\nregistries = [\"a.example\"]", "version 1"),
            ("[[registry]]\ninsecure = true", "neither `prefix` nor `location`"),
            ("[[registry]]\nprefix = \"a.example\"\nlocation = \"https://b.example\"", "`https://b.example`"),
            ("[[registry]]\nprefix = \"a.example\"\nlocation = \"*.b.example\"", "`*.b.example`"),
            ("[[registry]]\nprefix = \"a b\"", "`a b`"),
            (
                "[[registry]]\nprefix = \"a.example\"\n[[registry]]\nlocation = \"a.example\"",
                "described twice",
            ),
            ("[[registry]]\nprefix = 1", "invalid type"),
            ("nonsense", "expected"),
            (
                "[[registry]]\nprefix = \"a.example\"\n[[registry.mirror]]\nlocation = \"b.example\"\npull-from-mirror = \"some\"",
                "`some`",
            ),
            (
                "[[registry]]\nprefix = \"a.example\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"b.example\"\npull-from-mirror = \"all\"",
                "leave one out",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
