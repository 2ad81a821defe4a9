//! What should be pinned, to which level, and how it is written. Pure.

pub mod environment;
mod globs;
pub mod hold;
mod origin;
mod settings;
pub mod target;

use std::collections::BTreeSet;

pub use globs::{GlobError, Globs, escaped};
use jiff::SignedDuration;
pub use origin::SettingOrigin;
pub use settings::{AnnotationSettings, Settings};

use crate::manifest::edit::Style;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::registry;
use crate::registry::verify::{ArtifactKind, Demand, PublicKey};

/// The rules of one repository: which files are read, and what becomes of the images in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What holds where no rule matches.
    pub defaults: Defaults,
    /// The files that are read.
    pub include: Globs,
    /// The files that are not read though `include` has them.
    pub exclude: Globs,
    /// The tags that never move, as `name:tag`.
    pub immutable: Globs,
    /// The exceptions, in order: the first that matches both path and image wins.
    pub rules: Vec<PolicyRule>,
    /// What the repository's own file demands beside that.
    pub own: Option<RepositoryDemands>,
}

/// What a repository's own file demands of digests: it is asked for beside what the trusted file demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryDemands {
    /// What holds where no rule matches.
    pub demand: Demand,
    /// The exceptions; only their demands count.
    pub rules: Vec<PolicyRule>,
}

/// What holds where no rule says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Which digest is written.
    pub level: PolicyLevel,
    /// What the fleet runs.
    pub platforms: Vec<Platform>,
    /// How a pin is spelled.
    pub style: Style,
    /// What happens to an image that is split into fields.
    pub split_fields: SplitFields,
    /// How long a digest and a tag have to be known.
    pub ages: Ages,
    /// What must be attached to a digest before it is written.
    pub demand: Demand,
}

/// How long a digest has to be known, and a tag to stay where it is, before it is proposed: by the ledger of tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// How long the digest must have been seen in its repository; zero where that does not matter.
    pub min_age: SignedDuration,
    /// How long the tag must not have moved; zero where that does not matter.
    pub settle: SignedDuration,
    /// What happens where nobody knows.
    pub unknown: UnknownAge,
}

/// What happens to a digest that a tag already was when it was seen for the first time, and where there is no ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownAge {
    /// It counts as new.
    #[default]
    Wait,
    /// It counts as old.
    Accept,
}

/// An exception: the keys that are set override the defaults, the others do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRule {
    /// The files it is for; every file where it is `None`.
    pub paths: Option<Globs>,
    /// The image names it is for, as spelled or normalised; every image where it is `None`.
    pub images: Option<Globs>,
    /// Overrides [`Defaults::level`].
    pub level: Option<PolicyLevel>,
    /// Overrides [`Defaults::platforms`].
    pub platforms: Option<Vec<Platform>>,
    /// Overrides [`Defaults::style`].
    pub style: Option<Style>,
    /// Overrides [`Defaults::split_fields`].
    pub split_fields: Option<SplitFields>,
    /// Overrides [`Ages::min_age`].
    pub min_age: Option<SignedDuration>,
    /// Overrides [`Ages::settle`].
    pub settle: Option<SignedDuration>,
    /// Overrides [`Ages::unknown`].
    pub unknown_age: Option<UnknownAge>,
    /// Overrides what [`Defaults::demand`] requires.
    pub require: Option<BTreeSet<ArtifactKind>>,
    /// Overrides the keys of [`Defaults::demand`].
    pub keys: Option<Vec<PublicKey>>,
    /// Overrides the predicate types of [`Defaults::demand`].
    pub predicate_types: Option<Vec<String>>,
}

/// Which digest of a tag is written, before a platform is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyLevel {
    /// The digest of the index: each node picks its own platform.
    #[default]
    Index,
    /// The digest of the one platform's manifest.
    Platform,
    /// The digest of the platform's manifest that the workload itself asks for; the index's where it asks for none.
    Auto,
}

/// What happens to an image that is split into fields and has no digest field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SplitFields {
    /// `tag@sha256:…` where it is known that the chart puts the tag nowhere but in an image; held otherwise.
    #[default]
    Auto,
    /// `tag@sha256:…` always.
    Tag,
    /// Left alone.
    Skip,
}

