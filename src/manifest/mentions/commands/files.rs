//! What commands deploy: the files, directories, services and objects whose names they are given.

use std::collections::HashSet;

use super::super::mention::object_name;
use super::compose_services::services;
use super::directories::{BELOW, DEEPER, INSIDE};
use super::programs::{ProgramRole, has_role, name_of, with_role};
use super::words::{CLOSE, OPEN, commands};

/// The longest path that is looked for, in bytes.
pub(in super::super) const LENGTH_MAX: usize = 250;

/// The shortest word that is looked for, in bytes.
pub(in super::super) const LENGTH_MIN: usize = 3;

/// What stands before a path of any form.
const GIVING: [&str; 12] = [
    "--directory",
    "--filename",
    "--kustomize",
    "--local",
    "--path",
    "--project-directory",
    "--values",
    "-chdir",
    "apply",
    "build",
    "cd",
    "pushd",
];

/// How deep commands stand in each other, and how far they go down into directories, for these to be told apart.
const NESTED_MAX: usize = 64;

/// How many names of a text are looked for at most.
const IN_TEXT_MAX: usize = 1_000;

/// What has a deployer change nothing but its own answer, and what only takes something away.
const IDLE: [&str; 36] = [
    "auth",
    "delete",
    "dependency",
    "deps",
    "describe",
    "destroy",
    "diff",
    "down",
    "events",
    "explain",
    "fetch",
    "fmt",
    "get",
    "graph",
    "history",
    "init",
    "inspect",
    "lint",
    "list",
    "logs",
    "package",
    "pause",
    "plan",
    "preview",
    "ps",
    "rm",
    "search",
    "show",
    "status",
    "stop",
    "suspend",
    "top",
    "uninstall",
    "validate",
    "version",
    "wait",
];

/// What has it print manifests, which somebody may deploy.
const RENDERING: [&str; 7] = ["build", "config", "convert", "kustomize", "manifest", "render", "template"];

/// What has it deploy.
const DEPLOYING: [&str; 19] = [
    "apply", "create", "deploy", "edit", "install", "patch", "play", "replace", "restart", "resume",
    "rollback", "run", "scale", "set", "start", "sync", "up", "undo", "upgrade",
];

/// Flags by which a deployer only says what it would do.
const DRY: [&str; 8] = [
    "--check",
    "--diff-run",
    "--dry-run",
    "--list-hosts",
    "--list-tasks",
    "--no-start",
    "--replicas=0",
    "--syntax-check",
];

/// Kinds of objects that run something, by what `kubectl` calls them.
const KINDS: [(&str, &[&str]); 7] = [
    ("CronJob", &["cj", "cronjob", "cronjobs"]),
    ("DaemonSet", &["daemonset", "daemonsets", "ds"]),
    ("Deployment", &["deploy", "deployment", "deployments"]),
    ("Job", &["job", "jobs"]),
    ("Pod", &["po", "pod", "pods"]),
    ("ReplicaSet", &["replicaset", "replicasets", "rs"]),
    ("StatefulSet", &["statefulset", "statefulsets", "sts"]),
];

/// What one command names.
pub(in super::super) struct NamedFiles {
    /// In the order in which they stand, which may count.
    pub(in super::super) files: Vec<String>,
    /// What stands behind the name of a directory for what is taken of it.
    pub(in super::super) below: &'static [&'static str],
    /// Whether the command deploys them: not where it only shows, compares or deletes.
    pub(in super::super) is_deployed: bool,
    /// Whether a command names them, and not an expression or a variable.
    pub(in super::super) is_command: bool,
}

/// Returns the paths that an expression says.
pub(in super::super) fn paths_in(text: &str) -> NamedFiles {
    NamedFiles { files: paths(&parts(text)), below: &[BELOW], is_deployed: true, is_command: false }
}

/// Returns the paths that a program has in quotes.
pub(in super::super) fn quoted_paths(text: &str) -> NamedFiles {
    let quoted = text.lines().flat_map(|line| {
        let pieces = line.split(['"', '\'']).skip(1).step_by(2);
        pieces.filter(|piece| is_path(piece) && !piece.contains(|c: char| c.is_whitespace() || c == ':'))
    });
    let files = quoted.map(str::to_owned).take(IN_TEXT_MAX).collect();
    NamedFiles { files, below: &[BELOW], is_deployed: true, is_command: true }
}

