//! The steps that edit files in a checkout: the same files as if nothing had happened, and never half of one.
//!
//! A file may become only so large (RLIMIT_FSIZE), and the one that is to be written then is larger: which one that is
//! decides how far the command comes.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use super::fault::Fault;
use crate::support::checkout::Scene;
use crate::support::mood::Faults;
use crate::support::registry::Registry;

/// How large a file is whose writing goes wrong, and how many blocks one may have.
const LARGE: usize = 200_000;
const BLOCKS: u32 = 128;

/// A command that edits files, and the order in which it does.
pub(super) struct Edit {
    pub(super) args: &'static [&'static str],
    pub(super) order: &'static [&'static str],
    /// Whether it asks registries.
    pub(super) asks: bool,
    pub(super) prepare: fn(&Checkout),
}

pub(super) const STAGING: [&str; 3] = ["staging/a.yaml", "staging/b.yaml", "staging/c.yaml"];

pub(super) const KNOWN_GOOD: &str = "tagpin-known-good.toml";

/// What stands in the place of the time at which a digest was marked.
const MARKED: &str = "marked = \"2026-01-01T00:00:00Z\"";

const SIGXFSZ: i32 = 25;

const API: &str = "docker.io/acme/api";

pub(super) const CONFIG: &str = "[[environment]]\nname = \"dev\"\npaths = [\"dev/**\"]\n\
                      [[environment]]\nname = \"staging\"\npaths = [\"staging/**\"]\nafter = \"dev\"\n";

type Files = BTreeMap<String, String>;

impl Edit {
    /// Lets the fault strike each file that is written.
    pub(super) async fn suffer(&self, fault: Fault) {
        if matches!(fault, Fault::Cache(_)) || (fault == Fault::KilledAtRequest && !self.asks) {
            return;
        }
        let checkout = Checkout::new().await;
        fs_err::create_dir_all(checkout.scene.path("dev")).unwrap();
        (self.prepare)(&checkout);
        match fault {
            Fault::KilledAtRequest => checkout.kill_while_it_asks(self.args).await,
            Fault::ClockSetBack => checkout.run_with_an_old_clock(self.args),
            _ => checkout.spoil_every_write(self, fault),
        }
    }
}

/// A repository with two generations of an image, and the registry that has both.
pub(super) struct Checkout {
    pub(super) scene: Scene,
    registry: Registry,
    bot: String,
    pub(super) old: String,
    pub(super) new: String,
}

impl Checkout {
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

