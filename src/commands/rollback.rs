//! `tagpin rollback`

use std::io::Write as _;
use std::path::Path;

use super::hold::{save, text_of, with_hold};
use super::known_good::NOT_A_LIST;
use super::pin::{Done, finish};
use super::{block_on, image_globs, local_config, log, registry, repository_file, target, whole_tree};
use crate::assign::{Refusal, assign};
use crate::cli::{Format, Globals, RollbackArgs};
use crate::config::Environment;
use crate::error::Failure;
use crate::exit::Exit;
use crate::history;
use crate::known_good;
use crate::pin;
use crate::plan::Outcome;
use crate::registry::Trust;
use crate::report::diff;
use crate::rollback::{self, Sources, To};
use crate::terminal::Terminal;

/// Goes back to earlier digests and puts them on hold.
///
/// The hold is written first: whenever this is killed, running it again ends with the same files.
///
/// # Errors
/// TARGET is nothing, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &RollbackArgs,
    globals: &Globals,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    globals.require_network("rollback")?;
    let config = local_config(globals, environment, terminal)?;
    let (tree, root) = whole_tree()?;
    let target = target(&args.target, &config, &tree, &root)?;
    let images = image_globs(&args.image)?;
    let inventory = pin::take_inventory(&tree, &config).map_err(anyhow::Error::new)?;
    let meant = rollback::images(&inventory, &target, images.as_ref());
    if meant.is_empty() {
        let hint = "`tagpin list` has every image and where it stands";
        return Err(Failure::usage(format!("no image of `{}` is meant", target.name), hint));
    }
    if matches!(args.to, To::Previous | To::Digest(_)) && meant.len() > 1 {
        let names: Vec<&str> = meant.iter().map(String::as_str).collect();
        let message = format!("`{}` has several images: {}", target.name, names.join(", "));
        return Err(Failure::usage(message, "name one with --image, or an object as PATH#KIND/NAME"));
    }
    let history = history::of(&log(&root, &args.base)?, &config, &target).map_err(anyhow::Error::new)?;
    let known_good = known_good::read(&text_of(&root.join(known_good::FILE))?)
        .map_err(|error| Failure::usage(error.to_string(), NOT_A_LIST))?;
    let sources = Sources { history: &history, known_good: &known_good, config: &config };
    let aims = rollback::rollback(&inventory, &target, images.as_ref(), &args.to, sources);
    let registry = registry(&config, Trust::Scanned)?;
    // A hold keeps what stands here from moving by itself; this is somebody who says where to. What must never be
    // written is not written here either.
    let mut unheld = config.clone();
    unheld.holds.all.retain(|hold| hold.digest.is_some());
    let pinned = block_on(assign(&tree, &unheld, &registry, inventory, aims, Refusal::StopsOne))?;
    let mut pinned = pinned.map_err(anyhow::Error::new)?;
    pinned.keep(|file| target.has_file(&file.root_path));
    let reason = args.reason.clone().unwrap_or_else(|| format!("rolled back to {}", told(&args.to)));
    let by = args.by.as_deref().filter(|by| !by.trim().is_empty());
    let holds = rollback::holds(&pinned, &config, &reason, by, args.until);
    let file = repository_file(&root);
    let before = text_of(&file)?;
    let mut after = before.clone();
    for hold in &holds {
        after = with_hold(&file, &after, hold)?;
    }
    hold(&file, &root, &before, &after, args, globals, terminal)?;
    let held = pinned.verdicts.iter().any(|verdict| verdict.outcome == Outcome::Held);
    let mut notes = Vec::new();
    if !holds.is_empty() && !args.dry_run {
        let name = file.strip_prefix(&root).unwrap_or(&file).display();
        notes.push(format!("what was rolled back is on hold in {name}: `tagpin hold list` shows it"));
    }
    let done = Done { tree: &tree, config: &config, notes, complete: !held, budget: registry.budget() };
    finish(pinned, done, args.dry_run, globals, terminal)
}

/// Writes the repository's file with the holds, or shows what would change in it.
fn hold(
    file: &Path,
    root: &Path,
    before: &str,
    after: &str,
    args: &RollbackArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    if before == after {
        return Ok(());
    }
    if !args.dry_run {
        return save(file, after);
    }
    if globals.format == Format::Human {
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        let diff = diff::unified(&name, before.as_bytes(), after.as_bytes());
        terminal.stdout.write_all(diff.as_bytes())?;
    }
    Ok(())
}

/// Returns where it goes back to, for the hold's reason.
fn told(to: &To) -> String {
    match to {
        To::Previous => "the previous digest".to_owned(),
        To::KnownGood => "the last known good digest".to_owned(),
        To::Moment(moment) => format!("what was declared at {moment}"),
        To::Digest(digest) => digest.to_string(),
    }
}
