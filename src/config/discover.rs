//! Which file of a repository is its tagpin configuration.

use std::path::Path;

use super::ConfigError;

/// Where a repository may carry its file, the first that is there wins.
pub const NAMES: [&str; 3] = [".github/tagpin.toml", "tagpin.toml", ".tagpin.toml"];

/// The configuration file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredFile {
    /// The file that counts: one of [`NAMES`].
    pub path: &'static str,
    /// Others that are there too and are not read: worth a warning.
    pub ignored: Vec<&'static str>,
}

impl DiscoveredFile {
    /// Returns the warning that a repository with more than one file deserves.
    pub fn warning(&self) -> Option<String> {
        let ignored: Vec<String> = self.ignored.iter().map(|path| format!("`{path}`")).collect();
        (!ignored.is_empty())
            .then(|| format!("`{}` is read, {} ignored: keep one", self.path, ignored.join(" and ")))
    }
}

/// Returns the configuration file among `paths`, which are all below the repository's root.
pub fn discover<'a>(paths: impl IntoIterator<Item = &'a str>) -> Option<DiscoveredFile> {
    let mut there = [false; NAMES.len()];
    for path in paths {
        if let Some(at) = NAMES.iter().position(|name| *name == path) {
            there[at] = true;
        }
    }
    let mut found = NAMES.into_iter().zip(there).filter_map(|(name, there)| there.then_some(name));
    let path = found.next()?;
    Some(DiscoveredFile { path, ignored: found.collect() })
}

/// Returns the configuration file of the repository on disk whose root is `root`.
///
/// # Errors
/// It is reached through a symbolic link: what that leads to is no part of what was committed.
pub fn discover_on_disk(root: &Path) -> Result<Option<DiscoveredFile>, ConfigError> {
    let is_there = |name: &&str| fs_err::symlink_metadata(root.join(name)).is_ok_and(|found| !found.is_dir());
    let Some(found) = discover(NAMES.into_iter().filter(is_there)) else { return Ok(None) };
    let below = Path::new(found.path).ancestors().filter(|below| !below.as_os_str().is_empty());
    let mut below = below.filter_map(|below| fs_err::symlink_metadata(root.join(below)).ok());
    if below.any(|metadata| metadata.is_symlink()) {
        let message = "it is reached through a symbolic link, which is not followed";
        let hint = "put the settings of the repository there themselves";
        return Err(ConfigError::of_file(found.path, message, hint));
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_wins_and_others_are_warned_of() {
        assert_eq!(discover(["a.yaml", "x/tagpin.toml", "Tagpin.toml"]), None);
        let one = discover(["a.yaml", "tagpin.toml"]).unwrap();
        assert_eq!((one.path, one.warning()), ("tagpin.toml", None));
        let two = discover([".tagpin.toml", "tagpin.toml", ".github/tagpin.toml"]).unwrap();
        assert_eq!(two.path, ".github/tagpin.toml");
        assert_eq!(
            two.warning().unwrap(),
            "`.github/tagpin.toml` is read, `tagpin.toml` and `.tagpin.toml` ignored: keep one"
        );
    }
}
