//! `[check]`, `[[check.rule]]` and `[[check.allow]]`.

use toml::Spanned;
use toml::value::Datetime;

use super::Checker;
use crate::check::{Allow, CheckSettings, LevelRule, Matcher, Severity, rules};
use crate::config::diagnostic::suggest;
use crate::config::raw::{RawAllow, RawCheck, RawCheckRule, SpannedText};
use crate::manifest::SourceRange;
use crate::policy::{ScopedList, SettingOrigin};

type Strings = Option<Spanned<Vec<String>>>;

impl Checker<'_> {
    pub(in crate::config) fn gate(&mut self, raw: &RawCheck) -> CheckSettings {
        CheckSettings {
            rules: raw.rule.iter().filter_map(|rule| self.level_rule(rule)).collect(),
            raised: ScopedList::default(),
            allows: raw.allow.iter().filter_map(|allow| self.allow(allow)).collect(),
            strict: raw.strict.unwrap_or_default(),
        }
    }

    fn level_rule(&mut self, raw: &Spanned<RawCheckRule>) -> Option<LevelRule> {
        let raw = raw.get_ref();
        let matcher = self.matcher(raw.rules.as_ref(), &raw.paths, &raw.images);
        let level = self.word("level", &raw.level, &Severity::WORDS)?;
        Some(LevelRule { matcher, level })
    }

    fn allow(&mut self, raw: &Spanned<RawAllow>) -> Option<Allow> {
        let (span, raw) = (raw.span(), raw.get_ref());
        if raw.rules.is_none() && raw.paths.is_none() && raw.images.is_none() {
            let hint = "name `rules`, `paths` or `images`; to switch rules off there is `level = \"off\"`";
            self.fail_hint(span, "this `[[check.allow]]` allows everything", hint);
            return None;
        }
        let matcher = self.matcher(raw.rules.as_ref(), &raw.paths, &raw.images);
        let reason = self.filled("reason", &raw.reason)?;
        let until = match &raw.until {
            Some(until) => Some(self.day(until)?),
            None => None,
        };
        Some(Allow { matcher, reason, until, origin: self.origin(span) })
    }

    fn matcher(
        &mut self,
        rules: Option<&Spanned<Vec<SpannedText>>>,
        paths: &Strings,
        images: &Strings,
    ) -> Matcher {
        Matcher {
            rules: rules.map(|rules| self.rule_ids(rules)).unwrap_or_default(),
            paths: paths.as_ref().and_then(|paths| self.globs("paths", paths, false)),
            images: images.as_ref().and_then(|images| self.globs("images", images, false)),
        }
    }

    fn rule_ids(&mut self, raw: &Spanned<Vec<SpannedText>>) -> Vec<&'static str> {
        if raw.get_ref().is_empty() {
            self.fail_hint(raw.span(), "`rules = []` is for nothing", "leave the key out for every rule");
        }
        let mut ids = Vec::new();
        for text in raw.get_ref() {
            match rules::by_id(text.get_ref()) {
                Some(rule) => ids.push(rule.id),
                None => {
                    let known: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
                    let hint = suggest(text.get_ref(), &known);
                    self.fail_hint(text.span(), format!("there is no rule `{}`", text.get_ref()), hint);
                }
            }
        }
        ids
    }

    fn day(&mut self, until: &Spanned<Datetime>) -> Option<jiff::civil::Date> {
        let text = until.get_ref().to_string();
        let day = text.parse().ok().filter(|_| until.get_ref().time.is_none());
        if day.is_none() {
            self.fail_hint(
                until.span(),
                format!("`until = {text}` is not a day"),
                "write the last day on which it holds, as `until = 2026-12-31`",
            );
        }
        day
    }

    /// Returns where the entry at `span` stands: its first line, as messages show it.
    pub(super) fn origin(&self, span: std::ops::Range<usize>) -> SettingOrigin {
        let start = span.start.min(self.text.len());
        let number = self.lines.of(start);
        let (line, line_start) = (number + 1, self.lines.start(number));
        let width = &self.text[start..self.lines.end(self.text, number)];
        let column = self.text[line_start..start].chars().count() + 1;
        let place = SourceRange {
            span: start..start + width.len(),
            line,
            column,
            end_line: line,
            end_column: column + width.chars().count(),
        };
        SettingOrigin { file: self.file.to_owned(), root_path: self.file.to_owned(), place }
    }
}
