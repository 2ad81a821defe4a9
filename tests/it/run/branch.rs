//! The branch: when it is pushed, when it stays, and when it is left alone.

use tagpin::plan::Reason;
use tagpin::run::{BRANCH, BranchState};

use super::{
    DEPLOYMENT, FILE, NGINX, assert_nothing_written, assert_pinned, assert_pushed, run, world, world_with,
};
use crate::support::git_remote::Mood;
use crate::support::world::{TOKEN, World};

const WORKFLOW: &str = ".github/workflows/ci.yaml";
const JOB: &str = "jobs:\n  test:\n    runs-on: x\n    container: nginx:1.27\n    steps: []\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_pushes_the_digests_and_another_one_pushes_nothing() {
    let mut world = world().await;
    let main = world.repository().head("main");
    let done = run(&mut world).await;
    assert_pushed(&done, &world);
    assert!(World::pushes(&world.git.requests()), "the log of the git host shows a push");
    assert_eq!(world.forge.writes().len(), 1);
    assert_pinned(&world, NGINX);
    assert_pinned(&world, "ghcr.io/acme/cache:2");
    assert!(world.read(BRANCH, FILE).contains(&format!("nginx:1.27@{} # the web\n", world.tags[NGINX])));
    assert_eq!(world.repository().log(BRANCH).len(), 2, "one commit on top of the base");
    assert_eq!(world.repository().head("main"), main);

    for _ in 0..2 {
        let again = run(&mut world).await;
        assert_eq!((again.branch, again.commit), (BranchState::UpToDate, done.commit.clone()));
        assert_nothing_written(&world);
        assert_eq!(world.forge.log().len(), 1, "one question");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_moves_moves_the_branch() {
    let mut world = world().await;
    run(&mut world).await;
    let old = world.publish(NGINX, "1");
    let new = world.publish(NGINX, "2");
    assert_ne!(old, new);
    let done = run(&mut world).await;
    assert_pushed(&done, &world);
    assert_pinned(&world, NGINX);
    assert!(!world.read(BRANCH, FILE).contains(&old));
    assert_eq!(world.repository().log(BRANCH).len(), 2, "still one commit");
    run(&mut world).await;
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_that_moves_moves_the_branch_only_where_it_touches_our_files() {
    let mut world = world().await;
    let first = run(&mut world).await;
    world.repository().commit_on("main", &[("README.md", "hello")], "human@example.com");
    let done = run(&mut world).await;
    assert_eq!((done.branch, done.commit), (BranchState::UpToDate, first.commit));
    assert_nothing_written(&world);

    let edited = DEPLOYMENT.replace("# the web", "# the web, for now");
    world.repository().commit_on("main", &[(FILE, &edited)], "human@example.com");
    let done = run(&mut world).await;
    assert_pushed(&done, &world);
    assert!(world.read(BRANCH, FILE).contains("# the web, for now"));
    assert_eq!(world.read(BRANCH, "README.md"), "hello", "on the base as it is now");
    assert_eq!(world.forge.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_with_somebody_else_s_commit_is_left_alone_and_its_pull_request_says_so_once() {
    let mut world = world().await;
    run(&mut world).await;
    let human = world.repository().commit_on(BRANCH, &[("notes.md", "mine")], "human@example.com");
    world.publish(NGINX, "2");
    let before = world.forge.pulls()[0].body.clone().unwrap();
    for round in 0..3 {
        let done = run(&mut world).await;
        assert_eq!((done.branch, done.commit), (BranchState::LeftAlone, None));
        assert_eq!(world.branch(), Some(human));
        assert_eq!(world.forge.writes().len(), usize::from(round == 0), "it is said once");
        assert!(!World::pushes(&world.git.requests()));
        let body = world.forge.pulls()[0].body.clone().unwrap();
        assert_eq!(
            body.replace(
                "> Somebody else has committed to this branch, so tagpin leaves it alone.\r\n\r\n",
                ""
            ),
            before
        );
    }

    // An amended commit is somebody else's too.
    world.repository().move_branch(BRANCH, world.repository().head("main").unwrap());
    world.repository().commit_on(BRANCH, &[(FILE, "mine")], "tagpin@users.noreply.github.com");
    assert_eq!(run(&mut world).await.branch, BranchState::LeftAlone);
    assert_eq!(world.read(BRANCH, FILE), "mine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_human_who_is_quicker_wins() {
    let mut world = world().await;
    run(&mut world).await;
    let human = world.repository().commit_on("aside", &[("notes.md", "mine")], "human@example.com");
    world.git.set_mood(Mood::MoveFirst(BRANCH.to_owned(), human));
    world.publish(NGINX, "2");
    let error = super::try_run(&mut world).await.unwrap_err().to_string();
    assert!(error.contains("was moved by somebody else") && error.contains("nothing was pushed"), "{error}");
    assert_eq!(world.branch(), Some(human));
    assert!(world.forge.writes().is_empty());
    world.git.set_mood(Mood::Fine);
    assert_eq!(run(&mut world).await.branch, BranchState::LeftAlone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_branch_is_made_again() {
    let mut world = world().await;
    run(&mut world).await;
    world.repository().delete_branch(BRANCH);
    let done = run(&mut world).await;
    assert_pushed(&done, &world);
    assert_eq!(done.pull_request.unwrap().pull_request.number, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_were_merged_and_undone_are_proposed_on_the_new_base() {
    let mut world = world().await;
    let first = run(&mut world).await;
    world.repository().move_branch("main", world.branch().unwrap());
    world.forge.merge(1);
    // The tags have moved: what was undone itself is not proposed again.
    world.repository().commit_on("main", &[(FILE, DEPLOYMENT)], "human@example.com");
    world.publish(NGINX, "2");
    let done = run(&mut world).await;
    assert_pushed(&done, &world);
    assert_ne!(done.commit, first.commit);
    assert_eq!(done.pull_request.unwrap().pull_request.number, 2);
    assert_eq!(world.repository().log(BRANCH).len(), 4, "on top of the commit that undid it");
    run(&mut world).await;
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_has_no_more_history_than_is_needed() {
    let mut world = world().await;
    let first = world.repository().head("main").unwrap();
    for i in 0..210 {
        world.repository().commit_on("main", &[("log.txt", &i.to_string())], "human@example.com");
    }
    run(&mut world).await;
    let clones = fs_err::read_dir(world.cache()).unwrap().map(|entry| entry.unwrap().path());
    let clones: Vec<_> = clones.filter(|path| path.is_dir()).collect();
    assert_eq!(clones.len(), 1, "{clones:?}");
    let clone = git2::Repository::open_bare(&clones[0]).unwrap();
    let main = world.repository().head("main").unwrap();
    assert!(clone.find_commit(main).is_ok() && clone.find_commit(first).is_err());
    // As much as tells what somebody took back, because there is something to change.
    let last = world.repository().log("main")[usize::from(tagpin::plan::reverted::DEPTH) - 1].0;
    assert_eq!(fs_err::read_to_string(clones[0].join("shallow")).unwrap(), format!("{last}\n"));
    assert_eq!(world.repository().log(BRANCH).len(), 212);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_forge_the_branch_is_pushed_and_that_is_all() {
    let mut world = world().await;
    let mut config = world.config("none");
    std::sync::Arc::make_mut(&mut config.repositories)[0].token_env = Some("GIT_TOKEN".to_owned());
    let done = world.run_as(&config, Some("another-token"), false).await.unwrap();
    assert_pushed(&done, &world);
    assert_eq!(done.pull_request, None);
    assert!(world.forge.log().is_empty());
    let again = world.run_as(&config, None, false).await.unwrap();
    assert_eq!(again.branch, BranchState::UpToDate);
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_writes_nothing() {
    let mut world = world().await;
    let config = world.config("github");
    let done = world.run_as(&config, Some(TOKEN), true).await.unwrap();
    assert_eq!((done.branch, done.commit, done.pinned.files.len()), (BranchState::DryRun, None, 1));
    assert_nothing_written(&world);
    assert!(world.forge.log().is_empty() && world.branch().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_that_the_token_may_not_change_is_left_out_and_named() {
    let mut world = world_with(&[(FILE, DEPLOYMENT), (WORKFLOW, JOB)]).await;
    world.git.set_mood(Mood::RefuseWorkflows);
    let done = run(&mut world).await;
    assert_pushed(&done, &world);
    assert_pinned(&world, NGINX);
    assert_eq!(world.read(BRANCH, WORKFLOW), JOB);
    let held = done.pinned.verdicts.iter().filter(|v| v.reason == Some(Reason::WorkflowPermission)).count();
    assert_eq!((held, done.pinned.files.len()), (1, 1));
    let body = world.forge.pulls()[0].body.clone().unwrap();
    assert!(
        body.contains("`nginx:1.27` in `.github/workflows/ci.yaml:4`: `held`, `workflow-permission`"),
        "{body}"
    );

    let again = run(&mut world).await;
    assert_eq!(again.branch, BranchState::UpToDate);
    assert_nothing_written(&world);
    let held = again.pinned.verdicts.iter().filter(|v| v.reason == Some(Reason::WorkflowPermission)).count();
    assert_eq!(held, 1, "and the second run still says so");

    // As the text says: with the permission and without the branch, it is part of the pull request.
    world.git.set_mood(Mood::Fine);
    world.forge.edit(1, |pull| pull.labels.push("tagpin-rebuild".to_owned()));
    run(&mut world).await;
    assert!(world.read(BRANCH, WORKFLOW).contains(&world.tags[NGINX]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_are_only_such_workflows_there_is_nothing_to_push() {
    let mut world = world_with(&[(WORKFLOW, JOB)]).await;
    world.git.set_mood(Mood::RefuseWorkflows);
    let done = run(&mut world).await;
    assert_eq!((done.branch, done.pull_request), (BranchState::NothingToDo, None));
    assert_eq!(done.pinned.verdicts[0].reason, Some(Reason::WorkflowPermission));
    assert_eq!((world.branch(), world.forge.pulls().len()), (None, 0));
}

/// A deployment that needs nothing, and whose annotation is not true.
const STALE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: other
  annotations: {deployed-image-digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
spec:
  template:
    spec:
      containers:
      - name: one
        image: acme/one@sha256:3124c00165bf5bbed26fadb79c6e67c3fc81d4a92f07d2600f02b35cd0cacb88
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn annotations_that_are_not_true_are_mended_with_the_next_change() {
    let mut world = world_with(&[(FILE, DEPLOYMENT), ("apps/other.yaml", STALE)]).await;
    let done = run(&mut world).await;
    assert_eq!(done.pinned.files.len(), 2);
    let mended = world.read(BRANCH, "apps/other.yaml");
    assert_eq!(mended.matches("sha256:3124c0").count(), 2, "{mended}");
    // The branch is the one that the next run builds, too.
    run(&mut world).await;
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn annotations_alone_open_no_pull_request() {
    let mut world = world_with(&[("apps/other.yaml", STALE)]).await;
    let done = run(&mut world).await;
    assert!(done.pinned.files.is_empty() && world.branch().is_none());
}
