//! The whole main job on loopback: registries, a git host and a forge that speaks GitHub's API, over real HTTP.
//!
//! `cargo run --release --example demo` tells it step by step; with `-- --json` it prints what each run did, and what was
//! asked of everybody, for programs. It needs no network, no token, no git program and no set-up. It checks what it shows,
//! and fails where something is not as it should be.

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use support::world::{NAME, World};
use tagpin::plan::Reason;
use tagpin::pull_request::{Operation, marker};
use tagpin::report::diff;
use tagpin::run::{BRANCH, BranchState, RepositoryOutcome};

const NGINX: &str = "docker.io/library/nginx:1.27";
const CRLF: &str = "clusters/production/api/deployment.yaml";
const MISSING: &str = "ghcr.io/acme/report:2.3";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let as_json = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--json"] => true,
        _ => bail!("usage: cargo run --release --example demo [-- --json]"),
    };
    let mut show = Show { out: std::io::stdout().lock(), is_told: !as_json };
    let rows = story(&mut show).await?;
    if as_json {
        writeln!(show.out, "{:#}", json!({ "version": 1, "runs": rows }))?;
    }
    Ok(())
}

/// Where the story is told, if it is.
struct Show {
    out: std::io::StdoutLock<'static>,
    is_told: bool,
}

impl Show {
    fn step(&mut self, text: &str) -> Result<()> {
        self.say(&format!("\n== {text}\n"))
    }

    fn say(&mut self, text: &str) -> Result<()> {
        if self.is_told {
            writeln!(self.out, "{text}")?;
        }
        Ok(())
    }
}

async fn story(show: &mut Show) -> Result<Vec<Value>> {
    let mut world = World::demo().await;
    let main = world.repository().head("main");
    show.say("tagpin's whole job on this machine's loopback: no network, no token, no git program.")?;
    show.step("The world before")?;
    show.say(&format!(
        "git host  {}\nforge     {}, as on GitHub Enterprise\nregistry  {} for docker.io, ghcr.io and quay.io\n",
        world.url(NAME),
        world.base_url(),
        world.registry_host()
    ))?;
    show.say(&tags(&world))?;

    show.step("Run 1: clone, ask the registries, write the digests, push, open the pull request")?;
    let first = world.run().await?;
    consistent(&first, &world).context("run 1")?;
    ensure!(first.branch == BranchState::Pushed, "run 1 pushed nothing: {:?}", first.branch);
    ensure!(operation(&first) == Some(Operation::Created), "run 1 opened no pull request");
    partial_success(&first, &world)?;
    let mut rows = vec![row("first", &first, &world)];
    show.say(&told(&first))?;
    show.step("The diff that was pushed")?;
    for file in &first.pinned.files {
        show.say(diff::unified(&file.path, &file.before, &file.after).replace('\r', "").trim_end())?;
    }
    show.say("\n(deployment.yaml has CRLF line ends, and keeps them.)")?;
    let pull = world.forge.pulls().first().cloned().context("there is no pull request")?;
    show.step(&format!("The pull request: {}", pull.title))?;
    show.say(&pull.body.clone().unwrap_or_default().replace('\r', ""))?;

    show.step("A tag moves")?;
    let old = world.tags[NGINX].clone();
    let new = world.publish(NGINX, "second build");
    show.say(&format!("{NGINX}\n  was {old}\n  is  {new}"))?;

    show.step("Run 2: the same branch and the same pull request, with the new digest")?;
    let second = world.run().await?;
    consistent(&second, &world).context("run 2")?;
    ensure!(second.branch == BranchState::Pushed, "run 2 pushed nothing: {:?}", second.branch);
    ensure!(operation(&second) == Some(Operation::Updated), "run 2 did not update the pull request");
    ensure!(world.read(BRANCH, CRLF).contains(&new), "run 2 did not write the new digest");
    ensure!(!world.read(BRANCH, CRLF).contains(&old), "run 2 left the old digest");
    ensure!(world.forge.pulls().len() == 1, "there is more than one pull request");
    rows.push(row("second", &second, &world));
    show.say(&told(&second))?;
    for (before, after) in first.pinned.files.iter().zip(&second.pinned.files) {
        let changed = diff::unified(&after.path, &before.after, &after.after).replace('\r', "");
        if !changed.is_empty() {
            show.say(changed.trim_end())?;
        }
    }

    show.step("Run 3: main still has the tags, but nothing has changed since, so nothing is written")?;
    let third = world.run().await?;
    consistent(&third, &world).context("run 3")?;
    ensure!(third.branch == BranchState::UpToDate, "run 3: {:?}", third.branch);
    ensure!(!third.changed() && third.commit == second.commit, "run 3 changed something");
    ensure!(world.forge.writes().is_empty(), "run 3 wrote to the forge: {:?}", world.forge.writes());
    let third_row = row("third", &third, &world);
    let git = third_row["git"].as_array().context("the log of the git host is a list")?;
    ensure!(!git.is_empty(), "run 3 did not ask the git host");
    let is_push =
        |request: &Value| request["path"].as_str().is_some_and(|path| path.contains("receive-pack"));
    ensure!(!git.iter().any(is_push), "run 3 pushed: {git:?}");
    show.say(&told(&third))?;
    let asked = |key: &str| third_row[key].as_array().map_or(0, Vec::len);
    show.say(&format!(
        "asked: git host {}, registry {}, forge {}; written: nothing",
        asked("git"),
        third_row["registry"]["requests"].as_array().map_or(0, Vec::len),
        asked("forge")
    ))?;
    rows.push(third_row);
    ensure!(world.repository().head("main") == main, "the base branch was moved");
    show.say("\nEverything above was checked while it was shown.")?;
    Ok(rows)
}

