//! `tagpin known-good`

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::hold::{save, text_of};
use super::{image_globs, local_config, log, work_tree_root};
use crate::cli::{Format, Globals, KnownGoodAction, KnownGoodArgs, KnownGoodMarkArgs};
use crate::config::{Config, Environment};
use crate::error::Failure;
use crate::exit::Exit;
use crate::known_good::{self, FILE, KnownGood, Mark};
use crate::pin;
use crate::report::count;
use crate::report::json::VERSION;
use crate::target::Target;
use crate::terminal::{Terminal, printable};
use crate::tree::CommitTree;

/// Marks, lists or shows what is known to be good.
///
/// # Errors
/// The configuration or the list is wrong, or cannot be written.
pub fn run(
    args: &KnownGoodArgs,
    globals: &Globals,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let root = work_tree_root(&std::env::current_dir()?);
    let known = known_good::read(&text_of(&root.join(FILE))?).map_err(|error| {
        Failure::usage(error.to_string(), "look at its history: `tagpin known-good mark` writes it anew")
    })?;
    match &args.action {
        KnownGoodAction::Mark(args) => mark(args, &config, &root, &known, terminal),
        KnownGoodAction::List => show(known.iter(), globals, terminal),
        KnownGoodAction::Show { environment } => {
            let target = environment_of(environment, &config)?;
            show(known.iter().filter(|entry| entry.environment == target.name), globals, terminal)
        }
    }
}

fn environment_of(name: &str, config: &Config) -> Result<Target, Failure> {
    Target::parse(name, config, "", |_| false)
        .ok()
        .filter(|target| target.environment().is_some())
        .ok_or_else(|| {
            let names: Vec<String> = config.environments.iter().map(|it| format!("`{}`", it.name)).collect();
            let known = if names.is_empty() { "none is configured".to_owned() } else { names.join(", ") };
            let hint = "an [[environment]] of the configuration has a `name` and `paths`";
            Failure::usage(format!("there is no environment `{name}`: {known}"), hint)
        })
}

fn mark(
    args: &KnownGoodMarkArgs,
    config: &Config,
    root: &Path,
    known: &[KnownGood],
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let target = environment_of(&args.environment, config)?;
    let commit = log(root, &args.base)?.tip().to_string();
    let tree = CommitTree::of_revision(root, &commit).map_err(anyhow::Error::new)?;
    let inventory = pin::take_inventory(&tree, config).map_err(anyhow::Error::new)?;
    let images = image_globs(&args.image)?;
    let by = args.by.clone().filter(|by| !by.trim().is_empty());
    let mark = Mark { now: Timestamp::now(), commit, by, images: images.as_ref() };
    let (entries, floating) = known_good::mark(known, &inventory, &target, &mark);
    let file = root.join(FILE);
    let before = text_of(&file)?;
    let after = known_good::write(&entries);
    if after != before {
        save(&file, after.as_bytes())?;
    }
    let marked = entries.iter().filter(|entry| entry.environment == target.name).count();
    writeln!(
        terminal.stdout,
        "{FILE}: {} known to be good in {}",
        count(marked, "image"),
        printable(&target.name)
    )?;
    for image in &floating {
        writeln!(terminal.stderr, "not marked, it has no digest: {}", printable(image))?;
    }
    Ok(Exit::of(false, floating.is_empty()))
}

fn show<'k>(
    entries: impl Iterator<Item = &'k KnownGood>,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    for entry in entries {
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
        writeln!(terminal.stdout, "{}", printable(&line))?;
    }
    if globals.format == Format::Json {
        let document = json!({"version": VERSION, "known_good": rows, "complete": true});
        writeln!(terminal.stdout, "{document:#}")?;
    }
    Ok(Exit::Done)
}
