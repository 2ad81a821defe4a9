//! A cache directory that is damaged, of another version, from the future, full or read-only: the same end state as without
//! it, or a clear error and nothing written anywhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use tagpin::pull_request::Operation;
use tagpin::run::BRANCH;

use super::binary::{Ran, tagpin};
use super::by_hand::{PROMOTE, ROLLBACK};
use super::promotion::{BY_HAND, ENVIRONMENTS, Story};
use super::{FILE, NGINX, world};
use crate::support::world::{NAME, TOKEN, World};

type Content = BTreeMap<PathBuf, Vec<u8>>;

/// Returns every file below `directory`.
fn content(directory: &Path) -> Content {
    let mut all = Content::new();
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(content(&path));
        } else {
            all.insert(path.clone(), fs_err::read(&path).unwrap());
        }
    }
    all
}

/// Makes `directory` what it was.
fn restore(directory: &Path, all: &Content) {
    fs_err::remove_dir_all(directory).unwrap();
    for (path, bytes) in all {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }
}

/// What becomes of one file of the cache.
#[derive(Clone, Copy, Debug)]
enum Damage {
    FlippedBit,
    Emptied,
    /// What another version might have left under that name.
    Foreign,
    /// The clock was set back since it was written.
    FromTheFuture,
}

impl Damage {
    const ALL: [Self; 4] = [Self::FlippedBit, Self::Emptied, Self::Foreign, Self::FromTheFuture];

