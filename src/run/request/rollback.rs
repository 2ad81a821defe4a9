//! `tagpin rollback`, wherever it is done.

use std::path::Path;

use super::{RequestError, RequestOutcome, Workspace};
use crate::config::edit_holds::with_hold;
use crate::history;
use crate::history::known_good;
use crate::history::ledger::LedgerView;
use crate::manifest::inventory::Inventory;
use crate::plan::rollback::{RollbackSources, To};
use crate::plan::set_digest::{Assignment, Atomicity, assign};
use crate::plan::{FileEdit, Outcome, Reason, pin, rollback};
use crate::policy::hold::Until;
use crate::policy::target::Target;
use crate::policy::{Globs, Settings};
use crate::pull_request::Occasion;
use crate::pull_request::group::Group;
use crate::registry::Registry;
use crate::source::git::{Log, LogError};
use crate::source::tree::Tree;
use crate::text::shell_word;

/// The directory that messages about a file of the repository start from: its relative paths lead nowhere.
const NO_DIRECTORY: &str = "/";

/// A rollback that a person asks for.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// The environment, path or object.
    pub target: String,
    /// Where it goes back to.
    pub to: To,
    /// Only these images.
    pub images: Option<Globs>,
    /// Why, for the hold.
    pub reason: Option<String>,
    /// Who says so, for the hold.
    pub by: Option<String>,
    /// When the hold ends.
    pub until: Option<Until>,
}

/// What it will do.
#[derive(Clone, Debug)]
pub struct PlannedRollback {
    inventory: Inventory,
    assignments: Vec<Assignment>,
    target: Target,
    request: Rollback,
    /// Whether it goes back to what is known to be good, and nothing is.
    is_without_list: bool,
    /// The file that gets the hold, and its text.
    own: (String, String),
}

impl Rollback {
    /// Decides what goes back to which digest.
    ///
    /// # Errors
    /// What is named is nothing or too much, or files, list and history cannot be read.
    pub fn plan<T: Tree>(
        &self,
        place: Workspace<'_, T>,
        log: impl FnOnce() -> Result<Log, LogError>,
    ) -> Result<PlannedRollback, RequestError> {
        let target = place.target(&self.target)?;
        let inventory = pin::take_inventory(place.tree, place.settings)?;
        let meant = rollback::images(&inventory, &target, self.images.as_ref());
        if meant.is_empty() {
            return Err(RequestError::NoImage(target.name));
        }
        if matches!(self.to, To::Previous | To::Digest(_)) && meant.len() > 1 {
            return Err(RequestError::SeveralImages {
                name: target.name,
                images: meant.into_iter().collect(),
            });
        }
        let history = history::of(&log()?, place.settings, &target)?;
        let known_good = known_good::read(&place.text(known_good::FILE)?)?;
        let sources =
            RollbackSources { history: &history, known_good: &known_good, settings: place.settings };
        let assignments = rollback::rollback(&inventory, &target, self.images.as_ref(), &self.to, sources);
        let own = (place.own_file.to_owned(), place.text(place.own_file)?);
        let is_without_list = matches!(self.to, To::KnownGood) && known_good.is_empty();
        Ok(PlannedRollback { inventory, assignments, target, request: self.clone(), is_without_list, own })
    }

    pub(super) fn occasion(&self, place: impl Fn(&str) -> String, own_file: &str) -> (Group, Occasion) {
        let target = place(&self.target);
        let images = self.images.as_ref().map(Globs::patterns).unwrap_or_default();
        let group = Group::rolled_back(&target, images);
        let occasion = Occasion::Rollback {
            target,
            to: description(&self.to),
            reason: self.why(),
            file: own_file.to_owned(),
        };
        (group, occasion)
    }

    fn why(&self) -> String {
        self.reason.clone().unwrap_or_else(|| format!("rolled back to {}", description(&self.to)))
    }
}

impl PlannedRollback {
    pub(super) async fn carry_out<T: Tree, R: Registry>(
        self,
        tree: &T,
        settings: &Settings,
        past: &LedgerView,
        registry: &R,
    ) -> Result<RequestOutcome, RequestError> {
        // A hold keeps what stands here from moving by itself; this is somebody who says where to. What must never be
        // written is not written here either.
        let mut unheld = settings.clone();
        unheld.holds.all.retain(|hold| hold.digest.is_some());
        let mut pinned =
            assign(tree, &unheld, past, registry, self.inventory, self.assignments, Atomicity::PerImage)
                .await?;
        let holds = settings.holds.at(past.now());
        let by = self.request.by.as_deref().filter(|by| !by.trim().is_empty());
        let why = self.request.why();
        let reason = (why.as_str(), self.request.reason.is_some());
        let new_holds = rollback::holds(&pinned, holds, reason, by, self.request.until);
        let (path, before) = self.own;
        let mut after = before.clone();
        for hold in &new_holds {
            after = with_hold(&path, Path::new(NO_DIRECTORY), &after, hold)?;
        }
        if before != after {
            let (before, after) = (before.into_bytes(), after.into_bytes());
            pinned.beside.push(FileEdit { path, before, after, spans: 0 });
        }
        let complete = pinned.verdicts.iter().all(|verdict| verdict.outcome != Outcome::Held);
        let sites = pinned.inventory.sites().zip(&pinned.verdicts);
        let notes =
            sites.filter(|(_, verdict)| verdict.change.is_some()).filter_map(|((file, located), _)| {
                let hold = holds.on(&file.root_path, located.site.reference.as_ref()?)?;
                let (image, path, line) = (&located.site.image, &file.path, located.line);
                Some(format!(
                    "`{image}` in {path}:{line} was on hold, and was rolled back all the same: {hold}"
                ))
            });
        let mut notes: Vec<String> = notes.collect();
        if self.is_without_list {
            notes.push(format!(
                "there is nothing in `{}` yet: `{}` begins it",
                known_good::FILE,
                known_good::MARK
            ));
        }
        if pinned.verdicts.iter().any(|verdict| verdict.reason == Some(Reason::DigestGone)) {
            notes.push(format!(
                "what is gone from its registry cannot come back: `tagpin history {}` has other digests, and `--to` takes one, or a \
                 day",
                shell_word(&self.target.name)
            ));
        }
        Ok(RequestOutcome { pinned, notes, complete, about: self.target })
    }
}

/// Returns where it goes back to, for people.
fn description(to: &To) -> String {
    match to {
        To::Previous => "the previous digest".to_owned(),
        To::KnownGood => "the last known good digest".to_owned(),
        To::Moment(moment) => format!("what was declared at {moment}"),
        To::Digest(digest) => digest.to_string(),
    }
}
