//! `[[environment]]`.

use std::collections::HashSet;

use toml::Spanned;

use super::Checker;
use crate::config::raw::RawEnvironment;
use crate::policy::environment::{Environment, PromotedBy, PromotionSettings};

/// The words of `promote`.
pub(in crate::config) const PROMOTED_BY: [(&str, PromotedBy); 2] =
    [("by-hand", PromotedBy::Hand), ("pull-request", PromotedBy::PullRequest)];

impl Checker<'_> {
    pub(in crate::config) fn environments(&mut self, raw: &[Spanned<RawEnvironment>]) -> Vec<Environment> {
        let mut environments: Vec<Environment> = Vec::new();
        let mut names = HashSet::new();
        for raw in raw {
            let (span, raw) = (raw.span(), raw.get_ref());
            let name = self.filled("name", &raw.name);
            let paths = self.globs("paths", &raw.paths, false);
            let (Some(name), Some(paths)) = (name, paths) else { continue };
            if names.contains(&name) {
                self.fail(raw.name.span(), format!("the environment `{name}` is there twice"));
                continue;
            }
            if raw.equal && paths.patterns().len() < 2 {
                let hint =
                    "write one pattern for each copy, for example `[\"clusters/eu/**\", \"clusters/us/**\"]`";
                self.fail_hint(span, "`equal = true` compares several `paths`, here is one", hint);
            }
            let mut environment = Environment::new(name.clone(), paths, raw.equal);
            environment.after = raw.after.as_ref().and_then(|after| self.filled("after", after));
            environment.platforms =
                raw.platforms.as_ref().and_then(|platforms| self.platforms(platforms)).unwrap_or_default();
            environment.registries =
                raw.registries.as_ref().and_then(|registries| self.globs("registries", registries, false));
            environment.promotion = self.promotion(raw);
            // What comes before stands before: so there are no circles, and a name that is not there is found.
            if let (Some(after), Some(text)) = (&environment.after, &raw.after)
                && !names.contains(after)
            {
                let hint = "name an `[[environment]]` that stands above this one";
                self.fail_hint(text.span(), format!("there is no environment `{after}` before"), hint);
            }
            names.insert(name);
            environments.push(environment);
        }
        environments
    }

    fn promotion(&mut self, raw: &RawEnvironment) -> PromotionSettings {
        let spans = [
            ("promote", raw.promote.as_ref().map(Spanned::span)),
            ("soak", raw.soak.as_ref().map(Spanned::span)),
            ("partial", raw.partial.as_ref().map(Spanned::span)),
        ];
        for (key, span) in spans {
            if let (Some(span), None) = (span, &raw.after) {
                let hint = "name the environment that it takes its images from, with `after`";
                self.fail_hint(span, format!("`{key}` is about what is promoted into an environment"), hint);
            }
        }
        PromotionSettings {
            by: raw
                .promote
                .as_ref()
                .and_then(|word| self.word("promote", word, &PROMOTED_BY))
                .unwrap_or_default(),
            soak: raw.soak.as_ref().and_then(|text| self.wait("soak", text)).unwrap_or_default(),
            partial: raw.partial.as_ref().is_some_and(|partial| *partial.get_ref()),
        }
    }
}
