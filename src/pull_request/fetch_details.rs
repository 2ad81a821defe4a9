//! What is known of a proposal's images beyond their digests: asked for where the settings want it and registries have
//! requests to spare. Nothing that a run depends on: what is not known is said.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::body::room_for_details;
use super::lines::telling;
use super::volatile::told_with;
use super::{Details, DetailsOf, ImageChange, Proposal, PullRequestSettings, same_body, tells_all};
use crate::forge::{Capabilities, Draft, PullRequest};
use crate::platform::Platform;
use crate::reference::{Digest, Reference};
use crate::registry::{Description, Outage, Registry, TagRef, describe};

const LONGEST: Duration = Duration::from_secs(60);

const AT_ONCE: usize = 16;

/// What was learnt of digests: what they name never changes, so nobody is asked twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDetails(BTreeMap<String, Description>);

impl KnownDetails {
    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn key(question: &TagRef, digest: &Digest, platforms: &[Platform]) -> String {
        let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
        format!("{}/{}@{digest} {}", question.registry, question.repository, platforms.join(","))
    }
}

/// Marks the images of `proposal` that the settings want details of and that the body has room to tell of, as not known yet,
/// and counts the requests so far. Where there is no room for all, the most telling come first.
pub fn want<R: Registry>(
    registry: &R,
    proposal: &mut Proposal,
    settings: &PullRequestSettings,
    forge: &Capabilities,
) {
    let is_wanted = |image: &ImageChange| {
        image.unconfirmed.is_none()
            && match settings.details {
                DetailsOf::None => false,
                DetailsOf::Moved => image.old.is_some(),
                DetailsOf::All => true,
            }
    };
    let unknown = || Description::missing(Outage::NotAskedYet.into());
    let wanted: Vec<bool> = proposal.images.iter().map(is_wanted).collect();
    let mut left = room_for_details(proposal, settings.template.as_ref(), forge);
    if wanted.iter().filter(|is_wanted| **is_wanted).count() > left {
        let all = std::mem::take(&mut proposal.images);
        let sorted = telling(&all).into_iter().filter(|image| is_wanted(image));
        let first: Vec<ImageChange> = sorted.take(left).cloned().collect();
        proposal.images = all;
        for image in proposal.images.iter_mut().filter(|image| first.contains(image)) {
            if left > 0 {
                left -= 1;
                let old = image.old.as_ref().map(|_| unknown());
                image.details = Some(Details { old, new: unknown() });
            }
        }
    } else {
        for (image, _) in proposal.images.iter_mut().zip(wanted).filter(|(_, is_wanted)| *is_wanted) {
            let old = image.old.as_ref().map(|_| unknown());
            image.details = Some(Details { old, new: unknown() });
        }
    }
    proposal.requests = registry.budgets();
}

/// Asks for the details of the images that [`want`] marked, unless they are `known`, and keeps in `known` what this proposal
/// needs of it. `platforms` are those that the fleet runs: the config that is compared is that of the first that there is.
pub async fn ask<R: Registry>(
    registry: &R,
    proposal: &mut Proposal,
    settings: &PullRequestSettings,
    platforms: &[Platform],
    known: &mut KnownDetails,
) {
    let asking =
        Asking { registry, most: settings.details_requests, deadline: Instant::now() + LONGEST, known };
    let images = std::mem::take(&mut proposal.images);
    let asked: Vec<(ImageChange, KnownDetails)> =
        stream::iter(images).map(|image| asking.asked(image, platforms)).buffered(AT_ONCE).collect().await;
    let mut needed = KnownDetails::default();
    for (image, learnt) in asked {
        proposal.images.push(image);
        needed.0.extend(learnt.0);
    }
    *known = needed;
    proposal.requests = registry.budgets();
}

struct Asking<'a, R> {
    registry: &'a R,
    /// How many requests a registry may get for details.
    most: u64,
    deadline: Instant,
    known: &'a KnownDetails,
}

impl<R: Registry> Asking<'_, R> {
    async fn asked(&self, mut image: ImageChange, platforms: &[Platform]) -> (ImageChange, KnownDetails) {
        let mut learnt = KnownDetails::default();
        let Some(details) = &mut image.details else { return (image, learnt) };
        let Ok(reference) = Reference::parse(&format!("{}:{}", image.name, image.tag)) else {
            return (image, learnt);
        };
        let question = TagRef::new(&reference);
        details.new = self.one(&question, &image.new, platforms, &mut learnt).await;
        if let Some(old) = &image.old {
            // The same platform of both, so that they can be compared.
            let same = details.new.platform.iter().chain(platforms).cloned().collect::<Vec<_>>();
            details.old = Some(self.one(&question, old, &same, &mut learnt).await);
        }
        (image, learnt)
    }

    async fn one(
        &self,
        question: &TagRef,
        digest: &Digest,
        platforms: &[Platform],
        learnt: &mut KnownDetails,
    ) -> Description {
        let key = KnownDetails::key(question, digest, platforms);
        let description = match self.known.0.get(&key) {
            Some(known) => known.clone(),
            None => {
                let work = describe(self.registry, question, digest, platforms, self.most);
                in_time(self.deadline, work).await
            }
        };
        if description.missing.is_none() {
            learnt.0.insert(key, description.clone());
        }
        description
    }
}

async fn in_time(deadline: Instant, work: impl Future<Output = Description>) -> Description {
    let late = |_| Description::missing(Outage::OutOfTime.into());
    timeout_at(deadline, work).await.unwrap_or_else(late)
}

/// Returns whether details would change nothing at the forge, so that nobody need be asked for them: the open pull request
/// tells all that `draft` lacks, or as much as so many requests tell where nothing is `known` from before.
pub fn are_told(
    draft: &Draft,
    current: &PullRequest,
    settings: &PullRequestSettings,
    known: &KnownDetails,
) -> bool {
    let is_enough = || {
        tells_all(&current.body)
            || known.is_empty()
                && told_with(&current.body).is_some_and(|most| most >= settings.details_requests)
    };
    same_body(&draft.body, &current.body) && is_enough()
}
