//! `[policy]` and `[[policy.rule]]`.

use toml::Spanned;

use super::{Checker, UNKNOWN_AGES};
use crate::config::raw::{RawPolicy, RawRule, SpannedText};
use crate::manifest::edit::Style;
use crate::platform::Platform;
use crate::policy::{Ages, Defaults, Policy, PolicyLevel, PolicyRule, SplitFields};

/// The words of `style`.
pub(in crate::config) const STYLES: [(&str, Style); 2] =
    [("tag+digest", Style::TagDigest), ("digest", Style::Digest)];

/// The words of `split-fields`.
pub(in crate::config) const SPLIT_FIELDS: [(&str, SplitFields); 3] =
    [("auto", SplitFields::Auto), ("tag", SplitFields::Tag), ("skip", SplitFields::Skip)];

/// The words of `level`.
pub(in crate::config) const LEVELS: [(&str, PolicyLevel); 3] =
    [("index", PolicyLevel::Index), ("platform", PolicyLevel::Platform), ("auto", PolicyLevel::Auto)];

impl Checker<'_> {
    pub(in crate::config) fn policy(&mut self, raw: &RawPolicy) -> Policy {
        let mut policy = Policy::default();
        let before = self.problems.len();
        policy.defaults = Defaults {
            level: raw.level.as_ref().and_then(|level| self.level(level)).unwrap_or_default(),
            platforms: raw.platforms.as_ref().and_then(|list| self.platforms(list)).unwrap_or_default(),
            style: raw
                .style
                .as_ref()
                .and_then(|style| self.word("style", style, &STYLES))
                .unwrap_or_default(),
            split_fields: raw
                .split_fields
                .as_ref()
                .and_then(|word| self.word("split-fields", word, &SPLIT_FIELDS))
                .unwrap_or_default(),
            ages: Ages {
                min_age: raw.min_age.as_ref().and_then(|time| self.wait("min-age", time)).unwrap_or_default(),
                settle: raw.settle.as_ref().and_then(|time| self.wait("settle", time)).unwrap_or_default(),
                unknown: raw
                    .unknown_age
                    .as_ref()
                    .and_then(|word| self.word("unknown-age", word, &UNKNOWN_AGES))
                    .unwrap_or_default(),
            },
            demand: self.demand(raw),
        };
        if let Some(include) = raw.include.as_ref().and_then(|list| self.globs("include", list, false)) {
            policy.include = include;
        }
        if let Some(exclude) = raw.exclude.as_ref().and_then(|list| self.globs("exclude", list, true)) {
            policy.exclude = exclude;
        }
        policy.vendored = raw.vendored.unwrap_or_default();
        if let Some(tags) = raw.immutable.as_ref().and_then(|list| self.globs("immutable", list, true)) {
            policy.immutable = tags;
        }
        if let Some(level) = &raw.level
            && self.problems.len() == before
            && !policy.defaults.names_one_platform()
        {
            self.needs_one_platform(level.span(), policy.defaults.platforms.len());
        }
        policy.rules = raw.rule.iter().map(|rule| self.rule(rule, &policy.defaults)).collect();
        policy
    }

    fn rule(&mut self, raw: &Spanned<RawRule>, defaults: &Defaults) -> PolicyRule {
        let (span, raw) = (raw.span(), raw.get_ref());
        let before = self.problems.len();
        let rule = PolicyRule {
            paths: raw.paths.as_ref().and_then(|list| self.globs("paths", list, false)),
            images: raw.images.as_ref().and_then(|list| self.globs("images", list, false)),
            level: raw.level.as_ref().and_then(|level| self.level(level)),
            platforms: raw.platforms.as_ref().and_then(|list| self.platforms(list)),
            style: raw.style.as_ref().and_then(|style| self.word("style", style, &STYLES)),
            split_fields: raw
                .split_fields
                .as_ref()
                .and_then(|word| self.word("split-fields", word, &SPLIT_FIELDS)),
            min_age: raw.min_age.as_ref().and_then(|time| self.wait("min-age", time)),
            settle: raw.settle.as_ref().and_then(|time| self.wait("settle", time)),
            unknown_age: raw
                .unknown_age
                .as_ref()
                .and_then(|word| self.word("unknown-age", word, &UNKNOWN_AGES)),
            ..PolicyRule::default()
        };
        let rule = self.demand_of_rule(raw, rule, defaults);
        // A rule that names neither has what the defaults have, and their fault was said there.
        let own = raw.level.as_ref().map(Spanned::span).or(raw.platforms.as_ref().map(Spanned::span));
        let effective = defaults.overridden(Some(&rule));
        if own.is_some() && self.problems.len() == before && !effective.names_one_platform() {
            self.needs_one_platform(own.unwrap_or(span), effective.platforms.len());
        }
        rule
    }

    fn level(&mut self, level: &SpannedText) -> Option<PolicyLevel> {
        self.word("level", level, &LEVELS)
    }

    pub(super) fn platforms(&mut self, list: &Spanned<Vec<SpannedText>>) -> Option<Vec<Platform>> {
        let mut platforms = Vec::new();
        let before = self.problems.len();
        for text in list.get_ref() {
            match Platform::parse(text.get_ref()).filter(Platform::is_known) {
                Some(platform) if platforms.contains(&platform) => {
                    self.fail(text.span(), format!("the platform `{platform}` is listed twice"));
                }
                Some(platform) => platforms.push(platform),
                None => self.fail_hint(
                    text.span(),
                    format!("`{}` is not a platform", text.get_ref()),
                    "write `os/architecture` or `os/architecture/variant`, for example `linux/arm64`",
                ),
            }
        }
        (self.problems.len() == before).then_some(platforms)
    }

    fn needs_one_platform(&mut self, span: std::ops::Range<usize>, count: usize) {
        self.fail_hint(
            span,
            format!("the level `platform` needs exactly one entry in `platforms`, here are {count}"),
            "name the one platform, for example `platforms = [\"linux/amd64\"]`, or use the level `index`",
        );
    }
}
