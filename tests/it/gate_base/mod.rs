//! The gate over a change: what decides is the base's, what is judged is the commit, and no finding walks away.

mod asked_for;
mod begun;
mod begun_by_itself;
mod bounded;
mod by_variable;
mod chart_code;
mod chart_definitions;
mod chart_values;
mod charts;
mod commanded;
mod decides;
mod deployed;
mod deployed_otherwise;
mod evaluated;
mod given;
mod inputs;
mod judged;
mod kept_off;
mod led_to;
mod looked_behind;
mod mentions;
mod moved;
mod named;
mod read_by_name;
mod steps;
mod switched;
mod taken_away;
mod taken_in;
mod taken_in_by_terraform;
mod understood;
mod values;
mod variable_switches;
mod variables;

use std::path::Path;

use serde_json::Value;

use crate::support::checkout::Scene;

const PIN: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";
const FLOATING: &str = "services:\n  api:\n    image: redis:6\n";
const LOOSE: &str = "[[check.rule]]\nlevel = \"off\"\n";

fn pinned() -> String {
    format!("services:\n  api:\n    image: redis:6@{PIN}\n")
}

/// What a commit gets at a path.
#[derive(Clone, Copy)]
enum Put<'t> {
    Text(&'t str),
    Link(&'t str),
    Executable(&'t str),
    Submodule(char),
    Gone,
}

use Put::{Executable, Gone, Link, Submodule, Text};

impl Scene {
    /// Commits entries on top of HEAD without touching the work tree.
    fn commit_entries(&self, entries: &[(&[u8], Put<'_>)]) -> git2::Oid {
        let mut index = git2::Index::new().unwrap();
        index.read_tree(&self.git.head().unwrap().peel_to_tree().unwrap()).unwrap();
        for (path, put) in entries {
            let (mode, id) = match put {
                Gone => {
                    let path = Path::new(std::str::from_utf8(path).unwrap());
                    let _ = index.remove_path(path);
                    let _ = index.remove_dir(path, 0);
                    continue;
                }
                Text(text) => (0o100_644, self.git.blob(text.as_bytes()).unwrap()),
                Executable(text) => (0o100_755, self.git.blob(text.as_bytes()).unwrap()),
                Link(target) => (0o120_000, self.git.blob(target.as_bytes()).unwrap()),
                Submodule(digit) => (0o160_000, git2::Oid::from_str(&digit.to_string().repeat(40)).unwrap()),
            };
            let time = git2::IndexTime::new(0, 0);
            let (flags, flags_extended) = (0, 0);
            let (dev, ino, uid, gid, file_size) = (0, 0, 0, 0, 0);
            let (ctime, mtime, path) = (time, time, path.to_vec());
            let entry = git2::IndexEntry {
                ctime,
                mtime,
                dev,
                ino,
                mode,
                uid,
                gid,
                file_size,
                id,
                flags,
                flags_extended,
                path,
            };
            index.add(&entry).unwrap();
        }
        let tree = self.git.find_tree(index.write_tree_to(&self.git).unwrap()).unwrap();
        let person = git2::Signature::now("a", "a@example.com").unwrap();
        let parent = self.git.head().unwrap().peel_to_commit().unwrap();
        self.git.commit(Some("HEAD"), &person, &person, "change", &tree, &[&parent]).unwrap()
    }

    fn check_out(&self) {
        let mut options = git2::build::CheckoutBuilder::new();
        self.git.checkout_head(Some(options.force().remove_untracked(true))).unwrap();
    }

    fn head(&self) -> String {
        self.git.head().unwrap().peel_to_commit().unwrap().id().to_string()
    }

    /// Returns the exit code, the findings as `file rule`, the files that were not read, and standard error.
    fn judged(&self, args: &[&str]) -> (i32, Vec<String>, Vec<String>, String) {
        let (code, out, err) = self.run(&[args, &["--format", "json"]].concat());
        let json: Value = serde_json::from_str(&out).unwrap_or_default();
        let list = |key: &str, keys: &[&str]| {
            let all = json[key].as_array().cloned().unwrap_or_default();
            let words = all.iter().map(|one| {
                keys.iter().map(|key| one[*key].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
            });
            words.map(|words| words.join(" ")).collect::<Vec<_>>()
        };
        (code, list("findings", &["file", "rule"]), list("unread", &["file", "reason", "detail"]), err)
    }
}

/// Files before a change, and those that it writes.
struct Change {
    scene: Scene,
    base: String,
}

/// What the gate said of a change.
#[derive(Debug)]
struct Judged {
    code: i32,
    /// The file, the rule and the message of each finding.
    findings: Vec<(String, String, String)>,
    #[expect(dead_code, reason = "it is shown where a case fails")]
    unread: Vec<String>,
    #[expect(dead_code, reason = "it is shown where a case fails")]
    err: String,
}

impl Change {
    /// Returns the change that writes `after` where `before` was, beside a manifest in which all is well; what is written
    /// as `GONE` is deleted.
    fn of<A: AsRef<str>, B: AsRef<str>>(before: &[(&str, A)], after: &[(&str, B)]) -> Self {
        let app = pinned();
        let mut files = vec![("app.yaml", app.as_str())];
        files.extend(before.iter().map(|(path, text)| (*path, text.as_ref())));
        let scene = Scene::new(&files);
        let base = scene.head();
        let put = |text| if text == GONE { Gone } else { Text(text) };
        let entries: Vec<_> =
            after.iter().map(|(path, text)| (path.as_bytes(), put(text.as_ref()))).collect();
        scene.commit_entries(&entries);
        scene.check_out();
        Self { scene, base }
    }

    /// Returns what the gate says of it as commits, and as a patch.
    fn judged(&self) -> [(&'static str, Judged); 2] {
        let since = ["check", "--changed-since", &self.base, "--format", "json"];
        let patch = ["check", "--diff", "-", "--format", "json"];
        [("as commits", self.judged_by(&since, b"")), ("as a patch", self.judged_by(&patch, &self.patch()))]
    }

    fn judged_by(&self, args: &[&str], stdin: &[u8]) -> Judged {
        let (code, out, err) = self.scene.run_in(&self.scene.path(""), args, stdin);
        let json: Value = serde_json::from_str(&out).unwrap_or_default();
        let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
        let word = |one: &Value, key: &str| one[key].as_str().unwrap_or("-").to_owned();
        let findings = list("findings");
        let findings =
            findings.iter().map(|one| (word(one, "file"), word(one, "rule"), word(one, "message")));
        let unread = list("unread");
        let unread = unread.iter().map(|one| format!("{} {}", word(one, "file"), word(one, "reason")));
        Judged { code, findings: findings.collect(), unread: unread.collect(), err }
    }

    fn patch(&self) -> Vec<u8> {
        let git = &self.scene.git;
        let tree = |revision: &str| git.revparse_single(revision).unwrap().peel_to_tree().unwrap();
        let diff = git.diff_tree_to_tree(Some(&tree(&self.base)), Some(&tree("HEAD")), None).unwrap();
        let mut patch = Vec::new();
        diff.print(git2::DiffFormat::Patch, |_, _, line| {
            if matches!(line.origin(), '+' | '-' | ' ') {
                patch.push(line.origin() as u8);
            }
            patch.extend_from_slice(line.content());
            true
        })
        .unwrap();
        patch
    }
}

/// Stands for a file that a change deletes.
const GONE: &str = "\0gone";
