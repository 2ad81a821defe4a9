//! One repository, end to end: clone, pin, commit, push, open or update the pull request.

use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::config::{self, Config, ConfigError, ForgeKind, RepositoryConfig};
use crate::forge::github::{GitHub, GitHubSettings, api_host_matches, repository_of};
use crate::forge::{Draft, ForgeError};
use crate::git::{Auth, GitError, Identity, Oid, Remote, Repository, trailer};
use crate::manifest::SIZE_MAX;
use crate::pin::{self, FileEdit, Pinned};
use crate::proposal::{WORKFLOWS, proposal};
use crate::pull_request::{self, Operation, Settled, settle};
use crate::registry::Registry;
use crate::tree::{CommitTree, Tree, TreeError};

/// The branch that tagpin pushes.
pub const BRANCH: &str = "tagpin/pin-digests";

/// What a run needs beside its configuration.
pub struct Context<'c, R> {
    /// The configuration.
    pub config: &'c Config,
    /// The registries.
    pub registry: &'c R,
    /// Where clones are kept.
    pub cache_dir: &'c Path,
    /// The forge's token.
    pub token: Option<SecretString>,
    /// Looks a variable of the environment up, for `token-env`.
    pub lookup: &'c (dyn Fn(&str) -> Option<SecretString> + Sync),
    /// The time on commits.
    pub now: Timestamp,
    /// Whether nothing is pushed and nothing opened.
    pub dry_run: bool,
}

/// What became of one repository.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// What was found and decided.
    pub pinned: Pinned,
    /// What became of the branch.
    pub branch: BranchState,
    /// The commit that the branch is at, where tagpin made it.
    pub commit: Option<String>,
    /// The pull request.
    pub pull_request: Option<Settled>,
    /// Remarks that are no failures.
    pub notes: Vec<String>,
    /// Files that were left out because the token may not change workflows.
    pub held_workflows: Vec<String>,
}

/// What became of the branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BranchState {
    /// There is nothing to change, so nothing was pushed.
    #[default]
    NothingToDo,
    /// It would have been pushed, but for `--dry-run`.
    DryRun,
    /// It holds these changes already.
    UpToDate,
    /// It was pushed.
    Pushed,
    /// Somebody else committed to it, so it was left alone.
    LeftAlone,
}

impl BranchState {
    /// Returns the kebab-case word for reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NothingToDo => "nothing-to-do",
            Self::DryRun => "dry-run",
            Self::UpToDate => "up-to-date",
            Self::Pushed => "pushed",
            Self::LeftAlone => "left-alone",
        }
    }
}

/// Why a repository could not be done. The others go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Cloning, fetching or pushing.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The pull request; what was pushed stays pushed.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The commit's files.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The repository's own configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nothing to clone.
    #[error("`{url}` has no branch to read: {what}")]
    NoBranch {
        /// The repository.
        url: String,
        /// What was looked for.
        what: String,
    },
    /// The address is not one of the forge's.
    #[error(
        "`{url}` is not a repository of the forge: write `https://host/owner/name`, or set `kind = \"none\"` in [forge]"
    )]
    NotOnForge {
        /// The repository.
        url: String,
    },
    /// A thread of ours died.
    #[error("the work on the repository broke off: {0}")]
    Broken(String),
}

/// A clone with the commits that matter.
struct Cloned {
    repository: Repository,
    tree: CommitTree,
    base_branch: String,
    base: Oid,
    /// tagpin's branch as it is now.
    head: Option<Head>,
}

/// The head of tagpin's branch.
struct Head {
    id: Oid,
    /// Whether tagpin made it and nobody changed it since.
    own: bool,
    /// The hash of its changes, from its trailer.
    changes: Option<String>,
}

