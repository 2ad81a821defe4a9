//! What the steps of one repository have in common.

use super::clone::FetchedClone;
use super::credentials::Access;
use crate::config::Config;
use crate::run::RunContext;
use crate::source::tree::CommitTree;

/// One repository of a run, cloned.
pub(crate) struct RepositoryContext<'r, R> {
    pub(crate) run: &'r RunContext<'r, R>,
    pub(crate) access: &'r Access,
    /// The configuration, narrowed by the repository's own file.
    pub(crate) config: &'r Config,
    pub(crate) cloned: &'r FetchedClone,
    /// The files of the base.
    pub(crate) tree: &'r CommitTree,
}
