//! The life of a pull request with 500 images: what each step costs, and that there is one pull request with the right digests
//! after each of them, whoever comes between.
//!
//! `TAGPIN_KILLS=20` kills a run at twenty moments instead of four.

use std::time::Duration;

use tagpin::pull_request::Operation;
use tagpin::run::{BRANCH, BranchState, RepositoryOutcome};

use super::run;
use super::two_at_once::start;
use crate::support::world::{TOKEN, World};

const IMAGES: usize = 500;
const IN_A_FILE: usize = 10;
const FILES: usize = IMAGES / IN_A_FILE;

/// What one run sent, and to whom.
#[derive(Debug, PartialEq)]
struct Sent {
    /// To the registry: HEADs and GETs.
    heads: usize,
    gets: usize,
    /// To the forge.
    reads: usize,
    writes: usize,
    pushes: usize,
}

fn image(i: usize) -> String {
    format!("ghcr.io/acme/app-{i}:1")
}

fn path(file: usize) -> String {
    format!("clusters/production/app-{file}.yaml")
}

fn deployment(file: usize) -> String {
    let head = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{file}\nspec:\n  template:\n    spec:\n      \
         containers:\n"
    );
    let of_file = (file * IN_A_FILE..).take(IN_A_FILE);
    let containers = of_file.map(|i| format!("      - name: c{i}\n        image: {}\n", image(i)));
    head + &containers.collect::<String>()
}

