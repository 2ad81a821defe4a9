//! What a pull request for each image costs at the forge: that depends on what is open or changes, not on how many there are.

use std::collections::BTreeSet;

use tagpin::config::Config;

use super::check;
use crate::support::world::{TOKEN, World};

/// How many are open at once, by default.
const OPEN: usize = 10;

/// A repository with `count` images, each in a file of its own.
async fn world_of(count: usize) -> World {
    let mut world = World::start().await;
    let files: Vec<(String, String)> = (0..count).map(|i| (format!("apps/{i}.yaml"), service(i))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.repository().seed(&files);
    build(&mut world, count, "1");
    world
}

fn service(i: usize) -> String {
    format!("services:\n  app:\n    image: ghcr.io/acme/app-{i}:1\n")
}

fn build(world: &mut World, count: usize, build: &str) {
    for i in 0..count {
        world.publish(&format!("ghcr.io/acme/app-{i}:1"), build);
    }
}

/// Requests of one run.
#[derive(Debug, PartialEq)]
struct Requests {
    /// To the forge, which it answers without changing anything.
    reads: usize,
    writes: usize,
    pushes: usize,
    /// HEADs at the registry.
    heads: usize,
}

async fn run(world: &mut World, config: &Config) -> Requests {
    let done = world.run_as(config, Some(TOKEN), false).await.unwrap();
    check(&world.forge.log());
    assert_eq!(done.pull_request_error, None);
    let (all, writes) = (world.forge.log().len(), world.forge.writes().len());
    let pushes = world.git.requests();
    let is_push =
        |(method, path): &&(String, String)| method == "POST" && path.ends_with("/git-receive-pack");
    let heads = world.registry.requests().iter().filter(|request| request.method == "HEAD").count();
    Requests { reads: all - writes, writes, pushes: pushes.iter().filter(is_push).count(), heads }
}

fn open(world: &World) -> Vec<u64> {
    world.forge.pulls().iter().filter(|pull| pull.state == "open").map(|pull| pull.number).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_to_the_forge_are_bounded_by_what_is_open_or_changes() {
    for count in [1, 10, 100, 500] {
        let mut world = world_of(count).await;
        let config = world.config_with("[pull-request]\ngroup-by = \"image\"\n");
        // One request lists the pull requests of a hundred branches.
        let listings = count.div_ceil(100);
        let opened = count.min(OPEN);

        let first = run(&mut world, &config).await;
        eprintln!("{count} images: first pins {first:?}");
        assert_eq!((first.reads, first.writes, first.pushes), (listings, opened, opened), "{count}");

        let daily = run(&mut world, &config).await;
        eprintln!("{count} images: no news {daily:?}");
        assert_eq!((daily.reads, daily.writes, daily.pushes), (listings, 0, 0), "{count}");

        build(&mut world, count, "2");
        let moved = run(&mut world, &config).await;
        eprintln!("{count} images: all moved {moved:?}");
        assert_eq!((moved.reads, moved.writes, moved.pushes), (listings, opened, opened), "{count}");

        for number in open(&world) {
            world.forge.close(number);
        }
        let next = (count - opened).min(OPEN);
        let declined = run(&mut world, &config).await;
        eprintln!("{count} images: {opened} declined {declined:?}");
        // Whose token it is says whose the closed ones are.
        assert_eq!((declined.reads, declined.writes, declined.pushes), (listings + 1, next, next), "{count}");
        assert_eq!(
            declined.heads,
            count + (count - opened),
            "{count}: a tag is asked for, and confirmed where it counts"
        );

        let daily = run(&mut world, &config).await;
        eprintln!("{count} images: no news, {opened} declined {daily:?}");
        assert_eq!((daily.reads, daily.writes, daily.pushes), (listings + 1, 0, 0), "{count}");
        assert_eq!(daily.heads, count + (count - opened), "{count}");
        assert_eq!(open(&world).len(), next, "{count}");
    }
}

fn delete_branches(world: &World) {
    let heads: BTreeSet<String> = world.forge.pulls().into_iter().map(|pull| pull.head).collect();
    for head in heads.iter().filter(|head| world.repository().head(head).is_some()) {
        world.repository().delete_branch(head);
    }
}

/// A history in which what is older still decides: each group was merged often, and declined in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_declined_long_ago_is_found_among_much_that_was_merged() {
    let mut world = world_of(30).await;
    let config = world.config_with("[pull-request]\ngroup-by = \"image\"\nmax-open = 0\nmax-new = 0\n");
    run(&mut world, &config).await;
    for number in open(&world) {
        world.forge.close(number);
    }
    delete_branches(&world);
    // Newer ones say yes to another digest, which says nothing of the first.
    for round in 2..6 {
        build(&mut world, 30, &round.to_string());
        run(&mut world, &config).await;
        for number in open(&world) {
            world.forge.merge(number);
        }
        delete_branches(&world);
    }
    build(&mut world, 30, "1");
    let again = run(&mut world, &config).await;
    assert_eq!((again.writes, again.pushes), (0, 0), "{again:?}");
    // Whose token it is, one listing for all, and three for what is older.
    assert!(again.reads <= 1 + 1 + 3, "{again:?}");
}