/// What policy says about one image in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which digest is asked for.
    pub level: registry::DigestLevel,
    /// The platforms that an index must have before its digest is written; empty where nothing is demanded.
    pub needed: Vec<Platform>,
    /// How a pin is spelled.
    pub style: Style,
    /// What happens to split fields.
    pub split_fields: SplitFields,
    /// How long digest and tag have to be known.
    pub ages: Ages,
    /// What must be attached to a digest before it is written: each of these.
    pub demands: Vec<Demand>,
}

impl Default for Policy {
    /// Every file, every image, the index's digest beside the tag.
    fn default() -> Self {
        Self {
            defaults: Defaults::default(),
            include: Globs::everything(),
            exclude: Globs::default(),
            immutable: Globs::default(),
            rules: Vec::new(),
            own: None,
        }
    }
}

impl Policy {
    /// Tells whether the file at `path`, below the repository's root and with `/` between segments, is read.
    pub fn reads(&self, path: &str) -> bool {
        self.include.matches(path) && !self.exclude.matches(path)
    }

    /// Tells whether the tag of `reference` never moves; its name is matched as spelled and normalised.
    pub fn is_immutable(&self, reference: &Reference) -> bool {
        let Some(tag) = reference.tag().filter(|_| !self.immutable.patterns().is_empty()) else {
            return false;
        };
        let normalised = format!("{}/{}:{tag}", reference.registry(), reference.repository());
        self.immutable.matches(&format!("{}:{tag}", reference.name())) || self.immutable.matches(&normalised)
    }

    /// Tells whether anything has to wait until it is known for long enough.
    pub fn waits(&self) -> bool {
        let spans = self.rules.iter().flat_map(|rule| [rule.min_age, rule.settle]).flatten();
        spans.chain([self.defaults.ages.min_age, self.defaults.ages.settle]).any(|span| !span.is_zero())
    }

    /// Returns what holds for the image `name`, as it is spelled and without tag and digest, in the file at `path`, where
    /// its workload runs on `platform` if it says so.
    ///
    /// A rule's `images` see the name as spelled and its normalised form: `nginx` is also `docker.io/library/nginx`.
    pub fn decide(&self, path: &str, name: &str, platform: Option<&Platform>) -> Decision {
        let normalised = Reference::parse(name)
            .map(|reference| format!("{}/{}", reference.registry(), reference.repository()))
            .unwrap_or_default();
        let find =
            |rules: &'_ [PolicyRule]| rules.iter().position(|rule| rule.is_for(path, name, &normalised));
        let settings = self.defaults.overridden(find(&self.rules).and_then(|at| self.rules.get(at)));
        let own = self.own.as_ref().map(|own| {
            let rule = find(&own.rules).and_then(|at| own.rules.get(at));
            rule.map_or_else(|| own.demand.clone(), |rule| rule.demand(&own.demand))
        });
        let mut decision = settings.decision(platform);
        decision.demands.extend(own.filter(|demand| !demand.require.is_empty()));
        decision
    }
}

impl PolicyRule {
    fn is_for(&self, path: &str, name: &str, normalised: &str) -> bool {
        let images = self.images.as_ref();
        self.paths.as_ref().is_none_or(|paths| paths.matches(path))
            && images.is_none_or(|images| images.matches(name) || images.matches(normalised))
    }

    /// Returns `demand` with what this rule says otherwise.
    pub(crate) fn demand(&self, demand: &Demand) -> Demand {
        let Demand { require, keys, predicate_types } = demand;
        Demand {
            require: self.require.as_ref().unwrap_or(require).clone(),
            keys: self.keys.as_ref().unwrap_or(keys).clone(),
            predicate_types: self.predicate_types.as_ref().unwrap_or(predicate_types).clone(),
        }
    }
}

