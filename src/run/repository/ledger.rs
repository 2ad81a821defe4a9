//! The ledger's branch: read in the beginning of a run, and pushed to where the run saw something for the first time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::history::ledger::{Ledger, LedgerError, LedgerState, LedgerView, TagObservation};
use crate::run::{LedgerUpdate, RecordState};
use crate::source::git::{BareClone, GitError, Identity, Oid};
use crate::source::tree::CommitTree;
use crate::text::count;

/// How often a push is tried that another run was quicker than.
const TRIES: usize = 8;

/// How long a run waits after that: the other one may be in the middle of it.
const PAUSE: Duration = Duration::from_millis(50);

/// The ledger as it is on its branch.
pub(crate) struct Book {
    branch: String,
    /// The branch that is pinned.
    base: String,
    /// The head of the branch; `None` where there is none yet.
    head: Option<Oid>,
    known: LedgerState,
}

impl Book {
    /// Reads the ledger on `branch`, which is at `head`. Nothing is fetched where the clone has that already.
    pub(crate) fn read(repository: &BareClone, branch: &str, base: &str, head: Option<Oid>) -> Self {
        let unreadable = |error: LedgerError| LedgerState::Unreadable(format!("`{branch}`: {error}"));
        let (name, base_name) = (branch.to_owned(), base.to_owned());
        let mut book = Self { branch: name, base: base_name, head, known: LedgerState::Read(Arc::default()) };
        if branch == base {
            book.known = unreadable(LedgerError::Base);
        } else if let Some(expected) = head {
            book.known = match fetched(repository, branch, expected) {
                Ok((head, ledger)) => {
                    book.head = Some(head);
                    LedgerState::Read(Arc::new(ledger))
                }
                Err(error) => unreadable(error),
            };
        }
        book
    }

    /// Returns what it says, for judging at the time `now`.
    pub(crate) fn past(&self, now: Timestamp) -> LedgerView {
        LedgerView::new(self.known.clone(), now)
    }

    /// Writes what is new in `sightings` of the time `now`: the branch is moved from where it was read, and where another
    /// run was quicker, its lines and ours are joined.
    pub(crate) fn write(
        self,
        repository: &BareClone,
        sightings: &[TagObservation],
        now: Timestamp,
        author: &Identity,
        dry_run: bool,
    ) -> LedgerUpdate {
        let mut book = self;
        let (mut lines, mut problem) = (0, String::new());
        for _ in 0..TRIES {
            let ledger = match &book.known {
                LedgerState::Read(ledger) => Arc::clone(ledger),
                LedgerState::Unreadable(why) => {
                    return book.recorded(RecordState::Unreadable, 0, Some(why.clone()));
                }
                LedgerState::Nothing => return book.recorded(RecordState::UpToDate, 0, None),
            };
            let broken = ledger.broken().map(|(_, why)| why).collect::<Vec<_>>();
            let broken =
                (!broken.is_empty()).then(|| format!("not all of it can be read: {}", broken.join("; ")));
            let news = ledger.news(now, sightings);
            lines = news.values().map(Vec::len).sum();
            if lines == 0 || dry_run {
                let state = if lines == 0 { RecordState::UpToDate } else { RecordState::DryRun };
                return book.recorded(state, lines, broken);
            }
            let files = ledger.files(&news, book.head.is_none());
            let message = format!("ledger: {} of {}\n", count(lines, "line"), count(news.len(), "image"));
            let pushed = repository
                .record(book.head, &files, &message, author, now)
                .and_then(|commit| repository.push(commit, &book.branch, book.head));
            let found = match pushed {
                Ok(()) => return book.recorded(RecordState::Pushed, lines, broken),
                Err(GitError::RefMoved { found, .. }) => {
                    problem = format!("`{}` was moved by others {TRIES} times in a row", book.branch);
                    found
                }
                Err(error @ GitError::Busy { .. }) => {
                    problem = error.to_string();
                    book.head
                }
                Err(error) => return book.recorded(RecordState::Refused, lines, Some(error.to_string())),
            };
            tracing::debug!(branch = book.branch, problem, "another run writes the ledger: joining");
            std::thread::sleep(PAUSE);
            book = Self::read(repository, &book.branch, &book.base, found);
        }
        book.recorded(RecordState::Refused, lines, Some(problem))
    }

    fn recorded(&self, state: RecordState, lines: usize, problem: Option<String>) -> LedgerUpdate {
        LedgerUpdate { branch: self.branch.clone(), state, lines, problem }
    }
}

fn fetched(repository: &BareClone, branch: &str, expected: Oid) -> Result<(Oid, Ledger), LedgerError> {
    let remote = |error: GitError| LedgerError::Remote(error.to_string());
    let head = repository.fetch(branch, expected).map_err(remote)?;
    let tree = CommitTree::of_clone(repository, head).map_err(remote)?;
    Ok((head, Ledger::read(&tree)?))
}
