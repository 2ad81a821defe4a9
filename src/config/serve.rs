//! How the scheduled worker runs.

use std::net::SocketAddr;
use std::time::Duration;

/// How many repositories are under way at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency(pub usize);

impl Default for Concurrency {
    fn default() -> Self {
        Self(4)
    }
}

/// How `tagpin serve` runs.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// What the hours of the schedule mean.
    pub time_zone: jiff::tz::TimeZone,
    /// A run begins at most this much later than the schedule says, by chance.
    pub jitter: Duration,
    /// Where `/healthz`, `/readyz` and `/metrics` are; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// How long a run that is under way may go on when tagpin is told to end.
    pub grace: Duration,
    /// Whether the first run begins at once.
    pub run_at_start: bool,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            time_zone: jiff::tz::TimeZone::UTC,
            jitter: Duration::ZERO,
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            grace: Duration::from_secs(25),
            run_at_start: false,
        }
    }
}
