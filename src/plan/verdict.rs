//! What happens to one image in a run, and why.

use std::collections::BTreeSet;

use super::reason::Reason;
use crate::history::ledger::Moves;
use crate::manifest::Located;
use crate::manifest::edit::Style;
use crate::reference::{Digest, Reference};
use crate::registry::verify::Proof;
use crate::registry::{ResolveError, SourceIndex};

/// What happened to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It had no digest and gets one.
    Pinned,
    /// Its tag has moved; it gets another digest.
    Updated,
    /// It is what the registry says.
    Unchanged,
    /// It could be changed, and something says not to.
    Held,
    /// It is not something that tagpin resolves.
    Skipped,
    /// It could not be resolved, edited or proven.
    Failed,
}

impl Outcome {
    /// Returns the word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// The outcome of one site, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What happened to it.
    pub outcome: Outcome,
    /// Why, where the outcome needs a reason.
    pub reason: Option<Reason>,
    /// What the registry or the proof said, and what to do next.
    pub detail: Option<String>,
    /// What is to be written, for [`Outcome::Pinned`] and [`Outcome::Updated`].
    pub change: Option<Change>,
    /// The index behind the digest that the site has in the end, where that is a platform's.
    pub behind: Option<Box<SourceIndex>>,
}

/// What is to be written at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The digest.
    pub digest: Digest,
    /// The tag, where it is to be another than the site has.
    pub tag: Option<String>,
    /// How a whole reference is written.
    pub style: Style,
    /// What the digest covers, for people: `index`, `single manifest` or a platform.
    pub covers: String,
    /// How the tag moved, as far as it is known.
    pub moves: Option<Box<Moves>>,
    /// Who vouches for the digest, where policy demands that somebody does.
    pub proofs: BTreeSet<Proof>,
}

impl Change {
    /// Returns a change to a digest that nobody confirmed in this run: nothing is known of it.
    pub(super) fn unconfirmed(digest: Digest, tag: Option<String>, style: Style) -> Self {
        Self { digest, tag, style, covers: String::new(), moves: None, proofs: BTreeSet::new() }
    }

    /// Returns what `reference` becomes.
    pub fn applied_to(&self, reference: &Reference) -> Reference {
        let tagged = self.tag.as_deref().map(|tag| reference.tagged(tag));
        tagged.as_ref().unwrap_or(reference).pinned(&self.digest)
    }
}

impl Verdict {
    /// Returns the verdict on a site that is as it should be, or is none of somebody's business.
    pub fn unchanged() -> Self {
        Self { outcome: Outcome::Unchanged, reason: None, detail: None, change: None, behind: None }
    }

    /// Returns the verdict on a site that `change` is written to.
    pub(super) fn changed(located: &Located, change: Change) -> Self {
        let outcome = if located.site.digest().is_some() { Outcome::Updated } else { Outcome::Pinned };
        Self { outcome, change: Some(change), ..Self::unchanged() }
    }

    /// Returns a verdict without change.
    pub fn because(outcome: Outcome, reason: Reason, detail: Option<String>) -> Self {
        Self { outcome, reason: Some(reason), detail, change: None, behind: None }
    }

    /// Returns the verdict on a site that could be changed, and is not for `reason`.
    pub fn held(reason: Reason, detail: impl Into<String>) -> Self {
        Self::because(Outcome::Held, reason, Some(detail.into()))
    }

    /// Returns the verdict on a site that a registry gave no usable answer about.
    pub fn unresolved(error: &ResolveError) -> Self {
        Self::because(Outcome::Failed, error.into(), Some(error.to_string()))
    }

    /// Returns whether this run could not find out what the site should have, or may not say so yet: a registry gave no
    /// answer that counts, or what it said has to wait. What an earlier run proposed may stay, unconfirmed.
    pub fn is_unconfirmed(&self) -> bool {
        match self.outcome {
            Outcome::Failed => matches!(
                self.reason,
                Some(
                    Reason::Unauthorized
                        | Reason::RateLimited
                        | Reason::Unavailable
                        | Reason::InvalidAnswer
                        | Reason::NotAsked
                )
            ),
            Outcome::Held => self.waits(),
            _ => false,
        }
    }

    /// Returns whether the site is held until something is known for long enough, or until others are.
    pub fn waits(&self) -> bool {
        self.outcome == Outcome::Held
            && matches!(self.reason, Some(Reason::Delay(_) | Reason::NotSoaked | Reason::OthersRefused))
    }

    /// Returns whether somebody or something keeps the site from being changed: other than a hold, which is a decision
    /// about this one image and says nothing of the others.
    pub fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Held | Outcome::Failed) && self.reason != Some(Reason::OnHold)
    }
}
