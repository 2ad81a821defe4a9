//! A digest from dev to production and back.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::{API, CONFIG, Scene, changed, deployment};

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_digest_from_dev_to_production_and_back() {
    let scene = Scene::new().await;
    let busybox = scene.publish("docker.io/library/busybox", "1", "b");
    let first = scene.publish(API, "1.8", "first");
    for environment in ["dev", "staging", "production"] {
        scene.write(&format!("{environment}/api.yaml"), &deployment("acme/api:1.8"));
    }
    scene.write("tagpin.toml", CONFIG);
    scene.commit("begin", 300);

    // The migration pins everything, also what comes after dev.
    assert_eq!(scene.run(&["pin"]).await.0, 0);
    for environment in ["dev", "staging", "production"] {
        let text = scene.read(&format!("{environment}/api.yaml"));
        assert!(text.contains(&format!("image: acme/api:1.8@{first} # the api")), "{text}");
        assert!(text.contains(&busybox));
    }
    scene.commit("Pin 2 images (#1)", 200);

    // The tag moves: dev follows it, and nothing else does.
    let second = scene.publish(API, "1.8", "second");
    let (code, diff, err) = scene.run(&["pin", "--dry-run"]).await;
    assert_eq!((code, changed(&diff).len()), (0, 2), "{diff}{err}");
    assert_eq!(scene.run(&["pin"]).await.0, 0);
    assert!(scene.read("dev/api.yaml").contains(&second) && scene.read("staging/api.yaml").contains(&first));
    scene.commit("Update dev (#2)", 30);

    // It soaks: by the committer's date, whatever the author says.
    let before = scene.files();
    let (code, out, err) = scene.run(&["promote", "dev", "staging", "--soak", "48h"]).await;
    assert_eq!(code, 3, "{out}{err}");
    assert!(out.contains("not-soaked") && err.contains("nothing was promoted"), "{out}{err}");
    assert_eq!(scene.files(), before, "nothing is half done");
    let (code, _, err) = scene.run(&["promote", "dev", "production"]).await;
    assert_eq!(code, 2);
    assert!(err.contains("takes its images from `staging`"), "{err}");
    assert_eq!(scene.run(&["promote", "dev", "staging", "--check"]).await.0, 1);
    let (code, diff, err) = scene.run(&["promote", "dev", "staging", "--soak", "1d", "--dry-run"]).await;
    assert_eq!(code, 0, "{err}");
    let line = |sign: &str, digest: &str| format!("{sign}        image: acme/api:1.8@{digest} # the api");
    assert_eq!(changed(&diff), [line("-", &first), line("+", &second)], "{diff}");
    assert_eq!(scene.run(&["promote", "dev", "staging", "--soak", "24h"]).await.0, 0);
    assert_eq!(scene.run(&["promote", "dev", "staging", "--check"]).await.0, 0);
    scene.commit("Promote to staging (#3)", 29);
    assert_eq!(scene.run(&["promote", "staging", "production"]).await.0, 0);
    scene.commit("Promote to production (#4)", 28);
    assert_eq!(scene.read("production/api.yaml"), scene.read("dev/api.yaml"));

    // It is healthy.
    let (code, out, err) = scene.run(&["known-good", "mark", "production", "--by", "pipeline"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("2 images known to be good in production"), "{out}");
    let list = scene.read("tagpin-known-good.toml");
    assert!(list.contains(&second) && list.contains("by = \"pipeline\""), "{list}");
    let listed = scene.run(&["known-good", "mark", "production", "--by", "somebody else"]).await;
    assert_eq!((listed.0, scene.read("tagpin-known-good.toml")), (0, list), "what is marked keeps its date");
    scene.commit("Known good", 27);

    // A bad one goes all the way.
    let bad = scene.publish(API, "1.8", "bad");
    for step in [&["pin"][..], &["promote", "dev", "staging"], &["promote", "staging", "production"]] {
        assert_eq!(scene.run(step).await.0, 0);
        scene.commit("on and on (#5)", 3);
    }
    assert!(scene.read("production/api.yaml").contains(&bad));

    // Back, and held there: one command, a few lines.
    let rollback = ["rollback", "production", "--to", "known-good", "--reason", "TICKET-42", "--by", "Ana"];
    let until = ["--until", "2999-12-31"];
    let (code, diff, err) = scene.run(&[&rollback[..], &until, &["--dry-run"]].concat()).await;
    assert_eq!(code, 0, "{err}");
    let expected = [
        "+",
        "+[[hold]]",
        "+images = [\"acme/api\"]",
        "+paths = [\"production/api.yaml\"]",
        "+reason = \"TICKET-42\"",
        "+by = \"Ana\"",
        "+until = 2999-12-31",
        &line("-", &bad),
        &line("+", &second),
    ];
    assert_eq!(changed(&diff), expected, "{diff}");
    assert_eq!(scene.run(&[&rollback[..], &until].concat()).await.0, 0);
    let after = scene.files();
    assert_eq!(scene.run(&[&rollback[..], &until].concat()).await.0, 0);
    assert_eq!(scene.files(), after, "to do it again changes nothing");
    assert!(scene.read("tagpin.toml").starts_with(CONFIG), "comments are kept");
    scene.commit("Roll back (#6)", 2);

    // Nothing undoes it.
    let (code, out, _) = scene.run(&["promote", "staging", "production"]).await;
    assert_eq!(code, 0, "a hold is somebody's decision, and no failure");
    assert!(out.contains("held") && out.contains("on-hold") && out.contains("TICKET-42"), "{out}");
    assert_eq!(scene.files(), after);
    let (_, out, _) = scene.run(&["hold", "list"]).await;
    assert!(out.starts_with(" 1  active ") && out.contains("TICKET-42"), "{out}");

    // The hold ends, and the fix goes through.
    let fix = scene.publish(API, "1.8", "fix");
    scene.write("tagpin.toml", &scene.read("tagpin.toml").replace("2999-12-31", "2000-12-31"));
    for step in [&["pin"][..], &["promote", "dev", "staging"], &["promote", "staging", "production"]] {
        let (code, _, err) = scene.run(step).await;
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("a hold has ended: `TICKET-42`"), "{err}");
        scene.commit("the fix (#7)", 1);
    }
    assert!(scene.read("production/api.yaml").contains(&fix));
    assert_eq!(scene.run(&["hold", "remove", "--ended"]).await.0, 0);
    assert_eq!(scene.read("tagpin.toml"), CONFIG, "as if it had never been there");
    tells_what_was(&scene, &[&first, &second, &bad, &second, &fix]).await;
}

