//! `[pull-request]`: groups, limits, words, labels and people, and what a pull request tells.

use std::ops::RangeInclusive;

use toml::Spanned;

use super::Checker;
use crate::config::raw::{RawGroup, RawPullRequest, SpannedText};
use crate::forge::{Capabilities, MergeMethod, Metadata};
use crate::pull_request::group::{By, Grouping, NamedGroup};
use crate::pull_request::{DetailsOf, Proposals, PullRequestSettings, Wording};

/// The words of `group-by`.
pub(in crate::config) const GROUPS: [(&str, By); 4] =
    [("all", By::All), ("path", By::Path), ("image", By::Image), ("registry", By::Registry)];

/// The words of `auto-merge`.
pub(in crate::config) const MERGES: [(&str, MergeMethod); 3] =
    [("merge", MergeMethod::Merge), ("squash", MergeMethod::Squash), ("rebase", MergeMethod::Rebase)];

/// The words of `details`.
pub(in crate::config) const DETAILS: [(&str, DetailsOf); 3] =
    [("none", DetailsOf::None), ("moved", DetailsOf::Moved), ("all", DetailsOf::All)];

/// How many requests one registry may get for details in a run.
const REQUESTS: RangeInclusive<usize> = 0..=100_000;

/// More pull requests than anybody reads.
const LIMIT_MAX: usize = 1000;

impl Checker<'_> {
    pub(super) fn pull_request(&mut self, raw: &RawPullRequest) -> PullRequestSettings {
        let mut pull_request = PullRequestSettings::default();
        if let Some(details) = raw.details.as_ref().and_then(|word| self.word("details", word, &DETAILS)) {
            pull_request.details = details;
        }
        let requests = raw.details_requests.as_ref();
        if let Some(most) = requests.and_then(|most| self.number("details-requests", most, REQUESTS)) {
            pull_request.details_requests = most as u64;
        }
        let path = raw.body_template.as_ref();
        pull_request.body_template = path.and_then(|path| self.path("body-template", path));
        pull_request
    }

    pub(super) fn proposals(&mut self, raw: &RawPullRequest) -> Proposals {
        let default = Proposals::default();
        let limit = |checker: &mut Self, key: &str, number: &Option<Spanned<i64>>, default: usize| {
            let number = number.as_ref().and_then(|number| checker.number(key, number, 0..=LIMIT_MAX));
            number.unwrap_or(default)
        };
        let label = |checker: &mut Self, key: &str, label: &Option<SpannedText>, default: String| {
            label.as_ref().and_then(|label| checker.label(key, label)).unwrap_or(default)
        };
        let proposals = Proposals {
            grouping: Grouping {
                by: raw
                    .group_by
                    .as_ref()
                    .and_then(|by| self.word("group-by", by, &GROUPS))
                    .unwrap_or_default(),
                named: self.named_groups(&raw.group).into(),
            },
            max_open: limit(self, "max-open", &raw.max_open, default.max_open),
            max_new: limit(self, "max-new", &raw.max_new, default.max_new),
            title: raw.title.as_ref().and_then(|text| self.template("title", text)),
            commit_message: raw
                .commit_message
                .as_ref()
                .and_then(|text| self.template("commit-message", text)),
            dress: self.dress(raw),
            rebuild_label: label(self, "rebuild-label", &raw.rebuild_label, default.rebuild_label),
            stop_label: label(self, "stop-label", &raw.stop_label, default.stop_label),
        };
        if proposals.rebuild_label.eq_ignore_ascii_case(&proposals.stop_label)
            && let Some(written) = raw.stop_label.as_ref().or(raw.rebuild_label.as_ref())
        {
            self.fail(written.span(), "`rebuild-label` and `stop-label` are the same");
        }
        proposals
    }

    fn named_groups(&mut self, raw: &[Spanned<RawGroup>]) -> Vec<NamedGroup> {
        let mut groups: Vec<NamedGroup> = Vec::new();
        for entry in raw {
            let group = entry.get_ref();
            let Some(name) = self.filled("name", &group.name) else { continue };
            if groups.iter().any(|other| other.name == name) {
                self.fail(group.name.span(), format!("two groups have the name `{name}`"));
                continue;
            }
            if group.paths.is_none() && group.images.is_none() {
                self.fail_hint(
                    entry.span(),
                    format!("the group `{name}` takes everything"),
                    "give it `paths`, `images`, or both",
                );
            }
            let paths = group.paths.as_ref().and_then(|globs| self.globs("paths", globs, false));
            let images = group.images.as_ref().and_then(|globs| self.globs("images", globs, false));
            groups.push(NamedGroup { name, paths, images });
        }
        groups
    }

    fn dress(&mut self, raw: &RawPullRequest) -> Metadata {
        let merge = raw.auto_merge.as_ref();
        Metadata {
            draft: raw.draft.unwrap_or_default(),
            labels: self.names("labels", &raw.labels, Self::label),
            reviewers: self.names("reviewers", &raw.reviewers, Self::account),
            team_reviewers: self.names("team-reviewers", &raw.team_reviewers, Self::account),
            assignees: self.names("assignees", &raw.assignees, Self::account),
            milestone: raw.milestone.as_ref().and_then(|title| self.filled("milestone", title)),
            auto_merge: merge.and_then(|method| self.word("auto-merge", method, &MERGES)),
        }
    }

    fn names(
        &mut self,
        key: &str,
        list: &Option<Spanned<Vec<SpannedText>>>,
        check: fn(&mut Self, &str, &SpannedText) -> Option<String>,
    ) -> Vec<String> {
        let Some(list) = list else { return Vec::new() };
        let most = self.capabilities.names_max;
        if list.get_ref().len() > most {
            self.fail(list.span(), format!("`{key}` has more than {most} entries"));
        }
        list.get_ref().iter().filter_map(|name| check(self, key, name)).collect()
    }

    fn label(&mut self, key: &str, text: &SpannedText) -> Option<String> {
        let label = self.filled(key, text)?;
        let Capabilities { name, label_max, .. } = self.capabilities;
        if label.contains(',') || label.chars().count() > label_max {
            self.fail(
                text.span(),
                format!("`{label}` is not a label: {name} takes up to {label_max} characters and no comma"),
            );
            return None;
        }
        Some(label)
    }

    /// The login of a person or the slug of a team.
    fn account(&mut self, key: &str, text: &SpannedText) -> Option<String> {
        let name = text.get_ref();
        let well_formed = (1..=100).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !well_formed {
            self.fail_hint(
                text.span(),
                format!("`{name}` in `{key}` is not a name on {}", self.capabilities.name),
                "write the login, or the team's short name, without `@` and without the organization",
            );
            return None;
        }
        Some(name.clone())
    }

    fn template(&mut self, key: &str, text: &SpannedText) -> Option<Wording> {
        match Wording::new(text.get_ref()) {
            Ok(template) => Some(template),
            Err(error) => {
                self.fail_hint(
                    text.span(),
                    format!("`{key}` is not a template that works: {error}"),
                    "docs/pull-requests.md has what it can name",
                );
                None
            }
        }
    }
}
