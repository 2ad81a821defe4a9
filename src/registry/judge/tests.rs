//! What answers mean, case by case.

use super::*;
use crate::reference::Reference;
use crate::registry::error::{Asked, ContentError, Denied, LoginAdvice, Outage, RateLimit};
use crate::registry::image::manifest::PlatformManifest;
use crate::registry::question::Resolution;

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

fn done(site: &Requirement, answer: &TagAnswer) -> Assessment {
    match site.judge(&question(), answer) {
        Judgement::Done(assessment) => assessment,
        Judgement::Needs(probe) => panic!("{probe:?}"),
    }
}

#[test]
fn an_old_digest_that_nobody_can_speak_of_now_stays() {
    let asked = || Asked::content("r.example", "a:1");
    let denied = Denied { asked: asked(), status: 401, advice: LoginAdvice::NotAsked };
    for (result, expected) in [
        (Err(Outage::OutOfTime.into()), "unavailable"),
        (Err(RateLimit::Status { asked: asked(), retry_after: None }.into()), "rate-limited"),
        (Err(denied.into()), "unauthorized"),
        (Err(ResolveError::NotFound(Box::new(asked()))), "write"),
        (Err(InvalidAnswer::NoManifest.into()), "write"),
        (Err(ResolveError::content(asked(), ContentError::Schema1)), "write"),
        (Ok(Probed::Content(index(&[("linux/amd64", "0")]))), "write"),
        (Ok(Probed::Content(ManifestContent::Image { config: None, size: None })), "platform"),
    ] {
        let seen = [(Probe::Body(digest("old")), result.clone())];
        let now = Some(index(&[("linux/amd64", "1")]));
        let said = match done(&fleet(&["linux/amd64"]), &answer(now, &seen)) {
            Assessment::Write { .. } => "write",
            Assessment::PlatformDigest(None) => "platform",
            Assessment::Failed(error) => error.reason(),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected, "{result:?}");
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
        let judged = done(&fleet(needed), &answer(Some(index(&now)), &seen));
        assert_eq!(judged == Assessment::PlatformsEqual, equal, "{needed:?} {old:?}: {judged:?}");
    }
}

#[test]
fn the_index_s_own_list_tells_whose_manifest_the_digest_is() {
    let now = index(&[("linux/amd64", "1"), ("linux/arm64", "old")]);
    let judged = done(&fleet(&["linux/amd64"]), &answer(Some(now.clone()), &[]));
    assert_eq!(judged, Assessment::PlatformDigest(Some(platform("linux/arm64"))));
    let own = Requirement { recorded: RecordedOrigin::Pin, ..fleet(&[]) };
    assert!(matches!(done(&own, &answer(Some(now), &[])), Assessment::Write { .. }));
}

#[test]
fn messages_stay_short_and_malformed_entries_are_no_digests() {
    let names: Vec<String> = (0..1000).map(|number| format!("linux/arch{number}")).collect();
    let entries: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let wanted =
        |name| Requirement { level: DigestLevel::Platform(platform(name)), present: None, ..fleet(&[]) };
    let judge = |name| done(&wanted(name), &answer(Some(index(&entries)), &[]));
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
