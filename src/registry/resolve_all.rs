//! Asking for everything at once: each question one time, and no registry holds up another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, FuturesUnordered, Stream, StreamExt as _};

use super::api::Registry;
use super::error::ResolveError;
use super::judge::{Judgement, Requirement};
use super::question::{Probe, looks_at};
use super::tag_answer::TagAnswer;
use super::tag_ref::TagRef;

/// A question as it comes up at one or more sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagQuery {
    /// What is asked.
    pub question: TagRef,
    /// The reference as the user spelled it, for messages.
    pub reference: String,
    /// What the sites want, each kind once.
    pub wanted: Vec<Requirement>,
}

type Answer = Result<TagAnswer, ResolveError>;

/// The answer to each question, or why there is none.
pub type Answers = BTreeMap<TagRef, Answer>;

#[derive(Default)]
struct Merged<'a> {
    reference: &'a str,
    wanted: BTreeSet<&'a Requirement>,
}

/// Asks each distinct question once, and looks behind the answer as far as some site needs: each digest that is to be
/// written is confirmed. What failed for a moment is asked again once its registry was asked everything else. `at_once` bounds the questions under way;
/// every registry has its share of them, so that a slow one delays only its own. How many of its share a registry really gets at once is its own
/// affair. `progress` is called with the number of questions answered and of all.
pub async fn ask<R: Registry>(
    registry: &R,
    asked: &[TagQuery],
    at_once: usize,
    progress: impl Fn(usize, usize),
) -> Answers {
    let mut merged: BTreeMap<&TagRef, Merged<'_>> = BTreeMap::new();
    for asked in asked {
        let entry = merged.entry(&asked.question).or_default();
        entry.reference = &asked.reference;
        entry.wanted.extend(&asked.wanted);
    }
    let total = merged.len();
    let questions: Vec<&TagRef> = merged.keys().copied().collect();
    registry.announce(&questions);
    let open = merged.into_iter().map(|(question, asked)| OpenQuestion::new(question, asked));
    let mut done = 0;
    lanes(registry, open.collect(), at_once)
        .inspect(|_| {
            done += 1;
            progress(done, total);
        })
        .collect()
        .await
}

fn lanes<'a, R: Registry>(
    registry: &'a R,
    open: Vec<OpenQuestion<'a>>,
    at_once: usize,
) -> impl Stream<Item = (TagRef, Answer)> + 'a {
    let mut lanes: BTreeMap<&str, VecDeque<OpenQuestion<'_>>> = BTreeMap::new();
    for open in open {
        lanes.entry(&open.question.registry).or_default().push_back(open);
    }
    let width = (at_once / lanes.len().max(1)).max(1);
    let lanes: Vec<_> = lanes
        .into_values()
        .map(|open| Box::pin(RegistryQueue::new(registry, open, width).answers()))
        .collect();
    stream::iter(lanes).flatten_unordered(at_once.max(1))
}

/// How often a question is asked whose answer may well be another one in a moment: again once everything else was asked.
const PASSES: u32 = 3;

/// The same where the last answer was not to be believed: the registry is there, and its next answer comes at once.
const PASSES_OF_WRONG: u32 = 4;

/// A question that has no answer yet, or not all of it.
struct OpenQuestion<'a> {
    question: &'a TagRef,
    asked: Merged<'a>,
    /// How often it was asked.
    pass: u32,
    /// What the tag is, where only what is behind it is missing: a tag that was answered is not asked again.
    before: Option<TagAnswer>,
    /// What failed when it was asked.
    failed: Vec<(TagRef, Option<Probe>)>,
}

impl<'a> OpenQuestion<'a> {
    fn new(question: &'a TagRef, asked: Merged<'a>) -> Self {
        Self { question, asked, pass: 0, before: None, failed: Vec::new() }
    }
}

/// The questions to one registry. What failed for a moment comes to the end of them, and nobody waits for those that still
/// wait for an answer.
struct RegistryQueue<'a, R> {
    registry: &'a R,
    waiting: VecDeque<OpenQuestion<'a>>,
    under_way: FuturesUnordered<BoxFuture<'a, (OpenQuestion<'a>, Answer)>>,
    /// How many are under way at once.
    width: usize,
}

impl<'a, R: Registry> RegistryQueue<'a, R> {
    fn new(registry: &'a R, waiting: VecDeque<OpenQuestion<'a>>, width: usize) -> Self {
        Self { registry, waiting, under_way: FuturesUnordered::new(), width }
    }

    fn answers(self) -> impl Stream<Item = (TagRef, Answer)> + Send + 'a {
        stream::unfold(self, async |mut lane| Some((lane.next().await?, lane)))
    }

    /// Returns the next answer that stays.
    async fn next(&mut self) -> Option<(TagRef, Answer)> {
        loop {
            while self.under_way.len() < self.width
                && let Some(open) = self.waiting.pop_front()
            {
                self.begin(open);
            }
            let (mut open, answer) = self.under_way.next().await?;
            open.pass += 1;
            open.failed = failures(open.question, &answer);
            let passes = if is_wrong(&answer) { PASSES_OF_WRONG } else { PASSES };
            if open.failed.is_empty() || open.pass >= passes {
                return Some((open.question.clone(), answer));
            }
            open.before = answer.ok().filter(|answer| !is_impossible(answer));
            self.waiting.push_back(open);
        }
    }

    fn begin(&mut self, mut open: OpenQuestion<'a>) {
        if !open.failed.is_empty() {
            tracing::debug!(reference = open.asked.reference, "asked again, because it failed for a moment");
            self.registry.forget_failures(&open.failed, open.pass);
        }
        let registry = self.registry;
        let before = open.before.take();
        let ask = async move {
            let answer = answer(registry, open.question, &open.asked, before).await;
            (open, answer)
        };
        self.under_way.push(ask.boxed());
    }
}

