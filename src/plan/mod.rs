//! Questions for the registry, and what its answers mean for each site. Pure.

pub mod build_metadata;
mod edits;
pub mod pin;
pub mod promote;
pub mod reverted;
pub mod rollback;
pub mod set_digest;
mod verdict;
pub(crate) mod verify;

use std::collections::{BTreeMap, BTreeSet};

pub use edits::{FileEdit, Pinned};
pub use verdict::{Change, Outcome, Verdict};

use crate::history::ledger::LedgerView;
use crate::manifest::Located;
use crate::manifest::chart::Charts;
use crate::manifest::edit::Style;
use crate::manifest::edit::annotations::Keys;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::{Skip, State, Write};
use crate::platform::Platform;
use crate::policy::environment::Environment;
use crate::policy::hold::{ActiveHolds, ON_HOLD};
use crate::policy::{Decision, Policy, Settings, SplitFields, environment};
use crate::reference::Reference;
use crate::registry::{
    Answers, Assessment, DigestLevel, Judgement, RecordedOrigin, Requirement, ResolveError, SourceIndex,
    TagAnswer, TagQuery, TagRef,
};

/// What is decided by, beside what the files say.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// What should be pinned, and how.
    pub policy: &'r Policy,
    /// What must not move.
    pub holds: ActiveHolds<'r>,
    /// Which paths are deployed together, and in which order.
    pub environments: &'r [Environment],
    /// Where the charts in the tree put their tags.
    pub charts: &'r Charts,
    /// Under which annotations a pin was recorded; `None` where they are off.
    pub keys: Option<Keys<'r>>,
    /// What is known of the tags from earlier runs and this one.
    pub past: &'r LedgerView,
}

impl<'r> Rules<'r> {
    /// Returns the rules that `settings` spell, at the time of `past`.
    pub fn new(settings: &'r Settings, past: &'r LedgerView, charts: &'r Charts) -> Self {
        Self {
            policy: &settings.policy,
            holds: settings.holds.at(past.now()),
            environments: &settings.environments,
            charts,
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
            let entry = asked
                .entry(TagRef::new(reference))
                .or_insert_with(|| (located.site.image.clone(), BTreeSet::new()));
            entry.1.insert(context.wanted(located, &decision));
        }
    }
    let asked = asked.into_iter();
    asked
        .map(|(question, (reference, wanted))| TagQuery {
            question,
            reference,
            wanted: wanted.into_iter().collect(),
        })
        .collect()
}

/// Returns the verdict on every site, in the order of [`Inventory::sites`].
pub fn decide(inventory: &Inventory, rules: Rules<'_>, answers: &Answers) -> Vec<Verdict> {
    let decide_file = |file| {
        let context = FileContext::new(file, rules);
        file.scan.sites.iter().map(move |located| context.decide(located, answers))
    };
    inventory.files.iter().flat_map(decide_file).collect()
}

/// Returns the verdict on a site of `file` that nobody asks about: what is pinned is unchanged, and keeps what its
/// annotations say of it.
pub fn left_alone(file: &FileScan, rules: Rules<'_>, located: &Located) -> Verdict {
    if located.site.state != State::Pinned {
        return Verdict::because(Outcome::Skipped, "not-selected", None);
    }
    let behind = match FileContext::new(file, rules).recorded(located) {
        RecordedOrigin::Behind(behind) => Some(Box::new(behind)),
        RecordedOrigin::Pin | RecordedOrigin::Nothing => None,
    };
    Verdict { behind, ..Verdict::unchanged() }
}

/// Returns how a pin is spelled at a site of `file`, or the verdict where nothing may be written: it is skipped, on hold, or
/// in a chart that may use its tag elsewhere.
///
/// # Errors
/// The verdict.
pub fn style_of(file: &FileScan, rules: Rules<'_>, located: &Located) -> Result<Style, Box<Verdict>> {
    FileContext::new(file, rules).ask(located).map(|(_, decision)| decision.style)
}

