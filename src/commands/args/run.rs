//! The arguments of the commands that clone repositories and open pull requests: types and help texts only.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

/// Pin every configured repository and open pull requests
///
/// Clones each [[repository]] of the configuration, pins it, pushes one branch, and opens or updates one pull request.
/// Nothing is pushed where nothing changed. Without --config in a GitHub Action, the repository is the Action's own.
///
/// The token of the forge is taken from TAGPIN_GITHUB_TOKEN, GH_TOKEN or GITHUB_TOKEN, in this order.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  every repository is up to date, or has its pull request
  2  wrong usage or configuration; nothing was done
  3  an image or a repository failed; the rest was done

Examples:
  tagpin run --config tagpin.toml --dry-run   # clone and resolve, write nothing anywhere
  tagpin run --config tagpin.toml")]
pub struct RunArgs {
    /// Clone and resolve, but push nothing and open nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Add a table of what was done, in Markdown, to FILE: $GITHUB_STEP_SUMMARY in a GitHub Action
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub summary: Option<PathBuf>,
    /// Add lines `name=value` to FILE: $GITHUB_OUTPUT in a GitHub Action; docs/github-action.md has the names
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub outputs: Option<PathBuf>,
}

/// Do `tagpin run` on a schedule, until told to end
///
/// Begins a run at the times of `schedule`, one at a time: one that is due while another is under way is left out. Logs go
/// to standard error. `listen` in [serve] is where /healthz, /readyz and /metrics are.
///
/// SIGTERM ends it when the run that is under way has ended, or after `grace`. SIGHUP makes it read the configuration
/// again; a wrong one is said, and the old one stays.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  it was told to end
  2  wrong usage or configuration
  3  it was told to end, and a run had to be abandoned

Examples:
  tagpin serve --config tagpin.toml
  tagpin serve --config tagpin.toml --log-format text")]
pub struct ServeArgs {
    /// How logs are written
    #[arg(long, value_enum, value_name = "json|text", hide_possible_values = true, default_value_t)]
    pub log_format: LogFormat,
}

/// How `tagpin serve` writes its logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// An object on each line
    #[default]
    Json,
    /// Words
    Text,
}
