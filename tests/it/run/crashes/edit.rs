//! The commands that edit files in a checkout, killed at any write, with a full or read-only disk or without permission, and run again:
//! the same files as if nothing had happened, and never half of one.
//!
//! A file may become only so large (RLIMIT_FSIZE), and the one that is to be written then is larger: which one that is
//! decides how far the command comes. The signal kills it in the middle of the write; where it is ignored, the write fails
//! as it does on a full disk.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::checkout::Scene;
use crate::support::mood::Faults;
use crate::support::registry::Registry;

/// How large a file is whose writing kills.
const LARGE: usize = 200_000;

/// What goes wrong with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteFault {
    Killed,
    DiskFull,
    /// The directory cannot be written.
    Denied,
    /// Nothing can be written.
    ReadOnly,
}

impl WriteFault {
    /// Returns the script that brings it about and becomes the program. Blocks have 512 or 1024 bytes, as the shell counts
    /// them.
    fn script(self) -> &'static str {
        match self {
            Self::Killed => "ulimit -c 0 && ulimit -f 128 && exec \"$0\" \"$@\"",
            Self::DiskFull => "trap '' XFSZ && ulimit -f 128 && exec \"$0\" \"$@\"",
            // Root may write everywhere, but for a root without that capability.
            Self::Denied if rustix::process::geteuid().is_root() => {
                "exec setpriv --bounding-set -dac_override,-dac_read_search,-fowner \"$0\" \"$@\""
            }
            Self::Denied => "exec \"$0\" \"$@\"",
            Self::ReadOnly => {
                "exec unshare --mount sh -c 'mount --bind . . && mount -o remount,bind,ro \"$PWD\" && cd \"$PWD\" && exec \
                 \"$0\" \"$@\"' \"$0\" \"$@\""
            }
        }
    }

    /// Returns whether it hits whatever is written, and not one file alone.
    fn hits_all(self) -> bool {
        matches!(self, Self::Denied | Self::ReadOnly)
    }

    /// Returns what the system says of it.
    fn message(self) -> &'static str {
        match self {
            Self::Killed => "",
            Self::DiskFull => "too large",
            Self::Denied => "ermission denied",
            Self::ReadOnly => "ead-only file system",
        }
    }

    /// Returns the faults that this machine can be made to have.
    #[expect(clippy::print_stderr, reason = "a fault that is skipped says so")]
    fn all() -> Vec<Self> {
        let mut probe = Command::new("sh");
        probe.args(["-c", Self::ReadOnly.script(), "true"]).current_dir(std::env::temp_dir());
        let can_mount = probe.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        if !can_mount {
            eprintln!("skipped: nothing can be mounted read-only here");
        }
        let read_only = can_mount.then_some(Self::ReadOnly);
        [Self::Killed, Self::DiskFull, Self::Denied].into_iter().chain(read_only).collect()
    }
}

/// A command that edits files, and the order in which it does.
struct Step {
    args: &'static [&'static str],
    order: &'static [&'static str],
    prepare: fn(&Killed),
}

const STEPS: [Step; 7] = [
    Step { args: &["pin"], order: &STAGING, prepare: Killed::floating },
    Step { args: &["check", "--fix"], order: &STAGING, prepare: Killed::floating },
    Step {
        args: &["promote", "dev", "staging"],
        order: &STAGING,
        prepare: |killed| {
            killed.scene.write("dev/a.yaml", &killed.pod(&killed.new));
            STAGING.iter().for_each(|name| killed.scene.write(name, &killed.pod(&killed.old)));
            killed.scene.commit();
        },
    },
    Step {
        args: &["rollback", "staging", "--to", "previous", "--reason", "TICKET-1"],
        // The hold comes first: nothing that was rolled back is ever without it.
        order: &["tagpin.toml", STAGING[0], STAGING[1], STAGING[2]],
        prepare: |killed| {
            for digest in [&killed.old, &killed.new] {
                STAGING.iter().for_each(|name| killed.scene.write(name, &killed.pod(digest)));
                killed.scene.commit();
            }
        },
    },
    Step {
        args: &["hold", "add", "--path", "staging/**", "--reason", "TICKET-1"],
        order: &["tagpin.toml"],
        prepare: Killed::floating,
    },
    Step {
        args: &["hold", "remove", "--ended"],
        order: &["tagpin.toml"],
        prepare: |killed| {
            let ended = "[[hold]]\npaths = [\"dev/**\"]\nreason = \"TICKET-1\"\nuntil = 2020-01-01\n";
            killed.scene.write("tagpin.toml", &format!("{CONFIG}{ended}"));
            killed.floating();
        },
    },
    Step {
        args: &["known-good", "mark", "staging"],
        order: &[KNOWN_GOOD],
        prepare: |killed| {
            STAGING.iter().for_each(|name| killed.scene.write(name, &killed.pod(&killed.new)));
            killed.scene.write(KNOWN_GOOD, &killed.known_good_elsewhere());
            killed.scene.commit();
        },
    },
];

