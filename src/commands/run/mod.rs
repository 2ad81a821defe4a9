//! `tagpin run`

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use secrecy::SecretString;

use super::in_checkout::request_failure;
use super::{print_budgets, print_json, print_next_step, print_remarks, progress, registry, runtime};
use crate::commands::args::{Format, Globals, RunArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, RepositoryConfig, Variables};
use crate::forge::ForgeKind;
use crate::registry::{HttpRegistry, Memo, Trust};
use crate::report::terminal::Terminal;
use crate::report::{Report, diff, human};
use crate::run::fleet::{ActionSummary, CacheLock, Targets};
use crate::run::report::{Document, RepositoryRow, error_chain, error_lines, outcome_lines};
use crate::run::{BranchState, RepositoryOutcome, RunContext, RunError, RunSession, RunStats, fleet};
use crate::text::printable;

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
    let registry = Memo::new(registry(&config, Trust::Scanned)?.keeping(cache_dir.join("indexes")));
    let session = RunSession::new(&config);
    let context = context(&config, &registry, cache_dir, args.dry_run, &session);
    let runtime = runtime()?;
    let Targets { targets, problems, .. } =
        runtime.block_on(fleet::discover(&config, context.token.as_ref(), &secret));
    for problem in &problems {
        writeln!(terminal.stderr, "{}", printable(problem))?;
    }
    let shown = !globals.quiet && terminal.stderr.is_terminal();
    let progress = progress(shown && targets.len() == 1);
    let mut summary = ActionSummary::default();
    problems.iter().for_each(|problem| summary.add_problem(problem));
    let mut tally = RunStats { complete: problems.is_empty(), ..RunStats::default() };
    let mut rows = vec![RepositoryRow::default(); targets.len()];
    let mut would_change = false;
    let ended = |index: usize, result: Result<RepositoryOutcome, RunError>| -> Result<(), Failure> {
        let target = &targets[index];
        let result = if target.is_new(&result) { Ok(RepositoryOutcome::default()) } else { result };
        let report = result.as_ref().ok().map(|done| fleet::report(done, &target.repository.url));
        tally.add(&result, report.as_ref());
        would_change |= result.as_ref().is_ok_and(|done| !done.pinned.files.is_empty());
        summary.add(index, &target.repository.url, &result);
        rows[index] = print_or_row(&target.repository.url, &result, report.as_ref(), globals, terminal)?;
        if shown && targets.len() > 1 {
            write!(terminal.stderr, "\r\u{1b}[K{}/{}\r", tally.ended, targets.len())?;
        }
        Ok(())
    };
    fleet::each(&context, &targets, config.concurrency.0, runtime.handle(), &progress, ended)?;
    let complete = tally.complete;
    append(args.summary.as_deref(), &summary.markdown(&tally))?;
    append(args.outputs.as_deref(), &summary.outputs())?;
    if globals.format != Format::Human {
        print_json(&Document::new(&rows, &problems, registry.inner().budget(), &tally), terminal)?;
    }
    if targets.len() != 1 && !globals.quiet {
        writeln!(terminal.stderr, "{tally}")?;
    }
    let step = args.dry_run.then(|| "the same command without `--dry-run` pushes this".to_owned());
    print_next_step(step.filter(|_| would_change), globals, terminal)?;
    if globals.verbose > 0 {
        print_budgets(&registry.inner().budget(), terminal)?;
    }
    Ok(Exit::of(false, complete))
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
        return Err(request_failure(error));
    }
    let report = result.as_ref().ok().map(|done| fleet::report(done, &target.url));
    let mut tally = RunStats { complete: true, ..RunStats::default() };
    tally.add(&result, report.as_ref());
    let row = print_or_row(&target.url, &result, report.as_ref(), globals, terminal)?;
    if globals.format != Format::Human {
        print_json(&Document::new(&[row], &[], registry.inner().budget(), &tally), terminal)?;
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
    url: &str,
    (outcome, report): (&RepositoryOutcome, &Report<'_>),
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    // A diff on standard output is to be fed to other programs: nothing else stands there.
    let is_diff = outcome.branch == BranchState::DryRun;
    if is_diff {
        for file in outcome.pinned.beside.iter().chain(&outcome.pinned.files) {
            let diff = diff::unified(&file.path, &file.before, &file.after);
            terminal.stdout.write_all(diff::painted(&diff, &terminal.stdout).as_bytes())?;
        }
    }
    for line in outcome_lines(outcome, report.complete) {
        let line = format!("{url}: {line}\n");
        let out = if is_diff { &mut terminal.stderr } else { &mut terminal.stdout };
        out.write_all(line.as_bytes())?;
    }
    for line in error_lines(outcome) {
        writeln!(terminal.stderr, "{url}: {}", printable(&line))?;
    }
    let left = human::left_out(report, &terminal.stderr);
    terminal.stderr.write_all(left.as_bytes())?;
    print_remarks(report, globals, terminal)
}

/// Prints what a run did in one repository, or returns the row that the JSON document gets of it.
fn print_or_row(
    url: &str,
    result: &Result<RepositoryOutcome, RunError>,
    report: Option<&Report<'_>>,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<RepositoryRow, Failure> {
    let is_human = globals.format == Format::Human;
    let row = match (result, report) {
        (Err(error), _) if is_human => {
            writeln!(terminal.stderr, "{url}: failed: {}", printable(&error_chain(error)))?;
            return Ok(RepositoryRow::default());
        }
        (Err(error), _) => RepositoryRow::failed(url, error),
        (Ok(outcome), Some(report)) if is_human => {
            print(url, (outcome, report), globals, terminal)?;
            return Ok(RepositoryRow::default());
        }
        (Ok(outcome), Some(report)) => RepositoryRow::done(url, outcome, report),
        (Ok(_), None) => return Ok(RepositoryRow::default()),
    };
    Ok(row.map_err(anyhow::Error::new)?)
}
