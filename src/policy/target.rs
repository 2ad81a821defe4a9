//! What a command is about: an environment, a path, or an object in a file. Pure.

use std::collections::BTreeSet;

use crate::manifest::Located;
use crate::manifest::inventory::FileScan;
use crate::policy::environment::Environment;
use crate::policy::settings::Settings;

/// A part of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As the user named it.
    pub name: String,
    place: Scope,
    /// The kind and the name of the one Kubernetes object that is meant.
    object: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    Environment(Box<Environment>),
    /// A file, or a directory with everything below it; empty for the root.
    Path(String),
    /// These files.
    Files(BTreeSet<String>),
}

/// Why a target cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is neither.
    #[error("`{name}` is neither an environment nor a path in this repository; {known}")]
    Unknown {
        /// As the user named it.
        name: String,
        /// Which environments there are.
        known: String,
    },
    /// What follows the `#` is not an object.
    #[error(
        "`{0}` does not name an object: write `PATH#KIND/NAME`, for example `app/deploy.yaml#Deployment/api`"
    )]
    Object(String),
}

impl Target {
    /// Returns what `text` names: an environment of `config`, else a path below the root of the repository, with or without
    /// `#KIND/NAME`. `is_path` returns whether there is, or ever was, such a file or directory; relative paths are seen
    /// from the directory `seen_from` below the root.
    ///
    /// # Errors
    /// There is nothing of this name.
    pub fn parse(
        text: &str,
        settings: &Settings,
        seen_from: &str,
        is_path: impl Fn(&str) -> bool,
    ) -> Result<Self, TargetError> {
        let name = text.to_owned();
        let environment = settings.environments.iter().find(|environment| environment.name == text);
        if let Some(environment) = environment {
            return Ok(Self::of(environment));
        }
        let (path, object) = match text.split_once('#') {
            None => (text, None),
            Some((path, object)) => {
                let object =
                    object.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty());
                let (kind, name) = object.ok_or_else(|| TargetError::Object(text.to_owned()))?;
                (path, Some((kind.to_owned(), name.to_owned())))
            }
        };
        match below(seen_from, path).filter(|path| path.is_empty() || is_path(path)) {
            Some(path) => Ok(Self { name, place: Scope::Path(path), object }),
            None => Err(TargetError::Unknown { name, known: known_environments(settings) }),
        }
    }

    /// Returns `environment`.
    pub fn of(environment: &Environment) -> Self {
        let place = Scope::Environment(Box::new(environment.clone()));
        Self { name: environment.name.clone(), place, object: None }
    }

    /// Returns these files, by their paths below the root of the repository.
    pub fn files(files: BTreeSet<String>) -> Self {
        Self { name: String::new(), place: Scope::Files(files), object: None }
    }

    /// Returns whether it is a list of files, whatever they are called.
    pub fn is_files(&self) -> bool {
        matches!(self.place, Scope::Files(_))
    }

    /// Returns the whole repository.
    pub fn everything() -> Self {
        Self { name: String::new(), place: Scope::Path(String::new()), object: None }
    }

    /// Returns the environment, where it is one.
    pub fn environment(&self) -> Option<&Environment> {
        match &self.place {
            Scope::Environment(environment) => Some(environment),
            Scope::Path(_) | Scope::Files(_) => None,
        }
    }

    /// Returns what it is a part of, where it is one object: all objects of that file or directory.
    pub fn around_object(&self) -> Option<Self> {
        let (name, _) = self.object.as_ref().and_then(|_| self.name.split_once('#'))?;
        Some(Self { name: name.to_owned(), place: self.place.clone(), object: None })
    }

    /// Returns whether the file at `path`, below the root of the repository, belongs to it.
    pub fn has_file(&self, path: &str) -> bool {
        match &self.place {
            Scope::Environment(environment) => environment.paths.matches(path),
            Scope::Path(own) => is_in(path, own),
            Scope::Files(files) => files.contains(path),
        }
    }

    /// Returns whether a site belongs to it, which is in one of its files.
    pub fn has_site(&self, located: &Located) -> bool {
        self.object.as_ref().is_none_or(|(kind, name)| {
            let site = &located.site;
            site.name.as_deref() == Some(name)
                && site.kind.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(kind))
        })
    }

    /// Returns whether a site of `file` belongs to it.
    pub fn has(&self, file: &FileScan, located: &Located) -> bool {
        self.has_file(&file.root_path) && self.has_site(located)
    }
}

/// Returns which environments there are, as the end of a sentence.
pub fn known_environments(settings: &Settings) -> String {
    match &*settings.environments {
        [] => "no [[environment]] is configured".to_owned(),
        all => {
            let names: Vec<_> = all.iter().map(|environment| format!("`{}`", environment.name)).collect();
            format!("the environments are {}", names.join(", "))
        }
    }
}

/// Returns whether `path` is `directory` or below it.
pub fn is_in(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns `path`, seen from `directory`, below the root; `None` where it leaves it.
pub(crate) fn below(directory: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in directory.split('/').chain(path.split('/')) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_goes_before_a_path_and_a_path_is_seen_from_the_directory() {
        let text = "[[environment]]\nname = \"dev\"\npaths = [\"clusters/dev/**\"]\n";
        let config =
            crate::config::Config::parse("x.toml", std::path::Path::new("/"), text.as_bytes()).unwrap();
        let is_path = |path: &str| ["dev", "apps", "apps/a.yaml"].contains(&path);
        let parse = |text: &str, from: &str| Target::parse(text, &config.settings, from, is_path);
        let dev = parse("dev", "").unwrap();
        assert!(
            dev.environment().is_some() && dev.has_file("clusters/dev/a.yaml") && !dev.has_file("dev/a.yaml")
        );
        let apps = parse("./apps/", "").unwrap();
        assert!(apps.has_file("apps/a.yaml") && !apps.has_file("apps2/a.yaml"));
        assert!(parse("../a.yaml", "apps/b").unwrap().has_file("apps/a.yaml"));
        assert!(parse(".", "").unwrap().has_file("x.yaml"));
        for (text, part) in [
            ("prod", "the environments are `dev`"),
            ("../x", "neither an environment nor a path"),
            ("/etc", "neither an environment nor a path"),
            ("apps/a.yaml#Deployment", "does not name an object"),
        ] {
            let error = parse(text, "").unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
