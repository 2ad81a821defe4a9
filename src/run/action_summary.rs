//! What a run leaves behind for a GitHub Action: the step summary, and the outputs of the step.
//!
//! Source: GitHub's "Workflow commands": a summary of more than 1 MiB is not shown at all, and an output is a line
//! `name=value`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::report::error_chain;
use super::tally::RunStats;
use crate::markdown::{cell, code};
use crate::plan::{Outcome, Reason};
use crate::pull_request::{Operation, Settled};
use crate::run::{RepositoryOutcome, RunError};

/// The longest summary in bytes, with room below GitHub's limit of 1 MiB for what other steps write.
pub const SUMMARY_MAX: usize = 900_000;

/// The outcomes, in the order of the table.
const OUTCOMES: [Outcome; 6] =
    [Outcome::Pinned, Outcome::Updated, Outcome::Unchanged, Outcome::Held, Outcome::Skipped, Outcome::Failed];

/// What is kept of a run until it has ended.
#[derive(Clone, Debug, Default)]
pub struct ActionSummary {
    rows: BTreeMap<usize, String>,
    problems: Vec<String>,
    outputs: Option<Outputs>,
    changed: bool,
}

/// What a step says of a pull request.
#[derive(Clone, Debug)]
struct Outputs {
    number: u64,
    url: String,
    operation: Operation,
    index: usize,
}

impl ActionSummary {
    /// Adds the repository at `url`, the `index`th of the run.
    pub fn add(&mut self, index: usize, url: &str, result: &Result<RepositoryOutcome, RunError>) {
        let mut row = format!("| {} |", cell(url));
        match result {
            Err(error) => {
                row.push_str(" failed |  |  |  |  |  |  |  |");
                self.problems.push(format!("{url}: {}", error_chain(error)));
            }
            Ok(done) => {
                self.changed |= done.changed();
                let _ = write!(row, " {} |", done.branch.as_str());
                for outcome in OUTCOMES {
                    let count =
                        done.pinned.verdicts.iter().filter(|verdict| verdict.outcome == outcome).count();
                    let _ = write!(row, " {count} |");
                }
                let pulls: Vec<String> = done
                    .groups
                    .iter()
                    .filter_map(|group| group.pull_request.as_ref())
                    .map(|settled| self.pull_request(index, settled))
                    .collect();
                let _ = write!(row, " {} |", pulls.join(", "));
                for ((file, located), verdict) in done.pinned.inventory.sites().zip(&done.pinned.verdicts) {
                    // What failed as a whole stands beside its branch.
                    if verdict.outcome == Outcome::Failed && verdict.reason != Some(Reason::NotProposed) {
                        let (reason, detail) =
                            (verdict.reason.map_or("failed", Reason::as_str), verdict.detail.as_deref());
                        self.problems.push(format!(
                            "{url}: {}:{}: {}: {reason}: {}",
                            file.path,
                            located.line,
                            located.site.image,
                            detail.unwrap_or("no more is known")
                        ));
                    }
                }
                for group in &done.groups {
                    if let Some(error) = &group.error {
                        self.problems
                            .push(format!("{url}: no pull request for {}: {error}", group.branch_name));
                    }
                }
                if let Some(error) = done.pull_request_error.as_ref().filter(|_| done.groups.is_empty()) {
                    self.problems.push(format!("{url}: no pull request: {error}"));
                }
            }
        }
        self.rows.insert(index, row);
    }

    /// Adds what went wrong outside of the repositories.
    pub fn add_problem(&mut self, problem: &str) {
        self.problems.push(problem.to_owned());
    }

    /// Keeps the pull request for the outputs, the first that was written to and is open before others, and returns what the
    /// table says of it.
    fn pull_request(&mut self, index: usize, settled: &Settled) -> String {
        let (number, url) = (settled.pull_request.number, settled.pull_request.url.clone());
        let operation = settled.operation;
        let rank = |outputs: &Outputs| {
            let order = match outputs.operation {
                Operation::Created | Operation::Updated => 0,
                Operation::Closed => 1,
                Operation::None => 2,
            };
            (order, outputs.index)
        };
        let new = Outputs { number, url: url.clone(), operation, index };
        if self.outputs.as_ref().is_none_or(|old| rank(&new) < rank(old)) {
            self.outputs = Some(new);
        }
        // What a forge calls a URL may be anything.
        let link = url::Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let operation = operation.as_str();
        link.map_or_else(|| format!("#{number}"), |link| format!("[#{number}](<{link}>) {operation}"))
    }

