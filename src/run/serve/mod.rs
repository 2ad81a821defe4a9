//! The scheduled worker: begins a run when the schedule says so, one at a time, and ends when it is told to.

mod ended;
mod http;
mod metrics;
mod schedule;
mod signals;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use ended::Ended;
pub use http::{ServeStatus, router};
use jiff::Timestamp;
pub use metrics::Metrics;
pub use schedule::Schedule;
pub use signals::{Signal, Signals};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};

/// How often the clock is looked at: it may be set, and a machine may sleep.
const LOOK: Duration = Duration::from_secs(1);

/// What a worker is made of: what it does at the scheduled times, and where its configuration comes from.
pub struct Worker<J, L> {
    /// Does one run with a configuration. Blocks; runs on a thread of its own.
    pub job: J,
    /// Loads the configuration again.
    pub load: L,
    /// What the process tells of itself.
    pub status: Arc<ServeStatus>,
}

/// Why a worker does not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no schedule, or one that never comes true.
    #[error("the schedule never comes true")]
    NoSchedule,
    /// The port cannot be had.
    #[error("cannot listen at `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Signals cannot be listened to.
    #[error("cannot listen to signals")]
    Signals(#[source] std::io::Error),
}

/// A run that is under way.
struct RunUnderWay {
    task: JoinHandle<Ended>,
    since: Instant,
}

impl<J, L> Worker<J, L>
where
    J: Fn(&Config) -> Ended + Clone + Send + 'static,
    L: Fn() -> Result<Config, ConfigError>,
{
    /// Works until it is told to end; returns whether no run was abandoned.
    ///
    /// # Errors
    /// The worker cannot begin. A run that fails is logged and counted, and the next one comes.
    pub async fn work(&self, config: Config) -> Result<bool, ServeError> {
        let mut config = Arc::new(config);
        let mut signals = Signals::new().map_err(ServeError::Signals)?;
        if let Some(address) = config.serve.listen {
            listen(address, Arc::clone(&self.status)).await?;
        }
        let mut due = self.due(&config).ok_or(ServeError::NoSchedule)?;
        if config.serve.run_at_start {
            due = Timestamp::now();
        }
        let mut running: Option<RunUnderWay> = None;
        self.status.set_ready(true);
        loop {
            self.status.beat();
            tokio::select! {
                signal = signals.next() => match signal {
                    Signal::End => break,
                    Signal::Reload => {
                        if let Some(new) = self.reload(&config) {
                            (config, due) = new;
                        }
                    }
                },
                ended = end_of(&mut running) => self.ended(&mut running, ended),
                () = tokio::time::sleep(until(due).min(LOOK)) => if Timestamp::now() >= due {
                    if running.is_some() {
                        tracing::warn!("a run is due while another one is under way: it is left out");
                        self.status.metrics.skipped();
                    } else {
                        running = Some(self.begin(&config));
                    }
                    // A schedule that came true once and never will again leaves nothing to do but to wait for a reload.
                    due = self.due(&config).unwrap_or(Timestamp::MAX);
                },
            }
        }
        self.status.set_ready(false);
        Ok(self.finish(running, config.serve.grace, &mut signals).await)
    }

    /// Returns when the next run begins, and says so.
    fn due(&self, config: &Config) -> Option<Timestamp> {
        let share = f64::from(chance()) / f64::from(u32::MAX);
        let due = Schedule::new(config)?.next(Timestamp::now(), share)?;
        tracing::info!(at = %due, "the next run");
        self.status.metrics.next_run(due);
        Some(due)
    }

    fn begin(&self, config: &Arc<Config>) -> RunUnderWay {
        tracing::info!("a run begins");
        self.status.metrics.running(true);
        let (job, config) = (self.job.clone(), Arc::clone(config));
        RunUnderWay { task: tokio::task::spawn_blocking(move || job(&config)), since: Instant::now() }
    }

    fn ended(&self, running: &mut Option<RunUnderWay>, ended: Ended) {
        let took = running.take().map_or(Duration::ZERO, |running| running.since.elapsed());
        self.status.metrics.running(false);
        self.status.metrics.ended(ended, took, Timestamp::now());
        let result = ended.as_str();
        tracing::info!(result, seconds = took.as_secs_f64(), "the run has ended");
    }

    /// Returns the new configuration and when its next run is; `None` where the old one stays.
    fn reload(&self, old: &Config) -> Option<(Arc<Config>, Timestamp)> {
        let refused = |why: &str| {
            tracing::error!(error = why, "the configuration cannot be used, the old one stays");
            self.status.metrics.reloaded(false);
        };
        let config = match (self.load)() {
            Ok(config) => config,
            Err(error) => {
                refused(&error.to_string());
                return None;
            }
        };
        let Some(due) = self.due(&config) else {
            refused("`schedule` is missing, or never comes true");
            return None;
        };
        if (config.serve.listen, &config.cache_dir) != (old.serve.listen, &old.cache_dir) {
            refused("`listen` and `cache-dir` cannot change while tagpin runs: start it anew");
            return None;
        }
        tracing::info!("the configuration was read again");
        self.status.metrics.reloaded(true);
        Some((Arc::new(config), due))
    }

    /// Waits for the run that is under way, for as long as `grace`, or until it is told to end once more.
    async fn finish(&self, mut running: Option<RunUnderWay>, grace: Duration, signals: &mut Signals) -> bool {
        if running.is_none() {
            tracing::info!("tagpin ends");
            return true;
        }
        tracing::info!(grace = grace.as_secs_f64(), "tagpin ends when the run has ended");
        let deadline = tokio::time::sleep(grace);
        tokio::pin!(deadline);
        loop {
            let told = tokio::select! {
                ended = end_of(&mut running) => {
                    self.ended(&mut running, ended);
                    return true;
                }
                () = &mut deadline => Signal::End,
                signal = signals.next() => signal,
            };
            if told == Signal::End {
                self.ended(&mut running, Ended::Abandoned);
                return false;
            }
        }
    }
}

/// Waits for the end of the run that is under way, for ever where there is none.
fn end_of(running: &mut Option<RunUnderWay>) -> Pin<Box<dyn Future<Output = Ended> + Send + '_>> {
    match running {
        None => Box::pin(std::future::pending()),
        Some(running) => Box::pin(async move {
            (&mut running.task).await.unwrap_or_else(|error| {
                tracing::error!(%error, "the run broke off, which is a bug that should be reported");
                Ended::Failed
            })
        }),
    }
}

fn until(due: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default()
}

/// Returns a number by chance: good enough to keep many tagpins from asking at the same second.
fn chance() -> u32 {
    use std::hash::{BuildHasher as _, RandomState};
    let bytes = RandomState::new().hash_one(Timestamp::now().as_nanosecond()).to_le_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

async fn listen(address: SocketAddr, status: Arc<ServeStatus>) -> Result<(), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "listening");
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router(status)).await {
            tracing::error!(%error, "nobody listens any more");
        }
    });
    Ok(())
}
