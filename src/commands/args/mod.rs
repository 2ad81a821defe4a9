//! The command line: types and help texts only.

mod change_control;
mod check;
mod run;

use std::path::PathBuf;

pub use change_control::{
    HistoryArgs, HoldAction, HoldAddArgs, HoldArgs, HoldRemoveArgs, KnownGoodAction, KnownGoodArgs,
    KnownGoodMarkArgs, LedgerAction, LedgerArgs, LedgerShowArgs, PromoteArgs, RollbackArgs,
};
pub use check::{CheckArgs, Output};
use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
pub use run::{LogFormat, RunArgs, ServeArgs};

use crate::commands::failure::Failure;
use crate::platform::Platform;
pub use crate::report::Format;
use crate::report::RENDERERS;
use crate::report::terminal::ColorChoice;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, nothing to complain about
  1  findings (`check`, `live`, and `promote --check`)
  2  wrong usage or configuration; nothing was done
  3  incomplete: something failed or could not be checked, the rest was done";

/// The whole command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "tagpin",
    version,
    about = "Pin container image tags in your manifests to digests",
    long_about = "Pin container image tags in your manifests to digests\n\n\
        tagpin finds every container image that a repository names by a tag, asks the registry what the tag is now, \
        and writes the digest beside the tag, without touching any other byte of the file. Tags are for humans, \
        digests are for machines.\n\n\
        Results go to standard output, messages to standard error.",
    after_long_help = EXIT_CODES,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The options that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Read settings from FILE, or from TAGPIN_CONFIG; a repository's own tagpin.toml can only narrow them
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// How results are printed: human or json; `check` also has sarif, github and junit, `list` and `history` have html, `live` has markdown
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        default_value_t
    )]
    pub format: Format,
    /// Open no network connection
    #[arg(long, global = true)]
    pub offline: bool,
    /// Say more on standard error, -vv still more; TAGPIN_LOG takes a filter such as `tagpin=debug`
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Colour the output: `auto` heeds terminals and NO_COLOR
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "auto|always|never",
        hide_possible_values = true,
        default_value_t
    )]
    pub color: ColorChoice,
}

impl Globals {
    /// Refuses a `--format` that the command has no use for.
    ///
    /// # Errors
    /// The format is not one of the command's: a usage error that names those.
    pub fn require_format(&self, command: &Command) -> Result<(), Failure> {
        let formats = command.formats();
        if formats.contains(&self.format) { Ok(()) } else { Err(self.no_format(&formats)) }
    }

    /// Returns the failure of a command that has only these `formats`.
    pub(super) fn no_format(&self, formats: &[Format]) -> Failure {
        let known: Vec<String> = formats.iter().map(|format| format!("`{}`", format.as_str())).collect();
        let message = format!("this command has no format `{}`", self.format.as_str());
        Failure::usage(message, format!("it has {}", known.join(", ")))
    }

    /// Returns whether results are for programs rather than for people, for the commands that have no other format.
    ///
    /// # Errors
    /// The format is another one.
    pub(super) fn is_json(&self) -> Result<bool, Failure> {
        match self.format {
            Format::Human => Ok(false),
            Format::Json => Ok(true),
            _ => Err(self.no_format(&[Format::Human, Format::Json])),
        }
    }

    /// Refuses `--offline` for the command `verb`, which has nothing to do without a network.
    ///
    /// # Errors
    /// `--offline` is given: a usage error that says what to do instead.
    pub fn require_network(&self, verb: &str) -> Result<(), Failure> {
        if !self.offline {
            return Ok(());
        }
        let message = format!("`tagpin {verb}` asks registries and cannot be used with `--offline`");
        Err(Failure::usage(message, "`tagpin list` and `tagpin check` work offline"))
    }
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a command's help text stands at its arguments; one here would hide its long form"
)]
pub enum Command {
    List(ListArgs),
    Explain(ExplainArgs),
    Pin(PinArgs),
    Check(CheckArgs),
    Run(RunArgs),
    Serve(ServeArgs),
    Promote(PromoteArgs),
    Rollback(RollbackArgs),
    Hold(HoldArgs),
    KnownGood(KnownGoodArgs),
    History(HistoryArgs),
    Ledger(LedgerArgs),
    Live(LiveArgs),
    Resolve(ResolveArgs),
    Config(ConfigArgs),
    Completions(CompletionsArgs),
}

impl Command {
    /// Returns the formats in which it prints.
    fn formats(&self) -> Vec<Format> {
        match self {
            Self::List(_) | Self::History(_) => vec![Format::Human, Format::Json, Format::Html],
            Self::Live(_) => vec![Format::Human, Format::Json, Format::Markdown],
            Self::Check(_) => RENDERERS.map(|(format, _)| format).to_vec(),
            _ => vec![Format::Human, Format::Json],
        }
    }
}

