//! `[ledger]`, and the waiting times of `[policy]` that need one.

use jiff::SignedDuration;

use super::Checker;
use crate::config::LedgerSettings;
use crate::config::raw::{RawLedger, SpannedText};
use crate::duration;
use crate::policy::{Policy, UnknownAge};
use crate::pull_request::group::PREFIX;

/// The words of `unknown-age`.
pub(in crate::config) const UNKNOWN_AGES: [(&str, UnknownAge); 2] =
    [("wait", UnknownAge::Wait), ("accept", UnknownAge::Accept)];

/// The longest time that anything waits.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

impl Checker<'_> {
    pub(super) fn ledger(&mut self, raw: &RawLedger, policy: &Policy) -> LedgerSettings {
        let mut ledger = LedgerSettings { enabled: policy.waits(), ..LedgerSettings::default() };
        if let Some(enabled) = &raw.enabled {
            if policy.waits() && !enabled.get_ref() {
                self.fail_hint(
                    enabled.span(),
                    "`min-age` and `settle` need the ledger",
                    "leave `enabled` out, or those in [policy] and [[policy.rule]]",
                );
            }
            ledger.enabled |= enabled.get_ref();
        }
        if let Some(branch) = raw.branch.as_ref().and_then(|branch| self.ledger_branch(branch)) {
            ledger.branch = branch;
        }
        ledger
    }

    fn ledger_branch(&mut self, branch: &SpannedText) -> Option<String> {
        let name = self.filled("branch", branch)?;
        // Branches for changes come and go.
        let hint = "name a branch for the ledger alone, for example `tagpin-ledger`";
        // git itself takes a leading `-` for an option.
        if !crate::source::git::is_branch(&name) || name.starts_with("refs/") || name.starts_with('-') {
            self.fail_hint(branch.span(), format!("`{name}` is not a name that a branch can have"), hint);
            return None;
        }
        if name.starts_with(PREFIX) {
            self.fail_hint(branch.span(), format!("`{name}` is a branch for changes"), hint);
            return None;
        }
        Some(name)
    }

    /// Returns a time to wait, such as `24h` or `3d`; none is `0s`.
    pub(super) fn wait(&mut self, key: &str, text: &SpannedText) -> Option<SignedDuration> {
        let wait = duration::parse(text.get_ref());
        let wait = wait.filter(|wait| *wait <= LONGEST && wait.subsec_nanos() == 0);
        if wait.is_none() {
            self.fail_hint(
                text.span(),
                format!("`{key}` cannot be `{}`", text.get_ref()),
                "write a time up to a year, for example `24h`, `3d` or `90m`, or `0s` for none",
            );
        }
        wait
    }
}
