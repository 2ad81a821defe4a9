//! What a step of a pipeline, a task of Ansible or a section of a tool's settings has done: the commands behind it, where these run, and
//! the files that a deployer is given without a command.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::commands::{self, BELOW, NamedFiles};
use super::names::{self, above, key_of, keys_above};
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::variable_text::{self, VariableStyle, fill};

/// Words in the names of actions, tasks and images that deploy what they are given.
const DEPLOYING: [&str; 14] = [
    "apply",
    "argocd",
    "compose",
    "deploy",
    "fluxcd",
    "helm",
    "k8s",
    "kapp",
    "kubectl",
    "kubernetes",
    "kustomize",
    "nomad",
    "terraform",
    "tofu",
];

/// Words in the names of those that only look at it, or fetch a program.
const OTHERS: [&str; 7] = ["check", "diff", "lint", "scan", "setup", "test", "valid"];

/// Keys of sections that say what a deployer takes: of DevSpace, of modules of Ansible, behind the last period.
const SECTIONS: [&str; 14] = [
    "docker_compose",
    "docker_compose_v2",
    "docker_stack",
    "helm",
    "helm_template",
    "k8s",
    "kubectl",
    "kustomize",
    "nomad_job",
    "opentofu",
    "podman_play",
    "terraform",
    "timoni",
    "werf",
];

/// Keys that name the program of a step.
const PROGRAMS: [&str; 5] = ["uses", "task", "name", "image", "plugin"];

/// Keys below which it is given its words.
const INPUTS: [&str; 6] = ["args", "arguments", "inputs", "params", "settings", "with"];

/// Words of an input by which a deployer only shows something, or takes it away.
const IDLE: [&str; 8] = ["delete", "destroy", "diff", "get", "lint", "plan", "template", "version"];

/// Words in the names of inputs that name a file or a directory.
const PATHS: [&str; 10] =
    ["chart", "chdir", "dir", "file", "folder", "kustomization", "manifest", "path", "project", "src"];

/// Inputs that say what is set among the values of a chart.
const SETTING: [&str; 6] = ["overrides", "overrideValues", "set", "setValues", "set_values", "value"];

/// Keys of the directory that the commands of a step run in.
const DIRECTORIES: [&str; 4] = ["working-directory", "workingDirectory", "working_directory", "chdir"];

/// Lists whose texts run one after another in one shell.
const SCRIPTS: [&str; 5] = ["after_script", "before_script", "commands", "script", "steps"];

/// Keys below which pipelines have the environment of their commands.
pub(super) const ENVIRONMENTS: [&str; 3] = ["env", "environment", "variables"];

/// How many texts of a list before one are looked at, and how many variables.
const BEFORE_MAX: usize = 100;

/// How many values of a matrix are looked at: GitHub makes no more than 256 jobs of one.
const MATRIX_MAX: usize = 300;

/// How much text is looked through for one command, in bytes.
const LOOKED_THROUGH_MAX: usize = 64 << 10;

