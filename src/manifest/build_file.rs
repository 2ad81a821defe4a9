//! What a Dockerfile makes of the arguments that a build gives it.

use std::collections::{BTreeMap, BTreeSet};

use super::rare::Blank;

/// The arguments of a Dockerfile that a `FROM` uses, and its stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildFile {
    /// What each argument is there.
    pub arguments: BTreeMap<String, ArgumentUse>,
    /// The names of the stages, in lower case.
    pub stages: BTreeSet<String>,
}

impl Blank for BuildFile {
    const BLANK: &'static Self = &Self { arguments: BTreeMap::new(), stages: BTreeSet::new() };
}

impl BuildFile {
    /// Adds what another part of the file says.
    pub(super) fn add(&mut self, other: Self) {
        self.arguments.extend(other.arguments);
        self.stages.extend(other.stages);
    }
}

/// What an argument is in a `FROM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentUse {
    /// The image.
    Image,
    /// The tag behind this text.
    Tag(String),
    /// A part of this text.
    Part(String),
}

/// An argument that a build gives to its Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BuildArgument {
    /// The directory of the build, as it is written; `None` where that is not known.
    pub context: Option<String>,
    /// The Dockerfile, as it is written; `None` where that is not known.
    pub file: Option<String>,
    /// What the argument is called.
    pub name: String,
    /// What stands before its value in the scalar.
    pub prefix: String,
}
