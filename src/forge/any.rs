//! Any one of the forges, picked by the configuration.

use std::collections::BTreeMap;

use super::github::GitHub;
use super::{
    Account, Capabilities, Draft, Forge, ForgeError, Metadata, NewCommit, PullRequest, PullRequestChanges,
    Withdrawn,
};

/// A repository on one of the forges that tagpin knows.
#[derive(Debug)]
pub enum AnyForge {
    /// On GitHub or GitHub Enterprise.
    GitHub(GitHub),
}

macro_rules! each {
    ($any:expr, $forge:ident => $work:expr) => {
        match $any {
            AnyForge::GitHub($forge) => $work,
        }
    };
}

impl Forge for AnyForge {
    fn capabilities(&self) -> Capabilities {
        each!(self, forge => forge.capabilities())
    }

    async fn histories(
        &self,
        branches: &[String],
        base: &str,
    ) -> Result<BTreeMap<String, Vec<PullRequest>>, ForgeError> {
        each!(self, forge => forge.histories(branches, base).await)
    }

    async fn identity(&self) -> Result<Account, ForgeError> {
        each!(self, forge => forge.identity().await)
    }

    async fn create(&self, draft: &Draft) -> Result<PullRequest, ForgeError> {
        each!(self, forge => forge.create(draft).await)
    }

    async fn update(
        &self,
        pull: &PullRequest,
        changes: &PullRequestChanges<'_>,
    ) -> Result<PullRequest, ForgeError> {
        each!(self, forge => forge.update(pull, changes).await)
    }

    async fn add_metadata(&self, pull: &PullRequest, metadata: &Metadata) -> Result<Vec<String>, ForgeError> {
        each!(self, forge => forge.add_metadata(pull, metadata).await)
    }

    async fn disable_auto_merge(&self, pull: &PullRequest) -> Result<(), ForgeError> {
        each!(self, forge => forge.disable_auto_merge(pull).await)
    }

    async fn withdrawn(&self, pull: &PullRequest) -> Result<Withdrawn, ForgeError> {
        each!(self, forge => forge.withdrawn(pull).await)
    }

    async fn remove_label(&self, pull: &PullRequest, label: &str) -> Result<(), ForgeError> {
        each!(self, forge => forge.remove_label(pull, label).await)
    }

    async fn commit(&self, commit: &NewCommit) -> Result<String, ForgeError> {
        each!(self, forge => forge.commit(commit).await)
    }
}
