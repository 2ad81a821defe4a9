//! The bot's branch, written by somebody else: what it says of itself counts for nothing, its tree is compared.

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};
use tagpin::config::Config;
use tagpin::pull_request::marker;
use tagpin::reference::Digest;
use tagpin::run::{BRANCH, BranchState, RepositoryOutcome};

use super::{DEPLOYMENT, FILE, NGINX, assert_nothing_written, assert_pushed, check, fill, world_with};
use crate::support::world::{NAME, TOKEN, World};

/// What signs commits over the API.
const INSTALLATION: &str = "ghs_loopbackInstallation0123456789";

const CACHE: &str = "ghcr.io/acme/cache:2";

const MERGING: &str = "[pull-request]\nauto-merge = \"squash\"\n";

/// A commit as somebody forges it: what it does to the tree of the branch, and to its place.
pub(super) struct Forgery {
    pub(super) what: &'static str,
    tree: fn(&mut TreeUpdateBuilder, &Repository),
    /// What it says before its title.
    said: &'static str,
    /// Whether a commit that is not in the base stands below it.
    below: bool,
    /// Whether the base is merged on top, as "Update branch" does.
    updated: bool,
}

const SAME: fn(&mut TreeUpdateBuilder, &Repository) = |_, _| {};

const NONE: Forgery = Forgery { what: "", tree: SAME, said: "", below: false, updated: false };

pub(super) const FORGERIES: [Forgery; 10] = [
    Forgery { what: "another digest", tree: other_digest, ..NONE },
    Forgery { what: "a file beside", tree: beside, ..NONE },
    Forgery { what: "a deleted file", tree: |tree, _| _ = tree.remove("README.md"), ..NONE },
    Forgery {
        what: "a mode",
        tree: |tree, git| {
            let id = git.blob(b"hello").unwrap();
            tree.upsert("README.md", id, FileMode::BlobExecutable);
        },
        ..NONE
    },
    Forgery {
        what: "a link",
        tree: |tree, git| _ = tree.upsert("link.yaml", git.blob(b"/etc/passwd").unwrap(), FileMode::Link),
        ..NONE
    },
    Forgery {
        what: "a submodule",
        tree: |tree, _| _ = tree.upsert("sub", Oid::from_bytes(&[7; 20]).unwrap(), FileMode::Commit),
        ..NONE
    },
    Forgery { what: "the right tree on a commit that is not in the base", below: true, ..NONE },
    Forgery { what: "a file in a commit below", tree: beside, below: true, ..NONE },
    Forgery { what: "another digest below a merge of the base", tree: other_digest, updated: true, ..NONE },
    Forgery { what: "a message that keeps pipelines from running", said: "[skip ci] ", ..NONE },
];

fn other_digest(tree: &mut TreeUpdateBuilder, git: &Repository) {
    let evil = format!("image: nginx:1.27@sha256:{}", "e".repeat(64));
    let text = DEPLOYMENT.replace("image: nginx:1.27", &evil);
    tree.upsert(FILE, git.blob(text.as_bytes()).unwrap(), FileMode::Blob);
}

fn beside(tree: &mut TreeUpdateBuilder, git: &Repository) {
    tree.upsert("evil.yaml", git.blob(b"kind: Pod\n").unwrap(), FileMode::Blob);
}

fn git(world: &World) -> Repository {
    Repository::open_bare(&world.repository().path).unwrap()
}

fn commit(git: &Repository, message: &str, tree: Oid, parents: &[Oid]) -> Oid {
    let who =
        Signature::new("tagpin", "tagpin@users.noreply.github.com", &Time::new(1_800_000_000, 0)).unwrap();
    let parents: Vec<_> = parents.iter().map(|id| git.find_commit(*id).unwrap()).collect();
    let tree = git.find_tree(tree).unwrap();
    git.commit(None, &who, &who, message, &tree, &parents.iter().collect::<Vec<_>>()).unwrap()
}

/// Replaces the head of `branch` by a commit that says it is tagpin's, with the trailers of the one that is.
pub(super) fn forge(world: &World, branch: &str, forgery: &Forgery) -> Oid {
    let git = git(world);
    let ours = git.find_commit(world.repository().head(branch).unwrap()).unwrap();
    let mut update = TreeUpdateBuilder::new();
    (forgery.tree)(&mut update, &git);
    let tree = update.create_updated(&git, &ours.tree().unwrap()).unwrap();
    let message = forgery.said.to_owned() + ours.message().unwrap();
    let message = message.replace(&ours.tree_id().to_string(), &tree.to_string());
    let mut parent = ours.parent_id(0).unwrap();
    if forgery.below {
        let mut update = TreeUpdateBuilder::new();
        beside(&mut update, &git);
        let below = git.find_commit(parent).unwrap().tree().unwrap();
        let below = update.create_updated(&git, &below).unwrap();
        parent = commit(&git, "below", below, &[parent]);
    }
    let mut head = commit(&git, &message, tree, &[parent]);
    if forgery.updated {
        let main = world.repository().commit_on("main", &[("other.md", "x")], "human@example.com");
        let find = |id| git.find_commit(id).unwrap();
        let merged = git.merge_commits(&find(head), &find(main), None).unwrap().write_tree_to(&git).unwrap();
        head = commit(&git, "Merge branch 'main'", merged, &[head, main]);
    }
    world.repository().move_branch(branch, head);
    head
}

