//! What to do next: the last line of a command on a terminal. Pure.

use super::Report;
use super::totals::numbered;
use crate::check::Fix;
use crate::live::{Comparison, LiveStatus};
use crate::plan::Outcome;
use crate::text::{count, shell_word};

/// Returns what to do after `tagpin list PATHS`, of whose images `open` have no digest and nothing that keeps one away; the reasons
/// are those of the images without a digest that keep none.
pub fn after_list<'r>(open: usize, reasons: impl Iterator<Item = &'r str>, paths: &str) -> Option<String> {
    let reasons = numbered(reasons, usize::MAX);
    let others =
        if reasons.is_empty() { String::new() } else { format!("; the others stay as they are{reasons}") };
    (open > 0).then(|| {
        format!(
            "`tagpin pin --dry-run{paths}` shows the digests of {}{others}",
            count(open, "floating image")
        )
    })
}

/// Returns what to do after `tagpin pin` or another command that edits files; `is_tracked` tells whether git can show it.
pub fn after_edit(report: &Report<'_>, dry_run: bool, is_tracked: bool) -> Option<String> {
    let is_change = |outcome: Outcome| matches!(outcome, Outcome::Pinned | Outcome::Updated);
    let changes = report.rows.iter().any(|row| row.outcome.is_some_and(is_change));
    match (changes, dry_run) {
        (false, _) => None,
        (true, true) => Some("the same command without `--dry-run` writes this".to_owned()),
        (true, false) => is_tracked.then(|| "`git diff` shows what was written; commit it".to_owned()),
    }
}

/// Returns what to do after `tagpin check`.
pub fn after_check(report: &Report<'_>) -> Option<String> {
    let is_fixable = |fix: &Option<Fix>| matches!(fix, Some(Fix::Pin { .. }));
    let fixable = report.findings.iter().filter(|finding| is_fixable(&finding.fix)).count();
    (fixable > 0).then(|| format!("the same command with `--fix` mends {}", count(fixable, "finding")))
}

/// Returns what to do after `tagpin live PATHS`; `has_history` tells whether there is a git history of them.
pub fn after_live(compared: &Comparison, online: bool, has_history: bool, paths: &str) -> Option<String> {
    let is = |status: LiveStatus| compared.images.iter().filter(move |image| image.status == status);
    let drift = is(LiveStatus::Drift).next();
    // That one platform's manifest may run is said already.
    if drift.is_some() && !online {
        return None;
    }
    if let Some(declared) = drift.and_then(|image| image.declared.first()).filter(|_| has_history) {
        let file = shell_word(&declared.file);
        return Some(format!("`tagpin history {file}` tells since when it declares which digest"));
    }
    let unpinned = is(LiveStatus::NotPinned).count();
    (unpinned > 0).then(|| format!("`tagpin pin{paths}` declares a digest for {}", count(unpinned, "image")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_where_there_is_nothing_to_do() {
        assert_eq!(after_list(0, ["on-hold"].into_iter(), ""), None);
        assert_eq!(
            after_list(2, std::iter::empty(), " 'a b'").unwrap(),
            "`tagpin pin --dry-run 'a b'` shows the digests of 2 floating images"
        );
        assert_eq!(
            after_list(12, ["on-hold", "chart-unknown", "on-hold"].into_iter(), "").unwrap(),
            "`tagpin pin --dry-run` shows the digests of 12 floating images; the others stay as they are (1 chart-unknown, 2 \
             on-hold)"
        );
        let empty = Report::default();
        assert_eq!(after_edit(&empty, true, true), None);
        assert_eq!(after_check(&empty), None);
        assert_eq!(after_live(&Comparison::default(), false, true, ""), None);
    }
}