/// List every image and where it stands
///
/// Offline: nothing is asked and nothing is changed. An image is `floating` (a tag, or no tag, which means `latest`),
/// `pinned` (a digest), or `skipped` with a reason (a template, a variable).
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  everything was read
  2  wrong usage or configuration
  3  a file could not be read, or a container of --live not be compared; the others are listed

Examples:
  tagpin list                      # this directory
  tagpin list clusters apps/a.yaml
  tagpin list --format json | jq '.summary'
  tagpin list --unknown            # [[location]] entries for the configuration
  tagpin list --format html --previous may.json --previous june.json > audit.html
  kubectl get pods -A -o json | tagpin list --format html --live - clusters/production > audit.html")]
pub struct ListArgs {
    /// Files, directories and [[environment]]s to read [default: this directory]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Read directories too that a tool fetched: `node_modules`, `vendor`, charts that a Chart.lock lists
    #[arg(long)]
    pub vendored: bool,
    /// With --format html: show how it was in FILE, an earlier report as JSON; may be given several times, the oldest first
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub previous: Vec<PathBuf>,
    /// With --format html: show what runs, as `tagpin live` tells it, from what `kubectl get pods -A -o json` printed into FILE; `-` reads standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub live: Option<PathBuf>,
    /// Print, for what looks like an image where tagpin knows of none, the [[location]] that makes it known, ready to paste
    #[arg(long)]
    pub unknown: bool,
}

/// Explain an image: who reads it, what becomes of it, and why
///
/// Says for a line of a file which images stand there and how tagpin knows, which kustomizations, charts and builds read
/// them and what comes out, what policy says, what would be written, or why not, and what to do about it. Of a line without
/// an image it says what stands there. Asks no registry.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  explained; a line without an image too
  2  wrong usage or configuration, or no such file
  3  the file could not be read

Examples:
  tagpin explain clusters/production/api.yaml:19
  tagpin explain charts/api/values.yaml            # every image of the file
  tagpin explain api.yaml:19 --format json | jq '.references[].read_by'")]
pub struct ExplainArgs {
    /// The place: a file, its line, and the column where several images stand in the line
    #[arg(value_name = "FILE[:LINE[:COLUMN]]", value_hint = ValueHint::FilePath)]
    pub place: String,
}

/// Write the digests into the files
///
/// Asks the registry of each floating image what its tag is now and writes the digest beside the tag. A tag that has
/// moved since it was pinned gets the new digest. But for annotations of objects, which say the
/// tag, no other byte of a file changes; running it again changes nothing.
/// Credentials are those of docker: `docker login` is enough.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  written, or nothing was to do; what is held or skipped is named
  2  wrong usage or configuration; nothing was done
  3  some images failed, or --set and --digests could not be done; the rest was written

Examples:
  tagpin pin --dry-run             # show what would change in this directory
  tagpin pin clusters/production
  tagpin pin production --image ghcr.io/acme/api   # an [[environment]], and one image
  tagpin pin --first               # what has no digest yet; no tag that moved
  tagpin pin --set ghcr.io/acme/api:1.9@sha256:… clusters/dev
  docker buildx build --push --metadata-file m.json … && tagpin pin --digests m.json clusters/dev")]
pub struct PinArgs {
    /// Files, directories and [[environment]]s to edit [default: this directory]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Print a unified diff and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Only these images, as globs of names without tag and digest
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["set", "digests"])]
    pub image: Vec<String>,
    /// Only images that have no digest yet: what is pinned stays as it is, and is not asked for
    #[arg(long, conflicts_with_all = ["set", "digests"])]
    pub first: bool,
    /// Read directories too that a tool fetched: `node_modules`, `vendor`, charts that a Chart.lock lists
    #[arg(long)]
    pub vendored: bool,
    /// Write this digest for this image, as a build has just made it, and ask no tag; may be given more than once
    ///
    /// The registry must have the digest. A tag is written too; without one each place keeps its own. Every other image
    /// stays as it is.
    #[arg(long, value_name = "IMAGE[:TAG]@DIGEST")]
    pub set: Vec<String>,
    /// The same for what FILE has: lines of IMAGE[:TAG]@DIGEST, or the metadata of `docker buildx`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub digests: Vec<PathBuf>,
}

/// Compare what runs with what is declared
///
/// Reads what `kubectl get pods -A -o json` prints, or what Docker, Podman, Compose, ECS and Nomad tell of their containers,
/// from standard input or a file, and says for each image whether the digests that run are those that the files or their
/// deployed-image-digest annotations declare. Asks no cluster.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  nothing runs that should not, as far as it is declared
  1  drift: a digest runs that is not declared, or several behind one tag
  2  wrong usage or configuration, or no list of pods
  3  a file could not be read, or a digest not be compared, and in the rest was no drift

