//! The settings that judge a change: those of its base, and what they name (DESIGN.md, invariant 10).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::baseline;
use super::diff_base::DiffBase;
use crate::check::EditedSettings;
use crate::check::baseline::Baseline;
use crate::commands::args::{CheckArgs, Globals};
use crate::commands::failure::Failure;
use crate::config::{self, Config, ConfigError, Variables, discover};
use crate::source::tree::TreeError;

type Loaded = (Config, Option<Baseline>, Vec<EditedSettings>, Option<TempDir>);

/// The files of the base that decide. Every file below the root that is asked for is one of them, and a change that edits it is
/// a finding.
pub(super) struct BaseSettings<'b, B, E, N> {
    place: &'b DiffBase,
    /// Returns the bytes of the base, `None` where it has no such file; a link on the way is an error.
    base: B,
    /// Returns whether the change edits the file at a path.
    is_edited: E,
    /// Returns what a file has now.
    now: N,
    named: RefCell<BTreeSet<String>>,
}

const SETTINGS: &str = "the settings of the gate";

impl<'b, B, E, N> BaseSettings<'b, B, E, N>
where
    B: Fn(&str) -> Result<Option<Vec<u8>>, TreeError>,
    E: Fn(&str) -> bool,
    N: Fn(&str) -> Vec<Vec<u8>>,
{
    pub(super) fn new(place: &'b DiffBase, base: B, is_edited: E, now: N) -> Self {
        Self { place, base, is_edited, now, named: RefCell::default() }
    }

    /// Returns the settings and the baseline of the base, what of them the change edits, and the directory where files are that
    /// only a registry's client reads.
    ///
    /// # Errors
    /// A file of the settings is wrong, is not in the base, or is reached through a link of the repository.
    pub(super) fn load(
        &self,
        args: &CheckArgs,
        globals: &Globals,
        environment: &Variables,
    ) -> Result<Loaded, Failure> {
        let mut config = self.config(globals, environment)?;
        let files = self.registry_files(&mut config, args.online || args.fix)?;
        let mut edited = Vec::new();
        let named = self.named.borrow();
        for path in named.iter().filter(|path| (self.is_edited)(path)) {
            edited.push(EditedSettings {
                broken: self.broken(path, globals, environment),
                ..self.edited(path, SETTINGS)
            });
        }
        drop(named);
        let baseline = match &args.baseline {
            Some(file) => Some(self.baseline(file, &mut edited)?),
            None => None,
        };
        Ok((config, baseline, edited, files))
    }

    /// Returns why a file of settings cannot be read as the change has it; nothing of files that settings name.
    fn broken(&self, below: &str, globals: &Globals, environment: &Variables) -> Option<String> {
        let named = globals.config.as_deref().or(environment.config.as_deref());
        let is_given = named.and_then(|path| self.place.below_root(path)).is_some_and(|path| path == below);
        let beside = |path: &str| (self.now)(path).pop();
        let read = |bytes: &Vec<u8>| match is_given {
            true => Config::parse(below, Path::new("."), bytes),
            false => Config::default().narrowed(below, bytes, beside),
        };
        let is_one = is_given || config::NAMES.contains(&below);
        let error = (self.now)(below).iter().filter(|_| is_one).find_map(|bytes| read(bytes).err())?;
        error.to_string().lines().next().map(str::to_owned)
    }

    fn config(&self, globals: &Globals, environment: &Variables) -> Result<Config, Failure> {
        let named = globals.config.as_deref().or(environment.config.as_deref());
        let below = named.and_then(|path| self.place.below_root(path));
        let config = match (named, &below) {
            (None, _) => Config::load(None, environment)?,
            // A file that nobody has reviewed yet says nothing.
            (Some(path), Some(below)) if self.file(path, below)?.is_none() => Config::default(),
            (Some(path), _) => Config::load_with(Some(path), environment, |path| self.read(path))?,
        };
        let mut found = Vec::new();
        for name in config::NAMES {
            if self.file(Path::new(name), name)?.is_some() {
                found.push(name);
            }
        }
        let Some(found) = discover(found) else { return Ok(config) };
        let bytes = self.file(Path::new(found.path), found.path)?.unwrap_or_default();
        let failed = RefCell::new(None);
        let beside = |path: &str| {
            self.file(Path::new(path), path).unwrap_or_else(|error| {
                failed.replace(Some(error));
                None
            })
        };
        let narrowed = config.narrowed(found.path, &bytes, beside);
        match failed.into_inner() {
            Some(error) => Err(error.into()),
            None => Ok(narrowed?),
        }
    }

    /// Returns the bytes of a file that the settings name: those of the base where it lies in the repository.
    fn read(&self, path: &Path) -> Result<Vec<u8>, ConfigError> {
        let Some(below) = self.place.below_root(path) else { return config::read(path) };
        self.file(path, &below)?.ok_or_else(|| {
            let hint = "commit it first, or name a file outside of the repository";
            ConfigError::of_file(&path.display().to_string(), "it is not in the base of the change", hint)
        })
    }

    fn file(&self, path: &Path, below: &str) -> Result<Option<Vec<u8>>, ConfigError> {
        self.named.borrow_mut().insert(below.to_owned());
        (self.base)(below).map_err(|error| refused(path, &error))
    }

    /// Puts the files of the base that only the client of the registries reads where it finds them.
    fn registry_files(&self, config: &mut Config, are_read: bool) -> Result<Option<TempDir>, Failure> {
        let mut directory = None;
        for (index, path) in config.registry_files().into_iter().enumerate() {
            let Some(below) = self.place.below_root(path) else { continue };
            self.named.borrow_mut().insert(below);
            if !are_read {
                continue;
            }
            let bytes = self.read(path)?;
            let directory = match &directory {
                Some(directory) => directory,
                None => directory.insert(tempfile::tempdir()?),
            };
            let folder = directory.path().join(index.to_string());
            fs_err::create_dir(&folder)?;
            let copy = folder.join(path.file_name().map_or_else(PathBuf::new, PathBuf::from));
            fs_err::write(&copy, bytes)?;
            *path = copy;
        }
        Ok(directory)
    }

    /// Returns the baseline from before the change; notes where the change adds to it.
    fn baseline(&self, file: &Path, edited: &mut Vec<EditedSettings>) -> Result<Baseline, Failure> {
        let Some(below) = self.place.below_root(file) else { return baseline::load(file) };
        let then = (self.base)(&below).map_err(|error| refused(file, &error))?;
        let now = (self.now)(&below);
        let then = match then {
            Some(bytes) => baseline::parse(file, &bytes)?,
            None if now.is_empty() => return Err(baseline::not_there(file)),
            None => Baseline::default(),
        };
        let adds = |bytes: &Vec<u8>| baseline::parse(file, bytes).map(|now| now.more_than(&then) > 0);
        let adds = now.iter().map(adds).collect::<Result<Vec<bool>, Failure>>()?;
        if adds.contains(&true) {
            edited.push(self.edited(&below, "the baseline"));
        }
        Ok(then)
    }

    fn edited(&self, below: &str, what: &'static str) -> EditedSettings {
        EditedSettings { file: self.place.shown(below), root_path: below.to_owned(), what, broken: None }
    }
}

fn refused(path: &Path, error: &TreeError) -> ConfigError {
    let hint = match error {
        TreeError::Symlink { .. } | TreeError::Submodule { .. } => {
            "what judges a change is read from its base, and no link is followed to it: name the file itself, or one outside of \
             the repository"
        }
        _ => "what judges a change is read from its base",
    };
    ConfigError::of_file(&path.display().to_string(), error.to_string(), hint)
}
