//! `[check]`, `[[check.rule]]`, `[[check.allow]]` and `[[environment]]`.

use toml::Spanned;
use toml::value::Datetime;

use super::Checker;
use crate::check::{Allow, Level, LevelRule, Matcher, Origin, Settings, rules};
use crate::config::problem::suggest;
use crate::config::raw::{RawAllow, RawCheck, RawCheckRule, RawEnvironment, Text};
use crate::environment::Environment;
use crate::manifest::Place;

type Strings = Option<Spanned<Vec<String>>>;

impl Checker<'_> {
    pub(in crate::config) fn gate(&mut self, raw: &RawCheck) -> Settings {
        Settings {
            rules: raw.rule.iter().filter_map(|rule| self.level_rule(rule)).collect(),
            raised: Vec::new(),
            allows: raw.allow.iter().filter_map(|allow| self.allow(allow)).collect(),
            strict: raw.strict.unwrap_or_default(),
        }
    }

    fn level_rule(&mut self, raw: &Spanned<RawCheckRule>) -> Option<LevelRule> {
        let raw = raw.get_ref();
        let matcher = self.matcher(raw.rules.as_ref(), &raw.paths, &raw.images);
        let level = self.word("level", &raw.level, &Level::WORDS)?;
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

    fn matcher(&mut self, rules: Option<&Spanned<Vec<Text>>>, paths: &Strings, images: &Strings) -> Matcher {
        Matcher {
            rules: rules.map(|rules| self.rule_ids(rules)).unwrap_or_default(),
            paths: paths.as_ref().and_then(|paths| self.globs("paths", paths, false)),
            images: images.as_ref().and_then(|images| self.globs("images", images, false)),
        }
    }

    fn rule_ids(&mut self, raw: &Spanned<Vec<Text>>) -> Vec<&'static str> {
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
                format!("`until = {text}` is no day"),
                "write the last day on which it holds, as `until = 2026-12-31`",
            );
        }
        day
    }

    /// Returns where the entry at `span` stands: its first line, as messages show it.
    pub(super) fn origin(&self, span: std::ops::Range<usize>) -> Origin {
        let start = span.start.min(self.text.len());
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[..line_start].matches('\n').count() + 1;
        let width = self.text[start..].lines().next().unwrap_or_default();
        let column = self.text[line_start..start].chars().count() + 1;
        let place = Place {
            span: start..start + width.len(),
            line,
            column,
            end_line: line,
            end_column: column + width.chars().count(),
        };
        Origin { file: self.file.to_owned(), root_path: self.file.to_owned(), place }
    }

    pub(in crate::config) fn environments(&mut self, raw: &[Spanned<RawEnvironment>]) -> Vec<Environment> {
        let mut environments: Vec<Environment> = Vec::new();
        for raw in raw {
            let (span, raw) = (raw.span(), raw.get_ref());
            let name = self.filled("name", &raw.name);
            let paths = self.globs("paths", &raw.paths, false);
            let (Some(name), Some(paths)) = (name, paths) else { continue };
            if environments.iter().any(|other| other.name == name) {
                self.fail(raw.name.span(), format!("the environment `{name}` is there twice"));
                continue;
            }
            if raw.equal && paths.patterns().len() < 2 {
                let hint =
                    "write one pattern for each copy, for example `[\"clusters/eu/**\", \"clusters/us/**\"]`";
                self.fail_hint(span, "`equal = true` compares several `paths`, here is one", hint);
            }
            let mut environment = match Environment::new(name, paths, raw.equal) {
                Ok(environment) => environment,
                Err(error) => {
                    self.fail(raw.paths.span(), format!("`paths`: {error}"));
                    continue;
                }
            };
            environment.after = raw.after.as_ref().and_then(|after| self.filled("after", after));
            environment.platforms =
                raw.platforms.as_ref().and_then(|platforms| self.platforms(platforms)).unwrap_or_default();
            environment.registries =
                raw.registries.as_ref().and_then(|registries| self.globs("registries", registries, false));
            // What comes before stands before: so there are no circles, and a name that is not there is found.
            if let (Some(after), Some(text)) = (&environment.after, &raw.after)
                && environments.iter().all(|other| other.name != *after)
            {
                let hint = "name an `[[environment]]` that stands above this one";
                self.fail_hint(text.span(), format!("there is no environment `{after}` before"), hint);
            }
            environments.push(environment);
        }
        environments
    }
}
