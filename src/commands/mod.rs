//! One file per verb: arguments in, report out.

pub mod args;
pub mod check;
pub mod completions;
pub mod config;
pub mod exit;
pub mod explain;
pub mod failure;
pub mod history;
pub mod hold;
mod in_checkout;
mod in_pull_request;
mod input;
pub mod known_good;
pub mod ledger;
pub mod list;
pub mod live;
pub mod pin;
pub mod promote;
pub mod resolve;
pub mod rollback;
pub mod run;
mod selected;
pub mod serve;

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::commands::args::{Format, Globals};
use crate::commands::failure::Failure;
use crate::config::{Config, ConfigError, DiscoveredFile, Variables, discover_on_disk};
use crate::policy::{Globs, has_version};
use crate::pull_request::marker;
use crate::registry::{self, Budget, ClientSettings, Credentials, HttpRegistry, Trust, registries_conf};
use crate::report::terminal::{Stream, Terminal, TextStyle};
use crate::report::{Report, fold, human, json, json_text, totals};
use crate::source::git::{Log, LogError};
use crate::source::tree::{DirectoryTree, Resolved, resolve};
use crate::text::{printable, shell_word};

/// Returns the settings for the files in the working directory: the named file's, narrowed by the repository's own.
fn local_config(
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Config, Failure> {
    let config = Config::load(globals.config.as_deref(), environment)?;
    let Some((found, path)) = own_settings(&std::env::current_dir()?)? else { return Ok(config) };
    if let Some(warning) = found.warning().filter(|_| !globals.quiet) {
        writeln!(terminal.stderr, "warning: {warning}")?;
    }
    Ok(config.narrowed_by_file(&path)?)
}

/// Returns the own settings of the repository around a directory, and their path as it is seen from there.
fn own_settings(directory: &Path) -> Result<Option<(DiscoveredFile, String)>, ConfigError> {
    let root = work_tree_root(directory);
    let Some(found) = discover_on_disk(&root)? else { return Ok(None) };
    let path = if root == directory { PathBuf::from(found.path) } else { root.join(found.path) };
    // The path is UTF-8 where the configuration can name it.
    Ok(Some((found, path.to_string_lossy().into_owned())))
}

/// Returns the files of the whole repository around the working directory, and its root.
fn whole_tree() -> Result<(DirectoryTree, PathBuf), Failure> {
    let working_directory = std::env::current_dir()?;
    let root = work_tree_root(&working_directory);
    let given = if root == working_directory { PathBuf::from(".") } else { root.clone() };
    Ok((local_tree(&[given])?, root))
}

/// Returns the working directory as it is seen from `root`, which is above it.
fn seen_from(root: &Path) -> Result<String, Failure> {
    let working_directory = std::env::current_dir()?;
    let below = working_directory.strip_prefix(root).unwrap_or(Path::new(""));
    let segments: Option<Vec<&str>> = below.iter().map(|segment| segment.to_str()).collect();
    let hint = "start tagpin in the root of the repository";
    Ok(segments.ok_or_else(|| Failure::usage("the directory's name is not UTF-8", hint))?.join("/"))
}

const NAME_A_TARGET: &str =
    "name an [[environment]] of the configuration, a file, a directory, or PATH#KIND/NAME";

/// Returns the globs of `--image`; `None` where there are none.
fn image_globs(images: &[String]) -> Result<Option<Globs>, Failure> {
    if images.is_empty() {
        return Ok(None);
    }
    let hint = "--image takes names without tag and digest, such as `ghcr.io/acme/*`";
    if let Some(image) = images.iter().find(|image| has_version(image)) {
        return Err(Failure::usage(format!("`--image {image}` would never match"), hint));
    }
    let globs = Globs::of_images(images);
    Ok(Some(globs.map_err(|error| Failure::usage(format!("`--image`: {error}"), hint))?))
}

/// Returns the history of the repository around `root` that ends with `revision`.
fn log(root: &Path, revision: &str) -> Result<Log, Failure> {
    Log::open(root, revision, marker::is_own).map_err(|error| match &error {
        LogError::Revision(_) => {
            Failure::usage(error.to_string(), "history is what git has: commit first, or name another --base")
        }
        LogError::Git(_) | LogError::NotFetched(_) => anyhow::Error::new(error).into(),
    })
}

/// Returns where the repository's own settings are, or belong where it has none.
fn repository_file(root: &Path) -> Result<PathBuf, ConfigError> {
    Ok(root.join(discover_on_disk(root)?.map_or("tagpin.toml", |found| found.path)))
}

/// Returns the directory above `directory`, or itself, that has a `.git`; itself where there is none.
fn work_tree_root(directory: &Path) -> PathBuf {
    let root = directory.ancestors().find(|ancestor| ancestor.join(".git").exists());
    root.unwrap_or(directory).to_owned()
}

/// Returns the files that the command line names: the working directory where it names none.
fn local_tree(paths: &[PathBuf]) -> Result<DirectoryTree, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let working_directory = std::env::current_dir()?;
    let is_everything = |path: &&PathBuf| {
        let path = working_directory.join(path);
        let path = fs_err::canonicalize(&path).unwrap_or(path);
        path.parent().is_none() && !path.join(".git").exists()
    };
    if let Some(path) = paths.iter().find(is_everything) {
        let message = format!("`{}` is the whole file system", path.display());
        return Err(Failure::usage(message, "name the directory with the manifests"));
    }
    DirectoryTree::of_paths(&working_directory, paths).map_err(|error| match error {
        crate::source::tree::TreeError::NotFound { .. } => Failure::usage(
            error.to_string(),
            "name files and directories that exist, seen from this directory",
        ),
        other => anyhow::Error::new(other).into(),
    })
}

