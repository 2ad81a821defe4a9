//! Which words may name a file, an object or a key of its data.

use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::source::tree::path_from;

/// The longest path that is looked for, in bytes.
const LENGTH_MAX: usize = 250;

/// The shortest word that is looked for, in bytes.
const LENGTH_MIN: usize = 3;

/// Keys that say which files something else is about.
const ABOUT: [&str; 5] = ["exclude", "ignore", "only", "paths-ignore", "paths_ignore"];

/// Keys above the paths for which a pipeline starts.
const STARTS: [&str; 8] = ["changes", "filter", "filters", "on", "pull_request", "push", "rules", "trigger"];

/// Programs that deploy the files whose names they are given.
const PROGRAMS: [&str; 27] = [
    "ansible-playbook",
    "argo",
    "argocd",
    "docker",
    "docker-compose",
    "faas-cli",
    "flux",
    "gcloud",
    "helm",
    "helmfile",
    "kapp",
    "kluctl",
    "kpt",
    "kubectl",
    "kustomize",
    "nerdctl",
    "nomad",
    "oc",
    "podman",
    "podman-compose",
    "skaffold",
    "terraform",
    "terragrunt",
    "timoni",
    "tofu",
    "werf",
    "ytt",
];

/// What stands before a path of any form.
const GIVING: [&str; 7] =
    ["--filename", "--kustomize", "--project-directory", "--values", "apply", "build", "cd"];

/// How many names of a text are looked for at most.
const IN_TEXT_MAX: usize = 1_000;

/// Keys of what the paths beside them are seen from.
const BASES: [&str; 2] = ["path", "chart"];

