//! `tagpin run`

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::in_checkout::told;
use super::{print_budgets, progress, registry, runtime};
use crate::commands::args::{Format, Globals, RunArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, RepositoryConfig, Variables};
use crate::forge::{ForgeKind, PullRequestState};
use crate::pull_request::{Operation, Settled};
use crate::registry::{HttpRegistry, Memo, Trust};
use crate::report::terminal::Terminal;
use crate::report::{Report, diff, human, json};
use crate::run::fleet::{ActionSummary, CacheLock, RunStats, Targets};
use crate::run::{
    BranchState, GroupOutcome, RecordState, RepositoryOutcome, RunContext, RunError, RunSession, fleet,
};
use crate::text::{count, printable};

/// Pins every configured repository and opens or updates its pull request.
///
/// # Errors
/// The configuration is wrong or names no repository, or standard output cannot be written.
pub fn run(
    args: &RunArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    globals.require_network("run")?;
    let config = Config::load(globals.config.as_deref(), environment)?;
    if config.repositories.is_empty() && config.discover.is_empty() {
        return Err(Failure::usage(
            "no repository is configured",
            "add a [[repository]] with its `url`, or a [[discover]], to the file and give it with --config; \
             to pin the files in this directory, use `tagpin pin`",
        ));
    }
    let cache_dir = config.cache_dir()?;
    let _lock = lock(cache_dir)?;
    // Repositories share their base images: each tag is asked once in a run.
    let registry = Memo::new(registry(&config, Trust::Scanned)?);
    let session = RunSession::new(&config);
    let context = context(&config, &registry, cache_dir, args.dry_run, &session);
    let runtime = runtime()?;
    let Targets { targets, problems } =
        runtime.block_on(fleet::discover(&config, context.token.as_ref(), &secret));
    for problem in &problems {
        writeln!(terminal.stderr, "{}", printable(problem))?;
    }
    let shown = !globals.quiet && terminal.stderr.is_terminal();
    let progress = progress(shown && targets.len() == 1);
    let mut summary = ActionSummary::default();
    problems.iter().for_each(|problem| summary.add_problem(problem));
    let mut tally = RunStats { complete: problems.is_empty(), ..RunStats::default() };
    let mut rows: Vec<_> = targets.iter().map(|_| serde_json::Value::Null).collect();
    let ended = |index: usize, result: Result<RepositoryOutcome, RunError>| -> Result<(), Failure> {
        let target = &targets[index];
        let result = if target.is_new(&result) { Ok(RepositoryOutcome::default()) } else { result };
        let report = result.as_ref().ok().map(|done| fleet::report(done, &target.repository.url));
        tally.add(&result, report.as_ref());
        summary.add(index, &target.repository.url, &result);
        match globals.format {
            Format::Human => print(&target.repository, &result, report.as_ref(), globals, terminal)?,
            _ => rows[index] = row(&target.repository, &result, report.as_ref())?,
        }
        terminal.stdout.flush()?;
        if shown && targets.len() > 1 {
            write!(terminal.stderr, "\r\u{1b}[K{}/{}\r", tally.ended, targets.len())?;
        }
        Ok(())
    };
    runtime.block_on(fleet::each(&context, &targets, config.concurrency.0, &progress, ended))?;
    let complete = tally.complete;
    append(args.summary.as_deref(), &summary.markdown(&tally))?;
    append(args.outputs.as_deref(), &summary.outputs())?;
    if globals.format == Format::Json {
        write_json(&rows, &registry, &problems, &tally, terminal)?;
    }
    if targets.len() != 1 && !globals.quiet {
        writeln!(terminal.stderr, "{tally}")?;
    }
    if globals.verbose > 0 {
        print_budgets(&registry.inner().budget(), terminal)?;
    }
    Ok(Exit::of(false, complete))
}

fn write_json(
    rows: &[serde_json::Value],
    registry: &Memo<HttpRegistry>,
    problems: &[String],
    tally: &RunStats,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let document = json!({
        "version": json::VERSION,
        "repositories": rows,
        "registries": registry.inner().budget(),
        "errors": problems,
        "summary": tally.json(),
        "complete": tally.complete,
    });
    Ok(writeln!(terminal.stdout, "{document:#}")?)
}