impl Defaults {
    /// Returns these settings with the keys that `rule` sets.
    pub(crate) fn overridden(&self, rule: Option<&PolicyRule>) -> Self {
        let Some(rule) = rule else { return self.clone() };
        Self {
            level: rule.level.unwrap_or(self.level),
            platforms: rule.platforms.clone().unwrap_or_else(|| self.platforms.clone()),
            style: rule.style.unwrap_or(self.style),
            split_fields: rule.split_fields.unwrap_or(self.split_fields),
            ages: Ages {
                min_age: rule.min_age.unwrap_or(self.ages.min_age),
                settle: rule.settle.unwrap_or(self.ages.settle),
                unknown: rule.unknown_age.unwrap_or(self.ages.unknown),
            },
            demand: rule.demand(&self.demand),
        }
    }

    /// Tells whether level and platforms go together: the level `platform` needs exactly one.
    pub(crate) fn names_one_platform(&self) -> bool {
        self.level != PolicyLevel::Platform || self.platforms.len() == 1
    }

    /// The configuration's checks have made sure that the level `platform` has its one platform; without it the
    /// index is asked for and every platform is demanded, which pins less than was asked but never something else.
    fn decision(self, asked: Option<&Platform>) -> Decision {
        let (level, needed) = match (self.level, self.platforms.as_slice(), asked) {
            (PolicyLevel::Platform, [platform], _) | (PolicyLevel::Auto, _, Some(platform)) => {
                (registry::DigestLevel::Platform(platform.clone()), Vec::new())
            }
            _ => (registry::DigestLevel::Index, self.platforms),
        };
        let demands = Some(self.demand).filter(|demand| !demand.require.is_empty()).into_iter().collect();
        let (style, split_fields, ages) = (self.style, self.split_fields, self.ages);
        Decision { level, needed, style, split_fields, ages, demands }
    }
}

/// Tells whether a tag looks like a release, which nobody should push twice: it starts with three numbers, as `1.27.3`,
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

    fn globs(patterns: &[&str]) -> Globs {
        Globs::new(patterns.iter().copied()).unwrap()
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
            ],
            ..Policy::default()
        };

        let first = policy.decide("production/a.yaml", "ghcr.io/acme/api", None);
        assert_eq!(first.level, registry::DigestLevel::Platform(arm));
        assert!(first.needed.is_empty());
        assert_eq!((first.style, first.split_fields), (Style::TagDigest, SplitFields::Auto));

        let second = policy.decide("production/a.yaml", "ghcr.io/other/api", None);
        assert_eq!(second.level, registry::DigestLevel::Index);
        assert_eq!(second.needed, policy.defaults.platforms);
        assert_eq!((second.style, second.split_fields), (Style::TagDigest, SplitFields::Tag));

        assert_eq!(policy.decide("staging/a.yaml", "ghcr.io/acme/api", None).style, Style::Digest);
        assert_eq!(Policy::default().decide("a", "b", None).style, Style::TagDigest);
    }

    #[test]
    fn auto_takes_the_workload_s_platform_or_the_index() {
        let (amd, arm) = (platform("linux/amd64"), platform("linux/arm64"));
        let policy = |level| Policy {
            defaults: Defaults { level, platforms: vec![amd.clone()], ..Defaults::default() },
            ..Policy::default()
        };
        for (level, asked, expected) in [
            (PolicyLevel::Auto, Some(&arm), registry::DigestLevel::Platform(arm.clone())),
            (PolicyLevel::Auto, None, registry::DigestLevel::Index),
            (PolicyLevel::Index, Some(&arm), registry::DigestLevel::Index),
            (PolicyLevel::Platform, Some(&arm), registry::DigestLevel::Platform(amd.clone())),
        ] {
            let decision = policy(level).decide("a.yaml", "nginx", asked);
            assert_eq!(decision.level, expected, "{level:?} {asked:?}");
            let is_index = expected == registry::DigestLevel::Index;
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
            }],
            ..Policy::default()
        };
        for (pattern, name, matches) in [
            ("nginx", "nginx", true),
            ("docker.io/library/nginx", "nginx", true),
            ("docker.io/library/*", "index.docker.io/library/nginx", true),
            ("docker.io/**", "bitnami/redis", true),
            ("docker.io/**", "ghcr.io/acme/api", false),
            ("localhost:5000/*", "localhost:5000/app", true),
            ("Not/A/Name", "Not/A/Name", true),
        ] {
            let decision = policy(pattern).decide("a.yaml", name, None);
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
