//! What holds for every image unless a rule says otherwise.

use jiff::SignedDuration;

use crate::manifest::edit::Style;
use crate::platform::Platform;
use crate::registry::DigestLevel;
use crate::registry::verify::Demand;

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
    pub level: DigestLevel,
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

impl Defaults {
    /// Returns whether level and platforms go together: the level `platform` needs exactly one.
    pub(crate) fn names_one_platform(&self) -> bool {
        self.level != PolicyLevel::Platform || self.platforms.len() == 1
    }

    /// The configuration's checks have made sure that the level `platform` has its one platform; without it the
    /// index is asked for and every platform is demanded, which pins less than was asked but never something else.
    pub(super) fn decision(self, asked: Option<&Platform>) -> Decision {
        let (level, needed) = match (self.level, self.platforms.as_slice(), asked) {
            (PolicyLevel::Platform, [platform], _) | (PolicyLevel::Auto, _, Some(platform)) => {
                (DigestLevel::Platform(platform.clone()), Vec::new())
            }
            _ => (DigestLevel::Index, self.platforms),
        };
        let demands = Some(self.demand).filter(|demand| !demand.require.is_empty()).into_iter().collect();
        let (style, split_fields, ages) = (self.style, self.split_fields, self.ages);
        Decision { level, needed, style, split_fields, ages, demands }
    }
}
