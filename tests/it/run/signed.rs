//! Commits that the forge makes over its API, and signs.

use tagpin::plan::Reason;
use tagpin::run::{BRANCH, BranchState};

use super::{DEPLOYMENT, FILE, NGINX, check, fill};
use crate::support::github_app::App;
use crate::support::world::{NAME, World};

const TOKEN: &str = "ghs_loopbackInstallation0123456789";

async fn world(change: impl FnOnce(&mut crate::support::forge::Settings)) -> World {
    let mut world = World::with(|settings| {
        settings.token = TOKEN.to_owned();
        settings.login = "tagpin[bot]".to_owned();
        change(settings);
    })
    .await;
    world.git.require("x-access-token", TOKEN);
    fill(&mut world, &[(FILE, DEPLOYMENT)]);
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_s_token_commits_over_the_api_and_keeps_every_byte_and_mode() {
    use git2::FileMode::{Blob, BlobExecutable};
    let mut world = world(|_| {}).await;
    let crlf = DEPLOYMENT.replace('\n', "\r\n");
    let files: &[(&str, &[u8], git2::FileMode)] = &[
        ("crlf.yaml", crlf.as_bytes(), Blob),
        ("bom.yaml", &[b"\xef\xbb\xbf", DEPLOYMENT.as_bytes()].concat(), Blob),
        ("run.yaml", DEPLOYMENT.as_bytes(), BlobExecutable),
    ];
    world.repository().commit_modes("main", files, "human@example.com");
    let config = world.config("github");
    let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    check(&world.forge.log());
    assert_eq!((done.pull_request_error.clone(), done.branch), (None, BranchState::Pushed));
    assert_eq!(done.commit, world.branch().map(|oid| oid.to_string()));
    assert!(!World::pushes(&world.git.requests()), "git only reads");
    assert_eq!(world.repository().committer(BRANCH), "noreply@github.com", "which GitHub signs");
    assert_eq!(world.repository().mode(BRANCH, "run.yaml"), Some(0o100_755));
    assert_eq!(done.pinned.files.len(), 4);
    for file in &done.pinned.files {
        assert_eq!(world.repository().read(BRANCH, &file.path).unwrap(), file.after, "{}", file.path);
    }
    let again = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    assert_eq!(again.branch, BranchState::UpToDate, "it is known as tagpin's own");
    assert!(world.forge.writes().is_empty());
    world.publish(NGINX, "2");
    let moved = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    assert_eq!((moved.branch, world.forge.pulls().len()), (BranchState::Pushed, 1));
    check(&world.forge.log());
    assert!(world.read(BRANCH, FILE).contains(&world.tags[NGINX]));
    assert_eq!(world.repository().log(BRANCH).len(), 3, "one commit on the base");

    // Closed and declined: the bot knows itself, with and without `[bot]`.
    world.forge.close(1);
    let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    assert!(done.pinned.verdicts.iter().all(|verdict| verdict.reason == Some(Reason::Declined)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_says_who_commits() {
    for (commits, pushes) in [("git", true), ("api", false)] {
        let mut world = world(|_| {}).await;
        let config = world.config_with(&format!("commits = \"{commits}\"\n"));
        world.run_as(&config, Some(TOKEN), false).await.unwrap();
        assert_eq!(World::pushes(&world.git.requests()), pushes, "{commits}");
        assert!(world.read(BRANCH, FILE).contains(&world.tags[NGINX]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_human_who_is_quicker_wins_over_the_api_too() {
    let mut world = world(|_| {}).await;
    let config = world.config("github");
    world.run_as(&config, Some(TOKEN), false).await.unwrap();
    world.publish(NGINX, "2");
    let path = world.repository().path;
    let human = world.repository().commit_on("aside", &[("notes.md", "mine")], "human@example.com");
    world.forge.before("/graphql", move || {
        crate::support::bare_repository::BareRepository::open(&path).move_branch(BRANCH, human);
    });
    let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    let error = done.pull_request_error.unwrap().to_string();
    assert!(error.contains("was moved by somebody else (expected "), "{error}");
    assert_eq!((world.branch(), done.branch), (Some(human), BranchState::NothingToDo));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_that_the_app_may_not_change_is_left_out() {
    let mut world = world(|settings| settings.refuse_workflows = true).await;
    let workflow = ".github/workflows/ci.yaml";
    let job = "jobs:\n  test:\n    runs-on: x\n    container: nginx:1.27\n    steps: []\n";
    world.repository().commit_on("main", &[(workflow, job)], "human@example.com");
    let config = world.config("github");
    for state in [BranchState::Pushed, BranchState::UpToDate] {
        let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
        assert_eq!((done.pull_request_error.clone(), &done.branch), (None, &state));
        let held =
            done.pinned.verdicts.iter().filter(|v| v.reason == Some(Reason::WorkflowPermission)).count();
        assert_eq!((held, world.read(BRANCH, workflow).as_str()), (1, job));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_runs_with_its_key_alone() {
    let permissions =
        serde_json::json!({ "contents": "write", "pull_requests": "write", "metadata": "read" });
    let app = App::new("123456", permissions, TOKEN);
    let mut world = world(|settings| settings.app = Some(app.clone())).await;
    let file = world.cache().with_file_name("app.pem");
    fs_err::write(&file, &app.key).unwrap();
    let config = world.config_with(&format!("app-id = \"123456\"\napp-key-file = \"{}\"\n", file.display()));
    let done = world.run_as(&config, None, false).await.unwrap();
    check(&world.forge.log());
    assert_eq!((done.pull_request_error, world.forge.pulls().len()), (None, 1));
    assert_eq!(world.repository().committer(BRANCH), "noreply@github.com");
    assert_eq!(app.asked.lock().unwrap().len(), 1, "one token for the one repository {NAME}");
    let without = world.config_with("app-id = \"123456\"\n");
    let error = world.run_as(&without, None, false).await.unwrap_err().to_string();
    assert!(error.contains("set TAGPIN_GITHUB_APP_KEY or `app-key-file`"), "{error}");
}