/// Returns the files that the command line names, as [`local_tree`] does, where nothing else tells of a link in their paths.
fn given_tree(paths: &[PathBuf]) -> Result<DirectoryTree, Failure> {
    let working_directory = std::env::current_dir()?;
    if let Some((path, link)) =
        paths.iter().find_map(|path| Some((path, linked_directory(&working_directory, path)?)))
    {
        let message = format!(
            "`{}` is reached through `{}`, a symbolic link of the repository: whoever wrote it would choose what is looked at",
            printable(&path.display().to_string()),
            printable(&link)
        );
        return Err(Failure::usage(message, "name the directory that it leads to"));
    }
    local_tree(paths)
}

/// Returns the symbolic link of the repository around `working_directory` that `path` leads through, as it is seen from the
/// root; `None` where a link is its end and no directory, which is told of as any link of a tree is.
fn linked_directory(working_directory: &Path, path: &Path) -> Option<String> {
    let here = fs_err::canonicalize(working_directory).ok()?;
    let root = here.ancestors().find(|ancestor| ancestor.join(".git").exists())?;
    let full = here.join(path);
    if !full.is_dir() && !full.parent().is_some_and(Path::is_dir) {
        return None;
    }
    let Resolved::Inside(below) = resolve(root, &full) else { return None };
    let ends = below.match_indices('/').map(|(at, _)| at).chain(full.is_dir().then_some(below.len()));
    ends.map(|end| &below[..end]).find(|prefix| root.join(prefix).is_symlink()).map(str::to_owned)
}

/// Returns a client for the registries of `config`, with the credentials that docker and podman keep. `trust` says
/// where the names come from that it will be asked for.
fn registry(config: &Config, trust: Trust) -> Result<HttpRegistry, Failure> {
    let mut rules = config.registries.clone();
    if let Some(path) = &config.registries_conf {
        let text = fs_err::read_to_string(path).map_err(|error| {
            Failure::usage(error.to_string(), "`registries-conf` names a containers registries.conf")
        })?;
        let more = registries_conf::parse(&text).map_err(|error| {
            Failure::usage(
                format!("`{}`: {error}", path.display()),
                "`registries-conf` names a containers registries.conf of version 2",
            )
        })?;
        // The bot's own configuration says more about a registry than a file for all programs.
        more.into_iter()
            .filter(|rule| config.registries.iter().all(|own| own.prefix != rule.prefix))
            .for_each(|rule| rules.push(rule));
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Into::into);
    let paths = registry::CredentialPaths::read();
    if trust == Trust::Untrusted {
        require_outside(&paths)?;
    }
    let credentials = Credentials::new(&paths)
        .with_variables(&rules, variable)
        .with_helper_timeout(config.network.helper_timeout);
    let settings = ClientSettings {
        rules,
        credentials,
        limits: config.network.limits,
        trust,
        ..ClientSettings::default()
    };
    HttpRegistry::new(settings).map_err(|error| {
        let mut text = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            text = format!("{text}: {cause}");
        }
        Failure::usage(text, "look at the [[registry]] entries of the configuration")
    })
}

