//! What would become of one image, and why, as far as that is known without a registry. Pure.

use super::decide::{Rules, style_of};
use super::reason::Reason;
use super::verdict::{Outcome, Verdict};
use crate::manifest::Located;
use crate::manifest::edit::Style;
use crate::manifest::inventory::FileScan;
use crate::manifest::site::{Skip, State, Write, classify};
use crate::policy::{PolicyRule, Settings};
use crate::reference::Reference;
use crate::registry::DigestLevel;

/// What would become of an image, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Why nothing would be written, whatever the registry says; `None` where it is asked.
    pub verdict: Option<Verdict>,
    /// What the registries would be asked.
    pub asks: Vec<String>,
    /// What would be written, and where, with `…` for the digest.
    pub writes: Option<String>,
    /// What policy says of it, in words.
    pub policy: Vec<String>,
    /// What a person may do about it.
    pub advice: Option<&'static str>,
}

/// Returns what would become of a site of `file` by the `settings` and the `rules` that they spell.
pub fn explain(file: &FileScan, settings: &Settings, rules: Rules<'_>, located: &Located) -> Explanation {
    let policy = policy_of(file, settings, located);
    let style = match style_of(file, rules, located) {
        Ok(style) => Some(style),
        // Both registries are asked, and may say the same.
        Err(verdict) if verdict.reason == Some(Reason::ReplacedIn) => Some(Style::default()),
        Err(verdict) => {
            let advice = advice(&verdict, located);
            return Explanation { verdict: Some(*verdict), asks: Vec::new(), writes: None, policy, advice };
        }
    };
    let reference = located.site.reference.as_ref();
    let tagged = |reference: &Reference| {
        let tag = reference.tag().unwrap_or(crate::reference::LATEST);
        format!("{}:{tag}", reference.name())
    };
    let mut asks: Vec<String> = reference.map(&tagged).into_iter().collect();
    asks.extend(located.renamed().iter().map(|renamed| tagged(&renamed.image)));
    let writes = reference.zip(style).and_then(|(reference, style)| written(reference, style, located));
    let renamed = located.renamed();
    let advice = (!renamed.is_empty()).then_some(
        "it is pinned only if both registries say the same; else write `newTag` beside `newName` in the overlay",
    );
    Explanation { verdict: None, asks, writes, policy, advice }
}

/// Returns what a digest makes of a site.
fn written(reference: &Reference, style: Style, located: &Located) -> Option<String> {
    let tag = reference.tag().unwrap_or(crate::reference::LATEST);
    let name = reference.name();
    let text = match (located.site.write.as_ref()?, style) {
        (Write::Whole { .. }, Style::Digest) => format!("{name}@sha256:…  # {name}:{tag}"),
        (Write::Whole { .. }, Style::TagDigest) => format!("{name}:{tag}@sha256:…"),
        (Write::Digest { bare, .. }, _) => format!("the digest field: {}", digest(*bare)),
        (Write::Tag { .. }, _) => format!("the tag field: {tag}@sha256:…"),
        (Write::AddDigest { key, bare, .. }, _) => format!("a new field, {key}: {}", digest(*bare)),
    };
    Some(text)
}

fn digest(bare: bool) -> &'static str {
    if bare { "the 64 hex digits alone" } else { "sha256:…" }
}

fn policy_of(file: &FileScan, settings: &Settings, located: &Located) -> Vec<String> {
    let Some(reference) = &located.site.reference else { return Vec::new() };
    let policy = &settings.policy;
    let decision = policy.decide(&file.root_path, reference, located.site.platform.as_deref());
    let mut says = vec![match &decision.level {
        DigestLevel::Index => "the digest of the index".to_owned(),
        DigestLevel::Platform(platform) => format!("the digest of the manifest for {platform}"),
    }];
    if let Some((index, rule)) = policy.rule(&file.root_path, reference) {
        says.push(format!("rule {} of [policy] applies{}", index + 1, scope(rule)));
    } else {
        says.push("no rule is for it: [policy] itself applies".to_owned());
    }
    if policy.is_immutable(reference) {
        says.push("its tag is immutable: once pinned, it stays".to_owned());
    }
    let is_young = !decision.ages.min_age.is_zero() || !decision.ages.settle.is_zero();
    if is_young {
        says.push("a new digest waits until it is known for long enough".to_owned());
    }
    for demand in &decision.demands {
        let wanted: Vec<String> = demand.require.iter().map(|kind| demand.wanted(*kind)).collect();
        if !wanted.is_empty() {
            says.push(format!("a new digest must have {}", wanted.join(" and ")));
        }
    }
    says
}

