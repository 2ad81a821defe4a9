//! The arguments of the commands that decide when a digest moves: types and help texts only.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::plan::rollback::To;
use crate::policy::hold::Until;
use crate::reference::Digest;

/// Say what must not move, why and until when
///
/// A hold is a [[hold]] in the repository's own tagpin.toml, where a review sees it. Every command leaves an image on hold
/// as it is and says so.
#[derive(Clone, Debug, Args)]
pub struct HoldArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: HoldAction,
}

/// What `tagpin hold` can do.
#[derive(Clone, Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a command's help text stands at its arguments; one here would hide its long form"
)]
pub enum HoldAction {
    Add(HoldAddArgs),
    /// List the holds: which apply, which have ended, and which are for nothing that is here
    #[command(after_long_help = "\
Exit codes:
  0  listed
  2  wrong usage or configuration
  3  a file could not be read

Examples:
  tagpin hold list
  tagpin hold list --format json")]
    List,
    Remove(HoldRemoveArgs),
}

/// Add a hold to the repository's tagpin.toml
///
/// Everything else in the file stays as it is. Images and paths are globs; an image is matched as it is spelled and with
/// its registry. Without --digest an image stays as it is; with it, only that digest is never written.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  added, or there already
  2  wrong usage or configuration; nothing was done

Examples:
  tagpin hold add --image ghcr.io/acme/api --path 'clusters/production/**' --reason 'TICKET-17' --until 2026-12-31
  tagpin hold add --digest sha256:… --reason 'loses messages'
  tagpin hold add --path '**' --reason 'code freeze' --until 2027-01-06")]
pub struct HoldAddArgs {
    /// The image, without tag and digest
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<String>,
    /// The files, below the root of the repository
    #[arg(long, value_name = "GLOB")]
    pub path: Vec<String>,
    /// Only while the image has this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// The digest that must not be written
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub digest: Option<Digest>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITHUB_ACTOR", hide_env_values = true)]
    pub by: Option<String>,
    /// The last day on which it holds (UTC), or the moment at which it ends [default: until it is removed]
    #[arg(long, value_name = "DAY", value_parser = until)]
    pub until: Option<Until>,
}

/// Remove holds from the repository's tagpin.toml
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  removed
  2  wrong usage or configuration; nothing was done

Examples:
  tagpin hold remove 2
  tagpin hold remove --ended")]
pub struct HoldRemoveArgs {
    /// The number that `tagpin hold list` shows
    #[arg(value_name = "NUMBER", required_unless_present = "ended", conflicts_with = "ended")]
    pub numbers: Vec<usize>,
    /// Every hold that has ended
    #[arg(long)]
    pub ended: bool,
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "write `sha256:` and 64 lower-case hex digits".to_owned())
}

fn until(text: &str) -> Result<Until, String> {
    Until::parse(text).ok_or_else(|| {
        "write a day as `2026-12-31`, or a time with its offset as `2026-12-31T12:00:00Z`".to_owned()
    })
}

/// Take the digests of one environment over into another
///
/// Each image that both declare gets the tag and the digest that FROM has: the bits that ran there, not what the tag is by
/// now. FROM and TO are [[environment]]s of the configuration, or paths. The registry must have each digest, for the
/// platforms that TO runs. Where one image is refused nothing is written, unless --partial is given.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  TO is as FROM, or would be
  1  TO differs from FROM (--check)
  2  wrong usage or configuration; nothing was done
  3  an image was refused, or could not be asked for

Examples:
  tagpin promote staging production --dry-run
  tagpin promote dev staging --soak 24h --image 'ghcr.io/acme/*'
  tagpin promote staging production --approved ticket-17.txt
  tagpin promote staging production --check")]