/// Refuses credentials, and the names of programs that give some, from a file that the author of what is judged has written.
fn require_outside(paths: &registry::CredentialPaths) -> Result<(), Failure> {
    let here = fs_err::canonicalize(std::env::current_dir()?)?;
    let root = work_tree_root(&here);
    for (variable, path) in paths.files() {
        let is_inside = matches!(resolve(&root, &here.join(&path)), Resolved::Inside(_));
        let leads_inside = || fs_err::canonicalize(&path).is_ok_and(|path| path.starts_with(&root));
        if is_inside || leads_inside() {
            let message = format!(
                "{variable} leads to `{}`, which belongs to what is judged: whoever wrote it would choose the programs that are run",
                printable(&path.display().to_string())
            );
            return Err(Failure::usage(
                message,
                "with `--untrusted`, keep credentials outside of the repository",
            ));
        }
    }
    Ok(())
}

/// Prints how many requests each registry got.
fn print_budgets(budgets: &BTreeMap<String, Budget>, terminal: &mut Terminal) -> Result<(), Failure> {
    for (host, budget) in budgets {
        writeln!(terminal.stderr, "{}: {budget}", printable(host))?;
    }
    Ok(())
}

/// Returns what runs asynchronous work. Connections live in it: one for all that shares a client.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Runs asynchronous work to its end.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(runtime()?.block_on(work))
}

/// Prints a report: the rows as `human` has them, or the JSON document; remarks and summary on standard error.
fn print(
    report: &Report<'_>,
    globals: &Globals,
    terminal: &mut Terminal,
    rows: impl Fn(&Report<'_>, &Stream) -> String,
) -> Result<(), Failure> {
    if globals.is_json()? {
        let mut out = BufWriter::new(&mut terminal.stdout);
        json::write(report, false, &mut out)?;
        out.flush()?;
    } else {
        let text = rows(report, &terminal.stdout);
        terminal.stdout.write_all(text.as_bytes())?;
    }
    print_remarks(report, globals, terminal)
}

/// Prints a JSON document, its keys in alphabetical order.
fn print_json(document: &impl Serialize, terminal: &mut Terminal) -> Result<(), Failure> {
    let document = serde_json::to_value(document).map_err(anyhow::Error::new)?;
    Ok(json_text::write(&document, &mut terminal.stdout)?)
}

/// Prints remarks and summary on standard error.
fn print_remarks(report: &Report<'_>, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let remarks = human::remarks(report, &terminal.stderr, globals.quiet);
    terminal.stderr.write_all(remarks.as_bytes())?;
    if globals.verbose > 0 {
        let unread = human::known_unread(report, &terminal.stderr);
        terminal.stderr.write_all(unread.as_bytes())?;
    }
    if !globals.quiet {
        let totals = totals(report, &terminal.stderr);
        terminal.stderr.write_all(totals.as_bytes())?;
    }
    Ok(())
}

/// Says what to do next, as the last line, where a person is looking on.
fn print_next_step(step: Option<String>, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let is_watched = terminal.stdout.is_terminal() && terminal.stderr.is_terminal();
    match step.filter(|_| is_watched && !globals.quiet && globals.format == Format::Human) {
        Some(step) => {
            let line = fold::headed(TextStyle::Bold, "next", &format!(": {step}"), 2, &terminal.stderr);
            Ok(terminal.stderr.write_all(line.as_bytes())?)
        }
        None => Ok(()),
    }
}

/// Returns the paths of a command line, each behind a space, as a shell takes them.
fn shell_words(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!(" {}", shell_word(&path.to_string_lossy()))).collect()
}

/// Returns a function that shows on a terminal how far a long piece of work is, on one line.
fn progress(shown: bool) -> impl Fn(usize, usize) {
    let start = std::time::Instant::now();
    move |done, total| {
        if shown && start.elapsed().as_millis() > 500 {
            let line = if done == total {
                "\r\u{1b}[K".to_owned()
            } else {
                format!("\r\u{1b}[Kresolving {done}/{total}")
            };
            // Progress that cannot be shown is no reason to stop.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}
