//! What policy demands of a digest before it is written.

use serde_json::json;
use tagpin::config::Config;
use tagpin::history::ledger::LedgerView;
use tagpin::plan::pin::{pin, take_inventory};
use tagpin::plan::set_digest::{AssignedDigest, Assignment, Atomicity, assign};
use tagpin::plan::{Outcome, Pinned, Reason};
use tagpin::reference::{Digest, Reference};
use tagpin::registry::HttpRegistry;
use tagpin::source::tree::DirectoryTree;

use super::World;
use crate::support::provenance::{REPOSITORY, client};
use crate::support::registry::{Referrers, Registry as Loopback};
use crate::support::signing::{Attachment, Signer, payload};

/// Pins what `files` has in a new directory.
async fn pin_in(directory: &std::path::Path, config: &Config, registry: &HttpRegistry) -> Pinned {
    let tree = DirectoryTree::open(directory).unwrap();
    pin(&tree, &config.settings, &LedgerView::default(), registry, |_, _| {}).await.unwrap()
}

fn config(world: &World, directory: &std::path::Path, text: &str) -> Config {
    fs_err::write(directory.join("cosign.pub"), world.known.pem()).unwrap();
    let file = directory.join("bot.toml");
    fs_err::write(&file, text).unwrap();
    Config::load(Some(&file), &tagpin::config::Variables::default()).unwrap()
}

fn compose(world: &World, digest: &str) -> String {
    format!("services:\n  api:\n    image: {}/{REPOSITORY}:1{digest}\n", world.registry.host())
}

