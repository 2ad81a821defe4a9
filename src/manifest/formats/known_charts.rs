//! Charts that are known though their templates are not in the tree: where a digest goes in their values. Data, read from
//! `known_charts.toml`; a trusted configuration adds `[[chart]]` entries with the same syntax.

use serde::{Deserialize, Serialize};

/// What is known of a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KnownChart {
    /// Its name.
    pub name: String,
    /// The repositories that have it: URLs, `oci://` ones without the chart's name. Any where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// The first version for which this is known; any where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The last version for which this is known; it holds for later ones with the same first number. Any where it is left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Where its templates say so, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// JSON pointers in the values to fields that take a digest with its algorithm: `*` is any key, `**` any number of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<String>,
    /// The same for the hex digits alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bare_digests: Vec<String>,
    /// The same for tags that go nowhere but into images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// `known_charts.toml` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChartTable {
    #[serde(default)]
    chart: Vec<KnownChart>,
}

/// Returns the charts that tagpin ships.
pub(super) fn built_in() -> Vec<KnownChart> {
    // The file is part of the program, and a test reads it.
    toml::from_str::<ChartTable>(include_str!("known_charts.toml")).unwrap_or_default().chart
}

impl KnownChart {
    /// Returns what is wrong with an entry, in words that end a sentence about it.
    pub fn problem(&self) -> Option<&'static str> {
        let mut paths = self.digests.iter().chain(&self.bare_digests).chain(&self.tags);
        let versions = [&self.since, &self.until];
        if self.name.is_empty() {
            Some("has an empty `name`")
        } else if paths.any(|path| !path.starts_with('/')) {
            Some("has a path that does not start with `/`")
        } else if versions.into_iter().flatten().any(|version| numbers(version).is_empty()) {
            Some("has a version that does not start with a number")
        } else {
            None
        }
    }

    /// Returns whether this is the chart `name` of a repository in a version, or in a range of them.
    pub(in crate::manifest) fn is(&self, name: &str, repository: &str, version: &str) -> bool {
        let plain = |url: &str| url.trim_start_matches("oci://").trim_end_matches('/').to_ascii_lowercase();
        let repository = plain(repository);
        self.name == name
            && (self.repositories.is_empty()
                || self.repositories.iter().any(|known| plain(known) == repository))
            && self.has_version(version)
    }

    /// Of a range the first number counts, and what has none is the newest version.
    fn has_version(&self, version: &str) -> bool {
        let version = version.trim_start_matches(|c: char| !c.is_ascii_digit());
        let wanted = numbers(version);
        let Some(major) = wanted.first() else { return true };
        let is_exact = wanted.len() == 3 && !version.contains([' ', ',', '|', '*', 'x', 'X']);
        let bound = |bound: &Option<String>| bound.as_deref().map(numbers);
        let (since, until) = (bound(&self.since), bound(&self.until));
        let is_late =
            since.is_none_or(|since| if is_exact { wanted >= since } else { since.first() <= Some(major) });
        is_late && until.is_none_or(|until| Some(major) <= until.first())
    }

    /// Returns whether a digest at a pointer in the values is written without its algorithm; `None` where no field for one
    /// is known there.
    pub(in crate::manifest) fn is_bare(&self, pointer: &str) -> Option<bool> {
        let has = |paths: &[String]| paths.iter().any(|path| matches(path, pointer));
        match (has(&self.digests), has(&self.bare_digests)) {
            (true, false) => Some(false),
            (false, true) => Some(true),
            _ => None,
        }
    }

    /// Returns the key of the field for the digest of an image whose tag stands at a pointer in the values, and whether it
    /// is written without its algorithm.
    pub(in crate::manifest) fn field_beside(&self, tag: &str) -> Option<(&str, bool)> {
        let (above, _) = tag.rsplit_once('/')?;
        fn beside<'p>(path: &'p str, above: &str) -> Option<&'p str> {
            let (directory, key) = path.rsplit_once('/')?;
            matches(directory, above).then_some(key)
        }
        let prefixed = self.digests.iter().map(|path| (path, false));
        let all = prefixed.chain(self.bare_digests.iter().map(|path| (path, true)));
        let mut all = all.filter_map(|(path, bare)| Some((beside(path, above)?, bare)));
        let first = all.next()?;
        all.all(|other| other == first).then_some(first)
    }

    /// Returns whether the tag at a pointer in the values goes nowhere but into an image.
    pub(in crate::manifest) fn is_only_in_images(&self, tag: &str) -> bool {
        self.tags.iter().any(|path| matches(path, tag))
    }
}

