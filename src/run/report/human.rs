//! What a run did in one repository, in lines for people.

use crate::forge::PullRequestState;
use crate::pull_request::Operation;
use crate::run::{BranchState, GroupOutcome, RecordState, RepositoryOutcome};
use crate::text::count;

/// Returns a line for each group of changes and for the ledger; `is_complete` says whether everything could be checked.
pub fn outcome_lines(outcome: &RepositoryOutcome, is_complete: bool) -> Vec<String> {
    let mut lines: Vec<String> = outcome.groups.iter().map(group_line).collect();
    if lines.is_empty() {
        lines.push(match outcome.branch {
            BranchState::DryRun => format!("{} would change", count(outcome.pinned.files.len(), "file")),
            _ if is_complete => "nothing to change".to_owned(),
            _ => "nothing changed, and not everything could be checked".to_owned(),
        });
    }
    let pushed = outcome.ledger.as_ref().filter(|ledger| ledger.state == RecordState::Pushed);
    lines.extend(pushed.map(|ledger| {
        format!("{} added to the ledger on the branch `{}`", count(ledger.lines, "line"), ledger.branch)
    }));
    lines
}

/// Returns a line for each pull request that could not be opened or brought up to date.
pub fn error_lines(outcome: &RepositoryOutcome) -> Vec<String> {
    let groups = outcome.groups.iter().filter_map(|group| {
        let error = group.error.as_ref()?;
        Some(format!("no pull request for `{}`: {error}", group.branch_name))
    });
    let whole = outcome.pull_request_error.iter().filter(|_| outcome.groups.is_empty());
    groups.chain(whole.map(|error| format!("no pull request: {error}"))).collect()
}

fn group_line(group: &GroupOutcome) -> String {
    let (files, name) = (count(group.files, "file"), &group.branch_name);
    let state = match group.branch {
        BranchState::NothingToDo if group.error.is_some() => {
            format!("{files} to change, the branch `{name}` failed")
        }
        BranchState::NothingToDo => "nothing to change".to_owned(),
        BranchState::DryRun => format!("{files} would change"),
        BranchState::UpToDate if group.unconfirmed > 0 => format!(
            "{files} to change, the branch `{name}` holds them already, {} not confirmed in this run",
            count(group.unconfirmed, "image")
        ),
        BranchState::UpToDate => format!("{files} to change, the branch `{name}` holds them already"),
        BranchState::Pushed => format!("{files} changed on the branch `{name}`"),
        BranchState::Unconfirmed => {
            format!("what the branch `{name}` holds could not be compared, it is left alone")
        }
        BranchState::LeftAlone => format!("{files} to change, the branch `{name}` is left alone"),
        BranchState::Stopped => format!("the branch `{name}` is halted by a label"),
        BranchState::Deleted => format!("nothing to change, the branch `{name}` was deleted"),
    };
    let pull_request = group.pull_request.as_ref().map(|settled| {
        let word = match (settled.operation, settled.pull_request.state) {
            (Operation::None, PullRequestState::Open) => "unchanged",
            (Operation::None, state) => state.as_str(),
            (operation, _) => operation.as_str(),
        };
        format!("; pull request {word}: {}", settled.pull_request.url)
    });
    format!("{state}{}", pull_request.unwrap_or_default())
}
