//! `promote` and `rollback` in a checkout, killed at any point and run again: the same files as if nobody had killed them.
//!
//! The process is killed by the system, in the middle of a write: a file may become only so large (RLIMIT_FSIZE, whose
//! signal nobody handles), and the one that is to be written then is larger. Which one that is decides how far it comes.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::checkout::Scene;
use crate::support::mood::Faults;
use crate::support::registry::Registry;

/// How large a file is whose writing kills.
const LARGE: usize = 200_000;

/// In blocks of 512 or 1024 bytes, as the shell counts them.
const LIMIT: &str = "ulimit -c 0 && ulimit -f 128 && exec \"$0\" \"$@\"";

const SIGXFSZ: i32 = 25;

const API: &str = "docker.io/acme/api";

const CONFIG: &str = "[[environment]]\nname = \"dev\"\npaths = [\"dev/**\"]\n\
                      [[environment]]\nname = \"staging\"\npaths = [\"staging/**\"]\nafter = \"dev\"\n";

type Files = BTreeMap<String, String>;

/// A repository with two generations of an image, and the registry that has both.
struct Killed {
    scene: Scene,
    registry: Registry,
    bot: String,
    old: String,
    new: String,
}

impl Killed {
    async fn new() -> Self {
        let (registry, scene) = (Registry::start().await, Scene::new(&[("tagpin.toml", CONFIG)]));
        let [old, new] = ["old", "new"].map(|build| registry.put_index(API, "1", &["linux/amd64"], build));
        let bot = scene.directory.path().join("bot.toml").display().to_string();
        let host = registry.host();
        let text = format!(
            "[annotations]\nenabled = false\n[[registry]]\nprefix = \"docker.io\"\nlocation = \"{host}/docker.io\"\n\
             insecure = true\n"
        );
        fs_err::write(&bot, text).unwrap();
        Self { scene, registry, bot, old, new }
    }

    fn pod(&self, digest: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - {{name: a, image: \"acme/api:1@{digest}\"}}\n"
        )
    }

    /// Makes a file so large that writing it kills.
    fn enlarge(&self, name: &str) {
        let padding = "# nothing\n".repeat(LARGE / 10);
        self.scene.write(name, &(self.scene.read(name) + &padding));
    }

    fn files(&self) -> Files {
        let mut files = Files::new();
        for directory in ["", "dev", "staging"] {
            for entry in fs_err::read_dir(self.scene.path(directory)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    let text = fs_err::read_to_string(entry.path()).unwrap();
                    files.insert(format!("{directory}/{}", entry.file_name().into_string().unwrap()), text);
                }
            }
        }
        files
    }

    fn restore(&self, files: &Files) {
        files.iter().for_each(|(name, text)| self.scene.write(name.trim_start_matches('/'), text));
        assert_eq!(self.files(), *files);
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [args, &["--config", &self.bot]].concat()
    }

    fn run(&self, args: &[&str]) {
        let (code, out, err) = self.scene.run(&self.args(args));
        assert_eq!(code, 0, "{out}{err}");
    }

    /// Runs it where no large file can be written, and returns the files that are left: whole ones, and the half one.
    fn kill(&self, args: &[&str]) -> (Files, usize) {
        let mut command = Command::new("sh");
        command.arg("-c").arg(LIMIT).arg(env!("CARGO_BIN_EXE_tagpin")).args(self.args(args));
        command.current_dir(self.scene.path("")).env_clear().env("HOME", self.scene.directory.path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.signal(), Some(SIGXFSZ), "{}", String::from_utf8_lossy(&output.stderr));
        let mut files = self.files();
        let all = files.len();
        files.retain(|name, _| !name.contains(".tagpin-write-"));
        let half = all - files.len();
        (files, half)
    }

    /// Kills it while it writes each of `order` in turn, and runs it again.
    fn kill_at_every_file(&self, args: &[&str], order: &[&str]) {
        for (reached, large) in order.iter().enumerate() {
            let small = self.files();
            self.enlarge(large);
            let before = self.files();
            self.run(args);
            let whole = self.files();
            assert_ne!(whole, before);
            self.restore(&before);

            let (killed, half) = self.kill(args);
            assert_eq!(half, 1, "{large}: it was killed in the middle");
            for (name, text) in &killed {
                let is_done = order[..reached].contains(&name.trim_start_matches('/'));
                assert_eq!(
                    text,
                    if is_done { &whole[name] } else { &before[name] },
                    "{name}, killed at {large}"
                );
            }
            self.run(args);
            assert_eq!(self.files(), whole, "killed at {large} and run again");
            self.run(args);
            assert_eq!(self.files(), whole, "and once more");
            self.restore(&small);
        }
    }
}

const STAGING: [&str; 3] = ["staging/a.yaml", "staging/b.yaml", "staging/c.yaml"];

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_was_killed_is_finished_by_the_next_one() {
    let killed = Killed::new().await;
    killed.scene.write("dev/a.yaml", &killed.pod(&killed.new));
    STAGING.iter().for_each(|name| killed.scene.write(name, &killed.pod(&killed.old)));
    killed.scene.commit();
    killed.kill_at_every_file(&["promote", "dev", "staging"], &STAGING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_was_killed_is_finished_by_the_next_one() {
    let killed = Killed::new().await;
    fs_err::create_dir(killed.scene.path("dev")).unwrap();
    for digest in [&killed.old, &killed.new] {
        STAGING.iter().for_each(|name| killed.scene.write(name, &killed.pod(digest)));
        killed.scene.commit();
    }
    // The hold comes first: nothing that was rolled back is ever without it.
    let order = [&["tagpin.toml"][..], &STAGING].concat();
    let back = ["rollback", "staging", "--to", "previous", "--reason", "TICKET-1"];
    killed.kill_at_every_file(&back, &order);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_while_it_asks_the_registry_has_written_nothing() {
    let killed = Killed::new().await;
    killed.scene.write("dev/a.yaml", &killed.pod(&killed.new));
    for digest in [&killed.new, &killed.old] {
        STAGING.iter().for_each(|name| killed.scene.write(name, &killed.pod(digest)));
        killed.scene.commit();
    }
    let before = killed.files();
    for args in [&["promote", "dev", "staging"][..], &["rollback", "staging", "--to", "previous"]] {
        killed.registry.forget_requests();
        killed.registry.set(|mood| mood.faults = Some(Faults { hang: 1.0, ..Faults::default() }));
        let mut command = killed.scene.command(&killed.scene.path(""), &killed.args(args));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        while !killed.registry.requests().iter().any(|request| request.path.contains("/manifests/")) {
            assert!(child.try_wait().unwrap().is_none(), "it ends without a question");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert_eq!(killed.files(), before, "{args:?}");
        killed.registry.set(|mood| mood.faults = None);
        killed.run(args);
        assert!(STAGING.iter().all(|name| killed.scene.read(name) == killed.pod(&killed.new)), "{args:?}");
        killed.restore_to(&before);
    }
}

impl Killed {
    /// The same where files may have come that were not there.
    fn restore_to(&self, files: &Files) {
        for name in self.files().keys().filter(|name| !files.contains_key(*name)) {
            fs_err::remove_file(self.scene.path(name.trim_start_matches('/'))).unwrap();
        }
        self.restore(files);
    }
}
