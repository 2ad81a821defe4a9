//! `tagpin config`

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::print_json;
use crate::commands::args::{ConfigAction, ConfigArgs, Globals};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, ConfigError, NAMES, SCHEMA, Variables, discover};
use crate::report::json::VERSION;
use crate::report::terminal::Terminal;

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
            if globals.is_json()? {
                print_json(&json!({ "version": VERSION, "config": config.to_json() }), terminal)?;
            } else {
                write!(terminal.stdout, "{}", config.to_toml())?;
            }
            Ok(Exit::Done)
        }
        ConfigAction::Schema => {
            terminal.stdout.write_all(SCHEMA.as_bytes())?;
            Ok(Exit::Done)
        }
        ConfigAction::Check(args) => {
            let checked = check(args.file.as_deref().or(globals.config.as_deref()), environment, terminal);
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

/// Returns what was checked and found right.
fn check(
    file: Option<&Path>,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<String, ConfigError> {
    if let Some(file) = file.or(environment.config.as_deref()) {
        Config::load(Some(file), environment)?;
        return Ok(format!("`{}`", file.display()));
    }
    let config = Config::load(None, environment)?;
    let Some(found) = discover(NAMES.into_iter().filter(|name| Path::new(name).is_file())) else {
        return Ok("no configuration file, the defaults apply".to_owned());
    };
    if let Some(warning) = found.warning() {
        // A warning that cannot be said is no reason to stop.
        let _ = writeln!(terminal.stderr, "warning: {warning}");
    }
    config.narrowed_by_file(found.path)?;
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
