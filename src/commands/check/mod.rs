//! `tagpin check`

mod base_settings;
mod baseline;
mod changed_since;
mod diff_base;
mod fix;
mod looks_away;
mod mentioned;
mod outputs;
mod renamed;
mod rendered;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use changed_since::Before;

use super::selected::selected_tree;
use super::{block_on, ledger, local_config, local_tree, progress, registry, work_tree_root};
use crate::check::baseline::Baseline;
use crate::check::{self, CheckContext, Checked, RegistryFacts, online};
use crate::commands::args::{CheckArgs, Globals};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::history::ledger::LedgerView;
use crate::manifest::SIZE_MAX;
use crate::manifest::inventory::Inventory;
use crate::pull_request::marker;
use crate::registry::Trust;
use crate::report::Report;
use crate::report::terminal::Terminal;
use crate::source::git::Log;
use crate::source::tree::{DirectoryTree, HeadTree, Resolved, Tree, resolve};
use crate::text::{count, one_line, printable};

/// What is named where a change is judged.
const ONLY_PATHS: &str = "name files and directories that exist, seen from this directory: what the change says of environments \
                          does not choose what is judged";

/// Complains about what the rules find in the files, or in what a change does to them.
///
/// # Errors
/// A path does not exist, the configuration, baseline, revision or patch is wrong, or standard output cannot be written.
pub fn run(
    args: &CheckArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    for (given, name) in [(args.fix, "check --fix"), (args.online, "check --online")] {
        if given {
            globals.require_network(name)?;
        }
    }
    if let Some(file) = &args.rendered {
        return rendered::run(file, args, globals, environment, terminal);
    }
    outputs::require(&args.output)?;
    if let (true, Some(file)) = (args.write_baseline, &args.baseline) {
        outputs::require_file("baseline", file)?;
    }
    let (mut gate, mut tree) = Gate::new(args, globals, environment, terminal)?;
    let shown = !globals.quiet && terminal.stderr.is_terminal();
    let mut written = fix::Written::default();
    if args.fix {
        written = gate.fix(args, &tree, shown, terminal)?;
        tree = gate.tree(args, globals, terminal)?;
        // What the change says is another thing now.
        gate.before = match gate.before.take() {
            Some(before) => Some(before.after_fix(args, globals, environment, &tree, &written.files)?),
            None => None,
        };
    }
    let head = match &gate.before {
        Some(before) => before.head(&tree)?,
        None => None,
    };
    let tree: &dyn Tree = match &head {
        Some(head) => head,
        None => &tree,
    };
    let inventory = gate.inventory(&tree)?;
    let online = if args.online { Some(gate.ask(&inventory, shown)?) } else { None };
    let checked = gate.check(&inventory, online.as_ref());
    if let (true, Some(file)) = (args.write_baseline, &args.baseline) {
        baseline::save(file, &Baseline::write(&checked.findings))?;
        let (number, file) = (count(checked.findings.len(), "finding"), file.display().to_string());
        writeln!(terminal.stderr, "{number} written to {}", printable(&file))?;
        return Ok(Exit::of(false, gate.report(&tree, &inventory, Checked::default(), online).complete));
    }
    let mut report = gate.report(&tree, &inventory, checked, online);
    report.complete &= !written.has_failed;
    outputs::count_images(&mut report, args);
    if let Some(differing) = head.as_ref().map(HeadTree::differing).filter(|paths| !paths.is_empty()) {
        report.notes.push(format!(
            "{} on disk not what HEAD has: both were judged ({})",
            if differing.len() == 1 {
                "1 file is".to_owned()
            } else {
                format!("{} files are", differing.len())
            },
            differing.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ")
        ));
    }
    outputs::write(report, args, globals, environment, terminal)
}

/// Returns whether a whole repository is checked: what the settings name is not elsewhere then.
fn is_whole(paths: &[PathBuf]) -> Result<bool, Failure> {
    let here = fs_err::canonicalize(std::env::current_dir()?)?;
    Ok(work_tree_root(&here) == here && paths.iter().all(|path| path == Path::new(".")))
}

