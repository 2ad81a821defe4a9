//! What is refused: by the forge, by the git host, by the repository's own file. Nothing that was done is lost.

use tagpin::run::{BRANCH, BranchState};

use super::{
    DEPLOYMENT, FILE, assert_nothing_written, assert_pushed, check, fill, run, try_run, world, world_with,
};
use crate::support::forge::Mood;
use crate::support::git_remote::Mood as GitMood;
use crate::support::world::{TOKEN, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_of_the_forge_is_told_and_the_next_run_goes_on() {
    for (method, mood, parts) in [
        ("POST", Mood::Forbidden, ["the token lacks a permission", "pull-requests: write"]),
        ("POST", Mood::ActionsNotPermitted, ["Allow GitHub Actions to create", "Settings, Actions"]),
        ("POST", Mood::Unprocessable, ["cannot open a pull request", "was submitted too quickly"]),
        ("POST", Mood::TooManyRequests(3600), ["fewer requests", "try again in 3600 s"]),
        ("GET", Mood::PrimaryLimit(7200), ["rate limit", "try again in 7"]),
        ("GET", Mood::Moved, ["is no longer at", "new address"]),
        ("GET", Mood::Forbidden, ["the token lacks a permission", "pull-requests: write"]),
    ] {
        let mut world = world().await;
        world.forge.next(method, mood);
        let done = try_run(&mut world).await.unwrap();
        let text = done.pull_request_error.as_ref().unwrap().to_string();
        for part in parts {
            assert!(text.contains(part), "{mood:?}: {part}\n{text}");
        }
        assert_eq!((done.pinned.files.len(), world.forge.pulls().len()), (1, 0), "{mood:?}");
        // What was declined is not known without an answer: then nothing is pushed.
        let expected = if method == "GET" { BranchState::NothingToDo } else { BranchState::Pushed };
        assert_eq!((&done.branch, world.branch().is_some()), (&expected, method == "POST"));
        let healed = run(&mut world).await;
        assert_eq!(healed.branch == BranchState::UpToDate, method == "POST");
        assert_eq!(world.forge.pulls().len(), 1, "{mood:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_the_forge_does_not_know_is_told_from_a_repository_that_it_does_not_know() {
    let mut unknown = World::with(|settings| settings.repository = "other".to_owned()).await;
    fill(&mut unknown, &[(FILE, DEPLOYMENT)]);
    let mut known = world().await;
    for (is_known, token, part) in [
        (false, Some(TOKEN), "knows no such repository, or hides it from this token"),
        (true, Some("expired-token"), "does not accept the token"),
        (true, None, "asks for a token"),
    ] {
        let world = if is_known { &mut known } else { &mut unknown };
        let mut config = world.config("github");
        std::sync::Arc::make_mut(&mut config.repositories)[0].token_env = Some("GIT_TOKEN".to_owned());
        let done = world.run_as(&config, token, false).await.unwrap();
        check(&world.forge.log());
        let text = done.pull_request_error.unwrap().to_string();
        assert!(text.contains(part) && !text.contains("-token"), "{text}");
        assert_eq!(world.branch().is_some(), token.is_none(), "a public repository can be read by anybody");
    }
    assert_eq!(run(&mut known).await.branch, BranchState::UpToDate);
    assert_eq!(known.forge.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_of_the_git_host_is_told_and_nothing_is_half_done() {
    for (mood, part) in [
        (GitMood::Status(401, "who are you".to_owned()), "wants other credentials"),
        (GitMood::Status(403, "no".to_owned()), "may lack a permission"),
        (GitMood::Status(404, String::new()), "there is no repository at"),
        (GitMood::Status(429, "later".to_owned()), "cannot be reached"),
        (GitMood::Status(503, "later".to_owned()), "cannot be reached"),
        (GitMood::WebPage, "text/html"),
        (GitMood::Reject("protected".to_owned()), "refused the push"),
    ] {
        let mut world = world().await;
        world.git.set_mood(mood.clone());
        let text = try_run(&mut world).await.unwrap_err().to_string();
        assert!(text.contains(part) && !text.contains(TOKEN), "{mood:?}: {part}\n{text}");
        assert!(world.branch().is_none() && world.forge.writes().is_empty());
        world.git.set_mood(GitMood::Fine);
        assert_pushed(&run(&mut world).await, &world);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_down_is_no_change() {
    let mut world = world().await;
    run(&mut world).await;
    let main = world.repository().head("main").unwrap();
    world.repository().move_branch("main", world.branch().unwrap());
    world.registry.set(|mood| mood.always = Some(401));
    let done = run(&mut world).await;
    assert_eq!(done.branch, BranchState::NothingToDo);
    assert!(done.pinned.verdicts.iter().all(|verdict| verdict.outcome.as_str() == "failed"));
    assert_nothing_written(&world);
    assert_ne!(Some(main), world.repository().head("main"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_is_not_on_the_forge_is_refused_before_anything_is_sent() {
    let mut world = world().await;
    for url in ["http://127.0.0.1:1/acme/clusters.git".to_owned(), world.url("acme/clusters/deeper")] {
        let mut config = world.config("github");
        std::sync::Arc::make_mut(&mut config.repositories)[0].url.clone_from(&url);
        let text = world.run_as(&config, Some(TOKEN), false).await.unwrap_err().to_string();
        assert!(text.contains("is not a repository of the GitHub at") && text.contains(&url), "{text}");
        assert!(world.git.requests().is_empty() && world.forge.log().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_s_own_file_narrows() {
    let narrow = "[policy]\nexclude = [\"examples/**\"]\n[annotations]\nenabled = false\n";
    let files = [(FILE, DEPLOYMENT), ("examples/x.yaml", DEPLOYMENT), (".github/tagpin.toml", narrow)];
    let mut world = world_with(&files).await;
    let done = run(&mut world).await;
    assert_eq!(done.pinned.files.len(), 1);
    assert_eq!(world.read(BRANCH, "examples/x.yaml"), DEPLOYMENT);
    assert!(!world.read(BRANCH, FILE).contains("deployed-image-digest"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_s_own_file_widens_nothing() {
    for wide in [
        "[forge]\nkind = \"none\"\n",
        "[[registry]]\nprefix = \"docker.io\"\nlocation = \"evil.example\"\n",
        "[[repository]]\nurl = \"https://evil.example/a/b\"\n",
        "[policy]\nstyle = \"digest\"\n",
        "[annotations]\nenabled = true\n",
    ] {
        let mut world = world_with(&[(FILE, DEPLOYMENT), ("tagpin.toml", wide)]).await;
        let text = try_run(&mut world).await.unwrap_err().to_string();
        assert!(text.contains("tagpin.toml:") && text.contains("a repository's own file can only"), "{text}");
        assert!(
            world.branch().is_none() && world.forge.log().is_empty() && world.registry.requests().is_empty()
        );
    }
}