/// Returns the words of a scalar by which something else in the tree may be meant: as it stands there, and as it is seen from
/// the directory that is named beside it.
pub(super) fn words(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Vec<String> {
    let Some(word) = word(tree, node, value) else { return Vec::new() };
    let bases = above(tree, node).take(4).flat_map(|mapping| BASES.map(|key| tree.get_str(mapping, key)));
    let below = |base: &str| path_from(base.trim_start_matches('/'), word);
    let based = bases.flatten().filter(|base| *base != value && !base.contains(':')).filter_map(below);
    std::iter::once(word.to_owned()).chain(based.filter(|_| word.contains('.'))).collect()
}

/// Returns the paths that a text says, those whose order may count together: of an expression, and of a command that deploys files. A
/// list of files that one variable holds, as `COMPOSE_FILE` does, is one.
pub(super) fn paths(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Vec<Vec<String>> {
    match word(tree, node, value).is_none() && !is_about_others(tree, node) {
        true => paths_of(value, tree.tag(node) == EXPRESSION),
        false => Vec::new(),
    }
}

/// Does what [`paths`] does with a text that stands nowhere.
pub(super) fn paths_of(text: &str, is_expression: bool) -> Vec<Vec<String>> {
    let ends = |c: char| c.is_whitespace() || "\"'`=,;:()|[]{}<>".contains(c);
    let words = |text: &str| -> Vec<String> {
        text.split(ends).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let is_given = |before: &str, word: &str| {
        let is_flag = before.starts_with('-') && !before.starts_with("--") && before.ends_with(['f', 'k']);
        (GIVING.contains(&before) || is_flag) && !word.starts_with('-')
    };
    let in_words = |words: &[String]| -> Vec<String> {
        let before = std::iter::once("").chain(words.iter().map(String::as_str));
        let pairs = before.zip(words).filter(|(before, word)| is_path(word) || is_given(before, word));
        // A short flag and its path may be one word.
        let paths = pairs
            .map(|(_, word)| ["-f", "-k"].iter().find_map(|flag| word.strip_prefix(flag)).unwrap_or(word));
        paths.map(str::to_owned).take(IN_TEXT_MAX).collect()
    };
    let is_program = |word: &String| PROGRAMS.contains(&word.rsplit('/').next().unwrap_or(word));
    if is_expression {
        return vec![in_words(&words(text))];
    }
    if words(text).iter().any(is_program) {
        let text = text.replace("\\\n", " ");
        let mut found = Vec::new();
        for command in text.split(['\n', ';', '|', '&']) {
            let words = words(command);
            let paths = in_words(&words);
            // Objects are applied each by itself.
            match words.iter().any(|word| matches!(word.as_str(), "kubectl" | "oc")) {
                true => found.extend(paths.into_iter().map(|path| vec![path])),
                false => found.push(paths),
            }
        }
        return found;
    }
    let lists = text.split_whitespace().map(|word| word.rsplit_once('=').map_or(word, |(_, files)| files));
    let is_list = |list: &&str| list.contains([':', ';']) && list.split([':', ';']).all(is_manifest);
    lists.filter(is_list).map(|list| list.split([':', ';']).map(str::to_owned).collect()).collect()
}

/// Stands behind a directory for all that lies in it.
pub(super) const BELOW: &str = "/**";

/// Returns a name for all that lies in what a command is given, where that may be a directory.
pub(super) fn below(word: &str) -> Option<String> {
    let directory = word.trim_end_matches('/');
    let last = directory.rsplit('/').next().unwrap_or(directory);
    let is_directory = !last.is_empty() && !last.contains(['.', '*', '$', '{']) && !word.starts_with('-');
    is_directory.then(|| format!("{directory}{BELOW}"))
}

fn is_path(word: &str) -> bool {
    let is_short = (LENGTH_MIN..=LENGTH_MAX).contains(&word.len());
    let has_ending = || word.rsplit_once('.').is_some_and(|(name, _)| !name.is_empty());
    is_short && !word.starts_with("//") && !is_version(word) && (word.contains('/') || has_ending())
}

fn is_manifest(file: &str) -> bool {
    [".json", ".yaml", ".yml"].iter().any(|ending| file.ends_with(ending))
}

fn is_version(word: &str) -> bool {
    word.trim_start_matches('v').chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn word<'v>(tree: &SyntaxTree<'_>, node: NodeId, value: &'v str) -> Option<&'v str> {
    // As kustomize names what a file becomes.
    let word = value.rsplit_once('=').map_or(value, |(_, file)| file);
    let is_short = !word.is_empty() && word.len() <= LENGTH_MAX;
    // Images, addresses and versions are no names; a whole tree is looked through for these.
    if !is_short || word.contains(|c: char| c.is_whitespace() || matches!(c, ':' | '@' | '(' | '"')) {
        return None;
    }
    // What is asked for by its kind may be called anything.
    let is_word = word.len() >= LENGTH_MIN && !is_version(word) || is_reference(tree, node);
    (is_word && !is_about_others(tree, node)).then_some(word)
}

/// Returns whether a scalar is the name in a reference to another object.
fn is_reference(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let mut keys = keys_above(tree, node);
    let is_name = keys.next().is_some_and(|key| key == "name" || key.ends_with("Name"));
    let is_held = keys.next().is_some_and(|holder| holder.ends_with("Ref") || holder.ends_with("From"));
    let has_kind = || above(tree, node).next().is_some_and(|mapping| tree.get(mapping, "kind").is_some());
    is_name && (is_held || has_kind())
}

/// Returns whether a scalar says what something else is about, or is the name of its own object.
fn is_about_others(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let mut keys = keys_above(tree, node);
    let (key, holder) = (keys.next().unwrap_or_default(), keys.next());
    // Its own name.
    if key == "name" && holder == Some("metadata") && keys.next().is_none() {
        return true;
    }
    let starts = || key == "paths" && keys_above(tree, node).any(|key| STARTS.contains(&key));
    ABOUT.contains(&key) || starts()
}

/// Returns the nearest key above a node.
pub(super) fn key_of<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> Option<&'t str> {
    keys_above(tree, node).next()
}

/// Returns the keys above a node, the nearest first.
pub(super) fn keys_above<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> impl Iterator<Item = &'t str> {
    let nodes = std::iter::once(node).chain(above(tree, node));
    nodes.filter_map(|node| {
        let (parent, index) = (tree.nodes[node].parent()?, tree.nodes[node].index());
        tree.text_of(tree.entries(parent).get(index)?.0)
    })
}

/// Returns the nodes above one, the nearest first.
pub(super) fn above(tree: &SyntaxTree<'_>, node: NodeId) -> impl Iterator<Item = NodeId> {
    std::iter::successors(tree.nodes[node].parent(), |node| tree.nodes[*node].parent())
}

/// Returns whether a text may be the name of a variable or a file.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Returns whether a key is a variable of a deployer and nothing else.
pub(super) fn is_variable(key: &str) -> bool {
    key.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(|name| !name.contains('}'))
}
