//! Names for what commands take of a directory: all of it, its own files, what lies deeper; and which files have variables for them.

/// How files begin that tell a tool what to deploy.
const TOLD_BY: [&str; 4] = ["helmfile.", "kustomization.", "skaffold.", "werf."];

/// Stands behind a directory for all that lies in it.
pub(in super::super) const BELOW: &str = "/**";

/// Stands behind it for the files that lie in no other directory of it, and for those that do.
pub(super) const INSIDE: &str = "/*";
pub(super) const DEEPER: &str = "/*/**";

/// Returns what a name with one of these behind it stands for: the directory, and the ending.
pub(in super::super) fn directory_named(word: &str) -> Option<(&str, &'static str)> {
    [DEEPER, BELOW, INSIDE].into_iter().find_map(|ending| Some((word.strip_suffix(ending)?, ending)))
}

/// Returns whether a file at a path below a directory is among what an ending takes of it.
pub(in super::super) fn is_taken(ending: &str, below: &str) -> bool {
    let is_deeper = below.contains('/');
    match ending {
        INSIDE => !is_deeper,
        DEEPER => is_deeper,
        _ => true,
    }
}

/// Returns the directory that a command is given, where a word may be one.
pub(in super::super) fn directory_given(word: &str) -> Option<&str> {
    // What a tool is told by one file lies around that.
    let told = word.rsplit_once('/').filter(|(_, file)| TOLD_BY.iter().any(|tool| file.starts_with(tool)));
    let word = told.map_or(word, |(directory, _)| directory);
    let directory = word.trim_end_matches('/');
    let last = directory.rsplit('/').next().unwrap_or(directory);
    let is_directory =
        !last.is_empty() && !last.contains(['.', '*', '$', '{', '#']) && !word.starts_with('-');
    is_directory.then_some(directory)
}

/// Returns whether a file has variables for a command, by its name.
pub(in super::super) fn is_of_variables(file: &str) -> bool {
    [".env", ".tfvars", ".tfvars.json", ".vars", ".hcl"].iter().any(|ending| file.ends_with(ending))
}