/// Returns what the commands of a text name that deploy files. A list of files that one variable holds, as `COMPOSE_FILE` does, is
/// one, too.
pub(in super::super) fn files(text: &str) -> Vec<NamedFiles> {
    if !parts(text).iter().any(|word| has_role(word, ProgramRole::Deployer)) {
        let lists =
            text.split_whitespace().map(|word| word.rsplit_once('=').map_or(word, |(_, files)| files));
        let is_list = |list: &&str| list.contains([':', ';']) && list.split([':', ';']).all(is_manifest);
        let lists = lists.filter(is_list).map(|list| list.split([':', ';']).map(str::to_owned).collect());
        return lists
            .map(|files| NamedFiles { files, below: &[BELOW], is_deployed: true, is_command: false })
            .collect();
    }
    let all = commands(text);
    let has_deployer: Vec<bool> = all.iter().map(|words| has_deployer(words)).collect();
    let of_deployers = all.iter().zip(&has_deployer).filter(|(_, has)| **has).map(|(words, _)| words);
    // Not what they write to.
    let read = of_deployers.flat_map(|words| words.iter().take_while(|word| !word.starts_with('>')));
    let taken: HashSet<&str> =
        read.flat_map(|word| word.split('=')).filter(|word| !word.is_empty()).collect();
    let mut deployed: Vec<bool> = (0..all.len())
        .map(|at| {
            let next = all.get(at + 1).filter(|_| has_deployer[at + 1]);
            deploys(&all[at], next.map_or(&[], Vec::as_slice), &taken)
        })
        .collect();
    let dry = dry_variables(text);
    for (words, deployed) in all.iter().zip(&mut deployed) {
        let is_dry = |word: &String| {
            let name = word.strip_prefix('$').unwrap_or_default();
            dry.contains(name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name))
        };
        *deployed &= !words.iter().any(is_dry);
    }
    // What is done in a directory says what it is gone to for.
    let mut gone_to: Vec<Vec<usize>> = vec![Vec::new()];
    let mut directories: Vec<Option<String>> = Vec::with_capacity(all.len());
    for at in 0..all.len() {
        let (first, second) = (all[at][0].as_str(), all[at].get(1).map_or("", String::as_str));
        let mut here = gone_to.pop().unwrap_or_default();
        match first {
            OPEN if gone_to.len() < NESTED_MAX => gone_to.push(here.clone()),
            // The one around it goes on.
            CLOSE => here = gone_to.pop().unwrap_or(here),
            "popd" => drop(here.pop()),
            "cd" | "pushd" if here.len() < NESTED_MAX => {
                deployed[at] = false;
                if second.starts_with(['/', '$', '-', '~']) || second.starts_with("..") {
                    here.clear();
                }
                here.push(at);
            }
            _ if has_deployer[at] && deployed[at] => here.iter().for_each(|to| deployed[*to] = true),
            _ => {}
        }
        let above = here.iter().filter_map(|to| Some(all[*to].get(1)?.as_str()));
        let above: Vec<&str> = above.filter(|above| above.len() <= LENGTH_MAX).collect();
        directories.push(Some(above.join("/")).filter(|above| !above.is_empty()));
        gone_to.push(here);
    }
    let mut found = Vec::new();
    for ((words, is_deployed), directory) in all.iter().zip(deployed).zip(directories) {
        let own = parts_of_command(words);
        let below = taken_below(words);
        let mut files = paths(&own);
        let inside = words.iter().find_map(|word| word.strip_prefix("-chdir=")).or(directory.as_deref());
        let seen: Vec<String> = files.iter().filter_map(|file| Some(format!("{}/{file}", inside?))).collect();
        files.extend(seen);
        files.extend(services(words));
        files.extend(objects(words));
        let named = |files| NamedFiles { files, below, is_deployed, is_command: true };
        // Objects are applied each by itself.
        match words.iter().any(|word| is_client(word)) {
            true => found.extend(files.into_iter().map(|path| named(vec![path]))),
            false => found.push(named(files)),
        }
    }
    found
}

