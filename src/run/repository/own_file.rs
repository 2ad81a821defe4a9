//! The configuration file that a repository carries: it can only narrow.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{self, Config};
use crate::manifest::SIZE_MAX;
use crate::registry::verify::FILE_MAX;
use crate::run::RunError;
use crate::source::tree::{CommitTree, Tree as _};

/// The configuration file that a repository carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OwnFile {
    /// Its path.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// The files with public keys that it names, by their paths.
    #[serde(default)]
    pub(crate) keys: BTreeMap<String, Vec<u8>>,
    /// What is to be said where there are two.
    pub(crate) warning: Option<String>,
}

/// Returns `config` narrowed by the repository's own file, and that file.
///
/// # Errors
/// The files cannot be listed or read, or the file is refused.
pub(crate) fn narrowed(config: &Config, tree: &CommitTree) -> Result<(Config, Option<OwnFile>), RunError> {
    let entries = tree.entries()?;
    let Some(found) = config::discover(entries.iter().map(|entry| entry.path.as_str())) else {
        return Ok((config.clone(), None));
    };
    let bytes = tree.read(found.path, SIZE_MAX)?;
    let keys = RefCell::new(BTreeMap::new());
    let narrowed = config.narrowed(found.path, &bytes, |path| {
        let bytes = tree.read(path, FILE_MAX).ok()?;
        keys.borrow_mut().insert(path.to_owned(), bytes.clone());
        Some(bytes)
    })?;
    let (text, keys) = (String::from_utf8_lossy(&bytes).into_owned(), keys.into_inner());
    let (path, warning) = (found.path.to_owned(), found.warning());
    Ok((narrowed, Some(OwnFile { path, text, keys, warning })))
}