    fn strike(self, path: &Path, bytes: &[u8]) {
        let half = bytes.len() / 2;
        let damaged = match self {
            Self::FlippedBit => {
                let mut damaged = bytes.to_vec();
                damaged.get_mut(half).into_iter().for_each(|byte| *byte ^= 1);
                damaged
            }
            Self::Emptied => Vec::new(),
            Self::Foreign => b"tagpin-from-elsewhere 99\n{}\n".to_vec(),
            Self::FromTheFuture => {
                let file = fs_err::File::options().write(true).open(path).unwrap();
                let later = SystemTime::now() + Duration::from_secs(20 * 365 * 24 * 60 * 60);
                return file.file().set_modified(later).unwrap();
            }
        };
        fs_err::write(path, damaged).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_a_file_of_the_cache_the_end_is_the_same() {
    let world = world().await;
    spoil_every_file(&world, "objects", "pull request unchanged", 1);
    // Where nothing has to change, what the base held is kept.
    let image = |text: String, image: &str, spelled: &str| {
        text.replace(&format!("image: {spelled}"), &format!("image: {spelled}@{}", world.tags[image]))
    };
    let text = image(super::DEPLOYMENT.to_owned(), NGINX, "nginx:1.27");
    let text = image(text, "ghcr.io/acme/cache:2", "ghcr.io/acme/cache:2");
    world.repository().commit_on("main", &[(FILE, &text)], "human@example.com");
    let config = world.config_text("", "github", &[NAME]);
    assert_eq!(tagpin(&world, &config, &[], &[]).code, 0);
    spoil_every_file(&world, ".sites", "nothing to change", 1);
}

/// Runs, and again after each file of the cache was damaged in each way; there is a `kind` of files among them.
fn spoil_every_file(world: &World, kind: &str, end: &str, pulls: usize) {
    let config = world.config_text("", "github", &[NAME]);
    assert_eq!(tagpin(world, &config, &[], &[]).code, 0);
    let (head, cache) = (world.branch(), world.cache());
    let whole = content(&cache);
    assert!(whole.keys().any(|path| path.to_string_lossy().contains(kind)), "{:?}", whole.keys());
    let mut told = Vec::new();
    // Nobody reads some of a clone's files.
    let is_idle = |path: &str| ["hooks", "description", "info"].iter().any(|name| path.contains(name));
    let is_meant = |path: &Path| {
        let path = path.to_string_lossy();
        !is_idle(&path) && (kind != ".sites" || path.ends_with(kind))
    };
    for (path, bytes) in whole.iter().filter(|(path, _)| is_meant(path)) {
        for damage in Damage::ALL {
            restore(&cache, &whole);
            damage.strike(path, bytes);
            let name = path.strip_prefix(&cache).unwrap().display();
            let Ran { code, out, err } = tagpin(world, &config, &[], &[]);
            assert!(matches!(code, 0 | 3) && !err.contains("panicked"), "{name}, {damage:?}: {out}{err}");
            assert_eq!((world.branch(), world.forge.pulls().len()), (head, pulls), "{name}, {damage:?}");
            assert!(world.forge.writes().is_empty() && !World::pushes(&world.git.requests()), "{name}");
            if code == 0 {
                assert!(out.contains(end), "{name}, {damage:?}: {out}{err}");
            } else {
                told.push(format!("{name}, {damage:?}: {err}"));
            }
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// What writes to the cache and to a remote, and what is true of the remote once it was done.
struct Step {
    name: &'static str,
    settings: &'static str,
    args: &'static [&'static str],
    branches: &'static [&'static str],
}

const STEPS: [Step; 4] = [
    Step { name: "run", settings: "", args: &["run"], branches: &[BRANCH] },
    Step {
        name: "run with a ledger",
        settings: "[ledger]\nenabled = true\n",
        args: &["run"],
        branches: &[BRANCH, "tagpin-ledger"],
    },
    Step { name: "promote", settings: ENVIRONMENTS, args: &PROMOTE, branches: &[BY_HAND] },
    Step {
        name: "rollback",
        settings: ENVIRONMENTS,
        args: &ROLLBACK,
        branches: &["tagpin/rollback-dev-web.yaml"],
    },
];

impl Step {
    /// Returns a repository for it.
    async fn world(&self) -> World {
        if self.settings == ENVIRONMENTS { Story::start().await.world } else { world().await }
    }

    /// Runs it in a checkout where the shell does `script` first.
    fn suffer(&self, world: &World, script: &str) -> Ran {
        world.forget();
        let home = tempfile::tempdir().unwrap();
        let checkout = home.path().join("checkout");
        git2::Repository::init(&checkout).unwrap().remote("origin", &world.url(NAME)).unwrap();
        let file = home.path().join("bot.toml");
        let repositories = if self.args == ["run"] { &[NAME][..] } else { &[] };
        fs_err::write(&file, world.config_text("", "github", repositories) + self.settings).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_tagpin"), "--config"]).arg(&file).args(self.args);
        command.current_dir(checkout).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        command.env("TAGPIN_GITHUB_TOKEN", TOKEN).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Returns how many of its branches there are.
    fn done(&self, world: &World) -> usize {
        let heads = world.repository().branches();
        self.branches.iter().filter(|branch| heads.iter().any(|head| head.starts_with(**branch))).count()
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_or_read_only_disk_is_a_clear_error_and_nothing_is_written_anywhere() {
    const LEFT: &str = "exec setpriv --bounding-set -dac_override,-dac_read_search,-fowner \"$0\" \"$@\"";
    let denied =
        if rustix::process::geteuid().is_root() { LEFT.to_owned() } else { "exec \"$0\" \"$@\"".to_owned() };
    // A clone needs more than a few blocks, and more of them the further it gets.
    let full = |blocks| format!("trap '' XFSZ && ulimit -f {blocks} && exec \"$0\" \"$@\"");
    let faults = [(full(0), 0o755), (full(1), 0o755), (denied, 0o555)];
    for (step, (script, mode)) in STEPS.iter().flat_map(|step| faults.iter().map(move |fault| (step, fault)))
    {
        let at = format!("{}, {script}", step.name);
        let world = step.world().await;
        let cache = world.cache();
        fs_err::create_dir_all(&cache).unwrap();
        let set = |mode| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs_err::set_permissions(&cache, mode).unwrap();
        };
        set(*mode);
        let Ran { code, out, err } = step.suffer(&world, script);
        set(0o755);
        if code != 0 {
            assert!(code == 3 || code == 1, "{at}: {code} {out}{err}");
            assert!(!err.is_empty() && !err.contains("panicked"), "{at}: {out}{err}");
            assert!(world.forge.pulls().is_empty() && step.done(&world) == 0, "{at}: {out}{err}");
        }
        // The same directory, and what was left in it.
        let Ran { code, out, err } = step.suffer(&world, "exec \"$0\" \"$@\"");
        assert_eq!((code, step.done(&world)), (0, step.branches.len()), "{at}: {out}{err}");
        assert_eq!(world.forge.pulls().len(), 1, "{at}: {out}{err}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_changes_nothing() {
    let mut world = world().await;
    let config = world.config_with("[ledger]\nenabled = true\n");
    world.run_as(&config, Some(TOKEN), false).await.unwrap();
    let (head, ledger) = (world.branch(), world.read("tagpin-ledger", "tags/docker.io/library+nginx.txt"));
    world.now = world.now.checked_add(SignedDuration::from_hours(-24 * 400)).unwrap();
    for _ in 0..2 {
        let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
        let settled = done.groups.iter().find_map(|group| group.pull_request.as_ref());
        assert!(settled.is_none_or(|settled| settled.operation == Operation::None), "{settled:?}");
        assert_eq!((world.branch(), world.forge.pulls().len()), (head, 1));
        // A clock that was ahead looks the same: what it says now counts, and nothing is lost.
        let now = world.read("tagpin-ledger", "tags/docker.io/library+nginx.txt");
        assert!(ledger.lines().all(|line| now.contains(line)) && now.lines().count() <= 3, "{now}");
    }
}
