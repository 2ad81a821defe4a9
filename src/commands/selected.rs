//! The files that a command line names: by paths, and by environments.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{given_tree, local_tree, work_tree_root};
use crate::commands::args::Globals;
use crate::commands::failure::Failure;
use crate::manifest::is_judged;
use crate::policy::Settings;
use crate::policy::environment::Environment;
use crate::policy::target::known_environments;
use crate::report::terminal::Terminal;
use crate::source::tree::{DirectoryTree, Tree as _, TreeEntry};
use crate::text::{count, printable, quoted};

/// Returns the files that `paths` name: the working directory where there are none. What is called like an [[environment]] of
/// `settings` is that, as for every other command; `./NAME` is the path.
///
/// # Errors
/// A path does not exist and no environment has its name, or files cannot be listed.
pub(super) fn selected_tree(
    paths: &[PathBuf],
    settings: &Settings,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<DirectoryTree, Failure> {
    let tree = named_tree(paths, settings, globals, terminal)?;
    if !paths.is_empty() && !globals.quiet {
        let entries = tree.entries().map_err(anyhow::Error::new)?;
        let judged: Vec<&TreeEntry> = entries.iter().filter(|entry| is_judged(&entry.path)).collect();
        let is_read = |entry: &&TreeEntry| settings.policy.reads(&tree.root_path(&entry.path));
        let mut left_out = judged.iter().copied().filter(|entry| !is_read(entry));
        let is_all = judged.iter().all(|entry| !is_read(entry));
        if let Some(first) = left_out.find(|entry| is_all || tree.is_named(&entry.path)) {
            let others = left_out.filter(|entry| is_all || tree.is_named(&entry.path)).count();
            let others =
                if others > 0 { format!(" and {} more", count(others, "file")) } else { String::new() };
            let note = format!(
                "note: `include` and `exclude` of [policy] leave out `{}`{others}: what is named here is not read",
                first.path
            );
            writeln!(terminal.stderr, "{}", printable(&note))?;
        }
    }
    Ok(tree)
}

fn named_tree(
    paths: &[PathBuf],
    settings: &Settings,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<DirectoryTree, Failure> {
    let environment = |path: &PathBuf| {
        settings.environments.iter().find(|environment| path.as_os_str() == environment.name.as_str())
    };
    let (named, paths): (Vec<&PathBuf>, Vec<&PathBuf>) =
        paths.iter().partition(|path| environment(path).is_some());
    let environments: Vec<&Environment> = named.into_iter().filter_map(environment).collect();
    let paths: Vec<PathBuf> = paths.into_iter().cloned().collect();
    if environments.is_empty() {
        return given_tree(&paths).map_err(|failure| {
            let is_known = paths.iter().all(|path| path.exists()) || settings.environments.is_empty();
            let hint =
                || format!("name what exists, seen from this directory; {}", known_environments(settings));
            if is_known { failure } else { failure.hint(hint()) }
        });
    }
    let directory = std::env::current_dir()?;
    let root = work_tree_root(&directory);
    let given = if root == directory { PathBuf::from(".") } else { root };
    let mut tree = local_tree(&[given])?;
    tree.retain(|path| environments.iter().any(|environment| environment.paths.matches(path)));
    let found = tree.entries().map_err(anyhow::Error::new)?;
    let is_empty = |environment: &&&Environment| {
        !found.iter().any(|entry| environment.paths.matches(&tree.root_path(&entry.path)))
    };
    for environment in environments.iter().filter(is_empty).filter(|_| !globals.quiet) {
        let (name, paths) = (&environment.name, quoted(environment.paths.patterns(), ", "));
        let note = format!(
            "note: `{name}` has no file: its `paths` are {paths}, and a whole directory is `DIRECTORY/**`"
        );
        writeln!(terminal.stderr, "{}", printable(&note))?;
    }
    for environment in environments {
        if Path::new(&environment.name).exists() && !globals.quiet {
            let there = local_tree(&[PathBuf::from(&environment.name)])?;
            let mut entries = there.entries().map_err(anyhow::Error::new)?.into_iter();
            // Where both are the same files there is nothing to choose.
            if entries.any(|entry| !environment.paths.matches(&there.root_path(&entry.path))) {
                let name = &environment.name;
                let note =
                    format!("`{name}` is the [[environment]] of this name: write `./{name}` for the path");
                writeln!(terminal.stderr, "note: {}", printable(&note))?;
            }
        }
    }
    if !paths.is_empty() {
        tree.extend(given_tree(&paths)?);
    }
    Ok(tree)
}
