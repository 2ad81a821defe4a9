//! `tagpin promote`

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::in_checkout::Checkout;
use super::{image_globs, in_checkout, in_pull_request, print_next_step};
use crate::commands::args::{Format, Globals, PromoteArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::Variables;
use crate::history::ledger::LedgerView;
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::plan::promote::{Promotion, PromotionRules, promote};
use crate::plan::set_digest::{self, Assignment};
use crate::plan::{Outcome, Reason, Rules, Verdict, pin};
use crate::pull_request::marker;
use crate::reference::{Digest, Reference};
use crate::report::json::VERSION;
use crate::report::terminal::Terminal;
use crate::report::{Report, fold, human};
use crate::run::request::{Promote, Request, RequestPlan, require_images, require_match};
use crate::source::git::Log;
use crate::source::tree::Tree as _;
use crate::text::{count, printable, shell_word};

/// Takes the digests of one environment over into another, or tells whether they are the same.
///
/// # Errors
/// FROM or TO is nothing, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &PromoteArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    if args.check {
        alone(args)?;
    } else {
        globals.require_network("promote")?;
    }
    let request = Promote {
        from: args.from.clone(),
        to: args.to.clone(),
        images: image_globs(&args.image)?,
        approved: args.approved.as_deref().map(approved).transpose()?,
        soak: args.soak.unwrap_or_default(),
        partial: args.partial,
    };
    if args.pull_request {
        return in_pull_request::run(
            &Request::Promote(request),
            args.dry_run,
            globals,
            environment,
            terminal,
        );
    }
    let checkout = Checkout::new(globals, environment, terminal)?;
    if args.check {
        return check(&checkout, &request, globals, terminal);
    }
    let log = || Log::open(&checkout.root, &args.base, marker::is_own);
    let planned =
        request.plan(checkout.place(), log, Timestamp::now()).map_err(in_checkout::request_failure)?;
    checkout.finish(RequestPlan::Promote(Box::new(planned)), args.dry_run, globals, terminal)
}

/// Returns every digest that a change ticket names.
fn approved(path: &Path) -> Result<BTreeSet<Digest>, Failure> {
    let hint = "--approved takes a text that names each approved digest in full, `sha256:…`";
    let text = fs_err::read_to_string(path).map_err(|error| Failure::usage(error.to_string(), hint))?;
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':');
    let digests: BTreeSet<Digest> = words.filter_map(Digest::parse).collect();
    if digests.is_empty() {
        return Err(Failure::usage(format!("`{}` names no digest", path.display()), hint));
    }
    Ok(digests)
}

/// Refuses options that have no part in `--check`: it compares what is declared.
fn alone(args: &PromoteArgs) -> Result<(), Failure> {
    let given = [
        (args.soak.is_some(), "--soak"),
        (args.approved.is_some(), "--approved"),
        (args.partial, "--partial"),
        (args.pull_request, "--pull-request"),
        (args.dry_run, "--dry-run"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, option)) => {
            let hint =
                "leave one of them out: `--dry-run` shows what would be promoted, and what is refused why";
            Err(Failure::usage(
                format!("`--check` compares what is declared: `{option}` has no part in it"),
                hint,
            ))
        }
    }
}

