//! The body of a pull request, as data: `fixtures/pull-request/NAME/proposal.json` and the `body.md` that it becomes, by
//! the template in `body.jinja` where there is one.
//!
//! After a wanted change, run `TAGPIN_BLESS=1 cargo test --test it pull_request_body::` and look at the diff.

mod examples;
mod sizes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sizes::any_size;
use tagpin::forge::Capabilities;
use tagpin::history::ledger::Moves;
use tagpin::platform::Platform;
use tagpin::pull_request::{
    Details, ImageChange, ObjectRef, Omitted, Proposal, Template, marker, render, render_with, same_body,
};
use tagpin::reference::Digest;
use tagpin::registry::verify::{ArtifactKind, Proof};
use tagpin::registry::{
    Asked, Budget, Description, ImageConfig, InvalidAnswer, Outage, PlatformManifest, RateLimit, ResolveError,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    images: Vec<Image>,
    #[serde(default)]
    left_out: Vec<Left>,
    #[serde(default)]
    requests: BTreeMap<String, [u64; 4]>,
}

/// Digests are the byte that they repeat, in hex.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    name: String,
    tag: String,
    old: Option<String>,
    new: String,
    #[serde(default = "index")]
    platforms: String,
    index: Option<String>,
    files: Vec<String>,
    #[serde(default)]
    objects: Vec<[String; 3]>,
    /// `signature` or `attestation`, the key and the type, each empty where nobody verified it.
    #[serde(default)]
    proofs: Vec<[String; 3]>,
    details: Option<Both>,
    moves: Option<Moved>,
}