/// What the files are judged by.
pub(super) struct Gate {
    pub(super) config: Config,
    baseline: Option<Baseline>,
    before: Option<Before>,
    /// What earlier runs saw of the tags, and the time by which everything is judged.
    past: LedgerView,
    today: jiff::civil::Date,
    /// Who names the registries.
    trust: Trust,
    /// What is to be said about the ledger of tags.
    remark: Option<String>,
    /// Whether everything that the settings need could be read.
    complete: bool,
    /// Whether a whole repository is judged as it is.
    is_whole: bool,
}

impl Gate {
    /// Returns what `args` ask for, and the files that they name.
    ///
    /// # Errors
    /// A path does not exist, or the configuration, baseline, revision or patch is wrong.
    pub(super) fn new(
        args: &CheckArgs,
        globals: &Globals,
        environment: &Variables,
        terminal: &mut Terminal,
    ) -> Result<(Self, DirectoryTree), Failure> {
        let today = jiff::Zoned::now().date();
        let past = LedgerView::unknown(jiff::Timestamp::now());
        let trust = if args.untrusted { Trust::Untrusted } else { Trust::Scanned };
        let mut now = None;
        let mut gate = if args.changed_since.is_some() || args.diff.is_some() {
            let tree = local_tree(&args.paths).map_err(|failure| match failure.exit() {
                Exit::Usage => failure.hint(ONLY_PATHS),
                _ => failure,
            });
            let tree = now.insert(tree?);
            let mut before = Before::new(args, globals, environment, tree)?;
            let config = before.config.clone();
            Self {
                config,
                baseline: before.baseline.take(),
                before: Some(before),
                past,
                today,
                trust,
                remark: None,
                complete: true,
                is_whole: false,
            }
        } else {
            let config = local_config(globals, environment, terminal)?;
            let baseline = match &args.baseline {
                Some(file) if !args.write_baseline => Some(baseline::load(file)?),
                _ => None,
            };
            Self {
                config,
                baseline,
                before: None,
                past,
                today,
                trust,
                remark: None,
                complete: true,
                is_whole: is_whole(&args.paths)?,
            }
        };
        gate.config.check.strict |= args.strict;
        gate.config.settings.policy.vendored |= args.vendored;
        gate.place_settings()?;
        // Only what the registries say now is compared with what was seen before.
        if args.online || args.fix {
            let root = work_tree_root(&std::env::current_dir()?);
            (gate.past, gate.remark, gate.complete) = ledger::recall(&gate.config, &root);
        }
        let tree = match now {
            Some(tree) => tree,
            None => gate.tree(args, globals, terminal)?,
        };
        Ok((gate, tree))
    }

    /// Returns the files that the command line names. Where a change is judged, a name is a path: what the change says of
    /// environments must not choose what is judged.
    fn tree(
        &self,
        args: &CheckArgs,
        globals: &Globals,
        terminal: &mut Terminal,
    ) -> Result<DirectoryTree, Failure> {
        match &self.before {
            Some(_) => local_tree(&args.paths),
            None => selected_tree(&args.paths, &self.config.settings, globals, terminal),
        }
    }

    /// Finds out where the files of the settings are below the root: a finding about them is the same on any machine.
    fn place_settings(&mut self) -> Result<(), Failure> {
        let directory = fs_err::canonicalize(std::env::current_dir()?)?;
        let root = work_tree_root(&directory);
        for allow in self.config.check.allows.iter_mut() {
            if let Resolved::Inside(below) = resolve(&root, &directory.join(&allow.origin.file)) {
                allow.origin.root_path = below;
            }
        }
        Ok(())
    }

