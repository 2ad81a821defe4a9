//! A request, from the asking to the edits.

use jiff::Timestamp;

use super::promote::{PlannedPromotion, Promote};
use super::rollback::{PlannedRollback, Rollback};
use super::{RequestError, RequestOutcome, Workspace};
use crate::history::ledger::LedgerView;
use crate::policy::Settings;
use crate::policy::target::below;
use crate::pull_request::Occasion;
use crate::pull_request::group::Group;
use crate::registry::Registry;
use crate::source::git::{Log, LogError};
use crate::source::tree::Tree;

/// What a person asks for.
#[derive(Clone, Debug)]
pub enum Request {
    /// `tagpin promote`.
    Promote(Promote),
    /// `tagpin rollback`.
    Rollback(Rollback),
}

/// What a request will do, before any registry was asked.
#[derive(Clone, Debug)]
pub enum RequestPlan {
    /// A promotion.
    Promote(Box<PlannedPromotion>),
    /// A rollback.
    Rollback(Box<PlannedRollback>),
}

impl Request {
    /// Returns which pull request it belongs into, and what that is for.
    ///
    /// Paths are told from the root: the same command in two directories may be about two things.
    pub fn occasion(&self, settings: &Settings, seen_from: &str, own_file: &str) -> (Group, Occasion) {
        let place = |text: &str| {
            let is_environment = settings.environments.iter().any(|environment| environment.name == text);
            let (path, object) = text.split_at(text.find('#').unwrap_or(text.len()));
            match below(seen_from, path) {
                Some(path) if !is_environment && path.is_empty() => ".".to_owned(),
                Some(path) if !is_environment => format!("{path}{object}"),
                _ => text.to_owned(),
            }
        };
        match self {
            Self::Promote(request) => request.occasion(place),
            Self::Rollback(request) => request.occasion(place, own_file),
        }
    }

    /// Decides what is to be done in the repository at `place`, whose history `log` reads.
    ///
    /// # Errors
    /// What is named does not exist, or files and history cannot be read.
    pub fn plan<T: Tree>(
        &self,
        place: Workspace<'_, T>,
        log: impl FnOnce() -> Result<Log, LogError>,
        now: Timestamp,
    ) -> Result<RequestPlan, RequestError> {
        Ok(match self {
            Self::Promote(promote) => RequestPlan::Promote(Box::new(promote.plan(place, log, now)?)),
            Self::Rollback(rollback) => RequestPlan::Rollback(Box::new(rollback.plan(place, log)?)),
        })
    }
}

impl RequestPlan {
    /// Asks the registries for what is to be written, and edits the files in memory.
    ///
    /// # Errors
    /// The files cannot be read. What goes wrong with one image is in its verdict.
    pub async fn carry_out<T: Tree, R: Registry>(
        self,
        tree: &T,
        settings: &Settings,
        past: &LedgerView,
        registry: &R,
    ) -> Result<RequestOutcome, RequestError> {
        match self {
            Self::Promote(planned) => planned.carry_out(tree, settings, past, registry).await,
            Self::Rollback(planned) => planned.carry_out(tree, settings, past, registry).await,
        }
    }
}
