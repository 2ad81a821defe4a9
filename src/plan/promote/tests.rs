use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::config::Config;
use crate::history::Since;
use crate::manifest::formats::catalogue::BUILT_IN;

const CONFIG: &str = "\
[[environment]]
name = \"dev\"
paths = [\"dev/**\"]
[[environment]]
name = \"production\"
paths = [\"production/**\"]
after = \"dev\"
registries = [\"ghcr.io/**\", \"docker.io/library/*\"]
platforms = [\"linux/arm64\"]
";

fn digest(seed: &str) -> Digest {
    Digest::sha256(seed.as_bytes())
}

fn inventory(files: &[(&str, &[&str])]) -> Inventory {
    let file = |(path, images): &(&str, &[&str])| {
        let services =
            images.iter().enumerate().map(|(i, image)| format!("  s{i}: {{image: \"{image}\"}}\n"));
        let text = format!("services:\n{}", services.collect::<String>());
        let scan = crate::manifest::scan(path, text.as_bytes(), &BUILT_IN);
        FileScan { path: (*path).to_owned(), root_path: (*path).to_owned(), scan }
    };
    Inventory { files: files.iter().map(file).collect(), ..Inventory::default() }
}

fn promoted(dev: &[&str], production: &[&str], demands: &PromotionRules) -> Promotion {
    let config = Config::parse("x.toml", std::path::Path::new("/"), CONFIG.as_bytes()).unwrap();
    let target = |name: &str| Target::parse(name, &config.settings, "", |_| false).unwrap();
    let inventory = inventory(&[("dev/compose.yaml", dev), ("production/compose.yaml", production)]);
    promote(&inventory, &target("dev"), &target("production"), demands).unwrap()
}

/// Returns the reason and the detail of the last site, or the tag and digest that it gets.
fn last(promotion: &Promotion) -> String {
    match promotion.assignments.last().unwrap() {
        Assignment::Keep => "left".to_owned(),
        Assignment::Decided(verdict) => {
            format!("{}: {}", verdict.reason.unwrap(), verdict.detail.clone().unwrap_or_default())
        }
        Assignment::Set(named) => format!("{}@{}", named.tag.as_deref().unwrap_or("-"), named.digest),
    }
}

#[test]
fn digest_and_tag_are_taken_over() {
    let (old, new) = (digest("old"), digest("new"));
    let dev = format!("ghcr.io/acme/api:1.9@{new}");
    let production = format!("ghcr.io/acme/api:1.8@{old}");
    let promotion = promoted(&[&dev, "redis:7"], &["mysql:8", &production], &PromotionRules::default());
    assert_eq!(last(&promotion), format!("1.9@{new}"));
    assert_eq!(promotion.only_in_source, BTreeSet::from(["redis".to_owned()]));
    let named = promotion.differences.values().map(Reference::to_string);
    assert_eq!(named.collect::<Vec<_>>(), [dev.as_str()]);
    let Assignment::Set(AssignedDigest { platforms, .. }) = &promotion.assignments[3] else {
        panic!("{promotion:?}")
    };
    assert_eq!(platforms.len(), 1, "production runs on arm64");
    assert!(
        matches!(&promotion.assignments[2], Assignment::Decided(v) if v.reason == Some(Reason::OnlyInDestination))
    );
    assert!(promotion.assignments[..2].iter().all(|it| *it == Assignment::Keep), "the source stays");
    let same = promoted(&[&dev], &[&dev], &PromotionRules::default());
    assert!(same.differences.is_empty());
}

#[test]
fn what_is_not_clear_or_not_allowed_is_refused_with_its_reason() {
    let (a, b) = (digest("a"), digest("b"));
    let image = |tag: &str, digest: &Digest| format!("ghcr.io/acme/api:{tag}@{digest}");
    let here = image("1", &digest("old"));
    let none = PromotionRules::default();
    let refused = |dev: &[String], demands: &PromotionRules| {
        let dev: Vec<&str> = dev.iter().map(String::as_str).collect();
        last(&promoted(&dev, &[&here], demands))
    };
    let two = refused(&[image("1", &a), image("1", &b)], &none);
    assert!(
        two.starts_with("ambiguous") && two.contains(a.as_str()) && two.contains("dev/compose.yaml:2"),
        "{two}"
    );
    assert!(refused(&[image("2", &a), image("3", &a)], &none).contains("several tags: 2, 3"));
    assert_eq!(refused(&[image("1", &a), image("3", &a)], &none), format!("-@{a}"), "one is the tag here");
    assert!(refused(&["ghcr.io/acme/api:1".to_owned()], &none).starts_with("source-not-pinned"));
    let untagged = format!("ghcr.io/acme/api@{a}");
    assert!(refused(std::slice::from_ref(&untagged), &none).contains("nothing says that it is `1`"));
    let bare = format!("ghcr.io/acme/api@{b}");
    assert_eq!(last(&promoted(&[&untagged], &[&bare], &none)), format!("-@{a}"), "no tag that could lie");
    assert_eq!(
        last(&promoted(&[&untagged], &[&image("1", &a)], &none)),
        format!("-@{a}"),
        "it is there already"
    );
    assert!(refused(&[image("1", &a), "ghcr.io/acme/api:1".to_owned()], &none).starts_with("ambiguous"));
    let approved = |digests: &[&Digest]| PromotionRules {
        approved: Some(digests.iter().map(|digest| (*digest).clone()).collect()),
        ..PromotionRules::default()
    };
    assert!(refused(&[image("1", &a)], &approved(&[&b])).starts_with("not-approved"));
    assert_eq!(refused(&[image("1", &a)], &approved(&[&a, &b])), format!("1@{a}"));
    let elsewhere = format!("quay.io/acme/api:1@{a}");
    assert!(
        last(&promoted(&[&elsewhere], &["quay.io/acme/api:1"], &none)).starts_with("registry-not-allowed")
    );
    assert!(
        !last(&promoted(&[&elsewhere], &[&elsewhere], &none)).contains("not-allowed"),
        "it is there already"
    );
    let only = |glob: &str| PromotionRules {
        images: Some(Globs::new([glob]).unwrap()),
        ..PromotionRules::default()
    };
    assert_eq!(refused(&[image("1", &a)], &only("ghcr.io/acme/web")), "left");
    assert_eq!(refused(&[image("1", &a)], &only("ghcr.io/acme/*")), format!("1@{a}"));
}

#[test]
fn a_digest_soaks_before_it_goes_on() {
    let new = digest("new");
    let dev = format!("ghcr.io/acme/api:1@{new}");
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let soaked = |since: Option<Since>| {
        let image = Image("ghcr.io/acme/api".to_owned());
        let since = since.map(|since| ((image, new.clone()), since)).into_iter().collect();
        let soak = Soak { least: SignedDuration::from_hours(24), now, since };
        last(&promoted(
            &[&dev],
            &["ghcr.io/acme/api:1"],
            &PromotionRules { soak: Some(soak), ..PromotionRules::default() },
        ))
    };
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(soaked(Some(Since::Commit(at("2026-11-20T12:00:00Z")))), format!("1@{new}"));
    let young = soaked(Some(Since::Commit(at("2026-11-20T12:00:01Z"))));
    assert!(young.starts_with("not-soaked") && young.contains("ready at 2026-11-21T12:00:01Z"), "{young}");
    assert_eq!(soaked(Some(Since::AtLeast(at("2026-11-20T12:00:00Z")))), format!("1@{new}"));
    assert!(soaked(Some(Since::AtLeast(at("2026-11-21T11:00:00Z")))).contains("--unshallow"));
    assert!(soaked(None).contains("not committed"));
}

#[test]
fn the_order_is_kept_and_the_sides_share_no_file() {
    let config = Config::parse("x.toml", std::path::Path::new("/"), CONFIG.as_bytes()).unwrap();
    let target = |name: &str| Target::parse(name, &config.settings, "", |_| true).unwrap();
    let files = inventory(&[("dev/compose.yaml", &["redis:7"]), ("production/compose.yaml", &["redis:7"])]);
    let promote =
        |from: &str, to: &str| promote(&files, &target(from), &target(to), &PromotionRules::default());
    assert!(matches!(promote("staging", "production"), Err(PromoteError::NotNext { .. })));
    assert!(promote("production", "dev").is_ok(), "nothing is said of what comes before dev");
    assert!(matches!(promote("dev", "."), Err(PromoteError::Overlap { .. })));
}

#[test]
fn a_path_is_judged_by_the_environment_that_it_belongs_to() {
    let config = Config::parse("x.toml", std::path::Path::new("/"), CONFIG.as_bytes()).unwrap();
    let target = |name: &str| Target::parse(name, &config.settings, "", |_| true).unwrap();
    let new = format!("quay.io/acme/x:2@{}", digest("new"));
    let files = inventory(&[
        ("dev/a.yaml", &[&new]),
        ("other/a.yaml", &[&new]),
        ("production/a.yaml", &["quay.io/acme/x:1"]),
        ("production/b.yaml", &[&new]),
    ]);
    let demands =
        PromotionRules { environments: config.settings.environments.clone(), ..PromotionRules::default() };
    let promote = |from: &str, to: &str| promote(&files, &target(from), &target(to), &demands);
    assert!(matches!(promote("other", "production/a.yaml"), Err(PromoteError::NotNext { .. })));
    let last = |promotion: Promotion| match promotion.assignments.get(2) {
        Some(Assignment::Decided(verdict)) => verdict.reason,
        _ => None,
    };
    for from in ["dev", "dev/a.yaml", "production/b.yaml"] {
        assert_eq!(
            last(promote(from, "production/a.yaml").unwrap()),
            Some(Reason::RegistryNotAllowed),
            "{from}"
        );
    }
}