Examples:
  kubectl get pods -A -o json | tagpin live clusters/production
  kubectl get pods -A -o json | tagpin live production       # the [[environment]]
  docker inspect $(docker ps -q) $(docker ps -q --format '{{.Image}}') | tagpin live hosts/web
  tagpin live --pods pods.json --online --format json")]
pub struct LiveArgs {
    /// Files, directories and [[environment]]s with the manifests of the cluster [default: this directory]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// The list of pods or containers; `-` reads standard input
    #[arg(long, value_name = "FILE", default_value = "-", hide_default_value = true, value_hint = ValueHint::FilePath)]
    pub pods: PathBuf,
    /// Ask the registries whether a digest is one platform of the index that is declared, and where the tag points by now
    #[arg(long)]
    pub online: bool,
}

/// Ask the registry what a reference is now
///
/// Prints the digest and what it names. Good for finding out whether names, credentials and mirrors are right.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  every reference was resolved
  2  wrong usage or configuration, or a reference that is none
  3  a reference could not be resolved; the others were

Examples:
  tagpin resolve nginx:1.27
  tagpin resolve ghcr.io/acme/api:1.8 --platform linux/arm64")]
pub struct ResolveArgs {
    /// Image references, such as `nginx` or `ghcr.io/acme/api:1.8`
    #[arg(value_name = "REFERENCE", required = true)]
    pub references: Vec<String>,
    /// Print the digest of this platform's manifest, not of the index
    #[arg(long, value_name = "OS/ARCH", value_parser = platform)]
    pub platform: Option<Platform>,
}

/// Show or check the configuration
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What `tagpin config` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigAction {
    /// Print the settings that apply, defaults included
    ///
    /// What is printed is a configuration file that says the same.
    #[command(after_long_help = "\
Exit codes:
  0  printed
  2  the configuration is wrong

Examples:
  tagpin config show                          # the defaults
  tagpin config show --config tagpin.toml
  tagpin config show tagpin.toml --format json")]
    Show(ConfigFile),
    /// Tell whether a configuration file is right
    ///
    /// Without FILE and --config, the file that the repository in this directory carries is checked as such: it can
    /// only narrow what tagpin does.
    #[command(after_long_help = "\
Exit codes:
  0  it is right
  2  it is wrong, or cannot be read

Examples:
  tagpin config check tagpin.toml
  tagpin config check                         # .github/tagpin.toml, tagpin.toml or .tagpin.toml")]
    Check(ConfigFile),
    /// Print the JSON Schema of the configuration file, for editors
    ///
    /// Editors that know TOML schemas complete and check keys by it: with `#:schema ./tagpin.schema.json` as the first line
    /// of the configuration for taplo and what is built on it.
    #[command(after_long_help = "\
Examples:
  tagpin config schema > tagpin.schema.json")]
    Schema,
}

/// The file of `tagpin config show` and `tagpin config check`.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// The configuration file, in the place of --config
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// Print a completion script for a shell
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  tagpin completions bash > ~/.local/share/bash-completion/completions/tagpin
  tagpin completions fish > ~/.config/fish/completions/tagpin.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL", required_unless_present = "environments")]
    pub shell: Option<clap_complete::Shell>,
    /// Print the names of the [[environment]]s, one on a line: the scripts ask for them
    #[arg(long, conflicts_with = "shell")]
    pub environments: bool,
}

fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).filter(Platform::is_known).ok_or_else(|| {
        "write `os/architecture` or `os/architecture/variant`, for example `linux/arm64`".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::commands::exit::Exit;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        for augment in [
            ListArgs::augment_args,
            ExplainArgs::augment_args,
            PinArgs::augment_args,
            CheckArgs::augment_args,
            RunArgs::augment_args,
            LiveArgs::augment_args,
            ServeArgs::augment_args,
            ResolveArgs::augment_args,
        ] {
            Globals::augment_args(augment(clap::Command::new("x"))).debug_assert();
        }
    }

    #[test]
    fn global_options_go_behind_the_command_too() {
        let cli = Cli::try_parse_from(["tagpin", "config", "show", "-vv", "--offline", "--config", "a.toml"])
            .unwrap();
        assert_eq!((cli.globals.verbose, cli.globals.offline), (2, true));
        assert_eq!(cli.globals.config, Some("a.toml".into()));
    }

    #[test]
    fn offline_is_refused_where_nothing_works_without_a_network() {
        let parse = |args: &[&str]| Cli::try_parse_from(args).unwrap().globals;
        let failure = parse(&["tagpin", "config", "show", "--offline"]).require_network("pin").unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.to_string().contains("`tagpin pin`"), "{failure}");
        assert!(parse(&["tagpin", "config", "show"]).require_network("pin").is_ok());
    }

    #[test]
    fn platforms_are_parsed() {
        assert!(platform("linux/arm64").is_ok());
        assert!(platform("arm64").is_err());
        assert!(platform("unknown/unknown").is_err());
    }
}
