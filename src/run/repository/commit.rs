//! Commits: made and pushed by git, or made by the forge, which signs them.

use std::collections::{BTreeMap, BTreeSet};

use super::context::RepositoryContext;
use crate::config::Config;
use crate::forge::{self, Forge as _, ForgeError, NewCommit, NewFile};
use crate::plan::{Pinned, Reason};
use crate::pull_request::from_plan::proposal;
use crate::pull_request::{Occasion, Proposal, TemplateContext, commit_message, title};
use crate::run::RunError;
use crate::source::git::{GitError, Identity, Oid};

/// What is said about a workflow that could not be pushed.
const WORKFLOWS_HELD: &str = "the token may not change workflows: give it the `workflows` permission, and have the pull \
    request rebuilt";

/// A commit that a branch gets.
pub(crate) struct NewBranchCommit<'a> {
    pub(crate) branch: &'a str,
    /// Where it is; `None` where there is none.
    pub(crate) expected: Option<Oid>,
    pub(crate) place: TemplateContext<'a>,
    /// What its changes are for.
    pub(crate) occasion: &'a Occasion,
}

impl NewBranchCommit<'_> {
    /// Returns the message of the commit with the changes of `pinned`, without tagpin's trailers.
    pub(crate) fn message(&self, config: &Config, pinned: &Pinned) -> String {
        let proposal = proposal(pinned, &BTreeMap::new(), self.occasion.clone(), String::new());
        let (title, _) = worded_title(config, &proposal, self.place);
        let template = config.proposals.commit_message.as_ref();
        let own = template.and_then(|template| {
            let message = template.message(&proposal, self.place, &title);
            message
                .inspect_err(|error| tracing::warn!(error, "the template `commit-message` was not used"))
                .ok()
        });
        let mut message = own.unwrap_or_else(|| commit_message(&proposal, &title));
        if config.forge.sign_off {
            let (name, email) = (&config.forge.author_name, &config.forge.author_email);
            message = format!("{}\n\nSigned-off-by: {name} <{email}>\n", message.trim_end());
        }
        message
    }
}

/// Returns the files that `pinned` changes with their new contents.
fn contents(pinned: &Pinned) -> Vec<(String, Vec<u8>)> {
    let files = pinned.files.iter().chain(&pinned.beside);
    files.map(|file| (file.path.clone(), file.after.clone())).collect()
}

/// Returns `pinned` without the workflows in it, which are held; `None` where there are none.
pub(crate) fn without_workflows(pinned: &Pinned) -> Option<Pinned> {
    let paths = pinned.files.iter().map(|file| file.path.clone());
    let workflows: BTreeSet<String> = paths.filter(|path| forge::is_workflow(path)).collect();
    (!workflows.is_empty()).then(|| {
        let mut rest = pinned.clone();
        rest.hold(&workflows, Reason::WorkflowPermission, WORKFLOWS_HELD);
        rest
    })
}

/// Makes a commit of `pinned` and moves the branch to it. Returns what is in it, and the commit as hex. Where the token may
/// not change workflows, they are held; no commit is made where nothing is left.
pub(crate) async fn commit<R>(
    repository: &RepositoryContext<'_, R>,
    new: &NewBranchCommit<'_>,
    pinned: Pinned,
) -> Result<(Pinned, Option<String>), RunError> {
    let result = try_commit(repository, new, &pinned).await;
    // Over the API, a forge says no more than that the token may not.
    let is_refused = is_workflow_refusal(&result)
        || matches!(
            result,
            Err(RunError::Forge(
                ForgeError::Forbidden(_) | ForgeError::NotFound(_) | ForgeError::Rejected(_)
            ))
        );
    match without_workflows(&pinned) {
        // Holds are for all that goes back: they do not go without a part of it.
        Some(rest) if is_refused && pinned.beside.is_empty() => {
            if rest.files.is_empty() {
                return Ok((rest, None));
            }
            let commit = try_commit(repository, new, &rest).await?;
            Ok((rest, Some(commit)))
        }
        _ => Ok((pinned, Some(result?))),
    }
}

/// Returns whether a push was refused because of the workflows in it.
fn is_workflow_refusal(result: &Result<String, RunError>) -> bool {
    matches!(result, Err(RunError::Git(GitError::Rejected { message, .. })) if forge::refuses_workflows(message))
}

async fn try_commit<R>(
    repository: &RepositoryContext<'_, R>,
    new: &NewBranchCommit<'_>,
    pinned: &Pinned,
) -> Result<String, RunError> {
    let RepositoryContext { run, access, config, cloned, .. } = repository;
    let message = new.message(config, pinned);
    let (files, branch, expected) = (contents(pinned), new.branch.to_owned(), new.expected);
    let base = cloned.base;
    let Some(forge) = access.forge.as_ref().filter(|_| access.forge_commits) else {
        let forge = &config.forge;
        let author = Identity { name: forge.author_name.clone(), email: forge.author_email.clone() };
        let now = run.now;
        let push = cloned.git.with(move |git| {
            let commit = git.commit(base, &files, &message, &author, now)?;
            git.push(commit, &branch, expected)?;
            Ok(commit.to_string())
        });
        return push.await;
    };
    let prepare = cloned.git.with(move |git| {
        let prepared = git.prepare(base, &files, &message)?;
        let files = files.into_iter().map(|(path, content)| {
            let executable = prepared.executables.contains(&path);
            NewFile { path, executable, content }
        });
        Ok(NewCommit {
            files: files.collect(),
            branch,
            expected: expected.map(|oid| oid.to_string()),
            base: base.to_string(),
            base_tree: prepared.base_tree.to_string(),
            tree: prepared.tree.to_string(),
            message: prepared.message,
        })
    });
    Ok(forge.commit(&prepare.await?).await?)
}

/// Returns the title for `proposal`, and why the user's own was not used.
pub(crate) fn worded_title(
    config: &Config,
    proposal: &Proposal,
    place: TemplateContext<'_>,
) -> (String, Option<String>) {
    let longest = config.forge.kind.profile().capabilities.title_max;
    let built_in = || title(proposal, place.group);
    match config.proposals.title.as_ref().map(|template| template.title(proposal, place, longest)) {
        None => (built_in(), None),
        Some(Ok(title)) => (title, None),
        Some(Err(error)) => (built_in(), Some(format!("the template `title` was not used: {error}"))),
    }
}
