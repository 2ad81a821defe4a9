//! The ledger of tags as `tagpin run` keeps it, and what waits by it. The time is what the test says.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tagpin::config::Config;
use tagpin::plan::Reason;
use tagpin::run::{BRANCH, BranchState, RecordState, RepositoryOutcome};

use super::{DEPLOYMENT, FILE, NGINX, check, world, world_with};
use crate::support::git_remote::Mood;
use crate::support::world::{TOKEN, World};

const LEDGER: &str = "tagpin-ledger";
const NGINX_FILE: &str = "tags/docker.io/library+nginx.txt";

/// Runs with these settings, and returns what became of it.
async fn run(world: &mut World, settings: &str) -> RepositoryOutcome {
    run_with(world, &world.config_with(settings)).await
}

async fn run_with(world: &mut World, config: &Config) -> RepositoryOutcome {
    let done = world.run_as(config, Some(TOKEN), false).await.unwrap();
    check(&world.forge.log());
    assert_eq!(done.pull_request_error, None);
    done
}

/// Lets time pass, less the second that each run takes.
fn later(world: &mut World, hours: i64) {
    world.now = world.now.checked_add(SignedDuration::from_hours(hours)).unwrap();
}

/// Returns the outcome of each image with its reason, by what it starts with.
fn outcome(done: &RepositoryOutcome, image: &str) -> (&'static str, Option<&'static str>) {
    let sites = done.pinned.inventory.sites().zip(&done.pinned.verdicts);
    let mut found = sites.filter(|((_, located), _)| located.site.image.starts_with(image));
    let (_, verdict) = found.next().unwrap();
    (verdict.outcome.as_str(), verdict.reason.map(Reason::as_str))
}

fn recorded(done: &RepositoryOutcome) -> (RecordState, usize) {
    let ledger = done.ledger.as_ref().unwrap();
    (ledger.state, ledger.lines)
}

/// Returns the lines about nginx as pairs of time and digest.
fn lines(world: &World) -> Vec<(String, String)> {
    let text = world.read(LEDGER, NGINX_FILE);
    assert!(text.starts_with("# docker.io/library/nginx\n"), "{text}");
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((words.len(), words[1]), (3, "1.27"));
        (words[0].to_owned(), words[2].to_owned())
    };
    text.lines().skip(1).map(line).collect()
}

/// Merges what tagpin proposes, as a fast-forward.
fn merge(world: &World) {
    let head = world.branch().unwrap();
    world.repository().move_branch("main", head);
    world.repository().delete_branch(BRANCH);
    let number = world.forge.pulls().last().unwrap().number;
    world.forge.merge(number);
}

