//! Asking for everything at once: each question one time, and no registry holds up another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt as _};

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

/// The answer to each question, or why there is none.
pub type Answers = BTreeMap<TagRef, Result<TagAnswer, ResolveError>>;

#[derive(Default)]
struct Merged<'a> {
    reference: &'a str,
    wanted: BTreeSet<&'a Requirement>,
}

/// Asks each distinct question once, and looks behind the answer as far as some site needs: each digest that is to be
/// written is confirmed. What failed for a moment is asked again when everything else is done. `at_once` bounds the questions under way; every registry has its
/// share of them, so that a slow one delays only its own. How many of its share a registry really gets at once is its own
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
    let mut answers = Answers::new();
    let mut open: Vec<OpenQuestion<'_>> = merged
        .into_iter()
        .map(|(question, asked)| OpenQuestion { question, asked: Arc::new(asked), before: None })
        .collect();
    for pass in 0..PASSES {
        let all: Vec<(&TagRef, Arc<Merged<'_>>)> =
            open.iter().map(|open| (open.question, Arc::clone(&open.asked))).collect();
        let mut done = answers.len();
        let answered: Answers = lanes(registry, open, at_once)
            .inspect(|_| {
                done += 1;
                progress(done.min(total), total);
            })
            .collect()
            .await;
        answers.extend(answered);
        let mut failed = Vec::new();
        open = Vec::new();
        for (question, asked) in all {
            let failures = failures(question, answers.get(question));
            if !failures.is_empty() && pass + 1 < PASSES {
                failed.extend(failures);
                let before = answers.remove(question).and_then(Result::ok);
                open.push(OpenQuestion {
                    question,
                    asked,
                    before: before.filter(|answer| !is_impossible(answer)),
                });
            }
        }
        if open.is_empty() {
            break;
        }
        tracing::info!(questions = open.len(), "what failed for a moment is asked again");
        registry.forget_failures(&failed);
    }
    answers
}

/// How often a question is asked whose answer may well be another one in a moment: again once everything else is done.
const PASSES: usize = 3;

/// A question that has no answer yet, or not all of it.
struct OpenQuestion<'a> {
    question: &'a TagRef,
    asked: Arc<Merged<'a>>,
    /// What the tag is, where only what is behind it is missing: a tag that was answered is not asked again.
    before: Option<TagAnswer>,
}

/// Returns what failed for a moment: the tag itself, or what was looked at behind it.
fn failures(
    question: &TagRef,
    answer: Option<&Result<TagAnswer, ResolveError>>,
) -> Vec<(TagRef, Option<Probe>)> {
    match answer {
        Some(Err(error)) if error.may_pass() => vec![(question.clone(), None)],
        Some(Ok(answer)) if is_impossible(answer) => vec![(question.clone(), None)],
        Some(Ok(answer)) => {
            let failed =
                answer.seen.iter().filter(|(_, seen)| seen.as_ref().is_err_and(ResolveError::may_pass));
            failed.map(|(look, _)| (question.clone(), Some(look.clone()))).collect()
        }
        Some(Err(_)) | None => Vec::new(),
    }
}

/// Returns whether a tag is said to be what the registry does not have.
fn is_impossible(answer: &TagAnswer) -> bool {
    let looks = looks_at(&answer.resolution.digest);
    looks.iter().any(|look| matches!(answer.seen.get(look), Some(Err(ResolveError::NotFound(_)))))
}

fn lanes<'a, R: Registry>(
    registry: &'a R,
    open: Vec<OpenQuestion<'a>>,
    at_once: usize,
) -> impl Stream<Item = (TagRef, Result<TagAnswer, ResolveError>)> + 'a {
    let mut lanes: BTreeMap<&str, Vec<OpenQuestion<'_>>> = BTreeMap::new();
    for open in open {
        lanes.entry(&open.question.registry).or_default().push(open);
    }
    let width = (at_once / lanes.len().max(1)).max(1);
    let lanes: Vec<_> = lanes.into_values().map(|open| Box::pin(lane(registry, open, width))).collect();
    stream::iter(lanes).flatten_unordered(at_once.max(1))
}

fn lane<'a, R: Registry>(
    registry: &'a R,
    open: Vec<OpenQuestion<'a>>,
    width: usize,
) -> impl Stream<Item = (TagRef, Result<TagAnswer, ResolveError>)> + Send + 'a {
    stream::iter(open)
        .map(async move |OpenQuestion { question, asked, before }| {
            (question.clone(), answer(registry, question, &asked, before).await)
        })
        .buffer_unordered(width)
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
