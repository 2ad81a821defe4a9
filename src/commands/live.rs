//! `tagpin live`

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::input::{self, Input};
use super::selected::selected_tree;
use super::{block_on, local_config, print_json, print_next_step, registry, shell_words};
use crate::commands::args::{Format, Globals, LiveArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::live::pods::{Container, Pulled};
use crate::live::{self, Comparison, DeclaredPlace, Indexes};
use crate::plan::pin;
use crate::registry::Trust;
use crate::report::terminal::Terminal;
use crate::report::{Report, fold, human, live as report, live_markdown, next_step};
use crate::source::tree::Tree as _;
use crate::text::shell_word;

/// The largest list of pods that is read, in bytes.
const SIZE_MAX: u64 = 512 * 1024 * 1024;

/// Compares what runs with what the files declare.
///
/// # Errors
/// A path or the list of pods is wrong, the configuration is, or standard output cannot be written.
pub fn run(
    args: &LiveArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    if args.online {
        globals.require_network("live --online")?;
    }
    let mut config = local_config(globals, environment, terminal)?;
    // Nothing is edited here, and what runs may be declared there.
    config.settings.policy.vendored = true;
    let tree = selected_tree(&args.paths, &config.settings, globals, terminal)?;
    let containers = running(args)?;
    let inventory = pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?;
    let declared = live::declared(&inventory, config.settings.annotations.keys());
    let (compared, _) = compare(&declared, &containers, args.online, &config)?;
    let files = Report::new(&inventory, None, |path| tree.is_named(path));
    let drift = report::has_drift(&compared);
    let complete = files.complete && report::is_complete(&compared);
    match globals.format {
        Format::Json => print_json(&report::document(&compared, complete), terminal)?,
        Format::Markdown => terminal.stdout.write_all(live_markdown::document(&compared).as_bytes())?,
        _ => {
            let text = report::human(&compared, &terminal.stdout);
            terminal.stdout.write_all(text.as_bytes())?;
        }
    }
    let remarks = human::remarks(&files, &terminal.stderr, globals.quiet);
    terminal.stderr.write_all(remarks.as_bytes())?;
    if !globals.quiet {
        let summary = fold::line(report::summary(&compared).trim_end(), 2, &terminal.stderr);
        terminal.stderr.write_all(summary.as_bytes())?;
        if containers.is_empty() {
            let note = "note: the list has no container that runs: nothing was compared";
            terminal.stderr.write_all(fold::line(note, 2, &terminal.stderr).as_bytes())?;
        }
        if drift && !args.online && globals.format == Format::Human {
            let hint =
                "hint: a node may name one platform's manifest of an index: `--online` tells them apart";
            terminal.stderr.write_all(fold::line(hint, 2, &terminal.stderr).as_bytes())?;
        }
        if globals.format == Format::Human && compared.unknown.iter().any(is_without_its_image) {
            let hint = "hint: a container of Docker or Podman knows the digest of its image by what is known of the image: put what \
                        `docker image inspect IMAGE…` prints behind it";
            terminal.stderr.write_all(fold::line(hint, 2, &terminal.stderr).as_bytes())?;
        }
    }
    let has_history = inventory.files.iter().any(|file| tree.work_tree(&file.path).is_some());
    let step = next_step::after_live(&compared, args.online, has_history, &shell_words(&args.paths));
    print_next_step(step, globals, terminal)?;
    Ok(Exit::of(drift, complete))
}

/// Returns whether a container is one of Docker or Podman, by what it lacks: schedulers name a node.
fn is_without_its_image(container: &Container) -> bool {
    container.node.is_empty() && matches!(container.pulled, Pulled::Local(_))
}

/// Compares both sides, with the registries' help where it is `online`, and returns what they said beside it.
///
/// # Errors
/// The configuration of a registry is wrong.
pub(super) fn compare(
    declared: &[DeclaredPlace],
    containers: &[Container],
    online: bool,
    config: &Config,
) -> Result<(Comparison, Indexes), Failure> {
    let compared = live::compare(declared, containers, &Indexes::new());
    if !online {
        return Ok((compared, Indexes::new()));
    }
    // The names come from the files: what the cluster has beside them is not asked for.
    let registry = registry(config, Trust::Scanned)?;
    let indexes = block_on(live::indexes(&registry, &compared))?;
    let mut compared = live::compare(declared, containers, &indexes);
    block_on(live::ask_tags(&registry, &mut compared))?;
    Ok((compared, indexes))
}

/// Returns the containers of the list of pods in `file`, which `option` names; `-` is standard input.
///
/// # Errors
/// A usage error: the file cannot be read, or has no list of pods.
pub(super) fn pods_of(file: &Path, option: &str) -> Result<Vec<Container>, Failure> {
    let hint = format!(
        "`kubectl get pods -A -o json` prints them, and `docker inspect`, `podman inspect`, `docker compose ps --format json`, \
         `aws ecs describe-tasks` and `nomad alloc status -json` what runs elsewhere: pipe that in, or write it into a file \
         and name it with `{option} FILE`"
    );
    let split = "compare one namespace after the other";
    let bytes = input::read(file, &Input { what: "pods", max: SIZE_MAX, hint: &hint, split })?;
    live::running(&bytes)
        .map_err(|error| Failure::usage(format!("{} has no list of pods: {error}", input::shown(file)), hint))
}

/// Returns what is running. Where the list of pods stands among the paths it is said what to write.
fn running(args: &LiveArgs) -> Result<Vec<Container>, Failure> {
    let is_list = |path: &&PathBuf| {
        let bytes = std::fs::File::open(path).ok().filter(|_| path.is_file()).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(SIZE_MAX).read_to_end(&mut bytes).ok().map(|_| bytes)
        });
        bytes.is_some_and(|bytes| live::running(&bytes).is_ok())
    };
    pods_of(&args.pods, "--pods").map_err(|failure| match args.paths.iter().find(is_list) {
        Some(list) if args.pods == Path::new("-") => {
            let others: Vec<PathBuf> = args.paths.iter().filter(|path| *path != list).cloned().collect();
            let message = format!("`{}` has pods, and stands where the manifests are named", list.display());
            let list = shell_word(&list.to_string_lossy());
            Failure::usage(message, format!("`tagpin live --pods {list}{}`", shell_words(&others)))
        }
        _ => failure,
    })
}
