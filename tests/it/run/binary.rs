//! `tagpin run` from the outside: several repositories, exit codes, and what is printed.

use std::process::{Command, Stdio};

use super::{DEPLOYMENT, FILE, assert_nothing_written, check, fill, world};
use crate::support::forge::Mood;
use crate::support::world::{NAME, TOKEN, World};

/// What the binary did.
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs `tagpin run` with this configuration, an environment of its own and the token.
pub(super) fn tagpin(world: &World, config: &str, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    world.forget();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("bot.toml");
    fs_err::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.current_dir(home.path()).env_clear().env("HOME", home.path()).stdin(Stdio::null());
    command.env("TAGPIN_GITHUB_TOKEN", TOKEN).env("GH_TOKEN", "not-this-one").envs(variables.to_vec());
    let output = command.args(["run", "--config"]).arg(&file).args(args).output().unwrap();
    check(&world.forge.log());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
    for secret in [TOKEN, "not-this-one", "eC1hY2Nlc3MtdG9rZW46"] {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{}\n{}", ran.out, ran.err);
    }
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_tells_what_it_did() {
    let world = world().await;
    let config = world.config_text("", "github", &[NAME]);
    let first = tagpin(&world, &config, &[], &[]);
    let url = world.url(NAME);
    assert_eq!(
        first.out,
        format!(
            "{url}: 1 file changed on the branch `tagpin/pin-digests`; pull request created: \
             https://github.com/acme/clusters/pull/1\n"
        )
    );
    assert_eq!((first.code, first.err.as_str()), (0, "2 images: 2 pinned\n"));
    let second = tagpin(&world, &config, &["-q"], &[]);
    assert!(second.out.contains("pull request unchanged: "), "{}", second.out);
    assert_eq!((second.code, second.err.as_str()), (0, ""));
    assert_nothing_written(&world);
    world.forge.close(1);
    let closed = tagpin(&world, &config, &[], &[]);
    assert!(closed.out.contains("nothing to change"), "{}", closed.out);
    assert!(
        closed.err.contains("declined: pull request 1 with this digest was closed without a merge"),
        "{}",
        closed.err
    );
    assert_eq!(closed.code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_gets_its_summary_and_outputs() {
    let world = world().await;
    let directory = tempfile::tempdir().unwrap();
    let (summary, outputs) = (directory.path().join("summary"), directory.path().join("outputs"));
    fs_err::write(&outputs, "earlier=1\n").unwrap();
    let args = ["--summary", summary.to_str().unwrap(), "--outputs", outputs.to_str().unwrap()];
    let config = world.config_text("", "github", &[NAME, "acme/gone"]);
    assert_eq!(tagpin(&world, &config, &args, &[]).code, 3);
    assert_eq!(
        fs_err::read_to_string(&outputs).unwrap(),
        "earlier=1\nchanged=true\npull-request-number=1\n\
         pull-request-url=https://github.com/acme/clusters/pull/1\npull-request-operation=created\n"
    );
    let text = fs_err::read_to_string(&summary).unwrap();
    assert!(text.contains("2 repositories: 1 changed, 0 as before, 1 failed"), "{text}");
    assert!(
        text.contains(
            "| pushed | 2 | 0 | 0 | 0 | 0 | 0 | [#1](<https://github.com/acme/clusters/pull/1>) created |"
        ),
        "{text}"
    );
    assert!(text.contains("there is no repository at"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_prints_a_diff_and_nothing_else_on_standard_output() {
    let world = world().await;
    let ran = tagpin(&world, &world.config_text("", "github", &[NAME]), &["--dry-run"], &[]);
    assert!(ran.out.starts_with("--- a/apps/web.yaml\n+++ b/apps/web.yaml\n"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.starts_with(['-', '+', ' ', '@'])), "{}", ran.out);
    assert!(ran.err.contains("1 file would change"), "{}", ran.err);
    assert_eq!(ran.code, 0);
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_in_no_output() {
    let world = world().await;
    let config = world.config_text("", "github", &[NAME]);
    for (args, variables) in
        [(&["-vv"][..], &[][..]), (&["-vv", "--format", "json"], &[]), (&[], &[("TAGPIN_LOG", "trace")])]
    {
        // `tagpin` looks for it in what is printed.
        assert_eq!(tagpin(&world, &config, args, variables).code, 0);
    }
    let echo = format!("Permission denied to {TOKEN}");
    world.git.set_mood(crate::support::git_remote::Mood::Status(403, echo));
    let ran = tagpin(&world, &config, &["-vv"], &[]);
    assert!(ran.code == 3 && ran.err.contains("denied to ***"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_repository_that_fails_does_not_stop_the_others() {
    let mut world = World::start().await;
    let wide = [("tagpin.toml", "[forge]\nkind = \"none\"\n"), (FILE, DEPLOYMENT)];
    world.git.create("acme/wide").seed(&wide);
    world.git.create("acme/empty");
    fill(&mut world, &[(FILE, DEPLOYMENT)]);
    let names = ["acme/wide", "acme/gone", "acme/empty", NAME];
    let config = world.config_text("", "github", &names);
    let ran = tagpin(&world, &config, &[], &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    for (name, part) in names.iter().zip([
        "failed: tagpin.toml:1:2: `forge` belongs into the file that is given with `--config`",
        "failed: there is no repository at",
        "has no default branch",
    ]) {
        let line = ran.err.lines().find(|line| line.starts_with(&world.url(name))).expect(name);
        assert!(line.contains(part), "{line}");
    }
    assert!(ran.out.contains("pull request created"), "{}", ran.out);
    assert_eq!(world.forge.pulls().len(), 1);

    let ran = tagpin(&world, &config, &["--format", "json"], &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &json["complete"]), (3, &false.into()));
    let rows = json["repositories"].as_array().unwrap();
    let complete: Vec<_> = rows.iter().map(|row| row["complete"].as_bool().unwrap()).collect();
    assert_eq!(complete, [false, false, false, true]);
    assert_eq!(rows[3]["pull_request"]["operation"], "none");
    assert_eq!(rows[3]["branch"]["state"], "up-to-date");
    assert!(rows[1]["error"].as_str().unwrap().contains("no repository"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_of_several_repositories_is_asked_for_once() {
    let world = world().await;
    let names = ["acme/one", "acme/two", "acme/three"];
    for name in names {
        world.git.create(name).seed(&[(FILE, DEPLOYMENT)]);
    }
    world.registry.forget_requests();
    let config =
        world.config_text("", "none", &names).replace(".git\"\n", ".git\"\ntoken-env = \"GIT_TOKEN\"\n");
    let ran = tagpin(&world, &config, &[], &[("GIT_TOKEN", TOKEN)]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let requests: Vec<String> = world
        .registry
        .requests()
        .into_iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    let distinct: std::collections::BTreeSet<&String> = requests.iter().collect();
    assert_eq!(distinct.len(), requests.len(), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_that_cannot_be_opened_does_not_hide_what_was_pushed() {
    let world = world().await;
    world.forge.next("POST", Mood::Forbidden);
    let config = world.config_text("", "github", &[NAME]);
    let ran = tagpin(&world, &config, &["--format", "json"], &[]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let row = &json["repositories"][0];
    assert_eq!((ran.code, &row["complete"], &row["branch"]["state"]), (3, &false.into(), &"pushed".into()));
    assert_eq!(row["references"][0]["outcome"], "pinned");
    assert!(row["error"].as_str().unwrap().contains("lacks a permission"), "{row}");
    world.forge.next("POST", Mood::Forbidden);
    let ran = tagpin(&world, &config, &[], &[]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.err.contains(
            "no pull request for `tagpin/pin-digests`: cannot open a pull request in `acme/clusters`"
        ),
        "{}",
        ran.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_s_commit_ends_with_3() {
    let world = world().await;
    let config = world.config_text("", "github", &[NAME]);
    tagpin(&world, &config, &[], &[]);
    let branch = tagpin::run::BRANCH;
    world.repository().commit_on(branch, &[("notes.md", "mine")], "human@example.com");
    let ran = tagpin(&world, &config, &[], &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("has commits that tagpin did not make"), "{}", ran.err);
    assert!(!World::pushes(&world.git.requests()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_checked_is_not_called_fine() {
    let world = world().await;
    world.registry.set(|mood| mood.always = Some(418));
    let ran = tagpin(&world, &world.config_text("", "github", &[NAME]), &[], &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.out.contains("nothing changed, and not everything could be checked"), "{}", ran.out);
    assert!(ran.err.contains("2 failed"), "{}", ran.err);
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_keeps_a_ledger_says_so() {
    let world = world().await;
    let config = world.config_text("", "github", &[NAME]) + "[ledger]\nenabled = true\n";
    let first = tagpin(&world, &config, &[], &[]);
    let told = format!("{}: 2 lines added to the ledger on the branch `tagpin-ledger`\n", world.url(NAME));
    assert!(first.code == 0 && first.out.ends_with(&told), "{}", first.out);
    let second = tagpin(&world, &config, &[], &[]);
    assert!(!second.out.contains("ledger"), "{}", second.out);
}
