//! Two runs at once make one pull request.

use std::process::Stdio;

use tagpin::run::BRANCH;

use super::{FILE, NGINX, fill, run, world};
use crate::support::world::{NAME, TOKEN, World};

/// Starts the binary with a configuration, a cache in `home`, and the token.
pub(super) fn start(world: &World, home: &std::path::Path, more: &str, token: &str) -> tokio::process::Child {
    let file = home.join("bot.toml");
    let text = world.config_text("", "github", &[NAME]) + more;
    let cache = world.cache().display().to_string();
    fs_err::write(&file, text.replace(&cache, &home.join("cache").display().to_string())).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.env_clear().env("HOME", home).env("TAGPIN_GITHUB_TOKEN", token).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.args(["run", "--config"]).arg(&file).spawn().unwrap()
}

/// The token of an App: its commits are made over the API.
const APP_TOKEN: &str = "ghs_loopbackInstallation0123456789";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_runs_at_once_one_wins_and_none_corrupts() {
    for token in [TOKEN, APP_TOKEN] {
        let mut world = World::with(|settings| settings.token = token.to_owned()).await;
        world.git.require("x-access-token", token);
        fill(&mut world, &[(FILE, super::DEPLOYMENT)]);
        for round in 0..3 {
            world.publish(NGINX, &round.to_string());
            // Two machines: each has a cache of its own.
            let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
            let children = homes.each_ref().map(|home| start(&world, home.path(), "", token));
            let mut codes = Vec::new();
            for mut child in children {
                codes.push(child.wait().await.unwrap().code().unwrap());
            }
            assert!(codes.contains(&0) && codes.iter().all(|code| [0, 3].contains(code)), "{codes:?}");
            assert_eq!(world.forge.pulls().len(), 1);
            assert!(world.read(BRANCH, FILE).contains(&world.tags[NGINX]));
            assert_eq!(world.repository().log(BRANCH).len(), 2, "one commit on the base");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_on_one_machine_do_not_meet_in_one_cache() {
    let mut world = world().await;
    let home = tempfile::tempdir().unwrap();
    world.gate.hold(2, false);
    let mut first = start(&world, home.path(), "", TOKEN);
    world.gate.reached().await;
    let mut second = start(&world, home.path(), "", TOKEN);
    assert_eq!(second.wait().await.unwrap().code(), Some(3), "it says that another one is at work");
    assert!(world.forge.pulls().is_empty());
    first.start_kill().unwrap();
    first.wait().await.unwrap();
    world.gate.open();
    run(&mut world).await;
    assert_eq!(world.forge.pulls().len(), 1);
}