/// Does one repository.
///
/// # Errors
/// It could not be cloned, read, pushed or proposed. What failed for single images is in the verdicts.
pub async fn repository<R: Registry>(
    context: &Context<'_, R>,
    target: &RepositoryConfig,
    progress: impl Fn(usize, usize),
) -> Result<Done, RunError> {
    let remote = Remote::new(&target.url, auth(context, target))?;
    let (cache_dir, branch) = (context.cache_dir.to_owned(), target.branch.clone());
    let cloned = blocking(move || clone(&cache_dir, remote, branch)).await?;
    let (config, warning) = narrowed(context.config, &cloned.tree)?;
    let pinned = pin::pin(&cloned.tree, &config, context.registry, progress).await?;
    let mut done =
        Done { notes: warning.into_iter().chain(pinned.notes.clone()).collect(), ..Done::default() };
    if pinned.files.is_empty() {
        done.pinned = pinned;
        return Ok(done);
    }
    if context.dry_run {
        done.branch = BranchState::DryRun;
        done.pinned = pinned;
        return Ok(done);
    }
    let base_branch = cloned.base_branch.clone();
    let (pinned, pushed) = push(context, cloned, pinned).await?;
    done.branch = pushed.state;
    done.commit = pushed.commit.map(|commit| commit.to_string());
    done.held_workflows = pushed.held;
    if let Some(commit) = &done.commit {
        let files = proposed(&pinned, &done.held_workflows);
        let (title, body) = pull_request::render(&proposal(&pinned, &files, commit.clone()));
        if config.forge.kind == ForgeKind::GitHub {
            let draft = Draft { head: BRANCH.to_owned(), base: base_branch, title, body };
            done.pull_request = Some(settle(&forge(context, target)?, &draft).await?);
        }
    }
    done.pinned = pinned;
    Ok(done)
}

/// Returns the credentials for cloning: a repository's own, or the forge's where the clone URL is the forge's.
fn auth<R>(context: &Context<'_, R>, target: &RepositoryConfig) -> Option<Auth> {
    if let Some(name) = &target.token_env {
        return (context.lookup)(name).map(Auth::token);
    }
    let forge = &context.config.forge;
    let on_forge = forge.kind == ForgeKind::GitHub && api_host_matches(forge.base_url.as_str(), &target.url);
    context.token.clone().filter(|_| on_forge).map(Auth::token)
}

fn forge<R>(context: &Context<'_, R>, target: &RepositoryConfig) -> Result<GitHub, RunError> {
    let base_url = context.config.forge.base_url.as_str();
    let on_forge = api_host_matches(base_url, &target.url);
    let Some((owner, repository)) = repository_of(&target.url).filter(|_| on_forge) else {
        return Err(RunError::NotOnForge { url: target.url.clone() });
    };
    let settings =
        GitHubSettings { base_url: base_url.to_owned(), owner, repository, token: context.token.clone() };
    Ok(GitHub::new(settings)?)
}

/// git calls block: they get a thread of their own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| RunError::Broken(error.to_string()))?
}

fn clone(cache_dir: &Path, remote: Remote, branch: Option<String>) -> Result<Cloned, RunError> {
    let repository = Repository::open(cache_dir, remote)?;
    let heads = repository.heads()?;
    let no_branch = |what: &str| RunError::NoBranch { url: repository.url(), what: what.to_owned() };
    let Some(base_branch) = branch.or(heads.default) else {
        return Err(no_branch("it has no default branch; set `branch` for it"));
    };
    let Some(base) = heads.branches.get(&base_branch).copied() else {
        return Err(no_branch(&format!("`{base_branch}` does not exist")));
    };
    let base = repository.fetch(&base_branch, base)?;
    let head = match heads.branches.get(BRANCH) {
        None => None,
        Some(id) => {
            let id = repository.fetch(BRANCH, *id)?;
            let commit = repository.describe(id)?;
            let changes = trailer::value(&commit.message, trailer::CHANGES).map(str::to_owned);
            Some(Head { id, own: trailer::is_own(&commit), changes })
        }
    };
    let tree = repository.tree(base)?;
    Ok(Cloned { repository, tree, base_branch, base, head })
}

