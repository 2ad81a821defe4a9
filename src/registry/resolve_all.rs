//! Asking for everything at once: each question one time, and no registry holds up another.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, Stream, StreamExt as _};

use super::api::Registry;
use super::error::ResolveError;
use super::judge::{Judgement, Requirement};
use super::question::Probe;
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
/// written is confirmed. `at_once` bounds the questions under way; every registry has its
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
    let mut lanes: BTreeMap<&str, Vec<(&TagRef, Merged<'_>)>> = BTreeMap::new();
    for (question, entry) in merged {
        lanes.entry(&question.registry).or_default().push((question, entry));
    }
    let width = (at_once / lanes.len().max(1)).max(1);
    let mut done = 0;
    let lanes: Vec<_> =
        lanes.into_values().map(|questions| Box::pin(lane(registry, questions, width))).collect();
    stream::iter(lanes)
        .flatten_unordered(at_once.max(1))
        .inspect(move |_| {
            done += 1;
            progress(done, total);
        })
        .collect()
        .await
}

fn lane<'a, R: Registry>(
    registry: &'a R,
    questions: Vec<(&'a TagRef, Merged<'a>)>,
    width: usize,
) -> impl Stream<Item = (TagRef, Result<TagAnswer, ResolveError>)> + Send + 'a {
    stream::iter(questions)
        .map(async move |(question, asked)| (question.clone(), answer(registry, question, &asked).await))
        .buffer_unordered(width)
}

async fn answer<R: Registry>(
    registry: &R,
    question: &TagRef,
    asked: &Merged<'_>,
) -> Result<TagAnswer, ResolveError> {
    let read = asked.wanted.iter().any(|wanted| wanted.needs_body());
    let mut answer = TagAnswer::new(registry.resolve(question, read).await?);
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
