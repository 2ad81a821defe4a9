//! Promotions that a run proposes, and promotions and rollbacks that a person asks for.

use jiff::SignedDuration;
use tagpin::config::Config;
use tagpin::plan::Reason;
use tagpin::plan::rollback::To;
use tagpin::pull_request::Operation;
use tagpin::run::request::{Promote, Request, Rollback};
use tagpin::run::{BranchState, RepositoryOutcome};

use super::{NGINX, assert_nothing_written, forged};
use crate::support::bare_repository::COMMITTED;
use crate::support::world::{TOKEN, World};

pub(super) const ENVIRONMENTS: &str = "\
[[environment]]
name = \"dev\"
paths = [\"dev/**\"]
[[environment]]
name = \"production\"
paths = [\"production/**\"]
after = \"dev\"
";

const PROMOTION: &str = "tagpin/promotion-production";
pub(super) const BY_HAND: &str = "tagpin/promote-dev-to-production";
pub(super) const DEV: &str = "dev/web.yaml";
pub(super) const PRODUCTION: &str = "production/web.yaml";

fn compose(image: &str) -> String {
    format!("services:\n  web:\n    image: {image} # the web\n  db:\n    image: ghcr.io/acme/db:{}\n", "1")
}

/// A repository whose two environments are pinned to the first build, and dev to the second by now.
pub(super) struct Story {
    pub(super) world: World,
    pub(super) old: String,
    pub(super) new: String,
}

impl Story {
    pub(super) async fn start() -> Self {
        let mut world = World::start().await;
        let old = world.publish(NGINX, "1");
        let db = world.publish("ghcr.io/acme/db:1", "1");
        let pinned = |digest: &str| {
            compose(&format!("nginx:1.27@{digest}")).replace("acme/db:1", &format!("acme/db:1@{db}"))
        };
        world.repository().seed(&[(DEV, &pinned(&old)), (PRODUCTION, &pinned(&old))]);
        let new = world.publish(NGINX, "2");
        world.repository().commit_on("main", &[(DEV, &pinned(&new))], "human@example.com");
        Self { world, old, new }
    }

    fn config(&self, environment: &str) -> Config {
        self.world.config_with(&format!("{ENVIRONMENTS}{environment}"))
    }

    async fn run(&mut self, config: &Config) -> RepositoryOutcome {
        let done = self.world.run_as(config, Some(TOKEN), false).await.unwrap();
        super::check(&self.world.forge.log());
        assert_eq!(done.pull_request_error, None);
        done
    }

    async fn request(&mut self, request: &Request) -> RepositoryOutcome {
        let config = self.config("");
        let done = self.world.run_request(&config, request).await.unwrap();
        super::check(&self.world.forge.log());
        assert_eq!(done.pull_request_error, None);
        done
    }

    fn merge(&mut self, branch: &str) {
        let head = self.world.repository().head(branch).unwrap();
        self.world.repository().move_branch("main", head);
        let number = self.world.forge.pulls().last().unwrap().number;
        self.world.forge.merge(number);
    }

    /// Sets the clock to some time after the commits of the remote.
    fn later(&mut self, hours: i64) {
        self.world.now = COMMITTED + SignedDuration::from_hours(hours);
    }
}

fn reason(done: &RepositoryOutcome, file: &str, image: &str) -> (&'static str, Option<&'static str>) {
    let mut sites = done.pinned.inventory.sites().zip(&done.pinned.verdicts);
    let found = sites.find(|((scan, located), _)| scan.path == file && located.site.image.contains(image));
    let (_, verdict) = found.unwrap();
    (verdict.outcome.as_str(), verdict.reason.map(Reason::as_str))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_proposes_what_the_environment_before_has() {
    let mut story = Story::start().await;
    let config = story.config("promote = \"pull-request\"\n");
    let done = story.run(&config).await;
    assert_eq!((done.branch.as_str(), done.branch_name()), ("pushed", PROMOTION));
    let text = story.world.read(PROMOTION, PRODUCTION);
    assert_eq!(text, story.world.read("main", PRODUCTION).replace(&story.old, &story.new));
    let pull = story.world.forge.pulls()[0].clone();
    assert_eq!(pull.title, "chore(deps): promote nginx 1.27 from dev to production");
    let body = pull.body.clone().unwrap();
    assert!(
        body.starts_with("A promotion moves digests: `production` gets exactly what `dev` declares"),
        "{body}"
    );
    assert!(body.contains("**`nginx:1.27`** is promoted from `") && !body.contains("[!WARNING]"), "{body}");
    // The same again is nothing.
    let done = story.run(&config).await;
    assert_eq!((done.branch.as_str(), done.branch_name()), ("up-to-date", PROMOTION));
    assert_nothing_written(&story.world);
    // What was merged is over, and then there is nothing to do: not even a fetch.
    story.merge(PROMOTION);
    assert_eq!(story.run(&config).await.branch, BranchState::Deleted);
    story.run(&config).await;
    let done = story.run(&config).await;
    assert_eq!((done.groups.len(), story.world.git.requests().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_waits_until_the_digest_has_soaked() {
    let mut story = Story::start().await;
    let config = story.config("promote = \"pull-request\"\nsoak = \"24h\"\n");
    story.later(23);
    let done = story.run(&config).await;
    assert_eq!(reason(&done, PRODUCTION, "nginx"), ("held", Some("not-soaked")));
    assert_eq!(reason(&done, PRODUCTION, "db"), ("unchanged", None));
    assert_nothing_written(&story.world);
    // Nothing but the time is another: what is remembered of the base does not stand in the way.
    story.later(25);
    assert_eq!(story.run(&config).await.branch_name(), PROMOTION);
    assert!(story.world.read(PROMOTION, PRODUCTION).contains(&story.new));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_promotes_what_a_person_took_back_or_where_nobody_said_so() {
    let mut story = Story::start().await;
    let by_hand = story.config("");
    assert_eq!(story.run(&by_hand).await.branch, BranchState::NothingToDo);
    assert_nothing_written(&story.world);
    let config = story.config("promote = \"pull-request\"\n");
    let before = story.world.read("main", PRODUCTION);
    story.run(&config).await;
    story.merge(PROMOTION);
    story.run(&config).await;
    story.world.repository().commit_on("main", &[(PRODUCTION, &before)], "human@example.com");
    let done = story.run(&config).await;
    assert_eq!(reason(&done, PRODUCTION, "nginx"), ("held", Some("reverted")));
    assert_nothing_written(&story.world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_has_no_digest_yet_gets_its_first_one_from_its_tag() {
    let mut story = Story::start().await;
    let floating = compose("nginx:1.27");
    story.world.repository().commit_on("main", &[(PRODUCTION, &floating)], "human@example.com");
    let config = story.config("promote = \"pull-request\"\n");
    let done = story.run(&config).await;
    let branches: Vec<&str> = done.groups.iter().map(|group| group.branch_name.as_str()).collect();
    assert_eq!(branches, [tagpin::run::BRANCH]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refused_image_stops_the_others_unless_partial_says_so() {
    for (partial, expected) in [(false, ("held", Some("others-refused"))), (true, ("updated", None))] {
        let mut story = Story::start().await;
        let dev = story.world.read("main", DEV).replace("acme/db:1@", "acme/db:2@");
        // One digest under a tag that is also somewhere else in dev: nobody knows which is meant.
        let twice = dev.replace("  db:", "  other:\n    image: ghcr.io/acme/db:3\n  db:");
        story.world.repository().commit_on("main", &[(DEV, &twice)], "human@example.com");
        story.world.publish("ghcr.io/acme/db:2", "2");
        story.world.publish("ghcr.io/acme/db:3", "3");
        let config = story.config(&format!("promote = \"pull-request\"\npartial = {partial}\n"));
        let done = story.run(&config).await;
        assert_eq!(reason(&done, PRODUCTION, "db"), ("held", Some("ambiguous")));
        assert_eq!(reason(&done, PRODUCTION, "nginx"), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanned_repository_cannot_have_tagpin_open_pull_requests() {
    let mut story = Story::start().await;
    let own = format!("{ENVIRONMENTS}promote = \"pull-request\"\n");
    story.world.repository().commit_on("main", &[("tagpin.toml", &own)], "human@example.com");
    let config = story.world.config("github");
    let error = story.world.run_as(&config, Some(TOKEN), false).await.unwrap_err().to_string();
    assert!(error.contains("cannot have tagpin open pull requests"), "{error}");
}

fn promote() -> Request {
    Request::Promote(Promote {
        from: "dev".to_owned(),
        to: "production".to_owned(),
        images: None,
        approved: None,
        soak: SignedDuration::ZERO,
        partial: false,
    })
}

fn rollback(to: To) -> Request {
    Request::Rollback(Rollback {
        target: "dev/web.yaml".to_owned(),
        to,
        images: Some(tagpin::policy::Globs::new(["nginx".to_owned()]).unwrap()),
        reason: Some("TICKET-7: loses sessions".to_owned()),
        by: Some("Ana".to_owned()),
        until: None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_promotes_is_a_pull_request_that_no_run_touches() {
    let mut story = Story::start().await;
    let done = story.request(&promote()).await;
    assert_eq!((done.branch.as_str(), done.branch_name()), ("pushed", BY_HAND));
    assert_eq!(done.pull_request.unwrap().operation, Operation::Created);
    assert!(story.world.read(BY_HAND, PRODUCTION).contains(&story.new));
    let files: Vec<_> = done.pinned.inventory.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, [PRODUCTION], "the report is about what was asked for");
    // Asked again, it is there.
    assert_eq!(story.request(&promote()).await.branch, BranchState::UpToDate);
    assert_nothing_written(&story.world);
    let config = story.config("");
    story.run(&config).await;
    assert_nothing_written(&story.world);
    // The next run tidies up behind it.
    story.merge(BY_HAND);
    assert_eq!(story.run(&config).await.branch, BranchState::Deleted);
    assert_eq!(story.world.repository().head(BY_HAND), None);
}

/// What a person asked for is built anew only where they ask again. Until then nothing of a forged one is vouched for,
/// also where somebody took the marker away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_asked_for_is_not_vouched_for_where_it_was_forged() {
    let bodies: [fn(&str) -> String; 3] =
        [|body| body.to_owned(), |body| body.replace("<!-- tagpin: ", "<!-- "), |_| String::new()];
    for (index, edit) in bodies.into_iter().enumerate() {
        for request in [promote(), rollback(To::Previous)] {
            let mut story = Story::start().await;
            let branch = story.request(&request).await.branch_name().to_owned();
            forged::forge(&story.world, &branch, &forged::FORGERIES[1]);
            story.world.forge.edit(1, |pull| {
                pull.body = pull.body.as_deref().map(edit);
                pull.added.push("auto-merge SQUASH".to_owned());
            });
            let config = story.config("");
            for _ in 0..2 {
                let done = story.run(&config).await;
                assert!(!tagpin::run::report::report(&done, "url").complete, "{index}: exit 3");
                let pull = story.world.forge.pulls()[0].clone();
                assert!(!pull.merges_by_itself(), "{index} {branch}");
                assert!(pull.body.unwrap().contains("could not be compared"), "{index} {branch}");
            }
            assert_nothing_written(&story.world);
            let done = story.request(&request).await;
            assert_eq!(done.branch, BranchState::Pushed, "{index} {branch}");
            assert!(story.world.repository().read(&branch, "evil.yaml").is_none());
            let body = story.world.forge.pulls()[0].body.clone().unwrap();
            assert!(!body.contains("could not be compared"), "{index} {branch}\n{body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_is_one_commit_with_its_hold() {
    let mut story = Story::start().await;
    let done = story.request(&rollback(To::Previous)).await;
    let branch = done.branch_name().to_owned();
    assert!(branch.starts_with("tagpin/rollback-dev-web.yaml"), "{branch}");
    assert!(story.world.read(&branch, DEV).contains(&story.old));
    let own = story.world.read(&branch, "tagpin.toml");
    assert!(own.contains("[[hold]]") && own.contains("TICKET-7: loses sessions"), "{own}");
    let pull = story.world.forge.pulls()[0].clone();
    assert_eq!(pull.title, "chore(deps): roll back nginx 1.27 in dev/web.yaml");
    let body = pull.body.unwrap();
    assert!(body.contains("`dev/web.yaml` goes back to the previous digest."), "{body}");
    assert!(
        body.contains("a hold in `tagpin.toml`") && body.contains("`TICKET-7: loses sessions`"),
        "{body}"
    );
    assert_eq!(story.request(&rollback(To::Previous)).await.branch, BranchState::UpToDate);
    story.merge(&branch);
    let config = story.config("");
    let done = story.run(&config).await;
    assert_eq!(reason(&done, DEV, "nginx"), ("held", Some("on-hold")));
    assert_eq!(story.world.repository().head(&branch), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_said_and_nothing_is_pushed() {
    let mut story = Story::start().await;
    let config = story.config("");
    let nowhere = Request::Promote(Promote {
        from: "test".to_owned(),
        to: "production".to_owned(),
        images: None,
        approved: None,
        soak: SignedDuration::ZERO,
        partial: false,
    });
    let error = story.world.run_request(&config, &nowhere).await.unwrap_err().to_string();
    assert!(error.contains("`test` is neither an environment nor a path"), "{error}");
    // One digest that the registry has lost.
    let gone = format!("sha256:{}", "ab".repeat(32));
    let dev = story.world.read("main", DEV).replace(&story.new, &gone);
    story.world.repository().commit_on("main", &[(DEV, &dev)], "human@example.com");
    let done = story.request(&promote()).await;
    assert_eq!(reason(&done, PRODUCTION, "nginx"), ("held", Some("digest-gone")));
    assert!(!done.is_proposed(), "what was asked for was not done");
    assert_nothing_written(&story.world);
}

impl Story {
    /// Another release in dev: the promotion brings its tag too.
    fn release(&mut self) -> String {
        let digest = self.world.publish("docker.io/library/nginx:1.28", "1");
        let dev = self.world.read("main", DEV);
        let dev = dev.replace(&format!("nginx:1.27@{}", self.new), &format!("nginx:1.28@{digest}"));
        self.world.repository().commit_on("main", &[(DEV, &dev)], "human@example.com");
        digest
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_no_and_a_revert_count_for_a_release_too() {
    let mut story = Story::start().await;
    let digest = story.release();
    let before = story.world.read("main", PRODUCTION);
    let config = story.config("promote = \"pull-request\"\n");
    story.run(&config).await;
    assert!(story.world.read(PROMOTION, PRODUCTION).contains(&format!("nginx:1.28@{digest}")));
    story.world.forge.close(1);
    for _ in 0..2 {
        let done = story.run(&config).await;
        assert_eq!(reason(&done, PRODUCTION, "nginx"), ("held", Some("declined")));
        assert_nothing_written(&story.world);
    }
    // Who asks by hand has changed their mind.
    let done = story.request(&promote()).await;
    assert_eq!((done.branch, done.is_refused), (BranchState::Pushed, false));
    story.merge(BY_HAND);
    story.world.repository().commit_on("main", &[(PRODUCTION, &before)], "human@example.com");
    story.run(&config).await;
    let done = story.run(&config).await;
    assert_eq!(reason(&done, PRODUCTION, "nginx").0, "held", "taken back, or declined");
    assert_nothing_written(&story.world);
    story.world.forge.edit(1, |pull| pull.body = None);
    let done = story.run(&config).await;
    assert_eq!(reason(&done, PRODUCTION, "nginx"), ("held", Some("reverted")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_digest_that_has_to_soak_leaves_the_open_proposal_alone() {
    let mut story = Story::start().await;
    let config = story.config("promote = \"pull-request\"\nsoak = \"24h\"\n");
    story.later(25);
    story.run(&config).await;
    let proposed = story.world.repository().head(PROMOTION);
    assert!(proposed.is_some());
    // All commits of the remote are as old as each other: a day's wait is longer than that.
    story.release();
    let config = story.config("promote = \"pull-request\"\nsoak = \"48h\"\n");
    let done = story.run(&config).await;
    assert_eq!(reason(&done, PRODUCTION, "nginx"), ("held", Some("not-soaked")));
    let pull = story.world.forge.pulls()[0].clone();
    assert!(pull.body.unwrap().contains("`not-soaked`"), "this run cannot confirm the older one");
    assert_eq!((story.world.repository().head(PROMOTION), pull.state.as_str()), (proposed, "open"));
    story.run(&config).await;
    assert_nothing_written(&story.world);
    assert_eq!(story.world.repository().head(PROMOTION), proposed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_next_takes_nothing_back() {
    let mut story = Story::start().await;
    story.request(&rollback(To::Previous)).await;
    // The other image never had another digest: its rollback is refused, and is about another branch.
    let Request::Rollback(other) = rollback(To::Previous) else { panic!("it is one") };
    let images = Some(tagpin::policy::Globs::new(["ghcr.io/acme/db".to_owned()]).unwrap());
    let done = story.request(&Request::Rollback(Rollback { images, ..other })).await;
    assert!(!done.is_proposed());
    assert_nothing_written(&story.world);
    assert_eq!(story.world.forge.pulls()[0].state, "open");
    // The same promotion again, which is refused now.
    story.request(&promote()).await;
    let gone = format!("sha256:{}", "ab".repeat(32));
    let dev = story.world.read("main", DEV).replace(&story.new, &gone);
    story.world.repository().commit_on("main", &[(DEV, &dev)], "human@example.com");
    let done = story.request(&promote()).await;
    assert!(!done.is_proposed());
    assert_nothing_written(&story.world);
    assert!(story.world.forge.pulls().iter().all(|pull| pull.state == "open"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_and_a_hold_count_for_the_tag_that_comes() {
    let mut story = Story::start().await;
    let digest = story.release();
    let ban = format!("[[hold]]\ntag = \"1.28\"\ndigest = \"{digest}\"\nreason = \"TICKET-9\"\n");
    story.world.repository().commit_on("main", &[("tagpin.toml", &ban)], "human@example.com");
    let done = story.request(&promote()).await;
    assert_eq!(reason(&done, PRODUCTION, "nginx"), ("held", Some("on-hold")));
    // A hold that is for the tag that goes away, or ends too early, does not replace the rollback's own.
    for hold in ["tag = \"1.28\"", "until = 2100-01-01"] {
        let text = format!("[[hold]]\nimages = [\"nginx\"]\n{hold}\nreason = \"TICKET-9\"\n");
        story.world.repository().commit_on("main", &[("tagpin.toml", &text)], "human@example.com");
        let done = story.request(&rollback(To::Previous)).await;
        let own = story.world.read(done.branch_name(), "tagpin.toml");
        assert_eq!(own.matches("[[hold]]").count(), 2, "{own}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_without_a_tag_is_not_passed_over_in_silence() {
    let mut story = Story::start().await;
    let bare = story.world.read("main", PRODUCTION).replace("nginx:1.27@", "nginx@");
    story.world.repository().commit_on("main", &[(PRODUCTION, &bare)], "human@example.com");
    let done = story.request(&promote()).await;
    assert_eq!(reason(&done, PRODUCTION, "nginx"), ("held", Some("digest-only")));
    assert!(!done.is_proposed());
}
