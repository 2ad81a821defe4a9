//! The pull request: opened once, kept up to date, adopted, left closed.

use tagpin::forge::ForgeError;
use tagpin::plan::Reason;
use tagpin::pull_request::{Operation, marker};
use tagpin::run::{BRANCH, BranchState, RepositoryOutcome};

use super::{FILE, NGINX, assert_nothing_written, assert_pushed, run, try_run, world, world_with};
use crate::support::forge::{Mood, Pull};
use crate::support::world::World;

fn operation(done: &RepositoryOutcome) -> (Operation, u64) {
    let settled = done.pull_request.as_ref().unwrap();
    (settled.operation, settled.pull_request.number)
}

fn body(world: &World, number: usize) -> String {
    world.forge.pulls()[number - 1].body.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_opened_then_updated_and_always_the_same_one() {
    let mut world = world().await;
    let done = run(&mut world).await;
    assert_eq!(operation(&done), (Operation::Created, 1));
    let pull = world.forge.pulls()[0].clone();
    assert_eq!((pull.base.as_str(), pull.head.as_str()), ("main", BRANCH));
    assert_eq!(pull.title, "chore(deps): pin 2 images to digests");
    assert_eq!(marker::read(&body(&world, 1)).unwrap().head, done.commit.unwrap());

    let new = world.publish(NGINX, "2");
    let done = run(&mut world).await;
    assert_eq!(operation(&done), (Operation::Updated, 1));
    assert!(body(&world, 1).contains(&new));
    assert_eq!(marker::read(&body(&world, 1)).unwrap().head, done.commit.unwrap());
    assert_eq!(world.forge.pulls().len(), 1);
    assert_eq!(operation(&run(&mut world).await), (Operation::None, 1));
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_merged_is_followed_by_another_one_when_the_tag_moves() {
    let mut world = world().await;
    run(&mut world).await;
    let old = world.tags[NGINX].clone();
    world.repository().move_branch("main", world.branch().unwrap());
    world.forge.merge(1);
    world.publish(NGINX, "2");
    let done = run(&mut world).await;
    assert_eq!(operation(&done), (Operation::Created, 2));
    assert!(body(&world, 2).contains(&format!("old: `{old}`")), "{}", body(&world, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_push_and_pull_request_heals() {
    for mood in [Mood::ServerError, Mood::HangUp, Mood::HangUpAfter] {
        let mut world = world().await;
        world.forge.next("POST", mood);
        let done = try_run(&mut world).await.unwrap();
        assert_pushed(&done, &world);
        match (mood, &done.pull_request_error) {
            (Mood::HangUpAfter, None) => assert_eq!(operation(&done), (Operation::Created, 1)),
            (_, Some(ForgeError::Unavailable(_))) => assert_eq!(done.pull_request, None),
            (_, other) => panic!("{mood:?} {other:?}"),
        }
        let healed = run(&mut world).await;
        assert_eq!((healed.branch, healed.commit), (BranchState::UpToDate, done.commit));
        assert!(!World::pushes(&world.git.requests()));
        assert_eq!(healed.pull_request.unwrap().pull_request.number, 1);
        assert_eq!(world.forge.pulls().len(), 1, "{mood:?}");
        run(&mut world).await;
        assert_nothing_written(&world);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_somebody_opened_by_hand_after_a_crash_is_adopted() {
    let mut world = world().await;
    world.forge.next("POST", Mood::ServerError);
    try_run(&mut world).await.unwrap();
    world.forge.open(by_hand("main"));
    let done = run(&mut world).await;
    assert_eq!(operation(&done), (Operation::Updated, 1));
    assert!(marker::read(&body(&world, 1)).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_for_another_base_is_somebody_s_own() {
    let mut world = world().await;
    world.repository().commit_on("release", &[(FILE, "x")], "human@example.com");
    world.forge.open(by_hand("release"));
    let done = run(&mut world).await;
    assert_eq!(operation(&done), (Operation::Created, 2));
    assert_eq!(world.forge.pulls()[0].title, "by hand");
    assert_eq!(world.forge.pulls()[0].base, "release");
}

fn by_hand(base: &str) -> Pull {
    Pull {
        number: 0,
        title: "by hand".to_owned(),
        body: None,
        state: "open".to_owned(),
        base: base.to_owned(),
        head: BRANCH.to_owned(),
        head_repository: Some("acme/clusters".to_owned()),
        head_oid: String::new(),
        user: "octocat".to_owned(),
        merged: false,
        labels: Vec::new(),
        draft: false,
        added: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_named_and_the_rest_is_proposed() {
    let text = "services:\n  a:\n    image: nginx:1.27\n  b:\n    image: ghcr.io/acme/gone:1\n";
    let mut world = world_with(&[("compose.yaml", text)]).await;
    let done = run(&mut world).await;
    assert_eq!(operation(&done), (Operation::Created, 1));
    let body = body(&world, 1);
    assert!(body.contains("`ghcr.io/acme/gone:1` in `compose.yaml:5`: `failed`, `not-found`"), "{body}");
    let reasons: Vec<_> =
        done.pinned.verdicts.iter().filter_map(|verdict| verdict.reason.map(Reason::as_str)).collect();
    assert_eq!(reasons, ["not-found"]);
    run(&mut world).await;
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_registry_says_under_load_is_not_repeated_so_that_nothing_is_edited_again() {
    let text = "services:\n  a:\n    image: nginx:1.27\n  b:\n    image: localhost:1/acme/x:1\n";
    let mut world = world_with(&[("compose.yaml", text)]).await;
    run(&mut world).await;
    let body = body(&world, 1);
    assert!(
        body.contains("`localhost:1/acme/x:1` in `compose.yaml:5`: `failed`, `unavailable`\r\n"),
        "{body}"
    );
}
