//! One host that is asked: who may ask it now, and what its answers so far say about it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::attempt::AttemptError;
use super::circuit_breaker::Breaker;
use super::latency::Latency;
use super::pace::Pace;
use super::retry::SpareRequests;
use crate::registry::error::{Outage, RateLimit, ResolveError};
use crate::registry::trace::step;

/// The status by which a host says that it has too much to do, as it does by 429.
const TOO_MUCH: u16 = 503;

#[derive(Debug)]
pub(crate) struct Host {
    /// Set once the first request has ended. Until then others wait for it, to learn from its challenge.
    contacted: AtomicBool,
    gate: Mutex<()>,
    /// The scheme that it speaks.
    pub(crate) scheme: OnceLock<&'static str>,
    slots: Semaphore,
    state: std::sync::Mutex<HostState>,
    /// Requests that repeat one that failed.
    pub(crate) repeats: SpareRequests,
    /// Requests beside one that is late.
    pub(crate) doubles: SpareRequests,
}

#[derive(Debug)]
struct HostState {
    pace: Pace,
    breaker: Breaker,
    latency: Latency,
    /// How many requests the host ever gets at once.
    most: usize,
    /// How many slots there are, taken ones included.
    slots: usize,
    /// How many requests gave their slot to another, because their answer is slow.
    aside: usize,
    /// How many of them go when they are given back.
    surplus: usize,
}

/// How many times as long as usual the pauses are for what is asked again for the second time.
const LAST_SLOWER: u32 = 5;

/// One of the requests that a host gets at once.
#[derive(Debug)]
pub(crate) struct Turn<'h> {
    host: &'h Host,
    slot: Option<SemaphorePermit<'h>>,
    /// Whether another request has its slot.
    is_aside: bool,
    since: Instant,
    /// Whether it began, and nothing is known of its end: given up then, it is a failure.
    is_open: bool,
}

impl Host {
    /// Returns a host that nobody asked yet, and that gets so many requests at once.
    pub(crate) fn new(at_once: usize) -> Self {
        let pace = Pace::new(at_once);
        let slots = pace.width();
        Self {
            contacted: AtomicBool::new(false),
            gate: Mutex::default(),
            scheme: OnceLock::new(),
            slots: Semaphore::new(slots),
            state: std::sync::Mutex::new(HostState {
                pace,
                breaker: Breaker::new(at_once),
                latency: Latency::default(),
                most: slots,
                slots,
                aside: 0,
                surplus: 0,
            }),
            repeats: SpareRequests::repeats(),
            doubles: SpareRequests::doubles(),
        }
    }

