//! The report on what a run found in one repository.

use crate::report::Report;
use crate::run::{BranchState, LedgerUpdate, RepositoryOutcome};

/// Returns the report on the repository at `url`.
pub fn report<'d>(done: &'d RepositoryOutcome, url: &str) -> Report<'d> {
    let pinned = &done.pinned;
    let mut report = Report::new(&pinned.inventory, Some(&pinned.verdicts), |_| false);
    report.is_dry_run = done.branch == BranchState::DryRun;
    report.notes.extend(done.notes.iter().cloned());
    report.complete &= done.is_proposed() && done.ledger.as_ref().is_none_or(LedgerUpdate::is_complete);
    for group in done.groups.iter().filter(|group| group.branch == BranchState::LeftAlone) {
        report.complete = false;
        report.notes.push(format!(
            "the branch `{}` of {url} has commits that tagpin did not make, so it is left alone: merge it, or tick the box \
             in its pull request to have it rebuilt",
            group.branch_name
        ));
    }
    for group in done.groups.iter().filter(|group| group.branch == BranchState::Unconfirmed) {
        report.complete = false;
        report.notes.push(format!(
            "what the branch `{}` of {url} holds could not be compared in this run, so it is left alone: do not merge it \
             before a run has compared it",
            group.branch_name
        ));
    }
    report
}
