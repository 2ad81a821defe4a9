//! `tagpin check`

use super::{local_config, local_tree, print};
use crate::check::{self, Context};
use crate::cli::{CheckArgs, Globals};
use crate::config::Environment;
use crate::error::Failure;
use crate::exit::Exit;
use crate::pin;
use crate::report::{Report, human};
use crate::terminal::Terminal;
use crate::tree::Tree as _;

/// Finds references that are not pinned. Offline.
///
/// # Errors
/// A path does not exist, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &CheckArgs,
    globals: &Globals,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let tree = local_tree(&args.paths)?;
    let inventory = pin::take_inventory(&tree, &config).map_err(anyhow::Error::new)?;
    let mut report = Report::new(&inventory, None, |path| tree.is_named(path));
    let today = jiff::Zoned::now().date();
    report.add_findings(check::check(&Context { inventory: &inventory, config: &config, today }));
    print(&report, globals, terminal, true, human::check)?;
    Ok(Exit::of(report.has_errors(), report.complete))
}
