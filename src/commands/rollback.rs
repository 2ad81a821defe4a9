//! `tagpin rollback`

use super::hold::require_to_come;
use super::in_checkout::Checkout;
use super::{image_globs, in_checkout, in_pull_request};
use crate::commands::args::{Globals, RollbackArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::Variables;
use crate::pull_request::marker;
use crate::report::terminal::Terminal;
use crate::run::request::{Request, RequestPlan, Rollback};
use crate::source::git::Log;

/// Goes back to earlier digests and puts them on hold.
///
/// The hold is written first: whenever this is killed, running it again ends with the same files.
///
/// # Errors
/// TARGET is nothing, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &RollbackArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    globals.require_network("rollback")?;
    require_to_come(args.until)?;
    let request = Rollback {
        target: args.target.clone(),
        to: args.to.clone(),
        images: image_globs(&args.image)?,
        reason: args.reason.clone(),
        by: args.by.clone(),
        until: args.until,
    };
    if args.pull_request {
        return in_pull_request::run(
            &Request::Rollback(request),
            args.dry_run,
            globals,
            environment,
            terminal,
        );
    }
    let checkout = Checkout::new(globals, environment, terminal)?;
    let log = || Log::open(&checkout.root, &args.base, marker::is_own);
    let planned = request.plan(checkout.place(), log).map_err(in_checkout::request_failure)?;
    checkout.finish(RequestPlan::Rollback(Box::new(planned)), args.dry_run, globals, terminal)
}
