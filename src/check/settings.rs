//! How much a finding counts for its path and image, and what is allowed for a while.

use std::borrow::Cow;

use jiff::civil::Date;

use super::finding::Finding;
use super::rule::Severity;
use crate::policy::{Globs, Scoped, ScopedList, SettingOrigin};
use crate::reference::Reference;

/// What the configuration says about the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckSettings {
    /// Levels other than the rules' own, in order: the first that matches rule, path and image wins.
    pub rules: ScopedList<LevelRule>,
    /// The same from a scanned repository: they can only raise a level.
    pub raised: ScopedList<LevelRule>,
    /// What is allowed, why and until when.
    pub allows: ScopedList<Allow>,
    /// Whether warnings and notes count as errors.
    pub strict: bool,
}

/// A level for some paths and images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelRule {
    /// The rules it is for.
    pub matcher: Matcher,
    /// Their level there.
    pub level: Severity,
}

/// Findings that nobody wants to see, with a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// What is allowed.
    pub matcher: Matcher,
    /// Why.
    pub reason: String,
    /// The last day on which it holds; `None` where it has no end.
    pub until: Option<Date>,
    /// Where the configuration says so.
    pub origin: SettingOrigin,
}

/// Which findings something is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// The rules; every rule where it is empty.
    pub rules: Vec<&'static str>,
    /// The files, below the root of the repository; every file where it is `None`.
    pub paths: Option<Globs>,
    /// The images, as spelled or normalised, without tag and digest; every finding where it is `None`.
    pub images: Option<Globs>,
}

impl CheckSettings {
    /// Returns how much a finding counts; its own level is what its rule says.
    pub(super) fn level(&self, finding: &Finding) -> Severity {
        places(finding).map(|path| self.level_at(finding, path)).max().unwrap_or(finding.level)
    }

    fn level_at(&self, finding: &Finding, path: &str) -> Severity {
        let first = |rules| matching(rules, finding, path, |rule: &LevelRule| &rule.matcher).next();
        let level = |rules| first(rules).map(|rule| rule.level);
        let own = level(&self.rules).unwrap_or(finding.level);
        match own.max(level(&self.raised).unwrap_or(Severity::Off)) {
            Severity::Off => Severity::Off,
            _ if self.strict => Severity::Error,
            level => level,
        }
    }

    /// Returns whether a finding is allowed on this day.
    pub(super) fn allows(&self, finding: &Finding, today: Date) -> bool {
        let is_open = |allow: &Allow| allow.until.is_none_or(|until| today <= until);
        let allows = |path| matching(&self.allows, finding, path, |allow| &allow.matcher).any(is_open);
        places(finding).all(allows)
    }
}

/// Returns the files by whose settings a finding is judged: its own, and who deploys that since the change.
fn places(finding: &Finding) -> impl Iterator<Item = &str> {
    std::iter::once(finding.root_path.as_str()).chain(finding.deployed_by.iter().map(String::as_str))
}

/// Returns the settings for a finding: by its rule, its file, and the name of its image as it is spelled or normalised.
fn matching<'l, T: Scoped>(
    list: &'l ScopedList<T>,
    finding: &Finding,
    path: &str,
    matcher: impl Fn(&T) -> &Matcher,
) -> impl Iterator<Item = &'l T> {
    let image = finding.image.as_deref().filter(|_| !list.is_empty());
    let reference = image.and_then(|image| Reference::parse(image).ok());
    let names: Vec<Cow<'_, str>> = match &reference {
        Some(reference) => reference.names(),
        // A variable or a template: what stands there.
        None => image.into_iter().map(Cow::from).collect(),
    };
    let rule = finding.rule.id;
    list.matching(path, &names).filter(move |setting| {
        let rules = &matcher(setting).rules;
        rules.is_empty() || rules.contains(&rule)
    })
}

impl Scoped for LevelRule {
    fn paths(&self) -> Option<&Globs> {
        self.matcher.paths.as_ref()
    }

    fn images(&self) -> Option<&Globs> {
        self.matcher.images.as_ref()
    }
}

impl Scoped for Allow {
    fn paths(&self) -> Option<&Globs> {
        self.matcher.paths.as_ref()
    }

    fn images(&self) -> Option<&Globs> {
        self.matcher.images.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::rules;

    fn rule(level: Severity) -> LevelRule {
        LevelRule { matcher: Matcher::default(), level }
    }

    #[test]
    fn a_repository_raises_a_level_and_never_lowers_it() {
        let finding = |id: &str| {
            let rule = rules::by_id(id).unwrap();
            Finding::in_file(rule, "a.yaml", "a.yaml", String::new())
        };
        let raised = |level| CheckSettings { raised: vec![rule(level)].into(), ..CheckSettings::default() };
        assert_eq!(raised(Severity::Note).level(&finding("floating-tag")), Severity::Error);
        assert_eq!(raised(Severity::Error).level(&finding("unverifiable")), Severity::Error);
        let off = CheckSettings { rules: vec![rule(Severity::Off)].into(), ..raised(Severity::Warning) };
        assert_eq!(off.level(&finding("floating-tag")), Severity::Warning);
        let strict = CheckSettings { strict: true, ..CheckSettings::default() };
        assert_eq!(strict.level(&finding("unverifiable")), Severity::Error);
        let strict = CheckSettings { rules: vec![rule(Severity::Off)].into(), ..strict };
        assert_eq!(strict.level(&finding("unverifiable")), Severity::Off);
    }
}