/// Which requests the git host got, and how many of each kind.
fn requests(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (method, path) in world.git.requests() {
        let kind = path.split(".git/").nth(1).unwrap_or(&path).to_owned();
        *counts.entry(format!("{method} {kind}")).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_s_repository_gets_a_branch_that_nobody_asked_for() {
    let mut world = world().await;
    let done = run(&mut world, "").await;
    assert_eq!((done.ledger, world.repository().head(LEDGER)), (None, None));
    assert_eq!(done.branch, BranchState::Pushed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_waits_until_it_is_known_for_long_enough() {
    let mut world = world().await;
    let settings = "[policy]\nmin-age = \"24h\"\n";
    let done = run(&mut world, settings).await;
    assert_eq!(recorded(&done), (RecordState::Pushed, 2));
    assert_eq!(outcome(&done, "nginx"), ("held", Some("too-new")));
    assert_eq!((done.branch, world.forge.pulls().len()), (BranchState::NothingToDo, 0));
    let seen = world.now;
    assert_eq!(lines(&world), [(seen.to_string(), world.tags[NGINX].clone())]);
    assert_eq!(world.read(LEDGER, "VERSION"), "1\n");
    assert!(world.read(LEDGER, "README.md").contains("min-age"));
    assert_eq!(world.repository().log(LEDGER).len(), 1, "a history of its own");
    assert_eq!(world.repository().committer(LEDGER), "tagpin@users.noreply.github.com");

    // Nothing moved: one look, and nothing is written.
    later(&mut world, 23);
    let done = run(&mut world, settings).await;
    assert_eq!(recorded(&done), (RecordState::UpToDate, 0));
    assert_eq!(outcome(&done, "nginx"), ("held", Some("too-new")));
    assert_eq!(requests(&world), BTreeMap::from([("GET info/refs?service=git-upload-pack".to_owned(), 1)]));

    // The tag moves: that digest is a new one.
    let old = world.tags[NGINX].clone();
    let new = world.publish(NGINX, "2");
    later(&mut world, 2);
    let done = run(&mut world, settings).await;
    assert_eq!(recorded(&done), (RecordState::Pushed, 1));
    assert_eq!(outcome(&done, "nginx"), ("held", Some("too-new")));
    assert_eq!(outcome(&done, "ghcr.io/acme/cache"), ("pinned", None));
    assert_eq!(lines(&world), [(seen.to_string(), old), (world.now.to_string(), new.clone())]);
    let body = world.forge.pulls()[0].body.clone().unwrap();
    let ready = world.now.checked_add(SignedDuration::from_hours(24)).unwrap();
    assert!(body.contains("`too-new`") && body.contains(&format!("is proposed from {ready} on")), "{body}");
    assert!(!world.read(BRANCH, FILE).contains(&new));

    later(&mut world, 24);
    let done = run(&mut world, settings).await;
    assert_eq!(outcome(&done, "nginx"), ("pinned", None));
    assert!(world.read(BRANCH, FILE).contains(&new));
    assert_eq!(world.repository().log(LEDGER).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_when_the_ledger_began_may_be_accepted_and_what_moves_then_may_not() {
    let mut world = world().await;
    let settings = "[policy]\nmin-age = \"1d\"\nsettle = \"1h\"\nunknown-age = \"accept\"\n";
    let done = run(&mut world, settings).await;
    assert_eq!((outcome(&done, "nginx"), done.branch), (("pinned", None), BranchState::Pushed));
    let done = run(&mut world, settings).await;
    assert_eq!(done.branch, BranchState::UpToDate, "it stays accepted");
    merge(&world);
    world.publish(NGINX, "2");
    let done = run(&mut world, settings).await;
    assert_eq!(outcome(&done, "nginx"), ("held", Some("too-new")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_settles_and_a_rule_knows_better_for_its_paths() {
    let files = [("dev/web.yaml", DEPLOYMENT), (FILE, DEPLOYMENT)];
    let mut world = world_with(&files).await;
    let settings = "[policy]\nsettle = \"2h\"\nunknown-age = \"accept\"\n\
                    [[policy.rule]]\npaths = [\"dev/**\"]\nsettle = \"0s\"\n";
    run(&mut world, settings).await;
    merge(&world);
    let first = world.tags[NGINX].clone();
    let new = world.publish(NGINX, "2");
    later(&mut world, 1);
    let done = run(&mut world, settings).await;
    let reasons: Vec<_> =
        done.pinned.verdicts.iter().map(|verdict| verdict.reason.map(Reason::as_str)).collect();
    assert_eq!(reasons, [Some("unsettled"), None, None, None]);
    assert!(world.read(BRANCH, "dev/web.yaml").contains(&new));
    merge(&world);
    later(&mut world, 2);
    run(&mut world, settings).await;
    assert!(world.read(BRANCH, FILE).contains(&new));
    merge(&world);

    // Back to the first one, which is known for long: the tag has moved all the same.
    world.publish(NGINX, "1");
    assert_eq!(world.tags[NGINX], first);
    let done = run(&mut world, settings).await;
    assert_eq!(outcome(&done, "nginx"), ("held", Some("unsettled")));
    let body = world.forge.pulls().last().unwrap().body.clone().unwrap();
    assert!(body.contains("`nginx:1.27` moved back to a digest that it had left at "), "{body}");
    assert!(body.contains("moved 2 times in the seven days until "), "{body}");
    // What it says stays as it is while the tag does.
    world.forget();
    run(&mut world, settings).await;
    assert!(world.forge.writes().is_empty(), "{:?}", world.forge.writes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_proposal_stays_while_a_newer_digest_waits() {
    let mut world = world().await;
    let settings = "[policy]\nmin-age = \"1h\"\nunknown-age = \"accept\"\n";
    run(&mut world, settings).await;
    let head = world.branch();
    assert_eq!(world.forge.pulls().len(), 1);
    world.publish(NGINX, "2");
    world.publish("ghcr.io/acme/cache:2", "2");
    for writes in [1, 0] {
        let done = run(&mut world, settings).await;
        assert_eq!(outcome(&done, "nginx"), ("held", Some("too-new")));
        assert_eq!((world.branch(), world.forge.writes().len()), (head, writes), "it is said once");
        assert!(world.forge.pulls()[0].body.clone().unwrap().contains("`too-new`"));
    }
    later(&mut world, 1);
    run(&mut world, settings).await;
    assert_ne!(world.branch(), head);
    assert_eq!(world.forge.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_never_moves_and_did_is_not_even_pinned_for_the_first_time() {
    let mut world = world().await;
    let settings = "[policy]\nimmutable = [\"nginx:*\"]\n[ledger]\nenabled = true\n";
    // Only looked at: nothing is written but the ledger.
    let hold = format!("{settings}[[hold]]\npaths = [\"nowhere\"]\nreason = \"x\"\n");
    run(&mut world, &hold).await;
    world.repository().delete_branch(BRANCH);
    world.forge.merge(world.forge.pulls()[0].number);
    let old = world.tags[NGINX].clone();
    world.publish(NGINX, "2");
    let done = run(&mut world, settings).await;
    assert_eq!(outcome(&done, "nginx"), ("held", Some("immutable-tag-moved")));
    let detail = done.pinned.verdicts.iter().find_map(|verdict| verdict.detail.clone()).unwrap();
    assert!(detail.contains(&format!("was `{old}` at ")), "{detail}");
    // Without the ledger nobody would know.
    let done = run(&mut world, "[policy]\nimmutable = [\"nginx:*\"]\n").await;
    assert_eq!(outcome(&done, "nginx"), ("pinned", None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_writes_no_ledger_and_a_name_may_be_another() {
    let mut world = world().await;
    let config = world.config_with("[ledger]\nenabled = true\nbranch = \"notes/tags\"\n");
    let done = world.run_as(&config, Some(TOKEN), true).await.unwrap();
    assert_eq!(recorded(&done), (RecordState::DryRun, 2));
    assert_eq!(world.repository().head("notes/tags"), None);
    let done = run_with(&mut world, &config).await;
    assert_eq!(recorded(&done), (RecordState::Pushed, 2));
    assert!(world.repository().head("notes/tags").is_some() && world.repository().head(LEDGER).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_that_takes_no_ledger_stops_nothing_and_a_ledger_that_is_none_is_left_alone() {
    let mut world = world().await;
    let settings = "[policy]\nmin-age = \"24h\"\n";
    world.git.set_mood(Mood::Reject("protected branch hook declined".to_owned()));
    let done = run(&mut world, settings).await;
    assert_eq!(recorded(&done), (RecordState::Refused, 2));
    assert!(!tagpin::run::fleet::report(&done, "x").complete, "what is new will be new again: exit code 3");
    assert_eq!(outcome(&done, "nginx"), ("held", Some("too-new")));
    assert!(
        done.notes.iter().any(|note| note.contains("protected branch hook declined")),
        "{:?}",
        done.notes
    );
    world.git.set_mood(Mood::Fine);

    for (version, part) in
        [(Some("2\n"), "is of version 2"), (Some("x"), "is not a number"), (None, "not a ledger of tags")]
    {
        if world.repository().head(LEDGER).is_some() {
            world.repository().delete_branch(LEDGER);
        }
        let file = version.map_or(("README.md", "mine"), |version| ("VERSION", version));
        let head = world.repository().commit_on(LEDGER, &[file], "human@example.com");
        for settings in [settings, "[policy]\nmin-age = \"24h\"\nunknown-age = \"accept\"\n"] {
            let done = run(&mut world, settings).await;
            assert_eq!(recorded(&done), (RecordState::Unreadable, 0));
            assert_eq!(outcome(&done, "nginx"), ("held", Some("unknown-age")));
            assert!(done.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", done.notes);
            assert!(!tagpin::run::fleet::report(&done, "x").complete);
            assert_eq!(world.repository().head(LEDGER), Some(head), "nothing is written");
        }
    }
    // What waits for nothing goes on.
    let done = run(&mut world, "[ledger]\nenabled = true\n").await;
    assert_eq!(outcome(&done, "nginx"), ("pinned", None));
    // The branch that is pinned is none, whatever it has.
    world.repository().commit_on("main", &[("VERSION", "1\n")], "human@example.com");
    let done = run(&mut world, "[ledger]\nenabled = true\nbranch = \"main\"\n").await;
    assert_eq!(recorded(&done), (RecordState::Unreadable, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_file_holds_its_image_alone() {
    let mut world = world().await;
    let settings = "[policy]\nmin-age = \"1h\"\n";
    run(&mut world, settings).await;
    let bad = "# docker.io/library/nginx\nyesterday 1.27 sha256:abc\n";
    world.repository().commit_on(LEDGER, &[(NGINX_FILE, bad)], "human@example.com");
    later(&mut world, 2);
    let done = run(&mut world, settings).await;
    assert_eq!(outcome(&done, "nginx"), ("held", Some("unknown-age")));
    assert_eq!(outcome(&done, "ghcr.io/acme/cache"), ("pinned", None));
    assert!(done.notes.iter().any(|note| note.contains("line 2: `yesterday 1.27")), "{:?}", done.notes);
    assert_eq!(world.read(LEDGER, NGINX_FILE), bad);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_run_wrote_meanwhile_is_joined() {
    let mut world = world().await;
    // Nothing but the ledger is pushed.
    let settings = "[policy]\nmin-age = \"24h\"\n";
    run(&mut world, settings).await;
    let (before, first) = (world.repository().head(LEDGER).unwrap(), lines(&world));
    // Another machine sees a move, and pushes between our look and our push.
    let other = format!("sha256:{}", "ab".repeat(32));
    let when = world.now.checked_add(SignedDuration::from_secs(1)).unwrap();
    let text = format!("{}{when} 1.27 {other}\n", world.read(LEDGER, NGINX_FILE));
    let theirs = world.repository().commit_on(LEDGER, &[(NGINX_FILE, &text)], "human@example.com");
    world.repository().move_branch(LEDGER, before);
    world.git.set_mood(Mood::MoveFirst(LEDGER.to_owned(), theirs));
    let mine = world.publish(NGINX, "2");
    later(&mut world, 1);
    let done = world.run_as(&world.config_with(settings), Some(TOKEN), false).await.unwrap();
    world.git.set_mood(Mood::Fine);
    assert_eq!(recorded(&done), (RecordState::Pushed, 1));
    let expected = [first[0].clone(), (when.to_string(), other), (world.now.to_string(), mine)];
    assert_eq!(lines(&world), expected);
    assert_eq!(world.repository().log(LEDGER).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_is_that_of_the_run_and_of_nobody_else() {
    let mut world = world().await;
    world.now = "2026-11-21T12:00:00.9Z".parse::<Timestamp>().unwrap();
    run(&mut world, "[ledger]\nenabled = true\n").await;
    assert!(lines(&world)[0].0.starts_with("2026-11-21T12:00:01"), "{:?}", lines(&world));
}

/// A manifest with these images.
fn services(images: &[String]) -> String {
    let services = images.iter().enumerate().map(|(i, image)| format!("  s{i}:\n    image: {image}\n"));
    format!("services:\n{}", services.collect::<String>())
}

/// Starts the binary on another machine: with a home and a cache of its own.
fn start(home: &std::path::Path, config: &str) -> tokio::process::Child {
    let file = home.join("bot.toml");
    fs_err::write(&file, config).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tagpin"));
    command.env_clear().env("HOME", home).env("TAGPIN_GITHUB_TOKEN", TOKEN).env("GIT_TOKEN", TOKEN);
    command.stdin(std::process::Stdio::null()).kill_on_drop(true).current_dir(home);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    command.args(["run", "--config"]).arg(&file).spawn().unwrap()
}

/// Three machines look at other images of one repository at once, again and again: every digest that they saw is in the
/// ledger, in order of time, and the branch was only ever added to.
async fn nothing_is_lost(url: impl Fn(&World) -> String) {
    const MACHINES: usize = 3;
    const IMAGES: usize = 4;
    let mut world = World::start().await;
    let image = |machine: usize, number: usize| format!("ghcr.io/acme/m{machine}-{number}:1");
    let files: Vec<_> = (0..MACHINES)
        .map(|machine| {
            let images: Vec<_> =
                (0..IMAGES).map(|number| image(machine, number)).chain(["nginx:1.27".to_owned()]).collect();
            (format!("m{machine}/compose.yaml"), services(&images))
        })
        .collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.repository().seed(&files);
    let homes: Vec<_> = (0..MACHINES).map(|_| tempfile::tempdir().unwrap()).collect();
    let configs: Vec<_> = (0..MACHINES)
        .map(|machine| {
            let text = world.config_text("", "none", &[]);
            let text = text.replace(
                &world.cache().display().to_string(),
                &homes[machine].path().join("cache").display().to_string(),
            );
            let url = url(&world);
            let token = if url.starts_with("http") { "token-env = \"GIT_TOKEN\"\n" } else { "" };
            let policy = format!("[policy]\ninclude = [\"m{machine}/**\"]\nmin-age = \"24h\"\n");
            format!("{text}[[repository]]\nurl = \"{url}\"\n{token}{policy}")
        })
        .collect();
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut heads = Vec::new();
    for round in 0..3 {
        for machine in 0..MACHINES {
            for number in 0..IMAGES {
                let digest = world.publish(&image(machine, number), &round.to_string());
                seen.entry(image(machine, number)).or_default().push(digest);
            }
        }
        let digest = world.publish(NGINX, &round.to_string());
        seen.entry(NGINX.to_owned()).or_default().push(digest);
        let children: Vec<_> =
            homes.iter().zip(&configs).map(|(home, config)| start(home.path(), config)).collect();
        for child in children {
            let output = child.wait_with_output().await.unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{said}");
            assert!(!said.contains("was not written"), "{said}");
        }
        heads.push(world.repository().head(LEDGER).unwrap());
        // A time has whole seconds.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    }
    for (image, digests) in &seen {
        let (name, tag) = image.rsplit_once(':').unwrap();
        let (registry, repository) = name.split_once('/').unwrap();
        let text = world.read(LEDGER, &format!("tags/{registry}/{}.txt", repository.replace('/', "+")));
        let lines: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(' ').collect()).collect();
        assert!(lines.iter().all(|line| line[1] == tag) && lines.is_sorted_by_key(|line| line[0]), "{text}");
        let mut found: Vec<&str> = lines.iter().map(|line| line[2]).collect();
        found.dedup();
        assert_eq!(found, *digests, "{image}");
    }
    let log: Vec<_> = world.repository().log(LEDGER).into_iter().map(|(id, _)| id).collect();
    assert!(heads.iter().all(|head| log.contains(head)), "the history was only added to");
    assert!(log.len() > heads.len(), "no two machines wrote in one round: {}", log.len());
    assert_eq!(world.read(LEDGER, "VERSION"), "1\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_that_write_at_once_lose_nothing_over_http() {
    nothing_is_lost(|world| world.url(crate::support::world::NAME)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_that_write_at_once_lose_nothing_in_a_directory() {
    nothing_is_lost(|world| world.repository().path.display().to_string()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_around_the_ledger_s_push_loses_nothing() {
    for handled in [false, true] {
        for number in 2..=6 {
            let mut world = world().await;
            let home = tempfile::tempdir().unwrap();
            let text = world.config_text("", "github", &[crate::support::world::NAME]);
            let cache = home.path().join("cache").display().to_string();
            let text = text.replace(&world.cache().display().to_string(), &cache)
                + "[policy]\nmin-age = \"1h\"\nunknown-age = \"accept\"\n";
            world.gate.hold(number, handled);
            let mut child = start(home.path(), &text);
            tokio::select! {
                () = world.gate.reached() => {}
                _ = child.wait() => panic!("request {number} never comes"),
            }
            child.start_kill().unwrap();
            child.wait().await.unwrap();
            world.gate.open();
            let before = world.repository().head(LEDGER).map(|_| lines(&world));
            assert_eq!(start(home.path(), &text).wait().await.unwrap().code(), Some(0));
            let after = lines(&world);
            assert_eq!(after.len(), 1, "request {number}, handled: {handled}");
            assert!(before.is_none_or(|before| before == after));
            assert_eq!(world.forge.pulls().len(), 1);
            let new = world.publish(NGINX, "2");
            assert_eq!(start(home.path(), &text).wait().await.unwrap().code(), Some(0));
            assert_eq!(lines(&world).last().unwrap().1, new);
        }
    }
}