/// Returns whether a text may have a command that deploys files.
pub(in super::super) fn may_deploy(text: &str) -> bool {
    with_role(ProgramRole::Deployer).any(|program| text.contains(program))
}

/// Returns whether a command may deploy what it is given; `next` is the deployer behind it, which may read what it prints, and `taken`
/// are the words of all deployers of the text.
fn deploys(words: &[String], next: &[String], taken: &HashSet<&str>) -> bool {
    let is_before = |word: &&String| word.contains('=') && !word.starts_with('-') || *word == "sudo";
    let first = words.iter().find(|word| !is_before(word)).map_or("", String::as_str);
    if matches!(first, "echo" | "printf" | ":" | "true") {
        return false;
    }
    let is_read = || next.iter().any(|word| word == "-" || word == "/dev/stdin");
    // What is written somewhere may be deployed from there.
    let is_kept = || {
        let at = words.iter().position(|word| word.starts_with('>'));
        let joined = at.map(|at| words[at].trim_start_matches('>')).filter(|file| !file.is_empty());
        let file = joined.or_else(|| words.get(at? + 1).map(String::as_str));
        file.is_some_and(|file| taken.contains(file))
    };
    let Some(program) = words.iter().position(|word| has_role(word, ProgramRole::Deployer)) else {
        // What nobody knows deploys nothing by itself, but for scripts, loops, and what moves files about.
        let is_script = first.starts_with("./") || first.ends_with(".sh");
        return is_script || HANDING.contains(&name_of(first)) || is_read() || is_kept();
    };
    let rest = &words[program + 1..];
    let is_dry = |word: &String| {
        let is_none = word.ends_with("=none") || word.ends_with("=false");
        let is_flag =
            |flag: &str| word == flag || word.strip_prefix(flag).is_some_and(|it| it.starts_with('='));
        let is_letter =
            || words[program].ends_with("ansible-playbook") && matches!(word.as_str(), "-C" | "-CD" | "-DC");
        (DRY.iter().any(|flag| is_flag(flag)) || is_letter()) && !is_none
    };
    if rest.iter().any(is_dry) || rest.windows(2).any(|pair| pair[0] == "--replicas" && pair[1] == "0") {
        return false;
    }
    let before = std::iter::once(&words[program]).chain(rest);
    // What stands behind a flag may be its value.
    let verbs: Vec<(bool, &str)> = before
        .zip(rest)
        .filter(|(_, word)| !word.starts_with('-'))
        .map(|(before, word)| (before.starts_with('-') && !before.contains('='), word.as_str()))
        .take(4)
        .collect();
    let says = |all: &[&str]| verbs.iter().position(|(is_value, verb)| !is_value && all.contains(verb));
    let deploys = verbs.iter().position(|(_, verb)| DEPLOYING.contains(verb));
    match (deploys, says(&IDLE), says(&RENDERING)) {
        (Some(deploys), idle, renders) => {
            idle.is_none_or(|idle| deploys < idle) && renders.is_none_or(|renders| deploys < renders)
        }
        (None, Some(_), None) => false,
        (None, _, Some(_)) => is_read() || is_kept(),
        (None, None, None) => true,
    }
}

/// Returns the variables that a text sets so that a deployer only says what it would do.
fn dry_variables(text: &str) -> HashSet<&str> {
    let words = text.split(|c: char| c.is_whitespace() || c == ';');
    let set = words.filter_map(|word| {
        word.split_once('=').filter(|(name, _)| !name.is_empty() && !name.starts_with('-'))
    });
    set.filter(|(_, value)| DRY.iter().any(|flag| value.contains(flag))).map(|(name, _)| name).collect()
}

fn has_deployer(words: &[String]) -> bool {
    words.iter().any(|word| has_role(word, ProgramRole::Deployer))
}

/// Words that begin a command by which others get the files that it names.
const HANDING: [&str; 14] = [
    "", "-include", ".", "bash", "cp", "export", "find", "for", "include", "ln", "mv", "python3", "sh",
    "source",
];

