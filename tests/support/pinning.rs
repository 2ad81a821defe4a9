//! Pins one file in memory against a registry that has everything, for the property tests, the hostile input and the
//! fuzz targets: the same functions in the same order as `tagpin pin`, without a tree and without waiting.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use tagpin::config::Config;
use tagpin::history::ledger::LedgerView;
use tagpin::manifest::edit::EditedFile;
use tagpin::manifest::edit::annotations::{AnnotationPlan, Keys};
use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::inventory::{FileScan, Inventory};
use tagpin::manifest::scan;
use tagpin::plan::pin::edit_file;
use tagpin::plan::{self, Reason, Rules, Verdict};
use tagpin::policy::hold::Holds;
use tagpin::policy::{Policy, ScopedList};
use tagpin::reference::Digest;
use tagpin::registry::{ManifestContent, Resolution, TagAnswer, TagRef};

/// What became of a file.
pub(crate) struct Run {
    /// What stands in it.
    pub(crate) inventory: Inventory,
    /// The verdicts on its sites.
    pub(crate) verdicts: Vec<Verdict>,
    /// The file after, if it changes.
    pub(crate) edited: Option<EditedFile>,
}

/// Returns a policy that edits split fields, in the style `tag+digest` or `digest`.
pub(crate) fn policy(style: &str) -> Policy {
    let config = format!("[policy]\nsplit-fields = \"tag\"\nstyle = \"{style}\"\n");
    Config::parse("tagpin.toml", Path::new("."), config.as_bytes()).unwrap().settings.policy
}

/// Returns the digest that the registry answers with: the sha256 of the question, so that each image has its own.
pub(crate) fn digest_of(question: &TagRef) -> Digest {
    let TagRef { registry, repository, tag, .. } = question;
    Digest::sha256(format!("{registry}/{repository}:{tag}").as_bytes())
}

/// Pins the file at `path`; `key` is that of the annotations, if they are wanted.
pub(crate) fn pin(path: &str, bytes: &[u8], policy: &Policy, key: Option<&str>) -> Run {
    let scan = scan(path, bytes, &BUILT_IN);
    super::whole::same_as_whole(path, bytes, &scan);
    let file = FileScan { path: path.to_owned(), root_path: path.to_owned(), scan };
    let inventory = Inventory { files: vec![file], ..Inventory::default() };
    let (holds, past) = (Holds::default(), LedgerView::default());
    let keys = key.map(|digest| Keys { digest, index: "deployed-image-index" });
    let environments = &ScopedList::default();
    let rules = Rules { policy, holds: holds.at(past.now()), environments, keys, past: &past };
    let answers = plan::questions(&inventory, rules).into_iter().map(|asked| {
        let resolution = Resolution {
            digest: digest_of(&asked.question),
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            // It was read, and so it is confirmed.
            content: Some(ManifestContent::Image { config: None, size: None }),
        };
        (asked.question, Ok(TagAnswer::new(resolution)))
    });
    let answers = answers.collect();
    let mut verdicts = plan::decide(&inventory, rules, &answers);
    // Where they are off, those of a case are not our own: nothing but the sites changes.
    let own = Keys { digest: "nobody-writes-this", index: "nor-this" };
    let annotations = AnnotationPlan {
        keys: keys.unwrap_or(own),
        enabled: keys.is_some(),
        remove: false,
        mends: false,
        is_patch: false,
    };
    let sites = &inventory.files[0].scan.sites;
    let edited = edit_file(path, bytes, &BUILT_IN, sites, &mut verdicts, &annotations);
    Run { inventory, verdicts, edited }
}

/// Pins the file twice and panics where it does not end as it should: every site has an outcome, spans lie in the file,
/// nothing changes but at the sites, no edit reads differently from its plan, and a second run changes nothing.
pub(crate) fn pin_twice(path: &str, bytes: &[u8], policy: &Policy, key: Option<&str>) -> Run {
    let first = pin(path, bytes, policy, key);
    let sites = &first.inventory.files[0].scan.sites;
    assert_eq!(sites.len(), first.verdicts.len());
    let mut touched = Vec::new();
    for located in sites {
        let site = &located.site;
        for span in site.fields.values().chain([&site.span]) {
            let span = span.start + located.offset..span.end + located.offset;
            assert!(std::str::from_utf8(bytes.get(span.clone()).unwrap()).is_ok());
            touched.push(span);
        }
    }
    // The parsers may disagree on a file, which is then left alone. An edit that reads differently is a fault of ours.
    for verdict in first.verdicts.iter().filter(|verdict| verdict.reason == Some(Reason::NotProven)) {
        let detail = verdict.detail.as_deref().unwrap_or_default();
        assert!(detail.starts_with("a second parser"), "{detail}");
    }
    let Some(edited) = &first.edited else { return first };
    for note in &edited.notes {
        let reason = note.strip_prefix("no annotations: ");
        assert!(reason.is_none_or(|reason| reason.starts_with("a second parser")), "{note}");
    }
    assert_ne!(edited.after, bytes);
    // What tagpin recorded before says what the image is, also where nothing new is recorded.
    let has_records = !first.inventory.files[0].scan.recorded.is_empty();
    if key.is_none() && !has_records && !policy_writes_comments(policy) {
        touched.sort_by_key(|span| span.start);
        let mut outside = Vec::new();
        let mut at = 0;
        for span in touched {
            outside.extend_from_slice(bytes.get(at..span.start).unwrap_or_default());
            at = at.max(span.end);
        }
        outside.extend_from_slice(&bytes[at..]);
        assert!(is_subsequence(&outside, &edited.after), "a byte outside the sites is gone");
    }
    let second = pin(path, &edited.after, policy, key);
    assert!(second.edited.is_none(), "a second run changes {:?}", second.edited);
    first
}

fn policy_writes_comments(policy: &Policy) -> bool {
    policy.defaults.style == tagpin::manifest::edit::Style::Digest
}

fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|byte| rest.any(|other| other == byte))
}
