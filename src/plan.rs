//! Questions for the registry, and what its answers mean for each site. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::chart::Charts;
use crate::inventory::Inventory;
use crate::manifest::Located;
use crate::manifest::site::{Skip, State, Write};
use crate::platform::Platform;
use crate::policy::{Policy, SplitFields, Style};
use crate::reference::Digest;
use crate::registry::{Answers, Asked, Level, Question, Resolution};

/// What became of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It had no digest and gets one.
    Pinned,
    /// Its tag has moved; it gets another digest.
    Updated,
    /// It is what the registry says.
    Unchanged,
    /// It could be changed, and something says not to.
    Held,
    /// It is not something that tagpin resolves.
    Skipped,
    /// It could not be resolved, edited or proven.
    Failed,
}

impl Outcome {
    /// Returns the word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// The outcome of one site, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What became of it.
    pub outcome: Outcome,
    /// A kebab-case reason, where the outcome needs one.
    pub reason: Option<&'static str>,
    /// What the registry or the proof said, and what to do next.
    pub detail: Option<String>,
    /// What is to be written, for [`Outcome::Pinned`] and [`Outcome::Updated`].
    pub change: Option<Change>,
}

/// What is to be written at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The digest.
    pub digest: Digest,
    /// How a whole reference is written.
    pub style: Style,
    /// What the digest covers, for people: `index`, `single manifest` or a platform.
    pub covers: String,
}

impl Verdict {
    /// Returns a verdict without change.
    pub fn because(outcome: Outcome, reason: &'static str, detail: Option<String>) -> Self {
        Self { outcome, reason: Some(reason), detail, change: None }
    }
}

/// Returns the distinct questions that the sites ask, each with the digests that stand there now.
pub fn questions(inventory: &Inventory, policy: &Policy) -> Vec<Asked> {
    type Sites = (String, BTreeSet<Option<Digest>>, BTreeSet<Platform>);
    let mut asked: BTreeMap<Question, Sites> = BTreeMap::new();
    for (file, located) in inventory.sites() {
        let Some((question, needed)) = question(&file.root_path, located, policy) else { continue };
        let entry = asked
            .entry(question)
            .or_insert_with(|| (located.site.image.clone(), BTreeSet::new(), BTreeSet::new()));
        entry.1.insert(located.site.digest().cloned());
        entry.2.extend(needed);
    }
    asked
        .into_iter()
        .map(|(question, (reference, present, needed))| Asked {
            question,
            reference,
            present: present.into_iter().collect(),
            needed: needed.into_iter().collect(),
        })
        .collect()
}

/// Returns the question that a site asks; `None` where there is nothing to ask.
fn question(path: &str, located: &Located, policy: &Policy) -> Option<(Question, Vec<Platform>)> {
    let reference = located.site.reference.as_ref()?;
    match located.site.state {
        State::Floating => {}
        // A digest alone does not say which tag it once was.
        State::Pinned if reference.tag().is_some() => {}
        State::Pinned | State::Skipped(_) => return None,
    }
    let decision = policy.decide(path, reference.name());
    Some((Question::new(reference, decision.level), decision.needed))
}

/// Returns the verdict on every site, in the order of [`Inventory::sites`].
pub fn decide(inventory: &Inventory, policy: &Policy, answers: &Answers, charts: &Charts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for file in &inventory.files {
        let tags_hold_digests = file.scan.sites.iter().any(holds_digest_in_tag);
        let tag_is_safe = |located: &Located| {
            tags_hold_digests || charts.tag_is_only_in_images(&file.root_path, &located.site.path)
        };
        for located in &file.scan.sites {
            verdicts.push(decide_site(&file.root_path, located, policy, answers, tag_is_safe));
        }
    }
    verdicts
}

fn holds_digest_in_tag(located: &Located) -> bool {
    is_chart_tag(located) && located.site.state == State::Pinned
}

/// Tells whether a pin would go into the tag field of a chart's values.
pub fn is_chart_tag(located: &Located) -> bool {
    located.site.chart && matches!(located.site.write, Some(Write::Tag { .. }))
}

fn decide_site(
    path: &str,
    located: &Located,
    policy: &Policy,
    answers: &Answers,
    tag_is_safe: impl Fn(&Located) -> bool,
) -> Verdict {
    let site = &located.site;
    if let State::Skipped(skip) = site.state {
        return Verdict::because(Outcome::Skipped, skip.reason(), None);
    }
    let (Some((question, _)), Some(reference)) = (question(path, located, policy), &site.reference) else {
        return Verdict::because(Outcome::Skipped, Skip::DigestOnly.reason(), None);
    };
    let resolution = match answers.get(&question) {
        Some(Ok(resolution)) => resolution,
        Some(Err(error)) => {
            return Verdict::because(Outcome::Failed, error.reason(), Some(error.to_string()));
        }
        None => return Verdict::because(Outcome::Failed, "not-asked", None),
    };
    if site.digest() == Some(&resolution.digest) {
        return Verdict { outcome: Outcome::Unchanged, reason: None, detail: None, change: None };
    }
    let decision = policy.decide(path, reference.name());
    let outcome = if site.digest().is_some() { Outcome::Updated } else { Outcome::Pinned };
    if is_chart_tag(located) && outcome == Outcome::Pinned {
        match decision.split_fields {
            SplitFields::Tag => {}
            SplitFields::Auto if tag_is_safe(located) => {}
            SplitFields::Auto => {
                let detail = "the chart may use the tag in a label, where `@` is not allowed; \
                              set `split-fields = \"tag\"` in [policy] or in a rule for this path to pin it";
                return Verdict::because(Outcome::Held, "chart-unknown", Some(detail.to_owned()));
            }
            SplitFields::Skip => return Verdict::because(Outcome::Skipped, "split-fields", None),
        }
    }
    let change = Change {
        digest: resolution.digest.clone(),
        style: decision.style,
        covers: covers(&question, resolution),
    };
    Verdict { outcome, reason: None, detail: None, change: Some(change) }
}

fn covers(question: &Question, resolution: &Resolution) -> String {
    match &question.level {
        Level::Platform(platform) => platform.to_string(),
        Level::Index if is_index(&resolution.media_type) => "index".to_owned(),
        Level::Index => "single manifest".to_owned(),
    }
}

fn is_index(media_type: &str) -> bool {
    media_type.contains("image.index") || media_type.contains("manifest.list")
}