/// Tells where TO differs from FROM, whatever is demanded of a digest before it may go there.
fn check(
    checkout: &Checkout,
    request: &Promote,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let place = checkout.place();
    let (from, to) = (place.target(&request.from), place.target(&request.to));
    let (from, to) = (from.map_err(in_checkout::request_failure)?, to.map_err(in_checkout::request_failure)?);
    let inventory =
        pin::take_inventory(&checkout.tree, &checkout.config.settings).map_err(anyhow::Error::new)?;
    require_images(&inventory, &[&from, &to]).map_err(in_checkout::request_failure)?;
    require_match(request.images.as_ref(), &inventory, &[&from, &to])
        .map_err(in_checkout::request_failure)?;
    let environments = checkout.config.settings.environments.clone();
    let demands =
        PromotionRules { environments, images: request.images.clone(), ..PromotionRules::default() };
    let promotion = promote(&inventory, &from, &to, &demands)
        .map_err(|error| in_checkout::request_failure(error.into()))?;
    let report = Report::new(&inventory, None, |path| checkout.tree.is_named(path));
    let note = promotion.nothing_in_common(&from, &to, request.images.is_some());
    if let Some(note) = note.filter(|_| !globals.quiet) {
        writeln!(terminal.stderr, "note: {}", printable(&note))?;
    }
    let past = LedgerView::unknown(Timestamp::now());
    let rules = Rules::new(&checkout.config.settings, &past);
    let found = differences(&inventory, &promotion, rules);
    let mut rows = Vec::new();
    for difference in &found {
        if globals.format == Format::Json {
            rows.push(difference.json());
        } else {
            let line = human::shown(&difference.to_string(), &terminal.stdout);
            let line = fold::line(&line, 2, &terminal.stdout);
            terminal.stdout.write_all(line.as_bytes())?;
        }
    }
    let number = |is_wanted: bool, is_refused: bool| {
        found
            .iter()
            .filter(|it| (it.wanted.is_some(), it.verdict.is_some()) == (is_wanted, is_refused))
            .count()
    };
    let (differences, on_hold, unclear) = (number(true, false), number(true, true), number(false, true));
    // What is not clear in FROM cannot be compared.
    let complete = report.complete && unclear == 0;
    if globals.format == Format::Json {
        let document = json!({
            "version": VERSION, "differences": rows, "only_in_source": promotion.only_in_source, "complete": complete,
        });
        writeln!(terminal.stdout, "{document:#}")?;
    } else if !globals.quiet {
        let on_hold = if on_hold > 0 { format!("{on_hold} on hold, ") } else { String::new() };
        let differences = count(differences, "difference");
        writeln!(terminal.stderr, "{differences}, {on_hold}{unclear} that cannot be compared")?;
    }
    let (from, to) = (shell_word(&request.from), shell_word(&request.to));
    let lacks_digest = found.iter().any(|it| it.reason() == Some(Reason::SourceNotPinned));
    let step = match (differences, lacks_digest) {
        (0, false) => None,
        (0, true) => Some(format!("`tagpin pin {from}` gives `{from}` the digests that it lacks")),
        _ => Some(format!("`tagpin promote {from} {to} --dry-run` shows what it would write")),
    };
    print_next_step(step, globals, terminal)?;
    Ok(Exit::of(differences > 0, complete))
}

/// An image of TO that is not as FROM has it.
struct Difference<'d> {
    file: &'d FileScan,
    located: &'d Located,
    /// What it should be; `None` where FROM does not say.
    wanted: Option<&'d Reference>,
    /// What keeps it as it is: a hold, or that FROM does not say what it should be.
    verdict: Option<Verdict>,
}

/// Returns the images of the destination that are not as the source has them.
fn differences<'d>(
    inventory: &'d Inventory,
    promotion: &'d Promotion,
    rules: Rules<'_>,
) -> Vec<Difference<'d>> {
    let sites = inventory.sites().zip(&promotion.assignments).enumerate();
    let differences = sites.filter_map(|(index, ((file, located), assignment))| {
        let wanted = promotion.differences.get(&index);
        let verdict = match assignment {
            Assignment::Decided(verdict) if verdict.outcome == Outcome::Held => Some(verdict.clone()),
            // It would stay as it is, which is no difference that anybody is to mend.
            Assignment::Set(assigned) if wanted.is_some() => {
                set_digest::on_hold(file, rules, located, assigned).map(|verdict| *verdict)
            }
            _ => None,
        };
        let is_one = wanted.is_some() || verdict.is_some();
        is_one.then_some(Difference { file, located, wanted, verdict })
    });
    differences.collect()
}

impl Difference<'_> {
    fn reason(&self) -> Option<Reason> {
        self.verdict.as_ref().and_then(|verdict| verdict.reason)
    }

    fn word(&self) -> &'static str {
        self.reason().map_or("differs", Reason::as_str)
    }

    fn detail(&self) -> Option<&str> {
        self.verdict.as_ref().and_then(|verdict| verdict.detail.as_deref())
    }

    fn json(&self) -> serde_json::Value {
        let Self { file, located, wanted, .. } = self;
        json!({
            "file": file.path, "line": located.line, "column": located.column, "image": located.site.image,
            "wanted": wanted.map(ToString::to_string), "reason": self.word(), "detail": self.detail(),
        })
    }
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, located, wanted, .. } = self;
        let (path, line, column, image) = (&file.path, located.line, located.column, &located.site.image);
        write!(f, "{path}:{line}:{column}: {}: `{image}`", self.word())?;
        if let Some(wanted) = wanted {
            write!(f, " should be `{wanted}`")?;
        }
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}