    pub(super) fn pod(&self, digest: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - {{name: a, image: \"acme/api:1@{digest}\"}}\n"
        )
    }

    /// Makes a file so large that writing it goes wrong.
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
                    let line = |line: &str| {
                        if line.starts_with("marked = ") { MARKED } else { line }.to_owned() + "\n"
                    };
                    let text = text.lines().map(line).collect();
                    files.insert(format!("{directory}/{}", entry.file_name().into_string().unwrap()), text);
                }
            }
        }
        files
    }

    /// Returns a list so long that writing it goes wrong, of what is good in another environment.
    pub(super) fn known_good_elsewhere(&self) -> String {
        let commit = "a1".repeat(20);
        (0..LARGE / 200).fold("version = 1\n".to_owned(), |text, i| {
            text + &format!(
                "\n[[known-good]]\nenvironment = \"dev\"\nimage = \"ghcr.io/acme/a{i}\"\ntag = \"1\"\ndigest = \"{}\"\n{MARKED}\n\
                 commit = \"{commit}\"\n",
                self.old
            )
        })
    }

    /// Makes the files what they were, where others may have come.
    fn restore(&self, files: &Files) {
        for name in self.files().keys().filter(|name| !files.contains_key(*name)) {
            fs_err::remove_file(self.scene.path(name.trim_start_matches('/'))).unwrap();
        }
        files.iter().for_each(|(name, text)| self.scene.write(name.trim_start_matches('/'), text));
        assert_eq!(self.files(), *files);
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [args, &["--config", &self.bot]].concat()
    }

    fn run(&self, args: &[&str]) {
        let (code, out, err) = self.scene.run(&self.args(args));
        assert_eq!(code, 0, "{args:?}: {out}{err}");
    }

    /// Runs it, and returns the files before, which are there again, and behind it.
    fn rehearse(&self, args: &[&str]) -> (Files, Files) {
        let before = self.files();
        self.run(args);
        let whole = self.files();
        assert_ne!(whole, before);
        self.restore(&before);
        (before, whole)
    }

    pub(super) fn floating(&self) {
        let pod = self.pod("x").replace("@x", "");
        STAGING.iter().for_each(|name| self.scene.write(name, &pod));
        self.scene.commit();
    }

    /// Runs it with a fault, and returns how that ended and the files that are left: whole ones, and how many half ones.
    fn suffer(&self, args: &[&str], fault: Fault) -> (Output, Files, usize) {
        let mut command = fault.program(&self.scene.path(""), BLOCKS);
        command.args(self.args(args)).current_dir(self.scene.path(""));
        let output = command.env("HOME", self.scene.directory.path()).stdin(Stdio::null()).output().unwrap();
        let mut files = self.files();
        let all = files.len();
        files.retain(|name, _| !name.contains(".tagpin-write-"));
        let half = all - files.len();
        (output, files, half)
    }

    /// Lets one write after the other go wrong, and runs it again.
    fn spoil_every_write(&self, step: &Edit, fault: Fault) {
        let Edit { args, order, .. } = step;
        for (reached, spoilt) in order.iter().enumerate() {
            let at = format!("{args:?}: {fault:?} at {spoilt}");
            let small = self.files();
            if !fault.hits_all() {
                self.enlarge(spoilt);
            }
            let (before, whole) = self.rehearse(args);
            let directory = self.scene.path(spoilt).parent().unwrap().to_owned();
            let mode = |mode| fs_err::set_permissions(&directory, PermissionsExt::from_mode(mode)).unwrap();
            mode(fault.mode());
            let (output, left, half) = self.suffer(args, fault);
            mode(0o755);
            let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            if fault == Fault::KilledInWrite {
                assert_eq!((output.status.signal(), half), (Some(SIGXFSZ), 1), "{at}: {told}");
            } else {
                assert_eq!(half, 0, "{at}");
                assert!(output.status.code().is_some_and(|code| code > 0), "{at}: {told}");
                let name = spoilt.rsplit('/').next().unwrap();
                assert!(told.contains(name) && told.contains(fault.message()), "{at}: {told}");
            }
            for (name, text) in &left {
                let is_spoilt = name.trim_start_matches('/') == *spoilt;
                let is_done = order[..reached].contains(&name.trim_start_matches('/'));
                let may_be = match fault {
                    Fault::KilledInWrite if is_done => vec![&whole[name]],
                    Fault::TooLarge if !is_spoilt => vec![&whole[name], &before[name]],
                    Fault::Denied
                        if self.scene.path(name.trim_start_matches('/')).parent() != Some(&directory) =>
                    {
                        vec![&whole[name], &before[name]]
                    }
                    _ => vec![&before[name]],
                };
                assert!(may_be.contains(&text), "{at}: {name} is {text}");
            }
            let is_whole = |name: &str| left[&key(name)] == whole[&key(name)];
            if args[0] == "rollback" && STAGING.iter().any(|name| is_whole(name)) {
                assert!(is_whole("tagpin.toml"), "{at}: nothing is rolled back without its hold");
            }
            self.run(args);
            assert_eq!(self.files(), whole, "{at}, and run again");
            self.run(args);
            assert_eq!(self.files(), whole, "{at}, and once more");
            self.restore(&small);
            if fault.hits_all() {
                break;
            }
        }
    }

    /// Kills it while the registry lets it wait: nothing is written yet.
    async fn kill_while_it_asks(&self, args: &[&str]) {
        let (before, whole) = self.rehearse(args);
        self.registry.forget_requests();
        self.registry.set(|mood| mood.faults = Some(Faults { hang: 1.0, ..Faults::default() }));
        let mut command = self.scene.command(&self.scene.path(""), &self.args(args));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        while !self.registry.requests().iter().any(|request| request.path.contains("/manifests/")) {
            assert!(child.try_wait().unwrap().is_none(), "{args:?} ends without a question");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert_eq!(self.files(), before, "{args:?}");
        self.registry.set(|mood| mood.faults = None);
        self.run(args);
        assert_eq!(self.files(), whole, "{args:?}");
    }

    fn run_with_an_old_clock(&self, args: &[&str]) {
        let (_, whole) = self.rehearse(args);
        for _ in 0..2 {
            let (output, left, half) = self.suffer(args, Fault::ClockSetBack);
            let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!((output.status.code(), half), (Some(0), 0), "{args:?}: {told}");
            assert_eq!(left, whole, "{args:?}: {told}");
        }
    }
}

/// Returns how [`Checkout::files`] names a file.
fn key(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("/{name}") }
}
