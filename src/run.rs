//! One repository, end to end: clone, pin, commit, push, open or update the pull request.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::config::{self, Config, ConfigError, ForgeKind, RepositoryConfig};
use crate::details;
use crate::forge::github::{GitHub, GitHubSettings, api_host_matches, repository_of};
use crate::forge::{Draft, ForgeError, PullRequestState};
use crate::git::{Auth, GitError, Heads, Identity, LogError, Oid, Remote, Repository, trailer};
use crate::manifest::SIZE_MAX;
use crate::pin::{self, Pinned};
use crate::proposal::proposal;
use crate::pull_request::{self, Branch, Operation, Proposal, Settled, settle};
use crate::registry::Registry;
use crate::remembered::{OwnFile, Place};
use crate::revert;
use crate::tree::{CommitTree, Tree, TreeError};

/// The branch that tagpin pushes.
pub const BRANCH: &str = "tagpin/pin-digests";

/// What the names of tagpin's branches start with.
const BRANCHES: &str = "tagpin/";

/// The directory whose files a token may lack the permission to change.
const WORKFLOWS: &str = ".github/workflows/";

/// What is said about a workflow that could not be pushed.
const WORKFLOWS_HELD: &str = "the token may not change workflows: give it the `workflows` permission, and delete the \
    branch to have it added at once";

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
    /// Why there is none, or why it is not as it should be. What was pushed stays, and the next run goes on from there.
    pub pull_request_error: Option<ForgeError>,
    /// Remarks that are no failures.
    pub notes: Vec<String>,
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
    /// The forge's settings: nothing was sent.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The commit's files.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The history that tells what somebody took back.
    #[error(transparent)]
    History(#[from] LogError),
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
        "`{url}` is not a repository of the GitHub at `{base_url}`: write `https://HOST/OWNER/NAME`, set `base-url` in \
         [forge] to the API of your GitHub Enterprise, or set `kind = \"none\"` there to push a branch without a pull \
         request"
    )]
    NotOnForge {
        /// The repository.
        url: String,
        /// The forge's API.
        base_url: String,
    },
    /// A thread of ours died.
    #[error("the work on the repository broke off: {0}")]
    Broken(String),
}

