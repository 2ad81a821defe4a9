//! What GitHub refuses, said in our words: what happened, to which repository, and what to do next.

use reqwest::StatusCode;
use serde_json::Value;

use super::GitHubAnswer;
use super::client::GitHubClient;
use crate::forge::{Draft, ForgeError};

/// GitHub's own words: `message`, and the texts in `errors` (REST API, "Client errors").
pub(super) struct GitHubRefusal {
    status: StatusCode,
    /// The message; empty where the body is not GitHub's JSON.
    pub(super) message: String,
    errors: Vec<Value>,
}

/// What was tried, for the message.
#[derive(Clone, Copy)]
pub(super) enum Deed<'a> {
    Find,
    Create(&'a Draft),
    Update(u64),
    Dress,
    Commit,
    Identify,
    Authenticate,
}

impl Deed<'_> {
    fn words(self) -> String {
        match self {
            Self::Find => "look for pull requests".to_owned(),
            Self::Create(_) => "open a pull request".to_owned(),
            Self::Update(number) => format!("update pull request {number}"),
            Self::Dress => "add labels, reviewers and the like".to_owned(),
            Self::Commit => "make a commit".to_owned(),
            Self::Identify => "ask whose token this is".to_owned(),
            Self::Authenticate => "get a token for the GitHub App".to_owned(),
        }
    }
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

    /// Returns the refusal that a message without a status of its own is.
    pub(super) fn of_message(status: StatusCode, message: String) -> Self {
        Self { status, message, errors: Vec::new() }
    }

    /// Tells whether the message or one of the errors holds `words`.
    pub(super) fn says(&self, words: &str) -> bool {
        let holds = |text: &str| text.to_ascii_lowercase().contains(&words.to_ascii_lowercase());
        holds(&self.message)
            || self.errors.iter().any(|error| text_of(error).is_some_and(|text| holds(&text)))
    }

    /// Tells whether the value that was sent for `field` is called invalid.
    fn invalid(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error["field"] == field && error["code"] == "invalid")
    }

    /// Returns everything that GitHub said, in one line.
    fn text(&self) -> String {
        let errors = self.errors.iter().filter_map(text_of);
        std::iter::once(self.message.clone())
            .chain(errors)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Returns the error for this refusal of `deed` in `repository` (`owner/name`).
    pub(super) fn explain(&self, deed: Deed<'_>, repository: &str, client: &GitHubClient) -> ForgeError {
        let (what, base, said) = (deed.words(), client.base(), client.in_parentheses(&self.text()));
        match self.status {
            StatusCode::UNAUTHORIZED if matches!(deed, Deed::Authenticate) => {
                ForgeError::Unauthorized(format!(
                    "cannot {what} in `{repository}`: the forge at `{base}` does not accept its key{said}: check `app-id` \
                 and the private key, and this machine's clock"
                ))
            }
            StatusCode::UNAUTHORIZED if client.has_token() => ForgeError::Unauthorized(format!(
                "cannot {what} in `{repository}`: the forge at `{base}` does not accept the token{said}: it may be \
                 expired, revoked or meant for another forge, set another one in TAGPIN_GITHUB_TOKEN"
            )),
            StatusCode::UNAUTHORIZED => ForgeError::Unauthorized(format!(
                "cannot {what} in `{repository}`: the forge at `{base}` asks for a token{said}: set \
                 TAGPIN_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN"
            )),
            StatusCode::FORBIDDEN if self.says("not permitted to create or approve pull requests") => {
                let owner = repository.split('/').next().unwrap_or_default();
                ForgeError::Forbidden(format!(
                    "cannot {what} in `{repository}`: GitHub Actions may not do it there: switch on \"Allow GitHub \
                     Actions to create and approve pull requests\" under Settings, Actions, General of the repository \
                     `{repository}` (where it is greyed out: of the organization `{owner}`), or use another token"
                ))
            }
            StatusCode::FORBIDDEN if self.says("archived") => ForgeError::Forbidden(format!(
                "cannot {what} in `{repository}`: the repository is archived and so read-only: unarchive it, or \
                 take it out of the configuration"
            )),
            StatusCode::FORBIDDEN if matches!(deed, Deed::Dress) => ForgeError::Forbidden(format!(
                "cannot {what} in `{repository}`: the token lacks a permission{said}: labels, assignees and milestones need \
                 `pull-requests: write`, teams need `members: read`"
            )),
            StatusCode::FORBIDDEN => ForgeError::Forbidden(format!(
                "cannot {what} in `{repository}`: the token lacks a permission{said}: it needs `contents: write` and \
                 `pull-requests: write` there"
            )),
            StatusCode::NOT_FOUND => ForgeError::NotFound(format!(
                "cannot {what} in `{repository}`: the forge at `{base}` knows no such repository, or {}: check its \
                 name and what the token has access to",
                if client.has_token() { "hides it from this token" } else { "hides it without a token" }
            )),
            StatusCode::UNPROCESSABLE_ENTITY => self.rejected(deed, repository, &said),
            status => ForgeError::InvalidAnswer(format!(
                "cannot {what} in `{repository}`: the forge at `{base}` answered {}{said}: check `base-url`",
                status.as_u16()
            )),
        }
    }

    fn rejected(&self, deed: Deed<'_>, repository: &str, said: &str) -> ForgeError {
        let what = deed.words();
        let why = match deed {
            Deed::Create(Draft { head, base, .. }) if self.says("no commits between") => {
                format!(
                    "`{head}` has no commit that `{base}` lacks: the change may be merged already, run again"
                )
            }
            Deed::Create(Draft { head, base, .. }) if self.says("a pull request already exists") => {
                format!(
                    "somebody else has one open from `{head}` to `{base}`, which is not rewritten: close it, and run \
                     again"
                )
            }
            Deed::Create(Draft { head, .. }) if self.invalid("head") => {
                format!("the forge knows no branch `{head}`: it may be deleted since the push, run again")
            }
            Deed::Create(Draft { base, .. }) if self.invalid("base") => {
                format!(
                    "the forge knows no branch `{base}`: check the repository's `branch` in the configuration"
                )
            }
            Deed::Dress => format!("the forge refuses it{said}: check the names in [pull-request]"),
            _ => format!("the forge refuses it{said}: run again with `-v`, and report it if it stays"),
        };
        ForgeError::Rejected(format!("cannot {what} in `{repository}`: {why}"))
    }
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
