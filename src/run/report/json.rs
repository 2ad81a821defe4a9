//! The versioned JSON document of a run.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::error_chain;
use crate::pull_request::Settled;
use crate::registry::Budget;
use crate::report::{Report, json};
use crate::run::{BranchState, LedgerUpdate, RepositoryOutcome, RunError, RunStats};

/// What a run did.
#[derive(Serialize)]
pub struct Document<'r> {
    version: u32,
    repositories: &'r [RepositoryRow],
    registries: BTreeMap<String, Budget>,
    errors: &'r [String],
    summary: Value,
    complete: bool,
}

impl<'r> Document<'r> {
    /// Returns the document on `repositories`. `errors` are those of the run itself, `registries` the requests that each got.
    pub fn new(
        repositories: &'r [RepositoryRow],
        errors: &'r [String],
        registries: BTreeMap<String, Budget>,
        stats: &RunStats,
    ) -> Self {
        let (summary, complete) = (stats.json(), stats.complete);
        Self { version: json::VERSION, repositories, registries, errors, summary, complete }
    }
}

/// What a run did in one repository; `null` until it has ended.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct RepositoryRow(Value);

/// What stands beside the images of a repository.
#[derive(Serialize)]
struct OutcomeJson<'r> {
    url: &'r str,
    branch: BranchJson<'r>,
    pull_request: Option<PullRequestJson<'r>>,
    ledger: Option<LedgerJson<'r>>,
    groups: Vec<GroupJson<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct FailedJson<'r> {
    url: &'r str,
    error: String,
    complete: bool,
}

#[derive(Serialize)]
struct GroupJson<'r> {
    group: Option<&'r str>,
    branch: BranchJson<'r>,
    files: usize,
    #[serde(skip_serializing_if = "is_none")]
    unconfirmed: usize,
    pull_request: Option<PullRequestJson<'r>>,
    error: Option<&'r str>,
}

#[derive(Serialize)]
struct BranchJson<'r> {
    name: &'r str,
    state: &'static str,
    commit: Option<&'r str>,
}

#[derive(Serialize)]
struct PullRequestJson<'r> {
    number: u64,
    url: &'r str,
    state: &'static str,
    operation: &'static str,
}

#[derive(Serialize)]
struct LedgerJson<'r> {
    branch: &'r str,
    state: &'static str,
    lines: usize,
    problem: Option<&'r str>,
}

impl RepositoryRow {
    /// Returns the row of the repository at `url` that could not be done.
    ///
    /// # Errors
    /// serde's.
    pub fn failed(url: &str, error: &RunError) -> serde_json::Result<Self> {
        serde_json::to_value(FailedJson { url, error: error_chain(error), complete: false }).map(Self)
    }

    /// Returns the row of the repository at `url`, whose images are in `report`.
    ///
    /// # Errors
    /// serde's.
    pub fn done(url: &str, outcome: &RepositoryOutcome, report: &Report<'_>) -> serde_json::Result<Self> {
        let own = OutcomeJson {
            url,
            branch: BranchJson::of(outcome.branch_name(), &outcome.branch, outcome.commit.as_deref()),
            pull_request: outcome.pull_request.as_ref().map(PullRequestJson::of),
            ledger: outcome.ledger.as_ref().map(LedgerJson::of),
            groups: GroupJson::all(outcome),
            error: outcome.pull_request_error.as_ref().map(ToString::to_string),
        };
        let mut row = json::value(report)?;
        if let (Some(row), Value::Object(own)) = (row.as_object_mut(), serde_json::to_value(own)?) {
            // It stands once, at the top of the document.
            row.remove("version");
            row.extend(own);
        }
        Ok(Self(row))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl<'r> GroupJson<'r> {
    fn all(outcome: &'r RepositoryOutcome) -> Vec<Self> {
        let groups = outcome.groups.iter().map(|group| Self {
            group: group.group.as_deref(),
            branch: BranchJson::of(&group.branch_name, &group.branch, group.commit.as_deref()),
            files: group.files,
            unconfirmed: group.unconfirmed,
            pull_request: group.pull_request.as_ref().map(PullRequestJson::of),
            error: group.error.as_deref(),
        });
        groups.collect()
    }
}

impl<'r> BranchJson<'r> {
    fn of(name: &'r str, state: &BranchState, commit: Option<&'r str>) -> Self {
        Self { name, state: state.as_str(), commit }
    }
}

impl<'r> PullRequestJson<'r> {
    fn of(settled: &'r Settled) -> Self {
        let Settled { pull_request, operation } = settled;
        let (number, url) = (pull_request.number, pull_request.url.as_str());
        Self { number, url, state: pull_request.state.as_str(), operation: operation.as_str() }
    }
}

impl<'r> LedgerJson<'r> {
    fn of(update: &'r LedgerUpdate) -> Self {
        let LedgerUpdate { branch, state, lines, problem } = update;
        Self { branch, state: state.as_str(), lines: *lines, problem: problem.as_deref() }
    }
}
