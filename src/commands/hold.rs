//! `tagpin hold`

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::{
    local_config, print_json, print_next_step, repository_file, seen_from, whole_tree, work_tree_root,
};
use crate::atomic_file;
use crate::commands::args::{Format, Globals, HoldAction, HoldAddArgs, HoldArgs, HoldRemoveArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables, edit_holds};
use crate::plan::pin;
use crate::policy::hold::{Hold, Holds, NewHold, Until};
use crate::policy::{Globs, has_version};
use crate::report::json::VERSION;
use crate::report::terminal::Terminal;
use crate::report::{Report, fold};
use crate::source::tree::Tree as _;
use crate::text::{count, printable, quoted, shell_word};

/// Adds, lists or removes holds.
///
/// # Errors
/// The configuration or the repository's file is wrong, or cannot be written.
pub fn run(
    args: &HoldArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    match &args.action {
        HoldAction::Add(args) => add(args, globals, environment, terminal),
        HoldAction::List => list(globals, environment, terminal),
        HoldAction::Remove(args) => remove(args, globals, environment, terminal),
    }
}

fn add(
    args: &HoldAddArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    require_to_come(args.until)?;
    let mut hold = NewHold {
        images: args.image.clone(),
        paths: args.path.clone(),
        tag: args.tag.clone(),
        digest: args.digest.clone(),
        reason: args.reason.clone(),
        by: args.by.clone().filter(|by| !by.trim().is_empty()),
        until: args.until,
    };
    if hold.images.is_empty() && hold.paths.is_empty() && hold.tag.is_none() && hold.digest.is_none() {
        let hint = "give --image, --path, --tag or --digest; `--path '**'` holds everything";
        return Err(Failure::usage("the hold does not say what it is for", hint));
    }
    if let Some(image) = hold.images.iter().find(|image| has_version(image)) {
        let hint = "name the image without tag and digest; --tag and --digest say which";
        return Err(Failure::usage(format!("`--image {image}` would never match"), hint));
    }
    // What is wrong already is told before anything is written.
    let config = local_config(globals, environment, terminal)?;
    hold.paths = with_environments(&args.path, &config);
    let path = repository_file(&work_tree_root(&std::env::current_dir()?))?;
    let before = text_of(&path)?;
    let shown = seen_from_here(&path)?;
    let base = path.parent().unwrap_or(Path::new("/"));
    let after = edit_holds::with_hold(&shown, base, &before, &hold)
        .map_err(|error| Failure::usage(error.to_string(), HOLDS))?;
    if after == before {
        writeln!(terminal.stdout, "{}: this hold is there already", printable(&shown))?;
        return Ok(Exit::Done);
    }
    save(&path, after.as_bytes())?;
    let holds = edit_holds::holds_of(&shown, base, &after)?;
    let number = holds.len();
    let Some(added) = holds.into_iter().next_back() else { return Ok(Exit::Done) };
    let line = format!("hold {number} was added: {}: {added}", added.subject());
    terminal.stdout.write_all(fold::line(&line, INDENT, &terminal.stdout).as_bytes())?;
    let (tree, root) = whole_tree()?;
    let inventory = pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?;
    let paths = added.paths.clone();
    if !globals.quiet && Holds::new(vec![added]).matched(&inventory) != [true] {
        let entries = tree.entries().map_err(anyhow::Error::new)?;
        let is_there =
            |paths: &Globs| entries.iter().any(|entry| paths.matches(&tree.root_path(&entry.path)));
        let why = paths.filter(|paths| !is_there(paths)).map_or_else(
            || "it is for no image that is here (`tagpin list` has their names)".to_owned(),
            |paths| no_such_path(&paths, &root),
        );
        let note = fold::line(&format!("note: it keeps nothing: {why}"), INDENT, &terminal.stderr);
        terminal.stderr.write_all(note.as_bytes())?;
    }
    print_next_step(Some(format!("commit {}", shell_word(&shown))), globals, terminal)?;
    Ok(Exit::Done)
}

/// Returns the paths, with those of an [[environment]] where one has its name, as for every other command.
fn with_environments(paths: &[String], config: &Config) -> Vec<String> {
    let own = |path: &String| match config.settings.environments.iter().find(|it| it.name == *path) {
        Some(environment) => environment.paths.patterns().to_vec(),
        None => vec![path.clone()],
    };
    paths.iter().flat_map(own).collect()
}

/// Returns that no file below `root` has one of the `paths`, and how the directories among them are written.
fn no_such_path(paths: &Globs, root: &Path) -> String {
    let named = quoted(paths.patterns(), " or ");
    let directories = paths.patterns().iter().map(|path| path.trim_end_matches('/'));
    let inside: Vec<String> = directories
        .filter(|path| root.join(path).is_dir())
        .map(|path| format!("`{path}/**` is everything in `{path}`"))
        .collect();
    let inside = if inside.is_empty() { String::new() } else { format!(": {}", inside.join(", ")) };
    format!("no file here has the path {named}{inside}")
}

/// How far what belongs to a line above is from the left.
const INDENT: usize = 2;

