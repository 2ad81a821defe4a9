//! The ledger as files on a branch of its own: `VERSION`, a page for people, and one file for each registry and repository.

use std::collections::BTreeMap;

use super::event::TagEvent;
use super::images::{ImageTags, Ledger};
use super::text;
use crate::reference::Reference;
use crate::source::tree::{EntryKind, Tree, TreeError};

/// The version of the files that this tagpin writes and reads.
pub const VERSION: u32 = 1;

const VERSION_FILE: &str = "VERSION";
const README_FILE: &str = "README.md";

const README: &str = "\
# The ledger of tags

tagpin writes here what each image tag was when it looked: a line when it sees a tag for the
first time, and one each time the tag has moved. It waits by these lines (`min-age`, `settle`); it never takes a digest from
them. `tags/` has a file for each registry and repository, with `+` where the name has `/`, and in it lines of time, tag and
digest. Protect this branch like the one that it is about; whoever can write here can shorten a wait.
";

/// Where the files of images are, and how they end. `+` is in no name of a registry or repository.
const DIRECTORY: &str = "tags/";
const SUFFIX: &str = ".txt";

/// The largest file that is read, and all files together, in bytes: some hundred thousand lines, and a million.
const FILE_MAX: u64 = 16 << 20;
const ALL_MAX: u64 = 128 << 20;

/// The longest `VERSION`, in bytes.
const VERSION_MAX: u64 = 64;

/// Why a ledger cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The branch is the one that it would be about.
    #[error("it is the branch that is pinned: name another `branch` in [ledger]")]
    Base,
    /// The branch is something else.
    #[error("it is not a ledger of tags: it has no `{VERSION_FILE}`; name another `branch` in [ledger]")]
    Other,
    /// Its version is not a number.
    #[error("its `{VERSION_FILE}` is not a number; look at the history of the branch")]
    Malformed,
    /// A newer tagpin wrote it.
    #[error("it is of version {0}, and this tagpin knows {VERSION}: use a newer tagpin")]
    Newer(u32),
    /// Something stands where the files are, and is none.
    #[error("`{0}` is not a file that tagpin writes: remove it from the branch")]
    Foreign(String),
    /// It is larger than tagpin reads.
    #[error("it has more than {ALL_MAX} bytes: remove old lines from it")]
    TooLarge,
    /// The repository is damaged.
    #[error("{0}")]
    Tree(String),
    /// The remote does not give it.
    #[error("{0}")]
    Remote(String),
}

impl From<TreeError> for LedgerError {
    fn from(error: TreeError) -> Self {
        Self::Tree(error.to_string())
    }
}

impl Ledger {
    /// Returns the ledger in `tree`, the head of its branch. A file that cannot be read spoils no other one.
    ///
    /// # Errors
    /// It is not a ledger, a newer one, or larger than tagpin reads.
    pub fn read(tree: &impl Tree) -> Result<Self, LedgerError> {
        check_version(tree)?;
        let entries = tree.entries()?;
        let files = entries.iter().filter(|entry| entry.path.starts_with(DIRECTORY));
        if files.clone().map(|entry| entry.size).sum::<u64>() > ALL_MAX {
            return Err(LedgerError::TooLarge);
        }
        let mut ledger = Self::default();
        for entry in files {
            let foreign = || LedgerError::Foreign(entry.path.escape_debug().to_string());
            let name = image(&entry.path).ok_or_else(foreign)?;
            if entry.kind != EntryKind::File {
                return Err(foreign());
            }
            let bytes = match tree.read(&entry.path, FILE_MAX) {
                Ok(bytes) => bytes,
                Err(error @ TreeError::TooLarge { .. }) => {
                    ledger.broken.insert(name, error.to_string());
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let parsed = String::from_utf8(bytes)
                .map_err(|error| format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
                .and_then(|text| Ok((text::parse(&text)?, text)))
                .map(|(events, text)| ImageTags::of(text, events));
            match parsed {
                Ok(image) => drop(ledger.images.insert(name, image)),
                Err(why) => drop(ledger.broken.insert(name, format!("`{}`, {why}", entry.path))),
            }
        }
        Ok(ledger)
    }

    /// Returns the files that have to be written for the ledger to have `news`: paths and contents. Everything that is not
    /// there yet where the branch `is_new`.
    pub fn files(&self, news: &BTreeMap<String, Vec<TagEvent>>, is_new: bool) -> Vec<(String, Vec<u8>)> {
        let known = |name: &String| Some((name.clone(), self.images.get(name)?.clone()));
        let mut after = Self { images: news.keys().filter_map(known).collect(), ..Self::default() };
        after.add(news.clone());
        let mut files: Vec<(String, Vec<u8>)> =
            after.images.into_iter().map(|(name, image)| (path(&name), image.text.into_bytes())).collect();
        if is_new {
            files.push((README_FILE.to_owned(), README.as_bytes().to_vec()));
            files.push((VERSION_FILE.to_owned(), format!("{VERSION}\n").into_bytes()));
        }
        files
    }
}

fn check_version(tree: &impl Tree) -> Result<(), LedgerError> {
    let bytes = match tree.read(VERSION_FILE, VERSION_MAX) {
        Ok(bytes) => bytes,
        Err(TreeError::NotFound { .. }) => return Err(LedgerError::Other),
        Err(TreeError::TooLarge { .. } | TreeError::Symlink { .. }) => return Err(LedgerError::Malformed),
        Err(error) => return Err(error.into()),
    };
    let number = str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok());
    match number {
        Some(VERSION) => Ok(()),
        Some(newer) if newer > VERSION => Err(LedgerError::Newer(newer)),
        _ => Err(LedgerError::Malformed),
    }
}

/// Returns the path of an image's file.
fn path(image: &str) -> String {
    let (registry, repository) = image.split_once('/').unwrap_or((image, ""));
    let (registry, repository) = (registry.replace(':', "+"), repository.replace('/', "+"));
    format!("{DIRECTORY}{registry}/{repository}{SUFFIX}")
}

/// Returns the image whose file is at `path`; `None` where that is not a path of ours.
fn image(path: &str) -> Option<String> {
    let (registry, repository) = path.strip_prefix(DIRECTORY)?.strip_suffix(SUFFIX)?.split_once('/')?;
    let name = format!("{}/{}", registry.replace('+', ":"), repository.replace('+', "/"));
    let reference = Reference::parse(&name).ok()?;
    let normalised = format!("{}/{}", reference.registry(), reference.repository());
    (normalised == name && self::path(&name) == path && reference.name() == name).then_some(name)
}
