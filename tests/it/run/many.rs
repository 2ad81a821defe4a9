//! Many repositories: none stops another, a bounded number at once, and what costs nothing when nothing changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tagpin::config::Config;
use tagpin::registry::{Asked, Probe, Probed, Registry, Resolution, ResolveError, TagRef};
use tagpin::run::fleet::{CacheLock, RunTarget, Targets};
use tagpin::run::{RunContext, RunError, RunSession, fleet};

use super::binary::tagpin;
use super::{DEPLOYMENT, FILE};
use crate::support::world::{TOKEN, World};

/// How many repositories the measured run has.
const MANY: usize = 200;

/// Which requests the git host got, and how many of each kind.
fn requests(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (method, path) in world.git.requests() {
        let kind = path.split(".git/").nth(1).unwrap_or(&path).to_owned();
        *counts.entry(format!("{method} {kind}")).or_default() += 1;
    }
    counts
}

/// `DEPLOYMENT`, pinned to what the tags are now.
fn pinned(world: &World) -> String {
    let with = |text: String, image: &str, spelled: &str| {
        text.replace(&format!("image: {spelled}"), &format!("image: {spelled}@{}", world.tags[image]))
    };
    let text = with(DEPLOYMENT.to_owned(), super::NGINX, "nginx:1.27");
    with(text, "ghcr.io/acme/cache:2", "ghcr.io/acme/cache:2")
}

fn sites(world: &World) -> Vec<std::path::PathBuf> {
    let entries = fs_err::read_dir(world.cache()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "sites")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_repositories_without_a_change_cost_one_look_each() {
    let mut world = World::start().await;
    world.publish(super::NGINX, "1");
    world.publish("ghcr.io/acme/cache:2", "1");
    let text = pinned(&world);
    let names: Vec<String> = (0..MANY).map(|number| format!("acme/r{number:03}")).collect();
    for name in &names {
        world.git.create(name).seed(&[(FILE, &text)]);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let config = world.config_text("", "github", &names);
    drop(requests(&world));

    let cold = tagpin(&world, &config, &[], &[]);
    assert_eq!(cold.code, 0, "{}", cold.err);
    assert!(cold.err.contains("200 repositories: 0 changed, 200 as before"), "{}", cold.err);
    let looks = "GET info/refs?service=git-upload-pack".to_owned();
    let fetches = "POST git-upload-pack".to_owned();
    // libgit2 negotiates a shallow fetch in two requests.
    assert_eq!(requests(&world), BTreeMap::from([(looks.clone(), 2 * MANY), (fetches, 2 * MANY)]));
    let heads: Vec<_> = world.registry.requests().iter().map(|it| it.method.clone()).collect();
    assert_eq!(heads, ["HEAD", "HEAD"]);
    assert_eq!(world.forge.log().len(), 0);

    // The clones are gone, and nobody misses them.
    assert_eq!(sites(&world).len(), MANY);
    for entry in fs_err::read_dir(world.cache()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs_err::remove_dir_all(path).unwrap();
        }
    }
    let json = ["--format", "json"];
    let warm = tagpin(&world, &config, &json, &[]);
    assert_eq!(warm.code, 0, "{}", warm.err);
    assert_eq!(requests(&world), BTreeMap::from([(looks, MANY)]));
    assert_eq!(world.registry.requests().len(), 2, "{:?}", world.registry.requests());
    assert_eq!(world.forge.log().len(), 0);
    let warm: serde_json::Value = serde_json::from_str(&warm.out).unwrap();
    assert_eq!(warm["repositories"].as_array().unwrap().len(), MANY);
    let first = &warm["repositories"][0]["references"][0];
    assert_eq!((&first["outcome"], &first["line"]), (&"unchanged".into(), &10.into()));

    // What is read says what was remembered.
    for file in sites(&world) {
        fs_err::remove_file(file).unwrap();
    }
    let read = tagpin(&world, &config, &json, &[]);
    let read: serde_json::Value = serde_json::from_str(&read.out).unwrap();
    assert_eq!(read["repositories"], warm["repositories"]);
}

/// Runs without a failure.
#[track_caller]
fn quiet(world: &World, config: &str) -> String {
    let ran = tagpin(world, config, &[], &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_remembered_hides_no_change() {
    let mut world = super::world().await;
    let text = pinned(&world);
    world.repository().commit_on("main", &[(FILE, &text)], "human@example.com");
    let config = world.config_text("", "github", &[crate::support::world::NAME]);
    assert!(quiet(&world, &config).contains("nothing to change"));
    assert_eq!(sites(&world).len(), 1);
    // A file that is not whole is not believed.
    let file = &sites(&world)[0];
    let mut bytes = fs_err::read(file).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs_err::write(file, &bytes).unwrap();
    assert!(quiet(&world, &config).contains("nothing to change"));
    assert_ne!(fs_err::read(file).unwrap(), bytes, "it was written anew");
    // A configuration that reads other files is another question.
    let narrow = format!("{config}[policy]\nexclude = ['**']\n");
    let ran = tagpin(&world, &narrow, &["--format", "json"], &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["repositories"][0]["references"], serde_json::json!([]));
    assert!(quiet(&world, &config).contains("nothing to change"));
    // A tag that moves, and a commit.
    world.publish(super::NGINX, "2");
    assert!(quiet(&world, &config).contains("1 file changed"));
    world.repository().commit_on("main", &[("more.yaml", DEPLOYMENT)], "human@example.com");
    assert!(quiet(&world, &config).contains("2 files changed"));
}

/// A pod whose image nobody is asked about.
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{image: '${X}'}]}\n";

/// How many light repositories there are beside the heavy one.
const LIGHT: usize = 5;

/// A registry that panics on one image, computes on another until the light repositories have asked, and knows how many
/// questions were under way at once.
#[derive(Default)]
struct Odd {
    now: AtomicUsize,
    most: AtomicUsize,
    light: AtomicUsize,
    /// How many light repositories had asked when the heavy one went on.
    overtook: AtomicUsize,
}

impl Registry for Odd {
    fn announce(&self, questions: &[&TagRef]) {
        if questions.iter().any(|question| question.repository == "acme/heavy") {
            let start = std::time::Instant::now();
            while self.light.load(Ordering::SeqCst) < LIGHT && start.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(5));
            }
            self.overtook.store(self.light.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    }

    async fn resolve(&self, question: &TagRef, _: bool) -> Result<Resolution, ResolveError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        assert_ne!(question.repository, "acme/image-1", "this image is a bug");
        self.light.fetch_add(usize::from(question.repository.starts_with("acme/light")), Ordering::SeqCst);
        Err(ResolveError::NotFound(Box::new(Asked::content("r.example", "nothing"))))
    }

    async fn look(&self, _: &TagRef, _: &Probe) -> Result<Probed, ResolveError> {
        Err(ResolveError::NotFound(Box::new(Asked::content("r.example", "nothing"))))
    }
}

