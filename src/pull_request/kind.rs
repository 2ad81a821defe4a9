//! Why digests move, and the words for it. Pure.

use crate::markdown::{code, plain};
use crate::policy::looks_immutable;

/// What a proposal is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Occasion {
    /// Images get the digests that their tags are now.
    #[default]
    Tags,
    /// One part of the repository gets what another one has.
    Promotion {
        /// The environment or path that has the digests.
        from: String,
        /// The one that gets them.
        to: String,
    },
    /// Images go back to what they were.
    Rollback {
        /// The environment, path or object.
        target: String,
        /// Where it goes back to, in our own words, such as `the previous digest`.
        to: String,
        /// Why.
        reason: String,
        /// The file that gets the hold.
        file: String,
    },
}

impl Occasion {
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Tags => "update",
            Self::Promotion { .. } => "promote",
            Self::Rollback { .. } => "roll back",
        }
    }

    /// Returns what a title says of it behind its group; empty where it says nothing.
    pub(super) fn suffix(&self) -> String {
        match self {
            Self::Tags => String::new(),
            Self::Promotion { from, to } => format!(" from {} to {}", plain(from), plain(to)),
            Self::Rollback { target, .. } => format!(" in {}", plain(target)),
        }
    }

    pub(super) fn change(&self, is_first: bool, tag: &str) -> &'static str {
        match self {
            Self::Promotion { .. } => "promoted",
            Self::Rollback { .. } => "rolled back",
            Self::Tags if is_first => "first pin",
            Self::Tags if looks_immutable(tag) => "moved release",
            Self::Tags => "moved tag",
        }
    }

    pub(super) fn why(&self) -> String {
        match self {
            Self::Tags => "Tags can move, digests cannot. tagpin asked the registries what these tags are now and wrote \
                           the digests into the manifests, so that what is reviewed here is what is deployed."
                .to_owned(),
            Self::Promotion { from, to } => {
                let (from, to) = (code(from), code(to));
                format!(
                    "A promotion moves digests: {to} gets exactly what {from} declares, digest and tag, and nothing is \
                     built or looked up anew. The registries still have each digest."
                )
            }
            Self::Rollback { target, to, reason, file } => format!(
                "{} goes back to {to}. The registries still have each digest, and a hold in {} keeps what was rolled back \
                 where it is until it is removed or ends, so that no run undoes it. Reason: {}",
                code(target),
                code(file),
                code(reason)
            ),
        }
    }
}
