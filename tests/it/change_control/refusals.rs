//! What is refused, and why.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{API, CONFIG, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_refused_as_a_whole_with_reasons() {
    let scene = Scene::new().await;
    let good = scene.publish(API, "1.9", "good");
    let single = scene.registry.put_index("docker.io/acme/web", "1", &["linux/amd64"], "web");
    let gone = "sha256:".to_owned() + &"ab".repeat(32);
    scene.write("tagpin.toml", CONFIG);
    let compose = |api: &str, web: &str, db: &str| {
        format!(
            "services:\n  a: {{image: \"acme/api:{api}\"}}\n  w: {{image: \"acme/web:{web}\"}}\n  d: {{image: \"acme/db:{db}\"}}\n"
        )
    };
    scene.write(
        "staging/compose.yaml",
        &compose(&format!("1.9@{good}"), &format!("1@{single}"), &format!("1@{gone}")),
    );
    scene.write("production/compose.yaml", &compose("1.8", "1", "1"));
    let before = scene.files();
    let (code, out, err) = scene.run(&["promote", "staging", "production", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["complete"]), (3, &false.into()), "{err}");
    let reasons: Vec<&str> =
        json["references"].as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["others-refused", "platform-missing", "digest-gone"], "{out}");
    assert_eq!(scene.files(), before);

    let (code, out, _) = scene.run(&["promote", "staging", "production", "--partial"]).await;
    assert_eq!(code, 3);
    assert!(out.contains("platform-missing") && out.contains("linux/arm64"), "{out}");
    assert_eq!(scene.read("production/compose.yaml"), compose(&format!("1.9@{good}"), "1", "1"));

    scene.registry.set(|mood| mood.always = Some(503));
    scene.write("production/compose.yaml", &compose("1.8", "1", "1"));
    let (code, out, _) = scene.run(&["promote", "staging", "production", "--image", "acme/api"]).await;
    assert_eq!(code, 3, "what could not be asked is not written: {out}");
    assert!(out.contains("unavailable"), "{out}");
    assert_eq!(scene.files(), before);
    for args in [["promote", "staging", "prod"], ["promote", "staging", "."]] {
        assert_eq!(scene.run(&args).await.0, 2, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_clone_is_told_and_not_believed() {
    let scene = Scene::new().await;
    let digests: Vec<String> = ["1", "2"].iter().map(|build| scene.publish(API, "1", build)).collect();
    scene.write("tagpin.toml", CONFIG);
    scene.write("staging/c.yaml", "services:\n  a: {image: \"acme/api:1\"}\n");
    let mut last = None;
    for (digest, hours) in digests.iter().zip([90, 10]) {
        scene.write("dev/c.yaml", &format!("services:\n  a: {{image: \"acme/api:1@{digest}\"}}\n"));
        last = Some(scene.commit("next", hours));
    }
    let soak = |time: &'static str| ["promote", "dev", "staging", "--dry-run", "--soak", time];
    let (code, out, _) = scene.run(&["history", "dev"]).await;
    assert_eq!((code, out.matches(" -> ").count()), (0, 2), "{out}");
    // What git writes when it fetches the last commit alone.
    fs_err::write(scene.path(".git/shallow"), format!("{}\n", last.unwrap())).unwrap();
    let (code, out, err) = scene.run(&["history", "dev"]).await;
    assert_eq!((code, out.matches(" -> ").count()), (3, 1), "{out}{err}");
    assert!(err.contains("git fetch --unshallow"), "{err}");
    let (code, _, err) = scene.run(&soak("24h")).await;
    assert!(code == 3 && err.contains("does not show 24h"), "{err}");
    assert_eq!(scene.run(&soak("9h")).await.0, 0, "so much is known");
    let (code, out, err) = scene.run(&["rollback", "dev", "--to", "previous"]).await;
    assert!(code == 3 && out.contains("the history that is here ends at"), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_say_to_be_old_do_not_soak() {
    let scene = Scene::new().await;
    let digests: Vec<String> = ["1", "2"].iter().map(|build| scene.publish(API, "1", build)).collect();
    scene.write("tagpin.toml", CONFIG);
    let declare = |file: &str, digest: &str| {
        scene.write(file, &format!("services:\n  a: {{image: \"acme/api:1@{digest}\"}}\n"));
    };
    declare("dev/c.yaml", &digests[0]);
    declare("staging/c.yaml", &digests[0]);
    scene.commit("first", 5);
    // Two in a row: the second one's parent says to be as old as it does.
    scene.write("README.md", "x");
    scene.commit("nothing", 900);
    declare("dev/c.yaml", &digests[1]);
    scene.commit("the digest", 900);
    let soak = |time: &'static str| ["promote", "dev", "staging", "--dry-run", "--soak", time];
    let (code, out, err) = scene.run(&soak("24h")).await;
    assert!(code == 3 && err.contains("not-soaked"), "{out}{err}");
    assert_eq!(scene.run(&soak("4h")).await.0, 0, "it is as old as what it stands on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_of_another_image_is_no_earlier_one() {
    let scene = Scene::new().await;
    let old = scene.publish(API, "7", "shared");
    let other = scene.registry.put_index("docker.io/acme/api-next", "1", &["linux/amd64"], "next");
    scene.write("tagpin.toml", CONFIG);
    let when = (Timestamp::now() - SignedDuration::from_hours(15)).to_string();
    for (image, hours) in [(format!("acme/api:7@{old}"), 20), (format!("acme/api-next:1@{other}"), 10)] {
        scene.write("dev/c.yaml", &format!("services:\n  a: {{image: \"{image}\"}}\n"));
        scene.commit("next", hours);
    }
    // The same content under both names: the registry would confirm it.
    scene.registry.put_index("docker.io/acme/api-next", "7", &["linux/amd64"], "shared");
    let before = scene.files();
    for (to, reason) in [
        ("previous", "no-earlier-digest"),
        (when.as_str(), "not-declared-then"),
        (old.as_str(), "never-declared"),
    ] {
        let (code, out, err) = scene.run(&["rollback", "dev", "--to", to]).await;
        assert!(code == 3 && out.contains(reason), "{to}: {code}\n{out}{err}");
        assert_eq!(scene.files(), before);
    }
}