/// Returns what a command takes of a directory that it is given: `kubectl` leaves out what lies deeper, but with `-R`.
fn taken_below(words: &[String]) -> &'static [&'static str] {
    let says = |all: &[&str]| words.iter().any(|word| all.contains(&word.as_str()));
    let is_client = words.iter().any(|word| is_client(word));
    match () {
        () if !is_client || says(&["-k", "--kustomize"]) => &[BELOW],
        () if says(&["-R", "--recursive", "--recursive=true", "-Rf", "-fR"]) => &[INSIDE, DEEPER],
        () => &[INSIDE],
    }
}

fn is_client(word: &str) -> bool {
    matches!(name_of(word), "kubectl" | "oc")
}

/// Returns the objects that `kubectl` is told to change: `deploy/web`, `cronjob old`, `--from=cronjob/old`.
fn objects(words: &[String]) -> Vec<String> {
    if !words.iter().any(|word| is_client(word)) {
        return Vec::new();
    }
    let kind = |said: &str| {
        let said = said.split_once('.').map_or(said, |(kind, _group)| kind);
        KINDS.iter().find(|(_, names)| names.contains(&said)).map(|(kind, _)| *kind)
    };
    let joined = words.iter().filter_map(|word| {
        let (said, name) = word.strip_prefix("--from=").unwrap_or(word).split_once('/')?;
        kind(said).map(|kind| object_name(kind, name))
    });
    let pairs = words.windows(2).filter(|pair| !pair[1].starts_with('-'));
    let pairs = pairs.filter_map(|pair| kind(&pair[0]).map(|kind| object_name(kind, &pair[1])));
    joined.chain(pairs).collect()
}

