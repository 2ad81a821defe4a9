//! Mirrors, other locations and blocked registries, as containers-registries.conf(5) describes them.

use tagpin::reference::Reference;
use tagpin::registry::{
    ClientSettings, HttpRegistry, Mirror, PullFromMirror, Registry as _, RegistryRule, TagRef, Trust,
    registries_conf,
};

use crate::support::asking::{PLATFORMS, ask_one, asked, served, settings};
use crate::support::registry::Registry;

fn nginx() -> TagRef {
    TagRef::new(&Reference::parse("nginx:1").unwrap())
}

fn client(rules: Vec<RegistryRule>) -> HttpRegistry {
    HttpRegistry::new(ClientSettings { rules, trust: Trust::Scanned, ..settings() }).unwrap()
}

/// Docker Hub is really at the origin, with these mirrors.
fn rule(origin: &Registry, mirrors: &[(&Registry, PullFromMirror)]) -> RegistryRule {
    let mirror = |(registry, pull): &(&Registry, PullFromMirror)| Mirror {
        location: registry.host(),
        insecure: false,
        pull: *pull,
    };
    RegistryRule {
        prefix: "docker.io".to_owned(),
        location: format!("{}/hub", origin.host()),
        mirrors: mirrors.iter().map(mirror).collect(),
        ..RegistryRule::default()
    }
}

#[tokio::test]
async fn mirrors_are_asked_first_where_they_may_be_and_the_origin_has_the_last_word() {
    let (origin, mirror) = (Registry::start().await, Registry::start().await);
    let now = origin.put_index("hub/library/nginx", "1", PLATFORMS, "new");
    mirror.put_index("library/nginx", "1", PLATFORMS, "stale");
    mirror.put_index("library/nginx", "by-digest", PLATFORMS, "new");
    let with = |pull| client(vec![rule(&origin, &[(&mirror, pull)])]);

    let answer = ask_one(&with(PullFromMirror::DigestOnly), asked(&nginx(), &[None], &[])).await.unwrap();
    assert_eq!(answer.digest(), now, "a stale mirror is not asked for the tag");
    assert_eq!((served(&origin), served(&mirror)), ("HEAD 200".to_owned(), "HEAD 200".to_owned()));

    let answer = with(PullFromMirror::All).resolve(&nginx(), false).await.unwrap();
    assert_ne!(answer.digest.as_str(), now);

    mirror.set(|mood| mood.always = Some(503));
    mirror.forget_requests();
    let answer = with(PullFromMirror::All).resolve(&nginx(), false).await.unwrap();
    assert_eq!(answer.digest.as_str(), now);
    assert_eq!(served(&mirror), "HEAD 503", "a mirror gets no second chance");
}

#[tokio::test]
async fn what_each_mirror_has_can_be_compared() {
    let (origin, stale, gone) = (Registry::start().await, Registry::start().await, Registry::start().await);
    let now = origin.put_index("hub/library/nginx", "1", PLATFORMS, "new");
    let old = stale.put_index("library/nginx", "1", PLATFORMS, "old");
    let mirrors = [(&stale, PullFromMirror::DigestOnly), (&gone, PullFromMirror::All)];
    let client = client(vec![rule(&origin, &mirrors)]);
    assert_eq!(client.resolve(&nginx(), false).await.unwrap().digest.as_str(), now);
    let answers = client.at_mirrors(&nginx()).await;
    assert_eq!(answers[0].0, format!("{}/library/nginx", stale.host()));
    assert_eq!(answers[0].1.as_ref().unwrap().as_str(), old);
    assert_eq!(answers[1].1.as_ref().unwrap_err().reason(), "not-found");
}

#[tokio::test]
async fn what_is_blocked_is_not_asked_for() {
    let origin = Registry::start().await;
    origin.put_index("hub/library/nginx", "1", PLATFORMS, "a");
    let blocked = RegistryRule { blocked: true, ..rule(&origin, &[]) };
    let error = client(vec![blocked]).resolve(&nginx(), false).await.unwrap_err();
    assert_eq!(error.reason(), "not-allowed");
    assert!(error.to_string().contains("blocked"), "{error}");
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn a_registries_conf_leads_to_the_same_places() {
    let (origin, mirror) = (Registry::start().await, Registry::start().await);
    let now = origin.put_index("hub/library/nginx", "1", PLATFORMS, "new");
    let cached = mirror.put_index("library/nginx", "1", PLATFORMS, "old");
    for (pull, expected) in [("", &now), ("pull-from-mirror = \"all\"", &cached)] {
        let text = format!(
            "unqualified-search-registries = [\"quay.io\"]\n[[registry]]\nprefix = \"docker.io\"\n\
             location = \"{}/hub\"\n[[registry.mirror]]\nlocation = \"{}\"\n{pull}\n",
            origin.host(),
            mirror.host()
        );
        let client = client(registries_conf::parse(&text).unwrap());
        assert_eq!(client.resolve(&nginx(), false).await.unwrap().digest.as_str(), *expected, "{pull}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resolve_reads_the_file_and_shows_a_mirror_that_is_stale() {
    let (origin, mirror) = (Registry::start().await, Registry::start().await);
    let now = origin.put_index("hub/library/nginx", "1", PLATFORMS, "new");
    let old = mirror.put_index("library/nginx", "1", PLATFORMS, "old");
    let dir = tempfile::tempdir().unwrap();
    let conf = format!(
        "[[registry]]\nprefix = \"docker.io\"\nlocation = \"{}/hub\"\n[[registry.mirror]]\nlocation = \"{}\"\n\
         [[registry]]\nprefix = \"ghcr.io\"\nblocked = true\n",
        origin.host(),
        mirror.host()
    );
    fs_err::write(dir.path().join("registries.conf"), conf).unwrap();
    let config = dir.path().join("tagpin.toml");
    fs_err::write(&config, "registries-conf = \"registries.conf\"\n").unwrap();
    let resolve = |references: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tagpin"));
        command.args(["resolve", "-v", "--config"]).arg(&config).args(references).env_clear();
        async move {
            let output = command.output().await.unwrap();
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            (output.status.code(), text)
        }
    };
    let (code, text) = resolve(&["nginx:1", "ghcr.io/acme/api:1"]).await;
    assert_eq!(code, Some(3), "{text}");
    for part in [
        format!("nginx:1  {now}"),
        format!("the mirror {}/library/nginx: is stale: it has {old}", mirror.host()),
        "of the [[registry]] with the prefix `docker.io`".to_owned(),
        "ghcr.io/acme/api:1: not-allowed:".to_owned(),
    ] {
        assert!(text.contains(&part), "no `{part}` in: {text}");
    }
    for spelled in ["GHCR.io/acme/api:1", "ghcr.io:443/acme/api:1", "Ghcr.IO:443/acme/api:1"] {
        let (code, text) = resolve(&[spelled]).await;
        assert!(code == Some(3) && text.contains("not-allowed:"), "{spelled}: {text}");
    }
    fs_err::write(dir.path().join("registries.conf"), "[registries.search]\nregistries = []\n").unwrap();
    let (code, text) = resolve(&["nginx:1"]).await;
    assert!(code == Some(2) && text.contains("version 1") && text.contains("registries.conf"), "{text}");
}
