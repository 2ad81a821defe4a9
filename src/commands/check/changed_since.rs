//! What a change is judged by: the files, the settings and the baseline from before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use similar::TextDiff;

use super::baseline;
use crate::check::baseline::Baseline;
use crate::check::{Base, EditedSettings};
use crate::commands::args::{CheckArgs, Globals};
use crate::commands::failure::Failure;
use crate::commands::work_tree_root;
use crate::config::{self, Config, Variables, discover};
use crate::manifest::inventory::Inventory;
use crate::manifest::{SIZE_MAX, is_candidate};
use crate::plan::pin;
use crate::source::git::RevisionError;
use crate::source::tree::{
    CommitTree, DirectoryTree, PATCH_MAX, PatchError, PatchedTree, Selection, Tree, TreeError,
};

/// How long the lines of a file are compared; what is not compared by then counts as changed.
const DIFF_TIME_MAX: Duration = Duration::from_secs(2);

/// Everything from before a change.
pub(super) struct Before {
    pub(super) config: Config,
    pub(super) baseline: Option<Baseline>,
    inventory: Inventory,
    edited: Vec<EditedSettings>,
    /// The files that the change touches, and the lines of theirs, from 1.
    touched: BTreeMap<String, Vec<Range<usize>>>,
}

impl Before {
    /// Returns what was there in the revision, or before the patch, that `args` name.
    ///
    /// # Errors
    /// There is no such revision, the patch does not fit, or the settings of that time are wrong.
    pub(super) fn new(
        args: &CheckArgs,
        globals: &Globals,
        environment: &Variables,
        now: &DirectoryTree,
    ) -> Result<Self, Failure> {
        let place = DiffBase::here(args)?;
        match (&args.changed_since, &args.diff) {
            (Some(revision), _) => {
                let tree = CommitTree::of_revision(&place.root, revision).map_err(no_revision)?;
                let read = |path: &str| tree.read(path, SIZE_MAX).ok();
                Self::of(&tree, read, &place, args, globals, environment, now)
            }
            (None, Some(file)) => {
                let patch = read_patch(file)?;
                let tree = PatchedTree::new(now, &patch, |path| place.read(path))
                    .map_err(|error| no_patch(file, &error))?;
                let read = |path: &str| match tree.before(path) {
                    Some(bytes) => bytes.map(<[u8]>::to_vec),
                    None => place.read(path),
                };
                Self::of(&tree, read, &place, args, globals, environment, now)
            }
            (None, None) => Err(anyhow::anyhow!("there is no change to judge").into()),
        }
    }

    fn of<T: Tree>(
        tree: &T,
        read: impl Fn(&str) -> Option<Vec<u8>>,
        place: &DiffBase,
        args: &CheckArgs,
        globals: &Globals,
        environment: &Variables,
        now: &DirectoryTree,
    ) -> Result<Self, Failure> {
        let mut edited = Vec::new();
        let config = place.config(globals, environment, &read, &mut edited)?;
        let baseline = match &args.baseline {
            Some(file) => Some(place.baseline(file, &read, &mut edited)?),
            None => None,
        };
        let selection = Selection::new(tree, place.selected.iter().cloned());
        let inventory = pin::take_inventory(&selection, &config.settings).map_err(anyhow::Error::new)?;
        let touched = touched(now, &read).map_err(anyhow::Error::new)?;
        Ok(Self { config, baseline, inventory, edited, touched })
    }

