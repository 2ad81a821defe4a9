//! `tagpin pin`

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;

use super::selected::selected_tree;
use super::{
    block_on, image_globs, ledger, local_config, print, print_budgets, print_next_step, progress, registry,
    work_tree_root,
};
use crate::atomic_file;
use crate::commands::args::{Format, Globals, PinArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::Variables;
use crate::history::ledger::LedgerView;
use crate::manifest::inventory::Inventory;
use crate::manifest::site::State;
use crate::manifest::{Located, SIZE_MAX};
use crate::plan::build_metadata::Built;
use crate::plan::set_digest::{Atomicity, assign};
use crate::plan::{Outcome, Pinned, Reason, Verdict, build_metadata, pin};
use crate::policy::{Globs, Settings};
use crate::registry::{Budget, Trust};
use crate::report::terminal::Terminal;
use crate::report::{Report, diff, human, next_step};
use crate::source::tree::{DirectoryTree, Tree as _};
use crate::text::quoted;

/// Resolves the images in the files and writes the digests into them; with `--dry-run`, shows the diff instead.
///
/// # Errors
/// A path does not exist, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &PinArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    globals.require_network("pin")?;
    let mut config = local_config(globals, environment, terminal)?;
    config.settings.policy.vendored |= args.vendored;
    let tree = selected_tree(&args.paths, &config.settings, globals, terminal)?;
    let images = image_globs(&args.image)?;
    let registry = registry(&config, Trust::Scanned)?;
    let shown = !globals.quiet && terminal.stderr.is_terminal();
    let mut notes = Vec::new();
    // Who names a digest wants it written: what holds it back counts as undone.
    let named = !args.set.is_empty() || !args.digests.is_empty();
    let (mut past, mut remark, mut is_readable) = (LedgerView::unknown(Timestamp::now()), None, true);
    let pinned = if !named {
        (past, remark, is_readable) = ledger::recall(&config, &work_tree_root(&std::env::current_dir()?));
        let inventory = pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?;
        let wanted = wanted(&inventory, images.as_ref(), args.first)?;
        let is_wanted = |site: usize| wanted.contains(&site);
        let mut pinned = block_on(pin::pin_some(
            &tree,
            &config.settings,
            &past,
            &registry,
            inventory,
            is_wanted,
            progress(shown),
        ))?;
        if let (Ok(pinned), true) = (&mut pinned, images.is_some() || args.first) {
            // What was not asked for stays as it is, annotations included.
            pinned.drop_unchanged();
        }
        pinned
    } else {
        let built = built(args)?;
        let inventory = pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?;
        let (assignments, of_none) = build_metadata::assignments(&inventory, &config.settings, &built);
        notes.extend(of_none);
        block_on(assign(
            &tree,
            &config.settings,
            &past,
            &registry,
            inventory,
            assignments,
            Atomicity::PerImage,
        ))?
    };
    let mut pinned = pinned.map_err(anyhow::Error::new)?;
    pinned.notes.extend(remark);
    let held = named && pinned.verdicts.iter().any(|verdict| verdict.outcome == Outcome::Held);
    let complete = notes.is_empty() && !held && is_readable;
    let done = EditedTree {
        tree: &tree,
        settings: &config.settings,
        now: past.now(),
        notes,
        complete,
        budget: registry.budget(),
    };
    finish(pinned, done, args.dry_run, globals, terminal)
}

/// Returns the sites that `--image` and `--first` leave, by their index: all of them where neither is given.
///
/// # Errors
/// A usage error: no image that is here is one of `images`.
fn wanted(inventory: &Inventory, images: Option<&Globs>, first: bool) -> Result<HashSet<usize>, Failure> {
    let is_meant = |located: &Located| match (images, &located.site.reference) {
        (Some(images), Some(reference)) => images.matches_image(reference),
        (images, _) => images.is_none(),
    };
    let meant = inventory.sites().enumerate().filter(|(_, (_, located))| is_meant(located));
    let meant: Vec<(usize, State)> = meant.map(|(index, (_, located))| (index, located.site.state)).collect();
    if let Some(images) = images.filter(|_| meant.is_empty()) {
        let names = quoted(images.patterns(), " or ");
        let hint = "`tagpin list` has the names that there are; `*` stops at `/`";
        return Err(Failure::usage(format!("no image here is {names}"), hint));
    }
    let is_wanted = |state: State| !first || state == State::Floating;
    Ok(meant.into_iter().filter(|(_, state)| is_wanted(*state)).map(|(index, _)| index).collect())
}

