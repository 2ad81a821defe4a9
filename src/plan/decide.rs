//! What the registry is asked, and what its answers mean for each site.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::describe;
use super::reason::Reason;
use super::verdict::{Change, Outcome, Verdict};
use crate::history::ledger::LedgerView;
use crate::manifest::Located;
use crate::manifest::deploy::DigestForm;
use crate::manifest::edit::Style;
use crate::manifest::edit::annotations::Keys;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::{Skip, State, Write};
use crate::policy::environment::Environment;
use crate::policy::hold::ActiveHolds;
use crate::policy::{Decision, Policy, ScopedList, Settings, SplitFields, environment};
use crate::reference::{Digest, Reference};
use crate::registry::{
    Answers, Assessment, Judgement, RecordedOrigin, Requirement, ResolveError, SourceIndex, TagAnswer,
    TagQuery, TagRef,
};

/// What is decided by, beside what the files say.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// What should be pinned, and how.
    pub policy: &'r Policy,
    /// What must not move.
    pub holds: ActiveHolds<'r>,
    /// Which paths are deployed together, and in which order.
    pub environments: &'r ScopedList<Environment>,
    /// Under which annotations a pin was recorded; `None` where they are off.
    pub keys: Option<Keys<'r>>,
    /// What is known of the tags from earlier runs and this one.
    pub past: &'r LedgerView,
}

impl<'r> Rules<'r> {
    /// Returns the rules that `settings` spell, at the time of `past`.
    pub fn new(settings: &'r Settings, past: &'r LedgerView) -> Self {
        Self {
            policy: &settings.policy,
            holds: settings.holds.at(past.now()),
            environments: &settings.environments,
            keys: settings.annotations.keys(),
            past,
        }
    }
}

/// Returns the distinct questions that the sites ask, each with what the sites want of the answer.
///
/// A site that would be left as it is, whatever the answer, asks nothing.
pub fn questions(inventory: &Inventory, rules: Rules<'_>) -> Vec<TagQuery> {
    let mut asked: BTreeMap<TagRef, (String, BTreeSet<Requirement>)> = BTreeMap::new();
    for file in &inventory.files {
        let context = FileContext::new(file, rules);
        for located in &file.scan.sites {
            let Ok((reference, decision)) = context.ask(located) else { continue };
            let requirement = context.requirement(located, &decision);
            let mut ask = |reference: &Reference, spelled: String| {
                let entry = asked.entry(TagRef::new(reference)).or_insert_with(|| (spelled, BTreeSet::new()));
                entry.1.insert(requirement.clone());
            };
            ask(reference, located.site.image.clone());
            for renamed in located.renamed() {
                ask(&renamed.image, renamed.image.to_string());
            }
        }
    }
    let queries = asked.into_iter().map(|(question, (reference, wanted))| TagQuery {
        question,
        reference,
        wanted: wanted.into_iter().collect(),
    });
    queries.collect()
}

/// Returns the verdict on every site, in the order of [`Inventory::sites`].
pub fn decide(inventory: &Inventory, rules: Rules<'_>, answers: &Answers) -> Vec<Verdict> {
    let decide_file = |file| {
        let context = FileContext::new(file, rules);
        file.scan.sites.iter().map(move |located| context.decide(located, answers))
    };
    inventory.files.iter().flat_map(decide_file).collect()
}

/// Returns the verdict on a site of `file` that nobody asks about, whose reason says so: what is pinned is unchanged, and keeps
/// what its annotations say of it.
pub fn left_alone(file: &FileScan, rules: Rules<'_>, located: &Located) -> Verdict {
    if located.site.state != State::Pinned {
        return Verdict::because(Outcome::Skipped, Reason::NotSelected, None);
    }
    let unchanged = Verdict::because(Outcome::Unchanged, Reason::NotSelected, None);
    let behind = match FileContext::new(file, rules).recorded(located) {
        RecordedOrigin::Behind(behind) => Some(Box::new(behind)),
        RecordedOrigin::Pin | RecordedOrigin::Nothing => None,
    };
    Verdict { behind, ..unchanged }
}