/// Returns a file of the repository as it is seen from the working directory.
fn seen_from_here(path: &Path) -> Result<String, Failure> {
    let root = work_tree_root(&std::env::current_dir()?);
    let above = seen_from(&root)?.split('/').filter(|segment| !segment.is_empty()).count();
    Ok(format!("{}{}", "../".repeat(above), path.strip_prefix(&root).unwrap_or(path).display()))
}

/// Refuses an end that has come already: nothing would be held.
pub(super) fn require_to_come(until: Option<Until>) -> Result<(), Failure> {
    match until.filter(|until| until.has_passed(Timestamp::now())) {
        None => Ok(()),
        Some(until) => {
            let hint = "name a day that is still to come, or leave --until out";
            Err(Failure::usage(format!("`--until {until}` has passed"), hint))
        }
    }
}

/// Returns the text of the repository's file, empty where there is none.
pub(super) fn text_of(path: &Path) -> std::io::Result<String> {
    match fs_err::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        result => result,
    }
}

/// Writes the repository's file, which may be new.
pub(super) fn save(path: &Path, text: &[u8]) -> Result<(), Failure> {
    if let Some(directory) = path.parent() {
        atomic_file::sweep(directory);
    }
    Ok(atomic_file::put(path, text)?)
}

const HOLDS: &str = "docs/change-control.md shows how a `[[hold]]` is written";

fn not_editable(file: &str, error: &edit_holds::HoldEditError) -> Failure {
    let hint = match error {
        edit_holds::HoldEditError::NoSuchHold(_) => "`tagpin hold list` has the numbers",
        _ => HOLDS,
    };
    Failure::usage(format!("`{file}`: {error}"), hint)
}

fn remove(
    args: &HoldRemoveArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let path = repository_file(&work_tree_root(&std::env::current_dir()?))?;
    let before = text_of(&path)?;
    let own = own_holds(&config, &path);
    let wanted: BTreeSet<usize> = if args.ended {
        let holds = config.settings.holds.at(Timestamp::now());
        let ended = own.iter().enumerate().filter(|(_, hold)| holds.has_ended(hold));
        ended.map(|(index, _)| index).collect()
    } else {
        let zero = || Failure::usage("there is no hold 0", "`tagpin hold list` has the numbers, from 1");
        args.numbers.iter().map(|number| number.checked_sub(1).ok_or_else(zero)).collect::<Result<_, _>>()?
    };
    let wanted: Vec<usize> = wanted.into_iter().collect();
    let shown = seen_from_here(&path)?;
    let after = edit_holds::remove(&before, &wanted).map_err(|error| not_editable(&shown, &error))?;
    if after != before {
        save(&path, after.as_bytes())?;
    }
    writeln!(terminal.stdout, "{}: {} removed", printable(&shown), count(wanted.len(), "hold"))?;
    Ok(Exit::Done)
}

/// Returns the holds of the file at `path`, in its order: those that have a number.
fn own_holds<'c>(config: &'c Config, path: &Path) -> Vec<&'c Hold> {
    // Messages name a file as it is seen from the working directory.
    let is_own = |hold: &&Hold| std::path::absolute(&hold.origin.file).is_ok_and(|file| file == path);
    config.settings.holds.all.iter().filter(is_own).collect()
}

/// Where the subject of a hold begins in the list.
const SUBJECT: usize = 15;

fn list(globals: &Globals, environment: &Variables, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let (tree, root) = whole_tree()?;
    let inventory = pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?;
    let report = Report::new(&inventory, None, |path| tree.is_named(path));
    let own = own_holds(&config, &repository_file(&root)?);
    let now = config.settings.holds.at(Timestamp::now());
    let mut rows = Vec::new();
    let holds = &config.settings.holds;
    for (hold, is_matched) in holds.all.iter().zip(holds.matched(&inventory)) {
        let state = if now.has_ended(hold) {
            "ended"
        } else if is_matched {
            "active"
        } else {
            "unmatched"
        };
        let number = own.iter().position(|other| *other == hold).map(|index| index + 1);
        if globals.format == Format::Json {
            rows.push(json!({
                "number": number,
                "state": state,
                "images": hold.images.as_ref().map(|images| images.patterns()),
                "paths": hold.paths.as_ref().map(|paths| paths.patterns()),
                "tag": hold.tag,
                "digest": hold.digest,
                "reason": hold.reason,
                "by": hold.by,
                "until": hold.until.map(|until| until.to_string()),
                "file": hold.origin.file,
                "line": hold.origin.place.line,
            }));
            continue;
        }
        // A hold in the bot's own file has no number: it is removed there.
        let number = number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let line = format!("{number:>2}  {state:9}  {}: {hold}", hold.subject());
        terminal.stdout.write_all(fold::line(&line, SUBJECT, &terminal.stdout).as_bytes())?;
    }
    if globals.format == Format::Json {
        let document = json!({"version": VERSION, "holds": rows, "complete": report.complete});
        print_json(&document, terminal)?;
    } else if !globals.quiet {
        writeln!(terminal.stderr, "{}", count(config.settings.holds.all.len(), "hold"))?;
    }
    Ok(Exit::of(false, report.complete))
}