async fn start(token: &str) -> World {
    let mut world = World::with(|settings| settings.token = token.to_owned()).await;
    world.git.require("x-access-token", token);
    fill(&mut world, &[(FILE, DEPLOYMENT), ("README.md", "hello")]);
    world
}

async fn run_with(world: &mut World, config: &Config, token: &str) -> RepositoryOutcome {
    let done = world.run_as(config, Some(token), false).await.unwrap();
    check(&world.forge.log());
    assert_eq!(done.pull_request_error, None);
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_says_it_is_tagpin_s_and_holds_another_tree_is_built_anew() {
    for token in [TOKEN, INSTALLATION] {
        for forgery in &FORGERIES {
            let mut world = start(token).await;
            let config = world.config_with(MERGING);
            run_with(&mut world, &config, token).await;
            let tree = |world: &World| git(world).find_commit(world.branch().unwrap()).unwrap().tree_id();
            let (what, right) = (forgery.what, tree(&world));
            let forged = forge(&world, BRANCH, forgery);
            let done = run_with(&mut world, &config, token).await;
            assert_eq!(done.branch, BranchState::Pushed, "{what}");
            assert_ne!(world.branch(), Some(forged), "{what}");
            assert_eq!(done.commit, world.branch().map(|oid| oid.to_string()), "{what}");
            if !forgery.updated {
                assert_eq!(tree(&world), right, "{what}");
                assert_eq!(world.repository().log(BRANCH).len(), 2, "{what}: one commit on the base");
            }
            assert!(world.read(BRANCH, FILE).contains(&world.tags[NGINX]), "{what}");
            let pull = world.forge.pulls()[0].clone();
            let body = pull.body.clone().unwrap();
            assert!(!body.contains(&forged.to_string()) && !body.contains(&"e".repeat(12)), "{what}\n{body}");
            assert!(body.contains(&format!("the commit `{}`", done.commit.unwrap())), "{what}\n{body}");
            assert!(pull.merges_by_itself(), "{what}: it is for the commit that was built");
            run_with(&mut world, &config, token).await;
            assert_nothing_written(&world);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_forge_a_forged_branch_is_built_anew_too() {
    for forgery in &FORGERIES {
        let mut world = start(TOKEN).await;
        let mut config = world.config("none");
        std::sync::Arc::make_mut(&mut config.repositories)[0].token_env = Some("GIT_TOKEN".to_owned());
        world.run_as(&config, None, false).await.unwrap();
        let forged = forge(&world, BRANCH, forgery);
        let done = world.run_as(&config, None, false).await.unwrap();
        assert_pushed(&done, &world);
        assert_ne!(world.branch(), Some(forged), "{}", forgery.what);
        assert_eq!(world.run_as(&config, None, false).await.unwrap().branch, BranchState::UpToDate);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_group_s_branch_is_compared_and_one_that_is_over_is_never_announced() {
    let mut world = start(TOKEN).await;
    let config = world.config_with("[pull-request]\ngroup-by = \"image\"\nauto-merge = \"squash\"\n");
    let first = run_with(&mut world, &config, TOKEN).await;
    let names: Vec<String> = first.groups.iter().map(|group| group.branch_name.clone()).collect();
    assert_eq!(names.len(), 2);
    for name in &names {
        forge(&world, name, &FORGERIES[1]);
    }
    let done = run_with(&mut world, &config, TOKEN).await;
    assert!(done.groups.iter().all(|group| group.branch == BranchState::Pushed));
    for name in &names {
        assert!(world.repository().read(name, "evil.yaml").is_none(), "{name}");
    }
    // The groups are others now: the old branches go, whatever they hold.
    for name in &names {
        forge(&world, name, &FORGERIES[0]);
    }
    let config = world.config_with(MERGING);
    let done = run_with(&mut world, &config, TOKEN).await;
    assert_eq!(done.branch_name(), BRANCH);
    assert!(names.iter().all(|name| world.repository().head(name).is_none()));
    let open: Vec<_> = world.forge.pulls().into_iter().filter(|pull| pull.state == "open").collect();
    assert_eq!(open.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_does_not_fit_is_somebody_s_commit_and_nothing_merges_it_by_itself() {
    for what in ["copied trailers", "no trailers", "a merge with trailers"] {
        let mut world = start(TOKEN).await;
        let config = world.config_with(MERGING);
        run_with(&mut world, &config, TOKEN).await;
        assert!(world.forge.pulls()[0].merges_by_itself());
        let git = git(&world);
        let ours = git.find_commit(world.branch().unwrap()).unwrap();
        let mut update = TreeUpdateBuilder::new();
        beside(&mut update, &git);
        let tree = update.create_updated(&git, &ours.tree().unwrap()).unwrap();
        let fitting = ours.message().unwrap().replace(&ours.tree_id().to_string(), &tree.to_string());
        let base = ours.parent_id(0).unwrap();
        let forged = match what {
            "copied trailers" => commit(&git, ours.message().unwrap(), tree, &[base]),
            "no trailers" => commit(&git, "chore(deps): pin 2 images to digests", tree, &[base]),
            _ => commit(&git, &fitting, tree, &[ours.id(), base]),
        };
        world.repository().move_branch(BRANCH, forged);
        for round in 0..2 {
            let done = run_with(&mut world, &config, TOKEN).await;
            assert_eq!(
                (done.branch.clone(), world.branch()),
                (BranchState::LeftAlone, Some(forged)),
                "{what}"
            );
            let report = tagpin::run::report::report(&done, "url");
            assert!(!report.complete, "{what}: exit 3");
            assert_eq!(world.forge.writes().is_empty(), round == 1, "{what}: it is said once");
            assert!(!world.forge.pulls()[0].merges_by_itself(), "{what}");
        }
        // Whoever wants it rebuilt says so, and then it is merged by itself as before.
        world.forge.edit(1, |pull| pull.labels.push("tagpin-rebuild".to_owned()));
        assert_pushed(&run_with(&mut world, &config, TOKEN).await, &world);
        assert!(world.forge.pulls()[0].merges_by_itself(), "{what}");
    }
}

/// The configuration of a world in which the registry of one image does not answer.
fn without_ghcr(world: &World) -> Config {
    let down = format!("{}/ghcr.io", world.registry_host());
    let text = world.config_text("", "github", &[NAME]).replace(&down, "127.0.0.1:1/ghcr.io");
    Config::parse("tagpin.toml", "/".as_ref(), (text + MERGING).as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_registry_cannot_confirm_stays_is_said_and_does_not_merge_by_itself() {
    for forged in [false, true] {
        let mut world = start(TOKEN).await;
        let up = world.config_with(MERGING);
        run_with(&mut world, &up, TOKEN).await;
        let evil = format!("sha256:{}", "e".repeat(64));
        if forged {
            // The one place where this run cannot know better.
            let text = world.read(BRANCH, FILE).replace(&world.tags[CACHE], &evil);
            let git = git(&world);
            let ours = git.find_commit(world.branch().unwrap()).unwrap();
            let mut update = TreeUpdateBuilder::new();
            update.upsert(FILE, git.blob(text.as_bytes()).unwrap(), FileMode::Blob);
            let tree = update.create_updated(&git, &ours.tree().unwrap()).unwrap();
            let short = |digest: &str| Digest::parse(digest).unwrap().short().to_owned();
            let message = ours.message().unwrap().replace(&ours.tree_id().to_string(), &tree.to_string());
            let message = message.replace(&short(&world.tags[CACHE]), &short(&evil));
            world
                .repository()
                .move_branch(BRANCH, commit(&git, &message, tree, &[ours.parent_id(0).unwrap()]));
        }
        let head = world.branch();
        let down = without_ghcr(&world);
        for round in 0..2 {
            let done = run_with(&mut world, &down, TOKEN).await;
            assert_eq!((done.branch.clone(), world.branch()), (BranchState::UpToDate, head));
            assert_eq!(done.groups[0].unconfirmed, 1);
            assert!(!tagpin::run::report::report(&done, "url").complete, "exit 3");
            let failed = done.pinned.verdicts.iter().filter(|it| it.outcome.as_str() == "failed").count();
            assert_eq!(failed, 1, "the report says what this run found");
            let pull = world.forge.pulls()[0].clone();
            let body = pull.body.clone().unwrap();
            let digest = if forged { &evil } else { &world.tags[CACHE] };
            assert!(body.contains(&format!("> - `{CACHE}` at `{digest}`: `unavailable`")), "{body}");
            assert!(!pull.merges_by_itself());
            assert_eq!(world.forge.writes().is_empty(), round == 1, "it is said once");
        }
        let done = run_with(&mut world, &up, TOKEN).await;
        let state = if forged { BranchState::Pushed } else { BranchState::UpToDate };
        assert_eq!(done.branch, state);
        assert!(world.read(BRANCH, FILE).contains(&world.tags[CACHE]));
        let pull = world.forge.pulls()[0].clone();
        assert!(pull.merges_by_itself() && !pull.body.unwrap().contains("could not confirm"));
        run_with(&mut world, &up, TOKEN).await;
        assert_nothing_written(&world);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_registry_answers_a_forged_branch_is_not_vouched_for() {
    for forgery in &FORGERIES {
        let mut world = start(TOKEN).await;
        let config = world.config_with(MERGING);
        run_with(&mut world, &config, TOKEN).await;
        let forged = forge(&world, BRANCH, forgery);
        world.registry.set(|mood| mood.always = Some(401));
        for round in 0..2 {
            let done = run_with(&mut world, &config, TOKEN).await;
            assert!(!tagpin::run::report::report(&done, "url").complete, "{}: exit 3", forgery.what);
            assert_eq!(world.branch(), Some(forged), "{}: nothing can be built", forgery.what);
            let pull = world.forge.pulls()[0].clone();
            let body = pull.body.clone().unwrap();
            let is_said = body.contains("could not be compared") || body.contains(&"e".repeat(64));
            assert!(is_said && !pull.merges_by_itself(), "{}\n{body}", forgery.what);
            assert_eq!(world.forge.writes().is_empty(), round == 1, "{}: it is said once", forgery.what);
        }
        world.registry.set(|mood| mood.always = None);
        assert_pushed(&run_with(&mut world, &config, TOKEN).await, &world);
        let pull = world.forge.pulls()[0].clone();
        assert!(pull.merges_by_itself() && !pull.body.unwrap().contains("could not be compared"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auto_merge_is_for_the_head_that_was_compared_and_stays_off_where_somebody_took_it_off() {
    let mut world = start(TOKEN).await;
    let config = world.config_with(MERGING);
    let done = run_with(&mut world, &config, TOKEN).await;
    let bound = |world: &World| {
        let log = world.forge.log();
        let mut inputs =
            log.iter().filter_map(|it| it.body.as_ref().map(|body| body["variables"]["input"].clone()));
        inputs.rfind(|input| input["mergeMethod"] == "SQUASH")
    };
    assert_eq!(bound(&world).unwrap()["expectedHeadOid"], done.commit.unwrap());
    // A person takes it off, and whoever edits the body cannot have it turned on again.
    world.forge.edit(1, |pull| pull.added.clear());
    world.forge.event(1, "AutoMergeDisabledEvent", "octocat");
    for edit in [(|marker| marker.undressed = true) as fn(&mut marker::Marker), |marker| marker.paused = true]
    {
        world.forge.edit(1, |pull| pull.body = Some(marker::with(pull.body.as_ref().unwrap(), edit)));
        run_with(&mut world, &config, TOKEN).await;
        assert!(!world.forge.pulls()[0].merges_by_itself());
        assert_eq!(bound(&world), None);
    }
    run_with(&mut world, &config, TOKEN).await;
    assert_nothing_written(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_that_somebody_took_off_stay_off_whatever_the_marker_says() {
    let mut world = start(TOKEN).await;
    let config = world.config_with("[pull-request]\nlabels = [\"automerge\"]\n");
    run_with(&mut world, &config, TOKEN).await;
    world.forge.edit(1, |pull| {
        pull.labels.clear();
        pull.body = Some(marker::with(pull.body.as_ref().unwrap(), |marker| marker.undressed = true));
    });
    world.forge.event(1, "UnlabeledEvent", "octocat");
    run_with(&mut world, &config, TOKEN).await;
    assert!(world.forge.pulls()[0].labels.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_on_an_older_base_is_compared_on_that_base() {
    let mut world = world_with(&[(FILE, DEPLOYMENT), ("README.md", "hello")]).await;
    let config = world.config_with(MERGING);
    let first = run_with(&mut world, &config, TOKEN).await;
    for i in 0..3 {
        world.repository().commit_on("main", &[("log.txt", &i.to_string())], "human@example.com");
    }
    let done = run_with(&mut world, &config, TOKEN).await;
    assert_eq!((done.branch, done.commit), (BranchState::UpToDate, first.commit));
    assert_nothing_written(&world);
    let forged = forge(&world, BRANCH, &FORGERIES[1]);
    assert_pushed(&run_with(&mut world, &config, TOKEN).await, &world);
    assert_ne!(world.branch(), Some(forged));
}