    pub(super) fn base(&self) -> Base<'_> {
        Base { inventory: &self.inventory, edited: &self.edited, touched: &self.touched }
    }

    /// Returns the sites of `now`, by their index, that were there before: as many of an image in a file as there were.
    pub(super) fn has(&self, now: &Inventory) -> HashSet<usize> {
        let mut left: HashMap<(&str, &str), usize> = HashMap::new();
        for (file, located) in self.inventory.sites() {
            *left.entry((file.root_path.as_str(), located.site.image.as_str())).or_default() += 1;
        }
        let mut old = HashSet::new();
        for (index, (file, located)) in now.sites().enumerate() {
            let key = (file.root_path.as_str(), located.site.image.as_str());
            if let Some(left) = left.get_mut(&key).filter(|left| **left > 0) {
                *left -= 1;
                old.insert(index);
            }
        }
        old
    }

    /// Tells whether the change touches a file.
    pub(super) fn touches(&self, root_path: &str) -> bool {
        self.touched.contains_key(root_path)
    }
}

/// Where the command runs.
struct DiffBase {
    /// The root of the git work tree.
    root: PathBuf,
    directory: PathBuf,
    /// The paths of the command line below the root.
    selected: Vec<String>,
}

impl DiffBase {
    fn here(args: &CheckArgs) -> Result<Self, Failure> {
        let directory = fs_err::canonicalize(std::env::current_dir()?)?;
        let root = work_tree_root(&directory);
        let mut place = Self { root, directory, selected: Vec::new() };
        let here = [PathBuf::from(".")];
        let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
        // What lies elsewhere was never part of the repository.
        place.selected = paths.iter().filter_map(|path| place.below_root(path)).collect();
        Ok(place)
    }

    /// Returns the path of a file or directory below the root; `None` where it is not below.
    fn below_root(&self, path: &Path) -> Option<String> {
        let full = self.directory.join(path);
        let full = match fs_err::canonicalize(&full) {
            Ok(full) => full,
            // It was there before the change, perhaps.
            Err(_) => fs_err::canonicalize(full.parent()?).ok()?.join(full.file_name()?),
        };
        let below = full.strip_prefix(&self.root).ok()?;
        let segments: Option<Vec<&str>> = below.iter().map(|segment| segment.to_str()).collect();
        Some(segments?.join("/"))
    }

    /// Returns the bytes that a file below the root has now.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let plain = path.split('/').all(|segment| !matches!(segment, "" | "." | ".." | ".git"));
        let full = self.root.join(path);
        let is_file = plain && fs_err::symlink_metadata(&full).is_ok_and(|metadata| metadata.is_file());
        // A link on the way leads out of what the patch is about.
        let inside = fs_err::canonicalize(&full).is_ok_and(|real| real == full);
        (is_file && inside).then(|| fs_err::read(full).ok()).flatten()
    }

    /// Returns the settings from before the change; notes where the change edits them.
    fn config(
        &self,
        globals: &Globals,
        environment: &Variables,
        before: &impl Fn(&str) -> Option<Vec<u8>>,
        edited: &mut Vec<EditedSettings>,
    ) -> Result<Config, Failure> {
        let named = globals.config.as_deref().or(environment.config.as_deref());
        let config = match named.and_then(|path| Some((path, self.below_root(path)?))) {
            None => Config::load(globals.config.as_deref(), environment)?,
            Some((path, below)) => {
                let bytes = before(&below);
                if bytes != self.read(&below) {
                    edited.push(self.edited(&below, "the settings of the gate"));
                }
                let base = self.root.join(&below);
                let base = base.parent().unwrap_or(&self.root);
                match bytes {
                    Some(bytes) => Config::parse(&path.display().to_string(), base, &bytes)?,
                    // A file that nobody has reviewed yet says nothing.
                    None => Config::default(),
                }
            }
        };
        let named = named.and_then(|path| self.below_root(path));
        for name in config::NAMES.into_iter().filter(|name| named.as_deref() != Some(*name)) {
            if before(name) != self.read(name) {
                edited.push(self.edited(name, "the settings of the gate"));
            }
        }
        let names = config::NAMES.into_iter().filter(|name| before(name).is_some());
        let Some(found) = discover(names) else { return Ok(config) };
        Ok(config.narrowed(found.path, &before(found.path).unwrap_or_default(), before)?)
    }

    /// Returns the baseline from before the change; notes where the change adds to it.
    fn baseline(
        &self,
        file: &Path,
        before: &impl Fn(&str) -> Option<Vec<u8>>,
        edited: &mut Vec<EditedSettings>,
    ) -> Result<Baseline, Failure> {
        let Some(below) = self.below_root(file) else { return baseline::load(file) };
        let now = match self.read(&below) {
            Some(bytes) => Some(baseline::parse(file, &bytes)?),
            None => None,
        };
        let then = match before(&below) {
            Some(bytes) => baseline::parse(file, &bytes)?,
            None if now.is_none() => return baseline::load(file),
            None => Baseline::default(),
        };
        if now.is_some_and(|now| now.more_than(&then) > 0) {
            edited.push(self.edited(&below, "the baseline"));
        }
        Ok(then)
    }

    fn edited(&self, below: &str, what: &'static str) -> EditedSettings {
        let full = self.root.join(below);
        let file = full
            .strip_prefix(&self.directory)
            .map_or_else(|_| full.display().to_string(), |path| path.display().to_string());
        EditedSettings { file, root_path: below.to_owned(), what }
    }
}

