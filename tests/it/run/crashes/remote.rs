//! The steps that push and open pull requests: one commit and one pull request, as if nothing had happened, or a clear error
//! and nothing pushed.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::promotion::Story;
use super::super::{DEPLOYMENT, FILE, NGINX, fill};
use super::cache;
use super::fault::Fault;
use crate::support::world::{NAME, World};

/// The most requests to git host and forge that a step makes here.
const REQUESTS: usize = 40;

const LEDGER: &str = "tagpin-ledger";

/// What is there before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// A manifest without digests.
    Floating,
    /// One with all of them.
    Pinned,
    /// Two environments, the first of which is ahead.
    Story,
}

/// A command that writes to a remote.
pub(super) struct Remote {
    pub(super) given: Given,
    pub(super) settings: &'static str,
    /// What stands behind the settings.
    pub(super) more: &'static str,
    pub(super) token: &'static str,
    pub(super) args: &'static [&'static str],
    /// What the paths of those files of the cache have that are damaged.
    pub(super) spoils: &'static str,
}

/// What a remote and its forge have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// By branch: how many commits, and the tree. What a ledger says depends on the time.
    branches: BTreeMap<String, (usize, Option<String>)>,
    /// Of each pull request its branch, title, labels and state.
    pulls: Vec<(String, String, Vec<String>, String)>,
}

impl End {
    pub(super) fn of(world: &World) -> Self {
        let repository = world.repository();
        let branch = |name: String| {
            let tree = (name != LEDGER).then(|| repository.tree(&name));
            let commits = repository.log(&name).len();
            (name, (commits, tree))
        };
        let pulls = world.forge.pulls().into_iter();
        Self {
            branches: repository.branches().into_iter().map(branch).collect(),
            pulls: pulls.map(|pull| (pull.head, pull.title, pull.labels, pull.state)).collect(),
        }
    }
}

/// A remote, and the directory of whoever works on it.
pub(super) struct Scene {
    pub(super) world: World,
    home: tempfile::TempDir,
}

impl Scene {
    pub(super) fn cache(&self) -> std::path::PathBuf {
        self.world.cache()
    }
}

impl Remote {
    fn name(&self) -> String {
        let Self { given, settings, more, token, args, .. } = self;
        format!("{} of {given:?} as {token:.4} with {settings:?}{more:?}", args.join(" "))
    }

    /// Returns a fresh remote for it.
    pub(super) async fn scene(&self) -> Scene {
        let world = match self.given {
            Given::Story => Story::start().await.world,
            Given::Floating | Given::Pinned => {
                let mut world = World::with(|settings| settings.token = self.token.to_owned()).await;
                world.git.require("x-access-token", self.token);
                fill(&mut world, &[(FILE, DEPLOYMENT)]);
                if self.given == Given::Pinned {
                    let pin = |text: String, image: &str, spelled: &str| {
                        text.replace(spelled, &format!("{spelled}@{}", world.tags[image]))
                    };
                    let text = pin(DEPLOYMENT.to_owned(), NGINX, "nginx:1.27");
                    let text = pin(text, "ghcr.io/acme/cache:2", "ghcr.io/acme/cache:2");
                    world.repository().commit_on("main", &[(FILE, &text)], "human@example.com");
                }
                world
            }
        };
        fs_err::create_dir_all(world.cache()).unwrap();
        Scene { world, home: tempfile::tempdir().unwrap() }
    }

