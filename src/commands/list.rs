//! `tagpin list`

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::live::pods_of;
use super::selected::selected_tree;
use super::{local_config, print, print_next_step, print_remarks, shell_words};
use crate::check::{self, CheckContext};
use crate::commands::args::{Format, Globals, ListArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::history::ledger::LedgerView;
use crate::history::{self, Age};
use crate::live::{self, Indexes};
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::State;
use crate::plan::{self, Rules, pin};
use crate::pull_request::marker;
use crate::report::audit::{self, AuditSources, Earlier};
use crate::report::terminal::Terminal;
use crate::report::{Report, human, next_step, unknown_locations};
use crate::source::git::{Log, LogError, RevisionError};
use crate::source::tree::{DirectoryTree, Tree as _};

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
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    if globals.format != Format::Html {
        only_for_the_page(args)?;
    }
    if args.unknown && globals.format != Format::Human {
        return Err(Failure::usage("`--unknown` prints TOML", "leave out `--format`"));
    }
    let mut config = local_config(globals, environment, terminal)?;
    config.settings.policy.vendored |= args.vendored;
    let tree = selected_tree(&args.paths, &config.settings, globals, terminal)?;
    let earlier = args.previous.iter().map(|file| earlier(file)).collect::<Result<Vec<_>, _>>()?;
    let containers = args.live.as_deref().map(pods_of).transpose()?;
    let inventory = pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?;
    let mut report = Report::new(&inventory, None, |path| tree.is_named(path));
    report.add_holds(config.settings.holds.at(Timestamp::now()), &inventory);
    if args.unknown {
        print(&report, globals, terminal, |_, _| unknown_locations::toml(&inventory))?;
        return Ok(Exit::of(false, report.complete));
    }
    if globals.format != Format::Html {
        print(&report, globals, terminal, human::list)?;
        let step = next_step::after_list(open(&inventory, &config), &shell_words(&args.paths));
        print_next_step(step, globals, terminal)?;
        return Ok(Exit::of(false, report.complete));
    }
    let declared = live::declared(&inventory, config.settings.annotations.keys());
    let compared = containers.map(|containers| live::compare(&declared, &containers, &Indexes::new()));
    let (ages, unread) = ages(&tree, &inventory, &config);
    let files_are_read = report.complete;
    let all_is_compared = compared.as_ref().is_none_or(crate::report::live::is_complete);
    let history_is_read = unread.is_empty();
    let (today, now) = (jiff::Zoned::now().date(), Timestamp::now());
    let context = CheckContext {
        inventory: &inventory,
        settings: &config.settings,
        check: &config.check,
        today,
        now,
        base: None,
        is_change: false,
        baseline: None,
        online: None,
    };
    report.add_findings(check::check(&context));
    report.notes.extend(unread);
    let sources = AuditSources {
        inventory: &inventory,
        environments: &config.settings.environments,
        earlier: &earlier,
        ages: &ages,
        live: compared.as_ref(),
        today,
        now,
    };
    let page = audit::page(&report, sources).map_err(anyhow::Error::new)?;
    terminal.stdout.write_all(page.as_bytes())?;
    terminal.stdout.flush()?;
    print_remarks(&report, globals, terminal)?;
    Ok(Exit::of(false, files_are_read && all_is_compared && history_is_read))
}

/// Returns how many images have no digest and nothing that keeps one away.
fn open(inventory: &Inventory, config: &Config) -> usize {
    let past = LedgerView::unknown(Timestamp::now());
    let rules = Rules::new(&config.settings, &past);
    let of_file = |file: &FileScan| {
        let sites = file.scan.sites.iter().zip(plan::refusals(file, rules));
        sites.filter(|(located, refusal)| located.site.state == State::Floating && refusal.is_none()).count()
    };
    inventory.files.iter().map(of_file).sum()
}

fn only_for_the_page(args: &ListArgs) -> Result<(), Failure> {
    if !args.previous.is_empty() {
        return Err(Failure::usage("`--previous` is for the page", "add `--format html`"));
    }
    if args.live.is_some() {
        let hint = "add `--format html`, or use `tagpin live --pods FILE`";
        return Err(Failure::usage("`--live` is for the page", hint));
    }
    Ok(())
}

/// Returns the age of each image, and a remark for each git repository whose history cannot be read.
fn ages(tree: &DirectoryTree, inventory: &Inventory, config: &Config) -> (Vec<Age>, Vec<String>) {
    let mut ages: Vec<Age> = inventory.sites().map(|(_, located)| Age::untold(located)).collect();
    let work_tree = |file: &FileScan| tree.work_tree(&file.path);
    let roots: BTreeSet<&Path> = inventory.files.iter().filter_map(work_tree).collect();
    let mut notes = Vec::new();
    for root in roots {
        let is_meant = |file: &FileScan, _: &Located| work_tree(file) == Some(root);
        let found = Log::open(root, "HEAD", marker::is_own)
            .and_then(|log| history::ages(&log, &config.settings, inventory, is_meant));
        match found {
            Ok(found) => {
                let known = ages.iter_mut().zip(found);
                known.for_each(|(age, found)| *age = found.unwrap_or(*age));
            }
            // A repository without a commit has no history.
            Err(LogError::Revision(RevisionError::NoCommit(_))) => {}
            Err(error) => notes.push(format!("ages are unknown below `{}`: {error}", root.display())),
        }
    }
    (ages, notes)
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