/// Does `work` in one repository that a person is in, and reports as a run does.
///
/// # Errors
/// What was asked for cannot be done there, or standard output cannot be written.
pub(super) fn one(
    config: &Config,
    target: &RepositoryConfig,
    dry_run: bool,
    globals: &Globals,
    terminal: &mut Terminal,
    work: impl AsyncFnOnce(&RunContext<'_, Memo<HttpRegistry>>) -> Result<RepositoryOutcome, RunError>,
) -> Result<Exit, Failure> {
    let cache_dir = config.cache_dir()?;
    let _lock = lock(cache_dir)?;
    let registry = Memo::new(registry(config, Trust::Scanned)?);
    let session = RunSession::new(config);
    let context = context(config, &registry, cache_dir, dry_run, &session);
    let result = runtime()?.block_on(work(&context));
    if let Err(RunError::Request(error)) = result {
        return Err(told(error));
    }
    let report = result.as_ref().ok().map(|done| fleet::report(done, &target.url));
    let mut tally = RunStats { complete: true, ..RunStats::default() };
    tally.add(&result, report.as_ref());
    match globals.format {
        Format::Human => print(target, &result, report.as_ref(), globals, terminal)?,
        _ => write_json(&[row(target, &result, report.as_ref())?], &registry, &[], &tally, terminal)?,
    }
    if globals.verbose > 0 {
        print_budgets(&registry.inner().budget(), terminal)?;
    }
    Ok(Exit::of(false, tally.complete))
}

/// Returns what a run needs beside its configuration, from the environment and the clock.
pub(super) fn context<'c, R>(
    config: &'c Config,
    registry: &'c R,
    cache_dir: &'c Path,
    dry_run: bool,
    session: &'c RunSession,
) -> RunContext<'c, R> {
    let (token, now) = (token(config.forge.kind), Timestamp::now());
    RunContext { config, registry, cache_dir, token, lookup: &secret, now, dry_run, session }
}

/// Adds `text` to a file that other steps write to as well.
fn append(file: Option<&Path>, text: &str) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    let mut file = fs_err::OpenOptions::new().create(true).append(true).open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// Returns the token of the forge.
fn token(kind: ForgeKind) -> Option<SecretString> {
    kind.profile().token_variables.iter().copied().find_map(secret)
}

/// Takes the cache directory for this process alone.
pub(super) fn lock(cache_dir: &Path) -> Result<CacheLock, Failure> {
    CacheLock::take(cache_dir).map_err(|error| {
        Failure::from(anyhow::Error::new(error)).hint(
            "wait for it to end, or give this run a directory of its own with TAGPIN_CACHE_DIR or `cache-dir`",
        )
    })
}

/// Returns the variable `name` of the environment; an empty one is none.
pub(super) fn secret(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Into::into)
}

fn print(
    target: &RepositoryConfig,
    result: &Result<RepositoryOutcome, RunError>,
    report: Option<&Report<'_>>,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let (done, report) = match (result, report) {
        (Ok(done), Some(report)) => (done, report),
        (Err(error), _) => {
            writeln!(terminal.stderr, "{}: failed: {}", target.url, printable(&fleet::error_chain(error)))?;
            return Ok(());
        }
        (Ok(_), None) => return Ok(()),
    };
    if done.branch == BranchState::DryRun {
        for file in done.pinned.beside.iter().chain(&done.pinned.files) {
            terminal.stdout.write_all(diff::unified(&file.path, &file.before, &file.after).as_bytes())?;
        }
    }
    let mut lines: Vec<String> = done.groups.iter().map(told_group).collect();
    if lines.is_empty() {
        lines.push(match done.branch {
            BranchState::DryRun => format!("{} would change", count(done.pinned.files.len(), "file")),
            _ if report.complete => "nothing to change".to_owned(),
            _ => "nothing changed, and not everything could be checked".to_owned(),
        });
    }
    if let Some(ledger) = done.ledger.as_ref().filter(|ledger| ledger.state == RecordState::Pushed) {
        lines.push(format!(
            "{} added to the ledger on the branch `{}`",
            count(ledger.lines, "line"),
            ledger.branch
        ));
    }
    for line in lines {
        let line = format!("{}: {line}\n", target.url);
        let out = if args_are_diff(done) { &mut terminal.stderr } else { &mut terminal.stdout };
        out.write_all(line.as_bytes())?;
    }
    for group in &done.groups {
        if let Some(error) = &group.error {
            let name = &group.branch_name;
            writeln!(terminal.stderr, "{}: no pull request for `{name}`: {}", target.url, printable(error))?;
        }
    }
    if let Some(error) = done.pull_request_error.as_ref().filter(|_| done.groups.is_empty()) {
        writeln!(terminal.stderr, "{}: no pull request: {}", target.url, printable(&error.to_string()))?;
    }
    let left = human::left_out(report, &terminal.stderr) + &human::remarks(report, &terminal.stderr);
    terminal.stderr.write_all(left.as_bytes())?;
    if !globals.quiet {
        terminal.stderr.write_all(human::summary(report).as_bytes())?;
    }
    Ok(())
}