/// Returns the numbers that a version starts with.
fn numbers(version: &str) -> Vec<u64> {
    let version = version.strip_prefix('v').unwrap_or(version);
    version
        .split('.')
        .take(3)
        .map_while(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse().ok()
        })
        .collect()
}

/// Returns whether a JSON pointer is one that a path with `*` and `**` means.
fn matches(path: &str, pointer: &str) -> bool {
    let (path, pointer): (Vec<&str>, Vec<&str>) =
        (path.split('/').skip(1).collect(), pointer.split('/').skip(1).collect());
    below(&path, &pointer)
}

fn below(path: &[&str], pointer: &[&str]) -> bool {
    match (path, pointer) {
        ([], rest) => rest.is_empty(),
        (["**", more @ ..], rest) => (0..=rest.len()).any(|at| below(more, &rest[at..])),
        ([key, more @ ..], [first, rest @ ..]) => (*key == "*" || key == first) && below(more, rest),
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_chart_that_is_shipped_says_where_it_was_read() {
        let charts = built_in();
        assert!(charts.len() >= 20, "{}", charts.len());
        let mut known = BTreeSet::new();
        for chart in &charts {
            assert_eq!(chart.problem(), None, "{}", chart.name);
            assert!(known.insert((&chart.name, &chart.since)), "{} is there twice", chart.name);
            assert!(!chart.repositories.is_empty(), "{} has no repository", chart.name);
            assert!(chart.since.is_some() && chart.until.is_some(), "{} has no versions", chart.name);
            let source = chart.source.as_deref().unwrap_or_default();
            assert!(source.starts_with("https://"), "{} has no source", chart.name);
        }
    }

    #[test]
    fn versions_and_ranges() {
        let chart = KnownChart {
            name: "a".to_owned(),
            since: Some("4.1.0".to_owned()),
            until: Some("5.3.2".to_owned()),
            ..KnownChart::default()
        };
        for (version, known) in [
            ("4.1.0", true),
            ("v4.2.0", true),
            ("4.0.9", false),
            ("5.9.0", true),
            ("6.0.0", false),
            ("", true),
            ("*", true),
            ("4.x", true),
            (">=4.0.0 <5.0.0", true),
            ("^6.0.0", false),
            ("~3.1", false),
        ] {
            assert_eq!(chart.is("a", "https://charts.acme.example", version), known, "{version}");
        }
        assert!(!chart.is("b", "", "4.1.0"));
    }

    #[test]
    fn repositories_are_the_same_with_and_without_what_does_not_count() {
        let repositories = vec!["oci://ghcr.io/acme/charts".to_owned()];
        let chart = KnownChart { name: "a".to_owned(), repositories, ..KnownChart::default() };
        assert!(chart.is("a", "ghcr.io/acme/charts/", "1.0.0"));
        assert!(chart.is("a", "OCI://ghcr.io/acme/charts".to_lowercase().as_str(), "1.0.0"));
        assert!(!chart.is("a", "ghcr.io/other/charts", "1.0.0"));
    }

    #[test]
    fn fields_are_found_by_their_place() {
        let path = |text: &str| vec![text.to_owned()];
        let chart = KnownChart {
            digests: path("/controller/**/image/digest"),
            bare_digests: path("/*/sidecar/sha"),
            tags: path("/tag"),
            ..KnownChart::default()
        };
        assert_eq!(chart.field_beside("/controller/image/tag"), Some(("digest", false)));
        assert_eq!(chart.field_beside("/controller/a/b/image/tag"), Some(("digest", false)));
        assert_eq!(chart.field_beside("/x/sidecar/tag"), Some(("sha", true)));
        assert_eq!(chart.field_beside("/other/image/tag"), None);
        assert_eq!(chart.is_bare("/controller/image/digest"), Some(false));
        assert_eq!(chart.is_bare("/x/sidecar/sha"), Some(true));
        assert_eq!(chart.is_bare("/x/sidecar/digest"), None);
        assert!(chart.is_only_in_images("/tag") && !chart.is_only_in_images("/image/tag"));
    }
}