/// Returns how a pin is spelled at a site of `file`, or the verdict where nothing may be written: it is skipped, on hold, in
/// a chart that may use its tag elsewhere, or comes out under another name too.
///
/// # Errors
/// The verdict.
pub fn style_of(file: &FileScan, rules: Rules<'_>, located: &Located) -> Result<Style, Box<Verdict>> {
    let (_, decision) = FileContext::new(file, rules).ask(located)?;
    // Nobody can tell whether what is named here is what is meant there.
    match located.renamed() {
        [] => Ok(decision.style),
        renamed => Err(Box::new(Verdict::held(Reason::ReplacedIn, describe::replaced_in(renamed)))),
    }
}

/// Returns for each site of `file` the verdict that nothing is written there, whatever its registry says; `None` where that
/// is not known yet.
pub fn refusals<'f>(file: &'f FileScan, rules: Rules<'f>) -> impl Iterator<Item = Option<Box<Verdict>>> + 'f {
    let context = FileContext::new(file, rules);
    file.scan.sites.iter().map(move |located| context.ask(located).err())
}

/// Returns whether a pin would go into the tag field of a chart's values.
pub fn is_chart_tag(located: &Located) -> bool {
    located.site.chart && matches!(located.site.write, Some(Write::Tag { .. }))
}

fn skipped(reason: Reason) -> Box<Verdict> {
    Box::new(Verdict::because(Outcome::Skipped, reason, None))
}

/// What the sites of one file have in common.
struct FileContext<'c> {
    file: &'c FileScan,
    rules: Rules<'c>,
    /// Whether a tag in this file holds a digest already: then this chart takes it.
    tags_hold_digests: OnceCell<bool>,
}

impl<'c> FileContext<'c> {
    fn new(file: &'c FileScan, rules: Rules<'c>) -> Self {
        Self { file, rules, tags_hold_digests: OnceCell::new() }
    }

    fn tags_hold_digests(&self) -> bool {
        // Where the chart is known to take one in this tag, that says nothing of its other tags.
        let is_known = |located: &Located| {
            let chart = located.deployed.as_ref().and_then(|deployed| deployed.chart.as_ref());
            chart.is_some_and(|chart| chart.tag_is_only_in_images)
        };
        let holds_digest = |located: &Located| {
            is_chart_tag(located) && located.site.state == State::Pinned && !is_known(located)
        };
        *self.tags_hold_digests.get_or_init(|| self.file.scan.sites.iter().any(holds_digest))
    }