/// Returns what became of one group, for people.
fn told_group(group: &GroupOutcome) -> String {
    let (files, name) = (count(group.files, "file"), &group.branch_name);
    let state = match group.branch {
        BranchState::NothingToDo if group.error.is_some() => {
            format!("{files} to change, the branch `{name}` failed")
        }
        BranchState::NothingToDo => "nothing to change".to_owned(),
        BranchState::DryRun => format!("{files} would change"),
        BranchState::UpToDate => format!("{files} to change, the branch `{name}` holds them already"),
        BranchState::Pushed => format!("{files} changed on the branch `{name}`"),
        BranchState::LeftAlone => format!("{files} to change, the branch `{name}` is left alone"),
        BranchState::Stopped => format!("the branch `{name}` is halted by a label"),
        BranchState::Deleted => format!("nothing to change, the branch `{name}` was deleted"),
    };
    let pull_request = group.pull_request.as_ref().map(|settled| {
        let word = match (settled.operation, settled.pull_request.state) {
            (Operation::None, PullRequestState::Open) => "unchanged",
            (Operation::None, state) => state.as_str(),
            (operation, _) => operation.as_str(),
        };
        format!("; pull request {word}: {}", settled.pull_request.url)
    });
    format!("{state}{}", pull_request.unwrap_or_default())
}

/// A diff on standard output is to be fed to other programs: nothing else stands there.
fn args_are_diff(done: &RepositoryOutcome) -> bool {
    done.branch == BranchState::DryRun
}

fn row(
    target: &RepositoryConfig,
    result: &Result<RepositoryOutcome, RunError>,
    report: Option<&Report<'_>>,
) -> Result<serde_json::Value, Failure> {
    let (done, report) = match (result, report) {
        (Ok(done), Some(report)) => (done, report),
        (Err(error), _) => {
            return Ok(json!({ "url": target.url, "error": fleet::error_chain(error), "complete": false }));
        }
        (Ok(_), None) => return Ok(serde_json::Value::Null),
    };
    let mut row = json::value(report).map_err(anyhow::Error::new)?;
    if let Some(row) = row.as_object_mut() {
        row.remove("version");
        row.insert("url".to_owned(), json!(target.url));
        row.insert("branch".to_owned(), branch(done.branch_name(), &done.branch, done.commit.as_deref()));
        row.insert("pull_request".to_owned(), pull_request(done.pull_request.as_ref()));
        let ledger = done.ledger.as_ref().map(|it| {
            json!({ "branch": it.branch, "state": it.state.as_str(), "lines": it.lines, "problem": it.problem })
        });
        row.insert("ledger".to_owned(), json!(ledger));
        let groups = done.groups.iter().map(|group| {
            json!({
                "group": group.group,
                "branch": branch(&group.branch_name, &group.branch, group.commit.as_deref()),
                "files": group.files,
                "pull_request": pull_request(group.pull_request.as_ref()),
                "error": group.error,
            })
        });
        row.insert("groups".to_owned(), groups.collect());
        if let Some(error) = &done.pull_request_error {
            row.insert("error".to_owned(), json!(error.to_string()));
        }
    }
    Ok(row)
}

fn branch(name: &str, state: &BranchState, commit: Option<&str>) -> serde_json::Value {
    json!({ "name": name, "state": state.as_str(), "commit": commit })
}

fn pull_request(settled: Option<&Settled>) -> serde_json::Value {
    settled.map_or(serde_json::Value::Null, |settled| {
        let pull_request = &settled.pull_request;
        json!({
            "number": pull_request.number,
            "url": pull_request.url,
            "state": pull_request.state.as_str(),
            "operation": settled.operation.as_str(),
        })
    })
}
