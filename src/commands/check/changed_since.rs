//! What a change is judged by: the files, the settings and the baseline from before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use similar::TextDiff;

use super::super::input::{self, Input};
use super::base_settings::BaseSettings;
use super::diff_base::DiffBase;
use super::looks_away::{self, UnfollowedPath};
use super::mentioned::{self, Trees};
use super::renamed::renamed;
use crate::check::baseline::Baseline;
use crate::check::{self, Base, EditedSettings};
use crate::commands::args::{CheckArgs, Globals};
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::manifest::inventory::Inventory;
use crate::manifest::mentions::{self, Mentions, PinnedNames};
use crate::manifest::site::{Skip, State};
use crate::manifest::{SIZE_MAX, is_judged};
use crate::source::git::RevisionError;
use crate::source::tree::{
    CommitTree, Comparison, DirectoryTree, HeadTree, PATCH_MAX, PatchError, PatchedTree, Selection, Tree,
    TreeError,
};

/// How long the lines of a file are compared; what is not compared by then counts as changed.
const DIFF_TIME_MAX: Duration = Duration::from_secs(2);

/// Everything from before a change.
pub(super) struct Before {
    pub(super) config: Config,
    pub(super) baseline: Option<Baseline>,
    /// What is to be said about the comparison.
    pub(super) notes: Vec<String>,
    comparison: Option<Comparison>,
    /// The patch, where one leads to the files on disk.
    patch: Option<Vec<u8>>,
    place: DiffBase,
    inventory: Inventory,
    edited: Vec<EditedSettings>,
    /// The files that the change touches, and the lines of theirs, from 1.
    touched: BTreeMap<String, Vec<Range<usize>>>,
    renamed: BTreeMap<String, String>,
    /// Every path below the root that is there now.
    there: HashSet<String>,
    looks_away: Vec<UnfollowedPath>,
    mentions: Vec<Mentions>,
    pinned_names: PinnedNames,
    /// The files of the base that the settings name; they live as long as this does.
    _files: Option<tempfile::TempDir>,
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
                let comparison = CommitTree::of_comparison(&place.root, revision).map_err(no_revision)?;
                Self::of_commits(comparison, revision, place, args, globals, environment, now)
            }
            (None, Some(file)) => {
                Self::of_patch(read_patch(file)?, file, place, args, globals, environment, now)
            }
            (None, None) => Err(anyhow::anyhow!("there is no change to judge").into()),
        }
    }

    /// Returns what was there before the same change, since this run wrote files: `written` has the bytes that these had.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub(super) fn after_fix(
        self,
        args: &CheckArgs,
        globals: &Globals,
        environment: &Variables,
        now: &DirectoryTree,
        written: &HashMap<String, Vec<u8>>,
    ) -> Result<Self, Failure> {
        let place = DiffBase { written: written.clone(), ..self.place };
        match (self.comparison, self.patch) {
            (Some(comparison), _) => {
                let revision = args.changed_since.as_deref().unwrap_or_default();
                Self::of_commits(comparison, revision, place, args, globals, environment, now)
            }
            (None, Some(patch)) => {
                let file = args.diff.as_deref().unwrap_or(Path::new("-"));
                Self::of_patch(patch, file, place, args, globals, environment, now)
            }
            (None, None) => Err(anyhow::anyhow!("there is no change to judge").into()),
        }
    }

    fn of_commits(
        comparison: Comparison,
        revision: &str,
        place: DiffBase,
        args: &CheckArgs,
        globals: &Globals,
        environment: &Variables,
        now: &DirectoryTree,
    ) -> Result<Self, Failure> {
        let Comparison { base, settings, head, has_common_ancestor } = &comparison;
        let deciding = settings.as_ref().unwrap_or(base);
        let on_disk = |path: &str| place.read(path);
        let settings = BaseSettings::new(
            &place,
            |path| deciding.file(path, SIZE_MAX),
            |path| {
                let committed = head.file(path, SIZE_MAX).ok().flatten();
                base.object(path) != head.object(path) || on_disk(path) != committed
            },
            |path| [head.file(path, SIZE_MAX).ok().flatten(), on_disk(path)].into_iter().flatten().collect(),
        );
        let (config, baseline, edited, files) = settings.load(args, globals, environment)?;
        let tree = place.head(&comparison, now)?;
        let selection = Selection::new(base, place.selected.iter().cloned());
        let inventory = check::take_inventory(&selection, &config.settings).map_err(anyhow::Error::new)?;
        let is_touched = |path: &str, root_path: &str| {
            tree.is_on_disk(path) || base.object(root_path) != head.object(root_path)
        };
        let then = |path: &str| base.file(path, SIZE_MAX).ok().flatten();
        let mut touched = touched(&tree, is_touched, then).map_err(anyhow::Error::new)?;
        let old: HashSet<&str> = base.problems().iter().map(TreeError::path).collect();
        let new = head.problems_since(base);
        for problem in tree.problems() {
            let is_old = |path: &&str| place.shown(path) == problem.path();
            if !old.iter().any(is_old) || new.iter().any(is_old) {
                touched.insert(problem.path().to_owned(), Vec::new());
            }
        }
        let there = tree.root_paths();
        let renamed = renamed(base, &tree, &there, |path| base.object(path).is_none())?;
        let reads = |path: &str| config.settings.policy.reads(path);
        let looks_away = looks_away::of_commits(base, head, &place, reads);
        let then = |path: &str| then(renamed.get(path).map_or(path, String::as_str));
        let (mentions, pinned_names) = mentioned::by_change(
            &Trees { base, now: &tree, there: &there, renamed: &renamed },
            &config.settings,
            &edited,
            is_touched,
            then,
        )
        .map_err(anyhow::Error::new)?;
        let mut notes = Vec::new();
        if !has_common_ancestor {
            notes.push(format!(
                "`{revision}` and HEAD have no common ancestor here: HEAD is compared with `{revision}` itself (fetch the whole \
                 history, as with `fetch-depth: 0`)"
            ));
        }
        Ok(Self {
            config,
            baseline,
            notes,
            inventory,
            edited,
            touched,
            renamed,
            there,
            looks_away,
            mentions,
            pinned_names,
            comparison: Some(comparison),
            patch: None,
            place,
            _files: files,
        })
    }

    fn of_patch(
        patch: Vec<u8>,
        file: &Path,
        place: DiffBase,
        args: &CheckArgs,
        globals: &Globals,
        environment: &Variables,
        now: &DirectoryTree,
    ) -> Result<Self, Failure> {
        // It leads to the files as they were before this run wrote some.
        let then = |path: &str| place.written.get(path).cloned().or_else(|| place.read(path));
        let tree = PatchedTree::new(now, &patch, then).map_err(|error| no_patch(file, &error, &patch))?;
        let settings = BaseSettings::new(
            &place,
            |path| tree.file_before(path, |path| place.file(path)),
            |path| tree.before(path).is_some() || tree.links().contains_key(path),
            |path| place.read(path).into_iter().collect(),
        );
        let (config, baseline, edited, files) = settings.load(args, globals, environment)?;
        let selection = Selection::new(&tree, place.selected.iter().cloned());
        let inventory = check::take_inventory(&selection, &config.settings).map_err(anyhow::Error::new)?;
        let then = |path: &str| tree.before(path).flatten().map(<[u8]>::to_vec);
        let mut touched = touched(now, |_, root_path| tree.before(root_path).is_some(), then)
            .map_err(anyhow::Error::new)?;
        for path in tree.unnamed() {
            touched.insert(path.clone(), Vec::new());
        }
        let entries = now.entries().map_err(anyhow::Error::new)?;
        let there: HashSet<String> = entries.iter().map(|entry| now.root_path(&entry.path)).collect();
        let is_new = |path: &str| matches!(tree.before(path), Some(None));
        let renamed = renamed(&tree, now, &there, is_new)?;
        let reads = |path: &str| config.settings.policy.reads(path);
        let looks_away = looks_away::of_patch(&tree, now, &place, reads);
        let then = |path: &str| then(renamed.get(path).map_or(path, String::as_str));
        let is_touched = |_: &str, root_path: &str| tree.before(root_path).is_some();
        let (mentions, pinned_names) = mentioned::by_change(
            &Trees { base: &tree, now, there: &there, renamed: &renamed },
            &config.settings,
            &edited,
            is_touched,
            then,
        )
        .map_err(anyhow::Error::new)?;
        Ok(Self {
            config,
            baseline,
            notes: Vec::new(),
            comparison: None,
            patch: Some(patch),
            place,
            inventory,
            edited,
            touched,
            renamed,
            there,
            looks_away,
            mentions,
            pinned_names,
            _files: files,
        })
    }

    pub(super) fn base(&self) -> Base<'_> {
        Base {
            inventory: &self.inventory,
            edited: &self.edited,
            touched: &self.touched,
            renamed: &self.renamed,
            there: &self.there,
        }
    }

    /// Returns the files that are judged: those of the commit that is checked out, with what is not committed; `None` where
    /// a patch led to the files on disk.
    ///
    /// # Errors
    /// The files cannot be listed.
    pub(super) fn head<'t>(&'t self, work: &'t DirectoryTree) -> Result<Option<HeadTree<'t>>, Failure> {
        let Some(comparison) = &self.comparison else { return Ok(None) };
        self.place.head(comparison, work).map(Some)
    }

    /// Adds the links and submodules of the change to what could not be read, and what it mentions and nobody judges.
    pub(super) fn add_looks_away(&self, inventory: &mut Inventory) {
        for unfollowed in &self.looks_away {
            unfollowed.add_to(inventory);
        }
        mentions::add_looks_away(inventory, &self.mentions, &self.pinned_names);
    }

    /// Returns whether the change makes tagpin look away from what reports call `path`.
    pub(super) fn looks_away_from(&self, path: &str) -> bool {
        self.looks_away.iter().any(|unfollowed| unfollowed.path == path)
    }

    /// Returns the sites of `now`, by their index, that were there before: as many of an image in a file as there were.
    pub(super) fn has(&self, now: &Inventory) -> HashSet<usize> {
        let is_ignored = |state: State| state == State::Skipped(Skip::Ignored);
        let mut left: HashMap<(&str, &str, bool), usize> = HashMap::new();
        for (file, located) in self.inventory.sites() {
            let key = (file.root_path.as_str(), located.site.image.as_str(), is_ignored(located.site.state));
            *left.entry(key).or_default() += 1;
        }
        let mut old = HashSet::new();
        for (index, (file, located)) in now.sites().enumerate() {
            let name = self.renamed.get(&file.root_path).unwrap_or(&file.root_path);
            let key = (name.as_str(), located.site.image.as_str(), is_ignored(located.site.state));
            if let Some(left) = left.get_mut(&key).filter(|left| **left > 0) {
                *left -= 1;
                old.insert(index);
            }
        }
        old
    }

    /// Returns whether the change touches a file.
    pub(super) fn touches(&self, root_path: &str) -> bool {
        self.touched.contains_key(root_path)
    }
}