fn tags(world: &World) -> String {
    let lines = world.tags.iter().map(|(image, digest)| format!("{image:32}{}…", &digest[..19]));
    lines.collect::<Vec<_>>().join("\n") + &format!("\n{MISSING:32}(missing: somebody deleted it)")
}

fn operation(done: &RepositoryOutcome) -> Option<Operation> {
    done.pull_request.as_ref().map(|settled| settled.operation)
}

/// Checks that branch, commit, pull request and registries say the same.
fn consistent(done: &RepositoryOutcome, world: &World) -> Result<()> {
    ensure!(done.pull_request_error.is_none(), "{:?}", done.pull_request_error);
    let commit = world.branch().map(|oid| oid.to_string());
    ensure!(commit.is_some() && done.commit == commit, "the branch is at {commit:?}, not {:?}", done.commit);
    let served: BTreeSet<String> = world.tags.values().cloned().collect();
    let written = digests(done, world);
    ensure!(written == served, "written: {written:?}\nserved: {served:?}");
    let pulls = world.forge.pulls();
    let body = pulls.first().and_then(|pull| pull.body.clone()).context("the pull request has no body")?;
    let marked = marker::read(&body).context("the body has no marker")?;
    ensure!(Some(marked.head) == commit, "the marker names another commit");
    for digest in &served {
        ensure!(body.contains(digest), "the body does not name {digest}");
    }
    let text = world.read(BRANCH, CRLF);
    ensure!(text.matches('\n').count() == text.matches("\r\n").count(), "{CRLF} has lost line ends");
    Ok(())
}

/// Checks that the one image that its registry lacks is named, and was not written.
fn partial_success(done: &RepositoryOutcome, world: &World) -> Result<()> {
    let failed: Vec<_> =
        done.pinned.verdicts.iter().filter_map(|verdict| verdict.reason.map(Reason::as_str)).collect();
    ensure!(failed == ["not-found"], "one image should fail: {failed:?}");
    let body = world.forge.pulls().first().and_then(|pull| pull.body.clone()).unwrap_or_default();
    ensure!(body.contains(&format!("`{MISSING}` in")), "the body does not name {MISSING}");
    ensure!(!world.read(BRANCH, "batch/report.yaml").contains("sha256:"), "{MISSING} was written");
    Ok(())
}

/// Returns every digest in the files of the pushed commit that tagpin edited, as the git host has them.
fn digests(done: &RepositoryOutcome, world: &World) -> BTreeSet<String> {
    let files = done.pinned.files.iter().map(|file| world.read(BRANCH, &file.path));
    let mut found = BTreeSet::new();
    for text in files {
        for (at, prefix) in text.match_indices("sha256:") {
            let hex: String = text[at + prefix.len()..].chars().take_while(char::is_ascii_hexdigit).collect();
            found.insert(format!("{prefix}{hex}"));
        }
    }
    found
}

fn told(done: &RepositoryOutcome) -> String {
    let mut lines = Vec::new();
    for ((file, located), verdict) in done.pinned.inventory.sites().zip(&done.pinned.verdicts) {
        let place = format!("{}:{}", file.path, located.line);
        let why = verdict.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        lines.push(format!("{:8}  {}  {place}{why}", verdict.outcome.as_str(), located.site.image));
    }
    lines.push(String::new());
    let commit = done.commit.as_deref().unwrap_or_default();
    lines.push(format!("branch {BRANCH}: {}, at {}", done.branch.as_str(), &commit[..commit.len().min(12)]));
    if let Some(settled) = &done.pull_request {
        let operation = match settled.operation {
            Operation::None => "unchanged",
            operation => operation.as_str(),
        };
        lines.push(format!("pull request {}: {operation}", settled.pull_request.number));
    }
    lines.join("\n")
}

/// Returns what a run did and what it asked; the git host's log is emptied.
fn row(name: &str, done: &RepositoryOutcome, world: &World) -> Value {
    let outcomes =
        done.pinned.inventory.sites().zip(&done.pinned.verdicts).map(|((file, located), verdict)| {
            json!({
                "file": file.path,
                "line": located.line,
                "image": located.site.image,
                "outcome": verdict.outcome.as_str(),
                "reason": verdict.reason.map(Reason::as_str),
                "digest": verdict.change.as_ref().map(|change| &change.digest),
            })
        });
    let forge = world.forge.log().into_iter().map(|request| {
        json!({
            "method": request.method, "path": request.path, "query": request.query, "headers": request.headers,
            "body": request.body, "status": request.status
        })
    });
    let git =
        world.git.requests().into_iter().map(|(method, path)| json!({ "method": method, "path": path }));
    let pull = done.pull_request.as_ref().map(|settled| {
        json!({
            "number": settled.pull_request.number,
            "operation": settled.operation.as_str(),
            "title": settled.pull_request.title,
            "body": settled.pull_request.body,
        })
    });
    json!({
        "run": name,
        "branch": { "name": BRANCH, "state": done.branch.as_str() },
        "commit": done.commit,
        "digests": digests(done, world),
        "references": outcomes.collect::<Vec<_>>(),
        "pull_request": pull,
        "registry": { "tags": world.tags, "requests": world.registry.requests() },
        "forge": forge.collect::<Vec<_>>(),
        "git": git.collect::<Vec<_>>(),
    })
}
