//! The environments of a repository: which paths are deployed together. Pure.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::platform::Platform;
use crate::policy::globs::Globs;
use crate::policy::scoped_list::{Scoped, ScopedList};

/// A part of the repositories that is deployed together: staging, production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// What people call it; no two have the same.
    pub name: String,
    /// The files below the root of the repository that it is made of.
    pub paths: Globs,
    /// Whether each pattern of `paths` is a copy of the others, which runs the same images.
    pub equal: bool,
    /// The environment from which alone images are promoted into this one; any where it is `None`.
    pub after: Option<String>,
    /// What it runs: a digest that lacks one of them is not promoted into it. Empty where nothing is demanded.
    pub platforms: Vec<Platform>,
    /// The images that may be promoted into it, by registry and repository, normalised or as spelled; every image where
    /// it is `None`.
    pub registries: Option<Globs>,
    /// How images are promoted into it.
    pub promotion: PromotionSettings,
}

impl Environment {
    /// Returns the environment with these paths.
    pub fn new(name: impl Into<String>, paths: Globs, equal: bool) -> Self {
        Self {
            name: name.into(),
            paths,
            equal,
            after: None,
            platforms: Vec::new(),
            registries: None,
            promotion: PromotionSettings::default(),
        }
    }

    /// Returns the patterns whose index is not among those that are `there`.
    pub fn empty_copies(&self, there: &BTreeSet<usize>) -> impl Iterator<Item = &str> {
        let patterns = self.paths.patterns().iter().enumerate();
        patterns.filter(|(index, _)| !there.contains(index)).map(|(_, pattern)| pattern.as_str())
    }

    /// Returns the indices of the patterns that have the file at `path`.
    pub fn copies_of(&self, path: &str) -> Vec<usize> {
        self.paths.positions(path)
    }

    /// Returns the index of the first pattern that has the file at `path`.
    pub fn copy_of(&self, path: &str) -> Option<usize> {
        self.copies_of(path).into_iter().min()
    }
}

impl Scoped for Environment {
    fn paths(&self) -> Option<&Globs> {
        Some(&self.paths)
    }

    fn images(&self) -> Option<&Globs> {
        None
    }
}

/// How images are promoted into an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromotionSettings {
    /// Who begins it.
    pub by: PromotedBy,
    /// How long a digest must have been in the environment before; zero where it may come at once.
    pub soak: SignedDuration,
    /// Whether the others are promoted where an image is refused.
    pub partial: bool,
}

/// Who begins a promotion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PromotedBy {
    /// A person, with `tagpin promote`.
    #[default]
    Hand,
    /// `tagpin run`, with a pull request.
    PullRequest,
}

impl Environment {
    /// Returns the environment that `tagpin run` promotes images from into this one, where it does.
    pub fn promoted_from(&self) -> Option<&str> {
        self.after.as_deref().filter(|_| self.promotion.by == PromotedBy::PullRequest)
    }
}

/// Returns the first of `environments` that the file at `path` belongs to.
pub fn of_path<'e>(environments: &'e ScopedList<Environment>, path: &str) -> Option<&'e Environment> {
    environments.matching(path, &[]).next()
}
