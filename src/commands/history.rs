//! `tagpin history`

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::{image_globs, local_config, log, print_json, seen_from, work_tree_root};
use crate::commands::args::{Format, Globals, HistoryArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::history::{self, At, History, HistoryEvent};
use crate::plan::pin;
use crate::policy::Globs;
use crate::policy::target::{Target, known_environments};
use crate::reference::Reference;
use crate::report::json::VERSION;
use crate::report::terminal::{Terminal, TextStyle};
use crate::report::{Report, fold, human, timeline};
use crate::source::git::Log;
use crate::source::tree::CommitTree;
use crate::text::{count, printable, quoted};

/// What makes a shallow clone whole.
const UNSHALLOW: &str = "`git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout";

/// What is asked about where nothing is named.
const HERE: &str = ".";

/// How many changes people are shown who name nothing.
const NEWEST: usize = 30;

/// How many objects of a file are named.
const OBJECTS: usize = 10;

/// Tells what was declared when, or at one time. Offline.
///
/// # Errors
/// TARGET is nothing, there is no git history, or standard output cannot be written.
pub fn run(
    args: &HistoryArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let root = work_tree_root(&std::env::current_dir()?);
    let log = log(&root, &args.base)?;
    // A path may be one of the past.
    let named = args.target.as_deref().unwrap_or(HERE);
    let target = Target::parse(named, &config.settings, &seen_from(&root)?, |_| true)
        .map_err(|error| Failure::usage(error.to_string(), super::NAME_A_TARGET))?;
    let shown = args.target.as_ref().map_or(NEWEST, |_| usize::MAX);
    let target = &Asked { target, images: image_globs(&args.image)?, shown };
    match args.at {
        Some(_) if globals.format == Format::Html => {
            let hint = "leave `--at` away for the page, or `--format html` for one day";
            Err(Failure::usage("`--at` has no page", hint))
        }
        Some(moment) => at(&log, &config, target, moment, &root, globals, terminal),
        None => over_time(&log, &config, target, globals, terminal),
    }
}

/// What is asked about.
struct Asked {
    target: Target,
    /// The images that are meant; all where it is `None`.
    images: Option<Globs>,
    /// How many changes people are shown at most.
    shown: usize,
}

impl Asked {
    fn has_image(&self, reference: Option<&Reference>) -> bool {
        let Some(images) = &self.images else { return true };
        reference.is_some_and(|reference| images.matches_image(reference))
    }
}

fn over_time(
    log: &Log,
    config: &Config,
    asked: &Asked,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let target = &asked.target;
    let mut history = history::of(log, &config.settings, target).map_err(anyhow::Error::new)?;
    let complete = history.cut_at.is_none();
    ever_declared(&history, log, config, target)?;
    history
        .events
        .retain(|event| [&event.before, &event.after].iter().any(|it| asked.has_image(it.as_ref())));
    if let Some(images) = asked.images.as_ref().filter(|_| history.events.is_empty() && complete) {
        let message =
            format!("no image {} was ever declared in `{}`", quoted(images.patterns(), " or "), target.name);
        return Err(Failure::usage(
            message,
            "`tagpin list` has the names that are there now; `*` stops at `/`",
        ));
    }
    if globals.format == Format::Json {
        let events: Vec<_> = history.events.iter().map(row).collect();
        let cut_at = history.cut_at.map(|cut_at| cut_at.to_string());
        let document = json!({"version": VERSION, "events": events, "cut_at": cut_at, "complete": complete});
        print_json(&document, terminal)?;
        return Ok(Exit::of(false, complete));
    }
    if globals.format == Format::Html {
        let page = timeline::page(&history, &target.name, Timestamp::now()).map_err(anyhow::Error::new)?;
        terminal.stdout.write_all(page.as_bytes())?;
    } else {
        history.events.iter().take(asked.shown).try_for_each(|event| print(event, terminal))?;
    }
    if !globals.quiet {
        let all = history.events.len();
        let newest = if globals.format == Format::Human && all > asked.shown {
            format!(", of which the newest {} are shown: `tagpin history .` has all of them", asked.shown)
        } else {
            String::new()
        };
        let line = fold::line(&format!("{}{newest}", count(all, "change")), 2, &terminal.stderr);
        terminal.stderr.write_all(line.as_bytes())?;
    }
    if let Some(cut_at) = history.cut_at {
        writeln!(
            terminal.stderr,
            "incomplete: the history that is here ends at {cut_at}: fetch more of it, with {UNSHALLOW}"
        )?;
    }
    Ok(Exit::of(false, complete))
}

/// Refuses a target that the whole history has no image of: its name is likely wrong.
fn ever_declared(history: &History, log: &Log, config: &Config, target: &Target) -> Result<(), Failure> {
    if !history.events.is_empty() || history.cut_at.is_some() {
        return Ok(());
    }
    let message = format!("no image was ever declared in `{}`", target.name);
    if let Some(around) = target.around_object() {
        let history = history::of(log, &config.settings, &around).map_err(anyhow::Error::new)?;
        let objects = history.events.iter().filter_map(|event| event.key.object.as_ref());
        let objects: BTreeSet<String> = objects.map(|(kind, name)| format!("{kind}/{name}")).collect();
        if !objects.is_empty() {
            let more = match objects.len().saturating_sub(OBJECTS) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let objects = quoted(objects.iter().take(OBJECTS), ", ");
            let hint = format!("`{}` has or had images in {objects}{more}", around.name);
            return Err(Failure::usage(message, hint));
        }
    }
    let known = known_environments(&config.settings);
    let hint = format!("name an environment, or a path as it is below the repository's root; {known}");
    Err(Failure::usage(message, hint))
}

fn print(event: &HistoryEvent, terminal: &mut Terminal) -> Result<(), Failure> {
    let commit: String = event.commit.chars().take(12).collect();
    let number = event.pull_request.map(|number| format!(" #{number}")).unwrap_or_default();
    let subject = match &event.key.object {
        Some((kind, name)) => format!("{kind}/{name}"),
        None => event.key.place.clone(),
    };
    let head = format!("{}  {commit}{number}  {}:{}  {subject}", event.when, event.file, event.line);
    let text = |reference: &Option<Reference>| {
        reference.as_ref().map_or_else(|| "nothing".to_owned(), Reference::to_string)
    };
    let (before, after) = (text(&event.before), text(&event.after));
    let out = &mut terminal.stdout;
    let change = human::shown(&format!("{before} -> {after}"), out);
    let text = fold::headed(TextStyle::Cyan, &head, "", 4, out)
        + &fold::line(&format!("    {change}"), 6, out)
        + &fold::line(&format!("    {}", event.title), 4, out);
    Ok(out.write_all(text.as_bytes())?)
}

fn row(event: &HistoryEvent) -> serde_json::Value {
    let reference = |reference: &Option<Reference>| {
        reference.as_ref().map(
            |it| json!({"image": it.to_string(), "name": it.name(), "tag": it.tag(), "digest": it.digest()}),
        )
    };
    json!({
        "when": event.when.to_string(),
        "commit": event.commit,
        "title": event.title,
        "pull_request": event.pull_request,
        "by_tagpin": event.is_own,
        "file": event.file,
        "file_now": event.file_now,
        "line": event.line,
        "object": event.key.object.as_ref().map(|(kind, name)| json!({"kind": kind, "name": name})),
        "place": event.key.place,
        "before": reference(&event.before),
        "after": reference(&event.after),
    })
}

fn at(
    log: &Log,
    config: &Config,
    asked: &Asked,
    moment: Timestamp,
    root: &Path,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let target = &asked.target;
    let (step, names) = match history::at(log, target, moment).map_err(anyhow::Error::new)? {
        At::Commit(step, names) => (step, names),
        At::NotYet { first, is_cut: true } => {
            let message = format!("the history that is here ends at {first}, and {moment} is before that");
            return Err(Failure::usage(message, format!("name a later day, or fetch more: {UNSHALLOW}")));
        }
        At::NotYet { first, is_cut: false } => {
            let message = format!("nothing was committed at {moment}: the first commit is of {first}");
            return Err(Failure::usage(message, "name a later day"));
        }
    };
    let tree = CommitTree::of_revision(root, &step.id.to_string()).map_err(anyhow::Error::new)?;
    let inventory = pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?;
    let report = Report::new(&inventory, None, |_| false);
    let mut rows = Vec::new();
    let has_file = |path: &str| target.has_file(path) || target.has_file(names.now(path));
    let sites = inventory.sites();
    let meant: Vec<_> =
        sites.filter(|(file, located)| has_file(&file.root_path) && target.has_site(located)).collect();
    let meant: Vec<_> =
        meant.into_iter().filter(|(_, located)| asked.has_image(located.site.reference.as_ref())).collect();
    if meant.is_empty() {
        // It was not there yet, or any more; or it never was, and its name is wrong.
        let history = history::of(log, &config.settings, target).map_err(anyhow::Error::new)?;
        ever_declared(&history, log, config, target)?;
        if !globals.quiet {
            let note = format!("no image was declared in `{}` at {moment}", target.name);
            writeln!(terminal.stderr, "note: {}", printable(&note))?;
        }
    }
    for (file, located) in meant {
        let site = &located.site;
        if globals.format == Format::Json {
            rows.push(json!({
                "file": file.path, "line": located.line, "path": site.path, "image": site.image,
                "tag": site.reference.as_ref().and_then(Reference::tag), "digest": site.digest(),
            }));
        } else {
            let line = format!("{}:{}:{}  {}", file.path, located.line, located.column, site.image);
            let line = fold::line(&human::shown(&line, &terminal.stdout), 2, &terminal.stdout);
            terminal.stdout.write_all(line.as_bytes())?;
        }
    }
    if globals.format == Format::Json {
        let document = json!({
            "version": VERSION, "at": moment.to_string(), "commit": step.id.to_string(),
            "committed": step.when.to_string(), "references": rows, "complete": report.complete,
        });
        print_json(&document, terminal)?;
    } else if !globals.quiet {
        writeln!(terminal.stderr, "as of commit {:.12}, {}", step.id.to_string(), step.when)?;
    }
    Ok(Exit::of(false, report.complete))
}