/// How a tag moved: the times of its last move and of its leaving the digest that it has again.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    last: String,
    lately: usize,
    back: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Both {
    old: Option<Described>,
    new: Described,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Described {
    /// Each with its digest; an index where there is more than one.
    platforms: BTreeMap<String, String>,
    platform: Option<String>,
    size: Option<u64>,
    /// As the registry has it.
    config: Option<serde_json::Value>,
    missing: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Left {
    image: String,
    file: String,
    line: usize,
    detail: Option<String>,
}

fn index() -> String {
    "index".to_owned()
}

fn digest(byte: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", byte.repeat(32))).unwrap()
}

fn proof([kind, key, about]: [String; 3]) -> Proof {
    let kind = if kind == "signature" { ArtifactKind::Signature } else { ArtifactKind::Attestation };
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    Proof { kind, key: said(key), predicate_type: said(about) }
}

impl Described {
    fn description(self) -> Description {
        let entries = self.platforms.iter().map(|(platform, byte)| PlatformManifest {
            platform: Platform::parse(platform).unwrap(),
            digest: Some(digest(byte)),
        });
        let missing = self.missing.map(|reason| match reason.as_str() {
            "not-found" => ResolveError::NotFound(Box::new(Asked::content("r.example", reason))),
            "rate-limited" => RateLimit::Refused { host: reason }.into(),
            "unavailable" => Outage::OutOfTime.into(),
            "invalid-answer" => InvalidAnswer::NoManifest.into(),
            other => panic!("{other}"),
        });
        Description {
            is_index: self.platforms.len() > 1,
            platforms: entries.collect(),
            platform: self.platform.map(|platform| Platform::parse(&platform).unwrap()),
            size: self.size,
            config: self.config.map(|config| ImageConfig::parse(config.to_string().as_bytes()).unwrap()),
            missing,
        }
    }
}

impl Image {
    fn change(self) -> ImageChange {
        let objects = self.objects.into_iter().map(|[file, kind, name]| ObjectRef {
            file,
            kind,
            name: Some(name).filter(|name| !name.is_empty()),
        });
        ImageChange {
            name: self.name,
            tag: self.tag,
            old: self.old.as_deref().map(digest),
            new: digest(&self.new),
            platforms: self.platforms,
            index: self.index.as_deref().map(digest),
            files: self.files,
            objects: objects.collect(),
            proofs: self.proofs.into_iter().map(proof).collect(),
            details: self.details.map(|Both { old, new }| Details {
                old: old.map(Described::description),
                new: new.description(),
            }),
            unconfirmed: None,
            moves: self.moves.map(|Moved { last, lately, back }| Moves {
                last: last.parse().unwrap(),
                lately,
                back: back.map(|back| back.parse().unwrap()),
            }),
        }
    }
}

impl Case {
    fn read(folder: &Path) -> Self {
        let text = fs_err::read_to_string(folder.join("proposal.json")).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    }

    fn proposal(self) -> Proposal {
        let left_out = self.left_out.into_iter().map(|Left { image, file, line, detail }| Omitted {
            image,
            file,
            line,
            outcome: "failed".to_owned(),
            reason: "not-found".to_owned(),
            detail,
        });
        let requests = self.requests.into_iter().map(|(host, [head, get, details, remaining])| {
            let remaining = Some(remaining).filter(|remaining| *remaining > 0);
            (host, Budget { head, get, details, remaining, ..Budget::default() })
        });
        Proposal {
            spans: self.images.len(),
            files: 2,
            head: "a1".repeat(20),
            left_out: left_out.collect(),
            requests: requests.collect(),
            images: self.images.into_iter().map(Image::change).collect(),
            ..Proposal::default()
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pull-request")
}

/// Panics where something in `body` could act that we did not write.
fn assert_harmless(body: &str, what: &str) {
    let hidden = body.matches("<!--").count();
    assert_eq!(hidden, body.matches("<!-- tagpin").count(), "{what}: a comment that is not ours");
    let mut outside = String::new();
    for line in body.lines().filter(|line| !line.starts_with("<!-- tagpin")) {
        // Code spans hold everything untrusted, and end on the line that they start on.
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            outside.push_str(&rest[..at]);
            let fence = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            let inner = &rest[at + fence..];
            let ends = inner.match_indices('`').filter(|(i, _)| !inner[..*i].ends_with('`'));
            let length = |i: &usize| inner[*i..].len() - inner[*i..].trim_start_matches('`').len();
            let end = ends.map(|(i, _)| i).find(|i| length(i) == fence);
            rest = match end {
                Some(end) => &inner[end + fence..],
                None => {
                    assert!(line.starts_with("```"), "{what}: a code span without an end: {line}");
                    ""
                }
            };
        }
        outside.push_str(rest);
        outside.push('\n');
    }
    for acting in ["@", "octocat", "hunter2", "javascript", "<img", "<script", "http://"] {
        assert!(!outside.contains(acting), "{what}: `{acting}` outside of code\n{outside}");
    }
    for (at, _) in outside.match_indices("](") {
        let link = &outside[at + 2..];
        let ours = ["https://redirect.github.com/", "https://gitlab.com/"];
        assert!(ours.iter().any(|start| link.starts_with(start)), "{what}: {link}");
    }
    for hidden in ['\u{202e}', '\u{7}', '\u{0}', '\u{1b}', '\u{feff}'] {
        assert!(!body.contains(hidden), "{what}: {hidden:?}");
    }
}

#[test]
fn bodies_are_as_they_are_recorded() {
    let mut seen = 0;
    for entry in fs_err::read_dir(folder()).unwrap() {
        let folder = entry.unwrap().path();
        let template = fs_err::read_to_string(folder.join("body.jinja")).ok();
        let template = template.map(|text| Template::parse(&text).unwrap());
        let proposal = Case::read(&folder).proposal();
        let body = render_with(&proposal, template.as_ref()).1;
        assert_eq!(marker::read(&body), Some(marker::Marker::of(&proposal)), "{}", folder.display());
        assert_harmless(&body, &folder.display().to_string());
        assert!(same_body(&body, &body.replace('\n', "\r\n")));
        // The marker says nothing to people.
        let (shown, _) = body.rsplit_once("<!-- tagpin: ").unwrap();
        let file = folder.join("body.md");
        if std::env::var_os("TAGPIN_BLESS").is_some() {
            fs_err::write(&file, shown).unwrap();
        }
        let there = fs_err::read_to_string(&file).unwrap_or_default();
        let diff = similar::TextDiff::from_lines(there.as_str(), shown).unified_diff().to_string();
        assert!(there == shown, "{}:\n{diff}", file.display());
        seen += 1;
    }
    assert_eq!(seen, 6);
}

/// Returns the images of a case, again and again under other names.
fn many(case: &str, count: usize) -> Proposal {
    let Case { images, .. } = Case::read(&folder().join(case));
    let images = images.into_iter().cycle().take(count).enumerate();
    let images = images.map(|(i, image)| Image { name: format!("{}-{i}", image.name), ..image });
    Case { images: images.collect(), left_out: Vec::new(), requests: BTreeMap::new() }.proposal()
}

fn characters(body: &str) -> usize {
    // As GitHub stores it, and counts it at most.
    body.replace('\n', "\r\n").encode_utf16().count()
}

#[test]
fn less_is_told_of_more_images_and_the_body_is_never_too_long() {
    let shape = |count: usize| {
        let body = render(&many("moved", count)).1;
        assert!(characters(&body) <= 65_536, "{count} images, {} characters", characters(&body));
        assert_harmless(&body, &format!("{count} images"));
        assert!(marker::read(&body).is_some());
        let rows = body.lines().filter(|line| line.starts_with("| `")).count();
        let full = body.contains("Full digests, what is in the images");
        let short = body.contains("<summary>What is in the images");
        if rows < count {
            assert!(body.contains(&format!("{} more rows are not shown", count - rows)));
        }
        if !full {
            assert!(body.contains("There is no room here for the full digests"), "it says so");
        }
        (full, short, rows)
    };
    assert_eq!(shape(3), (true, false, 3));
    assert_eq!(shape(90), (false, true, 90));
    assert_eq!(shape(200), (false, false, 200));
    let (full, short, rows) = shape(1000);
    assert!(!full && !short && (200..1000).contains(&rows), "{rows}");
    // At the limit: each image more is told, or less is told of all.
    let mut last = 0;
    for count in (20..260).step_by(48) {
        let (full, short, rows) = shape(count);
        let level = match (full, short) {
            (true, _) => 0,
            (_, true) => 1,
            _ => 2,
        };
        assert!(level >= last && (rows == count || level == 2), "{count}");
        last = level;
    }
}

#[test]
fn a_template_is_used_and_cannot_let_a_name_act() {
    let text = "{% for image in images %}{{ image.name }} {{ image.name|upper }} {{ [image.name]|join }} \
                {% set x %}{{ image.tag }}{% endset %}{{ x }} {{ image }} {{ image.name ~ image.tag }}\n{% endfor %}";
    let template = Template::parse(text).unwrap();
    let proposal = Case::read(&folder().join("hostile")).proposal();
    let body = render_with(&proposal, Some(&template)).1;
    assert!(!body.contains("Tags can move"), "the template replaces our text");
    assert_harmless(&body, "template");
    assert!(Template::parse("{{ table|safe }}").is_err(), "nobody turns the escaping off");
    assert!(
        Template::parse("{% autoescape false %}{{ table }}{% endautoescape %}").is_err()
            || {
                let template = Template::parse(
                    "{% autoescape false %}{% for image in images %}{{ image.name }}\n{% endfor %}{% endautoescape %}",
                );
                assert_harmless(&render_with(&proposal, Some(&template.unwrap())).1, "without escaping");
                true
            }
    );
}

#[test]
fn a_template_that_is_wrong_says_where() {
    for (text, line, part) in [
        ("a\n{{ tabel }}", Some(2), "undefined value"),
        ("a\nb\n{% for x in images %}", Some(3), "end of"),
        ("{{ images[0].nmae }}", Some(1), "undefined value"),
        ("{% include 'x' %}", Some(1), "include"),
        (
            "{% for a in range(9000) %}{% for b in range(9000) %}{{ b }}{% endfor %}{% endfor %}",
            Some(1),
            "fuel",
        ),
        ("a\n{{ 1 / 0 }}", Some(2), "unable to calculate"),
    ] {
        let error = Template::parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.message.contains(part), "{text}: {error}");
    }
}

#[test]
fn what_a_template_writes_is_cut_where_it_is_too_long() {
    let proposal = many("moved", 300);
    let template = Template::parse(
        "{% for image in images %}<details>\n\n```\n{{ unwanted }}\n```\n\n</details>\n{% endfor %}{{ footer }}",
    );
    let body = render_with(&proposal, Some(&template.unwrap())).1;
    assert!(characters(&body) <= 65_536);
    assert!(body.contains("The rest of this text was cut") && marker::read(&body).is_some());
    assert_eq!(body.matches("<details>").count(), body.matches("</details>").count());
    assert_eq!(body.lines().filter(|line| line.starts_with("```")).count() % 2, 0);
}

/// The smallest body that any forge takes which tagpin may be taught.
const SMALL: usize = 16_384;

#[test]
fn what_was_declined_with_one_pull_request_is_one_line() {
    let mut proposal = any_size(2, 3, 3, 500, false);
    for left in &mut proposal.left_out {
        (left.outcome, left.reason) = ("held".to_owned(), "declined".to_owned());
        left.detail = Some("pull request 3 was closed".to_owned());
    }
    let body = render(&proposal).1;
    assert_eq!(body.matches("pull request 3 was closed").count(), 1, "{body}");
    for part in ["500 references are not part", "<summary>500 references declined, by closing a pull request"]
    {
        assert!(body.contains(part), "{part}\n{body}");
    }
}

#[test]
fn jobs_are_spoken_of_where_one_changes_and_a_source_is_shown_as_it_is() {
    let mut proposal = any_size(2, 3, 3, 0, false);
    assert!(render(&proposal).1.contains("The template of a Job is immutable"));
    for image in &mut proposal.images {
        image.objects[0].kind = "Deployment".to_owned();
    }
    assert!(!render(&proposal).1.contains("Job"));
    let config = serde_json::json!({"rootfs": {}, "config": {"Labels": {
        "org.opencontainers.image.source": "https://github.com/acme/api"}}});
    let new =
        Description { config: ImageConfig::parse(config.to_string().as_bytes()), ..Description::default() };
    proposal.images[0].details = Some(Details { old: None, new });
    assert!(render(&proposal).1.contains("source: `https://github.com/acme/api`"), "{}", render(&proposal).1);
}