/// Returns the files that differ from what `before` says, and the lines that do.
fn touched(
    now: &DirectoryTree,
    before: &impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<BTreeMap<String, Vec<Range<usize>>>, TreeError> {
    let mut touched = BTreeMap::new();
    for entry in now.entries()? {
        if !is_candidate(&entry.path) && !now.is_named(&entry.path) {
            continue;
        }
        let root_path = now.root_path(&entry.path);
        let Ok(bytes) = now.read(&entry.path, SIZE_MAX) else { continue };
        match before(&root_path) {
            Some(then) if then == bytes => {}
            Some(then) => drop(touched.insert(root_path, lines_touched(&then, &bytes))),
            None => drop(touched.insert(root_path, std::iter::once(1..usize::MAX).collect())),
        }
    }
    Ok(touched)
}

fn lines_touched(before: &[u8], now: &[u8]) -> Vec<Range<usize>> {
    let (before, now) = (String::from_utf8_lossy(before), String::from_utf8_lossy(now));
    let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_lines(before.as_ref(), now.as_ref());
    let changes = diff.ops().iter().filter(|op| op.tag() != similar::DiffTag::Equal);
    changes.map(|op| op.new_range().start + 1..op.new_range().end + 1).collect()
}

fn read_patch(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut patch = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(PATCH_MAX + 1).read_to_end(&mut patch)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(PATCH_MAX + 1).read_to_end(&mut patch))
    };
    let file = file.display();
    read.map_err(|error| {
        let hint = "give a file with the output of `git diff`, or `-` for standard input";
        Failure::usage(format!("the patch `{file}` cannot be read: {error}"), hint)
    })?;
    if patch.len() as u64 > PATCH_MAX {
        let message = format!("the patch `{file}` is larger than the {PATCH_MAX} bytes that tagpin reads");
        return Err(Failure::usage(message, "`--changed-since` has no such limit"));
    }
    Ok(patch)
}

fn no_patch(file: &Path, error: &PatchError) -> Failure {
    let hint = match error {
        PatchError::Malformed(_) | PatchError::Empty => "give the output of `git diff` as it is",
        _ => "check out the commit that the patch leads to, or use `--changed-since`",
    };
    Failure::usage(format!("the patch `{}` cannot be used: {error}", file.display()), hint)
}

fn no_revision(error: RevisionError) -> Failure {
    let hint = match &error {
        RevisionError::NoRepository => "run it inside of a git checkout, or use `--diff`",
        RevisionError::NoCommit(_) => {
            "fetch it first; in a GitHub Action, actions/checkout with `fetch-depth: 0` does"
        }
        RevisionError::Git(_) => return anyhow::Error::new(error).into(),
    };
    Failure::usage(error.to_string(), hint)
}