/// Returns the paths that a text says, those whose order may count together: of an expression, and of the commands that deploy files.
pub(super) fn paths(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Vec<NamedFiles> {
    if let Some(given) = given(tree, node, value) {
        return vec![given];
    }
    let line = command(tree, node, value);
    let is_command = line != value || names::word(tree, node, value).is_none();
    match is_command && !names::is_about_others(tree, node) {
        true if tree.tag(node) == EXPRESSION => vec![commands::paths_in(&seen_from_module(value))],
        true => {
            let filled = filled(tree, node, &line);
            std::iter::once(&*line)
                .chain(filled.iter().map(String::as_str))
                .flat_map(commands::files)
                .collect()
        }
        false => Vec::new(),
    }
}

/// Returns an expression of Terraform with paths as its module sees them; those of the root and of the working directory are the same, as
/// a rule.
fn seen_from_module(expression: &str) -> String {
    let prefixes = ["${path.module}/", "${path.root}/", "${path.cwd}/"];
    prefixes.iter().fold(expression.to_owned(), |text, prefix| text.replace(prefix, ""))
}

/// Returns what a deployer is given by a scalar that is no command: an input of a step, an option of a task.
fn given(tree: &SyntaxTree<'_>, node: NodeId, value: &str) -> Option<NamedFiles> {
    let is_lookup = value.contains("{{") && ["lookup(", "query("].iter().any(|call| value.contains(call));
    if is_lookup {
        return Some(commands::paths_in(value));
    }
    // As charts name those that they bring along (Helm, "Chart Dependency").
    if let Some(chart) = value.strip_prefix("file://").filter(|chart| !chart.starts_with('/')) {
        let files = vec![chart.to_owned()];
        return Some(NamedFiles { files, below: &[BELOW], is_deployed: true, is_command: true });
    }
    if !is_input(tree, node) {
        return None;
    }
    let key = key_of(tree, node).unwrap_or_default().to_ascii_lowercase();
    let is_place = PATHS.iter().any(|word| key.contains(word));
    let ends = |c: char| c.is_whitespace() || "\"'`=,;|[](){}".contains(c);
    let words = value.split(ends).filter(|word| word.contains('/') || is_place || word.contains(".y"));
    // What a variable says before them is the tree's root, or the file's directory.
    let files = words.map(|word| word.trim_start_matches('/')).filter(|word| !word.is_empty());
    let files: Vec<String> =
        files.filter(|word| word.len() <= commands::LENGTH_MAX).map(str::to_owned).collect();
    (!files.is_empty()).then_some(NamedFiles { files, below: &[BELOW], is_deployed: true, is_command: true })
}

/// Returns whether a scalar is what a step, or a section, gives a deployer.
fn is_input(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let is_section = |key: &str| SECTIONS.contains(&key.rsplit('.').next().unwrap_or(key));
    let root = above(tree, node).last();
    let is_object = root.is_some_and(|root| {
        tree.get(root, "kind").is_some()
            && tree.get_str(root, "apiVersion").is_some_and(|it| it.contains('/'))
    });
    if !is_object && keys_above(tree, node).skip(1).any(is_section) {
        return true;
    }
    std::iter::once(node).chain(above(tree, node)).take(4).any(|inputs| {
        let is_inputs = tree.key_of(inputs).is_some_and(|key| INPUTS.contains(&key));
        let step = tree.nodes[inputs].parent().filter(|_| is_inputs);
        let named = |step| PROGRAMS.iter().filter_map(move |key| Some((*key, tree.get_str(step, key)?)));
        // A name may be one for people.
        let is_one =
            |(key, named): (&str, &str)| (key != "name" || named.contains('/')) && is_deployer(named);
        step.is_some_and(|step| named(step).any(is_one)) && !is_idle(tree, inputs)
    })
}

/// Returns whether an action, a task or an image is a deployer by its name.
fn is_deployer(named: &str) -> bool {
    let path = named.split(['@', ' ']).next().unwrap_or(named);
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    DEPLOYING.iter().any(|word| name.contains(word)) && !OTHERS.iter().any(|word| name.contains(word))
}

fn is_idle(tree: &SyntaxTree<'_>, inputs: NodeId) -> bool {
    let first = tree.items(inputs).first().and_then(|item| tree.text_of(*item));
    let said = ["action", "args", "command"].iter().filter_map(|key| tree.get_str(inputs, key));
    let words = said.chain(tree.text_of(inputs)).filter_map(|text| text.split_whitespace().next());
    words.chain(first).any(|word| IDLE.contains(&word))
}

/// Returns the command that a text is, with what stands elsewhere of it.
pub(super) fn command<'v>(tree: &SyntaxTree<'_>, node: NodeId, value: &'v str) -> Cow<'v, str> {
    match key_of(tree, node) {
        // Quadlet puts them before the image: the first word that is none of a flag's is the image then.
        Some("PodmanArgs") => Cow::Owned(format!("podman run {value}")),
        // Terraform adds them to what it is told ("Environment Variables").
        Some(key) if key.starts_with("TF_CLI_ARGS") && !key.ends_with("_plan") => {
            Cow::Owned(format!("terraform apply {value}"))
        }
        Some(key) if SETTING.contains(&key) && is_input(tree, node) => {
            let pairs =
                value.lines().map(|line| line.trim().replacen(':', "=", usize::from(!line.contains('='))));
            let pairs: Vec<String> = pairs.filter(|pair| pair.contains('=')).collect();
            match pairs.is_empty() {
                true => Cow::Borrowed(value),
                false => Cow::Owned(format!("helm upgrade . --set {}", pairs.join(","))),
            }
        }
        _ => Cow::Borrowed(value),
    }
}

/// Returns the directory in which the commands of a step run, as the step, its job or its workflow says it, or the commands before them
/// in the same list.
pub(super) fn directory(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
    let said = || {
        above(tree, node).find_map(|mapping| {
            let default = || tree.get(tree.get(mapping, "defaults")?, "run");
            let of = |mapping| DIRECTORIES.iter().find_map(|key| tree.get_str(mapping, key));
            of(mapping).or_else(|| of(default()?))
        })
    };
    gone_to(tree, node).or_else(|| said().map(str::to_owned))
}

/// Returns where the texts before one in a list have gone to.
fn gone_to(tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
    let list = tree.nodes[node].parent().filter(|list| tree.is_sequence(*list))?;
    tree.key_of(list).filter(|key| SCRIPTS.contains(key))?;
    let before = &tree.items(list)[..tree.nodes[node].index()];
    let mut at = String::new();
    for text in before.iter().take(BEFORE_MAX).filter_map(|item| tree.text_of(*item)) {
        let Some(to) = text.trim().strip_prefix("cd ").map(str::trim) else { continue };
        match commands::directory_given(to) {
            Some(to) if !to.starts_with(['/', '~', '-']) => {
                at = format!("{at}{}{to}", if at.is_empty() { "" } else { "/" });
            }
            // From here on it is somewhere else.
            _ => at.clear(),
        }
    }
    (!at.is_empty()).then_some(at)
}

/// Returns the variables that a pipeline gives the commands at a node: those of the step, its job and the whole, and those
/// that steps before it set.
pub(super) fn environment(tree: &SyntaxTree<'_>, node: NodeId) -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    for mapping in names::above(tree, node) {
        for all in ENVIRONMENTS.iter().filter_map(|key| tree.get(mapping, key)) {
            let own = tree.entries(all).iter().filter(|(_, value)| !tree.is_masked(*value));
            for (key, value) in own.filter_map(|it| Some((tree.text_of(it.0)?, tree.string_of(it.1)?))) {
                known.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
    }
    for (name, value) in set_before(tree, node) {
        known.entry(name).or_insert(value);
    }
    known
}

/// Returns what a command of a pipeline is with its variables, and for each value of a matrix (GitHub, `strategy.matrix`; GitLab,
/// `parallel:matrix`).
fn filled(tree: &SyntaxTree<'_>, node: NodeId, line: &str) -> Vec<String> {
    if !line.contains('$') || line.len() > LOOKED_THROUGH_MAX {
        return Vec::new();
    }
    let line = commands::squeezed(line);
    let asked = variable_text::words(&line);
    let is_asked = |name: &str| asked.contains(name);
    let with = |text: &str, name: &str, value: &str| {
        let expressions = ["matrix", "env", "variables"].map(|of| format!("${{{{{of}.{name}}}}}"));
        let text =
            expressions.iter().fold(text.to_owned(), |text, expression| text.replace(expression, value));
        let known = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let words = text.split(' ').map(|word| fill(word, &known, VariableStyle::Compose));
        let words: Vec<String> =
            words.zip(text.split(' ')).map(|(new, old)| new.unwrap_or_else(|| old.to_owned())).collect();
        words.join(" ")
    };
    let known = environment(tree, node);
    let known = known.iter().filter(|(name, value)| is_asked(name) && !value.contains('$')).take(BEFORE_MAX);
    let whole = known.fold(line.clone().into_owned(), |text, (name, value)| with(&text, name, value));
    let each = matrix(tree, node, is_asked).into_iter();
    let each: Vec<String> = each.map(|(name, value)| with(&whole, &name, &value)).collect();
    let mut all = if whole == *line { Vec::new() } else { vec![whole.clone()] };
    all.extend(each.into_iter().filter(|filled| *filled != whole));
    all
}

/// Returns those variables of the matrix of a job that are asked for, with each of their values, as many as are looked at.
fn matrix(tree: &SyntaxTree<'_>, node: NodeId, is_asked: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let matrix = above(tree, node).find_map(|job| {
        let holder = ["strategy", "parallel"].iter().find_map(|key| tree.get(job, key))?;
        tree.get(holder, "matrix")
    });
    let Some(matrix) = matrix else { return Vec::new() };
    let include = tree.get(matrix, "include").map(|list| tree.items(list)).unwrap_or_default();
    let sets = std::iter::once(&matrix).chain(tree.items(matrix)).chain(include);
    let entries = sets.flat_map(|set| tree.entries(*set));
    let entries = entries.filter_map(|(name, value)| Some((tree.text_of(*name)?, value)));
    let values = entries.filter(|(name, _)| is_asked(name)).flat_map(|(name, value)| {
        let values = tree.items(*value).iter().chain([value]).filter_map(|value| tree.string_of(*value));
        values.map(move |value| (name.to_owned(), value.to_owned()))
    });
    values.take(MATRIX_MAX).collect()
}

