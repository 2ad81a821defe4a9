//! Asks the registry where tags point by now.

use futures_util::stream::{self, StreamExt as _};

use super::compare::{Comparison, LiveImage, LiveStatus};
use crate::reference::Digest;
use crate::registry::{ManifestContent, Registry, TagRef};

/// How many tags are asked for at once.
const AT_ONCE: usize = 32;

/// Notes of each image that does not run as it is declared where its tag points by now, if that is elsewhere: a container that
/// is started anew may run that. What a registry does not say is left open.
pub async fn ask_tags<R: Registry>(registry: &R, compared: &mut Comparison) {
    let images = compared.images.iter().enumerate();
    let questions: Vec<(usize, TagRef)> =
        images.filter_map(|(index, image)| Some((index, question(image)?))).collect();
    registry.announce(&questions.iter().map(|(_, question)| question).collect::<Vec<_>>());
    let answers: Vec<_> = stream::iter(questions)
        .map(async |(index, question)| (index, registry.resolve(&question, true).await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (index, answer) in answers {
        let (Some(image), Ok(now)) = (compared.images.get_mut(index), answer) else { continue };
        let listed = match now.content {
            Some(ManifestContent::Index(entries)) => {
                entries.into_iter().filter_map(|entry| entry.digest).collect()
            }
            _ => Vec::new(),
        };
        let is_elsewhere = !is_known(image, &now.digest) && !listed.iter().any(|it| is_known(image, it));
        image.tag_now = is_elsewhere.then_some(now.digest);
    }
}

/// Returns what is asked for an image: nothing where it runs as it is declared, or does not run.
fn question(image: &LiveImage) -> Option<TagRef> {
    let differs = matches!(image.status, LiveStatus::Drift | LiveStatus::Unchecked | LiveStatus::NotPinned);
    let declared = image.declared.first().filter(|declared| differs && !declared.tag.is_empty())?;
    let (registry, repository) = (declared.name.registry.clone(), declared.name.repository.clone());
    Some(TagRef { registry, repository, tag: declared.tag.clone() })
}

fn is_known(image: &LiveImage, digest: &Digest) -> bool {
    image.declared.iter().any(|declared| declared.digests.contains(digest))
        || image.running.iter().any(|running| running.digest == *digest)
}
