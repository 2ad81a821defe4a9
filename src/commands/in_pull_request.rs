//! `--pull-request`: what a person asks for in a checkout, done in a clone of its `origin` and proposed there.

use std::path::Path;

use super::{run, seen_from, work_tree_root};
use crate::commands::args::Globals;
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, RepositoryConfig, Variables};
use crate::report::terminal::Terminal;
use crate::run::request::Request;
use crate::source::git;

/// Does `request` in a clone of the repository that the checkout comes from, and opens or updates its pull request.
///
/// # Errors
/// There is no such repository, what is named is nothing, or standard output cannot be written.
pub(super) fn run(
    request: &Request,
    dry_run: bool,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    globals.require_network("--pull-request")?;
    let config = Config::load(globals.config.as_deref(), environment)?;
    let root = work_tree_root(&std::env::current_dir()?);
    let target = target(&config, &root)?;
    let seen_from = seen_from(&root)?;
    run::one(&config, &target, dry_run, globals, terminal, async |context| {
        crate::run::run_request(context, &target, request, &seen_from).await
    })
}

/// Returns the repository that the checkout comes from, with what the configuration says of it.
fn target(config: &Config, root: &Path) -> Result<RepositoryConfig, Failure> {
    let hint = "name it in a [[repository]] of the file for --config, or start tagpin in a clone of it";
    let origin = git::origin(root).map_err(|error| Failure::usage(error.to_string(), hint))?;
    let known = config
        .repositories
        .iter()
        .filter(|repository| crate::forge::same_repository(&repository.url, &origin));
    let known: Vec<&RepositoryConfig> = known.collect();
    let here = git::checked_out(root);
    let of_branch = known.iter().find(|repository| repository.branch.is_some() && repository.branch == here);
    match (of_branch, known.as_slice()) {
        (Some(repository), _) | (None, [repository]) => Ok((*repository).clone()),
        (None, []) => Ok(RepositoryConfig { url: origin, branch: None, token_env: None }),
        (None, _) => {
            let message =
                format!("the configuration has several branches of `{origin}`, and none is checked out here");
            Err(Failure::usage(message, "check out the branch that it is for"))
        }
    }
}