    /// Runs it in a checkout, and returns its exit code and what it says.
    pub(super) async fn run(&self, scene: &Scene, program: Command) -> (Option<i32>, String) {
        let output = self.command(scene, program).output().await.unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).unwrap())
    }

    fn command(&self, scene: &Scene, program: Command) -> tokio::process::Command {
        scene.world.forget();
        let home = scene.home.path();
        let checkout = home.join("checkout");
        if !checkout.exists() {
            let git = git2::Repository::init(&checkout).unwrap();
            git.remote("origin", &scene.world.url(NAME)).unwrap();
        }
        let file = home.join("bot.toml");
        let repositories = if self.args == ["run"] { &[NAME][..] } else { &[] };
        let text = scene.world.config_text("", "github", repositories);
        fs_err::write(&file, text + self.settings + self.more).unwrap();
        let mut command = tokio::process::Command::from(program);
        command.arg("--config").arg(file).args(self.args).current_dir(checkout);
        command.env("HOME", home).env("TAGPIN_GITHUB_TOKEN", self.token).stdin(Stdio::null());
        command.kill_on_drop(true);
        command
    }

    /// Runs it where nothing goes wrong.
    pub(super) async fn finish(&self, scene: &Scene, at: &str) {
        let (code, told) = self.run(scene, plain()).await;
        assert_eq!(code, Some(0), "{}: {at}: {told}", self.name());
    }

    /// Runs it, and asserts that all is as if nothing had gone wrong, also when it is run once more.
    async fn heal(&self, scene: &Scene, whole: &End, at: &str) {
        for _ in 0..2 {
            self.finish(scene, at).await;
            assert_eq!(End::of(&scene.world), *whole, "{}: {at}", self.name());
        }
    }

    /// Lets the fault strike wherever it can.
    pub(super) async fn suffer(&self, fault: Fault) {
        let scene = self.scene().await;
        self.finish(&scene, "without a fault").await;
        let whole = End::of(&scene.world);
        match fault {
            Fault::Cache(damage) => cache::spoil_every_file(self, &scene, damage).await,
            Fault::KilledAtRequest => self.kill_at_every_request(&whole).await,
            Fault::ClockSetBack => self.set_the_clock_back(&scene, &whole).await,
            Fault::KilledInWrite | Fault::TooLarge => {
                // A clone needs more than a few blocks, and more of them the further it gets.
                for blocks in 0..2 {
                    self.write_to_a_spoilt_cache(fault, blocks, &whole).await;
                }
            }
            Fault::DiskFull | Fault::Denied | Fault::ReadOnly => {
                self.write_to_a_spoilt_cache(fault, 0, &whole).await;
            }
        }
    }

    /// Kills it at each of its requests in turn, before or after it is handled, and runs again.
    async fn kill_at_every_request(&self, whole: &End) {
        let mut steps = 0;
        'steps: for number in 1..REQUESTS {
            for handled in [false, true] {
                let at = format!("request {number}, handled: {handled}");
                let scene = self.scene().await;
                scene.world.gate.hold(number, handled);
                let mut command = self.command(&scene, plain());
                let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                let reached = tokio::select! {
                    () = scene.world.gate.reached() => true,
                    _ = child.wait() => false,
                    () = tokio::time::sleep(Duration::from_secs(60)) => panic!("{at} never comes"),
                };
                if !reached {
                    break 'steps;
                }
                child.start_kill().unwrap();
                child.wait().await.unwrap();
                scene.world.gate.open();
                steps += 1;
                self.finish(&scene, &at).await;
                assert_eq!(End::of(&scene.world), *whole, "{}: {at}", self.name());
            }
        }
        let least = if self.given == Given::Pinned { 2 } else { 8 };
        assert!(steps >= least, "{}: only {steps} steps were seen", self.name());
    }

    async fn write_to_a_spoilt_cache(&self, fault: Fault, blocks: u32, whole: &End) {
        let at = format!("{fault:?} at {blocks}");
        let scene = self.scene().await;
        let before = End::of(&scene.world);
        let set = |mode| fs_err::set_permissions(scene.cache(), PermissionsExt::from_mode(mode)).unwrap();
        set(fault.mode());
        let (code, told) = self.run(&scene, fault.program(&scene.cache(), blocks)).await;
        set(0o755);
        if code != Some(0) {
            assert_eq!(End::of(&scene.world), before, "{}: {at}: {told}", self.name());
            if fault != Fault::KilledInWrite {
                assert!(matches!(code, Some(1 | 3)), "{}: {at}: {code:?} {told}", self.name());
                assert!(!told.is_empty() && !told.contains("panicked"), "{}: {at}: {told}", self.name());
            }
        }
        // The same directory, and what was left in it.
        self.heal(&scene, whole, &at).await;
    }

    /// Runs it with a clock that was set back since, and in a fresh place, and with the right one again.
    async fn set_the_clock_back(&self, done: &Scene, whole: &End) {
        let fresh = self.scene().await;
        for scene in [done, &fresh] {
            let ledger = ledger(&scene.world);
            let late = Fault::ClockSetBack.program(Path::new(""), 0);
            let (code, told) = self.run(scene, late).await;
            assert_eq!(code, Some(0), "{}: {told}", self.name());
            self.finish(scene, "with the right clock").await;
            let mut end = End::of(&scene.world);
            // What a clock that was ahead has told counts no more, and no line is lost.
            if let Some((commits, _)) = end.branches.get_mut(LEDGER) {
                *commits = 1;
            }
            assert_eq!(end, *whole, "{}: {told}", self.name());
            let now = self::ledger(&scene.world);
            assert!(ledger.lines().all(|line| now.contains(line)), "{}: {ledger}\n{now}", self.name());
        }
    }
}

/// Returns the program where nothing goes wrong.
pub(super) fn plain() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.env_clear();
    command
}

fn ledger(world: &World) -> String {
    let bytes = world.repository().read(LEDGER, "tags/docker.io/library+nginx.txt");
    bytes.map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default()
}