fn scope(rule: &PolicyRule) -> String {
    let globs = |word: &str, globs: Option<&crate::policy::Globs>| {
        globs
            .map(|globs| format!(", {word} {}", crate::text::quoted(globs.patterns(), ", ")))
            .unwrap_or_default()
    };
    format!("{}{}", globs("paths", rule.paths.as_ref()), globs("images", rule.images.as_ref()))
}

/// Returns what a person may do where nothing is written.
fn advice(verdict: &Verdict, located: &Located) -> Option<&'static str> {
    match verdict.reason? {
        Reason::OnHold => Some("`tagpin hold list` shows it, `tagpin hold remove` ends it"),
        Reason::SplitFields => Some(
            "`split-fields = \"tag\"` in [policy] or in a rule for this path, in the file of --config, pins it",
        ),
        Reason::Skip(skip) => Some(of_skip(skip, located)),
        Reason::ChartUnknown if located.site.digest_field.is_some() => {
            Some("write its digest once by hand in the form that the chart takes, and tagpin keeps that form")
        }
        Reason::ChartUnknown => Some(
            "if the chart has a field for a digest, write it empty (`digest: \"\"`), or tell tagpin of the chart with `[[chart]]`",
        ),
        _ => None,
    }
}

fn of_skip(skip: Skip, located: &Located) -> &'static str {
    match skip {
        Skip::Template => "judge what is rendered: `helm template … | tagpin check --rendered - --against .`",
        Skip::Variable => "write the image itself, or pin it where the variable is set",
        Skip::Placeholder => "nothing, if something fills it in; else write the image",
        Skip::Empty => "write the image",
        Skip::NotAReference => "write it as `[host[:port]/]path[:tag]`, without a scheme",
        Skip::MalformedDigest => "write `sha256:` and 64 hex digits, in the form that the chart takes",
        Skip::TagElsewhere => "write the tag here, or pin it where it stands",
        Skip::RegistryElsewhere => "write the registry before the name, if the chart takes it so",
        Skip::ImageStream => "nothing: pin the image where the ImageStream takes it from",
        Skip::BuildOutput => {
            "nothing: what runs is what was built. `tagpin check --rendered` judges what is deployed"
        }
        // By its name it would be pulled: what stands beside it says that it never is.
        Skip::Unpullable if is_never_pulled(&located.site.image) => {
            "nothing: its pull policy is `Never`, and a digest would not be found on the node. Set another policy to have it pinned"
        }
        Skip::Unpullable => "nothing: no registry has it",
        Skip::DigestOnly => "write its tag beside the digest, and tagpin keeps it up to date",
        Skip::Ignored => "take the comment away to have it pinned",
        Skip::ManagedByFlux => "nothing: Flux writes this line. Take the marker away to have tagpin do it",
        Skip::UnknownLocation => {
            "add this to the configuration that --config names, if it is an image that something runs"
        }
        Skip::EmbeddedText => "write the text as a literal block (`|`), or as YAML where the format takes it",
        Skip::Replaced => "nothing here: what comes out is named where it is replaced",
        Skip::SharedTag => "set the tag, or a digest, for each image by itself",
        Skip::Asserted => "nothing: only a test reads it",
        Skip::ByVersion => "nothing: what reads it takes a version and no digest",
        Skip::NotEditable if &*located.site.format == "devcontainer-feature" => {
            "write `name@sha256:…`: it takes a tag or a digest"
        }
        Skip::NotEditable if located.site.inside.is_some() => "write the text as a literal block (`|`)",
        Skip::NotEditable => "write it on one line, without a tag of YAML",
    }
}

/// Returns whether an image would be pulled by its name.
fn is_never_pulled(image: &str) -> bool {
    classify(image).0 == State::Floating && !image.starts_with("localhost/")
}

/// Returns what is said of an image that is asked about, in a word or two.
pub fn outcome_words(state: State, explanation: &Explanation) -> String {
    match &explanation.verdict {
        Some(Verdict { outcome, reason, .. }) => {
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{}{reason}", outcome.as_str())
        }
        None if state == State::Pinned => "kept up to date: written again where the tag has moved".to_owned(),
        None => format!("{} once the registry has been asked", Outcome::Pinned.as_str()),
    }
}
