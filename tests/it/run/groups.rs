//! Several pull requests in one repository, and how many there may be.

use std::collections::BTreeMap;

use tagpin::config::Config;
use tagpin::plan::Reason;
use tagpin::run::{BRANCH, BranchState, RepositoryOutcome};

use super::{NGINX, assert_nothing_written, world_with};
use crate::support::world::{TOKEN, World};

const TWO: &str = "services:\n  a:\n    image: nginx:1.27\n  b:\n    image: ghcr.io/acme/cache:2\n";
const ONE: &str = "services:\n  a:\n    image: nginx:1.27\n";

async fn start() -> World {
    world_with(&[("clusters/prod/a/compose.yaml", TWO), ("clusters/test/compose.yaml", ONE)]).await
}

async fn run_with(world: &mut World, config: &Config) -> RepositoryOutcome {
    let done = world.run_as(config, Some(TOKEN), false).await.unwrap();
    super::check(&world.forge.log());
    assert_eq!(done.pull_request_error, None);
    done
}

/// The open pull requests: branch and title.
fn open(world: &World) -> BTreeMap<String, String> {
    let open = world.forge.pulls().into_iter().filter(|pull| pull.state == "open");
    open.map(|pull| (pull.head, pull.title)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_group_has_a_branch_and_a_pull_request_of_its_own() {
    for (more, expected) in [
        ("group-by = \"all\"", vec![("tagpin/pin-digests", "pin 2 images to digests", 2)]),
        (
            "group-by = \"registry\"",
            vec![
                ("tagpin/registry-docker.io", "(docker.io)", 2),
                ("tagpin/registry-ghcr.io", "(ghcr.io)", 1),
            ],
        ),
        (
            "group-by = \"path\"",
            vec![
                ("tagpin/path-clusters-prod-", "(clusters/prod)", 1),
                ("tagpin/path-clusters-test-", "(clusters/test)", 1),
            ],
        ),
        (
            "group-by = \"image\"\n[[pull-request.group]]\nname = \"ours\"\nimages = [\"ghcr.io/acme/*\"]",
            vec![
                ("tagpin/group-ours", "(ours)", 1),
                ("tagpin/image-docker.io-library-nginx-", "(docker.io/library/nginx)", 2),
            ],
        ),
    ] {
        let mut world = start().await;
        let config = world.config_with(&format!("[pull-request]\n{more}\n"));
        let done = run_with(&mut world, &config).await;
        let open = open(&world);
        assert_eq!(open.len(), expected.len(), "{open:?}");
        for ((branch, title), (start, part, files)) in open.iter().zip(&expected) {
            assert!(branch.starts_with(start) && title.contains(part), "{branch} {title}");
            let group = done.groups.iter().find(|group| group.branch_name == *branch).unwrap();
            assert_eq!((group.files, &group.branch), (*files, &BranchState::Pushed));
            assert_eq!(world.repository().log(branch).len(), 2, "one commit on the base");
        }
        assert_eq!(done.pinned.files.len(), 2);
        assert!(done.pinned.verdicts.iter().all(|verdict| verdict.change.is_some()));
        run_with(&mut world, &config).await;
        assert_nothing_written(&world);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_holds_its_own_changes_and_goes_its_own_way() {
    let mut world = start().await;
    let config = world.config_with("[pull-request]\ngroup-by = \"registry\"\n");
    run_with(&mut world, &config).await;
    let text = world.read("tagpin/registry-ghcr.io", "clusters/prod/a/compose.yaml");
    assert!(text.contains("cache:2@sha256:") && text.contains("nginx:1.27\n"), "{text}");
    // One is declined, one gets a human's commit: neither stops the other.
    let ghcr = world.forge.pulls().iter().find(|pull| pull.head.ends_with("ghcr.io")).unwrap().number;
    world.forge.close(ghcr);
    world.publish(NGINX, "2");
    let done = run_with(&mut world, &config).await;
    assert_eq!(open(&world).len(), 1);
    assert!(
        world.read("tagpin/registry-docker.io", "clusters/test/compose.yaml").contains(&world.tags[NGINX])
    );
    let reasons: Vec<_> =
        done.pinned.verdicts.iter().filter_map(|verdict| verdict.reason.map(Reason::as_str)).collect();
    assert_eq!(reasons, ["declined"]);

    world.repository().commit_on("tagpin/registry-docker.io", &[("mine", "x")], "human@example.com");
    world.publish("ghcr.io/acme/cache:2", "2");
    world.publish(NGINX, "3");
    let done = run_with(&mut world, &config).await;
    let states: Vec<_> = done.groups.iter().map(|group| group.branch.as_str()).collect();
    assert_eq!(states, ["left-alone", "pushed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_groups_take_the_place_of_what_was_proposed() {
    let mut world = start().await;
    let all = world.config_with("");
    run_with(&mut world, &all).await;
    let config = world.config_with("[pull-request]\ngroup-by = \"registry\"\n");
    let done = run_with(&mut world, &config).await;
    assert_eq!(open(&world).len(), 2);
    assert_eq!(world.branch(), None);
    let closed = world.forge.pulls()[0].clone();
    assert_eq!(closed.head, BRANCH);
    assert!(closed.body.unwrap().starts_with("> Closed by tagpin: its changes are now in #2, #3.\r\n"));
    assert_eq!(done.branch_name(), "tagpin/registry-docker.io");
    run_with(&mut world, &config).await;
    assert_nothing_written(&world);
    // And back: nobody said no.
    run_with(&mut world, &all).await;
    assert_eq!(open(&world).into_keys().collect::<Vec<_>>(), [BRANCH]);
    assert_eq!(world.repository().head("tagpin/registry-ghcr.io"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_what_would_be_too_much() {
    for limit in ["max-open = 1", "max-new = 1"] {
        let mut world = start().await;
        let config = world.config_with(&format!("[pull-request]\ngroup-by = \"registry\"\n{limit}\n"));
        let done = run_with(&mut world, &config).await;
        assert_eq!(open(&world).into_keys().collect::<Vec<_>>(), ["tagpin/registry-docker.io"], "{limit}");
        let held: Vec<_> =
            done.pinned.verdicts.iter().filter_map(|verdict| verdict.reason.map(Reason::as_str)).collect();
        assert_eq!(held, ["pull-request-limit"]);
        assert_eq!(world.repository().head("tagpin/registry-ghcr.io"), None);
        // What is open is still kept up to date; the next run may open another one, or not.
        world.publish(NGINX, "2");
        run_with(&mut world, &config).await;
        assert!(
            world
                .read("tagpin/registry-docker.io", "clusters/test/compose.yaml")
                .contains(&world.tags[NGINX])
        );
        assert_eq!(open(&world).len(), if limit == "max-open = 1" { 1 } else { 2 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bases_of_one_repository_do_not_share_a_branch() {
    let mut world = start().await;
    world.repository().commit_on("release", &[("compose.yaml", TWO)], "human@example.com");
    let main = world.config("github");
    let mut release = world.config("github");
    std::sync::Arc::make_mut(&mut release.repositories)[0].branch = Some("release".to_owned());
    for config in [&main, &release] {
        run_with(&mut world, config).await;
    }
    let bases: Vec<_> = world.forge.pulls().into_iter().map(|pull| (pull.base, pull.head)).collect();
    let expected = [("main", BRANCH), ("release", "tagpin/base-release/pin-digests")];
    assert_eq!(bases, expected.map(|(base, head)| (base.to_owned(), head.to_owned())));
    for config in [&main, &release] {
        run_with(&mut world, config).await;
        assert_nothing_written(&world);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_no_to_one_group_is_none_to_another() {
    let mut world = start().await;
    let config = world.config_with("[pull-request]\ngroup-by = \"path\"\n");
    run_with(&mut world, &config).await;
    let number = |part: &str| {
        let pulls = world.forge.pulls();
        pulls.iter().find(|pull| pull.head.contains(part)).unwrap().number
    };
    let (prod, test) = (number("prod"), number("test"));
    world.forge.close(test);
    run_with(&mut world, &config).await;
    assert_nothing_written(&world);
    let state =
        |number: u64| world.forge.pulls().iter().find(|pull| pull.number == number).unwrap().state.clone();
    assert_eq!((state(prod).as_str(), state(test).as_str()), ("open", "closed"));
}
