//! What GitHub refuses, said in our words: what happened, to which repository, and what to do next.

use reqwest::StatusCode;
use serde_json::Value;

use super::GitHubAnswer;
use super::client::GitHubClient;
use crate::forge::{Attempt, Failure, ForgeError, Problem};

const REPORT: &str = "run again with `-v`, and report it if it stays";

/// GitHub's own words: `message`, and the texts in `errors` (REST API, "Client errors").
pub(super) struct GitHubRefusal {
    status: StatusCode,
    /// The message; empty where the body is not GitHub's JSON.
    message: String,
    errors: Vec<Value>,
}

impl GitHubRefusal {
    /// Reads what a refusing answer says. Nothing is demanded of it: a proxy may have written it.
    pub(super) fn read(answer: &GitHubAnswer) -> Self {
        let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        Self {
            status: answer.status,
            message: body["message"].as_str().unwrap_or_default().to_owned(),
            errors: body["errors"].as_array().cloned().unwrap_or_default(),
        }
    }

    pub(super) fn of_message(status: StatusCode, message: String) -> Self {
        Self { status, message, errors: Vec::new() }
    }

    /// Returns why it was refused. GitHub has words alone for most of it, and they are read here and nowhere else.
    fn reason(&self) -> Reason {
        let text = self.text().to_ascii_lowercase();
        let invalid = |field: &str| {
            self.errors.iter().any(|error| error["field"] == field && error["code"] == "invalid")
        };
        match self.status {
            StatusCode::FORBIDDEN if text.contains("not permitted to create or approve pull requests") => {
                Reason::ActionsMayNot
            }
            StatusCode::FORBIDDEN if text.contains("archived") => Reason::Archived,
            StatusCode::UNPROCESSABLE_ENTITY if text.contains("no commits between") => Reason::NoCommits,
            StatusCode::UNPROCESSABLE_ENTITY if text.contains("a pull request already exists") => {
                Reason::AlreadyExists
            }
            StatusCode::UNPROCESSABLE_ENTITY if invalid("head") => Reason::UnknownHead,
            StatusCode::UNPROCESSABLE_ENTITY if invalid("base") => Reason::UnknownBase,
            _ => Reason::Unsaid,
        }
    }

    fn text(&self) -> String {
        let errors = self.errors.iter().filter_map(text_of);
        std::iter::once(self.message.clone())
            .chain(errors)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
    }

    pub(super) fn explain(&self, attempt: &Attempt, repository: &str, client: &GitHubClient) -> ForgeError {
        let failure = |problem: Problem| {
            let failure = client.failure(problem).of_repository(repository.to_owned());
            failure.while_trying(attempt).with_status(self.status.as_u16())
        };
        let quoted = |problem: Problem| failure(problem).quote(client.quote(&self.text()));
        let with_token = client.has_token();
        match (self.status, self.reason(), attempt) {
            (StatusCode::UNAUTHORIZED, _, Attempt::Authenticate(_)) => {
                ForgeError::Unauthorized(quoted(Problem::KeyRefused).advise(
                    "check `app-id` and the private key, and this machine's clock",
                ))
            }
            (StatusCode::UNAUTHORIZED, ..) if with_token => {
                ForgeError::Unauthorized(quoted(Problem::TokenRefused).advise(
                    "it may be expired, revoked or meant for another forge, set another one in TAGPIN_GITHUB_TOKEN",
                ))
            }
            (StatusCode::UNAUTHORIZED, ..) => ForgeError::Unauthorized(
                quoted(Problem::NoToken).advise("set TAGPIN_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN"),
            ),
            (_, Reason::ActionsMayNot, _) => {
                let owner = repository.split('/').next().unwrap_or_default();
                let problem = Problem::Other("GitHub Actions may not do it there".to_owned());
                ForgeError::Forbidden(failure(problem).advise(format!(
                    "switch on \"Allow GitHub Actions to create and approve pull requests\" under Settings, Actions, \
                     General of the repository `{repository}` (where it is greyed out: of the organization `{owner}`), \
                     or use another token"
                )))
            }
            (_, Reason::Archived, _) => ForgeError::Forbidden(
                failure(Problem::Archived).advise("unarchive it, or take it out of the configuration"),
            ),
            (StatusCode::FORBIDDEN, _, Attempt::AddMetadata) => {
                ForgeError::Forbidden(quoted(Problem::NoPermission).advise(
                    "labels, assignees and milestones need `pull-requests: write`, teams need `members: read`",
                ))
            }
            (StatusCode::FORBIDDEN, ..) => ForgeError::Forbidden(
                quoted(Problem::NoPermission)
                    .advise("it needs `contents: write` and `pull-requests: write` there"),
            ),
            (StatusCode::NOT_FOUND, ..) => ForgeError::NotFound(
                failure(Problem::UnknownRepository { with_token })
                    .advise("check its name and what the token has access to"),
            ),
            (StatusCode::CONFLICT, ..) => {
                ForgeError::Conflict(quoted(Problem::Conflict).advise("run again"))
            }
            (StatusCode::UNPROCESSABLE_ENTITY, reason, _) => rejected(reason, attempt, failure, quoted),
            (status, ..) => ForgeError::InvalidAnswer(
                quoted(Problem::Status(status.as_u16())).advise("check `base-url`"),
            ),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    ActionsMayNot,
    Archived,
    NoCommits,
    AlreadyExists,
    UnknownHead,
    UnknownBase,
    Unsaid,
}

/// Returns the error for what GitHub understood and refuses; `quoted` is `failure` with GitHub's own words.
fn rejected(
    reason: Reason,
    attempt: &Attempt,
    failure: impl Fn(Problem) -> Box<Failure>,
    quoted: impl Fn(Problem) -> Box<Failure>,
) -> ForgeError {
    let Attempt::Create { head, base } = attempt else {
        let advice = match attempt {
            Attempt::AddMetadata => "check the names in [pull-request]",
            _ => REPORT,
        };
        return ForgeError::Rejected(quoted(Problem::Refused).advise(advice));
    };
    let (head, base) = (head.clone(), base.clone());
    let (problem, advice) = match reason {
        Reason::AlreadyExists => {
            let failure = failure(Problem::AlreadyOpen { head, base });
            return ForgeError::AlreadyExists(failure.advise("close it, and run again"));
        }
        Reason::NoCommits => {
            (Problem::NothingToPropose { head, base }, "the change may be merged already, run again")
        }
        Reason::UnknownHead => (Problem::UnknownBranch(head), "it may be deleted since the push, run again"),
        Reason::UnknownBase => {
            (Problem::UnknownBranch(base), "check the repository's `branch` in the configuration")
        }
        _ => return ForgeError::Rejected(quoted(Problem::Refused).advise(REPORT)),
    };
    ForgeError::Rejected(failure(problem).advise(advice))
}

/// Returns what one entry of `errors` says: a text, an object with `message`, or one with `field` and `code`.
fn text_of(error: &Value) -> Option<String> {
    match (error.as_str(), error["message"].as_str(), error["field"].as_str(), error["code"].as_str()) {
        (Some(text), ..) | (_, Some(text), ..) => Some(text.to_owned()),
        (_, _, Some(field), Some(code)) => Some(format!("{field}: {code}")),
        _ => None,
    }
}

/// Returns whether GitHub refused a push because the token may not change the workflows in it: "refusing to allow an OAuth
/// App to create or update workflow `…` without `workflow` scope". git has no more than the text.
pub(in crate::forge) fn refuses_workflows(message: &str) -> bool {
    message.contains("refusing to allow") && message.contains("workflow")
}
