//! What was closed without a merge is not proposed again.

use tagpin::plan::Reason;
use tagpin::pull_request::marker;
use tagpin::run::BranchState;

use super::{FILE, NGINX, assert_nothing_written, assert_pinned, run, world};
use crate::support::forge::Pull;
use crate::support::world::TOKEN;

const CACHE: &str = "ghcr.io/acme/cache:2";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_means_no_for_these_digests_and_other_digests_are_asked_for() {
    let mut world = world().await;
    run(&mut world).await;
    world.forge.close(1);
    for round in 0..2 {
        if round == 1 {
            // Another byte in the file, and the same digests: still no.
            let edited = world.read("main", FILE) + "# end\n";
            world.repository().commit_on("main", &[(FILE, &edited)], "human@example.com");
        }
        let done = run(&mut world).await;
        assert_nothing_written(&world);
        assert_eq!(
            (done.branch, done.pull_request, done.pinned.files.len()),
            (BranchState::NothingToDo, None, 0)
        );
        assert!(done.pinned.verdicts.iter().all(|verdict| verdict.reason == Some(Reason::Declined)));
        let detail = done.pinned.verdicts[0].detail.clone().unwrap();
        assert!(detail.contains("pull request 1") && detail.contains("`tagpin-rebuild`"), "{detail}");
    }
    world.publish(NGINX, "2");
    let done = run(&mut world).await;
    assert_eq!(done.pull_request.unwrap().pull_request.number, 2);
    assert_pinned(&world, NGINX);
    assert!(
        !world.read(tagpin::run::BRANCH, FILE).contains(&world.tags[CACHE]),
        "the other one is still declined"
    );
    let body = world.forge.pulls()[1].body.clone().unwrap();
    assert!(body.contains("`ghcr.io/acme/cache:2` in `apps/web.yaml:12`: `held`, `declined`"), "{body}");
    run(&mut world).await;
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_branch_does_not_take_the_no_back() {
    let mut world = world().await;
    run(&mut world).await;
    // What GitHub's button under a closed pull request does.
    world.forge.close(1);
    world.repository().delete_branch(tagpin::run::BRANCH);
    for _ in 0..2 {
        run(&mut world).await;
        assert!(world.forge.writes().is_empty() && world.branch().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changes_their_mind_opens_it_again_or_gives_it_a_label() {
    let mut world = world().await;
    run(&mut world).await;
    world.forge.close(1);
    world.forge.edit(1, |pull| pull.state = "open".to_owned());
    assert_eq!(run(&mut world).await.branch, BranchState::UpToDate);
    assert_nothing_written(&world);
    world.forge.close(1);
    world.forge.edit(1, |pull| pull.labels.push("Tagpin-Rebuild".to_owned()));
    assert_eq!(run(&mut world).await.pull_request.unwrap().pull_request.number, 2);
    world.forge.close(2);
    assert_eq!(run(&mut world).await.pull_request, None, "the newest decides");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_s_pull_request_with_a_copied_marker_says_nothing() {
    let mut world = world().await;
    run(&mut world).await;
    world.forge.edit(1, |pull| pull.user = "mallory".to_owned());
    world.forge.close(1);
    assert_eq!(run(&mut world).await.pull_request.unwrap().pull_request.number, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_the_token_is_must_be_known_where_something_was_declined() {
    let mut world = world().await;
    run(&mut world).await;
    world.forge.close(1);
    world.publish(NGINX, "2");
    let before = world.branch();
    world.forge.next("POST", crate::support::forge::Mood::Forbidden);
    let config = world.config("github");
    let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    let text = done.pull_request_error.unwrap().to_string();
    assert!(text.contains("cannot ask whose token this is"), "{text}");
    assert_eq!((world.branch(), done.branch), (before, BranchState::NothingToDo), "and nothing is pushed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marker_in_a_foreign_pull_request_has_nothing_deleted_or_asked_again() {
    let mut world = world().await;
    run(&mut world).await;
    world.forge.close(1);
    let first = world.forge.pulls()[0].clone();
    // Somebody opens one from the branch, and says in it that nobody said no, or that all of it was merged.
    for (merged, retired) in [(false, true), (true, false)] {
        let text = first.body.as_ref().map(|body| marker::with(body, |marker| marker.retired = retired));
        let foreign =
            Pull { user: "mallory".to_owned(), body: text, state: "open".to_owned(), ..first.clone() };
        let number = world.forge.open(foreign);
        world.forge.close(number);
        world.forge.edit(number, |pull| {
            pull.merged = merged;
            pull.head_oid = "d".repeat(40);
        });
        assert_eq!(run(&mut world).await.pull_request, None, "{merged}");
        assert_nothing_written(&world);
    }
}