/// Returns the variables that the steps before one have set for those behind them (GitHub, "Setting an environment variable"; Azure,
/// `task.setvariable`).
fn set_before(tree: &SyntaxTree<'_>, node: NodeId) -> Vec<(String, String)> {
    let step = std::iter::once(node).chain(above(tree, node));
    let steps = step.filter_map(|step| Some((tree.nodes[step].parent()?, step)));
    let Some((list, step)) =
        steps.into_iter().find(|(list, _)| tree.is_sequence(*list) && tree.key_of(*list) == Some("steps"))
    else {
        return Vec::new();
    };
    let before = &tree.items(list)[..tree.nodes[step].index()];
    let texts = before.iter().take(BEFORE_MAX).flat_map(|step| {
        ["run", "script", "bash", "pwsh", "powershell"].iter().filter_map(|key| tree.get_str(*step, key))
    });
    let mut found = Vec::new();
    let mut left = LOOKED_THROUGH_MAX;
    let texts = texts.take_while(|text| {
        let is_little = text.len() <= left;
        left = left.saturating_sub(text.len());
        is_little
    });
    for line in texts.flat_map(str::lines) {
        if line.contains("GITHUB_ENV") {
            for words in commands::commands(line) {
                let set = commands::assignments(&words).into_iter();
                found.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
        }
        let told = line.split_once("task.setvariable variable=").and_then(|(_, rest)| rest.split_once(']'));
        if let Some((name, value)) = told {
            let name = name.split(';').next().unwrap_or(name).to_owned();
            found.push((name, value.trim_end_matches(['"', '\'']).to_owned()));
        }
    }
    found
}
