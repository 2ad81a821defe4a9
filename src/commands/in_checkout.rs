//! The repository around the working directory, for commands that a person gives by hand.

use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;

use super::hold::{save, text_of};
use super::pin::{EditedTree, finish};
use super::{block_on, local_config, registry, repository_file, seen_from, whole_tree};
use crate::commands::args::{Format, Globals};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::history::ledger::LedgerView;
use crate::plan::FileEdit;
use crate::registry::Trust;
use crate::report::diff;
use crate::report::terminal::Terminal;
use crate::run::request::{ReadFile, RequestError, RequestOutcome, RequestPlan, Workspace};
use crate::source::tree::DirectoryTree;

/// A checkout.
pub(super) struct Checkout {
    pub(super) tree: DirectoryTree,
    pub(super) root: PathBuf,
    pub(super) config: Config,
    seen_from: String,
    own_file: String,
    read: Box<ReadFile<'static>>,
}

impl Checkout {
    pub(super) fn new(
        globals: &Globals,
        environment: &Variables,
        terminal: &mut Terminal,
    ) -> Result<Self, Failure> {
        let config = local_config(globals, environment, terminal)?;
        let (tree, root) = whole_tree()?;
        let own_file = repository_file(&root)?.strip_prefix(&root).unwrap_or(&root).display().to_string();
        let from = root.clone();
        let read = Box::new(move |path: &str| text_of(&from.join(path)));
        Ok(Self { seen_from: seen_from(&root)?, tree, root, config, own_file, read })
    }

    pub(super) fn place(&self) -> Workspace<'_, DirectoryTree> {
        let Self { tree, config, seen_from, own_file, read, .. } = self;
        Workspace { tree, settings: &config.settings, seen_from, own_file, read }
    }

    /// Asks the registries, writes the files, or shows the diff with `dry_run`, and reports.
    pub(super) fn finish(
        &self,
        planned: RequestPlan,
        dry_run: bool,
        globals: &Globals,
        terminal: &mut Terminal,
    ) -> Result<Exit, Failure> {
        let registry = registry(&self.config, Trust::Scanned)?;
        let (settings, past) = (&self.config.settings, LedgerView::unknown(Timestamp::now()));
        let work = planned.carry_out(&self.tree, settings, &past, &registry);
        let RequestOutcome { mut pinned, mut notes, complete, about } =
            block_on(work)?.map_err(request_failure)?;
        pinned.keep(|file| about.has_file(&file.root_path));
        for FileEdit { path, before, after, .. } in std::mem::take(&mut pinned.beside) {
            if !dry_run {
                save(&self.root.join(&path), &after)?;
                notes.push(format!("what was rolled back is on hold in {path}: `tagpin hold list` shows it"));
            } else if globals.format == Format::Human {
                let diff = diff::unified(&path, &before, &after);
                terminal.stdout.write_all(diff::painted(&diff, &terminal.stdout).as_bytes())?;
            }
        }
        let budget = registry.budget();
        let done = EditedTree { tree: &self.tree, settings, now: past.now(), notes, complete, budget };
        finish(pinned, done, dry_run, globals, terminal)
    }
}

/// Returns the failure of a request: wrong usage where a person can ask for it in another way.
pub(super) fn request_failure(error: RequestError) -> Failure {
    match error.hint() {
        Some(hint) => Failure::usage(error.to_string(), hint),
        None => anyhow::Error::new(error).into(),
    }
}
