//! Questions for the registry, and what its answers mean for each site. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::chart::Charts;
use crate::inventory::{FileScan, Inventory};
use crate::manifest::Located;
use crate::manifest::site::{Skip, State, Write};
use crate::platform::Platform;
use crate::policy::{Decision, Policy, SplitFields, Style};
use crate::reference::{Digest, Reference};
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
///
/// A site that would be left as it is, whatever the answer, asks nothing.
pub fn questions(inventory: &Inventory, policy: &Policy, charts: &Charts) -> Vec<Asked> {
    type Sites = (String, BTreeSet<Option<Digest>>, BTreeSet<Platform>);
    let mut asked: BTreeMap<Question, Sites> = BTreeMap::new();
    for file in &inventory.files {
        let context = Context::new(file, policy, charts);
        for located in &file.scan.sites {
            let Ok((reference, decision)) = context.ask(located) else { continue };
            let entry = asked
                .entry(Question::new(reference, decision.level))
                .or_insert_with(|| (located.site.image.clone(), BTreeSet::new(), BTreeSet::new()));
            entry.1.insert(located.site.digest().cloned());
            entry.2.extend(decision.needed);
        }
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

/// Returns the verdict on every site, in the order of [`Inventory::sites`].
pub fn decide(inventory: &Inventory, policy: &Policy, charts: &Charts, answers: &Answers) -> Vec<Verdict> {
    let decide_file = |file| {
        let context = Context::new(file, policy, charts);
        file.scan.sites.iter().map(move |located| context.decide(located, answers))
    };
    inventory.files.iter().flat_map(decide_file).collect()
}

/// Tells whether a pin would go into the tag field of a chart's values.
pub fn is_chart_tag(located: &Located) -> bool {
    located.site.chart && matches!(located.site.write, Some(Write::Tag { .. }))
}

/// What the sites of one file have in common.
struct Context<'c> {
    file: &'c FileScan,
    policy: &'c Policy,
    charts: &'c Charts,
    /// Whether a tag in this file holds a digest already: then this chart takes it.
    tags_hold_digests: bool,
}

impl<'c> Context<'c> {
    fn new(file: &'c FileScan, policy: &'c Policy, charts: &'c Charts) -> Self {
        let holds_digest = |located: &Located| is_chart_tag(located) && located.site.state == State::Pinned;
        Self { file, policy, charts, tags_hold_digests: file.scan.sites.iter().any(holds_digest) }
    }

    /// Returns what is asked for a site and what policy says of it, or the verdict where nothing is asked.
    fn ask<'s>(&self, located: &'s Located) -> Result<(&'s Reference, Decision), Verdict> {
        let site = &located.site;
        if let State::Skipped(skip) = site.state {
            return Err(Verdict::because(Outcome::Skipped, skip.reason(), None));
        }
        // A digest alone does not say which tag it once was.
        let named = |reference: &&Reference| site.state == State::Floating || reference.tag().is_some();
        let Some(reference) = site.reference.as_ref().filter(named) else {
            return Err(Verdict::because(Outcome::Skipped, Skip::DigestOnly.reason(), None));
        };
        let decision = self.policy.decide(&self.file.root_path, reference.name());
        if is_chart_tag(located) && site.state == State::Floating {
            match decision.split_fields {
                SplitFields::Tag => {}
                SplitFields::Auto if self.tags_hold_digests || self.is_safe(located) => {}
                SplitFields::Auto => {
                    let detail = "the chart may use the tag in a label, where `@` is not allowed; \
                                  set `split-fields = \"tag\"` in [policy] or in a rule for this path to pin it";
                    return Err(Verdict::because(Outcome::Held, "chart-unknown", Some(detail.to_owned())));
                }
                SplitFields::Skip => return Err(Verdict::because(Outcome::Skipped, "split-fields", None)),
            }
        }
        Ok((reference, decision))
    }

    fn is_safe(&self, located: &Located) -> bool {
        self.charts.tag_is_only_in_images(&self.file.root_path, &located.site.path)
    }

    fn decide(&self, located: &Located, answers: &Answers) -> Verdict {
        let (reference, decision) = match self.ask(located) {
            Ok(asked) => asked,
            Err(verdict) => return verdict,
        };
        let question = Question::new(reference, decision.level);
        let resolution = match answers.get(&question) {
            Some(Ok(resolution)) => resolution,
            Some(Err(error)) => {
                return Verdict::because(Outcome::Failed, error.reason(), Some(error.to_string()));
            }
            None => return Verdict::because(Outcome::Failed, "not-asked", None),
        };
        let digest = &resolution.digest;
        if located.site.digest() == Some(digest) {
            return Verdict { outcome: Outcome::Unchanged, reason: None, detail: None, change: None };
        }
        let outcome = if located.site.digest().is_some() { Outcome::Updated } else { Outcome::Pinned };
        let covers = covers(&question, resolution);
        let change = Change { digest: digest.clone(), style: decision.style, covers };
        Verdict { outcome, reason: None, detail: None, change: Some(change) }
    }
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
