//! What the pull request tells of the images, and what that may cost.

use serde_json::json;
use tagpin::config::Config;
use tagpin::pull_request::Operation;
use tagpin::run::RepositoryOutcome;

use super::{FILE, assert_nothing_written, check, run, world_with};
use crate::support::images::Build;
use crate::support::world::{NAME, TOKEN, World};

const API: &str = "ghcr.io/acme/api";

fn build(version: &str, user: &str) -> Build {
    let revision = if version == "1.8.0" { "1111111" } else { "2222222" };
    Build {
        platforms: vec!["linux/amd64", "linux/arm64"],
        config: json!({"User": user, "Env": ["SECRET=hunter2"], "Labels": {
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.revision": revision,
            "org.opencontainers.image.source": "https://github.com/acme/api",
        }}),
        created: "2026-11-20T09:12:00Z",
        size: 20_000_000,
    }
}

/// A repository whose one image is pinned, and has moved since.
async fn moved() -> World {
    let world = World::start().await;
    let old = world.registry.put_build(API, "1.8", &build("1.8.0", "101"));
    let text = format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: report\nspec:\n  template:\n    spec:\n      containers:\n      \
         - name: report\n        image: {API}:1.8@{old}\n"
    );
    world.repository().seed(&[(FILE, &text)]);
    world.registry.put_build(API, "1.8", &build("1.8.1", "root"));
    world.forget();
    world
}

fn body(world: &World) -> String {
    world.forge.pulls()[0].body.clone().unwrap()
}

/// Returns how many GETs the registry got in the last run.
fn gets(world: &World) -> usize {
    world.registry.requests().iter().filter(|request| request.method == "GET").count()
}

fn few_pulls_left(world: &World, few: bool) {
    let left = if few { "7" } else { "70" };
    world.registry.set(|mood| mood.headers = vec![("ratelimit-remaining".to_owned(), left.to_owned())]);
}

async fn run_with(world: &mut World, settings: &str) -> RepositoryOutcome {
    let text = world.config_text(&format!("[pull-request]\n{settings}\n"), "github", &[NAME]);
    let config = Config::parse("tagpin.toml", "/".as_ref(), text.as_bytes()).unwrap();
    let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    check(&world.forge.log());
    assert_eq!(done.pull_request_error, None);
    done
}

