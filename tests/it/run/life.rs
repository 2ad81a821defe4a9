//! The end of a branch, and what people tell tagpin in a pull request.

use git2::Oid;
use tagpin::plan::Reason;
use tagpin::pull_request::{Operation, marker};
use tagpin::run::{BRANCH, BranchState};

use super::{DEPLOYMENT, FILE, NGINX, assert_nothing_written, assert_pinned, assert_pushed, run, world};
use crate::support::world::{TOKEN, World};

fn body(world: &World) -> String {
    world.forge.pulls()[0].body.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_branch_is_deleted_and_then_the_forge_is_not_even_asked() {
    let mut world = world().await;
    run(&mut world).await;
    world.repository().move_branch("main", world.branch().unwrap());
    world.forge.merge(1);
    let done = run(&mut world).await;
    assert_eq!((done.branch, world.branch()), (BranchState::Deleted, None));
    assert!(world.forge.writes().is_empty());
    run(&mut world).await;
    assert_nothing_written(&world);
    assert!(world.forge.log().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_obsolete_is_closed_with_a_reason_and_can_be_proposed_again() {
    let mut world = world().await;
    run(&mut world).await;
    let pinned = world.read(BRANCH, FILE);
    world.repository().commit_on("main", &[(FILE, &pinned)], "human@example.com");
    let done = run(&mut world).await;
    assert_eq!((done.branch, world.branch()), (BranchState::Deleted, None));
    assert_eq!(done.pull_request.unwrap().operation, Operation::Closed);
    assert_eq!((world.forge.pulls()[0].state.as_str(), world.forge.pulls()[0].merged), ("closed", false));
    assert!(body(&world).starts_with("> Closed by tagpin: nothing is left to propose"), "{}", body(&world));
    assert!(marker::read(&body(&world)).unwrap().retired);
    // Nobody said no to the digest: where the image comes up again, it is proposed again.
    world.repository().commit_on("main", &[("app/other.yaml", DEPLOYMENT)], "human@example.com");
    assert_eq!(run(&mut world).await.pull_request.unwrap().pull_request.number, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_down_ends_nothing() {
    let mut world = world().await;
    run(&mut world).await;
    let branch = world.branch();
    world.registry.set(|mood| mood.always = Some(401));
    for writes in [1, 0] {
        let done = run(&mut world).await;
        assert!(done.pinned.verdicts.iter().all(|verdict| verdict.outcome.as_str() == "failed"));
        assert!(!World::pushes(&world.git.requests()));
        assert_eq!((world.forge.writes().len(), world.branch()), (writes, branch), "it is said once");
        assert!(body(&world).contains("could not confirm"), "{}", body(&world));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_forge_an_obsolete_branch_is_deleted_too() {
    let mut world = world().await;
    let mut config = world.config("none");
    std::sync::Arc::make_mut(&mut config.repositories)[0].token_env = Some("GIT_TOKEN".to_owned());
    world.run_as(&config, None, false).await.unwrap();
    world.repository().move_branch("main", world.branch().unwrap());
    let done = world.run_as(&config, None, false).await.unwrap();
    assert_eq!((done.branch, world.branch()), (BranchState::Deleted, None));
}

/// Merges `main` into the branch, as GitHub's button "Update branch" does, with this text in the file in the end.
fn update_branch(world: &World, text: Option<&str>) -> Oid {
    let git = git2::Repository::open_bare(&world.repository().path).unwrap();
    let head = |branch: &str| git.find_commit(world.repository().head(branch).unwrap()).unwrap();
    let (ours, theirs) = (head(BRANCH), head("main"));
    let mut index = git.merge_commits(&ours, &theirs, None).unwrap();
    let mut tree = index.write_tree_to(&git).unwrap();
    if let Some(text) = text {
        let mut update = git2::build::TreeUpdateBuilder::new();
        update.upsert(FILE, git.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob);
        tree = update.create_updated(&git, &git.find_tree(tree).unwrap()).unwrap();
    }
    let who =
        git2::Signature::new("GitHub", "noreply@github.com", &git2::Time::new(1_800_000_000, 0)).unwrap();
    let name = format!("refs/heads/{BRANCH}");
    let message = format!("Merge branch 'main' into {BRANCH}");
    git.commit(Some(&name), &who, &who, &message, &git.find_tree(tree).unwrap(), &[&ours, &theirs]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_update_of_the_branch_is_nobody_s_commit() {
    let mut world = world().await;
    run(&mut world).await;
    for round in 0..3 {
        let text = format!("round {round}");
        world.repository().commit_on("main", &[("README.md", &text)], "human@example.com");
        let merge = update_branch(&world, None);
        // The base moves on, too.
        world.repository().commit_on("main", &[("other.md", &text)], "human@example.com");
        let done = run(&mut world).await;
        assert_eq!((done.branch, world.branch()), (BranchState::UpToDate, Some(merge)));
        assert_nothing_written(&world);
    }
    world.publish(NGINX, "2");
    assert_pushed(&run(&mut world).await, &world);
    assert_pinned(&world, NGINX);
    assert_eq!(world.repository().read(BRANCH, "other.md").unwrap(), b"round 2");
    assert_eq!(world.forge.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_somebody_had_a_hand_in_is_somebody_s_commit() {
    for kind in ["edited", "another branch", "on top"] {
        let mut world = world().await;
        run(&mut world).await;
        let ours = world.read(BRANCH, FILE);
        if kind == "another branch" {
            // Something that is not in the base comes in by the merge.
            let main = world.repository().head("main").unwrap();
            world.repository().commit_on("main", &[("feature.md", "mine")], "human@example.com");
            update_branch(&world, None);
            world.repository().move_branch("main", main);
        } else {
            world.repository().commit_on("main", &[("README.md", "hello")], "human@example.com");
            update_branch(&world, (kind == "edited").then_some(&*(ours + "# mine\n")));
        }
        if kind == "on top" {
            world.repository().commit_on(BRANCH, &[("notes.md", "mine")], "human@example.com");
        }
        let head = world.branch();
        world.publish(NGINX, "2");
        let done = run(&mut world).await;
        assert_eq!((done.branch, world.branch()), (BranchState::LeftAlone, head), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_or_a_label_has_the_branch_rebuilt_once() {
    for by_label in [false, true] {
        let mut world = world().await;
        run(&mut world).await;
        world.repository().commit_on(BRANCH, &[("notes.md", "mine")], "human@example.com");
        world.repository().commit_on("main", &[("README.md", "hello")], "human@example.com");
        run(&mut world).await;
        world.forge.edit(1, |pull| {
            if by_label {
                pull.labels.extend(["tagpin-rebuild".to_owned(), "keep".to_owned()]);
            } else {
                pull.body = pull.body.take().map(|body| body.replace("- [ ] Rebuild", "- [x] Rebuild"));
            }
        });
        let done = run(&mut world).await;
        assert_pushed(&done, &world);
        assert!(
            world.repository().read(BRANCH, "notes.md").is_none(),
            "somebody's commit is gone, as they said"
        );
        assert_eq!(world.read(BRANCH, "README.md"), "hello");
        assert!(body(&world).contains("- [ ] Rebuild") && !body(&world).contains("Somebody else"));
        assert_eq!(world.forge.pulls()[0].labels, if by_label { vec!["keep"] } else { Vec::new() });
        run(&mut world).await;
        assert_nothing_written(&world);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_halts_tagpin() {
    let mut world = world().await;
    run(&mut world).await;
    world.publish(NGINX, "2");
    world.forge.edit(1, |pull| pull.labels.push("tagpin-stop".to_owned()));
    let done = run(&mut world).await;
    assert_eq!(done.branch, BranchState::Stopped);
    assert_nothing_written(&world);
    assert!(done.pinned.verdicts.iter().all(|verdict| verdict.reason == Some(Reason::Stopped)));
    assert!(done.pinned.files.is_empty());
    world.forge.edit(1, |pull| pull.labels.clear());
    assert_pushed(&run(&mut world).await, &world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn title_message_and_sign_off_are_the_user_s() {
    let mut world = world().await;
    let config = world.config_with(
        "sign-off = true\n[pull-request]\ntitle = \"build({{ base }}): {{ summary }}\"\n\
         commit-message = \"\"\"\n{{ title }}\n\n{% for i in images %}{{ i.name }} is {{ i.short }}\n{% endfor %}\"\"\"\n\
         labels = [\"dependencies\"]\n",
    );
    let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    super::check(&world.forge.log());
    assert_pushed(&done, &world);
    let pull = world.forge.pulls()[0].clone();
    assert_eq!(
        (pull.title.as_str(), &*pull.labels),
        ("build(main): pin 2 images to digests", &["dependencies".to_owned()][..])
    );
    let message = world.repository().log(BRANCH)[0].1.clone();
    assert!(
        message.starts_with("build(main): pin 2 images to digests\n\nghcr.io/acme/cache is "),
        "{message}"
    );
    let trailers = message.rsplit("\n\n").next().unwrap();
    assert!(
        trailers.starts_with("Signed-off-by: tagpin <tagpin@users.noreply.github.com>\nTagpin-Tree: "),
        "{message}"
    );
    let again = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    assert_eq!(again.branch, BranchState::UpToDate);
    assert_nothing_written(&world);
}
