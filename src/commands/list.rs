//! `tagpin list`

use super::{local_config, local_tree, print};
use crate::cli::{Globals, ListArgs};
use crate::config::Environment;
use crate::error::Failure;
use crate::exit::Exit;
use crate::pin;
use crate::report::{Report, human};
use crate::terminal::Terminal;
use crate::tree::Tree as _;

/// Lists every image and where it stands. Offline.
///
/// # Errors
/// A path does not exist, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &ListArgs,
    globals: &Globals,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let tree = local_tree(&args.paths)?;
    let inventory = pin::take_inventory(&tree, &config).map_err(anyhow::Error::new)?;
    let mut report = Report::new(&inventory, None, |path| tree.is_named(path));
    report.add_holds(&config.holds, &inventory);
    print(&report, globals, terminal, false, human::list)?;
    Ok(Exit::of(false, report.complete))
}
