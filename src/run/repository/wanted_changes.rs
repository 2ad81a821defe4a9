//! Whether a branch holds what this run wants there: the one place that compares them.

use super::clone::TagpinCommit;
use super::commit::{changes_hash, without_workflows};
use crate::plan::Pinned;

/// What this run wants a branch to hold.
pub(crate) struct WantedChanges {
    /// The hash of all changes.
    all: String,
    /// The changes but for those of workflows, where there are such, and their hash; no hash where nothing is left.
    rest: Option<(Pinned, Option<String>)>,
}

/// How much of it a commit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldChanges {
    All,
    /// All but the changes of workflows, which the token may lack the permission for.
    WithoutWorkflows,
}

impl WantedChanges {
    /// Returns what `part` wants its branch to hold; `None` where it changes nothing.
    pub(crate) fn of(part: &Pinned) -> Option<Self> {
        if part.files.is_empty() {
            return None;
        }
        let rest = without_workflows(part).map(|rest| {
            let hash = (!rest.files.is_empty()).then(|| changes_hash(&rest));
            (rest, hash)
        });
        Some(Self { all: changes_hash(part), rest })
    }

    /// Returns how much `commit` holds; `None` where it holds something else.
    pub(crate) fn held_by(&self, commit: &TagpinCommit) -> Option<HeldChanges> {
        let held = commit.changes.as_ref()?;
        let rest = self.rest.as_ref().and_then(|(_, hash)| hash.as_ref());
        if *held == self.all {
            Some(HeldChanges::All)
        } else {
            (rest == Some(held)).then_some(HeldChanges::WithoutWorkflows)
        }
    }

    /// Returns `part`, which this was made of, without the changes of workflows.
    pub(crate) fn without_workflows(self, part: Pinned) -> Pinned {
        self.rest.map_or(part, |(rest, _)| rest)
    }
}
