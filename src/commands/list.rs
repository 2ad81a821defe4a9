//! `tagpin list`

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{local_config, local_tree, print, print_remarks};
use crate::check::{self, Context};
use crate::cli::{Format, Globals, ListArgs};
use crate::config::{Config, Environment};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Inventory;
use crate::pin;
use crate::report::audit::{self, Earlier, Sources};
use crate::report::{Report, human};
use crate::terminal::Terminal;
use crate::tree::Tree as _;

/// The largest earlier report that is read, in bytes.
const EARLIER_MAX: u64 = 256 * 1024 * 1024;

const HINT: &str = "`tagpin list --format json > FILE` writes one";

/// Lists every image and where it stands. Offline.
///
/// # Errors
/// A path does not exist, the configuration or an earlier report is wrong, or standard output cannot be written.
pub fn run(
    args: &ListArgs,
    globals: &Globals,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    if globals.format != Format::Html && !args.previous.is_empty() {
        return Err(Failure::usage("`--previous` is for the page", "add `--format html`"));
    }
    let config = local_config(globals, environment, terminal)?;
    let tree = local_tree(&args.paths)?;
    let earlier = args.previous.iter().map(|file| earlier(file)).collect::<Result<Vec<_>, _>>()?;
    let inventory = pin::take_inventory(&tree, &config).map_err(anyhow::Error::new)?;
    let mut report = Report::new(&inventory, None, |path| tree.is_named(path));
    report.add_holds(&config.holds, &inventory);
    let complete = report.complete;
    if globals.format == Format::Html {
        page(report, &config, &inventory, &earlier, globals, terminal)?;
    } else {
        print(&report, globals, terminal, human::list)?;
    }
    Ok(Exit::of(false, complete))
}

/// Prints the audit page, which has what `check` finds too.
fn page(
    mut report: Report<'_>,
    config: &Config,
    inventory: &Inventory,
    earlier: &[Earlier],
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let today = jiff::Zoned::now().date();
    let context = Context { inventory, config, today, base: None, baseline: None, online: None };
    report.add_findings(check::check(&context));
    let sources = Sources { inventory, environments: &config.environments, earlier, today };
    let page = audit::page(&report, sources).map_err(anyhow::Error::new)?;
    terminal.stdout.write_all(page.as_bytes())?;
    terminal.stdout.flush()?;
    print_remarks(&report, globals, terminal)
}

fn earlier(file: &Path) -> Result<Earlier, Failure> {
    let shown = file.display();
    let mut bytes = Vec::new();
    // Not fs_err: the message names the file already.
    std::fs::File::open(file).and_then(|file| file.take(EARLIER_MAX + 1).read_to_end(&mut bytes)).map_err(
        |error| Failure::usage(format!("the earlier report `{shown}` cannot be read: {error}"), HINT),
    )?;
    if bytes.len() as u64 > EARLIER_MAX {
        let message = format!("`{shown}` is larger than the {EARLIER_MAX} bytes that tagpin reads");
        return Err(Failure::usage(message, HINT));
    }
    let name = file.file_stem().map(PathBuf::from).unwrap_or_default().display().to_string();
    Earlier::parse(name, &bytes)
        .map_err(|error| Failure::usage(format!("`{shown}` cannot be compared with: {error}"), HINT))
}
