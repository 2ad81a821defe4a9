//! What a repository's rules say of one image in one file.

use super::defaults::{Decision, Defaults};
use super::globs::Globs;
use super::rule::PolicyRule;
use super::scoped_list::ScopedList;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::registry::verify::Demand;

/// The rules of one repository: which files are read, and what becomes of the images in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What holds where no rule matches.
    pub defaults: Defaults,
    /// The files that are read.
    pub include: Globs,
    /// The files that are not read though `include` has them.
    pub exclude: Globs,
    /// Whether directories that a tool fetched are read like any other.
    pub vendored: bool,
    /// The tags that never move, as `name:tag`.
    pub immutable: Globs,
    /// The exceptions, in order: the first that matches both path and image wins.
    pub rules: ScopedList<PolicyRule>,
    /// What the repository's own file demands beside that.
    pub own: Option<RepositoryDemands>,
}

/// What a repository's own file demands of digests: it is asked for beside what the trusted file demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryDemands {
    /// What holds where no rule matches.
    pub demand: Demand,
    /// The exceptions; only their demands count.
    pub rules: ScopedList<PolicyRule>,
}

impl Default for Policy {
    /// Every file, every image, the index's digest beside the tag.
    fn default() -> Self {
        Self {
            defaults: Defaults::default(),
            include: Globs::everything(),
            exclude: Globs::default(),
            vendored: false,
            immutable: Globs::default(),
            rules: ScopedList::default(),
            own: None,
        }
    }
}

impl Policy {
    /// Returns whether the file at `path`, below the repository's root and with `/` between segments, is read.
    pub fn reads(&self, path: &str) -> bool {
        self.include.matches(path) && !self.exclude.matches(path)
    }

    /// Returns whether the tag of `reference` never moves; its name is matched as spelled and normalised.
    pub fn is_immutable(&self, reference: &Reference) -> bool {
        let Some(tag) = reference.tag().filter(|_| !self.immutable.patterns().is_empty()) else {
            return false;
        };
        reference.names().iter().any(|name| self.immutable.matches(&format!("{name}:{tag}")))
    }

    /// Returns whether anything has to wait until it is known for long enough.
    pub fn waits(&self) -> bool {
        let spans = self.rules.iter().flat_map(|rule| [rule.min_age, rule.settle]).flatten();
        spans.chain([self.defaults.ages.min_age, self.defaults.ages.settle]).any(|span| !span.is_zero())
    }

    /// Returns the rule that holds for the image of `reference` in the file at `path`, by its index and itself; `None` where the
    /// defaults hold.
    pub fn rule(&self, path: &str, reference: &Reference) -> Option<(usize, &PolicyRule)> {
        let index = self.rules.matching_indices(path, &reference.names()).next()?;
        Some((index, self.rules.get(index)?))
    }

    /// Returns what holds for the image of `reference` in the file at `path`, where its workload runs on `platform` if it
    /// says so.
    ///
    /// A rule's `images` see the name as spelled and its normalised form: `nginx` is also `docker.io/library/nginx`.
    pub fn decide(&self, path: &str, reference: &Reference, platform: Option<&Platform>) -> Decision {
        let names = reference.names();
        let settings = self.defaults.overridden(self.rules.matching(path, &names).next());
        let own = self.own.as_ref().map(|own| {
            let rule = own.rules.matching(path, &names).next();
            rule.map_or_else(|| own.demand.clone(), |rule| rule.demand(&own.demand))
        });
        let mut decision = settings.decision(platform);
        decision.demands.extend(own.filter(|demand| !demand.require.is_empty()));
        decision
    }
}