/// Returns what `--set` and `--digests` name.
fn built(args: &PinArgs) -> Result<Vec<Built>, Failure> {
    let mut built = Vec::new();
    let hint = "write IMAGE:TAG@DIGEST, for example `ghcr.io/acme/api:1.9@sha256:…`";
    for text in &args.set {
        let parsed =
            Built::parse(text).map_err(|error| Failure::usage(format!("`--set {text}`: {error}"), hint))?;
        built.push(parsed);
    }
    for path in &args.digests {
        let name = path.display();
        let text = fs_err::read_to_string(path)
            .map_err(|error| Failure::usage(error.to_string(), "--digests reads what a build has written"))?;
        let hint = "it takes lines of IMAGE:TAG@DIGEST, or the file of `docker buildx build --metadata-file`";
        let more = build_metadata::read(&text)
            .map_err(|error| Failure::usage(format!("`{name}`: {error}"), hint))?;
        built.extend(more);
    }
    Ok(built)
}

/// What a command that edits files has to say beside the verdicts.
pub(super) struct EditedTree<'d> {
    pub(super) tree: &'d DirectoryTree,
    pub(super) settings: &'d Settings,
    pub(super) now: Timestamp,
    pub(super) notes: Vec<String>,
    /// Whether everything was done that was asked for.
    pub(super) complete: bool,
    pub(super) budget: BTreeMap<String, Budget>,
}

/// Writes the files, or shows the diff with `dry_run`, and reports.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn finish(
    mut pinned: Pinned,
    done: EditedTree<'_>,
    dry_run: bool,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let EditedTree { tree, settings, now, notes, complete, budget } = done;
    let mut places = BTreeMap::new();
    if dry_run {
        if globals.format == Format::Human {
            for file in &pinned.files {
                let diff = diff::unified(&file.path, &file.before, &file.after);
                terminal.stdout.write_all(diff::painted(&diff, &terminal.stdout).as_bytes())?;
            }
        }
    } else {
        places = pinned.sites_after(&settings.catalogue());
        for unwritten in write_files(tree, &mut pinned) {
            places.remove(&unwritten);
        }
    }
    let mut report = Report::new(&pinned.inventory, Some(&pinned.verdicts), |path| tree.is_named(path));
    report.place(&places);
    report.add_holds(settings.holds.at(now), &pinned.inventory);
    report.notes.extend(pinned.notes);
    report.notes.extend(notes);
    report.complete &= complete;
    report.registries = budget;
    report.is_dry_run = dry_run;
    let each = globals.verbose > 0;
    if dry_run && globals.format == Format::Human {
        let left = human::not_done(&report, &terminal.stderr, each);
        terminal.stderr.write_all(left.as_bytes())?;
    }
    print(&report, globals, terminal, |report, stream| {
        // The diff on standard output is to be fed to other programs: nothing else stands there.
        if dry_run { String::new() } else { human::pin(report, stream, each) }
    })?;
    let is_tracked = pinned.files.iter().all(|file| tree.work_tree(&file.path).is_some());
    print_next_step(next_step::after_edit(&report, dry_run, is_tracked), globals, terminal)?;
    if globals.verbose > 0 {
        print_budgets(&report.registries, terminal)?;
    }
    Ok(Exit::of(false, report.complete))
}

/// Writes the files; a file that cannot be written makes its sites fail, and the others are written. Returns those that could
/// not be.
pub(super) fn write_files(tree: &DirectoryTree, pinned: &mut Pinned) -> Vec<String> {
    let mut unwritten: BTreeMap<String, (Reason, String)> = BTreeMap::new();
    let locations = pinned.files.iter().filter_map(|file| tree.location(&file.path));
    // Somebody may have been killed here before.
    let directories: BTreeSet<PathBuf> =
        locations.filter_map(|file| Some(file.parent()?.to_owned())).collect();
    directories.iter().for_each(|directory| atomic_file::sweep(directory));
    for file in &pinned.files {
        // Somebody may have written it while registries were asked.
        if tree.read(&file.path, SIZE_MAX).is_ok_and(|now| now != file.before) {
            let said = "somebody wrote it since it was read: run again".to_owned();
            unwritten.insert(file.path.clone(), (Reason::FileChanged, said));
            continue;
        }
        let written = match tree.location(&file.path) {
            Some(location) => atomic_file::replace(&location, &file.after),
            None => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
        };
        if let Err(error) = written {
            unwritten.insert(file.path.clone(), (Reason::NotWritten, error.to_string()));
        }
    }
    for ((file, _), verdict) in pinned.inventory.sites().zip(&mut pinned.verdicts) {
        let error = unwritten.get(&file.path).filter(|_| verdict.change.is_some());
        if let Some((reason, said)) = error {
            *verdict = Verdict::because(Outcome::Failed, *reason, Some(said.clone()));
        }
    }
    unwritten.into_keys().collect()
}
