//! How the repositories of a run came out, counted.

use std::fmt;

use serde_json::{Value, json};

use crate::report::Report;
use crate::run::{RepositoryOutcome, RunError};

/// The counts of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunStats {
    /// How many have ended.
    pub ended: usize,
    /// How many got a commit or a pull request, or a change of one.
    pub changed: usize,
    /// How many could not be done.
    pub failed: usize,
    /// How many were done, but for an image, a file or the pull request.
    pub incomplete: usize,
    /// Whether nothing failed anywhere.
    pub complete: bool,
}

impl RunStats {
    /// Counts one repository.
    pub fn add(&mut self, result: &Result<RepositoryOutcome, RunError>, report: Option<&Report<'_>>) {
        self.ended += 1;
        self.changed += usize::from(result.as_ref().is_ok_and(RepositoryOutcome::changed));
        self.failed += usize::from(result.is_err());
        let whole = report.is_some_and(|report| report.complete);
        self.incomplete += usize::from(result.is_ok() && !whole);
        self.complete &= whole;
    }

    /// Returns the counts for JSON.
    pub fn json(&self) -> Value {
        let Self { ended, changed, failed, incomplete, complete: _ } = self;
        json!({ "repositories": ended, "changed": changed, "failed": failed, "incomplete": incomplete })
    }
}

impl fmt::Display for RunStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ended, changed, failed, incomplete, complete: _ } = self;
        let repositories =
            if *ended == 1 { "1 repository".to_owned() } else { format!("{ended} repositories") };
        write!(f, "{repositories}: {changed} changed, {} as before", ended - changed - failed)?;
        for (number, word) in [(failed, "failed"), (incomplete, "not wholly done")] {
            if *number > 0 {
                write!(f, ", {number} {word}")?;
            }
        }
        Ok(())
    }
}