/// Returns whether a tag looks like a release, which nobody should push twice: it starts with three numbers, as `1.27.3`,
/// `v2.0.0-rc1` and `2024.06.1-alpine` do.
pub fn looks_immutable(tag: &str) -> bool {
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let version = tag.split(['-', '_', '+']).next().unwrap_or_default();
    let mut parts = version.split('.');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.clone().count() >= 3 && parts.all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::edit::Style;
    use crate::policy::{PolicyLevel, SplitFields};
    use crate::registry::DigestLevel;

    fn globs(patterns: &[&str]) -> Globs {
        Globs::of_images(patterns).unwrap()
    }

    fn reference(name: &str) -> Reference {
        Reference::parse(name).unwrap()
    }

    fn platform(text: &str) -> Platform {
        Platform::parse(text).unwrap()
    }

    #[test]
    fn everything_is_read_unless_policy_says_otherwise() {
        for path in ["a.yaml", ".github/workflows/ci.yml", "a/b/c.yaml"] {
            assert!(Policy::default().reads(path), "{path}");
        }
        let policy = Policy {
            include: globs(&["clusters/**", "*.yaml"]),
            exclude: globs(&["clusters/**/test/**", "**/*.tmp.yaml"]),
            ..Policy::default()
        };
        for (path, read) in [
            ("clusters/a.yaml", true),
            ("clusters/a/b/c.yaml", true),
            ("a.yaml", true),
            ("apps/a.yaml", false),
            ("clusters/x/test/a.yaml", false),
            ("clusters/test/a.yaml", false),
            ("clusters/a.tmp.yaml", false),
            ("a.tmp.yaml", false),
        ] {
            assert_eq!(policy.reads(path), read, "{path}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_path_and_image_wins_and_overrides_only_its_keys() {
        let arm = platform("linux/arm64");
        let policy = Policy {
            defaults: Defaults {
                platforms: vec![platform("linux/amd64"), arm.clone()],
                ..Defaults::default()
            },
            rules: vec![
                PolicyRule {
                    paths: Some(globs(&["production/**"])),
                    images: Some(globs(&["ghcr.io/acme/*"])),
                    level: Some(PolicyLevel::Platform),
                    platforms: Some(vec![arm.clone()]),
                    ..PolicyRule::default()
                },
                PolicyRule {
                    paths: Some(globs(&["production/**"])),
                    split_fields: Some(SplitFields::Tag),
                    ..PolicyRule::default()
                },
                PolicyRule {
                    images: Some(globs(&["**"])),
                    style: Some(Style::Digest),
                    ..PolicyRule::default()
                },
            ]
            .into(),
            ..Policy::default()
        };

        let first = policy.decide("production/a.yaml", &reference("ghcr.io/acme/api"), None);
        assert_eq!(first.level, DigestLevel::Platform(arm));
        assert!(first.needed.is_empty());
        assert_eq!((first.style, first.split_fields), (Style::TagDigest, SplitFields::Auto));

        let second = policy.decide("production/a.yaml", &reference("ghcr.io/other/api"), None);
        assert_eq!(second.level, DigestLevel::Index);
        assert_eq!(second.needed, policy.defaults.platforms);
        assert_eq!((second.style, second.split_fields), (Style::TagDigest, SplitFields::Tag));

        assert_eq!(
            policy.decide("staging/a.yaml", &reference("ghcr.io/acme/api"), None).style,
            Style::Digest
        );
        assert_eq!(Policy::default().decide("a", &reference("b"), None).style, Style::TagDigest);
    }

    #[test]
    fn auto_takes_the_workload_s_platform_or_the_index() {
        let (amd, arm) = (platform("linux/amd64"), platform("linux/arm64"));
        let policy = |level| Policy {
            defaults: Defaults { level, platforms: vec![amd.clone()], ..Defaults::default() },
            ..Policy::default()
        };
        for (level, asked, expected) in [
            (PolicyLevel::Auto, Some(&arm), DigestLevel::Platform(arm.clone())),
            (PolicyLevel::Auto, None, DigestLevel::Index),
            (PolicyLevel::Index, Some(&arm), DigestLevel::Index),
            (PolicyLevel::Platform, Some(&arm), DigestLevel::Platform(amd.clone())),
        ] {
            let decision = policy(level).decide("a.yaml", &reference("nginx"), asked);
            assert_eq!(decision.level, expected, "{level:?} {asked:?}");
            let is_index = expected == DigestLevel::Index;
            assert_eq!(decision.needed.is_empty(), !is_index, "an index must still have what the fleet runs");
        }
    }

    #[test]
    fn images_are_matched_as_spelled_and_normalised() {
        let policy = |pattern: &str| Policy {
            rules: vec![PolicyRule {
                images: Some(globs(&[pattern])),
                style: Some(Style::Digest),
                ..PolicyRule::default()
            }]
            .into(),
            ..Policy::default()
        };
        for (pattern, name, matches) in [
            ("nginx", "nginx", true),
            ("docker.io/library/nginx", "nginx", true),
            ("docker.io/library/*", "index.docker.io/library/nginx", true),
            ("docker.io/**", "bitnami/redis", true),
            ("docker.io/**", "ghcr.io/acme/api", false),
            ("localhost:5000/*", "localhost:5000/app", true),
            ("localhost:5000/*", "LOCALHOST:5000/app", true),
            ("ghcr.io/acme/*", "GHCR.io/acme/api", true),
            ("GHCR.io/acme/*", "ghcr.io/acme/api", true),
            ("ghcr.io/acme/*", "ghcr.io:443/acme/api", true),
            ("ghcr.io/acme/*", "ghcr.io:8443/acme/api", false),
            ("acme/*", "Acme/api", false),
        ] {
            let decision = policy(pattern).decide("a.yaml", &reference(name), None);
            assert_eq!(decision.style == Style::Digest, matches, "{pattern} {name}");
        }
    }

    #[test]
    fn releases_have_three_numbers() {
        for tag in ["1.27.3", "v2.0.0-rc1", "2024.06.1-alpine", "1.2.3.4"] {
            assert!(looks_immutable(tag), "{tag}");
        }
        for tag in ["1.27", "v2", "latest", "1.27.x", "1..3", "3.20-1.2.3", "", "alpine3.20.1"] {
            assert!(!looks_immutable(tag), "{tag}");
        }
    }
}