    /// Returns what is asked for a site and what policy says of it, or the verdict where nothing is asked.
    fn ask<'s>(&self, located: &'s Located) -> Result<(&'s Reference, Decision), Box<Verdict>> {
        let site = &located.site;
        if let State::Skipped(skip) = site.state {
            return Err(skipped(Reason::Skip(skip)));
        }
        // A digest alone does not say which tag it once was.
        let named = |reference: &&Reference| site.state == State::Floating || reference.tag().is_some();
        let reference = site.reference.as_ref().filter(named);
        let reference = reference.ok_or_else(|| skipped(Reason::Skip(Skip::DigestOnly)))?;
        if let Some(hold) = self.rules.holds.on(&self.file.root_path, reference) {
            return Err(Box::new(Verdict::held(Reason::OnHold, hold.to_string())));
        }
        let decision = self.rules.policy.decide(&self.file.root_path, reference, site.platform.as_deref());
        self.allow_chart(located, decision.split_fields)?;
        Ok((reference, decision))
    }

    /// Refuses the tag of a chart that may use it in other places than images, and a digest that it may not read as it would
    /// be written.
    fn allow_chart(&self, located: &Located, split_fields: SplitFields) -> Result<(), Box<Verdict>> {
        if located.site.state != State::Floating || !located.site.chart {
            return Ok(());
        }
        let chart = located.deployed.as_ref().and_then(|deployed| deployed.chart.as_ref());
        let form = chart.and_then(|chart| chart.digest);
        let held = |detail: String| Err(Box::new(Verdict::held(Reason::ChartUnknown, detail)));
        if chart.is_some_and(|chart| chart.is_shared) && split_fields != SplitFields::Tag {
            return held(describe::SHARED.to_owned());
        }
        if !is_chart_tag(located) {
            return match form {
                Some(DigestForm::Unknown) if split_fields != SplitFields::Tag => {
                    held(describe::DIGEST_FORM_UNKNOWN.to_owned())
                }
                _ => Ok(()),
            };
        }
        match split_fields {
            SplitFields::Tag => Ok(()),
            SplitFields::Auto if self.tags_hold_digests() => Ok(()),
            SplitFields::Auto if chart.is_some_and(|chart| chart.tag_is_only_in_images) => Ok(()),
            SplitFields::Auto if form == Some(DigestForm::Unread) => held(describe::digest_unread()),
            SplitFields::Auto => held(describe::CHART_UNKNOWN.to_owned()),
            SplitFields::Skip => Err(skipped(Reason::SplitFields)),
        }
    }

    /// Returns the environment that this file's own gets its digests from, where it does not follow the tags.
    fn promoted_from(&self) -> Option<&'c str> {
        let environment = environment::of_path(self.rules.environments, &self.file.root_path)?;
        environment.after.as_deref()
    }

    fn requirement(&self, located: &Located, decision: &Decision) -> Requirement {
        Requirement {
            level: decision.level.clone(),
            needed: decision.needed.clone(),
            present: located.site.digest().cloned(),
            recorded: self.recorded(located),
        }
    }

    /// Returns what the object's annotations say of the digest that stands at the site: something only where they speak
    /// of that very digest.
    fn recorded(&self, located: &Located) -> RecordedOrigin {
        let site = &located.site;
        let (Some(keys), Some(owner), Some(present)) = (self.rules.keys, &site.owner, site.digest()) else {
            return RecordedOrigin::Nothing;
        };
        let Some(container) = &owner.container else { return RecordedOrigin::Nothing };
        for name in [&format!(".{container}"), ""] {
            let get = |key: &str| owner.digests.get(&format!("{key}{name}"));
            if get(keys.digest).is_some_and(|digest| digest == present.as_str()) {
                let behind = get(keys.index).and_then(|text| SourceIndex::parse(text));
                return behind.map_or(RecordedOrigin::Pin, RecordedOrigin::Behind);
            }
        }
        RecordedOrigin::Nothing
    }

    fn decide(&self, located: &Located, answers: &Answers) -> Verdict {
        let (reference, decision) = match self.ask(located) {
            Ok(asked) => asked,
            Err(verdict) => return *verdict,
        };
        let question = TagRef::new(reference);
        let not_asked = || Verdict::because(Outcome::Failed, Reason::NotAsked, None);
        let answer = match answers.get(&question) {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => return Verdict::unresolved(error),
            None => return not_asked(),
        };
        let requirement = self.requirement(located, &decision);
        let Judgement::Done(assessment) = requirement.judge(&question, answer) else {
            return not_asked();
        };
        if let Some(verdict) = replaced_in(located, &requirement, &assessment, answers) {
            return verdict;
        }
        match assessment {
            Assessment::Same(behind) => Verdict { behind: behind.map(Box::new), ..Verdict::unchanged() },
            Assessment::PlatformsEqual => Verdict::because(
                Outcome::Unchanged,
                Reason::PlatformsEqual,
                Some(describe::platforms_equal(&answer.resolution.digest, &decision.needed)),
            ),
            Assessment::PlatformDigest(platform) => {
                Verdict::held(Reason::PlatformDigest, describe::platform_digest(platform.as_ref()))
            }
            Assessment::Failed(error) => Verdict::unresolved(&error),
            Assessment::Write { digest, behind } => {
                let asked = Asked { reference, decision, question, answer };
                self.write(located, asked, digest, behind)
            }
        }
    }

    /// Returns the verdict on a site that `digest` is written to, unless something keeps it from that.
    fn write(
        &self,
        located: &Located,
        asked: Asked<'_>,
        digest: Digest,
        behind: Option<SourceIndex>,
    ) -> Verdict {
        if let Some(verdict) = self.objection(located, &asked, &digest) {
            return verdict;
        }
        let Asked { decision, question, answer, .. } = asked;
        let change = Change {
            digest,
            tag: None,
            style: decision.style,
            covers: describe::covers(&decision.level, answer),
            proofs: BTreeSet::new(),
            moves: self.rules.past.moves(&question).map(Box::new),
        };
        Verdict { behind: behind.map(Box::new), ..Verdict::changed(located, change) }
    }

    /// Returns the verdict on a site that `digest`, which its tag is now, may not be written to, if so.
    fn objection(&self, located: &Located, asked: &Asked<'_>, digest: &Digest) -> Option<Verdict> {
        let Asked { reference, decision, question, answer } = asked;
        let (policy, past) = (self.rules.policy, self.rules.past);
        let is_pinned = located.site.digest().is_some();
        let is_immutable = policy.is_immutable(reference);
        if is_pinned && is_immutable {
            return Some(Verdict::held(Reason::ImmutableTagMoved, describe::immutable_tag_moved(digest)));
        }
        if is_pinned && let Some(after) = self.promoted_from() {
            let detail = describe::by_promotion(digest, after);
            return Some(Verdict::because(Outcome::Unchanged, Reason::ByPromotion, Some(detail)));
        }
        // What a tag is has an age, whichever platform's manifest is taken from it.
        let now = &answer.resolution.digest;
        if is_immutable && let Some(before) = past.other_than(question, now) {
            let detail = describe::immutable_tag_was(now, &before);
            return Some(Verdict::held(Reason::ImmutableTagMoved, detail));
        }
        if let Some(hold) = self.rules.holds.against(&self.file.root_path, reference, digest) {
            return Some(Verdict::held(Reason::OnHold, describe::tag_on_hold(digest, hold)));
        }
        let delay = past.wait(question, now, decision.ages)?;
        Some(Verdict::held(Reason::Delay(delay.reason), delay.detail))
    }
}