/// Applies the repository's own file, which can only narrow; returns a warning where there are two.
fn narrowed(config: &Config, tree: &CommitTree) -> Result<(Config, Option<String>), RunError> {
    let entries = tree.entries()?;
    let Some(found) = config::discover(entries.iter().map(|entry| entry.path.as_str())) else {
        return Ok((config.clone(), None));
    };
    let bytes = tree.read(found.path, SIZE_MAX)?;
    Ok((config.narrowed(found.path, &bytes)?, found.warning()))
}

/// The edited files without those that are held.
fn proposed<'p>(pinned: &'p Pinned, held: &[String]) -> Vec<&'p FileEdit> {
    pinned.files.iter().filter(|file| !held.contains(&file.path)).collect()
}

struct Pushed {
    state: BranchState,
    commit: Option<Oid>,
    held: Vec<String>,
}

async fn push<R: Registry>(
    context: &Context<'_, R>,
    cloned: Cloned,
    pinned: Pinned,
) -> Result<(Pinned, Pushed), RunError> {
    let forge = &context.config.forge;
    let author = Identity { name: forge.author_name.clone(), email: forge.author_email.clone() };
    let now = context.now;
    blocking(move || {
        let workflows: Vec<String> = pinned
            .files
            .iter()
            .map(|file| file.path.clone())
            .filter(|path| path.starts_with(WORKFLOWS))
            .collect();
        let mut pushed = push_files(&cloned, &pinned, Vec::new(), &workflows, &author, now);
        if matches!(pushed, Err(GitError::WorkflowPermission { .. })) && !workflows.is_empty() {
            pushed = push_files(&cloned, &pinned, workflows, &[], &author, now);
        }
        Ok((pinned, pushed?))
    })
    .await
}

/// Pushes the files that are not `held`, unless the branch has them, or has them without `may_be_held`.
fn push_files(
    cloned: &Cloned,
    pinned: &Pinned,
    held: Vec<String>,
    may_be_held: &[String],
    author: &Identity,
    now: Timestamp,
) -> Result<Pushed, GitError> {
    let contents = |held: &[String]| -> Vec<(String, Vec<u8>)> {
        proposed(pinned, held).into_iter().map(|file| (file.path.clone(), file.after.clone())).collect()
    };
    let files = contents(&held);
    if files.is_empty() {
        return Ok(Pushed { state: BranchState::NothingToDo, commit: None, held });
    }
    if let Some(head) = &cloned.head {
        if !head.own {
            return Ok(Pushed { state: BranchState::LeftAlone, commit: None, held });
        }
        // A branch that holds these changes stays, also where the base has moved on: a rebase would only cost reviews.
        let holds = |held: &[String]| {
            head.changes.as_deref() == Some(trailer::changes_hash(&contents(held)).as_str())
        };
        if holds(&held) {
            return Ok(Pushed { state: BranchState::UpToDate, commit: Some(head.id), held });
        }
        if !may_be_held.is_empty() && holds(may_be_held) {
            return Ok(Pushed {
                state: BranchState::UpToDate,
                commit: Some(head.id),
                held: may_be_held.to_vec(),
            });
        }
    }
    let message = pull_request::commit_message(&proposal(pinned, &proposed(pinned, &held), String::new()));
    let commit = cloned.repository.commit(cloned.base, &files, &message, author, now)?;
    cloned.repository.push(commit, BRANCH, cloned.head.as_ref().map(|head| head.id))?;
    Ok(Pushed { state: BranchState::Pushed, commit: Some(commit), held })
}

impl Done {
    /// Tells whether something was written: a branch or a pull request.
    pub fn changed(&self) -> bool {
        let opened = self.pull_request.as_ref().is_some_and(|settled| settled.operation != Operation::None);
        self.branch == BranchState::Pushed || opened
    }
}
