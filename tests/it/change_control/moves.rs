//! Promotions, rollbacks, builds and holds, one at a time.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{API, CONFIG, Scene, deployment, kustomization};

#[tokio::test(flavor = "multi_thread")]
async fn tag_and_digest_in_fields_of_their_own_are_promoted_together() {
    let scene = Scene::new().await;
    let old = scene.publish(API, "1.9", "old");
    let new = scene.publish(API, "1.10", "new");
    scene.write("dev/kustomization.yaml", &kustomization("1.10", &new));
    scene.write("staging/kustomization.yaml", &kustomization("1.9", &old));
    let values = |tag: &str, digest: &str| {
        format!("image:\n  repository: acme/api\n  tag: {tag}\n  digest: {digest}\n")
    };
    scene.write("staging/values.yaml", &values("v1", &old));
    scene.write("tagpin.toml", CONFIG);
    let ticket = format!("CHG-7: please allow ({new}).\n");
    scene.write("ticket.txt", &ticket);
    let (code, out, err) = scene.run(&["promote", "dev", "staging", "--approved", "ticket.txt"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(scene.read("staging/kustomization.yaml"), kustomization("1.10", &new));
    // A tag that YAML would take for a number becomes a text.
    assert_eq!(scene.read("staging/values.yaml"), values("\"1.10\"", &new));
    scene.write("ticket.txt", &old);
    scene.write("staging/kustomization.yaml", &kustomization("1.9", &old));
    let (code, out, _) = scene.run(&["promote", "dev", "staging", "--approved", "ticket.txt"]).await;
    assert_eq!(code, 3);
    assert!(out.contains("not-approved"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_back_and_never_forward() {
    let scene = Scene::new().await;
    scene.publish("docker.io/library/busybox", "1", "b");
    let digests: Vec<String> = ["1", "2", "3"].iter().map(|build| scene.publish(API, build, build)).collect();
    for (hours, (tag, digest)) in [30, 20, 10].iter().zip(["1", "2", "3"].iter().zip(&digests)) {
        let file = if *hours == 30 { "app/old.yaml" } else { "app/api.yaml" };
        if *hours == 20 {
            fs_err::rename(scene.path("app/old.yaml"), scene.path("app/api.yaml")).unwrap();
        }
        scene.write(file, &deployment(&format!("acme/api:{tag}@{digest}")));
        scene.commit("next", *hours);
    }
    let back = ["rollback", "app/api.yaml#deployment/api", "--image", "acme/api", "--to", "previous"];
    for (tag, expected) in [("2", &digests[1]), ("1", &digests[0])] {
        let (code, out, err) = scene.run(&back).await;
        assert_eq!(code, 0, "{out}{err}");
        let wanted = deployment(&format!("acme/api:{tag}@{expected}"));
        assert_eq!(scene.read("app/api.yaml"), wanted, "the tag too, through a rename");
        scene.commit("back", 1);
    }
    assert_eq!(scene.read("tagpin.toml").matches("[[hold]]").count(), 1, "one hold is enough");
    let (code, out, _) = scene.run(&back).await;
    assert_eq!(code, 3);
    assert!(out.contains("no-earlier-digest"), "{out}");

    let day = (Timestamp::now() - SignedDuration::from_hours(15)).to_string();
    let to = |to: &'static str| ["rollback", "app", "--image", "acme/api", "--to", to];
    let (code, _, err) = scene.run(&["rollback", "app", "--image", "acme/api", "--to", &day]).await;
    assert_eq!(code, 0, "{err}");
    assert!(scene.read("app/api.yaml").contains(&digests[1]));
    for (args, code, part) in [
        (&to("1999-01-01")[..], 3, "not-declared-then"),
        (&to("known-good"), 3, "no-known-good"),
        (&["rollback", "app", "--to", "previous"], 2, "has several images: acme/api, busybox"),
        (&["rollback", "app", "--to", "sideways"], 2, "known-good"),
        (&["rollback", "nowhere", "--to", "previous"], 2, "neither an environment nor a path"),
        (&["rollback", "app", "--to", "previous", "--image", "other"], 2, "no image"),
    ] {
        let before = scene.files();
        let (found, out, err) = scene.run(args).await;
        assert!(found == code && format!("{out}{err}").contains(part), "{args:?}: {found}\n{out}{err}");
        assert_eq!(scene.files(), before);
    }
    let never = scene.publish(API, "4", "4");
    let (code, out, _) = scene.run(&["rollback", "app", "--image", "acme/api", "--to", &never]).await;
    assert_eq!(code, 3);
    assert!(out.contains("never-declared"), "{out}");
    scene.registry.remove(API, &digests[2]);
    let (code, out, _) = scene.run(&["rollback", "app", "--image", "acme/api", "--to", &digests[2]]).await;
    assert_eq!(code, 3);
    assert!(out.contains("digest-gone"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_that_is_given_is_kept() {
    let scene = Scene::new().await;
    let digests: Vec<String> = ["1", "2", "3"].iter().map(|build| scene.publish(API, build, build)).collect();
    for (hours, (tag, digest)) in [30, 20, 10].iter().zip(["1", "2", "3"].iter().zip(&digests)) {
        scene.write("app/api.yaml", &deployment(&format!("acme/api:{tag}@{digest}")));
        scene.commit("next", *hours);
    }
    let back = ["rollback", "app/api.yaml", "--image", "acme/api", "--to"];
    let again: [&str; 3] = [&digests[1], "--reason", "slow since 3"];
    let further: [&str; 3] = [&digests[0], "--reason", "loses \"mail\" since 2"];
    let once_more: [&str; 1] = [&digests[1]];
    for (to, holds) in [(&again[..], 1), (&further[..], 2), (&once_more[..], 2)] {
        let (code, out, err) = scene.run(&[&back[..], to].concat()).await;
        assert_eq!(code, 0, "{out}{err}");
        let own = scene.read("tagpin.toml");
        assert_eq!(own.matches("[[hold]]").count(), holds, "{own}");
        assert!(to.get(2).is_none_or(|reason| own.contains(reason)), "{own}");
        scene.commit("back", 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_a_build_has_made_is_written_without_asking_the_tag() {
    let scene = Scene::new().await;
    let built = scene.publish(API, "1.9", "ours");
    scene.publish(API, "1.9", "somebody else's, a moment later");
    scene.write("dev/api.yaml", &deployment("acme/api:1.8"));
    scene.registry.forget_requests();
    let set = format!("docker.io/acme/api:1.9@{built}");
    let (code, out, err) = scene.run(&["pin", "--set", &set]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(scene.read("dev/api.yaml"), deployment(&format!("acme/api:1.9@{built}")));
    let requests = scene.registry.requests();
    assert!(requests.iter().all(|request| !request.path.ends_with("/1.9")), "{requests:?}");

    let metadata =
        format!(r#"{{"containerimage.digest": "{built}", "image.name": "docker.io/acme/api:1.8"}}"#);
    scene.write("m.json", &metadata);
    let (code, _, err) = scene.run(&["pin", "--digests", "m.json", "dev"]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(scene.read("dev/api.yaml"), deployment(&format!("acme/api:1.8@{built}")));

    let none = "sha256:".to_owned() + &"0".repeat(64);
    let before = scene.files();
    let gone = format!("acme/api:2@{none}");
    let other = format!("acme/other:1@{built}");
    for (set, code, part) in [
        (gone.as_str(), 3, "digest-gone"),
        (other.as_str(), 3, "no image here is"),
        ("acme/api:1.9", 2, "names no digest"),
        ("acme/api@sha256:abc", 2, "digest is malformed"),
    ] {
        let (found, out, err) = scene.run(&["pin", "--set", set]).await;
        assert!(found == code && format!("{out}{err}").contains(part), "{set}: {found}\n{out}{err}");
        assert_eq!(scene.files(), before, "{set}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_build_has_made_goes_where_digests_come_by_promotion_once_only() {
    let scene = Scene::new().await;
    let old = scene.publish(API, "1.8", "before");
    let built = scene.publish(API, "1.9", "ours");
    let pinned = deployment(&format!("acme/api:1.8@{old}"));
    scene.write("tagpin.toml", CONFIG);
    scene.write("dev/api.yaml", &pinned);
    scene.write("staging/api.yaml", &pinned);
    scene.write("production/api.yaml", &deployment("acme/api:1.8"));
    let set = format!("acme/api:1.9@{built}");
    let (code, out, err) = scene.run(&["pin", "--set", &set, "--format", "json"]).await;
    assert!(code == 0 && out.contains("by-promotion"), "{out}{err}");
    let written = deployment(&format!("acme/api:1.9@{built}"));
    assert_eq!(scene.read("dev/api.yaml"), written);
    assert_eq!(scene.read("staging/api.yaml"), pinned, "only `promote` changes what is there");
    assert_eq!(scene.read("production/api.yaml"), written, "the first digest");
    // Nothing is left to write.
    let (code, out, err) = scene.run(&["pin", "--set", &set, "staging"]).await;
    assert!(
        code == 3 && err.contains("stands only where digests come from another environment"),
        "{out}{err}"
    );
    assert_eq!(scene.read("staging/api.yaml"), pinned);
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_added_listed_and_removed() {
    let scene = Scene::new().await;
    scene.publish("docker.io/library/busybox", "1", "b");
    scene.publish(API, "1.8", "a");
    scene.write("dev/api.yaml", &deployment("acme/api:1.8"));
    let add = ["hold", "add", "--image", "acme/*", "--reason", "because", "--by", "Ana"];
    // From below the root too.
    assert_eq!(scene.run_in("dev", &add).await.0, 0);
    let text = scene.read("tagpin.toml");
    assert_eq!(text.trim_start(), "[[hold]]\nimages = [\"acme/*\"]\nreason = \"because\"\nby = \"Ana\"\n");
    assert_eq!(scene.run(&add).await.0, 0);
    assert_eq!(scene.read("tagpin.toml"), text, "once is enough");
    assert_eq!(scene.run(&["hold", "add", "--tag", "9", "--reason", "x"]).await.0, 0);
    let (code, out, _) = scene.run(&["hold", "list", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    let states: Vec<_> =
        json["holds"].as_array().unwrap().iter().map(|hold| (&hold["number"], &hold["state"])).collect();
    assert_eq!(
        (code, states),
        (0, vec![(&1.into(), &"active".into()), (&2.into(), &"unmatched".into())]),
        "{out}"
    );
    let (_, out, _) = scene.run(&["list"]).await;
    assert!(out.contains("(on hold: `because`, says `Ana`, until somebody removes the hold"), "{out}");
    let (code, out, _) = scene.run(&["pin"]).await;
    assert_eq!(code, 0);
    assert!(out.contains("held      acme/api:1.8") && out.contains("pinned    busybox:1@"), "{out}");
    assert_eq!(scene.run(&["hold", "remove", "3"]).await.0, 2);
    assert_eq!(scene.run(&["hold", "remove", "1", "2"]).await.0, 0);
    assert_eq!(scene.read("tagpin.toml").trim(), "");
    let (code, out, _) = scene.run(&["pin"]).await;
    assert!(code == 0 && out.contains("pinned    acme/api:1.8@"), "{out}");
    for args in [
        &["hold", "add", "--reason", "x"][..],
        &["hold", "add", "--image", "/x", "--reason", "x"],
        &["hold", "add", "--tag", "1", "--reason", "x", "--until", "soon"],
    ] {
        assert_eq!(scene.run(args).await.0, 2, "{args:?}");
        assert_eq!(scene.read("tagpin.toml").trim(), "");
    }
}