    /// Returns the summary in Markdown, at most [`SUMMARY_MAX`] bytes: what does not fit is counted.
    pub fn markdown(&self, tally: &RunStats) -> String {
        let mut text = format!("### tagpin\n\n{tally}\n");
        if !self.rows.is_empty() {
            text += "\n| repository | branch | pinned | updated | unchanged | held | skipped | failed | pull request |\n\
                     |---|---|---:|---:|---:|---:|---:|---:|---|\n";
            fill(&mut text, self.rows.values().cloned(), SUMMARY_MAX / 2);
        }
        if !self.problems.is_empty() {
            text += "\n#### Not done\n\n";
            let lines = self.problems.iter().map(|problem| format!("- {}", code(problem)));
            fill(&mut text, lines, SUMMARY_MAX);
        }
        text
    }

    /// Returns the lines of the step's outputs; those of a pull request are empty where there is none.
    pub fn outputs(&self) -> String {
        let pull_request = self.outputs.as_ref();
        let number = pull_request.map(|it| it.number.to_string()).unwrap_or_default();
        let operation = pull_request.map_or(Operation::None, |it| it.operation).as_str();
        // A line end would begin an output of the forge's own.
        let url = pull_request.map(|it| it.url.as_str()).filter(|url| !url.contains(char::is_control));
        format!(
            "changed={}\npull-request-number={number}\npull-request-url={}\npull-request-operation={operation}\n",
            self.changed,
            url.unwrap_or_default()
        )
    }
}

/// Adds lines while there is room, and how many were left out.
fn fill(text: &mut String, lines: impl Iterator<Item = String>, most: usize) {
    let (mut left_out, room) = (0_usize, most.saturating_sub(100));
    for line in lines {
        if left_out == 0 && text.len() + line.len() < room {
            text.push_str(&line);
            text.push('\n');
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "\n… and {left_out} more, which would not fit here");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::PullRequest;
    use crate::run::GroupOutcome;

    fn done(number: u64, operation: Operation, url: &str) -> Result<RepositoryOutcome, RunError> {
        let pull_request = PullRequest { number, url: url.to_owned(), ..PullRequest::default() };
        let settled = Settled { pull_request, operation };
        let group = GroupOutcome { pull_request: Some(settled.clone()), ..GroupOutcome::default() };
        Ok(RepositoryOutcome {
            pull_request: Some(settled),
            groups: vec![group],
            ..RepositoryOutcome::default()
        })
    }

    #[test]
    fn the_outputs_name_the_first_pull_request_that_was_written_to() {
        let mut summary = ActionSummary::default();
        assert_eq!(
            summary.outputs(),
            "changed=false\npull-request-number=\npull-request-url=\npull-request-operation=none\n"
        );
        summary.add(2, "c", &done(3, Operation::Created, "https://x/3"));
        summary.add(0, "a", &done(1, Operation::None, "https://x/1"));
        summary.add(1, "b", &done(2, Operation::Updated, "https://x/2"));
        summary.add(3, "d", &done(4, Operation::Closed, "https://x/4"));
        assert_eq!(
            summary.outputs(),
            "changed=true\npull-request-number=2\npull-request-url=https://x/2\npull-request-operation=updated\n"
        );
    }

    #[test]
    fn a_forge_cannot_write_outputs_of_its_own_or_break_the_table() {
        let mut summary = ActionSummary::default();
        summary.add(0, "a|b\n# x", &done(1, Operation::Created, "https://x/1\nchanged=false"));
        summary.add_problem("<img src=x> @everyone `a`\n# heading");
        assert!(summary.outputs().contains("\npull-request-url=\n"), "{}", summary.outputs());
        assert_eq!(summary.outputs().lines().count(), 4);
        let text = summary.markdown(&RunStats::default());
        let mut problems = text.lines().filter(|line| line.contains("<img"));
        // In a code span, nothing of it acts.
        assert!(problems.all(|line| line.starts_with("- `")) && !text.contains("\n# "), "{text}");
        let rows = text.lines().filter(|line| line.starts_with('|'));
        for row in rows {
            assert_eq!(row.replace("\\|", "").matches('|').count(), 10, "{row}");
        }
    }

    #[test]
    fn a_summary_fits_and_says_what_it_left_out() {
        let mut summary = ActionSummary::default();
        for number in 0..20_000 {
            let url = format!("https://github.com/acme/{}", "long-name-".repeat(5));
            let why = RunError::Broken(format!("{number} {}", "long ".repeat(10)));
            summary.add(number, &url, &Err(why));
        }
        let text = summary.markdown(&RunStats::default());
        assert!(text.len() <= SUMMARY_MAX && text.len() > SUMMARY_MAX * 8 / 10, "{}", text.len());
        assert_eq!(text.matches("more, which would not fit here").count(), 2);
    }
}
