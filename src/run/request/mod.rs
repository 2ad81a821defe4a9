//! What a person asks for by name, a promotion or a rollback: from files and their history to proven edits. The commands do it
//! in a checkout; with `--pull-request`, `run` does it in a clone.

mod promote;
mod rollback;

use std::path::Path;

pub use promote::Promote;
pub use rollback::Rollback;

use crate::config::edit_holds::HoldFileError;
use crate::history::known_good::KnownGoodError;
use crate::history::ledger::LedgerView;
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::plan::Pinned;
use crate::plan::promote::PromoteError;
use crate::policy::Globs;
use crate::policy::Settings;
use crate::policy::target::{Target, TargetError};
use crate::pull_request::Occasion;
use crate::pull_request::group::Group;
use crate::registry::Registry;
use crate::source::git::LogError;
use crate::source::tree::{Tree, TreeError};

/// What a person asks for.
#[derive(Clone, Debug)]
pub enum Errand {
    /// `tagpin promote`.
    Promote(Promote),
    /// `tagpin rollback`.
    Rollback(Rollback),
}

/// Reads a file of a repository, by its path below the root.
pub type ReadFile<'r> = dyn Fn(&str) -> std::io::Result<String> + 'r;

/// The repository that an errand is done in.
#[derive(Clone, Copy)]
pub struct Workspace<'p, T> {
    /// Its files.
    pub tree: &'p T,
    /// Its settings.
    pub settings: &'p Settings,
    /// The directory below the root from which a person names paths; empty for the root.
    pub seen_from: &'p str,
    /// The repository's own settings, below the root, where they are or belong.
    pub own_file: &'p str,
    /// Reads a file below the root; the text is empty where there is none.
    pub read: &'p ReadFile<'p>,
}

/// What an errand will do, before any registry was asked.
#[derive(Clone, Debug)]
pub enum RequestPlan {
    /// A promotion.
    Promote(Box<promote::PlannedPromotion>),
    /// A rollback.
    Rollback(Box<rollback::PlannedRollback>),
}

/// What an errand did, in memory.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The verdicts on every site of the repository, and the edits.
    pub pinned: Pinned,
    /// Remarks that are no failures.
    pub notes: Vec<String>,
    /// Whether everything was done that was asked for.
    pub complete: bool,
    /// What it is about.
    pub about: Target,
}

/// Why an errand cannot be done at all.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// What was named is nothing.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Nothing can be promoted there.
    #[error(transparent)]
    Promote(#[from] PromoteError),
    /// `--image` is for nothing: it is likely spelled wrong, and to do nothing would look like success.
    #[error("no image of {targets} is {images}")]
    NoMatch {
        /// What was named.
        targets: String,
        /// The globs.
        images: String,
    },
    /// No image is meant.
    #[error("`{0}` has no image that is meant")]
    NoImage(String),
    /// Several images are meant where it has to be one.
    #[error("`{name}` has several images: {images}")]
    SeveralImages {
        /// What was named.
        name: String,
        /// The images.
        images: String,
    },
    /// The list of known good digests.
    #[error(transparent)]
    KnownGood(#[from] KnownGoodError),
    /// The file with the holds.
    #[error(transparent)]
    Hold(#[from] HoldFileError),
    /// The files.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The git history.
    #[error(transparent)]
    History(#[from] LogError),
    /// One of the repository's own files.
    #[error("`{0}`: {1}")]
    File(String, std::io::Error),
}

impl ErrandError {
    /// Returns what to do about it, where it is something that the person can ask for in another way.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Target(_) => {
                "name an [[environment]] of the configuration, a file, a directory, or PATH#KIND/NAME"
            }
            Self::Promote(_) => "docs/change-control.md says how environments follow one another",
            Self::NoMatch { .. } => {
                "--image takes globs of names without tag and digest; `tagpin list` has them"
            }
            Self::NoImage(_) => "`tagpin list` has every image and where it stands",
            Self::SeveralImages { .. } => "name one with --image, or an object as PATH#KIND/NAME",
            Self::KnownGood(_) => crate::history::known_good::NOT_A_LIST,
            Self::Hold(_) => "docs/change-control.md shows how a `[[hold]]` is written",
            Self::History(LogError::Revision(_)) => {
                "history is what git has: commit first, or name another --base"
            }
            Self::Tree(_) | Self::History(_) | Self::File(..) => return None,
        })
    }
}

