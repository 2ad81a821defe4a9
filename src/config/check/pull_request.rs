//! `[pull-request]`: what a pull request tells.

use std::ops::RangeInclusive;

use super::Checker;
use crate::config::raw::RawPullRequest;
use crate::pull_request::{DetailsOf, PullRequestSettings};

/// The words of `details`.
pub(in crate::config) const DETAILS: [(&str, DetailsOf); 3] =
    [("none", DetailsOf::None), ("moved", DetailsOf::Moved), ("all", DetailsOf::All)];

/// How many requests one registry may get for details in a run.
const REQUESTS: RangeInclusive<usize> = 0..=100_000;

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
}
