//! Exceptions for some paths and images.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::defaults::{Ages, Defaults, PolicyLevel, SplitFields, UnknownAge};
use super::globs::Globs;
use super::scoped_list::Scoped;
use crate::manifest::edit::Style;
use crate::platform::Platform;
use crate::registry::verify::{ArtifactKind, Demand, PublicKey};

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

impl Scoped for PolicyRule {
    fn paths(&self) -> Option<&Globs> {
        self.paths.as_ref()
    }

    fn images(&self) -> Option<&Globs> {
        self.images.as_ref()
    }
}

impl PolicyRule {
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
}
