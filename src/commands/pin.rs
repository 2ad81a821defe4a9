//! `tagpin pin`

use std::io::Write as _;

use super::{block_on, local_config, local_tree, print, print_budgets, progress, registry};
use crate::cli::{Format, Globals, PinArgs};
use crate::config::Environment;
use crate::error::Failure;
use crate::exit::Exit;
use crate::pin::{self, Pinned};
use crate::plan::{Outcome, Verdict};
use crate::registry::Trust;
use crate::report::{Report, diff, human};
use crate::terminal::Terminal;
use crate::tree::{DirectoryTree, Tree as _};
use crate::write;

/// Resolves the images in the files and writes the digests into them; with `--dry-run`, shows the diff instead.
///
/// # Errors
/// A path does not exist, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &PinArgs,
    globals: &Globals,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    globals.require_network("pin")?;
    let config = local_config(globals, environment, terminal)?;
    let tree = local_tree(&args.paths)?;
    let registry = registry(&config, Trust::Scanned)?;
    let shown = !globals.quiet && terminal.stderr.is_terminal();
    let pinned = block_on(pin::pin(&tree, &config, &registry, progress(shown)))?;
    let mut pinned = pinned.map_err(anyhow::Error::new)?;
    if args.dry_run {
        if globals.format == Format::Human {
            for file in &pinned.files {
                terminal.stdout.write_all(diff::unified(&file.path, &file.before, &file.after).as_bytes())?;
            }
        }
    } else {
        write_files(&tree, &mut pinned);
    }
    let mut report = Report::new(&pinned.inventory, Some(&pinned.verdicts), |path| tree.is_named(path));
    report.notes.extend(pinned.notes);
    report.registries = registry.budget();
    print(&report, globals, terminal, |report, stream| {
        // The diff on standard output is to be fed to other programs: nothing else stands there.
        if args.dry_run { String::new() } else { human::pin(report, stream) }
    })?;
    if args.dry_run && globals.format == Format::Human {
        let left = human::left_out(&report, &terminal.stderr);
        terminal.stderr.write_all(left.as_bytes())?;
    }
    if globals.verbose > 0 {
        print_budgets(&report.registries, terminal)?;
    }
    Ok(Exit::of(false, report.complete))
}

/// Writes the files; a file that cannot be written makes its sites fail, and the others are written.
pub(super) fn write_files(tree: &DirectoryTree, pinned: &mut Pinned) {
    for file in &pinned.files {
        let written = match tree.location(&file.path) {
            Some(location) => write::replace(location, &file.after),
            None => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
        };
        let Err(error) = written else { continue };
        let sites = pinned.inventory.sites().zip(&mut pinned.verdicts);
        for (_, verdict) in
            sites.filter(|((scan, _), verdict)| scan.path == file.path && verdict.change.is_some())
        {
            *verdict = Verdict::because(Outcome::Failed, "not-written", Some(error.to_string()));
        }
    }
}
