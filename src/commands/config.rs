//! `tagpin config`

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{own_settings, print_json};
use crate::commands::args::{ConfigAction, ConfigArgs, Globals};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, ConfigError, NAMES, SCHEMA, Variables, discover_on_disk};
use crate::report::json::VERSION;
use crate::report::terminal::Terminal;
use crate::text::printable;

/// Shows or checks the configuration, or prints its schema.
///
/// # Errors
/// The configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &ConfigArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    match &args.action {
        ConfigAction::Show(args) => {
            let config = Config::load(args.file.as_deref().or(globals.config.as_deref()), environment)?;
            let own = own_file(&config)?;
            if globals.is_json()? {
                let own = own.map(|(path, text)| json!({ "path": path, "text": text }));
                let document =
                    json!({ "version": VERSION, "config": config.to_json(), "repository_file": own });
                print_json(&document, terminal)?;
            } else {
                write!(terminal.stdout, "{}", config.to_toml())?;
                if let Some((path, text)) = own {
                    let lines = text.lines().map(|line| format!("# {line}\n"));
                    let text = lines.collect::<String>();
                    write!(
                        terminal.stdout,
                        "\n# `{path}`, this repository's own file, narrows that:\n#\n{}",
                        printable(&text)
                    )?;
                }
            }
            Ok(Exit::Done)
        }
        ConfigAction::Schema => {
            terminal.stdout.write_all(SCHEMA.as_bytes())?;
            Ok(Exit::Done)
        }
        ConfigAction::Check(args) => {
            let own = args.file.as_deref().and_then(|file| Some((file, repository_of(file)?)));
            let checked = match own {
                // It is meant as what it is called, and lies where every command takes it for that.
                Some((file, root)) => check_own(file, &root, environment),
                None => check(args.file.as_deref().or(globals.config.as_deref()), environment, terminal),
            };
            if !globals.is_json()? {
                writeln!(terminal.stdout, "ok: {}", checked?)?;
                return Ok(Exit::Done);
            }
            let problems = checked.as_ref().err().map_or(&[][..], ConfigError::problems);
            print_json(&problems_json(problems), terminal)?;
            if !problems.is_empty() {
                return Ok(Exit::Usage);
            }
            Ok(Exit::Done)
        }
    }
}

/// Returns the path and the text of the repository's own file, where it says something beside `config`.
fn own_file(config: &Config) -> Result<Option<(&'static str, String)>, Failure> {
    let Some((found, path)) = own_settings(&std::env::current_dir()?)? else { return Ok(None) };
    config.narrowed_by_file(&path)?;
    let text = fs_err::read_to_string(path)?;
    Ok((!config.is_of(&text)).then_some((found.path, text)))
}

/// Returns the root of the repository in which a file lies where every command takes it for the one of the repository.
fn repository_of(file: &Path) -> Option<PathBuf> {
    let root = |name: &&str| file.ancestors().nth(Path::new(name).components().count());
    let named = NAMES.iter().filter(|name| file.ends_with(name));
    named.filter_map(root).find(|root| root.join(".git").exists()).map(Path::to_owned)
}

/// Returns that a file was found right as the own one of the repository in `root`.
fn check_own(file: &Path, root: &Path, environment: &Variables) -> Result<String, ConfigError> {
    discover_on_disk(root)?;
    let config = Config::load(None, environment)?;
    config.narrowed_by_file(&file.to_string_lossy())?;
    Ok(format!("`{}`, as the file of a repository", file.display()))
}

/// Returns what was checked and found right.
fn check(
    file: Option<&Path>,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<String, ConfigError> {
    if let Some(file) = file.or(environment.config.as_deref()) {
        Config::load(Some(file), environment)?;
        let is_own = NAMES.iter().any(|name| file.ends_with(name));
        let as_own = file.to_str().filter(|_| is_own).map(|path| Config::default().narrowed_by_file(path));
        if let Some(Err(error)) = as_own {
            let problem = error.problems().first().map(|problem| problem.message.clone()).unwrap_or_default();
            // A warning that cannot be said is no reason to stop.
            let _ = writeln!(
                terminal.stderr,
                "warning: `{}` is right for `--config`; as the file of a repository it would be refused: {problem}",
                file.display()
            );
        }
        return Ok(format!("`{}`", file.display()));
    }
    let config = Config::load(None, environment)?;
    let directory = std::env::current_dir().unwrap_or_default();
    let Some((found, path)) = own_settings(&directory)? else {
        return Ok("no configuration file, the defaults apply".to_owned());
    };
    if let Some(warning) = found.warning() {
        // A warning that cannot be said is no reason to stop.
        let _ = writeln!(terminal.stderr, "warning: {warning}");
    }
    config.narrowed_by_file(&path)?;
    Ok(format!("`{}`, as the file of a repository", found.path))
}

fn problems_json(problems: &[crate::config::Diagnostic]) -> serde_json::Value {
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| {
            json!({
                "file": problem.file,
                "line": problem.position.map(|(line, _)| line),
                "column": problem.position.map(|(_, column)| column),
                "message": problem.message,
                "hint": problem.hint,
            })
        })
        .collect();
    json!({ "version": VERSION, "valid": problems.is_empty(), "problems": problems })
}