    /// Waits for a turn, and as long as the host has asked everybody to. `shown` is its name for people; `counts`: a failure
    /// counts against the host.
    ///
    /// # Errors
    /// The host is left alone.
    pub(crate) async fn turn(&self, shown: &str, counts: bool) -> Result<Turn<'_>, ResolveError> {
        // Nobody closes it.
        let slot = self.slots.acquire().await.ok();
        let mut turn = Turn { host: self, slot, is_aside: false, since: Instant::now(), is_open: false };
        loop {
            let now = Instant::now();
            let pause = {
                let state = self.state();
                state.breaker.check(shown, now)?;
                state.pace.pause(now)
            };
            let Some(pause) = pause else {
                (turn.since, turn.is_open) = (now, counts);
                return Ok(turn);
            };
            step(|| format!("{shown} asked to wait another {:.1} s", pause.as_secs_f64()));
            tokio::time::sleep(pause).await;
        }
    }

    /// Runs the first request alone, so that the others learn from what it is told.
    pub(crate) async fn alone_at_first<T>(&self, request: impl Future<Output = T>) -> T {
        let mut alone = None;
        if !self.contacted.load(Ordering::Acquire) {
            alone = Some(self.gate.lock().await).filter(|_| !self.contacted.load(Ordering::Acquire));
        }
        let output = request.await;
        self.contacted.store(true, Ordering::Release);
        drop(alone);
        output
    }

    /// Returns after how long an answer is late; `unknown` where too few came to tell.
    pub(crate) fn late(&self, unknown: Duration) -> Duration {
        self.state().latency.late(unknown)
    }

    /// Returns after how long an answer that is `late` by then holds up nobody else any more.
    pub(crate) fn slow(&self, late: Duration) -> Duration {
        self.state().latency.slow(late)
    }

    /// Returns how much is added to a pause that the host asks for, about, out of at most `usual`.
    pub(crate) fn spread(&self, usual: Duration) -> Duration {
        self.state().latency.pause(usual)
    }

    /// Returns the first pause after a failure, about `usual`: shorter where the host answers fast, and longer for what failed
    /// in an earlier `pass`. What fails for the second time waits as long however fast the host is, but where it answers others
    /// meanwhile: it is not the host then that needs the time.
    pub(crate) fn pause(&self, usual: Duration, pass: u32) -> Duration {
        let longest = if pass > 1 { usual * LAST_SLOWER } else { usual };
        let is_short = pass == 0 || self.state().breaker.is_answering();
        if is_short { self.spread(longest) } else { longest }
    }

    /// Takes note of how long an answer took.
    pub(crate) fn answered_after(&self, time: Duration) {
        self.state().latency.answered(time);
    }

    /// Takes note of what came of a request that was sent at `sent`: an answer, or a failure. A pause of more than `longest`
    /// is not waited for.
    fn note(&self, sent: Instant, failure: Option<Failure>, longest: Duration) {
        let now = Instant::now();
        let mut state = self.state();
        match failure {
            None => {
                state.breaker.answered();
                state.pace.answered();
            }
            Some(failure) => {
                let for_all = failure.is_too_much && state.pace.refused(now, sent);
                let mut leaves = state.breaker.failed(now, sent, failure.is_limit);
                match failure.pause {
                    Some(pause) if for_all && pause <= longest => state.pace.wait_until(now + pause),
                    Some(_) if for_all => {
                        state.breaker.open(now, failure.is_limit);
                        leaves = true;
                    }
                    _ => {}
                }
                if leaves {
                    state.pace.narrow(now);
                }
            }
        }
        self.resize(&mut state);
    }

    /// Is told that what failed is asked again now, for the time that `pass` says. A host that is left alone gets another
    /// chance, a few times in a run: one request, after `pause`, and after a longer one the next time.
    pub(crate) fn forgive(&self, pass: u32, pause: Duration) {
        let (mut state, now) = (self.state(), Instant::now());
        if let Some(chance) = state.breaker.forgive(now, pass) {
            state.pace.wait_until(now + pause * (2 * chance - 1));
            state.pace.narrow(now);
            self.resize(&mut state);
        }
    }

    /// Makes as many slots as the pace allows, and no more than the host ever gets with what is slow: those that are too many
    /// and taken go when they are given back.
    fn resize(&self, state: &mut HostState) {
        let wanted = state.pace.width().min(state.most.saturating_sub(state.aside));
        while state.slots < wanted {
            state.slots += 1;
            match state.surplus.checked_sub(1) {
                Some(less) => state.surplus = less,
                None => self.slots.add_permits(1),
            }
        }
        let over = state.slots.saturating_sub(wanted);
        state.surplus += over - self.slots.forget_permits(over);
        state.slots -= over;
    }

    fn state(&self) -> MutexGuard<'_, HostState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request that failed says about the host.
struct Failure {
    is_limit: bool,
    is_too_much: bool,
    /// The pause that it asks for.
    pause: Option<Duration>,
}

impl Failure {
    /// Returns `None` where the host has answered clearly.
    fn of(error: &ResolveError) -> Option<Self> {
        match error {
            ResolveError::RateLimited(limit) => {
                let pause =
                    if let RateLimit::Status { retry_after, .. } = &**limit { *retry_after } else { None };
                Some(Self { is_limit: true, is_too_much: true, pause })
            }
            ResolveError::Unavailable(outage) => Some(match &**outage {
                Outage::Status { status, retry_after, .. } => {
                    Self { is_limit: false, is_too_much: *status == TOO_MUCH, pause: *retry_after }
                }
                _ => Self { is_limit: false, is_too_much: false, pause: None },
            }),
            _ => None,
        }
    }
}

