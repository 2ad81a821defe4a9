//! How much of one repository is read: none may cost the others more than its share.
//!
//! What is read is counted where it is read, before it is kept. The first count past its limit ends the work on this
//! repository and on no other.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetItem {
    /// Files, links, directories and submodules of a commit.
    Entries,
    /// Bytes of their paths.
    PathBytes,
    /// Bytes of the files that are looked into.
    DocumentBytes,
    /// Nodes of what was parsed.
    Nodes,
    /// Images that were found.
    Images,
    /// Seconds of CPU for reading, deciding and editing.
    Cpu,
    /// Seconds from the first request to the last.
    Time,
}

impl BudgetItem {
    /// Returns the key of `[limits]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::PathBytes => "path-bytes",
            Self::DocumentBytes => "document-bytes",
            Self::Nodes => "nodes",
            Self::Images => "images",
            Self::Cpu => "cpu-time",
            Self::Time => "time",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Entries => "files and directories",
            Self::PathBytes => "bytes of paths",
            Self::DocumentBytes => "bytes in files that may name images",
            Self::Nodes => "nodes in what it declares",
            Self::Images => "images",
            Self::Cpu => "seconds of computing",
            Self::Time => "seconds",
        }
    }
}

/// How much of each may be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryLimits {
    /// Files, links, directories and submodules.
    pub entries: u64,
    /// Bytes of paths.
    pub path_bytes: u64,
    /// Bytes of the files that are looked into.
    pub document_bytes: u64,
    /// Nodes of what is parsed.
    pub nodes: u64,
    /// Images.
    pub images: u64,
    /// CPU time.
    pub cpu: Duration,
    /// Time on the wall.
    pub time: Duration,
}

impl Default for RepositoryLimits {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            path_bytes: 128 << 20,
            document_bytes: 1 << 30,
            nodes: 50_000_000,
            images: 200_000,
            cpu: Duration::from_secs(10 * 60),
            time: Duration::from_secs(60 * 60),
        }
    }
}

/// A repository that is past its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// Of what.
    pub item: BudgetItem,
    /// How much there may be.
    pub limit: u64,
}

impl std::error::Error for OverBudget {}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, key, limit) = (self.item.unit(), self.item.key(), self.limit);
        match self.item {
            BudgetItem::Cpu | BudgetItem::Time => write!(f, "the repository takes more than {limit} {unit}")?,
            _ => write!(f, "the repository has more than {limit} {unit}")?,
        }
        write!(
            f,
            ", so nothing in it was changed: raise `{key}` in [limits] of the bot's configuration if that is right"
        )?;
        if matches!(self.item, BudgetItem::Entries | BudgetItem::PathBytes) {
            return Ok(());
        }
        write!(f, ", or leave files out with `exclude` in [policy]")
    }
}

/// Returns how long the calling thread has computed so far.
pub type CpuClock = fn() -> Duration;

/// What one repository has had so far.
#[derive(Debug)]
pub struct RepositoryBudget {
    limits: RepositoryLimits,
    cpu_clock: CpuClock,
    /// In the order of [`BudgetItem`]; CPU time in microseconds.
    spent: [AtomicU64; 6],
}

/// The budget where a person waits for a command on this machine: its computing is not measured.
impl Default for RepositoryBudget {
    fn default() -> Self {
        Self::new(RepositoryLimits::default(), || Duration::ZERO)
    }
}

impl RepositoryBudget {
    /// Returns a budget of which nothing was had; `cpu_clock` measures the computing.
    pub fn new(limits: RepositoryLimits, cpu_clock: CpuClock) -> Self {
        Self { limits, cpu_clock, spent: Default::default() }
    }

    /// Returns the budget of what a person named on this machine: there is none.
    pub const fn unlimited() -> Self {
        let limits = RepositoryLimits {
            entries: u64::MAX,
            path_bytes: u64::MAX,
            document_bytes: u64::MAX,
            nodes: u64::MAX,
            images: u64::MAX,
            cpu: Duration::MAX,
            time: Duration::MAX,
        };
        Self { limits, cpu_clock: || Duration::ZERO, spent: [const { AtomicU64::new(0) }; 6] }
    }

    /// Takes some of an item.
    ///
    /// # Errors
    /// There is not so much left, now or before.
    pub fn spend(&self, item: BudgetItem, amount: u64) -> Result<(), OverBudget> {
        let Some(spent) = self.spent.get(item as usize) else { return Ok(()) };
        let before = spent.fetch_add(amount, Ordering::Relaxed);
        let limit = self.limit(item);
        let most = if item == BudgetItem::Cpu { limit.saturating_mul(1_000_000) } else { limit };
        if before.saturating_add(amount) > most { Err(OverBudget { item, limit }) } else { Ok(()) }
    }

    /// Does work that computes and does not wait, and counts its time on this thread.
    ///
    /// # Errors
    /// It took more than is left.
    pub fn compute<T>(&self, work: impl FnOnce() -> T) -> Result<T, OverBudget> {
        let start = (self.cpu_clock)();
        let done = work();
        let took = (self.cpu_clock)().saturating_sub(start);
        self.spend(BudgetItem::Cpu, u64::try_from(took.as_micros()).unwrap_or(u64::MAX))?;
        Ok(done)
    }

    /// Returns how much of an item there may be, in the unit that people are told.
    fn limit(&self, item: BudgetItem) -> u64 {
        let RepositoryLimits { entries, path_bytes, document_bytes, nodes, images, cpu, time } = self.limits;
        match item {
            BudgetItem::Entries => entries,
            BudgetItem::PathBytes => path_bytes,
            BudgetItem::DocumentBytes => document_bytes,
            BudgetItem::Nodes => nodes,
            BudgetItem::Images => images,
            BudgetItem::Cpu => cpu.as_secs(),
            BudgetItem::Time => time.as_secs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_is_past_the_limit_stays_past_it() {
        let limits = RepositoryLimits { images: 3, ..RepositoryLimits::default() };
        let budget = RepositoryBudget::new(limits, || Duration::ZERO);
        assert_eq!(budget.spend(BudgetItem::Images, 3), Ok(()));
        let over = OverBudget { item: BudgetItem::Images, limit: 3 };
        assert_eq!(budget.spend(BudgetItem::Images, 1), Err(over));
        assert_eq!(budget.spend(BudgetItem::Images, 0), Err(over));
        assert_eq!(budget.spend(BudgetItem::Nodes, 1), Ok(()), "each is counted for itself");
        assert!(
            over.to_string().contains("more than 3 images")
                && over.to_string().contains("`images` in [limits]")
        );
    }

    #[test]
    fn what_the_clock_says_of_the_work_is_spent() {
        thread_local! {
            static COMPUTED: Cell<Duration> = const { Cell::new(Duration::from_secs(100)) };
        }
        let limits = RepositoryLimits { cpu: Duration::from_secs(3), ..RepositoryLimits::default() };
        let budget = RepositoryBudget::new(limits, || COMPUTED.get());
        let work = |seconds| budget.compute(|| COMPUTED.set(COMPUTED.get() + Duration::from_secs(seconds)));
        assert_eq!((work(2), work(1)), (Ok(()), Ok(())));
        assert_eq!(work(1), Err(OverBudget { item: BudgetItem::Cpu, limit: 3 }));
        assert!(RepositoryBudget::unlimited().compute(|| ()).is_ok());
    }
}
