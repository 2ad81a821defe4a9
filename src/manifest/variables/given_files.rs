//! Files of variables that somebody may give to Compose instead of the `.env`: by `--env-file`, by `COMPOSE_ENV_FILES`, or with
//! what is included.

use std::collections::BTreeSet;

use crate::manifest::formats::compose::{Role, role};
use crate::manifest::scan::is_candidate;
use crate::source::tree::{directory_of, path_from};

/// What stands before the names of such files.
const KEYS: [&str; 3] = ["--env-file", "COMPOSE_ENV_FILES", "env_file"];

/// How far behind that a name is looked for, in bytes.
const NEAR: usize = 200;

/// Files of variables of a tree.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenFiles {
    /// Called like one.
    called: BTreeSet<String>,
    /// Named as one, each with the directory of the file that does.
    named: BTreeSet<(String, String)>,
    /// The directories with a Compose project of their own.
    projects: BTreeSet<String>,
}

impl GivenFiles {
    /// Returns those of the files at `paths`.
    pub(super) fn of(paths: &BTreeSet<&str>, read: impl Fn(&str) -> Option<String>) -> Self {
        let mut found = Self::default();
        for path in paths {
            if is_called_so(path) {
                found.called.insert((*path).to_owned());
            }
            if role(path) == Some(Role::Base) {
                found.projects.insert(directory_of(path).to_owned());
            }
            let Some(text) = Some(path).filter(|path| may_name(path)).and_then(|path| read(path)) else {
                continue;
            };
            let directory = directory_of(path);
            for (at, key) in KEYS.iter().flat_map(|key| text.match_indices(key)) {
                let rest: String = text[at + key.len()..].chars().take(NEAR).collect();
                let ends = |c: char| c.is_whitespace() || "=,;:\"'`[]{}()".contains(c);
                for word in rest.split(ends).filter(|word| !word.is_empty()) {
                    let seen = [path_from(directory, word), path_from("", word)].into_iter().flatten();
                    let seen = seen.filter(|path| paths.contains(path.as_str()));
                    found.named.extend(seen.map(|path| (path, directory.to_owned())));
                }
            }
        }
        found
    }

    /// Returns those that somebody may give to the Compose file at `path`.
    pub(super) fn around(&self, path: &str) -> Vec<String> {
        let project = directory_of(path);
        let is_near = |file: &&String| {
            let directory = directory_of(file);
            if !is_in(directory, project) {
                return is_in(project, directory) && !is_default(file);
            }
            let is_of_another = directory != project && self.projects.contains(directory);
            !is_default(file) || (directory != project && !is_of_another)
        };
        let named = self.named.iter().filter(|(file, by)| is_in(project, by) && file != path);
        let all = self.called.iter().filter(is_near).chain(named.map(|(file, _)| file));
        let all: BTreeSet<&String> =
            all.filter(|file| !(is_default(file) && is_in(project, directory_of(file)))).collect();
        all.into_iter().cloned().collect()
    }
}

/// Returns whether a file is the one that Compose reads by itself.
fn is_default(path: &str) -> bool {
    path.rsplit('/').next() == Some(".env")
}

fn is_in(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns whether a file is called like one of variables. What is called an example is one only where it is named.
fn is_called_so(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let words = || name.split(|c: char| !c.is_ascii_alphanumeric());
    let has = |all: &[&str]| words().any(|word| all.contains(&word));
    let is_other =
        has(&["example", "sample", "template", "dist", "md", "sh", "py", "js", "ts", "go", "rs", "j2"]);
    !is_candidate(path) && !is_other && has(&["env", "envs"])
}

/// Returns whether a file may say what Compose is given: a script, a unit, a workflow, a file of variables.
fn may_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let scripts = [
        "", "sh", "bash", "zsh", "mk", "mak", "just", "service", "py", "rb", "js", "ts", "mjs", "json",
        "toml", "ps1", "bat", "cmd", "env", "fish", "timer", "conf",
    ];
    is_candidate(path) || is_called_so(path) || scripts.contains(&ending.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_variables_are_known_by_name_or_by_who_names_them() {
        let files = [
            "a/compose.yaml",
            "a/prod.env",
            "a/.env.prod",
            "a/.env",
            ".env",
            "a/x.txt",
            "a/run.sh",
            "a/.env.example",
            "a/b/.env",
            "a/c/.env",
            "a/c/compose.yaml",
            "d/prod.env",
            "top.env",
        ];
        let paths: BTreeSet<&str> = files.into();
        let read = |path: &str| (path == "a/run.sh").then(|| "docker compose --env-file x.txt up".to_owned());
        let found = GivenFiles::of(&paths, read).around("a/compose.yaml");
        assert_eq!(found, ["a/.env.prod", "a/b/.env", "a/prod.env", "a/x.txt", "top.env"]);
    }
}