fn operation(done: &RepositoryOutcome) -> Operation {
    done.pull_request.as_ref().unwrap().operation
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moved_is_compared_once_and_not_asked_again() {
    let mut world = moved().await;
    run(&mut world).await;
    let body = body(&world);
    for part in [
        "version: `1.8.0` → `1.8.1`",
        "[compare](https://redirect.github.com/acme/api/compare/1111111...2222222)",
        "- user: `101` → `root`",
        "now runs as root",
        "in: `Job/report` in `apps/web.yaml`",
        "applied again. Here: `Job/report` in `apps/web.yaml`.",
        "2 HEAD, 6 GET",
    ] {
        assert!(body.contains(part), "{part}\n{body}");
    }
    assert!(!body.contains("hunter2"));
    run(&mut world).await;
    assert_nothing_written(&world);
    assert_eq!(gets(&world), 0, "the pull request says it all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_pulls_are_few_the_rest_is_told_and_the_details_come_later_and_stay() {
    let mut world = moved().await;
    few_pulls_left(&world, true);
    let done = run(&mut world).await;
    assert_eq!((operation(&done), gets(&world)), (Operation::Created, 0));
    assert!(body(&world).contains("left out to spare the registry's quota"));
    run(&mut world).await;
    assert_nothing_written(&world);

    few_pulls_left(&world, false);
    let done = run(&mut world).await;
    assert_eq!((operation(&done), gets(&world)), (Operation::Updated, 6));
    let told = body(&world);
    assert!(told.contains("version: `1.8.0` → `1.8.1`") && !told.contains("left out to spare"));

    few_pulls_left(&world, true);
    run(&mut world).await;
    assert_nothing_written(&world);
    assert_eq!(body(&world), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_fails_costs_details_and_nothing_else() {
    for status in [404, 429, 500] {
        let mut world = moved().await;
        // The tag and the digest that is written are asked for with HEAD; what fails is the first GET.
        world.registry.set(|mood| mood.get = Some(status));
        let done = run(&mut world).await;
        assert_eq!(operation(&done), Operation::Created, "{status}");
        assert!(done.pinned.verdicts.iter().all(|verdict| verdict.change.is_some()));
        assert!(body(&world).contains("not known of the new image"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_say_of_which_images_and_how_many_requests() {
    for (settings, requests, part) in [
        ("details = \"none\"", 0, "- `ghcr.io/acme/api:1.8`\n  - new: "),
        (
            "details = \"moved\"\ndetails-requests = 4",
            4,
            "not known of the old image, or only in part: left out to spare",
        ),
        ("details = \"all\"", 6, "version: `1.8.0` → `1.8.1`"),
    ] {
        let mut world = moved().await;
        run_with(&mut world, settings).await;
        let body = body(&world).replace('\r', "");
        assert!(body.contains(part), "{part}\n{body}");
        assert_eq!(gets(&world), requests, "{settings}");
        // What the first could not afford comes in the second.
        run_with(&mut world, settings).await;
        run_with(&mut world, settings).await;
        assert_nothing_written(&world);
        assert_eq!(gets(&world), 0, "{settings}");
    }
    let mut world = world_with(&[(FILE, super::DEPLOYMENT)]).await;
    run(&mut world).await;
    assert_eq!(gets(&world), 0, "first pins are told without");
    run_with(&mut world, "details = \"all\"").await;
    assert_eq!(gets(&world), 6);
    assert!(body(&world).contains("size of `linux/amd64`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_for_a_pull_request_that_was_closed() {
    let mut world = moved().await;
    run(&mut world).await;
    world.forge.close(1);
    run(&mut world).await;
    assert_nothing_written(&world);
    assert_eq!(gets(&world), 0);
}

/// A repository whose `count` images are pinned, and have all moved since.
async fn many_moved(count: usize) -> World {
    let world = World::start().await;
    let (mut before, names): (String, Vec<String>) =
        ("services:\n".to_owned(), (0..count).map(|i| format!("ghcr.io/acme/api-{i}")).collect());
    for (i, name) in names.iter().enumerate() {
        let old = world.registry.put_build(name, "1.8", &build("1.8.0", "101"));
        before += &format!("  s{i}:\n    image: {name}:1.8@{old}\n");
        world.registry.put_build(name, "1.8", &build("1.8.1", "root"));
    }
    world.repository().seed(&[("compose.yaml", &before)]);
    world.forget();
    world
}

/// GETs at the registry and writes at the forge, for each of eight runs.
async fn eight_runs(count: usize, with_cache: bool) -> Vec<(usize, usize)> {
    let mut world = many_moved(count).await;
    let mut counts = Vec::new();
    for _ in 0..8 {
        if !with_cache && world.cache().exists() {
            fs_err::remove_dir_all(world.cache()).unwrap();
        }
        run(&mut world).await;
        counts.push((gets(&world), world.forge.writes().len()));
    }
    let body = body(&world);
    assert!(body.contains("now runs as root") && body.encode_utf16().count() <= 65_536);
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_learnt_is_kept_and_a_run_without_news_asks_and_writes_nothing() {
    for (count, first, more) in [(50, 300, 0), (55, 300, 30), (60, 300, 60)] {
        let counts = eight_runs(count, true).await;
        assert_eq!(counts[0], (first, 1), "{count}: {counts:?}");
        // What the first run could not afford comes in the second.
        let second = counts[1];
        assert!(
            second.0 <= more + 16 * 6 && (second.0 >= more) && second.1 == usize::from(more > 0),
            "{counts:?}"
        );
        assert!(counts[2..].iter().all(|counts| *counts == (0, 0)), "{count}: {counts:?}");
    }
    // Where nothing is kept from run to run, the pull request tells that it is as much as so many requests tell.
    for count in [50, 60] {
        let counts = eight_runs(count, false).await;
        assert_eq!(counts[0], (300, 1));
        assert!(counts[1..].iter().all(|counts| *counts == (0, 0)), "{count}: {counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_images_that_a_body_has_no_room_for_nobody_is_asked() {
    for count in [100, 500] {
        let counts = eight_runs(count, true).await;
        eprintln!("{count} images: {counts:?}");
        let asked: usize = counts.iter().map(|(gets, _)| gets).sum();
        let last = counts[4..].iter().all(|counts| *counts == (0, 0));
        assert!(last && asked <= 7 * 100, "{count}: {counts:?}");
    }
}