pub struct PromoteArgs {
    /// The environment, file or directory that has the digests
    #[arg(value_name = "FROM")]
    pub from: String,
    /// The environment, file or directory that gets them
    #[arg(value_name = "TO")]
    pub to: String,
    /// Only these images, as globs of names without tag and digest
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<String>,
    /// How long a digest must have been committed in FROM, such as `24h` or `3d`
    ///
    /// Counted by the dates of the committers on the first parents of --base. What is not committed has no age.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub soak: Option<SignedDuration>,
    /// The commit with whose history --soak counts
    #[arg(long, value_name = "REV", default_value = "HEAD", requires = "soak")]
    pub base: String,
    /// Only the digests that FILE names, as a change ticket does
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub approved: Option<PathBuf>,
    /// Promote the others where an image is refused
    #[arg(long)]
    pub partial: bool,
    /// Write nothing and ask nobody: fail where TO differs from FROM
    #[arg(long)]
    pub check: bool,
    /// Do it in a clone of this checkout's `origin`, and open or update a pull request
    ///
    /// What is not pushed plays no part. The token is taken as for `tagpin run`.
    #[arg(long, conflicts_with = "base")]
    pub pull_request: bool,
    /// Print a unified diff and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Go back to an earlier digest, and hold it there
///
/// TARGET is an [[environment]], a file, a directory, or PATH#KIND/NAME. The digest comes from the git history of each place,
/// or from the list of known good digests, and the registry must have it. With the change comes a [[hold]] in the
/// repository's tagpin.toml, so that nothing undoes it.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  rolled back, or there already
  2  wrong usage or configuration; nothing was done
  3  an image could not be rolled back; the others were

Examples:
  tagpin rollback clusters/production/api.yaml#Deployment/api --to previous --reason 'TICKET-42'
  tagpin rollback production --to known-good --until 2026-12-31
  tagpin rollback production --to 2026-11-01 --image ghcr.io/acme/api --dry-run
  tagpin rollback production --to sha256:… --image ghcr.io/acme/api")]
pub struct RollbackArgs {
    /// The environment, file, directory or object
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// `previous`, `known-good`, a digest, a day (its end, in UTC) or a time with its offset
    #[arg(long, value_name = "WHERE", value_parser = to)]
    pub to: To,
    /// Only these images, as globs of names without tag and digest
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<String>,
    /// Why, for the hold
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who says so, for the hold
    #[arg(long, value_name = "NAME", env = "GITHUB_ACTOR", hide_env_values = true)]
    pub by: Option<String>,
    /// The last day on which the hold holds (UTC), or the moment at which it ends [default: until it is removed]
    #[arg(long, value_name = "DAY", value_parser = until)]
    pub until: Option<Until>,
    /// The commit with whose history is looked through
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub base: String,
    /// Do it in a clone of this checkout's `origin`, and open or update a pull request
    ///
    /// What is not pushed plays no part. The token is taken as for `tagpin run`.
    #[arg(long, conflicts_with = "base")]
    pub pull_request: bool,
    /// Print a unified diff and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Keep the list of digests that are known to be good
///
/// The list is the file tagpin-known-good.toml in the root of the repository. `tagpin rollback --to known-good` reads it and
/// believes nothing else.
#[derive(Clone, Debug, Args)]
pub struct KnownGoodArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: KnownGoodAction,
}

/// What `tagpin known-good` can do.
#[derive(Clone, Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a command's help text stands at its arguments; one here would hide its long form"
)]
pub enum KnownGoodAction {
    Mark(KnownGoodMarkArgs),
    /// List what is known to be good, in every environment or in one
    #[command(
        visible_alias = "show",
        after_long_help = "\
Exit codes:
  0  listed
  2  wrong usage or configuration, or the list cannot be read

Examples:
  tagpin known-good list
  tagpin known-good list production
  tagpin known-good list --format json"
    )]
    List {
        /// Only this environment
        #[arg(value_name = "ENVIRONMENT")]
        environment: Option<String>,
    },
}

/// Mark what an environment declares as known to be good
///
/// Meant for CI, after a rollout that is healthy. What counts is the commit, not the files in the directory. What was
/// known of the environment before is replaced; what is marked already keeps its date.
///
/// With --live only what runs as it is declared is marked, and where all of its containers are well. Of what is left out,
/// the list keeps what it had.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  marked
  2  wrong usage or configuration; nothing was done
  3  an image has no digest, or does not run as declared, and was not marked; the others were

Examples:
  tagpin known-good mark production
  kubectl get pods -A -o json | tagpin known-good mark production --live -
  tagpin known-good mark production --image ghcr.io/acme/api --by 'release pipeline'")]