/// Returns the verdict on a site whose digest would not be the one of every name that comes out with it. What a registry does
/// not say because it is down may be said in the next run.
fn replaced_in(
    located: &Located,
    requirement: &Requirement,
    assessment: &Assessment,
    answers: &Answers,
) -> Option<Verdict> {
    if matches!(assessment, Assessment::Failed(_)) {
        return None;
    }
    let mut differing = Vec::new();
    for renamed in located.renamed() {
        let question = TagRef::new(&renamed.image);
        match answers.get(&question) {
            Some(Ok(answer)) => {
                let there = requirement.judge(&question, answer);
                differing.extend((there != Judgement::Done(assessment.clone())).then(|| renamed.clone()));
            }
            Some(Err(
                ResolveError::NotFound(_) | ResolveError::Unauthorized(_) | ResolveError::NotAllowed(_),
            ))
            | None => differing.push(renamed.clone()),
            Some(Err(error)) => return Some(Verdict::unresolved(error)),
        }
    }
    (!differing.is_empty()).then(|| Verdict::held(Reason::ReplacedIn, describe::replaced_in(&differing)))
}

/// What was asked for a site, and the answer.
struct Asked<'a> {
    reference: &'a Reference,
    decision: Decision,
    question: TagRef,
    answer: &'a TagAnswer,
}
