//! What is not part of a pull request, and why: a line for each, and one for all that was declined.

use std::collections::BTreeSet;

use super::Omitted;
use super::sections::{fitting, folded, size};
use crate::markdown::code;
use crate::plan::Reason;
use crate::text::count;

/// How many references are shown before the rest is only counted.
pub(super) const SHOWN: usize = 100;

/// How many of the closed pull requests are told of by a sentence each.
const TOLD: usize = 3;

/// What is not part of a pull request, as lines.
pub(super) struct LeftOut {
    lines: Vec<String>,
    /// How many there are in all.
    count: usize,
    declined: Declined,
}

/// What was declined, where that is more than one reference.
#[derive(Default)]
struct Declined {
    count: usize,
    /// What to do about it: a line for each of the first pull requests that were closed.
    told: Vec<String>,
    lines: Vec<String>,
}

impl LeftOut {
    pub(super) fn of(left_out: &[Omitted]) -> Self {
        let is_declined = |left: &&Omitted| left.reason == Reason::Declined.as_str();
        let (declined, others): (Vec<&Omitted>, Vec<&Omitted>) = left_out.iter().partition(is_declined);
        let is_folded = declined.len() > 1;
        let shown = if is_folded { others } else { left_out.iter().collect() };
        Self {
            lines: shown.into_iter().take(SHOWN).map(line).collect(),
            count: left_out.len(),
            declined: if is_folded { Declined::of(&declined) } else { Declined::default() },
        }
    }

    /// Returns the section, as far as there is `room` for its lines; empty where nothing was left out.
    pub(super) fn section(&self, room: usize) -> String {
        let what = match self.count {
            0 => return String::new(),
            1 => "1 reference is not part of this pull request:".to_owned(),
            count => format!("{count} references are not part of this pull request:"),
        };
        let shown = fitting(&self.lines, room);
        let taken: usize = self.lines[..shown].iter().map(|line| size(line) + 2).sum();
        let mut list: Vec<String> = self.lines[..shown].to_vec();
        let hidden = self.count - self.declined.count - shown;
        if hidden > 0 {
            let more = if shown == 0 { "see" } else { "and" };
            list.push(format!("- {more} {hidden} more in the output of the run"));
        }
        let mut parts = vec![format!("### Left out\n\n{what}")];
        parts.extend((!list.is_empty()).then(|| list.join("\n")));
        parts.extend((self.declined.count > 0).then(|| self.declined.fold(room.saturating_sub(taken))));
        parts.join("\n\n")
    }
}

impl Declined {
    fn of(declined: &[&Omitted]) -> Self {
        let told: BTreeSet<&str> = declined.iter().filter_map(|left| left.detail.as_deref()).collect();
        let mut lines: Vec<String> = told.iter().take(TOLD).map(|detail| code(detail)).collect();
        if told.len() > TOLD {
            lines.push(format!("The same goes for {}.", count(told.len() - TOLD, "other pull request")));
        }
        let place = |left: &&Omitted| format!("- {} in {}", code(&left.image), place(left));
        Self { count: declined.len(), told: lines, lines: declined.iter().take(SHOWN).map(place).collect() }
    }

    /// Returns one line with the count, behind which the images are.
    fn fold(&self, room: usize) -> String {
        let shown = fitting(&self.lines, room);
        let mut lines = self.lines[..shown].to_vec();
        if shown < self.count {
            let more = if shown == 0 { "see" } else { "and" };
            lines.push(format!("- {more} {} more in the output of the run", self.count - shown));
        }
        let what = format!(
            "{} declined, by closing a pull request without merging it",
            count(self.count, "reference")
        );
        folded(&what, &format!("{}\n\n{}", self.told.join("\n\n"), lines.join("\n")))
    }
}

fn place(left: &Omitted) -> String {
    code(&format!("{}:{}", left.file, left.line))
}

fn line(left: &Omitted) -> String {
    let detail = left.detail.as_deref().map(|detail| format!(": {}", code(detail))).unwrap_or_default();
    let (image, place) = (code(&left.image), place(left));
    format!("- {image} in {place}: {}, {}{detail}", code(&left.outcome), code(&left.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(i: usize, reason: Reason, pull: usize) -> Omitted {
        Omitted {
            image: format!("api-{i}:1"),
            file: "apps/a.yaml".to_owned(),
            line: i,
            outcome: "held".to_owned(),
            reason: reason.as_str().to_owned(),
            detail: Some(format!("pull request {pull} was closed: open it again")),
        }
    }

    #[test]
    fn what_was_declined_is_one_line_with_a_count_and_a_fold() {
        let mut all: Vec<Omitted> = (0..500).map(|i| left(i, Reason::Declined, 1 + i / 100)).collect();
        all.push(left(500, Reason::OnHold, 7));
        let section = LeftOut::of(&all).section(usize::MAX);
        assert!(section.starts_with(
            "### Left out\n\n501 references are not part of this pull request:\n\n- `api-500:1` in "
        ));
        for part in [
            "<summary>500 references declined, by closing a pull request without merging it</summary>",
            "`pull request 3 was closed: open it again`",
            "The same goes for 2 other pull requests.",
            "- `api-99:1` in `apps/a.yaml:99`\n- and 400 more in the output of the run",
        ] {
            assert!(section.contains(part), "{part}\n{section}");
        }
        let fold = section.split_once("<summary>").unwrap().1;
        assert_eq!(
            fold.matches("was closed").count(),
            TOLD,
            "a sentence for each pull request, not for each image"
        );
        let least = LeftOut::of(&all).section(0);
        assert!(least.len() < 700 && least.contains("- see 500 more"), "{least}");
    }

    #[test]
    fn one_that_was_declined_is_a_line_like_others() {
        let section = LeftOut::of(&[left(1, Reason::Declined, 1)]).section(usize::MAX);
        assert!(
            !section.contains("<details>") && section.contains("`held`, `declined`: `pull request 1"),
            "{section}"
        );
    }
}
