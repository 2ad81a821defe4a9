//! `tagpin run`, end to end over real HTTP: registries, git and forge are on loopback.

mod binary;
mod branch;
mod by_hand;
mod change_control;
mod crashes;
mod declined;
mod details;
mod discovery;
mod forged;
mod groups;
mod ledger;
mod life;
mod life_at_500;
mod many;
mod many_groups;
mod page;
mod promotion;
mod pull_request;
mod refusals;
mod serving;
mod signed;
mod two_at_once;
mod words;

use std::sync::OnceLock;

use tagpin::run::{BRANCH, BranchState, RepositoryOutcome, RunError};

use crate::support::forge::Logged;
use crate::support::openapi::OpenApi;
use crate::support::world::World;

/// What most tests need: a repository with one manifest, and its images.
const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: nginx:1.27 # the web
      - name: cache
        image: ghcr.io/acme/cache:2
";

const FILE: &str = "apps/web.yaml";
const NGINX: &str = "docker.io/library/nginx:1.27";

async fn world() -> World {
    world_with(&[(FILE, DEPLOYMENT)]).await
}

async fn world_with(files: &[(&str, &str)]) -> World {
    let mut world = World::start().await;
    fill(&mut world, files);
    world
}

fn fill(world: &mut World, files: &[(&str, &str)]) {
    world.repository().seed(files);
    world.publish(NGINX, "1");
    world.publish("ghcr.io/acme/cache:2", "1");
}

/// Runs, and checks what the forge was asked against GitHub's own description.
async fn run(world: &mut World) -> RepositoryOutcome {
    let done = try_run(world).await.unwrap();
    assert_eq!(done.pull_request_error, None);
    done
}

async fn try_run(world: &mut World) -> Result<RepositoryOutcome, RunError> {
    let result = world.run().await;
    check(&world.forge.log());
    result
}

/// Checks every request against GitHub's OpenAPI description, where that is installed.
fn check(log: &[Logged]) {
    static DESCRIPTION: OnceLock<Option<OpenApi>> = OnceLock::new();
    let Some(description) = DESCRIPTION.get_or_init(OpenApi::load) else { return };
    for request in log {
        description.check(request).unwrap();
    }
}

/// Asserts that the last run wrote nothing anywhere.
fn assert_nothing_written(world: &World) {
    assert!(world.forge.writes().is_empty(), "{:?}", world.forge.writes());
    let requests = world.git.requests();
    assert!(!requests.is_empty() && !World::pushes(&requests), "{requests:?}");
}

/// Asserts that the branch has the digest of each image, and that `main` is as it was.
fn assert_pinned(world: &World, image: &str) {
    let text = world.read(BRANCH, FILE);
    assert!(text.contains(&world.tags[image]), "{image}\n{text}");
}

fn assert_pushed(done: &RepositoryOutcome, world: &World) {
    assert_eq!(done.branch, BranchState::Pushed);
    assert_eq!(done.commit, world.branch().map(|oid| oid.to_string()));
}
