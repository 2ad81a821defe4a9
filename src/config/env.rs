//! What the configuration takes from the environment, as values, so that nothing else reads it.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::forge::{CiRepository, ci_repository};

/// The variables that the configuration looks at; an empty one counts as absent.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// `TAGPIN_CONFIG`: the configuration file where `--config` names none.
    pub config: Option<PathBuf>,
    /// `TAGPIN_CACHE_DIR`: wins over the file's `cache-dir`.
    pub cache_dir: Option<PathBuf>,
    /// `XDG_CACHE_HOME`: heeded where it is absolute (XDG Base Directory Specification).
    pub xdg_cache_home: Option<PathBuf>,
    /// `HOME`
    pub home: Option<PathBuf>,
    /// The repository that a job of a forge's CI runs in.
    pub ci_repository: Option<CiRepository>,
    /// `GITHUB_STEP_SUMMARY`: the file that gets what a step of an Action has to say.
    pub github_step_summary: Option<PathBuf>,
}

impl Variables {
    /// Returns what the process was started with.
    pub fn from_process() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let text = |name: &str| value(name).and_then(|value| value.into_string().ok());
        Self {
            config: value("TAGPIN_CONFIG").map(PathBuf::from),
            cache_dir: value("TAGPIN_CACHE_DIR").map(PathBuf::from),
            xdg_cache_home: value("XDG_CACHE_HOME").map(PathBuf::from),
            home: value("HOME").map(PathBuf::from),
            ci_repository: ci_repository(&text),
            github_step_summary: value("GITHUB_STEP_SUMMARY").map(PathBuf::from),
        }
    }

    /// Returns where clones are kept, when a file says `configured`.
    pub(super) fn cache_dir(&self, configured: Option<PathBuf>) -> Option<PathBuf> {
        let below = |root: &Option<PathBuf>| root.clone().filter(|root| root.is_absolute());
        self.cache_dir
            .clone()
            .or(configured)
            .or_else(|| below(&self.xdg_cache_home).map(|root| root.join("tagpin")))
            .or_else(|| below(&self.home).map(|root| root.join(".cache").join("tagpin")))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::RepositoryConfig;

    #[test]
    fn the_cache_directory_comes_from_the_first_that_names_one() {
        let mut environment = Variables {
            cache_dir: Some("/env".into()),
            xdg_cache_home: Some("/xdg".into()),
            home: Some("/home/a".into()),
            ..Variables::default()
        };
        let file = || Some(PathBuf::from("/file"));
        assert_eq!(environment.cache_dir(file()).unwrap(), Path::new("/env"));
        environment.cache_dir = None;
        assert_eq!(environment.cache_dir(file()).unwrap(), Path::new("/file"));
        assert_eq!(environment.cache_dir(None).unwrap(), Path::new("/xdg/tagpin"));
        environment.xdg_cache_home = Some("relative".into());
        assert_eq!(environment.cache_dir(None).unwrap(), Path::new("/home/a/.cache/tagpin"));
        environment.home = None;
        assert_eq!(environment.cache_dir(None), None);
        let error = environment.without_file().unwrap().cache_dir().unwrap_err().to_string();
        assert!(error.contains("TAGPIN_CACHE_DIR"), "{error}");
    }

    #[test]
    fn without_a_file_an_action_means_its_own_repository() {
        let lookup = |name: &str| match name {
            "GITHUB_REPOSITORY" => Some("acme/clusters".into()),
            "GITHUB_SERVER_URL" => Some("https://ghe.example/".into()),
            "GITHUB_API_URL" => Some("https://ghe.example/api/v3".into()),
            "XDG_CACHE_HOME" => Some("".into()),
            _ => None,
        };
        let environment = Variables::from_lookup(lookup);
        assert_eq!(environment.xdg_cache_home, None);
        let config = environment.without_file().unwrap();
        let expected = RepositoryConfig {
            url: "https://ghe.example/acme/clusters".into(),
            branch: None,
            token_env: None,
        };
        assert_eq!(*config.repositories, [expected]);
        assert_eq!(config.forge.base_url.as_str(), "https://ghe.example/api/v3");

        let only = |name: &str| (name == "GITHUB_REPOSITORY").then(|| "acme/clusters".into());
        let environment = Variables::from_lookup(only);
        assert_eq!(
            environment.without_file().unwrap().repositories[0].url,
            "https://github.com/acme/clusters"
        );
        let odd = |name: &str| if name == "GITHUB_API_URL" { Some("ftp://x".into()) } else { only(name) };
        let environment = Variables::from_lookup(odd);
        assert!(environment.without_file().is_err());
    }
}
