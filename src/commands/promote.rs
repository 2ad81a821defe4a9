//! `tagpin promote`

use std::collections::BTreeSet;
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
use crate::plan::promote::{PromotionRules, promote};
use crate::plan::set_digest::Assignment;
use crate::plan::{Outcome, Reason, pin};
use crate::pull_request::marker;
use crate::reference::Digest;
use crate::report::json::VERSION;
use crate::report::terminal::Terminal;
use crate::report::{Report, human};
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
    if !args.check {
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
    let inventory = &inventory;
    let mut rows = Vec::new();
    let mut unclear = 0;
    for (index, ((file, located), assignment)) in inventory.sites().zip(&promotion.assignments).enumerate() {
        let (wanted, verdict) = (
            promotion.differences.get(&index),
            match assignment {
                Assignment::Decided(verdict) if verdict.outcome == Outcome::Held => Some(verdict),
                _ => None,
            },
        );
        if wanted.is_none() && verdict.is_none() {
            continue;
        }
        unclear += usize::from(verdict.is_some());
        let (reason, detail) =
            (verdict.and_then(|it| it.reason).map(Reason::as_str), verdict.and_then(|it| it.detail.as_ref()));
        let image = &located.site.image;
        if globals.format == Format::Json {
            rows.push(json!({
                "file": file.path, "line": located.line, "column": located.column, "image": image,
                "wanted": wanted.map(ToString::to_string), "reason": reason.unwrap_or("differs"), "detail": detail,
            }));
            continue;
        }
        let place = format!("{}:{}:{}", file.path, located.line, located.column);
        let line = match (wanted, detail) {
            (Some(wanted), _) => format!("{place}: differs: `{image}` should be `{wanted}`"),
            (None, detail) => {
                format!(
                    "{place}: {}: `{image}`: {}",
                    reason.unwrap_or_default(),
                    detail.map_or("", String::as_str)
                )
            }
        };
        writeln!(terminal.stdout, "{}", human::shown(&line, &terminal.stdout))?;
    }
    let differences = promotion.differences.len();
    // What is not clear in FROM cannot be compared.
    let complete = report.complete && unclear == 0;
    if globals.format == Format::Json {
        let document = json!({
            "version": VERSION, "differences": rows, "only_in_source": promotion.only_in_source, "complete": complete,
        });
        writeln!(terminal.stdout, "{document:#}")?;
    } else if !globals.quiet {
        writeln!(terminal.stderr, "{}, {unclear} that cannot be compared", count(differences, "difference"))?;
    }
    let step = (differences > 0).then(|| {
        let (from, to) = (shell_word(&request.from), shell_word(&request.to));
        format!("`tagpin promote {from} {to} --dry-run` shows what it would write")
    });
    print_next_step(step, globals, terminal)?;
    Ok(Exit::of(differences > 0, complete))
}
