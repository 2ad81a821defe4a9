//! Holds, reverts and environments as `tagpin run` heeds them. The time is what the test says.

use jiff::Timestamp;
use tagpin::plan::Reason;
use tagpin::run::{BRANCH, BranchState, RepositoryOutcome};

use super::{
    DEPLOYMENT, FILE, NGINX, assert_nothing_written, assert_pinned, assert_pushed, run, world, world_with,
};
use crate::support::world::{TOKEN, World};

fn outcome(done: &RepositoryOutcome, image: &str) -> (&'static str, Option<&'static str>) {
    let sites = done.pinned.inventory.sites().zip(&done.pinned.verdicts);
    let mut found = sites.filter(|((_, located), _)| located.site.image.starts_with(image));
    let (_, verdict) = found.next().unwrap();
    (verdict.outcome.as_str(), verdict.reason.map(Reason::as_str))
}

/// Merges what tagpin proposes, as a fast-forward.
fn merge(world: &World) {
    let head = world.branch().unwrap();
    world.repository().move_branch("main", head);
    world.repository().delete_branch(BRANCH);
    let number = world.forge.pulls().last().unwrap().number;
    world.forge.merge(number);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_of_the_repository_is_heeded_until_it_ends() {
    let hold = "[[hold]]\nimages = [\"nginx\"]\nreason = \"TICKET-1\"\nuntil = 2027-01-16\n\
                [[hold]]\nimages = [\"gone\"]\nreason = \"TICKET-2\"\n";
    let mut world = world_with(&[(FILE, DEPLOYMENT), ("tagpin.toml", hold)]).await;
    world.now = "2027-01-16T12:00:00Z".parse::<Timestamp>().unwrap();
    let done = run(&mut world).await;
    assert_pushed(&done, &world);
    assert_eq!(outcome(&done, "nginx"), ("held", Some("on-hold")));
    assert!(world.read(BRANCH, FILE).contains("image: nginx:1.27 # the web"));
    let body = world.forge.pulls()[0].body.clone().unwrap();
    assert!(body.contains("TICKET-1") && body.contains("until 2027-01-16"), "{body}");
    assert!(
        done.notes.iter().any(|note| note.contains("for no image that is here: `TICKET-2`")),
        "{:?}",
        done.notes
    );

    world.now = "2027-01-17T00:00:00Z".parse::<Timestamp>().unwrap();
    let done = run(&mut world).await;
    assert_pinned(&world, NGINX);
    assert!(done.notes.iter().any(|note| note.contains("a hold has ended: `TICKET-1`")), "{:?}", done.notes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_took_back_is_not_proposed_again_until_there_is_another_digest() {
    let mut world = world().await;
    run(&mut world).await;
    merge(&world);
    let first = world.read("main", FILE);
    world.publish(NGINX, "bad");
    run(&mut world).await;
    merge(&world);
    assert_ne!(world.read("main", FILE), first);
    world.repository().commit_on("main", &[(FILE, &first)], "human@example.com");
    // The clone has the last commit alone, and not what tells.
    world.repository().commit_on("main", &[("README.md", "x")], "human@example.com");

    let done = run(&mut world).await;
    assert_eq!(outcome(&done, "nginx"), ("held", Some("reverted")));
    assert_eq!(done.branch, BranchState::NothingToDo);
    assert_nothing_written(&world);
    // No diff shows it either.
    let config = world.config("github");
    let done = world.run_as(&config, Some(TOKEN), true).await.unwrap();
    assert_eq!((done.branch, done.pinned.files.len()), (BranchState::NothingToDo, 0));

    world.publish(NGINX, "mended");
    let done = run(&mut world).await;
    assert_eq!(outcome(&done, "nginx"), ("updated", None));
    assert_pushed(&done, &world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tag_and_an_image_that_was_removed_are_no_revert() {
    for (image, spelled) in [
        // A digest without a tag that goes, and comes back as a name.
        ("docker.io/library/nginx:latest", ["nginx@DIGEST", "", "nginx"]),
        // A tag that is tried and given up.
        (NGINX, ["nginx:1.27@DIGEST", "nginx:1.28", "nginx:1.27"]),
    ] {
        let mut world = world().await;
        let digest = world.publish(image, "1");
        for spelled in spelled {
            let text = match spelled {
                "" => "# nothing\n".to_owned(),
                spelled => DEPLOYMENT.replace("nginx:1.27", &spelled.replace("DIGEST", &digest)),
            };
            world.repository().commit_on("main", &[(FILE, &text)], "human@example.com");
        }
        let done = run(&mut world).await;
        assert_eq!(outcome(&done, "nginx"), ("pinned", None), "{image}");
        assert!(world.read(BRANCH, FILE).contains(&digest), "{image}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_moves_back_and_forth_is_no_revert() {
    let mut world = world().await;
    for build in ["1", "2", "1", "2"] {
        world.publish(NGINX, build);
        let done = run(&mut world).await;
        assert_pushed(&done, &world);
        merge(&world);
        assert!(world.read("main", FILE).contains(&world.tags[NGINX]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_that_comes_after_another_does_not_follow_the_tags() {
    let config = "[[environment]]\nname = \"dev\"\npaths = [\"dev/**\"]\n\
                  [[environment]]\nname = \"production\"\npaths = [\"production/**\"]\nafter = \"dev\"\n";
    let files = [("dev/web.yaml", DEPLOYMENT), ("production/web.yaml", DEPLOYMENT), ("tagpin.toml", config)];
    let mut world = world_with(&files).await;
    let old = world.tags[NGINX].clone();
    run(&mut world).await;
    merge(&world);
    for file in ["dev/web.yaml", "production/web.yaml"] {
        assert!(world.read("main", file).contains(&old), "a first pin is written everywhere");
    }
    let new = world.publish(NGINX, "2");
    let done = run(&mut world).await;
    assert!(world.read(BRANCH, "dev/web.yaml").contains(&new));
    assert!(world.read(BRANCH, "production/web.yaml").contains(&old));
    let reasons = done
        .pinned
        .verdicts
        .iter()
        .filter_map(|verdict| verdict.reason.map(Reason::as_str))
        .collect::<Vec<_>>();
    assert_eq!(reasons, ["by-promotion"]);
}