/// Returns what failed for a moment: the tag itself, or what was looked at behind it.
fn failures(question: &TagRef, answer: &Answer) -> Vec<(TagRef, Option<Probe>)> {
    match answer {
        Err(error) if error.may_pass() => vec![(question.clone(), None)],
        Ok(answer) if is_impossible(answer) => vec![(question.clone(), None)],
        Ok(answer) => {
            let failed =
                answer.seen.iter().filter(|(_, seen)| seen.as_ref().is_err_and(ResolveError::may_pass));
            failed.map(|(look, _)| (question.clone(), Some(look.clone()))).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// Returns whether a registry answered, and what it said is not to be believed.
fn is_wrong(answer: &Answer) -> bool {
    let is_invalid = |error: &ResolveError| matches!(error, ResolveError::InvalidAnswer(_));
    match answer {
        Err(error) => is_invalid(error),
        Ok(answer) => {
            is_impossible(answer) || answer.seen.values().any(|seen| seen.as_ref().is_err_and(is_invalid))
        }
    }
}

/// Returns whether a tag is said to be what the registry does not have.
fn is_impossible(answer: &TagAnswer) -> bool {
    let looks = looks_at(&answer.resolution.digest);
    looks.iter().any(|look| matches!(answer.seen.get(look), Some(Err(ResolveError::NotFound(_)))))
}

async fn answer<R: Registry>(
    registry: &R,
    question: &TagRef,
    asked: &Merged<'_>,
    before: Option<TagAnswer>,
) -> Result<TagAnswer, ResolveError> {
    let read = asked.wanted.iter().any(|wanted| wanted.needs_body());
    let mut answer = match before {
        Some(before) => before,
        None => TagAnswer::new(registry.resolve(question, read).await?),
    };
    answer.seen.retain(|_, seen| !seen.as_ref().is_err_and(ResolveError::may_pass));
    for wanted in &asked.wanted {
        while let Judgement::Needs(look) = wanted.judge(question, &answer) {
            if answer.seen.contains_key(&look) {
                break;
            }
            tracing::debug!(reference = asked.reference, ?look, "looks behind the tag");
            let now = &answer.resolution.digest;
            let seen = match &look {
                Probe::Body(digest) if digest == now => registry.read_index(question, digest).await,
                _ => registry.look(question, &look).await,
            };
            answer.seen.insert(look, seen);
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::reference::{Digest, Reference};
    use crate::registry::error::{InvalidAnswer, Outage};
    use crate::registry::question::{Probed, Resolution};

    /// Fails the first two times for all but `slow`, which is not answered before all else is, `wrong`, which has a wrong
    /// answer three times, and `down`, which has none.
    struct Moody {
        asked: Mutex<Vec<String>>,
        /// One for each answer that stays.
        answered: Semaphore,
    }

    const OTHERS: u32 = 3;

    impl Registry for Moody {
        async fn resolve(&self, question: &TagRef, _: bool) -> Result<Resolution, ResolveError> {
            let tag = question.tag.clone();
            let times = {
                let mut asked = self.asked.lock().unwrap();
                asked.push(tag.clone());
                asked.iter().filter(|before| **before == tag).count()
            };
            if tag == "slow" {
                self.answered.acquire_many(OTHERS).await.unwrap().forget();
            } else if tag == "wrong" && times < 4 {
                return Err(InvalidAnswer::NoManifest.into());
            } else if tag == "down" || times < 3 {
                return Err(Outage::NotAskedYet.into());
            } else {
                self.answered.add_permits(1);
            }
            let media_type = "application/vnd.oci.image.index.v1+json".to_owned();
            Ok(Resolution { digest: Digest::sha256(b"x"), media_type, content: None })
        }

        async fn look(&self, _: &TagRef, _: &Probe) -> Result<Probed, ResolveError> {
            Ok(Probed::MediaType(String::new()))
        }
    }

    #[tokio::test]
    async fn what_failed_is_asked_again_after_everything_else_and_waits_for_no_answer() {
        let registry = Moody { asked: Mutex::default(), answered: Semaphore::new(0) };
        let query = |tag: &str| {
            let reference = format!("r.example/a:{tag}");
            let question = TagRef::new(&Reference::parse(&reference).unwrap());
            TagQuery { question, reference, wanted: Vec::new() }
        };
        let asked = ["slow", "a", "b", "down", "wrong"].map(query);
        let answers =
            tokio::time::timeout(std::time::Duration::from_secs(60), ask(&registry, &asked, 2, |_, _| {}));
        let answers = answers.await.expect("nobody waits for it");
        let failed =
            answers.iter().filter(|(_, answer)| answer.is_err()).map(|(question, _)| question.tag.as_str());
        assert_eq!(failed.collect::<Vec<_>>(), ["down"]);
        let order: Vec<String> = registry.asked.into_inner().unwrap();
        assert_eq!(order.iter().filter(|tag| *tag == "slow").count(), 1);
        let again: Vec<&str> = order.iter().map(String::as_str).filter(|tag| *tag != "slow").collect();
        let pass = ["a", "b", "down", "wrong"];
        assert_eq!(again, [&pass[..], &pass, &pass, &["wrong"]].concat());
    }
}
