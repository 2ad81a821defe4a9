//! What answers mean, case by case.

use super::*;
use crate::reference::Reference;
use crate::registry::PlatformManifest;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

fn platform(text: &str) -> Platform {
    Platform::parse(text).unwrap()
}

fn index(entries: &[(&str, &str)]) -> ManifestContent {
    let entry = |(name, content): &(&str, &str)| PlatformManifest {
        platform: platform(name),
        digest: (!content.is_empty()).then(|| digest(content)),
    };
    ManifestContent::Index(entries.iter().map(entry).collect())
}

fn question() -> TagRef {
    TagRef::new(&Reference::parse("acme/api:1").unwrap())
}

fn answer(content: Option<ManifestContent>, seen: &[(Probe, Result<Probed, ResolveError>)]) -> TagAnswer {
    let media_type = INDEX.to_owned();
    TagAnswer {
        resolution: Resolution { digest: digest("now"), media_type, content },
        seen: seen.iter().cloned().collect(),
    }
}

fn fleet(needed: &[&str]) -> Requirement {
    Requirement {
        level: DigestLevel::Index,
        needed: needed.iter().map(|name| platform(name)).collect(),
        present: Some(digest("old")),
        recorded: RecordedOrigin::Nothing,
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
        (Ok(Probed::Content(index(&[("linux/amd64", "0")]))), "write"),
        (Ok(Probed::Content(ManifestContent::Image { config: None, size: None })), "platform"),
    ] {
        let seen = [(Probe::Body(digest("old")), result.clone())];
        let now = Some(index(&[("linux/amd64", "1")]));
        let told = match fleet(&["linux/amd64"]).judge(&question(), &answer(now, &seen)).unwrap() {
            Assessment::Write { .. } => "write",
            Assessment::PlatformDigest(None) => "platform",
            Assessment::Failed(error) => error.reason(),
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
        let seen = [(Probe::Body(digest("old")), Ok(Probed::Content(index(old))))];
        let judged = fleet(needed).judge(&question(), &answer(Some(index(&now)), &seen)).unwrap();
        assert_eq!(judged == Assessment::PlatformsEqual, equal, "{needed:?} {old:?}: {judged:?}");
    }
}

#[test]
fn the_index_s_own_list_tells_whose_manifest_the_digest_is() {
    let now = index(&[("linux/amd64", "1"), ("linux/arm64", "old")]);
    let judged = fleet(&["linux/amd64"]).judge(&question(), &answer(Some(now.clone()), &[])).unwrap();
    assert_eq!(judged, Assessment::PlatformDigest(Some(platform("linux/arm64"))));
    let own = Requirement { recorded: RecordedOrigin::Pin, ..fleet(&[]) };
    assert!(matches!(own.judge(&question(), &answer(Some(now), &[])), Ok(Assessment::Write { .. })));
}

#[test]
fn messages_stay_short_and_malformed_entries_are_no_digests() {
    let names: Vec<String> = (0..1000).map(|number| format!("linux/arch{number}")).collect();
    let entries: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let wanted =
        |name| Requirement { level: DigestLevel::Platform(platform(name)), present: None, ..fleet(&[]) };
    let judge = |name| wanted(name).judge(&question(), &answer(Some(index(&entries)), &[])).unwrap();
    let Assessment::Failed(error) = judge("linux/amd64") else { panic!("there is none") };
    assert!(error.to_string().len() < 1000 && error.to_string().ends_with("and 976 more"), "{error}");
    let Assessment::Failed(error) = judge("linux/arch7") else { panic!("it has no digest") };
    assert_eq!(error.reason(), "invalid-answer");
}

#[test]
fn what_is_recorded_is_read_back_or_nothing() {
    let behind = SourceIndex { index: digest("x"), platform: platform("linux/arm/v6") };
    assert_eq!(SourceIndex::parse(&behind.to_string()), Some(behind.clone()));
    for text in ["", "sha256:abc linux/arm64", &behind.index.to_string(), &format!("{} linux", behind.index)]
    {
        assert_eq!(SourceIndex::parse(text), None, "{text}");
    }
}