/// `history` agrees with what git itself has, commit by commit.
async fn tells_what_was(scene: &Scene, digests: &[&String]) {
    let (code, out, err) = scene.run(&["history", "production", "--format", "json"]).await;
    assert_eq!(code, 0, "{err}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let events = json["events"].as_array().unwrap();
    let api = events.iter().filter(|event| event["place"].as_str().unwrap().ends_with("/api"));
    let api: Vec<&Value> = api.collect();
    let after: Vec<&str> = api.iter().rev().filter_map(|event| event["after"]["digest"].as_str()).collect();
    assert_eq!(after, digests.iter().map(|digest| digest.as_str()).collect::<Vec<_>>());
    assert_eq!(api[0]["pull_request"], 7);
    assert_eq!(api[0]["object"]["name"], "api");
    assert!(api[api.len() - 1]["before"].is_null(), "it begins with the file");
    let mut walk = scene.git.revwalk().unwrap();
    walk.push_head().unwrap();
    let mut count = 0;
    for id in walk.map(Result::unwrap) {
        let commit = scene.git.find_commit(id).unwrap();
        let entry = commit.tree().unwrap().get_path(Path::new("production/api.yaml")).unwrap();
        let text = String::from_utf8(scene.git.find_blob(entry.id()).unwrap().content().to_vec()).unwrap();
        let expected: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("image: ")?.1.split(' ').next()).collect();
        let when = Timestamp::from_second(commit.time().seconds()).unwrap();
        // Commits of one second cannot be told apart by their time.
        let next = scene.git.revwalk().map(|mut walk| {
            walk.push_head().unwrap();
            walk.any(|other| {
                let other = scene.git.find_commit(other.unwrap()).unwrap();
                other.id() != id && other.time().seconds() == commit.time().seconds()
            })
        });
        if next.unwrap() {
            continue;
        }
        count += 1;
        let when = when.to_string();
        let args = ["history", "production", "--at", when.as_str(), "--format", "json"];
        let (code, out, err) = scene.run(&args).await;
        assert_eq!(code, 0, "{err}");
        let json: Value = serde_json::from_str(&out).unwrap();
        let images = json["references"].as_array().unwrap().iter();
        let images: Vec<&str> = images.map(|row| row["image"].as_str().unwrap()).collect();
        assert_eq!(images, expected, "{when}");
        assert_eq!(json["commit"], id.to_string());
    }
    assert!(count >= 6, "{count}");
    assert_eq!(scene.run(&["history", "production", "--at", "1999-01-01"]).await.0, 2);
}

/// A conflict that was committed, or a file past the bound, is no removal: an age begins where the digest came.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_nobody_could_read_takes_no_image_away() {
    let scene = Scene::new().await;
    scene.write("tagpin.toml", CONFIG);
    let first = scene.publish(API, "1.8", "first");
    scene.publish("docker.io/library/busybox", "1", "b");
    scene.write("dev/api.yaml", &deployment("acme/api:1.8"));
    scene.commit("begin", 300);
    assert_eq!(scene.run(&["pin"]).await.0, 0);
    let pinned = scene.read("dev/api.yaml");
    scene.commit("Pin (#1)", 200);
    for (hours, version) in [
        (100, format!("<<<<<<< HEAD\n{pinned}=======\n{pinned}>>>>>>> other\n")),
        (99, format!("{pinned}\n{}", "# x\n".repeat(5 << 20))),
        (98, pinned),
    ] {
        scene.write("dev/api.yaml", &version);
        scene.commit("on and on", hours);
    }
    let (code, out, err) = scene.run(&["history", "dev", "--format", "json"]).await;
    assert_eq!(code, 0, "{err}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let events = json["events"].as_array().unwrap().iter();
    let api = events.filter(|event| event["place"].as_str().unwrap().ends_with("/api"));
    let titles: Vec<(&str, &str)> = api
        .map(|event| {
            (event["title"].as_str().unwrap(), event["after"]["digest"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(titles, [("Pin (#1)", first.as_str()), ("begin", "")], "{out}");
}
