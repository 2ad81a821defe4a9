//! `promote --pull-request` and `rollback --pull-request` as commands in a checkout.

use std::path::Path;
use std::process::Stdio;

use super::promotion::{BY_HAND, DEV, ENVIRONMENTS, Story};
use crate::support::world::{NAME, TOKEN, World};

/// Returns the command, to be run in a checkout below `home` whose `origin` is the world's repository.
fn command(world: &World, home: &Path, args: &[&str]) -> tokio::process::Command {
    let checkout = home.join("checkout");
    if !checkout.exists() {
        let git = git2::Repository::init(&checkout).unwrap();
        // Whoever cloned it with a password in the address: it is not used, and not told.
        let url = world.url(NAME).replace("http://", "http://ana:hunter2hunter2@");
        git.remote("origin", &url).unwrap();
    }
    let file = home.join("bot.toml");
    let text = world.config_text("", "github", &[]) + ENVIRONMENTS;
    let cache = world.cache().display().to_string();
    fs_err::write(&file, text.replace(&cache, &home.join("cache").display().to_string())).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.env_clear().env("HOME", home).env("TAGPIN_GITHUB_TOKEN", TOKEN).current_dir(checkout);
    command.arg("--config").arg(file).args(args).stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub(super) const PROMOTE: [&str; 4] = ["promote", "dev", "production", "--pull-request"];
pub(super) const ROLLBACK: [&str; 7] =
    ["rollback", DEV, "--image=nginx", "--to=previous", "--reason=TICKET-7", "--by=Ana", "--pull-request"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_tells_its_pull_request() {
    let story = Story::start().await;
    let home = tempfile::tempdir().unwrap();
    let run = async |args: &[&str]| {
        let output = command(&story.world, home.path(), args).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        for secret in [TOKEN, "hunter2hunter2"] {
            assert!(!out.contains(secret) && !err.contains(secret), "{out}\n{err}");
        }
        (output.status.code().unwrap(), out, err)
    };
    let (code, out, err) = run(&[&PROMOTE[..], &["--dry-run"]].concat()).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("--- a/production/web.yaml\n"), "{out}");
    assert!(story.world.forge.pulls().is_empty());
    let (code, out, err) = run(&PROMOTE).await;
    assert_eq!(
        (code, out.as_str()),
        (
            0,
            &*format!(
                "{}: 1 file changed on the branch `{BY_HAND}`; pull request created: \
                 https://github.com/acme/clusters/pull/1\n",
                story.world.url(NAME)
            )
        ),
        "{err}"
    );
    let (code, out, err) = run(&[&ROLLBACK[..], &["--format=json"]].concat()).await;
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["repositories"][0]["pull_request"]["number"].as_u64()), (0, Some(2)), "{err}");
    for (args, part) in [
        (&["promote", "test", "production", "--pull-request"][..], "neither an environment nor a path"),
        (&["rollback", DEV, "--to=previous", "--pull-request"], "has several images"),
    ] {
        let (code, out, err) = run(args).await;
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(part), "{err}");
    }
    assert_eq!(story.world.forge.pulls().len(), 2);
}