/// Returns the files of `now` that the change touches, and the lines of theirs that do; `then` returns the bytes of before.
fn touched<T: Tree>(
    now: &T,
    is_touched: impl Fn(&str, &str) -> bool,
    then: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<BTreeMap<String, Vec<Range<usize>>>, TreeError> {
    let mut touched: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
    for entry in now.entries()? {
        let root_path = now.root_path(&entry.path);
        let is_read = is_judged(&root_path) || now.is_named(&entry.path);
        if !is_read || !is_touched(&entry.path, &root_path) {
            continue;
        }
        let lines = match (then(&root_path), now.read(&entry.path, SIZE_MAX)) {
            (Some(then), Ok(bytes)) if then == bytes => continue,
            (Some(then), Ok(bytes)) => lines_touched(&then, &bytes),
            _ => std::iter::once(1..usize::MAX).collect(),
        };
        touched.entry(root_path).or_default().extend(lines);
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
    let hint = "give a file with the output of `git diff`, or pipe it in: `git diff --staged | tagpin check --diff -`";
    let split = "`--changed-since` has no such limit";
    input::read(file, &Input { what: "changes", max: PATCH_MAX, hint, split })
}

fn no_patch(file: &Path, error: &PatchError, patch: &[u8]) -> Failure {
    let has_prefixes = || {
        let mut lines = patch.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"+++ "));
        lines.all(|name| name.starts_with(b"b/") || name.starts_with(b"\"b/") || name == b"/dev/null")
    };
    let hint = match error {
        _ if !has_prefixes() => {
            "its names have no `a/` and `b/` before them: `git diff --default-prefix` writes them, whatever `diff.noprefix` says"
        }
        PatchError::Malformed(_) | PatchError::Empty => "give the output of `git diff` as it is",
        _ => "check out the commit that the patch leads to, or use `--changed-since`",
    };
    Failure::usage(format!("the patch `{}` cannot be used: {error}", file.display()), hint)
}

fn no_revision(error: RevisionError) -> Failure {
    let hint = match &error {
        RevisionError::NoRepository => "run it inside of a git checkout, or use `--diff`",
        RevisionError::NoCommit(name) if name == "HEAD" => "commit something first",
        RevisionError::NoCommit(_) => {
            "fetch it first; in a GitHub Action, actions/checkout with `fetch-depth: 0` does"
        }
        RevisionError::Git(_) => return anyhow::Error::new(error).into(),
    };
    Failure::usage(error.to_string(), hint)
}