/// The reason of a verdict that holds an image whose digest lacks a signature or attestation that policy demands.
pub const UNSIGNED: &str = "unsigned";

/// The reason of a verdict that holds an image whose tag has moved and never should.
pub const IMMUTABLE: &str = "immutable-tag-moved";

/// The reason of a verdict on an image that gets its digests by promotion, and whose tag has moved.
pub const BY_PROMOTION: &str = "by-promotion";

/// Tells whether a pin would go into the tag field of a chart's values.
pub fn is_chart_tag(located: &Located) -> bool {
    located.site.chart && matches!(located.site.write, Some(Write::Tag { .. }))
}

/// What the sites of one file have in common.
struct FileContext<'c> {
    file: &'c FileScan,
    rules: Rules<'c>,
    /// Whether a tag in this file holds a digest already: then this chart takes it.
    tags_hold_digests: bool,
}

impl<'c> FileContext<'c> {
    fn new(file: &'c FileScan, rules: Rules<'c>) -> Self {
        let holds_digest = |located: &Located| is_chart_tag(located) && located.site.state == State::Pinned;
        Self { file, rules, tags_hold_digests: file.scan.sites.iter().any(holds_digest) }
    }

    /// Returns what is asked for a site and what policy says of it, or the verdict where nothing is asked.
    fn ask<'s>(&self, located: &'s Located) -> Result<(&'s Reference, Decision), Box<Verdict>> {
        let site = &located.site;
        if let State::Skipped(skip) = site.state {
            return Err(Box::new(Verdict::because(Outcome::Skipped, skip.reason(), None)));
        }
        // A digest alone does not say which tag it once was.
        let named = |reference: &&Reference| site.state == State::Floating || reference.tag().is_some();
        let Some(reference) = site.reference.as_ref().filter(named) else {
            return Err(Box::new(Verdict::because(Outcome::Skipped, Skip::DigestOnly.reason(), None)));
        };
        if let Some(hold) = self.rules.holds.on(&self.file.root_path, reference) {
            return Err(Box::new(Verdict::because(Outcome::Held, ON_HOLD, Some(hold.to_string()))));
        }
        let decision =
            self.rules.policy.decide(&self.file.root_path, reference.name(), site.platform.as_ref());
        if is_chart_tag(located) && site.state == State::Floating {
            match decision.split_fields {
                SplitFields::Tag => {}
                SplitFields::Auto if self.tags_hold_digests || self.is_safe(located) => {}
                SplitFields::Auto => {
                    let detail = "the chart may use the tag in a label, where `@` is not allowed; \
                                  set `split-fields = \"tag\"` in [policy] or in a rule for this path to pin it";
                    return Err(Box::new(Verdict::because(
                        Outcome::Held,
                        "chart-unknown",
                        Some(detail.to_owned()),
                    )));
                }
                SplitFields::Skip => {
                    return Err(Box::new(Verdict::because(Outcome::Skipped, "split-fields", None)));
                }
            }
        }
        Ok((reference, decision))
    }

    /// Returns the environment that this file's own gets its digests from, where it does not follow the tags.
    fn promoted_from(&self) -> Option<&'c str> {
        let environment = environment::of_path(self.rules.environments, &self.file.root_path)?;
        environment.after.as_deref()
    }

    fn is_safe(&self, located: &Located) -> bool {
        self.rules.charts.tag_is_only_in_images(&self.file.root_path, &located.site.path)
    }

    fn wanted(&self, located: &Located, decision: &Decision) -> Requirement {
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
        let failed =
            |error: &ResolveError| Verdict::because(Outcome::Failed, error.reason(), Some(error.to_string()));
        let question = TagRef::new(reference);
        let answer = match answers.get(&question) {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => return failed(error),
            None => return Verdict::because(Outcome::Failed, "not-asked", None),
        };
        let unchanged = Verdict::unchanged();
        let Judgement::Done(assessment) = self.wanted(located, &decision).judge(&question, answer) else {
            return Verdict::because(Outcome::Failed, "not-asked", None);
        };
        match assessment {
            Assessment::Same(behind) => Verdict { behind: behind.map(Box::new), ..unchanged },
            Assessment::PlatformsEqual => {
                let detail = format!(
                    "the tag is now `{}`, with the same manifests for {}",
                    answer.resolution.digest,
                    listed(&decision.needed)
                );
                Verdict { reason: Some("platforms-equal"), detail: Some(detail), ..unchanged }
            }
            Assessment::PlatformDigest(platform) => {
                Verdict::because(Outcome::Held, "platform-digest", Some(platform_digest(platform.as_ref())))
            }
            Assessment::Failed(error) => failed(&error),
            Assessment::Write { digest, .. }
                if located.site.digest().is_some() && self.rules.policy.is_immutable(reference) =>
            {
                let detail = format!(
                    "policy says that this tag never moves, and it is `{digest}` now: find out why, then change the \
                     digest by hand"
                );
                Verdict::because(Outcome::Held, IMMUTABLE, Some(detail))
            }
            Assessment::Write { digest, .. }
                if located.site.digest().is_some()
                    && let Some(after) = self.promoted_from() =>
            {
                let detail = format!(
                    "the tag is `{digest}` now; here digests come from `{after}`, with `tagpin promote`"
                );
                Verdict { reason: Some(BY_PROMOTION), detail: Some(detail), ..unchanged }
            }
            Assessment::Write { .. }
                if self.rules.policy.is_immutable(reference)
                    && let Some(before) =
                        self.rules.past.other_than(&question, &answer.resolution.digest) =>
            {
                let detail = format!(
                    "policy says that this tag never moves, and it is `{}` now and was `{}` at {}: find out why, then \
                     write the digest by hand (`tagpin pin --set`)",
                    answer.resolution.digest, before.digest, before.when
                );
                Verdict::because(Outcome::Held, IMMUTABLE, Some(detail))
            }
            Assessment::Write { digest, behind } => {
                if let Some(hold) = self.rules.holds.against(&self.file.root_path, reference, &digest) {
                    let detail = format!("the tag is `{digest}` now, which is on hold: {hold}");
                    return Verdict::because(Outcome::Held, ON_HOLD, Some(detail));
                }
                // What a tag is has an age, whichever platform's manifest is taken from it.
                let past = self.rules.past;
                if let Some(wait) = past.wait(&question, &answer.resolution.digest, decision.ages) {
                    return Verdict::because(Outcome::Held, wait.reason, Some(wait.detail));
                }
                let outcome =
                    if located.site.digest().is_some() { Outcome::Updated } else { Outcome::Pinned };
                let covers = covers(&decision.level, answer);
                let moves = past.moves(&question).map(Box::new);
                let (style, proofs) = (decision.style, BTreeSet::new());
                let change = Some(Change { digest, tag: None, style, covers, proofs, moves });
                Verdict { outcome, change, behind: behind.map(Box::new), ..unchanged }
            }
        }
    }
}

fn covers(level: &DigestLevel, answer: &TagAnswer) -> String {
    match level {
        DigestLevel::Platform(platform) => platform.to_string(),
        DigestLevel::Index if answer.resolution.is_index() => "index".to_owned(),
        DigestLevel::Index => "single manifest".to_owned(),
    }
}

fn listed(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(|platform| format!("`{platform}`")).collect();
    names.join(", ")
}

/// Says what can be done about a digest that tagpin will not turn into an index by itself.
fn platform_digest(platform: Option<&Platform>) -> String {
    let (whose, example) = match platform {
        Some(platform) => (format!("of `{platform}`"), platform.to_string()),
        None => ("of one platform".to_owned(), "linux/amd64".to_owned()),
    };
    format!(
        "the digest is the manifest {whose}, and the tag is an index: to keep it so, set `level = \"platform\"` and \
         `platforms = [\"{example}\"]` in a rule for this path; to have the index, remove the digest"
    )
}