impl Errand {
    /// Returns which pull request it belongs into, and what that is for.
    ///
    /// Paths are told from the root: the same command in two directories may be about two things.
    pub fn occasion(&self, settings: &Settings, seen_from: &str, own_file: &str) -> (Group, Occasion) {
        let place = |text: &str| {
            let is_environment = settings.environments.iter().any(|environment| environment.name == text);
            if is_environment || seen_from.is_empty() {
                text.to_owned()
            } else {
                format!("{seen_from}/{text}")
            }
        };
        match self {
            Self::Promote(errand) => errand.occasion(place),
            Self::Rollback(errand) => errand.occasion(place, own_file),
        }
    }
}

impl RequestPlan {
    /// Asks the registries for what is to be written, and edits the files in memory.
    ///
    /// # Errors
    /// The files cannot be read. What goes wrong with one image is in its verdict.
    pub async fn carry_out<T: Tree, R: Registry>(
        self,
        tree: &T,
        settings: &Settings,
        past: &LedgerView,
        registry: &R,
    ) -> Result<Carried, ErrandError> {
        match self {
            Self::Promote(planned) => planned.carry_out(tree, settings, past, registry).await,
            Self::Rollback(planned) => planned.carry_out(tree, settings, past, registry).await,
        }
    }
}

impl<T: Tree> Workspace<'_, T> {
    /// Returns the part of the repository that `text` names.
    ///
    /// # Errors
    /// It is nothing, or the files cannot be listed.
    pub fn target(&self, text: &str) -> Result<Target, ErrandError> {
        let entries = self.tree.entries()?;
        let is_path = |path: &str| {
            entries.iter().any(|entry| crate::policy::target::is_in(&self.tree.root_path(&entry.path), path))
        };
        Ok(Target::parse(text, self.settings, self.seen_from, is_path)?)
    }

    fn text(&self, file: &str) -> Result<String, ErrandError> {
        (self.read)(file).map_err(|error| ErrandError::File(file.to_owned(), error))
    }
}

/// Refuses a target without an image: its paths are likely spelled wrong, and to do nothing would look like success.
///
/// # Errors
/// [`ErrandError::NoImage`]
pub fn require_images(inventory: &Inventory, targets: &[&Target]) -> Result<(), ErrandError> {
    let is_empty = |target: &&&Target| !inventory.sites().any(|(file, located)| target.has(file, located));
    match targets.iter().find(is_empty) {
        Some(target) => Err(ErrandError::NoImage(target.name.clone())),
        None => Ok(()),
    }
}

/// Refuses `images` that are for nothing in `targets`.
///
/// # Errors
/// [`ErrandError::NoMatch`]
pub fn require_match(
    images: Option<&Globs>,
    inventory: &Inventory,
    targets: &[&Target],
) -> Result<(), ErrandError> {
    let Some(images) = images else { return Ok(()) };
    let is_meant = |(file, located): (&FileScan, &Located)| {
        let reference = located.site.reference.as_ref();
        targets.iter().any(|target| target.has(file, located))
            && reference.is_some_and(|reference| images.matches_image(reference))
    };
    if inventory.sites().any(is_meant) {
        return Ok(());
    }
    let quoted = |name: &str| format!("`{name}`");
    let names: Vec<String> = targets.iter().map(|target| quoted(&target.name)).collect();
    let images: Vec<String> = images.patterns().iter().map(|pattern| quoted(pattern)).collect();
    Err(ErrandError::NoMatch { targets: names.join(" and "), images: images.join(" or ") })
}

/// The directory that messages about a file of the repository start from: its relative paths lead nowhere.
fn nowhere() -> &'static Path {
    Path::new("/")
}
