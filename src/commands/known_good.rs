//! `tagpin known-good`

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::hold::{save, text_of};
use super::live::{compare, pods_of};
use super::{image_globs, in_checkout, local_config, log, print_json, print_next_step, work_tree_root};
use crate::commands::args::{Format, Globals, KnownGoodAction, KnownGoodArgs, KnownGoodMarkArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::history::known_good;
use crate::history::known_good::{FILE, KnownGood, MARK, Mark, Marked, NotMarked, Runs};
use crate::live;
use crate::plan::pin;
use crate::policy::target::{Target, known_environments};
use crate::report::json::VERSION;
use crate::report::terminal::Terminal;
use crate::report::{fold, human};
use crate::run::request::{require_images, require_match};
use crate::source::tree::CommitTree;
use crate::text::{count, printable};

/// Marks, lists or shows what is known to be good.
///
/// # Errors
/// The configuration or the list is wrong, or cannot be written.
pub fn run(
    args: &KnownGoodArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let root = work_tree_root(&std::env::current_dir()?);
    let known = known_good::read(&text_of(&root.join(FILE))?)
        .map_err(|error| Failure::usage(error.to_string(), known_good::NOT_A_LIST))?;
    match &args.action {
        KnownGoodAction::Mark(args) => mark(args, &config, &root, &known, globals, terminal),
        KnownGoodAction::List { environment: None } => show(known.iter(), globals, terminal),
        KnownGoodAction::List { environment: Some(environment) } => {
            let target = environment_of(environment, &config)?;
            show(known.iter().filter(|entry| entry.environment == target.name), globals, terminal)
        }
    }
}

fn environment_of(name: &str, config: &Config) -> Result<Target, Failure> {
    Target::parse(name, &config.settings, "", |_| false)
        .ok()
        .filter(|target| target.environment().is_some())
        .ok_or_else(|| {
            let known = known_environments(&config.settings);
            let hint = "an [[environment]] of the configuration has a `name` and `paths`";
            Failure::usage(format!("there is no environment `{name}`; {known}"), hint)
        })
}

fn mark(
    args: &KnownGoodMarkArgs,
    config: &Config,
    root: &Path,
    known: &[KnownGood],
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    if args.online {
        globals.require_network("known-good mark --online")?;
    }
    let target = environment_of(&args.environment, config)?;
    let containers = args.live.as_deref().map(|file| pods_of(file, "--live")).transpose()?;
    let commit = log(root, &args.base)?.tip().to_string();
    let tree = CommitTree::of_revision(root, &commit).map_err(anyhow::Error::new)?;
    let mut inventory = pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?;
    // What another environment declares is no excuse for what runs in this one.
    inventory.files.retain(|file| target.has_file(&file.root_path));
    let images = image_globs(&args.image)?;
    require_images(&inventory, &[&target]).map_err(in_checkout::request_failure)?;
    require_match(images.as_ref(), &inventory, &[&target]).map_err(in_checkout::request_failure)?;
    let by = args.by.clone().filter(|by| !by.trim().is_empty());
    let runs = match containers {
        Some(containers) => {
            let declared = live::declared(&inventory, config.settings.annotations.keys());
            let (compared, indexes) = compare(&declared, &containers, args.online, config)?;
            Some(Runs { declared, containers, compared, indexes })
        }
        None => None,
    };
    let mark = Mark { now: Timestamp::now(), commit, by, images: images.as_ref(), runs: runs.as_ref() };
    let Marked { entries, left_out, kept } = known_good::mark(known, &inventory, &target, &mark);
    let file = root.join(FILE);
    let text = text_of(&file)?;
    let after = known_good::write(&entries);
    if after != text {
        save(&file, after.as_bytes())?;
    }
    let complete = left_out.is_empty();
    let all = entries.iter().filter(|entry| entry.environment == target.name).count();
    if globals.format == Format::Json {
        let document = json!({
            "version": VERSION, "environment": target.name, "marked": all - kept, "kept": kept,
            "left_out": left_out.iter().map(left_out_row).collect::<Vec<_>>(), "complete": complete,
        });
        print_json(&document, terminal)?;
        return Ok(Exit::of(false, complete));
    }
    let images = count(all, "image");
    let before = if kept > 0 { format!(", {kept} of them from before") } else { String::new() };
    writeln!(terminal.stdout, "{FILE}: {images} known to be good in {}{before}", printable(&target.name))?;
    let step = (after != text).then(|| format!("commit {FILE}"));
    for NotMarked { image, file, line, reason, detail } in &left_out {
        let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let line = format!("not marked, {reason}: {image} ({file}:{line}){detail}");
        terminal.stderr.write_all(fold::line(&line, 2, &terminal.stderr).as_bytes())?;
    }
    print_next_step(step, globals, terminal)?;
    Ok(Exit::of(false, complete))
}

fn left_out_row(left_out: &NotMarked) -> serde_json::Value {
    let NotMarked { image, file, line, reason, detail } = left_out;
    json!({"image": image, "file": file, "line": line, "reason": reason, "detail": detail})
}

fn show<'k>(
    entries: impl Iterator<Item = &'k KnownGood>,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let (mut rows, mut number) = (Vec::new(), 0_usize);
    for entry in entries {
        number += 1;
        let KnownGood { environment, image, tag, digest, marked, commit, by } = entry;
        if globals.format == Format::Json {
            rows.push(json!({
                "environment": environment, "image": image, "tag": tag, "digest": digest,
                "marked": marked.to_string(), "commit": commit, "by": by,
            }));
            continue;
        }
        let tag = tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let commit: String = commit.chars().take(12).collect();
        let line = format!("{environment}  {image}{tag}@{digest}  marked {marked}{by} at {commit}");
        let line = fold::line(&human::shown(&line, &terminal.stdout), 2, &terminal.stdout);
        terminal.stdout.write_all(line.as_bytes())?;
    }
    if globals.format == Format::Json {
        let document = json!({"version": VERSION, "known_good": rows, "complete": true});
        print_json(&document, terminal)?;
        return Ok(Exit::Done);
    }
    if !globals.quiet {
        let entries = if number == 1 { "entry" } else { "entries" };
        writeln!(terminal.stderr, "{number} {entries}")?;
        if number == 0 {
            writeln!(terminal.stderr, "hint: `{MARK}` makes the first")?;
        }
    }
    Ok(Exit::Done)
}