/// Does the repositories of `config` with a registry of this kind.
async fn each(
    config: &Config,
    registry: &Odd,
    at_once: usize,
) -> Vec<Result<tagpin::run::RepositoryOutcome, RunError>> {
    let context = RunContext {
        config,
        registry,
        cache_dir: config.cache_dir().unwrap(),
        token: None,
        lookup: &|_| Some(TOKEN.to_owned().into()),
        now: jiff::Timestamp::from_second(1_800_000_000).unwrap(),
        dry_run: true,
        session: &RunSession::new(config),
    };
    let Targets { targets, .. } = fleet::discover(config, None, &|_| None).await;
    let mut results: Vec<_> = targets.iter().map(|_: &RunTarget| None).collect();
    let ended = |index: usize, result| {
        results[index] = Some(result);
        Ok::<_, std::convert::Infallible>(())
    };
    fleet::each(&context, &targets, at_once, &tokio::runtime::Handle::current(), &|_, _| {}, ended).unwrap();
    results.into_iter().map(Option::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_stays_where_it_is_and_the_number_at_once_is_bounded() {
    let world = World::start().await;
    let names: Vec<String> = (0..6).map(|number| format!("acme/r{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let text = DEPLOYMENT.replace("nginx:1.27", &format!("ghcr.io/acme/image-{number}:1"));
        world.git.create(name).seed(&[(FILE, &text.replace("ghcr.io/acme/cache:2", "busybox@sha256:00"))]);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let text =
        world.config_text("", "none", &names).replace(".git\"\n", ".git\"\ntoken-env = \"GIT_TOKEN\"\n");
    let config = Config::parse("tagpin.toml", &world.cache(), text.as_bytes()).unwrap();
    for (at_once, least) in [(1, 1), (3, 2)] {
        let registry = Odd::default();
        let results = each(&config, &registry, at_once).await;
        for (number, result) in results.iter().enumerate() {
            match result {
                Err(RunError::Broken(why)) if number == 1 => {
                    assert!(why.contains("this image is a bug"), "{why}");
                }
                Ok(done) if number != 1 => assert_eq!(done.pinned.verdicts.len(), 2),
                other => panic!("{number}: {other:?}"),
            }
        }
        let most = registry.most.load(Ordering::SeqCst);
        assert!((least..=at_once).contains(&most), "{most} of {at_once} at once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_computes_keeps_no_other_from_going_on() {
    let world = World::start().await;
    let images =
        std::iter::once("heavy".to_owned()).chain((0..LIGHT).map(|number| format!("light-{number}")));
    let images: Vec<String> = images.collect();
    let names: Vec<String> = images.iter().map(|image| format!("acme/r-{image}")).collect();
    for (name, image) in names.iter().zip(&images) {
        let text = format!("services: {{a: {{image: 'ghcr.io/acme/{image}:1'}}}}\n");
        world.git.create(name).seed(&[("compose.yaml", &text)]);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let text =
        world.config_text("", "none", &names).replace(".git\"\n", ".git\"\ntoken-env = \"GIT_TOKEN\"\n");
    let config = Config::parse("tagpin.toml", &world.cache(), text.as_bytes()).unwrap();
    let registry = Odd::default();
    let results = each(&config, &registry, 2).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(registry.overtook.load(Ordering::SeqCst), LIGHT, "the light ones went on meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_past_its_budget_fails_alone_and_says_what_to_do() {
    let world = World::start().await;
    for (name, files) in [("acme/large", 20), ("acme/small", 1)] {
        let files: Vec<String> = (0..files).map(|number| format!("{number}.yaml")).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), POD)).collect();
        world.git.create(name).seed(&files);
    }
    for (limit, message) in [
        ("entries = 10", "has more than 10 files and directories"),
        ("path-bytes = 60", "has more than 60 bytes of paths"),
        ("document-bytes = 200", "has more than 200 bytes in files that may name images"),
        ("nodes = 20", "has more than 20 nodes"),
        ("images = 10", "has more than 10 images"),
    ] {
        let text = world.config_text("", "none", &["acme/large", "acme/small"]);
        let text = text.replace(".git\"\n", ".git\"\ntoken-env = \"GIT_TOKEN\"\n");
        let ran =
            tagpin(&world, &format!("{text}[limits]\n{limit}\n"), &["--dry-run"], &[("GIT_TOKEN", TOKEN)]);
        assert_eq!(ran.code, 3, "{limit}: {}", ran.err);
        let line = ran.err.lines().find(|line| line.contains("large.git: failed: ")).unwrap_or_default();
        let key = limit.split(' ').next().unwrap();
        assert!(
            line.contains(message) && line.contains(&format!("raise `{key}` in [limits]")),
            "{}",
            ran.err
        );
        assert!(ran.out.contains("small.git: nothing"), "{limit}: {}\n{}", ran.out, ran.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_branches_of_a_repository_take_turns() {
    let world = super::world().await;
    let main = world.repository().head("main").unwrap();
    world.repository().move_branch("release", main);
    let name = crate::support::world::NAME;
    let url = format!("url = \"{}\"\n", world.url(name));
    let mut text = world.config_text("", "none", &[]);
    for branch in ["main", "release"] {
        text += &format!("[[repository]]\n{url}branch = \"{branch}\"\ntoken-env = \"GIT_TOKEN\"\n");
    }
    let ran = tagpin(&world, &text, &["--dry-run"], &[("GIT_TOKEN", TOKEN)]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.err.matches("1 file would change").count(), 2, "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_do_not_meet_in_one_cache() {
    let world = super::world().await;
    let config = world.config_text("", "github", &[crate::support::world::NAME]);
    let lock = CacheLock::take(&world.cache()).unwrap();
    let second = tagpin(&world, &config, &[], &[]);
    assert_eq!(second.code, 3);
    assert!(second.err.contains("another tagpin is running with the cache directory"), "{}", second.err);
    assert!(second.err.contains("TAGPIN_CACHE_DIR"), "{}", second.err);
    assert!(world.git.requests().is_empty());
    drop(lock);
    assert_eq!(tagpin(&world, &config, &[], &[]).code, 0);
}
