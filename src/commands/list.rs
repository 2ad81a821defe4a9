//! `tagpin list`

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::check::Gate;
use super::live::pods_of;
use super::selected::selected_tree;
use super::{local_config, print, print_next_step, print_remarks, shell_words};
use crate::commands::args::{CheckArgs, Format, Globals, ListArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::history::ledger::LedgerView;
use crate::history::{self, Age};
use crate::live::{self, Indexes};
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::State;
use crate::plan::missing_entries::unknown_images;
use crate::plan::{self, Reason, Rules, pin};
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
    if globals.format == Format::Html {
        return print_page(args, globals, environment, terminal);
    }
    let mut config = local_config(globals, environment, terminal)?;
    config.settings.policy.vendored |= args.vendored;
    // The program ends behind it: giving each image and path back takes time, and nobody has anything of it.
    let tree = ManuallyDrop::new(selected_tree(&args.paths, &config.settings, globals, terminal)?);
    let inventory = pin::take_inventory(&*tree, &config.settings).map_err(anyhow::Error::new)?;
    let inventory = ManuallyDrop::new(inventory);
    let mut report = Report::new(&inventory, None, |path| tree.is_named(path));
    report.add_holds(config.settings.holds.at(Timestamp::now()), &inventory);
    if args.unknown {
        let unknown =
            unknown_images(&*tree, &inventory.files, &config.settings).map_err(anyhow::Error::new)?;
        let toml = unknown_locations::toml(&unknown);
        print(&report, globals, terminal, |_, _| toml.clone())?;
        if toml.is_empty() && !globals.quiet {
            writeln!(
                terminal.stderr,
                "nothing to add: tagpin knows every field here that is called like an image and holds a tag; others are not looked for"
            )?;
        }
    } else {
        print(&report, globals, terminal, human::list)?;
        if globals.format == Format::Human && !globals.quiet {
            let (open, kept) = floating(&inventory, &config);
            let step = next_step::after_list(open, kept.iter().copied(), &shell_words(&args.paths));
            print_next_step(step, globals, terminal)?;
        }
    }
    Ok(Exit::of(false, report.complete))
}

/// Prints the page. It says of the files what `check` says of them: both read them as the gate does.
fn print_page(
    args: &ListArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let asked = CheckArgs { paths: args.paths.clone(), vendored: args.vendored, ..CheckArgs::default() };
    let (gate, tree) = Gate::new(&asked, globals, environment, terminal)?;
    let config = &gate.config;
    let earlier = args.previous.iter().map(|file| earlier(file)).collect::<Result<Vec<_>, _>>()?;
    let containers = args.live.as_deref().map(|file| pods_of(file, "--live")).transpose()?;
    let inventory = gate.inventory(&tree)?;
    let mut report = gate.report(&tree, &inventory, gate.check(&inventory, None), None);
    let declared = live::declared(&inventory, config.settings.annotations.keys());
    let compared = containers.map(|containers| live::compare(&declared, &containers, &Indexes::new()));
    let (ages, unread) = ages(&tree, &inventory, config);
    let all_is_compared = compared.as_ref().is_none_or(crate::report::live::is_complete);
    let complete = report.complete && all_is_compared && unread.is_empty();
    report.notes.extend(unread);
    let sources = AuditSources {
        inventory: &inventory,
        environments: &config.settings.environments,
        earlier: &earlier,
        ages: &ages,
        live: compared.as_ref(),
        today: jiff::Zoned::now().date(),
        now: Timestamp::now(),
    };
    let page = audit::page(&report, sources).map_err(anyhow::Error::new)?;
    terminal.stdout.write_all(page.as_bytes())?;
    print_remarks(&report, globals, terminal)?;
    Ok(Exit::of(false, complete))
}

/// Returns how many images have no digest and nothing that keeps one away, and of the others without one what does.
fn floating(inventory: &Inventory, config: &Config) -> (usize, Vec<&'static str>) {
    let past = LedgerView::unknown(Timestamp::now());
    let rules = Rules::new(&config.settings, &past);
    let of_file = |file: &FileScan| {
        let sites = file.scan.sites.iter().zip(plan::refusals(file, rules));
        let floating = sites.filter(|(located, _)| located.site.state == State::Floating);
        floating.map(|(_, refusal)| refusal.and_then(|it| it.reason)).collect::<Vec<_>>()
    };
    let (open, kept): (Vec<_>, Vec<_>) = inventory.files.iter().flat_map(of_file).partition(Option::is_none);
    (open.len(), kept.into_iter().flatten().map(Reason::as_str).collect())
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
