//! Asking for everything at once: each question one time, and no registry holds up another.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, Stream, StreamExt as _};

use super::{Level, Question, Registry, Resolution, ResolveError};
use crate::platform::Platform;
use crate::reference::Digest;

/// A question as it comes up at one or more sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// The reference as the user spelled it, for messages.
    pub reference: String,
    /// The digests that the sites have now; `None` where a site has none.
    pub present: Vec<Option<Digest>>,
    /// The platforms that an index must have; none if it is all the same.
    pub needed: Vec<Platform>,
}

/// The answer to each question, or why there is none.
pub type Answers = BTreeMap<Question, Result<Resolution, ResolveError>>;

/// Equal questions, merged.
#[derive(Default)]
struct Merged<'a> {
    reference: &'a str,
    present: BTreeSet<Option<&'a Digest>>,
    needed: BTreeSet<&'a Platform>,
}

/// Asks each distinct question once, and confirms each answer that differs from what a site has now (DESIGN.md,
/// invariants 6 and 7). `at_once` bounds the questions under way; every registry has its share of them, so that a slow
/// one delays only its own. How many of its share a registry really gets at once is its own affair. `progress` is called with the number of questions answered and of all.
pub async fn ask<R: Registry>(
    registry: &R,
    asked: &[Asked],
    at_once: usize,
    progress: impl Fn(usize, usize),
) -> Answers {
    let mut merged: BTreeMap<&Question, Merged<'_>> = BTreeMap::new();
    for asked in asked {
        let entry = merged.entry(&asked.question).or_default();
        entry.reference = &asked.reference;
        entry.present.extend(asked.present.iter().map(Option::as_ref));
        entry.needed.extend(&asked.needed);
    }
    let total = merged.len();
    let questions: Vec<&Question> = merged.keys().copied().collect();
    registry.announce(&questions);
    let mut lanes: BTreeMap<&str, Vec<(&Question, Merged<'_>)>> = BTreeMap::new();
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

/// Asks one registry's questions, `width` of them at the same time.
fn lane<'a, R: Registry>(
    registry: &'a R,
    questions: Vec<(&'a Question, Merged<'a>)>,
    width: usize,
) -> impl Stream<Item = (Question, Result<Resolution, ResolveError>)> + Send + 'a {
    stream::iter(questions)
        .map(async move |(question, asked)| (question.clone(), answer(registry, question, &asked).await))
        .buffer_unordered(width)
}

async fn answer<R: Registry>(
    registry: &R,
    question: &Question,
    asked: &Merged<'_>,
) -> Result<Resolution, ResolveError> {
    let mut resolution = registry.resolve(question).await?;
    if asked.present.iter().all(|present| *present == Some(&resolution.digest)) {
        return Ok(resolution);
    }
    // A platform's digest is a manifest: which platforms its index has beside it plays no part.
    let needed = match question.level {
        Level::Index => asked.needed.iter().copied().cloned().collect(),
        Level::Platform(_) => Vec::new(),
    };
    // An index that was read is asked for again only where platforms are needed that it lacks, for the registry's words.
    let has_needed = match &resolution.platforms {
        Some(platforms) => needed.iter().all(|platform| platforms.contains(platform)),
        None => true,
    };
    if !resolution.confirmed || !has_needed {
        registry.confirm(question, &resolution.digest, &needed).await?;
        resolution.confirmed = true;
    }
    tracing::debug!(reference = asked.reference, digest = %resolution.digest, "changes");
    Ok(resolution)
}
