//! What answers mean, case by case.

use super::*;
use crate::reference::Reference;
use crate::registry::Entry;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

fn platform(text: &str) -> Platform {
    Platform::parse(text).unwrap()
}

fn index(entries: &[(&str, &str)]) -> Content {
    let entry = |(name, content): &(&str, &str)| Entry {
        platform: platform(name),
        digest: (!content.is_empty()).then(|| digest(content)),
    };
    Content::Index(entries.iter().map(entry).collect())
}

fn question() -> Question {
    Question::new(&Reference::parse("acme/api:1").unwrap())
}

fn answer(content: Option<Content>, seen: &[(Look, Result<Seen, ResolveError>)]) -> Answer {
    let media_type = INDEX.to_owned();
    Answer {
        resolution: Resolution { digest: digest("now"), media_type, content },
        seen: seen.iter().cloned().collect(),
    }
}

fn fleet(needed: &[&str]) -> Wanted {
    Wanted {
        level: Level::Index,
        needed: needed.iter().map(|name| platform(name)).collect(),
        present: Some(digest("old")),
        recorded: Recorded::Nothing,
    }
}

#[test]
fn an_old_digest_that_nobody_can_speak_of_now_stays() {
    let error = |make: fn(String) -> ResolveError| Err(make("x".to_owned()));
    for (result, expected) in [
        (error(ResolveError::Unavailable), "unavailable"),
        (error(ResolveError::RateLimited), "rate-limited"),
        (error(ResolveError::Unauthorized), "unauthorized"),
        (error(ResolveError::NotFound), "write"),
        (error(ResolveError::InvalidAnswer), "write"),
        (error(ResolveError::UnsupportedMediaType), "write"),
        (Ok(Seen::Content(index(&[("linux/amd64", "0")]))), "write"),
        (Ok(Seen::Content(Content::Image { config: None, size: None })), "platform"),
    ] {
        let seen = [(Look::Body(digest("old")), result.clone())];
        let now = Some(index(&[("linux/amd64", "1")]));
        let told = match fleet(&["linux/amd64"]).judge(&question(), &answer(now, &seen)).unwrap() {
            Judged::Write { .. } => "write",
            Judged::PlatformDigest(None) => "platform",
            Judged::Failed(error) => error.reason(),
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected, "{result:?}");
    }
}

#[test]
fn platforms_are_equal_only_where_all_that_are_needed_are_known_to_be() {
    let now = [("linux/amd64", "1"), ("linux/arm64", "2"), ("linux/s390x", "")];
    for (needed, old, equal) in [
        (&["linux/amd64"][..], &[("linux/amd64", "1"), ("linux/arm64", "x")][..], true),
        (&["linux/amd64", "linux/arm64/v8"], &[("linux/amd64", "1"), ("linux/arm64", "2")], true),
        (&["linux/amd64", "linux/arm64"], &[("linux/amd64", "1"), ("linux/arm64", "x")], false),
        (&["linux/amd64", "linux/arm64"], &[("linux/amd64", "1")], false),
        (&["linux/s390x"], &[("linux/s390x", "")], false),
    ] {
        let seen = [(Look::Body(digest("old")), Ok(Seen::Content(index(old))))];
        let judged = fleet(needed).judge(&question(), &answer(Some(index(&now)), &seen)).unwrap();
        assert_eq!(judged == Judged::PlatformsEqual, equal, "{needed:?} {old:?}: {judged:?}");
    }
}

#[test]
fn the_index_s_own_list_tells_whose_manifest_the_digest_is() {
    let now = index(&[("linux/amd64", "1"), ("linux/arm64", "old")]);
    let judged = fleet(&["linux/amd64"]).judge(&question(), &answer(Some(now.clone()), &[])).unwrap();
    assert_eq!(judged, Judged::PlatformDigest(Some(platform("linux/arm64"))));
    let own = Wanted { recorded: Recorded::Pin, ..fleet(&[]) };
    assert!(matches!(own.judge(&question(), &answer(Some(now), &[])), Ok(Judged::Write { .. })));
}

#[test]
fn messages_stay_short_and_malformed_entries_are_no_digests() {
    let names: Vec<String> = (0..1000).map(|number| format!("linux/arch{number}")).collect();
    let entries: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let wanted = |name| Wanted { level: Level::Platform(platform(name)), present: None, ..fleet(&[]) };
    let judge = |name| wanted(name).judge(&question(), &answer(Some(index(&entries)), &[])).unwrap();
    let Judged::Failed(error) = judge("linux/amd64") else { panic!("there is none") };
    assert!(error.to_string().len() < 1000 && error.to_string().ends_with("and 976 more"), "{error}");
    let Judged::Failed(error) = judge("linux/arch7") else { panic!("it has no digest") };
    assert_eq!(error.reason(), "invalid-answer");
}

#[test]
fn what_is_recorded_is_read_back_or_nothing() {
    let behind = Behind { index: digest("x"), platform: platform("linux/arm/v6") };
    assert_eq!(Behind::parse(&behind.to_string()), Some(behind.clone()));
    for text in ["", "sha256:abc linux/arm64", &behind.index.to_string(), &format!("{} linux", behind.index)]
    {
        assert_eq!(Behind::parse(text), None, "{text}");
    }
}