async fn start_world() -> World {
    let world = World::start().await;
    let files: Vec<(String, String)> = (0..FILES).map(|file| (path(file), deployment(file))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.repository().seed(&files);
    world
}

/// Moves every tag.
fn build(world: &mut World, build: &str) {
    for i in 0..IMAGES {
        world.publish(&image(i), build);
    }
}

#[expect(clippy::print_stderr, reason = "the figures are for whoever reads the test's output")]
async fn step(world: &mut World, what: &str) -> (RepositoryOutcome, Sent) {
    let begun = std::time::Instant::now();
    let done = run(world).await;
    let registry = world.registry.requests();
    let of = |method: &str| registry.iter().filter(|request| request.method == method).count();
    let writes = world.forge.writes().len();
    let pushes = world.git.requests();
    let is_push =
        |(method, path): &&(String, String)| method == "POST" && path.ends_with("/git-receive-pack");
    let sent = Sent {
        heads: of("HEAD"),
        gets: of("GET"),
        reads: world.forge.log().len() - writes,
        writes,
        pushes: pushes.iter().filter(is_push).count(),
    };
    eprintln!("{what}: {sent:?} in {:?}", begun.elapsed());
    (done, sent)
}

/// Asserts that one pull request is open and its branch has one commit with what every tag is now.
#[track_caller]
fn assert_right(world: &World) {
    let open: Vec<_> = world.forge.pulls().into_iter().filter(|pull| pull.state == "open").collect();
    assert_eq!(open.len(), 1, "one pull request");
    assert_eq!(world.repository().log(BRANCH).len(), 2, "one commit on the base");
    for file in 0..FILES {
        let text = world.read(BRANCH, &path(file));
        for i in (file * IN_A_FILE..).take(IN_A_FILE) {
            let (name, digest) = (image(i), &world.tags[&image(i)]);
            assert!(text.contains(&format!("{name}@{digest}\n")), "{name}\n{text}");
        }
    }
    let body = open[0].body.as_ref().unwrap();
    assert!(body.encode_utf16().count() <= 65_536 && body.contains("Opened by tagpin."), "{body}");
}

fn sent(heads: usize, reads: usize, writes: usize, pushes: usize) -> Sent {
    Sent { heads, gets: 0, reads, writes, pushes }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_pull_request_with_the_right_digests_through_all_of_its_life() {
    let mut world = start_world().await;
    build(&mut world, "1");
    // Each tag, and each digest that is written.
    let confirmed = 2 * IMAGES;
    let (_, first) = step(&mut world, "first pins").await;
    assert_eq!(first, sent(confirmed, 1, 1, 1));
    assert_right(&world);
    let (_, quiet) = step(&mut world, "no news").await;
    assert_eq!(quiet, sent(confirmed, 1, 0, 0));

    build(&mut world, "2");
    let (done, moved) = step(&mut world, "all tags moved").await;
    assert_eq!((done.pull_request.unwrap().operation, moved), (Operation::Updated, sent(confirmed, 1, 1, 1)));
    assert_right(&world);

    world.repository().commit_on(BRANCH, &[("mine.txt", "x")], "human@example.com");
    let theirs = world.branch();
    build(&mut world, "3");
    let (done, told) = step(&mut world, "a foreign commit").await;
    assert_eq!((done.branch, told), (BranchState::LeftAlone, sent(confirmed, 1, 1, 0)), "said once");
    let (_, told) = step(&mut world, "a foreign commit, again").await;
    assert_eq!(told, sent(confirmed, 1, 0, 0));
    assert_eq!(world.branch(), theirs);
    // Who ticks the box wants it built anew.
    world.forge.edit(1, |pull| pull.labels.push("tagpin-rebuild".to_owned()));
    let (_, rebuilt) = step(&mut world, "built anew").await;
    assert_eq!((rebuilt.pushes, rebuilt.reads), (1, 1), "{rebuilt:?}");
    assert_right(&world);

    world.forge.close(1);
    for what in ["declined", "declined, again"] {
        let (done, declined) = step(&mut world, what).await;
        // Who the token belongs to is asked for, too; what nobody wants is not confirmed.
        assert_eq!((done.pull_request, declined), (None, sent(IMAGES, 2, 0, 0)));
    }
    build(&mut world, "4");
    let (_, again) = step(&mut world, "other digests").await;
    assert_eq!(again, sent(confirmed, 2, 1, 1));
    assert_right(&world);
    assert_eq!(world.forge.pulls().len(), 2);
}

/// The requests to git host and forge that a run is killed at, before or after they are handled: four of them in turn.
fn moments() -> Vec<(usize, bool)> {
    let all: Vec<(usize, bool)> = (1..=10).flat_map(|number| [(number, false), (number, true)]).collect();
    let wanted = std::env::var("TAGPIN_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4_usize);
    let apart = (all.len() / wanted.clamp(1, all.len())).max(1);
    all.into_iter().skip(apart / 2).step_by(apart).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_with_500_images_that_is_killed_is_finished_by_the_next_and_two_at_once_make_one() {
    let mut world = start_world().await;
    let home = tempfile::tempdir().unwrap();
    let mut kills = 0;
    for (round, (number, handled)) in moments().into_iter().enumerate() {
        build(&mut world, &format!("killed {round}"));
        world.gate.hold(number, handled);
        let mut child = start(&world, home.path(), "", TOKEN);
        let was_killed = tokio::select! {
            () = world.gate.reached() => true,
            _ = child.wait() => false,
            () = tokio::time::sleep(Duration::from_secs(120)) => panic!("request {number} never comes"),
        };
        if was_killed {
            child.start_kill().unwrap();
            child.wait().await.unwrap();
            kills += 1;
        }
        world.gate.open();
        let (_, sent) = step(&mut world, &format!("after a kill at {number}, handled: {handled}")).await;
        assert!(sent.writes <= 1 && sent.pushes <= 1, "{sent:?}");
        assert_right(&world);
    }
    assert!(kills >= moments().len() * 3 / 4, "{kills} kills");
    assert_eq!(world.forge.pulls().len(), 1);

    build(&mut world, "two at once");
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let children = homes.each_ref().map(|home| start(&world, home.path(), "", TOKEN));
    let mut codes = Vec::new();
    for mut child in children {
        codes.push(child.wait().await.unwrap().code().unwrap());
    }
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 3].contains(code)), "{codes:?}");
    assert_right(&world);
    assert_eq!(world.forge.pulls().len(), 1);
    let (_, quiet) = step(&mut world, "after two at once").await;
    assert_eq!((quiet.writes, quiet.pushes), (0, 0));
}