#[tokio::test]
async fn a_digest_is_written_only_with_what_policy_demands_and_nobody_is_asked_about_the_others() {
    let world = World::new().await;
    let (settings, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config =
        config(&world, settings.path(), "[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n");
    let file = work.path().join("compose.yaml");
    fs_err::write(&file, compose(&world, "")).unwrap();
    let pinned = pin_in(work.path(), &config, &client()).await;
    let [verdict] = &pinned.verdicts[..] else { panic!("{:?}", pinned.verdicts) };
    assert_eq!((verdict.outcome, verdict.reason), (Outcome::Held, Some(Reason::Unsigned)), "{verdict:?}");
    assert!(verdict.detail.as_ref().unwrap().contains("cosign.pub") && pinned.files.is_empty());

    world.registry.set(|mood| mood.referrers = Referrers::Status(503));
    let pinned = pin_in(work.path(), &config, &client()).await;
    assert_eq!(
        (pinned.verdicts[0].outcome, pinned.verdicts[0].reason),
        (Outcome::Failed, Some(Reason::Unavailable))
    );
    world.registry.set(|mood| mood.referrers = Referrers::Missing);

    world.sign(&[world.by_known()]);
    let pinned = pin_in(work.path(), &config, &client()).await;
    let change = pinned.verdicts[0].change.as_ref().unwrap();
    assert_eq!(change.proofs.first().unwrap().to_string(), "signed, key cosign.pub");
    let after = String::from_utf8(pinned.files[0].after.clone()).unwrap();
    assert_eq!(after, compose(&world, &format!("@{}", world.digest)));

    // What stands there already is nobody's question.
    fs_err::write(&file, after).unwrap();
    world.registry.forget_requests();
    assert_eq!(pin_in(work.path(), &config, &client()).await.verdicts[0].outcome, Outcome::Unchanged);
    assert!(world.registry.requests().iter().all(|it| !it.path.contains(".sig")));

    // And with a key that was not read nothing passes.
    let unread = Config::parse(
        "bot.toml",
        settings.path(),
        b"[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n",
    );
    fs_err::write(&file, compose(&world, "")).unwrap();
    let pinned = pin_in(work.path(), &unread.unwrap(), &client()).await;
    assert_eq!(pinned.verdicts[0].reason, Some(Reason::Unsigned));
}

#[tokio::test]
async fn a_platform_s_digest_is_vouched_for_by_its_index() {
    let world = World::new().await;
    let (settings, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let policy = "[policy]\nlevel = \"platform\"\nplatforms = [\"linux/arm64\"]\nrequire = \"signature\"\n\
                  keys = [\"cosign.pub\"]\n";
    let config = config(&world, settings.path(), policy);
    fs_err::write(work.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let pinned = pin_in(work.path(), &config, &client()).await;
    let detail = pinned.verdicts[0].detail.clone().unwrap();
    assert!(
        pinned.verdicts[0].reason == Some(Reason::Unsigned) && detail.contains(&world.digest),
        "{detail}"
    );
    world.sign(&[world.by_known()]);
    let pinned = pin_in(work.path(), &config, &client()).await;
    let change = pinned.verdicts[0].change.clone().unwrap();
    assert!(change.digest.as_str() != world.digest && change.proofs.len() == 1);

    // Or by a signature of its own.
    let other = World { registry: Loopback::start().await, ..world };
    other.registry.put_index(REPOSITORY, "1", &["linux/amd64", "linux/arm64"], "a");
    let attachment = Attachment::signature(&other.known, &payload(change.digest.as_str()));
    other.registry.attach(REPOSITORY, change.digest.as_str(), "sig", &[attachment]);
    fs_err::write(work.path().join("compose.yaml"), compose(&other, "")).unwrap();
    let pinned = pin_in(work.path(), &config, &client()).await;
    assert_eq!(pinned.verdicts[0].outcome, Outcome::Pinned, "{:?}", pinned.verdicts);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_who_vouches_for_a_digest() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    // What a file names on this machine is asked only where the configuration has it.
    let registry = format!("[[registry]]\nprefix = \"{}\"\n", world.registry.host());
    let policy = format!("[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n{registry}");
    config(&world, directory.path(), &policy);
    fs_err::write(directory.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let run = async |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tagpin"));
        command.args(args).args(["--config", "bot.toml"]).current_dir(directory.path()).env_clear();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let image = format!("{}/{REPOSITORY}:1", world.registry.host());
    let pinned = ["pin", "--format", "json", "compose.yaml"];
    let (code, out, _) = run(&pinned).await;
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let row = &json["references"][0];
    assert_eq!(
        (code, &row["outcome"], &row["reason"]),
        (Some(0), &"held".into(), &"unsigned".into()),
        "{json}"
    );
    assert!(row.get("provenance").is_none());
    let set = format!("{image}@{}", world.digest);
    let (code, out, err) = run(&["pin", "--set", &set, "compose.yaml"]).await;
    assert!(code == Some(3) && out.contains("unsigned: `sha256:"), "who names a digest wants it: {out}{err}");
    let (code, out, err) = run(&["resolve", "-v", &image]).await;
    assert!(
        code == Some(0) && out.contains(&world.digest) && err.contains("lacks a signature by `cosign.pub`"),
        "{err}"
    );

    world.sign(&[world.by_known()]);
    let (_, _, err) = run(&["resolve", "-v", &image]).await;
    assert!(err.contains("\n  signed, key cosign.pub\n"), "{err}");
    let (code, out, _) = run(&pinned).await;
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expected =
        json!([{"kind": "signature", "verified": true, "key": "cosign.pub", "predicate_type": null}]);
    assert_eq!((code, &json["references"][0]["provenance"]), (Some(0), &expected), "{json}");
    assert_eq!(json["registries"][world.registry.host()]["provenance"], 2);
    fs_err::write(directory.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let (_, out, _) = run(&["pin", "compose.yaml"]).await;
    assert!(out.contains("\n          signed, key cosign.pub\n"), "{out}");
}

#[tokio::test]
async fn a_digest_that_somebody_names_obeys_as_well() {
    let world = World::new().await;
    let (settings, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config =
        config(&world, settings.path(), "[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n");
    fs_err::write(work.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let tree = DirectoryTree::open(work.path()).unwrap();
    for signed in [false, true] {
        if signed {
            world.sign(&[world.by_known()]);
        }
        let inventory = take_inventory(&tree, &config.settings).unwrap();
        let digest = Digest::parse(&world.digest).unwrap();
        let assignment = Assignment::Set(AssignedDigest { digest, tag: None, platforms: Vec::new() });
        let pinned = assign(
            &tree,
            &config.settings,
            &LedgerView::default(),
            &client(),
            inventory,
            vec![assignment],
            Atomicity::AllOrNothing,
        )
        .await
        .unwrap();
        let verdict = &pinned.verdicts[0];
        let expected = if signed { (Outcome::Pinned, None) } else { (Outcome::Held, Some(Reason::Unsigned)) };
        assert_eq!((verdict.outcome, verdict.reason), expected, "{verdict:?}");
        assert_eq!(pinned.files.len(), usize::from(signed));
    }
    // Another tag for the digest that stands there is no new digest.
    world.sign(&[]);
    fs_err::write(work.path().join("compose.yaml"), compose(&world, &format!("@{}", world.digest))).unwrap();
    world.registry.forget_requests();
    let inventory = take_inventory(&tree, &config.settings).unwrap();
    let digest = Digest::parse(&world.digest).unwrap();
    let assignment =
        Assignment::Set(AssignedDigest { digest, tag: Some("2".to_owned()), platforms: Vec::new() });
    let pinned = assign(
        &tree,
        &config.settings,
        &LedgerView::default(),
        &client(),
        inventory,
        vec![assignment],
        Atomicity::AllOrNothing,
    )
    .await
    .unwrap();
    assert_eq!(pinned.verdicts[0].outcome, Outcome::Updated, "{:?}", pinned.verdicts);
    assert!(world.registry.requests().iter().all(|it| !it.path.contains(".sig")));
}

#[tokio::test]
async fn a_repository_demands_more_and_never_less() {
    let world = World::new().await;
    let settings = tempfile::tempdir().unwrap();
    let work = tempfile::tempdir().unwrap();
    fs_err::write(work.path().join("compose.yaml"), compose(&world, "")).unwrap();
    let by_operator = "[policy]\nrequire = \"signature\"\nkeys = [\"cosign.pub\"]\n";
    let operator = config(&world, settings.path(), by_operator);
    let files = |path: &str| (path == ".github/other.pub").then(|| world.other.pem().into_bytes());
    let own = b"[policy]\nrequire = \"signature\"\nkeys = [\"other.pub\"]\n";
    let narrowed = operator.narrowed(".github/tagpin.toml", own, files).unwrap();
    // The operator's key is still asked for, and the repository's beside it.
    for (signers, outcome) in [
        (vec![&world.other], Outcome::Held),
        (vec![&world.known], Outcome::Held),
        (vec![&world.known, &world.other], Outcome::Pinned),
    ] {
        let sign = |signer: &&Signer| Attachment::signature(signer, &payload(&world.digest));
        world.sign(&signers.iter().map(sign).collect::<Vec<_>>());
        let pinned = pin_in(work.path(), &narrowed, &client()).await;
        assert_eq!(pinned.verdicts[0].outcome, outcome, "{:?}", pinned.verdicts);
    }
    // Nothing that it says takes something away.
    world.sign(&[]);
    for own in ["[policy]\nrequire = []\n", "[[policy.rule]]\npaths = [\"**\"]\nrequire = []\n", ""] {
        let narrowed = operator.narrowed("tagpin.toml", own.as_bytes(), files).unwrap();
        let pinned = pin_in(work.path(), &narrowed, &client()).await;
        assert_eq!(pinned.verdicts[0].reason, Some(Reason::Unsigned), "{own}");
    }
    // Where the operator demands nothing, the repository's own rules count alone, path by path.
    let own = "[[policy.rule]]\npaths = [\"production/**\"]\nrequire = \"signature\"\n";
    let narrowed = Config::default().narrowed("tagpin.toml", own.as_bytes(), files).unwrap();
    assert_eq!(pin_in(work.path(), &narrowed, &client()).await.verdicts[0].outcome, Outcome::Pinned);
    let nginx = Reference::parse("nginx").unwrap();
    assert_eq!(narrowed.settings.policy.decide("production/a.yaml", &nginx, None).demands.len(), 1);
    for (own, why) in [
        ("keys = [\"../other.pub\"]", "not a file beside"),
        ("keys = [\"/etc/other.pub\"]", "not a file beside"),
        ("keys = [\"missing.pub\"]", "not there"),
        ("keys = [\"a/../other.pub\"]", "not a file beside"),
        ("keys = [\"other.pub\"]\nlevel = \"index\"", "belongs into the file"),
    ] {
        let own = format!("[policy]\nrequire = \"signature\"\n{own}\n");
        let error = operator.narrowed(".github/tagpin.toml", own.as_bytes(), files).unwrap_err().to_string();
        assert!(error.contains(why), "{own}: {error}");
    }
}