    /// Mends what can be mended; what is left is what a check of the files says that are there then.
    fn fix(
        &self,
        args: &CheckArgs,
        tree: &DirectoryTree,
        shown: bool,
        terminal: &mut Terminal,
    ) -> Result<fix::Written, Failure> {
        let inventory = self.inventory(&tree)?;
        let online = if args.online { Some(self.ask(&inventory, shown)?) } else { None };
        let checked = self.check(&inventory, online.as_ref());
        let pinned =
            fix::fix(tree, &self.config, &self.past, self.trust, inventory, &checked.findings, shown)?;
        for line in fix::left(&pinned) {
            writeln!(terminal.stderr, "{}", one_line(&line))?;
        }
        Ok(fix::Written::of(pinned, tree))
    }

    /// Returns the images in `tree`, as the gate reads them.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub(super) fn inventory<T: Tree>(&self, tree: &T) -> Result<Inventory, Failure> {
        let settings = &self.config.settings;
        let taken = match &self.before {
            Some(_) => check::take_inventory(tree, settings),
            None => check::take_what_is_there(tree, settings),
        };
        let mut inventory = taken.map_err(anyhow::Error::new)?;
        if let Some(before) = &self.before {
            before.add_looks_away(&mut inventory);
        }
        Ok(inventory)
    }

    /// Asks the registries: about everything, or about what the change adds.
    fn ask(&self, inventory: &Inventory, shown: bool) -> Result<RegistryFacts, Failure> {
        let registry = registry(&self.config, self.trust)?;
        let old = self.before.as_ref().map(|before| before.has(inventory)).unwrap_or_default();
        let wanted = |reference: usize| !old.contains(&reference);
        let (settings, past) = (&self.config.settings, &self.past);
        let work = online::ask(settings, past, &registry, inventory, wanted, progress(shown));
        let mut online = block_on(work)?;
        if online.needs_history() {
            let log = Log::open(&work_tree_root(&std::env::current_dir()?), "HEAD", marker::is_own).ok();
            online
                .forget_older(log.as_ref(), &self.config.settings, self.past.now(), inventory)
                .map_err(anyhow::Error::new)?;
        }
        Ok(online)
    }

    /// Returns what the rules find.
    pub(super) fn check(&self, inventory: &Inventory, online: Option<&RegistryFacts>) -> Checked {
        check::check(&CheckContext {
            inventory,
            settings: &self.config.settings,
            check: &self.config.check,
            today: self.today,
            now: self.past.now(),
            base: self.before.as_ref().map(Before::base),
            is_change: self.before.is_some(),
            baseline: self.baseline.as_ref(),
            online,
        })
    }

    /// Returns what is to be said of the files.
    pub(super) fn report<'i, T: Tree>(
        &self,
        tree: &T,
        inventory: &'i Inventory,
        mut checked: Checked,
        online: Option<RegistryFacts>,
    ) -> Report<'i> {
        let mut report = Report::new(inventory, None, |path| tree.is_named(path));
        report.add_unchecked(online.map(|online| online.unchecked()).unwrap_or_default());
        let newly = std::mem::take(&mut checked.newly_deployed);
        report.add_findings(checked);
        report.add_holds(self.config.settings.holds.at(self.past.now()), inventory);
        report.notes.extend(report.held());
        report.notes.extend(self.remark.clone());
        if self.is_whole {
            let settings = &self.config.settings;
            let matched = settings.holds.matched(inventory);
            report.notes.extend(settings.holds.at(self.past.now()).unmatched(&matched));
            report.notes.extend(check::unmatched(inventory, settings, &self.config.check));
        }
        if let Some(before) = &self.before {
            // What could not be read before either, and is the same, is not the change's fault.
            report.forgive_unread(|path| {
                let root_path = tree.root_path(path);
                !before.touches(&root_path) && !newly.contains(&root_path)
            });
            report.require(|path| before.looks_away_from(path));
            report.notes.extend(before.notes.iter().cloned());
        }
        report.complete &= self.complete;
        report.add_excerpts(|file| tree.read(file, SIZE_MAX).ok());
        report
    }
}
