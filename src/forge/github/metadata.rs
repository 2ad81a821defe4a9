//! Labels, reviewers, assignees, milestone and auto-merge of a pull request.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Call, PAGES};
use super::{GitHub, client};
use crate::forge::error::parenthesised;
use crate::forge::{Attempt, ForgeError, Metadata, PullRequest};

#[derive(Deserialize)]
struct Milestone {
    number: u64,
    title: String,
}

impl GitHub {
    /// Does what [`crate::forge::Forge::add_metadata`] says: each thing by itself, so that one that is refused costs no other.
    pub(super) async fn add_all(
        &self,
        pull: &PullRequest,
        metadata: &Metadata,
    ) -> Result<Vec<String>, ForgeError> {
        let (number, mut remarks) = (pull.number, Vec::new());
        let issue = self.repository_path(&format!("/issues/{number}"));
        if !metadata.labels.is_empty() {
            let body = json!({ "labels": metadata.labels });
            self.add(Method::POST, format!("{issue}/labels"), body, "labels", &mut remarks).await?;
        }
        if !metadata.assignees.is_empty() {
            let body = json!({ "assignees": metadata.assignees });
            self.add(Method::POST, format!("{issue}/assignees"), body, "assignees", &mut remarks).await?;
        }
        let path = self.repository_path(&format!("/pulls/{number}/requested_reviewers"));
        // People and teams in two requests: GitHub refuses both where it does not know one.
        for (key, names) in [("reviewers", &metadata.reviewers), ("team_reviewers", &metadata.team_reviewers)]
        {
            if !names.is_empty() {
                let what = key.replace('_', " ");
                self.add(Method::POST, path.clone(), json!({ key: names }), &what, &mut remarks).await?;
            }
        }
        if let Some(title) = &metadata.milestone {
            match self.milestone(title).await {
                Ok(Some(milestone)) => {
                    let body = json!({ "milestone": milestone });
                    self.add(Method::PATCH, issue, body, "the milestone", &mut remarks).await?;
                }
                Ok(None) => remarks.push(format!(
                    "pull request {number} has no milestone: `{}` has no open one with the title `{title}`",
                    self.full_name()
                )),
                Err(error) => remarks.push(lasting(error)?),
            }
        }
        if let Some(method) = metadata.auto_merge {
            match self.enable_auto_merge(pull, method).await {
                Ok(None) => {}
                Ok(Some(said)) => remarks.push(format!(
                    "pull request {number} is not merged by itself{}: allow auto-merge in the settings of `{}`",
                    parenthesised(&self.client.quote(&said)),
                    self.full_name()
                )),
                Err(error) => remarks.push(lasting(error)?),
            }
        }
        Ok(remarks)
    }

    async fn add(
        &self,
        method: Method,
        path: String,
        body: Value,
        what: &str,
        remarks: &mut Vec<String>,
    ) -> Result<(), ForgeError> {
        // Adding twice adds once.
        let call = Call { repeats: true, ..Call::new(method, path, Some(body)) };
        if let Err(error) = self.send::<Value>(call, &Attempt::AddMetadata).await {
            remarks.push(format!("{what} not added: {}", lasting(error)?));
        }
        Ok(())
    }

    async fn milestone(&self, title: &str) -> Result<Option<u64>, ForgeError> {
        for page in 1..=PAGES {
            let path = self.repository_path(&format!("/milestones?state=open&per_page=100&page={page}"));
            let answer = self.client.send(&Call::new(Method::GET, path, None)).await?;
            let milestones = self.read::<Vec<Milestone>>(&answer, &Attempt::AddMetadata)?;
            if let Some(found) = milestones.iter().find(|milestone| milestone.title == title) {
                return Ok(Some(found.number));
            }
            if !client::has_next_page(&answer.headers) {
                break;
            }
        }
        Ok(None)
    }
}

/// Returns the text of a refusal that another run would meet again.
fn lasting(error: ForgeError) -> Result<String, ForgeError> {
    match error {
        ForgeError::Unavailable(_) | ForgeError::RateLimited(_) => Err(error),
        error => Ok(error.to_string()),
    }
}
