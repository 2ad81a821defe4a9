//! What is known of a proposal's images beyond their digests: asked for where the settings want it and registries have
//! requests to spare. Nothing that a run depends on: what is not known is said.

use std::future::Future;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use super::{DetailsOf, PullRequestSettings};
use crate::forge::{Draft, PullRequest};
use crate::platform::Platform;
use crate::pull_request::{Details, ImageChange, Proposal, same_body, tells_all};
use crate::reference::Reference;
use crate::registry::{Description, Outage, Registry, TagRef, describe};

const LONGEST: Duration = Duration::from_secs(60);

const AT_ONCE: usize = 16;

/// Marks the images of `proposal` that the settings want details of, as not known yet, and counts the requests so far.
pub fn want<R: Registry>(registry: &R, proposal: &mut Proposal, settings: &PullRequestSettings) {
    proposal.requests = registry.budgets();
    for image in &mut proposal.images {
        let wanted = image.unconfirmed.is_none()
            && match settings.details {
                DetailsOf::None => false,
                DetailsOf::Moved => image.old.is_some(),
                DetailsOf::All => true,
            };
        let unknown = || Description::missing(Outage::NotAskedYet.into());
        image.details =
            wanted.then(|| Details { old: image.old.as_ref().map(|_| unknown()), new: unknown() });
    }
}

/// Asks for the details of the images that [`want`] marked. `platforms` are those that the fleet runs: the config that is
/// compared is that of the first that there is.
pub async fn ask<R: Registry>(
    registry: &R,
    proposal: &mut Proposal,
    settings: &PullRequestSettings,
    platforms: &[Platform],
) {
    let deadline = Instant::now() + LONGEST;
    let images = std::mem::take(&mut proposal.images);
    proposal.images = stream::iter(images)
        .map(|image| asked(registry, image, settings.details_requests, platforms, deadline))
        .buffered(AT_ONCE)
        .collect()
        .await;
    proposal.requests = registry.budgets();
}

async fn asked<R: Registry>(
    registry: &R,
    mut image: ImageChange,
    most: u64,
    platforms: &[Platform],
    deadline: Instant,
) -> ImageChange {
    let Some(details) = &mut image.details else { return image };
    let Ok(reference) = Reference::parse(&format!("{}:{}", image.name, image.tag)) else { return image };
    let question = TagRef::new(&reference);
    details.new = in_time(deadline, describe(registry, &question, &image.new, platforms, most)).await;
    if let Some(old) = &image.old {
        // The same platform of both, so that they can be compared.
        let same = details.new.platform.iter().chain(platforms).cloned().collect::<Vec<_>>();
        details.old = Some(in_time(deadline, describe(registry, &question, old, &same, most)).await);
    }
    image
}

async fn in_time(deadline: Instant, work: impl Future<Output = Description>) -> Description {
    let late = |_| Description::missing(Outage::OutOfTime.into());
    timeout_at(deadline, work).await.unwrap_or_else(late)
}

/// Returns whether details would change nothing at the forge, so that nobody need be asked for them: the open pull request
/// tells all that `draft` lacks.
pub fn are_told(draft: &Draft, current: &PullRequest) -> bool {
    same_body(&draft.body, &current.body) && tells_all(&current.body)
}