const KNOWN_GOOD: &str = "tagpin-known-good.toml";

/// What stands in the place of the time at which a digest was marked.
const MARKED: &str = "marked = \"2026-01-01T00:00:00Z\"";

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

    /// Returns a list so long that writing it kills, of what is good in another environment.
    fn known_good_elsewhere(&self) -> String {
        let commit = "a1".repeat(20);
        (0..LARGE / 200).fold("version = 1\n".to_owned(), |text, i| {
            text + &format!(
                "\n[[known-good]]\nenvironment = \"dev\"\nimage = \"ghcr.io/acme/a{i}\"\ntag = \"1\"\ndigest = \"{}\"\n{MARKED}\n\
                 commit = \"{commit}\"\n",
                self.old
            )
        })
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

    fn floating(&self) {
        let pod = self.pod("x").replace("@x", "");
        STAGING.iter().for_each(|name| self.scene.write(name, &pod));
        self.scene.commit();
    }

    /// Runs it where writes go wrong, and returns how that ended and the files that are left: whole ones, and how many
    /// half ones.
    fn suffer(&self, args: &[&str], fault: WriteFault) -> (Output, Files, usize) {
        let mut command = Command::new("sh");
        command.args(["-c", fault.script()]).arg(env!("CARGO_BIN_EXE_tagpin")).args(self.args(args));
        command.current_dir(self.scene.path("")).env_clear().env("HOME", self.scene.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let mut files = self.files();
        let all = files.len();
        files.retain(|name, _| !name.contains(".tagpin-write-"));
        let half = all - files.len();
        (output, files, half)
    }

    /// Lets one write after the other go wrong, and runs it again.
    fn spoil_every_write(&self, step: &Step, fault: WriteFault) {
        let Step { args, order, .. } = step;
        for (reached, spoilt) in order.iter().enumerate() {
            let at = format!("{args:?}: {fault:?} at {spoilt}");
            let small = self.files();
            if !fault.hits_all() {
                self.enlarge(spoilt);
            }
            let before = self.files();
            self.run(args);
            let whole = self.files();
            assert_ne!(whole, before);
            self.restore(&before);

            let directory = self.scene.path(spoilt).parent().unwrap().to_owned();
            let mode = |mode| fs_err::set_permissions(&directory, PermissionsExt::from_mode(mode)).unwrap();
            mode(if fault == WriteFault::Denied { 0o555 } else { 0o755 });
            let (output, left, half) = self.suffer(args, fault);
            mode(0o755);
            let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            match fault {
                WriteFault::Killed => {
                    assert_eq!((output.status.signal(), half), (Some(SIGXFSZ), 1), "{at}: {told}");
                }
                WriteFault::DiskFull | WriteFault::Denied | WriteFault::ReadOnly => {
                    assert_eq!(half, 0, "{at}");
                    assert!(output.status.code().is_some_and(|code| code > 0), "{at}: {told}");
                    let name = spoilt.rsplit('/').next().unwrap();
                    assert!(told.contains(name) && told.contains(fault.message()), "{at}: {told}");
                }
            }
            for (name, text) in &left {
                let is_spoilt = name.trim_start_matches('/') == *spoilt;
                let is_done = order[..reached].contains(&name.trim_start_matches('/'));
                let may_be = match fault {
                    WriteFault::Killed if is_done => vec![&whole[name]],
                    WriteFault::DiskFull if !is_spoilt => vec![&whole[name], &before[name]],
                    WriteFault::Denied
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
}

/// Returns how [`Killed::files`] names a file.
fn key(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("/{name}") }
}

const STAGING: [&str; 3] = ["staging/a.yaml", "staging/b.yaml", "staging/c.yaml"];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_a_write_the_next_run_makes_it_good() {
    for step in &STEPS {
        for fault in WriteFault::all() {
            let killed = Killed::new().await;
            fs_err::create_dir_all(killed.scene.path("dev")).unwrap();
            (step.prepare)(&killed);
            killed.spoil_every_write(step, fault);
        }
    }
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