/// A clone that knows where the remote's branches are, and may lack what is in them.
struct Opened {
    repository: Repository,
    heads: Heads,
    base_branch: String,
    base: Oid,
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
/// It could not be cloned, read or pushed. What failed for single images is in the verdicts, and what failed at the forge
/// in [`Done::pull_request_error`].
pub async fn repository<R: Registry>(
    context: &Context<'_, R>,
    target: &RepositoryConfig,
    progress: impl Fn(usize, usize),
) -> Result<Done, RunError> {
    // First of all, so that nothing is pushed that could not be proposed.
    let forge = forge(context, target)?;
    let remote = Remote::new(&target.url, auth(context, target))?;
    let (cache_dir, branch) = (context.cache_dir.to_owned(), target.branch.clone());
    let opened = blocking(move || open(&cache_dir, remote, branch)).await?;
    let listed = opened.base;
    let place = Place::new(&opened.repository, &opened.base_branch, listed, context.config);
    if let Some(done) = unchanged(context, &opened, &place, &progress).await? {
        return Ok(done);
    }
    let mut cloned = blocking(move || fetch(opened)).await?;
    let (mut config, own) = narrowed(context.config, &cloned.tree)?;
    config.holds.tell(context.now);
    let mut pinned = pin::pin(&cloned.tree, &config, context.registry, progress).await?;
    let warning = own.as_ref().and_then(|own| own.warning.clone());
    if pinned.files.is_empty() {
        // The branch may have moved on since it was listed.
        if cloned.base == listed {
            place.keep(&pinned.inventory, own);
        }
    } else {
        let config = config.clone();
        (cloned, pinned) = blocking(move || hold_reverted(cloned, pinned, &config)).await?;
    }
    let holds = config.holds.ended().chain(config.holds.unmatched(&pinned.inventory));
    let notes = warning.into_iter().chain(pinned.notes.clone()).chain(holds).collect();
    let mut done = Done { notes, ..Done::default() };
    if pinned.files.is_empty() || context.dry_run {
        if !pinned.files.is_empty() {
            done.branch = BranchState::DryRun;
        }
        done.pinned = pinned;
        return Ok(done);
    }
    let mut work = push(context, cloned, pinned, Rebuild::IfNeeded).await?;
    if let Some(forge) = &forge
        && let Some(draft) = drafted(context, forge, &work).await
    {
        let mut settled = settle(forge, &draft, work.pushed.branch).await;
        if matches!(settled, Ok(None)) {
            work = push(context, work.cloned, work.pinned, Rebuild::Always).await?;
            if let Some(draft) = drafted(context, forge, &work).await {
                settled = settle(forge, &draft, Branch::New).await;
            }
        }
        match settled {
            Ok(settled) => done.pull_request = settled,
            Err(error) => done.pull_request_error = Some(error),
        }
    }
    done.branch = work.pushed.state;
    done.commit = work.pushed.commit.map(|commit| commit.to_string());
    done.pinned = work.pinned;
    done.notes.extend(done.pull_request.as_ref().and_then(declined));
    Ok(done)
}

/// Returns the remark on a pull request that somebody closed.
fn declined(settled: &Settled) -> Option<String> {
    let number = settled.pull_request.number;
    (settled.pull_request.state == PullRequestState::Closed).then(|| {
        format!(
            "pull request {number} with these digests was closed without a merge and stays closed: delete the branch \
             `{BRANCH}` to be asked again"
        )
    })
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

/// Returns the forge; `None` where only a branch is pushed.
fn forge<R>(context: &Context<'_, R>, target: &RepositoryConfig) -> Result<Option<GitHub>, RunError> {
    let forge = &context.config.forge;
    if forge.kind == ForgeKind::None {
        return Ok(None);
    }
    let base_url = forge.base_url.as_str();
    let on_forge = api_host_matches(base_url, &target.url);
    let Some((owner, repository)) = repository_of(&target.url).filter(|_| on_forge) else {
        return Err(RunError::NotOnForge {
            url: target.url.clone(),
            base_url: base_url.trim_end_matches('/').to_owned(),
        });
    };
    let settings =
        GitHubSettings { base_url: base_url.to_owned(), owner, repository, token: context.token.clone() };
    Ok(Some(GitHub::new(settings)?))
}

/// git calls block: they get a thread of their own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| RunError::Broken(error.to_string()))?
}

/// Returns what there is to say where nothing changes in a base that was read in an earlier run: then nothing is fetched.
/// A branch of tagpin's has to be looked at, so the base is read where there is one.
async fn unchanged<R: Registry>(
    context: &Context<'_, R>,
    opened: &Opened,
    place: &Place,
    progress: impl Fn(usize, usize),
) -> Result<Option<Done>, RunError> {
    if opened.heads.branches.keys().any(|branch| branch.starts_with(BRANCHES)) {
        return Ok(None);
    }
    let Some(remembered) = place.recall() else { return Ok(None) };
    let (mut config, warning) = remembered.narrowed(context.config)?;
    config.holds.tell(context.now);
    let pinned = remembered.unchanged(&config, context.registry, progress).await?;
    Ok(pinned.map(|pinned| {
        let holds = config.holds.ended().chain(config.holds.unmatched(&pinned.inventory));
        let notes = warning.into_iter().chain(holds).collect();
        Done { pinned, notes, ..Done::default() }
    }))
}

/// Opens the clone and asks the remote where its branches are: one request.
fn open(cache_dir: &Path, remote: Remote, branch: Option<String>) -> Result<Opened, RunError> {
    let repository = Repository::open(cache_dir, remote)?;
    let heads = repository.heads()?;
    let no_branch = |what: &str| RunError::NoBranch { url: repository.url(), what: what.to_owned() };
    let Some(base_branch) = branch.or(heads.default) else {
        return Err(no_branch("it has no default branch; set `branch` for it"));
    };
    let Some(base) = heads.branches.get(&base_branch).copied() else {
        return Err(no_branch(&format!("`{base_branch}` does not exist")));
    };
    Ok(Opened { repository, heads: Heads { default: None, ..heads }, base_branch, base })
}

/// Brings the base and tagpin's branch into the clone, unless it has them.
fn fetch(opened: Opened) -> Result<Cloned, RunError> {
    let Opened { repository, heads, base_branch, base } = opened;
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

/// Applies the repository's own file, which can only narrow, and returns it.
fn narrowed(config: &Config, tree: &CommitTree) -> Result<(Config, Option<OwnFile>), RunError> {
    let entries = tree.entries()?;
    let Some(found) = config::discover(entries.iter().map(|entry| entry.path.as_str())) else {
        return Ok((config.clone(), None));
    };
    let bytes = tree.read(found.path, SIZE_MAX)?;
    let narrowed = config.narrowed(found.path, &bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok((narrowed, Some(OwnFile { path: found.path.to_owned(), text, warning: found.warning() })))
}

/// Holds what somebody took back: the history that tells is fetched where something is to change.
fn hold_reverted(cloned: Cloned, mut pinned: Pinned, config: &Config) -> Result<(Cloned, Pinned), RunError> {
    let log = cloned.repository.history(&cloned.base_branch, cloned.base, revert::DEPTH)?;
    revert::hold(&mut pinned, &cloned.tree, config, &log)?;
    Ok((cloned, pinned))
}

/// When the branch gets a new commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rebuild {
    /// Where it does not hold the changes.
    IfNeeded,
    /// Also where it holds them, on top of an older base.
    Always,
}

/// A repository between push and pull request.
struct Work {
    cloned: Cloned,
    /// Without what could not be pushed.
    pinned: Pinned,
    pushed: Pushed,
}

/// Returns what the pull request should say; `None` where there is no commit to propose.
async fn drafted<R: Registry>(context: &Context<'_, R>, forge: &GitHub, work: &Work) -> Option<Draft> {
    let commit = work.pushed.commit?.to_string();
    let (settings, platforms) = (&context.config.pull_request, &context.config.policy.defaults.platforms);
    let mut proposal = proposal(&work.pinned, commit.clone());
    details::want(context.registry, &mut proposal, settings);
    let draft = |proposal: &Proposal| {
        let (title, body) = pull_request::render_with(proposal, settings.template.as_ref());
        let (head, base) = (BRANCH.to_owned(), work.cloned.base_branch.clone());
        Draft { head, base, title, body, commit: commit.clone() }
    };
    let brief = draft(&proposal);
    let wanted = proposal.images.iter().any(|image| image.details.is_some());
    if !wanted || (work.pushed.branch == Branch::Kept && details::are_told(forge, &brief).await) {
        return Some(brief);
    }
    details::ask(context.registry, &mut proposal, settings, platforms).await;
    Some(draft(&proposal))
}

struct Pushed {
    state: BranchState,
    branch: Branch,
    commit: Option<Oid>,
}

async fn push<R: Registry>(
    context: &Context<'_, R>,
    cloned: Cloned,
    mut pinned: Pinned,
    rebuild: Rebuild,
) -> Result<Work, RunError> {
    let forge = &context.config.forge;
    let author = Identity { name: forge.author_name.clone(), email: forge.author_email.clone() };
    let now = context.now;
    blocking(move || {
        let pushed = push_changes(&cloned, &mut pinned, rebuild, &author, now)?;
        Ok(Work { cloned, pinned, pushed })
    })
    .await
}

/// Pushes what is pinned, unless the branch has it. Workflows that the token may not change are held.
fn push_changes(
    cloned: &Cloned,
    pinned: &mut Pinned,
    rebuild: Rebuild,
    author: &Identity,
    now: Timestamp,
) -> Result<Pushed, GitError> {
    let branch = if cloned.head.is_some() { Branch::Moved } else { Branch::New };
    let without_commit = |state| Ok(Pushed { state, branch, commit: None });
    let paths = pinned.files.iter().map(|file| file.path.clone());
    let workflows: BTreeSet<String> = paths.filter(|path| path.starts_with(WORKFLOWS)).collect();
    let mut without_workflows = pinned.clone();
    without_workflows.hold(&workflows, "workflow-permission", WORKFLOWS_HELD);
    if let Some(head) = &cloned.head {
        if !head.own {
            return without_commit(BranchState::LeftAlone);
        }
        // A branch that holds these changes stays, also where the base has moved on: a rebase would only cost reviews.
        let holds =
            |pinned: &Pinned| head.changes.as_deref() == Some(&*trailer::changes_hash(&contents(pinned)));
        let kept = Pushed { state: BranchState::UpToDate, branch: Branch::Kept, commit: Some(head.id) };
        if rebuild == Rebuild::IfNeeded && holds(pinned) {
            return Ok(kept);
        }
        if rebuild == Rebuild::IfNeeded && holds(&without_workflows) {
            *pinned = without_workflows;
            return Ok(kept);
        }
    }
    let commit = match push_commit(cloned, pinned, author, now) {
        Err(GitError::WorkflowPermission { .. }) if !workflows.is_empty() => {
            *pinned = without_workflows;
            if pinned.files.is_empty() {
                return without_commit(BranchState::NothingToDo);
            }
            push_commit(cloned, pinned, author, now)?
        }
        pushed => pushed?,
    };
    Ok(Pushed { state: BranchState::Pushed, branch, commit: Some(commit) })
}

fn push_commit(cloned: &Cloned, pinned: &Pinned, author: &Identity, now: Timestamp) -> Result<Oid, GitError> {
    let message = pull_request::commit_message(&proposal(pinned, String::new()));
    let commit = cloned.repository.commit(cloned.base, &contents(pinned), &message, author, now)?;
    cloned.repository.push(commit, BRANCH, cloned.head.as_ref().map(|head| head.id))?;
    Ok(commit)
}

fn contents(pinned: &Pinned) -> Vec<(String, Vec<u8>)> {
    pinned.files.iter().map(|file| (file.path.clone(), file.after.clone())).collect()
}

impl Done {
    /// Tells whether something was written: a branch or a pull request.
    pub fn changed(&self) -> bool {
        let opened = self.pull_request.as_ref().is_some_and(|settled| settled.operation != Operation::None);
        self.branch == BranchState::Pushed || opened
    }
}