pub struct KnownGoodMarkArgs {
    /// The environment
    #[arg(value_name = "ENVIRONMENT")]
    pub environment: String,
    /// Only these images, as globs of names without tag and digest
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<String>,
    /// Who marks it
    #[arg(long, value_name = "NAME", env = "GITHUB_ACTOR", hide_env_values = true)]
    pub by: Option<String>,
    /// Mark only what runs, as FILE has it, which `kubectl get pods -A -o json` printed; `-` reads standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub live: Option<PathBuf>,
    /// Ask the registries whether a digest that runs is one platform of the index that is declared
    #[arg(long, requires = "live")]
    pub online: bool,
    /// The commit that is healthy
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub base: String,
}

/// Tell which digest was declared when, from git alone
///
/// TARGET is an [[environment]], a file, a directory, or PATH#KIND/NAME. Looks at the first parents of --base, which are what
/// was merged, and follows renamed files. Dates are those of the committers. Offline.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  told
  2  wrong usage or configuration
  3  the clone is shallow: the history goes on and is not here

Examples:
  tagpin history                                  # the newest changes in this directory
  tagpin history production
  tagpin history production --image 'ghcr.io/acme/*'
  tagpin history clusters/production/api.yaml#Deployment/api --format json
  tagpin history production --at 2026-11-01       # what was declared at the end of that day
  tagpin history production --format html > history.html   # a timeline to look at")]
pub struct HistoryArgs {
    /// The environment, file, directory or object [default: this directory, of which people are shown what is newest]
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Only these images, as globs of names without tag and digest
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<String>,
    /// What was declared at this time: a day (its end, in UTC) or a time with its offset
    #[arg(long, value_name = "DAY", value_parser = moment)]
    pub at: Option<Timestamp>,
    /// The commit with whose history is looked through
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub base: String,
}

/// Look at the ledger of tags: what each tag was, and since when
///
/// `tagpin run` writes the ledger on a branch of its own where [ledger], `min-age` or `settle` ask for it.
#[derive(Clone, Debug, Args)]
pub struct LedgerArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: LedgerAction,
}

/// What `tagpin ledger` can do.
#[derive(Clone, Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a command's help text stands at its arguments; one here would hide its long form"
)]
pub enum LedgerAction {
    Show(LedgerShowArgs),
}

/// Show what each tag was and when it moved, from the branch that was fetched. Offline
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  shown
  2  wrong usage or configuration, no ledger here, or nothing about IMAGE in it
  3  the ledger, or a file of it, cannot be read

Examples:
  git fetch origin +refs/heads/tagpin-ledger:refs/remotes/origin/tagpin-ledger
  tagpin ledger show
  tagpin ledger show ghcr.io/acme/api
  tagpin ledger show nginx:1.27 --format json")]
pub struct LedgerShowArgs {
    /// Only this image, or this one tag of it [default: everything]
    #[arg(value_name = "IMAGE[:TAG]")]
    pub image: Option<String>,
}

/// Returns the last second of a day in UTC, or the time that `text` spells: commits have whole seconds.
fn moment(text: &str) -> Result<Timestamp, String> {
    let end = match Until::parse(text) {
        Some(Until::Moment(moment)) => Some(moment),
        Some(Until::Day(day)) => day
            .tomorrow()
            .and_then(|day| day.to_zoned(TimeZone::UTC))
            .and_then(|next| next.timestamp().checked_sub(SignedDuration::from_secs(1)))
            .ok(),
        None => None,
    };
    end.ok_or_else(|| {
        "write a day as `2026-12-31`, or a time with its offset as `2026-12-31T12:00:00Z`".to_owned()
    })
}

fn to(text: &str) -> Result<To, String> {
    match text {
        "previous" => Ok(To::Previous),
        "known-good" => Ok(To::KnownGood),
        _ if text.starts_with("sha") => digest(text).map(To::Digest),
        _ => moment(text).ok().map(To::Moment).ok_or_else(|| {
            "write `previous`, `known-good`, a whole digest, or a day as `2026-12-31`".to_owned()
        }),
    }
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    crate::duration::parse(text).ok_or_else(|| crate::duration::EXAMPLES.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(moment("2026-11-01").unwrap().to_string(), "2026-11-01T23:59:59Z");
        assert!(matches!(to("2026-11-01T12:00:00+01:00"), Ok(To::Moment(_))));
        assert!(to("yesterday").is_err() && to("sha256:abc").is_err() && moment("2026-11").is_err());
    }
}