/// Returns the words of a text that paths may be.
fn parts(text: &str) -> Vec<String> {
    let ends = |c: char| c.is_whitespace() || "\"'`=,;:()|[]{}<>".contains(c);
    text.split(ends).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Does so for a command, with what is in braces written out, and paths with blanks in them whole.
fn parts_of_command(words: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for word in words {
        for word in written_out(word) {
            if word.contains(' ') && is_manifest(&word) {
                all.push(word.clone());
            }
            all.extend(parts(&word));
        }
    }
    all
}

/// Returns what a shell makes of a word with a list in braces: `{a,b}/c` is `a/c` and `b/c`.
fn written_out(word: &str) -> Vec<String> {
    let braces = || {
        let (before, rest) = word.split_once('{').filter(|(before, _)| !before.ends_with('$'))?;
        let (list, behind) = rest.split_once('}')?;
        let is_list = list.contains(',') && !list.contains(['{', ' ', ':', '"']);
        is_list.then(|| list.split(',').map(|item| format!("{before}{item}{behind}")).collect())
    };
    braces().unwrap_or_else(|| vec![word.to_owned()])
}

fn paths(words: &[String]) -> Vec<String> {
    let is_searched = words.first().is_some_and(|word| word == "find");
    let searched = words.iter().skip(1).take_while(|word| is_searched && !word.starts_with('-')).count();
    let is_loop =
        words.first().is_some_and(|word| word == "for") && words.get(2).is_some_and(|word| word == "in");
    let is_given = |at: usize, before: &str, word: &str| {
        let is_flag =
            before.starts_with('-') && !before.starts_with("--") && before.ends_with(['f', 'k', 'C']);
        (GIVING.contains(&before) || is_flag || (1..=searched).contains(&at) || is_loop && at > 2)
            && !word.starts_with('-')
    };
    let before = std::iter::once("").chain(words.iter().map(String::as_str));
    let pairs = before
        .zip(words)
        .enumerate()
        .filter(|(at, (before, word))| is_path(word) || is_given(*at, before, word));
    // A short flag and its path may be one word.
    let paths = pairs.map(|(_, (_, word))| {
        ["-f", "-k", "-C"].iter().find_map(|flag| word.strip_prefix(flag)).unwrap_or(word)
    });
    paths.map(str::to_owned).take(IN_TEXT_MAX).collect()
}

fn is_path(word: &str) -> bool {
    let is_short = (LENGTH_MIN..=LENGTH_MAX).contains(&word.len());
    let has_ending = || word.rsplit_once('.').is_some_and(|(name, _)| !name.is_empty());
    is_short && !word.starts_with("//") && !is_version(word) && (word.contains('/') || has_ending())
}

fn is_manifest(file: &str) -> bool {
    [".json", ".yaml", ".yml"].iter().any(|ending| file.ends_with(ending))
}

/// Returns whether a word is a version and nothing else.
pub(in super::super) fn is_version(word: &str) -> bool {
    word.trim_start_matches('v').chars().all(|c| c.is_ascii_digit() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployed(text: &str) -> Vec<String> {
        files(text).into_iter().filter(|named| named.is_deployed).flat_map(|named| named.files).collect()
    }

    #[test]
    fn what_a_command_deploys_is_named() {
        for (text, name) in [
            ("kubectl apply -f old.yaml", "old.yaml"),
            ("kubectl apply -f {new,old}/d.yaml", "old/d.yaml"),
            ("kubectl apply -f \"old/my app.yaml\"", "old/my app.yaml"),
            ("kubectl apply -fold.yaml", "old.yaml"),
            ("kubectl -n get apply -f old.yaml", "old.yaml"),
            ("kubectl apply --dry-run=none -f old.yaml", "old.yaml"),
            ("find new old -name x -exec kubectl apply -f {} +", "old"),
            ("make -C old deploy", "old"),
            ("terraform -chdir=old apply", "old"),
            ("cd old && terraform init && terraform apply", "old"),
            ("argocd app set w --path old", "old"),
            ("kustomize build old | kubectl apply -f -", "old"),
            ("helm template ./old > out.yaml; kubectl apply -f out.yaml", "./old"),
            ("cat old.yaml | kubectl apply -f -", "old.yaml"),
            ("for f in old/*.yaml; do kubectl apply -f $f; done", "old/*.yaml"),
            ("kubectl rollout restart deploy/old", "Deployment#old"),
            ("docker compose -f old.yaml up", "old.yaml"),
            ("docker compose up -d web", "compose.yaml#web"),
            ("docker compose -f old.yaml up -t 5 web", "old.yaml#web"),
            ("docker-compose up --scale web=2", "compose.yaml#web"),
            ("docker compose up -d", "docker-compose.yml"),
            ("kubectl scale deploy/old --replicas=2", "Deployment#old"),
            ("kubectl patch cronjob old -p '{}'", "CronJob#old"),
            ("kubectl create job x --from=cronjob/old", "CronJob#old"),
            ("ssh host 'cd /srv && docker compose -f old.yaml up -d'", "old.yaml"),
        ] {
            assert!(deployed(text).iter().any(|named| named == name), "{text}: {:?}", deployed(text));
        }
    }

    #[test]
    fn what_a_command_only_shows_or_takes_away_is_not_deployed() {
        for text in [
            "kubectl delete -f old.yaml",
            "kubectl diff -k old || true",
            "kubectl apply --dry-run=server -f old.yaml",
            "kubectl scale --replicas=0 deploy/old",
            "kustomize build old > /dev/null",
            "helm lint ./old",
            "helm template ./old",
            "docker compose -f old.yaml config -q",
            "docker compose -f old.yaml down",
            "cd old && terraform validate",
            "echo kubectl apply -f old.yaml",
            "# kubectl apply -f old.yaml",
            "ansible-playbook --check old.yaml",
            "terraform plan -chdir=old",
            "terraform -chdir=old plan",
            "cd old && terraform init && terraform plan",
            "kubeconform old/ && kubectl get pods",
            "git diff -- base/old; kubectl get pods",
            "helm template ./old | kubeconform -; kubectl get pods",
            "helm template ./old > out.yaml; kubeconform out.yaml; kubectl get pods",
            "kubectl rollout status deploy/old",
            "kubectl scale deploy/old --replicas 0",
            "ansible-playbook -C old.yml",
        ] {
            assert_eq!(deployed(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_is_taken_along_is_told() {
        let of = |text: &str| files(text).into_iter().map(|named| named.below).collect::<Vec<_>>();
        assert_eq!(of("kubectl apply -f old"), [[INSIDE]]);
        assert_eq!(of("kubectl apply -R -f old"), [[INSIDE, DEEPER]]);
        assert_eq!(of("kubectl apply -k old"), [[BELOW]]);
        assert_eq!(of("helm install a ./old"), [[BELOW]]);
    }
}