impl Turn<'_> {
    /// Lets another request go, because this one's answer is slow, unless the host gets as many as it ever does.
    pub(crate) fn step_aside(&mut self) {
        let mut state = self.host.state();
        if !self.is_aside && self.slot.is_some() && state.slots + state.aside < state.most {
            state.aside += 1;
            self.is_aside = true;
            self.give_back(&mut state);
        }
    }

    fn give_back(&mut self, state: &mut HostState) {
        let Some(slot) = self.slot.take() else { return };
        match state.surplus.checked_sub(1) {
            Some(less) => {
                state.surplus = less;
                slot.forget();
            }
            None => drop(slot),
        }
    }

    /// Ends it with what came of the request; a pause of more than `longest` is not waited for.
    pub(crate) fn end<T>(mut self, result: &Result<T, AttemptError>, longest: Duration) {
        let failure = result.as_ref().err().and_then(|failure| Failure::of(&failure.error));
        if std::mem::take(&mut self.is_open) || failure.is_none() {
            self.host.note(self.since, failure, longest);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // The question's time was over.
            let silent = Failure { is_limit: false, is_too_much: false, pause: None };
            self.host.note(self.since, Some(silent), Duration::ZERO);
        }
        let mut state = self.host.state();
        if self.is_aside {
            state.aside -= 1;
            self.host.resize(&mut state);
        }
        self.give_back(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 4;

    async fn turn(host: &Host) -> Turn<'_> {
        host.turn("r.example", true).await.unwrap()
    }

    fn refused(turn: Turn<'_>) {
        let limit = RateLimit::LeftAlone { registry: String::new(), failures: 1, pause: Duration::ZERO };
        turn.end(&Err::<(), _>(ResolveError::from(limit).into()), Duration::ZERO);
    }

    fn answered(turn: Turn<'_>) {
        turn.end(&Ok(()), Duration::ZERO);
    }

    #[tokio::test]
    async fn who_waits_long_for_an_answer_lets_others_go_and_there_are_never_more_than_it_gets() {
        let host = Host::new(MOST);
        for _ in 0..2 {
            refused(turn(&host).await);
        }
        assert_eq!(host.slots.available_permits(), 1, "half as many after each refusal");
        let mut silent = Vec::new();
        for _ in 0..MOST {
            silent.push(turn(&host).await);
            silent.iter_mut().for_each(Turn::step_aside);
        }
        assert_eq!(host.slots.available_permits(), 0, "as many as it ever gets are under way");
        silent.into_iter().for_each(answered);
        for _ in 0..100 {
            answered(turn(&host).await);
        }
        assert_eq!(host.slots.available_permits(), MOST);
    }

    #[tokio::test]
    async fn what_failed_again_waits_as_long_as_the_host_takes_where_it_answers_others() {
        let host = Host::new(MOST);
        let (usual, short) = (Duration::from_millis(200), Duration::from_millis(20));
        let pauses = || [0, 1, 2].map(|pass| host.pause(usual, pass));
        assert_eq!(pauses(), [usual, usual, usual * LAST_SLOWER], "nothing is known of it");
        (0..10).for_each(|_| host.answered_after(Duration::from_millis(1)));
        assert_eq!(pauses(), [short; 3]);
        for _ in 0..4 {
            refused(turn(&host).await);
        }
        assert_eq!(pauses(), [short, usual, usual * LAST_SLOWER], "it answers nobody");
        answered(turn(&host).await);
        (0..50).for_each(|_| host.answered_after(Duration::from_millis(100)));
        let [first, second, last] = pauses();
        assert!(first == usual && second == usual && last > 2 * usual, "it is slow");
    }

    #[tokio::test]
    async fn who_waits_long_keeps_its_turn_where_as_many_are_under_way_as_may_be() {
        let host = Host::new(1);
        let mut silent = turn(&host).await;
        silent.step_aside();
        assert_eq!(host.slots.available_permits(), 0);
        answered(silent);
        assert_eq!(host.slots.available_permits(), 1);
    }
}
