//! `tagpin ledger`, and the ledger as the other commands find it in a checkout.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{local_config, print_json, work_tree_root};
use crate::commands::args::{Format, Globals, LedgerAction, LedgerArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::history::ledger::{Ledger, LedgerState, LedgerView, TagEvent, TagRecord};
use crate::reference::Reference;
use crate::registry::TagRef;
use crate::report::json::VERSION;
use crate::report::terminal::{Terminal, TextStyle};
use crate::source::git::RevisionError;
use crate::source::tree::CommitTree;
use crate::text::{count, printable};

/// Shows what the ledger says.
///
/// # Errors
/// There is no ledger here, it cannot be read, or it knows no such image.
pub fn run(
    args: &LedgerArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let LedgerAction::Show(args) = &args.action;
    let root = work_tree_root(&std::env::current_dir()?);
    let branch = &config.ledger.branch;
    let ledger = match find(&root, branch) {
        LedgerState::Read(ledger) => ledger,
        LedgerState::Nothing => {
            return Err(Failure::usage(format!("there is no ledger `{branch}` here"), fetch(branch)));
        }
        LedgerState::Unreadable(why) => {
            return Err(anyhow::anyhow!("the ledger `{branch}` cannot be read: {why}").into());
        }
    };
    let wanted = args.image.as_deref().map(image).transpose()?;
    let tags = tags(&ledger, wanted.as_ref());
    if let (true, Some(wanted)) = (tags.is_empty(), &wanted) {
        let message = format!("the ledger has nothing about `{wanted}`");
        return Err(Failure::usage(message, "`tagpin ledger show` lists every image in it"));
    }
    let now = Timestamp::now();
    let mut rows = Vec::new();
    for question in &tags {
        let record = ledger.record(question, now);
        if globals.format == Format::Json {
            rows.push(row(question, &record));
        } else {
            print(question, &record, terminal)?;
        }
    }
    let problems: Vec<&str> = ledger.broken().map(|(_, why)| why).collect();
    if globals.format == Format::Json {
        let document = json!({
            "version": VERSION, "branch": branch, "tags": rows, "errors": problems,
            "complete": problems.is_empty(),
        });
        print_json(&document, terminal)?;
    } else if !globals.quiet {
        writeln!(terminal.stderr, "{}", count(tags.len(), "tag"))?;
    }
    for why in &problems {
        writeln!(terminal.stderr, "not read: {}", printable(why))?;
    }
    Ok(Exit::of(false, problems.is_empty()))
}

fn image(text: &str) -> Result<Reference, Failure> {
    let hint = "name an image, with or without a tag, for example `ghcr.io/acme/api:1.8`";
    let image = Reference::parse(text).map_err(|error| Failure::usage(format!("`{text}`: {error}"), hint))?;
    if image.digest().is_some() {
        return Err(Failure::usage(format!("`{text}` has a digest: the ledger is about tags"), hint));
    }
    Ok(image)
}

/// Returns the tags that the ledger knows, of the image that is wanted, and its one tag where it has one.
fn tags(ledger: &Ledger, wanted: Option<&Reference>) -> BTreeSet<TagRef> {
    let mut tags = BTreeSet::new();
    for image in ledger.images() {
        let Some((registry, repository)) = image.split_once('/') else { continue };
        let is_other =
            |wanted: &Reference| wanted.registry() != registry || wanted.repository() != repository;
        if wanted.is_some_and(is_other) {
            continue;
        }
        let tag = wanted.and_then(Reference::tag);
        let events = ledger.events(image).filter(|event| tag.is_none_or(|tag| event.tag == tag));
        tags.extend(events.map(|event| TagRef {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: event.tag.clone(),
        }));
    }
    tags
}

/// Returns the lines of a record with what each of them is.
fn described_events<'l>(record: &TagRecord<'l>) -> Vec<(&'l TagEvent, &'static str)> {
    let sights = record.sights();
    let what = |(index, event): (usize, &&'l TagEvent)| {
        let before = &sights[..index];
        let is_back = before.iter().any(|earlier| earlier.digest == event.digest);
        (
            *event,
            if index == 0 {
                "first-seen"
            } else if is_back {
                "moved-back"
            } else {
                "moved"
            },
        )
    };
    sights.iter().enumerate().map(what).collect()
}

fn print(question: &TagRef, record: &TagRecord<'_>, terminal: &mut Terminal) -> Result<(), Failure> {
    let TagRef { registry, repository, tag } = question;
    let head = format!("{registry}/{repository}:{tag}");
    writeln!(terminal.stdout, "{}", terminal.stdout.paint(TextStyle::Cyan, &printable(&head)))?;
    for (event, what) in described_events(record) {
        let line = format!("    {}  {}  {}", event.when, event.digest, what.replace('-', " "));
        writeln!(terminal.stdout, "{}", printable(&line))?;
    }
    Ok(())
}

fn row(question: &TagRef, record: &TagRecord<'_>) -> serde_json::Value {
    let events = described_events(record).into_iter().map(
        |(event, what)| json!({ "when": event.when.to_string(), "digest": event.digest, "event": what }),
    );
    json!({
        "image": format!("{}/{}", question.registry, question.repository),
        "tag": question.tag,
        "digest": record.now(),
        "since": record.since().map(|since| since.to_string()),
        "events": events.collect::<Vec<_>>(),
    })
}

/// Returns what the ledger of the repository around `root` says, a remark where something waits for a ledger that is not
/// here, and whether what is here could be read.
pub(super) fn recall(config: &Config, root: &Path) -> (LedgerView, Option<String>, bool) {
    let branch = &config.ledger.branch;
    let known = find(root, branch);
    let waits = config.settings.policy.waits();
    let (remark, is_readable) = match &known {
        LedgerState::Nothing if waits => {
            (Some(format!("no ledger of tags is here: {}", fetch(branch))), true)
        }
        LedgerState::Unreadable(why) => {
            (Some(format!("the ledger of tags `{branch}` cannot be read: {why}")), !waits)
        }
        LedgerState::Nothing | LedgerState::Read(_) => (None, true),
    };
    (LedgerView::new(known, Timestamp::now()), remark, is_readable)
}

/// Says how a checkout gets the ledger.
fn fetch(branch: &str) -> String {
    format!("fetch it with `git fetch origin +refs/heads/{branch}:refs/remotes/origin/{branch}`")
}

/// Returns the ledger on `branch` of the repository around `root`: what was fetched of it, or the branch itself.
fn find(root: &Path, branch: &str) -> LedgerState {
    for name in [format!("refs/remotes/origin/{branch}"), format!("refs/heads/{branch}")] {
        let tree = match CommitTree::of_revision(root, &name) {
            Ok(tree) => tree,
            Err(RevisionError::NoRepository | RevisionError::NoCommit(_)) => continue,
            Err(error @ RevisionError::Git(_)) => return LedgerState::Unreadable(error.to_string()),
        };
        return match Ledger::read(&tree) {
            Ok(ledger) => LedgerState::Read(Arc::new(ledger)),
            Err(error) => LedgerState::Unreadable(error.to_string()),
        };
    }
    LedgerState::Nothing
}
